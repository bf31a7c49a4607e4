"""Trains a GAN on paintings, and mostly photos: `python -m monet.train --help`."""

from __future__ import annotations

import argparse
import datetime
import itertools
import shlex
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monet._command_line import CommandError, checked, quiet_tensorflow, run
from monet._command_line.train_options import NEWEST, RUNS, parse_arguments
from monet._progress import columns, duration
from monet.recipes import (
    DEFAULT_RECIPE,
    SAMPLE_RECIPE,
    get_discriminator,
    get_generator,
    get_recipe,
)

if TYPE_CHECKING:
    from monet.data import Domains
    from monet.recipes import Recipe
    from monet.runs.interruption import Interruption
    from monet.runs.run_folder import RunFolder
    from monet.runs.session import Session
    from monet.runs.settings import DataLocation, Settings

_OVERRIDES = (
    "epochs",
    "steps_per_epoch",
    "batch_size",
    "image_size",
    "generator_learning_rate",
    "discriminator_learning_rate",
    "adversarial_loss",
    "lambda_cycle",
    "lambda_identity",
)
_NOT_FROM_NOISE = (
    "generator",
    "discriminator",
    "adversarial_loss",
    "lambda_cycle",
    "lambda_identity",
)
_FIXED_BY_THE_RUN = ("recipe", "seed", "mixed_precision", "gpus")
_CHECKPOINT_MINUTES = 10.0


def _overrides(args: argparse.Namespace, recipe: Recipe) -> dict[str, Any]:
    """The fields of `recipe` that the command line gives."""
    given = {name: getattr(args, name) for name in _OVERRIDES}
    given["generator"] = args.generator and get_generator(args.generator)
    given["discriminator"] = args.discriminator and get_discriminator(args.discriminator)
    given = {name: value for name, value in given.items() if value is not None}
    strange = [f"--{name.replace('_', '-')}" for name in given if name in _NOT_FROM_NOISE]
    if strange and recipe.from_noise:
        raise CommandError(
            f"{', '.join(strange)}: not for the recipe '{recipe.name}', which paints from noise; "
            f"leave it out, or take another --recipe."
        )
    return given


def train(args: argparse.Namespace) -> int:
    """Starts or resumes the run that the arguments describe; returns the exit code."""
    if args.recipe is not None:
        checked(get_recipe, args.recipe)
    quiet_tensorflow()
    from monet.data import DataError
    from monet.ops.native import dispatch
    from monet.runs.interruption import Interrupted, Interruption
    from monet.runs.run_folder import RunError

    checked(dispatch.check_mode)
    warnings.showwarning = _show_warning
    try:
        with Interruption() as interruption:
            session = (_start if args.resume is None else _resume)(args, interruption)
            if session.is_finished:
                print(f"{session.run.path} is finished; --epochs N with a larger N extends it.")
            else:
                interruption.begin_training()
                _fit(session)
            _report(session)
            return 0
    except (DataError, RunError) as error:
        raise CommandError(str(error)) from error
    except Interrupted as stop:
        if not interruption.is_training:
            print("Interrupted before training began; nothing was saved.", file=sys.stderr)
        return 128 + stop.signum


def _start(args: argparse.Namespace, interruption: Interruption) -> Session:
    from monet import precision
    from monet.runs.run_folder import RunFolder, check_vacant
    from monet.runs.session import Session
    from monet.runs.settings import Settings
    from monet.training.systems import system_of

    location = _location(args)
    recipe = get_recipe(args.recipe or (DEFAULT_RECIPE if location else SAMPLE_RECIPE))
    recipe = checked(recipe.replace, **_overrides(args, recipe))
    _check_tensorboard(args.tensorboard)
    if args.out is not None:
        check_vacant(args.out)

    domains = location.open(photos=not recipe.from_noise)
    paintings, photos = len(domains.paintings), len(domains.photos)
    replicas = _replicas(args)
    steps = checked(recipe.count_steps, paintings, photos, replicas=replicas)
    chosen = precision.resolve(args.mixed_precision or "auto")
    settings = Settings(
        recipe=recipe.replace(steps_per_epoch=steps),
        location=location,
        paintings=paintings,
        photos=photos,
        seed=args.seed or 0,
        policy=chosen.policy,
        sample_every=args.sample_every or recipe.sample_every,
        checkpoint_minutes=args.checkpoint_minutes or _CHECKPOINT_MINUTES,
        tensorboard=bool(args.tensorboard),
        replicas=replicas,
    )
    interruption.check()
    layout = system_of(recipe).sheet(settings, domains).layout
    out = args.out or _new_run_path(recipe.name)
    run = RunFolder.create(out, settings.to_config(domains, layout))
    _introduce(run, settings, domains, f"{chosen.policy} ({chosen.reason})")
    return Session(run, settings, domains, interruption)


def _resume(args: argparse.Namespace, interruption: Interruption) -> Session:
    from monet.runs.run_folder import RunFolder, newest_run
    from monet.runs.session import Session
    from monet.runs.settings import Settings

    run = RunFolder.open(newest_run(RUNS) if args.resume == NEWEST else args.resume)
    config = run.read_config()
    recorded = Settings.from_config(config)
    overrides = _overrides(args, recorded.recipe)
    settings = recorded.resumed(
        epochs=args.epochs,
        location=_location(args),
        sample_every=args.sample_every,
        checkpoint_minutes=args.checkpoint_minutes,
        tensorboard=args.tensorboard,
        fixed={name: getattr(args, name) for name in _FIXED_BY_THE_RUN}
        | {name: value for name, value in overrides.items() if name != "epochs"},
    )
    _check_tensorboard(settings.tensorboard)
    domains = settings.location.open(photos=not settings.recipe.from_noise)
    settings.check_data(domains)
    interruption.check()
    session = Session(run, settings, domains, interruption)
    session.restore()
    if settings.recipe.epochs < session.epochs_done:
        raise CommandError(
            f"{run.path} has {session.epochs_done} epochs behind it; --epochs "
            f"{settings.recipe.epochs} can't take any back."
        )
    if settings != recorded:
        run.write_config({**config, **settings.to_record()})
    _introduce(run, settings, domains, settings.policy)
    _tell_place(session, recorded)
    return session


def _replicas(args: argparse.Namespace) -> int:
    """How many GPUs are to train."""
    from monet.training.replicas import count_devices

    devices = count_devices()
    if args.gpus is not None and args.gpus > devices:
        raise CommandError(f"--gpus {args.gpus}, but TensorFlow can train on {devices} here.")
    return args.gpus or devices


def _check_tensorboard(is_wanted: bool | None) -> None:
    from monet.runs import tensorboard

    if is_wanted and not tensorboard.is_available():
        raise CommandError(
            f"--tensorboard needs the package tensorboard, which is not installed; run: "
            f"{tensorboard.REMEDY}, or give --no-tensorboard."
        )


def _location(args: argparse.Namespace) -> DataLocation:
    from monet.runs.settings import DataLocation

    return DataLocation(data=args.data, painting_dir=args.painting_dir, photo_dir=args.photo_dir)


def _introduce(run: RunFolder, settings: Settings, domains: Domains, precision: str) -> None:
    from monet import ops
    from monet.runs.settings import device_names

    recipe, status = settings.recipe, ops.status()
    on_each = f" on each of {settings.replicas} devices" if settings.replicas > 1 else ""
    if not settings.location:
        print("No --data given: training on the embedded sample set.")
    print(f"Data      {domains.description}")
    print(
        f"Recipe    {recipe.name}: {recipe.image_size} px, batch {recipe.batch_size}{on_each}, "
        f"{recipe.epochs} epochs of {recipe.steps_per_epoch:,} steps, seed {settings.seed}"
    )
    print(f"Device    {', '.join(device_names())}; {precision}")
    print(
        f"Ops       {f'native, {status.instruction_set}' if status.native else 'plain TensorFlow'}"
    )
    print(f"Run       {run.path}", flush=True)


def _tell_place(session: Session, recorded: Settings) -> None:
    recipe, step = session.settings.recipe, session.state.step
    into = step % recipe.steps_per_epoch
    print(
        f"Resuming  after {session.epochs_done} of {recipe.epochs} epochs"
        + (f" and {into} of {recipe.steps_per_epoch} steps" if into else "")
    )
    if (
        recipe.epochs != recorded.recipe.epochs
        and recipe.decay_fraction
        and not session.is_finished
    ):
        rate = float(session.model.generator_optimizer.learning_rate)
        print(
            f"Schedule  stretched from {recorded.recipe.epochs} to {recipe.epochs} epochs; the "
            f"learning rate goes on at {rate:.3g}"
        )


def _fit(session: Session) -> None:
    import tensorflow as tf

    from monet.data import DataError
    from monet.runs.interruption import Interrupted
    from monet.runs.run_folder import RunError

    started = time.monotonic()
    try:
        session.train()
    except Interrupted:
        print(f"\nSaved at step {session.state.step:,}. Go on with:\n  {_resume_command(session)}")
        raise
    except (DataError, RunError):
        raise
    except tf.errors.ResourceExhaustedError as error:
        raise CommandError(f"{_resource(error)} {_after_a_crash(session)}") from error
    except OSError as error:
        raise CommandError(f"can't write the run: {error}. {_after_a_crash(session)}") from error
    except Exception:
        print(f"\nThe training crashed. {_after_a_crash(session)}", file=sys.stderr)
        raise
    print(f"\nTrained in {duration(time.monotonic() - started)}.")


def _resource(error: Exception) -> str:
    if "No space left" in str(error):
        return "the disk is full."
    return "out of memory; lower --batch-size or --image-size in a new run, or free some."


def _after_a_crash(session: Session) -> str:
    if session.state.has_checkpoint:
        return f"The last checkpoint is kept; go on from it with: {_resume_command(session)}"
    return f"There is no checkpoint yet; start from the beginning with: {_resume_command(session)}"


def _resume_command(session: Session) -> str:
    return f"python -m monet.train --resume {shlex.quote(str(session.run.path))}"


def _report(session: Session) -> None:
    """Says where the pictures are, and how to paint more."""
    run = session.run
    samples = run.samples()
    print(f"Gallery    {run.gallery_path}")
    if samples:
        print(f"Samples    {samples[-1][1]}")
    print(f"Generator  {run.generator_path}")
    from_noise = session.settings.recipe.from_noise
    print("Paint pictures with it:" if from_noise else "Paint photos of any size with it:")
    print(
        f"  python -m monet.generate --run {shlex.quote(str(run.path))} "
        f"{'--count 16' if from_noise else '--input YOUR_PHOTOS'} --output images.zip"
    )


def _new_run_path(recipe_name: str) -> Path:
    """Makes a folder that no other run has, even one started in the same second."""
    first = RUNS / f"{recipe_name}-{datetime.datetime.now():%Y%m%d-%H%M%S}"
    path = first
    for number in itertools.count(2):
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:
            path = first.with_name(f"{first.name}-{number}")
        except OSError as error:
            raise CommandError(f"can't create the run folder {path}: {error.strerror}.") from error
    raise AssertionError("the numbers never end")


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    print(f"warning: {message}", file=sys.stderr)


def _list_recipes() -> int:
    quiet_tensorflow()
    from monet.training.recipe_table import recipe_table

    print(recipe_table(columns()))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    if args.list_recipes:
        return run(_list_recipes)
    return run(lambda: train(args))


if __name__ == "__main__":
    sys.exit(main())
