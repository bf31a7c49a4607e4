"""What the command lines have in common: argument types, exit codes, quiet start."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shlex
import signal
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import monet
from monet._ambient import shield_keras, what_xla_says
from monet._command_line.streams import make_tolerant, output_problem
from monet._missing import what_is_missing
from monet._numbers import LARGEST_COUNT
from monet._text import printable

EXIT_SKIPPED = 1
EXIT_ERROR = 2
EXIT_MISTAKE = 70  # as sysexits.h has it; Python's own would be 1
MISTAKE = f"{EXIT_MISTAKE} a mistake in monet"
_PARAMETER = re.compile(r"`(\w+)(?:[=(]([^`]*?)\)?)?`")
_OTHER_NAMES = {"inputs": "input", "photos": "photo_dir"}
_NOTICE = re.compile(r"I\d{4} |WARNING: All log messages before absl")


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


def flag(name: str) -> str:
    """The option for a parameter of the Python API or a field of a recipe."""
    return f"--{_OTHER_NAMES.get(name, name).replace('_', '-')}"


def as_options(message: str) -> str:
    """What an error says of the Python API's parameters, in the words of the command line.

    >>> as_options("give `output` another name, or `overwrite=True`")
    'give --output another name, or --overwrite'
    >>> as_options("`gpus=3`, but there is one; `tensorboard=False`; go on by `resume('a run')`")
    "--gpus 3, but there is one; --no-tensorboard; go on by --resume 'a run'"
    """

    def option(match: re.Match[str]) -> str:
        name, value = flag(match[1]), (match[2] or "").strip("'\"")
        if value in ("", "True", "False"):
            return name.replace("--", "--no-") if value == "False" else name
        return f"{name} {shlex.quote(value)}"

    return _PARAMETER.sub(option, message)


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


whole_number.__name__ = "whole number"  # argparse names the type in its message
seed.__name__ = "whole number"


def named_path(text: str) -> Path:
    if not text:  # which pathlib would take for the current folder
        raise argparse.ArgumentTypeError("the name is empty; give a path")
    return Path(text)


def positive_float(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


positive_int.__name__ = "whole number"  # argparse names the type in its message
positive_float.__name__ = "number"


def quiet_tensorflow() -> None:
    """Imports TensorFlow without its start-up notices, unless the user asked for them.

    TensorFlow 2.21 writes some before it looks at TF_CPP_MIN_LOG_LEVEL, so the error stream is held
    back while it is imported; what is not such a notice is passed on. TF_CPP_MIN_LOG_LEVEL=0 asks
    for them.

    Raises:
        CommandError: TensorFlow would end the process because of the flags for its compiler.
    """
    if "tensorflow" not in sys.modules and (problem := what_xla_says()):
        raise CommandError(f"{problem}.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if "tensorflow" not in sys.modules:
        with holding_back_stderr(lambda line: not _NOTICE.match(line)):
            import tensorflow  # noqa: F401  (for what it says on its way in)


@contextlib.contextmanager
def holding_back_stderr(is_shown: Callable[[str], bool]) -> Iterator[None]:
    """Holds back what is written to the error stream inside the block, by native code too.

    Afterwards the lines are written for which `is_shown`. TF_CPP_MIN_LOG_LEVEL=0 lets all pass, at
    once.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        yield
        return
    sys.stderr.flush()
    held_back = tempfile.TemporaryFile()
    stderr = os.dup(2)
    os.dup2(held_back.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(stderr, 2)
        os.close(stderr)
        held_back.seek(0)
        for line in held_back.read().decode(errors="replace").splitlines():
            if is_shown(line):
                print(line, file=sys.stderr)
        held_back.close()


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


def print_unreadable(heading: str, unreadable: Sequence[tuple[str, str]], *, most: int) -> None:
    """Warns of the first `most` (name, reason), and says how many more there are."""
    if not unreadable:
        return
    print(f"warning: {heading}:", file=sys.stderr)
    for name, reason in unreadable[:most]:
        print(f"  {printable(f'{name}: {as_options(reason)}')}", file=sys.stderr)
    if len(unreadable) > most:
        print(f"  … and {len(unreadable) - most:,} more", file=sys.stderr)


def checked(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Calls `function`; what it says of its arguments or the environment is the user's to mend."""
    try:
        return function(*args, **kwargs)
    except (ValueError, RuntimeError) as error:
        raise CommandError(str(error)) from error


def leave(code: int) -> NoReturn:
    """Ends the process at once, for commands that have saved everything and leave much in memory.

    Left to itself, Python takes apart every object, the graphs of the training steps among them,
    and waits for the threads of TensorFlow.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def run(command: Callable[[], int]) -> int:
    """Runs `command` and returns its exit code; errors of the user's making become one sentence.

    So do refusals of the system. Anything else is a mistake in this package, and shown whole.
    """
    make_tolerant()
    shield_keras()
    warnings.showwarning = _show_warning
    try:
        code = _run(command)
    except SystemExit as end:  # argparse's, after --help or a mistake in the options
        if end.code or output_problem() is None:
            raise
        code = 0
    problem = output_problem()
    if code or problem is None:
        return code
    if isinstance(problem, BrokenPipeError):  # the reader, `head` say, has had enough
        return 128 + signal.SIGPIPE
    print(f"error: standard output can't be written: {problem.strerror}.", file=sys.stderr)
    return EXIT_ERROR


def _run(command: Callable[[], int]) -> int:
    try:
        with terminating():
            return command()
    except ModuleNotFoundError as error:
        missing = what_is_missing(error)
        if missing is None:
            raise
        print(f"error: {missing}", file=sys.stderr)
        return EXIT_ERROR
    except CommandError as error:
        print(f"error: {printable(as_options(str(error)))}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 128 + signal.SIGINT
    except Terminated:
        print("\nTerminated.", file=sys.stderr)
        return 128 + signal.SIGTERM
    except Exception as error:
        refused = _what_was_refused(error)
        if refused is None:
            traceback.print_exc()
            print("This is a mistake in monet; please report the lines above.", file=sys.stderr)
            return EXIT_MISTAKE
        print(f"error: {printable(refused)}.", file=sys.stderr)
        return EXIT_ERROR


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    print(f"warning: {printable(as_options(str(message)))}", file=sys.stderr)


def _what_was_refused(error: Exception) -> str | None:
    """What the system didn't do or give, if `error` comes of that."""
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        if "No space left" in str(error):
            return "the disk is full"
        return "out of memory; ask for less at a time (--help), or free some"
    if isinstance(error, OSError):
        text = error.strerror or str(error)
        return text if error.filename is None else f"{error.filename}: {text}"
    return None
