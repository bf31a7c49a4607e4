"""Starting a run, from its arguments to its end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from monet import precision
from monet._files import StrPath
from monet.data import Domains
from monet.data.folders import check_outside
from monet.runs import console
from monet.runs.checks import check_environment, check_memory, check_tensorboard, checked
from monet.runs.data_location import DataLocation
from monet.runs.distribution import AUTO, MULTIWORKER, NONE, check_choice, find_devices
from monet.runs.finishing import finish
from monet.runs.interruption import Interruption
from monet.runs.judging import Judging, plan_judging, training_domains
from monet.runs.run import Run
from monet.runs.run_folder import RUNS, RunError, RunFolder, check_vacant, new_run_path
from monet.runs.settings import KEPT_GENERATORS, SAMPLE_MINUTES, Settings
from monet.runs.workplace import workplace
from monet.systems import (
    DEFAULT_MINUTES,
    DEFAULT_RECIPE,
    GPU_RECIPE,
    SAMPLE_RECIPE,
    Recipe,
    change,
    get_recipe,
    system_of,
)
from monet.systems.documents import document_of

_CHECKPOINT_MINUTES = 10.0
_LENGTHS = ("epochs", "steps_per_epoch")  # recipe fields that say how long to train


def start(
    recipe: str | Recipe | None = None,
    *,
    data: StrPath | None = None,
    painting_dir: StrPath | None = None,
    photo_dir: StrPath | None = None,
    out: StrPath | None = None,
    seed: int = 0,
    mixed_precision: str = "auto",
    distribute: str = AUTO,
    gpus: int | None = None,
    sample_every: int | None = None,
    sample_minutes: float | None = None,
    keep_generators: int | None = None,
    evaluate_every: float | None = None,
    extractor: StrPath | None = None,
    checkpoint_minutes: float | None = None,
    tensorboard: bool = False,
    minutes: float | None = None,
    faithful: bool = False,
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
        distribute: which devices train in step, each on batches of its own. "auto": a TPU if there
            is one, else all GPUs of this machine, else its CPU. "none": one device. "mirrored": all
            of this machine. "multiworker": those of several machines, where each calls this with
            the same arguments, `out` among them, and a `TF_CONFIG` of its own. "tpu": a TPU.
        gpus: how many GPUs of this machine; by default all.
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
        faithful: whether to do as the notebook behind the recipe does where recipes do better:
            train on TFRecords where there are some, in its order of pictures, on one device and
            without mixed precision. See `monet.systems.documents`.
        started: `time.monotonic()` from which on the minutes count; by default now.
        verbose: whether to print what is trained and how it gets on.
        **fields: fields of the recipe to change, such as `epochs=20`, `image_size=128`,
            `generator="unet"` or `**{"generator.filters": 32}`.

    Returns:
        The finished run.

    Raises:
        RunError: an argument can't be, the folder is taken, or the training failed.
        DataError: there are no such pictures.
        Interrupted: Ctrl-C or SIGTERM came; what was trained is saved, for `resume`.
    """
    started = time.monotonic() if started is None else started
    with Interruption() as interruption:
        location = DataLocation(
            data=data, painting_dir=painting_dir, photo_dir=photo_dir, tfrecords=faithful
        )
        minutes = _minutes_to_train(minutes, fields, recipe, location)
        base = _find_recipe(recipe, location)
        if faithful:
            fields = {**checked(document_of, base).fields, **fields}
            if minutes is not None:
                raise RunError(
                    "`faithful` trains for the epochs of the notebook, and `minutes` for a time; "
                    "leave one out."
                )
            mixed_precision = "off" if mixed_precision == "auto" else mixed_precision
            distribute = NONE if distribute == AUTO and gpus is None else distribute
        chosen: Recipe = checked(change, base, fields)
        system = system_of(chosen)
        check_environment()
        check_tensorboard(tensorboard, out or RUNS)
        check_choice(distribute, gpus=gpus, minutes=minutes)
        _check_out(out, distribute)
        if verbose:
            console.tell_waiting(distribute)
        devices = find_devices(distribute, gpus=gpus)
        check_memory(chosen, devices.replicas)

        domains = location.open(photos=system.takes_photos)
        check_outside(out or RUNS, domains.folders, "the run's own pictures")
        judging = _plan_judging(
            chosen, domains, every=evaluate_every, extractor=extractor, seed=seed
        )
        trained_on = training_domains(domains, judging)
        steps = checked(
            chosen.count_steps,
            len(trained_on.paintings),
            len(trained_on.photos),
            replicas=devices.replicas,
        )
        policy, reason = checked(precision.resolve, mixed_precision)
        settings = checked(
            Settings,
            recipe=chosen.replace(steps_per_epoch=steps),
            location=location,
            paintings=len(domains.paintings),
            photos=len(domains.photos),
            pictures=domains.fingerprint(),
            seed=seed,
            policy=policy,
            sample_every=_given(sample_every, chosen.sample_every),
            checkpoint_minutes=_given(checkpoint_minutes, _CHECKPOINT_MINUTES),
            tensorboard=tensorboard,
            sample_minutes=_given(sample_minutes, SAMPLE_MINUTES),
            keep_generators=_given(keep_generators, KEPT_GENERATORS),
            judging=judging,
            distribute=devices.kind,
            replicas=devices.replicas,
            minutes=minutes,
        )
        interruption.check()
        layout = system.sheet(settings.recipe, trained_on, seed=seed).layout
        path = out or new_run_path(chosen.name)
        with (
            workplace(path, devices) as place,
            contextlib.closing(
                RunFolder.create(place, settings.to_config(domains, layout))
            ) as folder,
        ):
            verbose = verbose and console.speaks(devices)
            if verbose:
                console.introduce(folder, settings, domains, f"{policy} ({reason})")
                console.tell_rates(settings)
            from monet.runs.session import Session

            finish(
                Session(folder, settings, domains, interruption, verbose=verbose, started=started)
            )
        return Run(RunFolder(path))


def _minutes_to_train(
    minutes: float | None,
    fields: Mapping[str, Any],
    recipe: str | Recipe | None,
    location: DataLocation,
) -> float | None:
    """For how many minutes; None for the epochs of the recipe and `fields`.

    Raises:
        RunError: both say how long.
    """
    lengths = [field for field in _LENGTHS if fields.get(field) is not None]
    if minutes is not None and lengths:
        raise RunError(
            f"`minutes={minutes:g}` says how long to train, and so does "
            f"{' or '.join(f'`{field}`' for field in lengths)}; leave one out."
        )
    if minutes is None and recipe is None and location and not lengths:
        return DEFAULT_MINUTES
    return minutes


def _find_recipe(recipe: str | Recipe | None, location: DataLocation) -> Recipe:
    """The recipe that is named, or the default with such data."""
    named = recipe or (_default_recipe() if location else SAMPLE_RECIPE)
    return named if isinstance(named, Recipe) else checked(get_recipe, named)


def _default_recipe() -> str:
    import tensorflow as tf

    return GPU_RECIPE if tf.config.list_physical_devices("GPU") else DEFAULT_RECIPE


def _check_out(out: StrPath | None, distribute: str) -> None:
    """Raises `RunError` if the folder is taken, or workers have none in common."""
    if distribute == MULTIWORKER and out is None:
        raise RunError("workers make one run in one folder; give `out`, the same to all.")
    if out is not None and distribute != MULTIWORKER:  # there the chief may be there already
        check_vacant(out)


def _plan_judging(
    recipe: Recipe,
    domains: Domains,
    *,
    every: float | None,
    extractor: StrPath | None,
    seed: int,
) -> Judging | None:
    """How the generators are judged while it trains, if they are to be."""
    if every is None:
        if extractor is not None:
            raise RunError("`extractor` is for `evaluate_every`; give both, or neither.")
        return None
    return checked(
        plan_judging,
        domains,
        system_of(recipe),
        every=every,
        extractor=extractor,
        image_size=recipe.image_size,
        seed=seed,
    )


def _given(value: Any, default: Any) -> Any:
    return default if value is None else value  # 0 is given, and refused
