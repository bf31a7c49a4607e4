"""The options that say which generator a command takes."""

from __future__ import annotations

import argparse

from monet._command_line.arguments import named_path
from monet.inference.generator import CHOICES


def add_generator_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--run` and `--model`, one of which is needed, and `--generator`."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", type=named_path, metavar="RUN", help="folder of a training run")
    source.add_argument(
        "--model", type=named_path, metavar="FILE", help="a generator, saved as .keras"
    )
    add_choice(parser)


def add_choice(parser: argparse._ActionsContainer) -> None:
    """Adds `--generator`, to a parser or a group of options."""
    parser.add_argument(
        "--generator",
        choices=CHOICES,
        help="of a run: the best by its evaluations, or the last (default: the best, where the run "
        "was evaluated while it trained)",
    )
