"""Runs from their start, or from where they stopped, to their end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from monet import precision
from monet._progress import duration
from monet.data import DataError, Domains
from monet.runs import console
from monet.runs.interruption import Interrupted, Interruption
from monet.runs.judging import plan_judging, training_domains
from monet.runs.run import Run
from monet.runs.run_folder import RunError, RunFolder, check_vacant, new_run_path, newest_run
from monet.runs.settings import KEPT_GENERATORS, SAMPLE_MINUTES, DataLocation, Settings
from monet.systems import (
    DEFAULT_MINUTES,
    DEFAULT_RECIPE,
    GPU_RECIPE,
    SAMPLE_RECIPE,
    Recipe,
    get_recipe,
    system_of,
)

if TYPE_CHECKING:
    from monet.runs.session import Session

Path = str | os.PathLike[str]

_CHECKPOINT_MINUTES = 10.0
_LENGTHS = ("epochs", "steps_per_epoch")  # recipe fields that say how long to train


def start(
    recipe: str | Recipe | None = None,
    *,
    data: Path | None = None,
    painting_dir: Path | None = None,
    photo_dir: Path | None = None,
    out: Path | None = None,
    seed: int = 0,
    mixed_precision: str = "auto",
    gpus: int | None = None,
    sample_every: int | None = None,
    sample_minutes: float | None = None,
    keep_generators: int | None = None,
    evaluate_every: float | None = None,
    extractor: Path | None = None,
    checkpoint_minutes: float | None = None,
    tensorboard: bool = False,
    minutes: float | None = None,
    started: float | None = None,
    verbose: bool = True,
    **fields: Any,
) -> Run:
    """Trains a recipe to its end, in a folder of its own.

    With the same data, seed and versions two runs give the same bits, unless they are for a number
    of minutes: how many steps fit into these depends on the machine, and learning rates follow the
    clock.

    ```python
    run = runs.start("monet", data="gan-getting-started", minutes=120)
    run = runs.start("cyclegan", data="gan-getting-started", out="runs/monet", epochs=20)
    run = runs.start(my_recipe, painting_dir="monets", photo_dir="photos", verbose=False)
    ```

    Args:
        recipe: a recipe, or the name of one; by default "monet", or "monet-gpu" where there is a
            GPU, and "sample" without data.
        data: dataset folder: the competition's, or one with `trainA` (paintings) and `trainB`
            (photos). Without data the embedded sample set is taken.
        painting_dir: instead of `data`: a folder of paintings.
        photo_dir: instead of `data`: a folder of photos.
        out: a new or empty folder; by default `runs/RECIPE-TIME`.
        seed: of weights, shuffling and augmentation, from 0 to 2³¹ - 1.
        mixed_precision: "auto", "off", "float16" or "bfloat16"; see `monet.precision.resolve`.
        gpus: GPUs that train in step, each on batches of its own; by default all there are.
        sample_every: epochs between sample sheets; by default the recipe's.
        sample_minutes: inside long epochs, minutes between sample sheets and rows of the history;
            by default 2, and the first after a minute.
        keep_generators: how many generators of earlier epochs are kept at most, evenly spaced over
            the run, for `monet.evaluate --every-checkpoint`; by default 10.
        evaluate_every: epochs (0.5, say, for inside an epoch too) between evaluations of the
            generator on photos that are kept out of the training; none without.
        extractor: what these are done with: a `.keras` file or the Inception graph of 2015. See
            docs/training.md.
        checkpoint_minutes: inside long epochs, minutes between checkpoints; by default 10.
        tensorboard: whether to record for TensorBoard too.
        minutes: for how long to train, all included, in place of a number of epochs; by default
            120 with data, where neither a recipe nor `epochs` nor `steps_per_epoch` is given.
        started: `time.monotonic()` from which on the minutes count; by default now.
        verbose: whether to print what is trained and how it gets on.
        **fields: fields of the recipe to change, such as `epochs=20`, `image_size=128` or
            `generator="unet"`.

    Returns:
        The finished run.

    Raises:
        RunError: an argument can't be, the folder is taken, or the training failed.
        DataError: there are no such pictures.
        Interrupted: Ctrl-C or SIGTERM came; what was trained is saved, for `resume`.
    """
    started = time.monotonic() if started is None else started
    with Interruption() as interruption:
        location = DataLocation(data=data, painting_dir=painting_dir, photo_dir=photo_dir)
        named = recipe or (_default_recipe() if location else SAMPLE_RECIPE)
        has_length = any(fields.get(field) is not None for field in _LENGTHS)
        if minutes is not None and has_length:
            raise RunError(
                f"minutes={minutes:g} says how long to train, and so does "
                f"{' or '.join(field for field in _LENGTHS if fields.get(field) is not None)}; "
                f"leave one out."
            )
        if minutes is None and recipe is None and location and not has_length:
            minutes = DEFAULT_MINUTES
        base: Recipe = named if isinstance(named, Recipe) else _checked(get_recipe, named)
        system = system_of(base)
        chosen: Recipe = _checked(system.override, base, fields)
        _check_ops()
        _check_tensorboard(tensorboard)
        if out is not None:
            check_vacant(out)

        domains = location.open(photos=system.takes_photos)
        judging = None
        if evaluate_every is not None:
            judging = _checked(
                plan_judging,
                domains,
                every=evaluate_every,
                extractor=extractor,
                image_size=chosen.image_size,
                seed=seed,
            )
        elif extractor is not None:
            raise RunError("--extractor is for --evaluate-every; give both, or neither.")
        trained_on = training_domains(domains, judging)
        replicas = _replicas(gpus)
        steps = _checked(
            chosen.count_steps, len(trained_on.paintings), len(trained_on.photos), replicas=replicas
        )
        policy, reason = _checked(precision.resolve, mixed_precision)
        settings = _checked(
            Settings,
            recipe=chosen.replace(steps_per_epoch=steps),
            location=location,
            paintings=len(domains.paintings),
            photos=len(domains.photos),
            seed=seed,
            policy=policy,
            sample_every=_given(sample_every, chosen.sample_every),
            checkpoint_minutes=_given(checkpoint_minutes, _CHECKPOINT_MINUTES),
            tensorboard=tensorboard,
            sample_minutes=_given(sample_minutes, SAMPLE_MINUTES),
            keep_generators=_given(keep_generators, KEPT_GENERATORS),
            judging=judging,
            replicas=replicas,
            minutes=minutes,
        )
        interruption.check()
        layout = system.sheet(settings.recipe, trained_on, seed=seed).layout
        folder = RunFolder.create(
            out or new_run_path(chosen.name), settings.to_config(domains, layout)
        )
        if verbose:
            console.introduce(folder, settings, domains, f"{policy} ({reason})")
        return _finish(_session(folder, settings, domains, interruption, verbose, started))


def resume(
    path: Path | None = None,
    *,
    epochs: int | None = None,
    minutes: float | None = None,
    data: Path | None = None,
    painting_dir: Path | None = None,
    photo_dir: Path | None = None,
    sample_every: int | None = None,
    sample_minutes: float | None = None,
    keep_generators: int | None = None,
    evaluate_every: float | None = None,
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
        data: where the same pictures are now, if they have moved; so `painting_dir`, `photo_dir`.
        painting_dir: see `data`.
        photo_dir: see `data`.
        sample_every: as for `start`, if it is to change; so the next five.
        sample_minutes: see `sample_every`.
        keep_generators: see `sample_every`.
        evaluate_every: see `sample_every`; only of a run that was started with it.
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
    with Interruption() as interruption:
        folder = RunFolder.open(newest_run() if path is None else path)
        config = folder.read_config()
        recorded = Settings.from_config(config)
        settings = _checked(
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
        _check_ops()
        _check_tensorboard(settings.tensorboard)
        domains = settings.location.open(photos=system_of(settings.recipe).takes_photos)
        settings.check_data(domains)
        interruption.check()
        session = _session(folder, settings, domains, interruption, verbose, started)
        session.restore()
        _check_length(session)
        if settings != recorded:
            folder.write_config({**config, **settings.to_record()})
        if verbose:
            console.introduce(folder, settings, domains, settings.policy)
            console.tell_place(session, recorded)
        return _finish(session)


def _session(
    folder: RunFolder,
    settings: Settings,
    domains: Domains,
    interruption: Interruption,
    verbose: bool,
    started: float,
) -> Session:
    from monet.runs.session import Session

    return Session(folder, settings, domains, interruption, verbose=verbose, started=started)


def _check_length(session: Session) -> None:
    """Raises `RunError` if a run is to be shorter than it is already."""
    settings, path = session.settings, session.run.path
    if settings.minutes is not None:
        used = session.state.seconds_used / 60
        if settings.minutes < used:
            raise RunError(
                f"{path} has {used:.1f} minutes behind it; --minutes {settings.minutes:g} can't "
                f"take any back."
            )
    elif settings.recipe.epochs < session.epochs_done:
        raise RunError(
            f"{path} has {session.epochs_done} epochs behind it; --epochs "
            f"{settings.recipe.epochs} can't take any back."
        )


def _finish(session: Session) -> Run:
    """Trains what is left to train."""
    if not session.is_finished:
        session.interruption.begin_training()
        _train(session)
    elif session.verbose:
        option = "--epochs" if session.budget is None else "--minutes"
        print(f"{session.run.path} is finished; {option} N with a larger N extends it.")
    if session.verbose:
        console.report(session.run, session.settings.recipe)
    return Run(session.run)


def _train(session: Session) -> None:
    import tensorflow as tf

    started = time.monotonic()
    try:
        session.train()
    except Interrupted:
        if session.verbose:
            console.tell_interruption(session)
        raise
    except (DataError, RunError):
        raise
    except tf.errors.ResourceExhaustedError as error:
        raise RunError(f"{_resource(error)} {console.after_a_crash(session)}") from error
    except OSError as error:
        raise RunError(f"can't write the run: {error}. {console.after_a_crash(session)}") from error
    except Exception:
        if session.verbose:
            console.tell_crash(session)
        raise
    if session.verbose:
        print(f"\nTrained in {duration(time.monotonic() - started)}.")


def _resource(error: Exception) -> str:
    if "No space left" in str(error):
        return "the disk is full."
    return "out of memory; lower --batch-size or --image-size in a new run, or free some."


def _default_recipe() -> str:
    import tensorflow as tf

    return GPU_RECIPE if tf.config.list_physical_devices("GPU") else DEFAULT_RECIPE


def _replicas(gpus: int | None) -> int:
    """How many GPUs are to train."""
    from monet.training.replicas import count_devices

    devices = count_devices()
    if gpus is not None and not 1 <= gpus <= devices:
        raise RunError(f"--gpus {gpus}, but TensorFlow can train on {devices} here.")
    return gpus or devices


def _check_ops() -> None:
    from monet.ops.native import dispatch

    _checked(dispatch.check_mode)


def _check_tensorboard(is_wanted: bool) -> None:
    from monet.runs.callbacks import tensorboard

    if is_wanted and not tensorboard.is_available():
        raise RunError(
            f"--tensorboard needs the package tensorboard, which is not installed; run: "
            f"{tensorboard.REMEDY}, or give --no-tensorboard."
        )


def _given(value: Any, default: Any) -> Any:
    return default if value is None else value  # 0 is given, and refused


def _checked(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Calls `function`; what it says of its arguments or the environment becomes a `RunError`."""
    try:
        return function(*args, **options)
    except (DataError, RunError):
        raise
    except (ValueError, RuntimeError) as error:
        raise RunError(str(error)) from error
