"""The options of `python -m monet.train`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from monet._command_line import MISTAKE, CommandError, checked, flag
from monet._command_line.arguments import (
    HelpFormatter,
    add_version,
    named_path,
    positive_float,
    positive_int,
    seed,
    whole_number,
)
from monet._command_line.data_options import add_data_options
from monet.runs.distribution import CHOICES
from monet.runs.run_folder import RUNS
from monet.systems import (
    DEFAULT_MINUTES,
    DEFAULT_RECIPE,
    GPU_RECIPE,
    SAMPLE_RECIPE,
    SYSTEMS,
    Recipe,
)
from monet.systems.fields import fields_of, parse_changes

# What `--resume` without a value gives.
NEWEST = Path("newest")


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m monet.train",
        formatter_class=HelpFormatter,
        description="Trains a GAN that repaints photos, or one that paints from noise. Without "
        f"data it trains the recipe '{SAMPLE_RECIPE}' on a small sample set that comes with the "
        "package.",
        epilog="Ctrl-C saves and says how to go on. Exit code: 0 done, 2 error, "
        f"130 or 143 interrupted and saved, {MISTAKE}.",
    )
    add_version(parser)
    add_data_options(
        parser.add_argument_group("data"),
        also="; for recipes that paint from noise also any folder of paintings",
    )
    _add_recipe_options(parser)
    _add_folder_options(parser)
    args = parser.parse_args(argv)
    if args.resume is not None and args.out is not None:
        parser.error("--resume goes on in the run's own folder; leave out --out")
    if args.hours is not None:
        args.minutes = 60 * args.hours
    if args.minutes is not None:
        for option, given in (("epochs", args.epochs), ("steps-per-epoch", args.steps_per_epoch)):
            if given is not None:
                parser.error(
                    f"--minutes or --hours says how long to train, and so does --{option}; "
                    "leave one out"
                )
    return args


def _add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Adds what is trained, for how long, and how."""
    recipe = parser.add_argument_group(
        "recipe", "What is left out is as the recipe has it; --list-recipes shows them."
    )
    recipe.add_argument(
        "--recipe",
        metavar="NAME",
        help=f"settings to start from (default: {DEFAULT_RECIPE}, with a GPU {GPU_RECIPE}; "
        f"{SAMPLE_RECIPE} without data)",
    )
    recipe.add_argument(
        "--list-recipes",
        nargs="?",
        const="",
        metavar="NAME",
        help="show them as a table, with the fields that --set takes, or one with its values; exit",
    )
    recipe.add_argument(
        "--set",
        nargs="+",
        type=_assignment,
        action="extend",
        default=[],
        metavar="FIELD=VALUE",
        help="change any field of the recipe: --set generator.filters=32 flip=false",
    )
    time_given = recipe.add_mutually_exclusive_group()
    time_given.add_argument(
        "--minutes",
        type=positive_float,
        metavar="N",
        help="train for N minutes, all included, in place of a number of epochs (default: "
        f"{DEFAULT_MINUTES:g} with data, where neither --recipe, --epochs nor --steps-per-epoch is "
        "given)",
    )
    time_given.add_argument("--hours", type=positive_float, metavar="N", help="the same in hours")
    for field, meaning, names in _described_fields():
        text = f"{meaning}: {', '.join(names)}" if names else meaning
        recipe.add_argument(flag(field), metavar="VALUE", help=text.replace("`", ""))
    recipe.add_argument(
        "--faithful",
        action="store_true",
        help="do as the recipe's notebook does where the recipe does better: TFRecords, its order "
        "of pictures, one device, no mixed precision",
    )
    recipe.add_argument(
        "--seed",
        type=seed,
        metavar="N",
        help="of weights, shuffling and augmentation (default: 0)",
    )
    recipe.add_argument(
        "--mixed-precision",
        choices=("auto", "off", "float16", "bfloat16"),
        help="auto takes float16 or bfloat16 where the device is fast at it (default: auto)",
    )
    recipe.add_argument(
        "--distribute",
        choices=CHOICES,
        help="which devices train in step, each on batches of its own: one (none), all GPUs of "
        "this machine (mirrored), those of all machines in TF_CONFIG (multiworker), or a TPU's "
        "(tpu); auto takes a TPU if there is one, else all GPUs, else the CPU (default: auto)",
    )
    recipe.add_argument(
        "--gpus",
        type=positive_int,
        metavar="N",
        help="how many GPUs of this machine (default: all there are)",
    )


def _add_folder_options(parser: argparse.ArgumentParser) -> None:
    """Adds where a run is, and what it records there how often."""
    folder = parser.add_argument_group("run folder")
    folder.add_argument(
        "--out", type=named_path, metavar="DIR", help=f"a new folder (default: {RUNS}/RECIPE-TIME)"
    )
    folder.add_argument(
        "--resume",
        nargs="?",
        type=named_path,
        const=NEWEST,
        metavar="RUN",
        help=f"go on with a run; without RUN, with the newest in {RUNS}",
    )
    folder.add_argument(
        "--sample-every",
        type=positive_int,
        metavar="N",
        help="epochs per sample (default: the recipe's, mostly 1)",
    )
    folder.add_argument(
        "--sample-minutes",
        type=positive_float,
        metavar="MIN",
        help="sample inside long epochs too, this often (default: 2, and after the first minute)",
    )
    folder.add_argument(
        "--keep-generators",
        type=whole_number,
        metavar="N",
        help="keep the generators of N epochs at most, evenly spaced over the run, for "
        "monet.evaluate --every-checkpoint; 0 for none (default: 10)",
    )
    folder.add_argument(
        "--evaluate-every",
        type=positive_float,
        metavar="N",
        help="epochs (or 0.5, say) between evaluations on photos kept out of the training; "
        "monet.generate then takes the best generator",
    )
    folder.add_argument(
        "--extractor",
        type=named_path,
        metavar="FILE",
        help="with --evaluate-every: judge by the features of this .keras file or of "
        "classify_image_graph_def.pb (default: the latter from the user's cache, or patches)",
    )
    folder.add_argument(
        "--checkpoint-minutes",
        type=positive_float,
        metavar="MIN",
        help="save inside long epochs too, this often (default: 10)",
    )
    folder.add_argument(
        "--tensorboard",
        action=argparse.BooleanOptionalAction,
        help="write losses and samples to RUN/tensorboard too, for TensorBoard",
    )


def given_fields(args: argparse.Namespace, recipe: Recipe) -> dict[str, Any]:
    """The fields of `recipe` that the command line gives, by `--set` or by an option of their own.

    Raises:
        CommandError: one of them, or what it was given, is for other recipes.
    """
    options = {field: getattr(args, field) for field in _fields_with_options()}
    given = [(field, text) for field, text in options.items() if text is not None]
    own = {field.name for field in fields_of(type(recipe))}
    strange = [flag(field) for field, _ in given if field not in own]
    if strange:
        raise CommandError(
            f"{', '.join(strange)}: not for the recipe '{recipe.name}' ({recipe.summary}); leave "
            f"it out, or take another --recipe."
        )
    return checked(parse_changes, recipe, [*given, *args.set])


def _fields_with_options() -> list[str]:
    """The fields that have an option of their own, whichever system has them."""
    return list(dict.fromkeys(field for each in SYSTEMS.values() for field in each.options))


def _described_fields() -> Iterator[tuple[str, str, list[str]]]:
    """The fields with options of their own: name, meaning, and the names that they take, if any."""
    classes = [system.recipe_class for system in SYSTEMS.values()]
    meanings: dict[str, str] = {}
    for cls in classes:
        for described in fields_of(cls):
            meanings.setdefault(described.name, described.meaning.rstrip("."))
    names = {
        "generator": [name for cls in classes for name in cls.generators.named],
        "discriminator": [name for cls in classes for name in cls.discriminators.named],
    }
    for field in _fields_with_options():
        yield field, meanings[field], sorted(set(names.get(field, [])))


def _assignment(text: str) -> tuple[str, str]:
    field, equals, value = text.partition("=")
    if not field or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form FIELD=VALUE")
    return field, value
