"""The options of `python -m monet.train`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monet._command_line import (
    MISTAKE,
    CommandError,
    HelpFormatter,
    add_version,
    flag,
    named_path,
    positive_float,
    positive_int,
    seed,
    whole_number,
)
from monet._command_line.data_options import add_data_options
from monet.runs.run_folder import RUNS
from monet.systems import (
    COMMON_OPTIONS,
    DEFAULT_MINUTES,
    DEFAULT_RECIPE,
    GPU_RECIPE,
    SAMPLE_RECIPE,
    SYSTEMS,
    Option,
    Recipe,
)

# What `--resume` without a value gives.
NEWEST = Path("newest")

_TYPES: dict[str, dict[str, Any]] = {
    "count": {"type": positive_int, "metavar": "N"},
    "rate": {"type": positive_float, "metavar": "RATE"},
    "weight": {"type": float, "metavar": "WEIGHT"},
}


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

    recipe = parser.add_argument_group(
        "recipe", "What is left out is as the recipe has it; --list-recipes shows them."
    )
    recipe.add_argument(
        "--recipe",
        metavar="NAME",
        help=f"settings to start from (default: {DEFAULT_RECIPE}, with a GPU {GPU_RECIPE}; "
        f"{SAMPLE_RECIPE} without data)",
    )
    recipe.add_argument("--list-recipes", action="store_true", help="show them as a table and exit")
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
    for options in recipe_options().values():
        _add_option(recipe, options)
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
        "--gpus",
        type=positive_int,
        metavar="N",
        help="GPUs that train in step, each on batches of its own (default: all there are)",
    )

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
    args = parser.parse_args(argv)
    if args.resume is not None and args.out is not None:
        parser.error("--resume goes on in the run's own folder; leave out --out")
    if args.hours is not None:
        args.minutes = 60 * args.hours
    if args.minutes is not None:
        for flag, given in (("epochs", args.epochs), ("steps-per-epoch", args.steps_per_epoch)):
            if given is not None:
                parser.error(
                    f"--minutes or --hours says how long to train, and so does --{flag}; "
                    "leave one out"
                )
    return args


def recipe_options() -> dict[str, list[Option]]:
    """The options for a recipe's fields; systems may have different ones for the same field."""
    options: dict[str, list[Option]] = {}
    for option in COMMON_OPTIONS:
        options[option.field] = [option]
    for system in SYSTEMS.values():
        for option in system.options:
            options.setdefault(option.field, []).append(option)
    return options


def given_fields(args: argparse.Namespace, recipe: Recipe) -> dict[str, Any]:
    """The fields of `recipe` that the command line gives.

    Raises:
        CommandError: one of them, or what it was given, is for other recipes.
    """
    given = {
        field: getattr(args, field)
        for field in recipe_options()
        if getattr(args, field) is not None
    }
    of_recipe = f"the recipe '{recipe.name}' ({recipe.summary})"
    own = {option.field: option for option in (*COMMON_OPTIONS, *SYSTEMS[recipe.system].options)}
    strange = [flag(field) for field in given if field not in own]
    if strange:
        raise CommandError(
            f"{', '.join(strange)}: not for {of_recipe}; leave it out, or take another --recipe."
        )
    for field, value in given.items():
        option = own[field]
        if not isinstance(option.takes, str) and value not in option.takes:
            raise CommandError(
                f"{flag(field)} {value}: not for {of_recipe}, which takes "
                f"{', '.join(sorted(option.takes))}."
            )
    return given


def _add_option(group: argparse._ArgumentGroup, options: list[Option]) -> None:
    first = options[0]
    if isinstance(first.takes, str):
        group.add_argument(flag(first.field), help=first.help, **_TYPES[first.takes])
        return
    takes = (sorted(o.takes) if isinstance(o.takes, Mapping) else o.takes for o in options)
    names = list(dict.fromkeys(name for given in takes for name in given))
    group.add_argument(
        flag(first.field), choices=names, metavar="NAME", help=f"{first.help}: {', '.join(names)}"
    )
