"""Trains a GAN on paintings, and mostly photos: `python -m monet.train --help`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from monet import runs
from monet._command_line import CommandError, checked, leave, run
from monet._command_line.quiet import quiet_tensorflow
from monet._command_line.train_options import NEWEST, given_fields, parse_arguments
from monet._progress import columns
from monet.data import DataError
from monet.systems import DEFAULT_RECIPE, SAMPLE_RECIPE, get_recipe


def train(args: argparse.Namespace) -> int:
    """Starts or resumes the run that the arguments describe; returns the exit code."""
    try:
        if args.resume is None:
            _start(args)
        else:
            _resume(args)
    except (DataError, runs.RunError) as error:
        raise CommandError(str(error)) from error
    except runs.Interrupted as stop:
        if not stop.is_saved:
            print("Interrupted before training began; nothing was saved.", file=sys.stderr)
        return 128 + stop.signum
    return 0


def _start(args: argparse.Namespace) -> None:
    started = time.monotonic()  # importing TensorFlow takes some seconds of the minutes too
    has_data = args.data or args.painting_dir or args.photo_dir
    recipe = checked(get_recipe, args.recipe or (DEFAULT_RECIPE if has_data else SAMPLE_RECIPE))
    fields = given_fields(args, recipe)
    quiet_tensorflow()
    runs.start(
        recipe if args.recipe else None,
        data=args.data,
        painting_dir=args.painting_dir,
        photo_dir=args.photo_dir,
        out=args.out,
        seed=args.seed or 0,
        mixed_precision=args.mixed_precision or "auto",
        distribute=args.distribute or "auto",
        gpus=args.gpus,
        sample_every=args.sample_every,
        sample_minutes=args.sample_minutes,
        keep_generators=args.keep_generators,
        evaluate_every=args.evaluate_every,
        extractor=args.extractor,
        checkpoint_minutes=args.checkpoint_minutes,
        tensorboard=bool(args.tensorboard),
        minutes=args.minutes,
        faithful=args.faithful,
        started=started,
        **fields,
    )


def _resume(args: argparse.Namespace) -> None:
    started = time.monotonic()
    if args.recipe is not None:
        checked(get_recipe, args.recipe)
    found = runs.open(None if args.resume == NEWEST else args.resume)
    if args.faithful:
        raise CommandError("--faithful stays as the run was started with; leave it out.")
    if args.extractor is not None:
        raise CommandError("--extractor stays as the run was started with; leave it out.")
    fields = given_fields(args, found.recipe)
    quiet_tensorflow()
    runs.resume(
        found.path,
        data=args.data,
        painting_dir=args.painting_dir,
        photo_dir=args.photo_dir,
        sample_every=args.sample_every,
        sample_minutes=args.sample_minutes,
        keep_generators=args.keep_generators,
        evaluate_every=args.evaluate_every,
        distribute=args.distribute,
        checkpoint_minutes=args.checkpoint_minutes,
        tensorboard=args.tensorboard,
        minutes=args.minutes,
        started=started,
        recipe=args.recipe,
        seed=args.seed,
        mixed_precision=args.mixed_precision,
        gpus=args.gpus,
        **fields,
    )


def _list_recipes(name: str) -> int:
    recipe = checked(get_recipe, name) if name else None
    quiet_tensorflow()
    from monet.systems.table import describe_recipe, recipe_table

    print(recipe_table(columns()) if recipe is None else describe_recipe(recipe, columns()))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    def command() -> int:
        args = parse_arguments(argv)
        return train(args) if args.list_recipes is None else _list_recipes(args.list_recipes)

    return run(command)


if __name__ == "__main__":
    leave(main())
