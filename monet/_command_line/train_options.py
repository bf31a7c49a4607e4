"""The options of `python -m monet.train`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from monet._command_line import HelpFormatter, named_path, positive_float, positive_int, seed
from monet._command_line.data_options import add_data_options
from monet.recipes import (
    ADVERSARIAL_LOSSES,
    DEFAULT_RECIPE,
    DISCRIMINATORS,
    GENERATORS,
    SAMPLE_RECIPE,
)

RUNS = Path("runs")
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
        "130 or 143 interrupted and saved.",
    )
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
        help=f"settings to start from (default: {DEFAULT_RECIPE}, or {SAMPLE_RECIPE} without data)",
    )
    recipe.add_argument("--list-recipes", action="store_true", help="show them as a table and exit")
    for option, meaning in (
        ("--epochs", "passes over the data"),
        ("--steps-per-epoch", "batches of each domain per epoch"),
        ("--batch-size", "pictures of each domain a step"),
        ("--image-size", "side of the training crops"),
    ):
        recipe.add_argument(option, type=positive_int, metavar="N", help=meaning)
    recipe.add_argument(
        "--generator",
        choices=GENERATORS,
        metavar="NAME",
        help=f"another generator: {', '.join(GENERATORS)}",
    )
    recipe.add_argument(
        "--discriminator",
        choices=DISCRIMINATORS,
        metavar="NAME",
        help=f"another discriminator: {', '.join(DISCRIMINATORS)}",
    )
    recipe.add_argument(
        "--adversarial-loss",
        choices=ADVERSARIAL_LOSSES,
        metavar="NAME",
        help=f"another loss: {', '.join(ADVERSARIAL_LOSSES)}",
    )
    for option, meaning in (
        ("--generator-learning-rate", "Adam's step size for the generators, at the start"),
        ("--discriminator-learning-rate", "the same for the discriminators"),
    ):
        recipe.add_argument(option, type=positive_float, metavar="RATE", help=meaning)
    for option, meaning in (
        ("--lambda-cycle", "weight of the cycle consistency loss"),
        ("--lambda-identity", "weight of the identity loss; 0 leaves it out"),
    ):
        recipe.add_argument(option, type=float, metavar="WEIGHT", help=meaning)
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
    return args
