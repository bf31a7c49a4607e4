"""What the parsers of the command lines have in common: help, version, types of arguments."""

from __future__ import annotations

import argparse
from pathlib import Path

import monet
from monet._numbers import LARGEST_COUNT


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows a default behind every option that has one worth showing."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=100)

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or isinstance(action.default, bool):
            return action.help
        return super()._get_help_string(action)


def add_version(parser: argparse.ArgumentParser) -> None:
    """Adds `--version`."""
    parser.add_argument("--version", action="version", version=f"monet {monet.__version__}")


def positive_int(text: str) -> int:
    return _count(text, least=1)


def whole_number(text: str) -> int:
    return _count(text, least=0)


def _count(text: str, least: int) -> int:
    value = int(text)
    if value < least:
        raise argparse.ArgumentTypeError(f"{value} is too small; give a number from {least} on")
    if value > LARGEST_COUNT:
        raise argparse.ArgumentTypeError(f"{value} is too large; give one up to {LARGEST_COUNT:,}")
    return value


def seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**31:
        raise argparse.ArgumentTypeError(f"{value} is not a seed; give one from 0 to {2**31 - 1}")
    return value


def named_path(text: str) -> Path:
    if not text:  # which pathlib would take for the current folder
        raise argparse.ArgumentTypeError("the name is empty; give a path")
    return Path(text)


def positive_float(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


# argparse names the type in its message.
positive_int.__name__ = whole_number.__name__ = seed.__name__ = "whole number"
positive_float.__name__ = "number"
