"""How a command runs: its exit codes, and what it says of what goes wrong."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from monet._ambient import is_own_process, shield
from monet._command_line.streams import make_tolerant, output_problem
from monet._missing import what_is_missing
from monet._text import printable

EXIT_SKIPPED = 1
EXIT_ERROR = 2
EXIT_MISTAKE = 70  # as sysexits.h has it; Python's own would be 1
MISTAKE = f"{EXIT_MISTAKE} a mistake in monet"
_PARAMETER = re.compile(r"`(\w+)(?:[=(]([^`]*?)\)?)?`")
_OTHER_NAMES = {"inputs": "input", "photos": "photo_dir"}


class CommandError(Exception):
    """A mistake that its user can mend: one sentence, no trace."""


class Terminated(BaseException):
    """SIGTERM, raised in the main thread so that `finally` blocks run."""


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
    shield()
    warnings.showwarning = _show_warning
    if is_own_process():  # what PYTHONWARNINGS=error asks of all programs would end them
        warnings.filters = [entry for entry in warnings.filters if entry[0] != "error"]
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
        if "No space left" in str(error):  # TensorFlow names the file that it was writing
            named = re.search(r".*\s(/[^;]*); No space left", str(error))
            return f"{named[1]}: no space left on the disk" if named else "the disk is full"
        return "out of memory; ask for less at a time (--help), or free some"
    if isinstance(error, FileNotFoundError) and error.filename is None and _is_nowhere():
        return "the current folder is gone; change to another"
    if isinstance(error, OSError):
        text = error.strerror or str(error)
        return text if error.filename is None else f"{error.filename}: {text}"
    return None


def _is_nowhere() -> bool:
    """Whether the folder that this process works in has been removed."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False
