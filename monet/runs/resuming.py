"""Going on with a run."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from typing import TYPE_CHECKING, Any

from monet._files import StrPath
from monet.runs import console
from monet.runs.checks import check_environment, check_tensorboard, checked
from monet.runs.data_location import DataLocation
from monet.runs.distribution import check_choice, find_devices
from monet.runs.finishing import finish
from monet.runs.interruption import Interruption
from monet.runs.run import Run
from monet.runs.run_folder import RunError, RunFolder, newest_run
from monet.runs.settings import Settings
from monet.runs.workplace import workplace
from monet.systems import system_of

if TYPE_CHECKING:
    from monet.runs.session import Session


def resume(
    path: StrPath | None = None,
    *,
    epochs: int | None = None,
    minutes: float | None = None,
    data: StrPath | None = None,
    painting_dir: StrPath | None = None,
    photo_dir: StrPath | None = None,
    sample_every: int | None = None,
    sample_minutes: float | None = None,
    keep_generators: int | None = None,
    evaluate_every: float | None = None,
    distribute: str | None = None,
    checkpoint_minutes: float | None = None,
    tensorboard: bool | None = None,
    started: float | None = None,
    verbose: bool = True,
    **unchanged: Any,
) -> Run:
    """Goes on with a run, bit for bit as if it had never stopped, to its end.

    A run for a number of minutes goes on for what is left of them. Its pictures follow in the same
    order, but the number of steps and the learning rates depend on the clock.

    ```python
    run = runs.resume("runs/monet", epochs=40)
    ```

    Args:
        path: the run's folder; by default the newest in `runs`.
        epochs: of the whole run, if it is to be longer; its learning rate schedule is stretched.
        minutes: the same for a run that was started for a number of minutes: of the whole run.
            Starting again takes some of those that are added.
        data: where the same pictures are now, if they have moved; so `painting_dir`, `photo_dir`.
        painting_dir: see `data`.
        photo_dir: see `data`.
        sample_every: as for `start`, if it is to change; so the next five.
        sample_minutes: see `sample_every`.
        keep_generators: see `sample_every`.
        evaluate_every: see `sample_every`; only of a run that was started with it.
        distribute: as for `start`, if other devices are to go on; batches stay as they are, so
            their number has to divide that of the devices that the run was started with.
        checkpoint_minutes: see `sample_every`.
        tensorboard: see `sample_every`.
        started: as for `start`.
        verbose: whether to print where it goes on and how it gets on.
        **unchanged: further arguments of `start`, to be refused if the run was started with others;
            None for not given.

    Returns:
        The finished run.

    Raises:
        RunError: `path` is not a run, its files can't be read, it was started with other settings,
            or the training failed.
        DataError: its pictures are gone.
        Interrupted: as for `start`.
    """
    started = time.monotonic() if started is None else started
    path = newest_run() if path is None else path
    with Interruption() as interruption:
        config = RunFolder.find(path).read_config()
        recorded = Settings.from_config(config)
        settings = checked(
            recorded.resumed,
            epochs=epochs,
            minutes=minutes,
            location=DataLocation(data=data, painting_dir=painting_dir, photo_dir=photo_dir),
            sample_every=sample_every,
            sample_minutes=sample_minutes,
            keep_generators=keep_generators,
            evaluate_every=evaluate_every,
            checkpoint_minutes=checkpoint_minutes,
            tensorboard=tensorboard,
            fixed=unchanged,
        )
        check_environment()
        check_tensorboard(settings.tensorboard, path)
        choice = distribute or recorded.distribute
        check_choice(choice, minutes=settings.minutes)
        if verbose:
            console.tell_waiting(choice)
        devices = find_devices(choice, replicas=recorded.replicas)
        settings = dataclasses.replace(settings, distribute=devices.kind)
        with (
            workplace(path, devices) as place,
            contextlib.closing(RunFolder.open(place)) as folder,
        ):
            domains = settings.location.open(photos=system_of(settings.recipe).takes_photos)
            settings.check_data(domains)
            interruption.check()
            verbose = verbose and console.speaks(devices)
            from monet.runs.session import Session

            session = Session(
                folder, settings, domains, interruption, verbose=verbose, started=started
            )
            session.restore()
            _check_length(session)
            if settings.minutes != recorded.minutes:
                session.stretch()
                settings = session.settings
            if settings != recorded:
                folder.write_config({**config, **settings.to_record()})
            if verbose:
                console.introduce(folder, settings, domains, settings.policy)
                console.tell_rates(settings, recorded)
                console.tell_place(session, recorded)
            finish(session)
        return Run(RunFolder(path))


def _check_length(session: Session) -> None:
    """Raises `RunError` if a run is to be shorter than it is already."""
    settings, path = session.settings, session.run.path
    if settings.minutes is not None:
        used = session.state.seconds_used / 60
        if settings.minutes < used:
            raise RunError(
                f"{path} has {used:.1f} minutes behind it; `minutes={settings.minutes:g}` "
                f"can't take any back."
            )
    elif settings.recipe.epochs < session.epochs_done:
        raise RunError(
            f"{path} has {session.epochs_done} epochs behind it; "
            f"`epochs={settings.recipe.epochs}` can't take any back."
        )
