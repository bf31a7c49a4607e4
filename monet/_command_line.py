"""What the command lines have in common: argument types, exit codes, quiet start."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import NoReturn

EXIT_SKIPPED = 1
EXIT_ERROR = 2


class CommandError(Exception):
    """A mistake that its user can mend: one sentence, no trace."""


class Terminated(BaseException):
    """SIGTERM, raised in the main thread so that `finally` blocks run."""


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows a default behind every option that has one worth showing."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=100)

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or isinstance(action.default, bool):
            return action.help
        return super()._get_help_string(action)


def positive_int(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is too small; give a number from 1 on")
    return value


def positive_float(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


positive_int.__name__ = "whole number"  # argparse names the type in its message
positive_float.__name__ = "number"


def quiet_tensorflow() -> None:
    """Keeps TensorFlow's start-up notices off the screen, unless the user asked for them."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@contextlib.contextmanager
def terminating() -> Iterator[None]:
    """Inside the block SIGTERM unwinds the stack, as Ctrl-C does."""

    def handler(signum: int, frame: object) -> NoReturn:
        raise Terminated

    if threading.current_thread() is not threading.main_thread():  # only there signals arrive
        yield
        return
    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run(command: Callable[[], int]) -> int:
    """Runs `command` and returns its exit code; errors of the user's making become one sentence."""
    try:
        with terminating():
            return command()
    except CommandError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 128 + signal.SIGINT
    except Terminated:
        print("\nTerminated.", file=sys.stderr)
        return 128 + signal.SIGTERM
