"""What all command lines do, whatever they are for."""

from __future__ import annotations

import argparse
import ast
import re
import shlex
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import monet
from monet.__main__ import commands, main
from monet._command_line import EXIT_ERROR, EXIT_MISTAKE, flag, run
from monet._command_line.arguments import positive_int, whole_number
from monet.inference import PaintOptions

_PRINT = """
import sys
from monet._command_line import run
sys.exit(run(lambda: print("x" * {length}) or 0))
"""


@pytest.mark.parametrize("length", [1, 1_000_000])  # in the stream's buffer, and far beyond it
def test_a_reader_that_has_had_enough_is_no_error(length):
    command = [sys.executable, "-c", _PRINT.format(length=length)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    _, errors = process.communicate()
    assert errors == b""
    assert process.returncode == 128 + signal.SIGPIPE


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize(
    "arguments",
    [["-c", _PRINT.format(length=1)], ["-c", _PRINT.format(length=1_000_000)], ["-m", "monet"]]
    + [["-m", f"monet.{name}", "--help"] for name in ("train", "explore")],
    ids=str,
)
def test_what_can_t_be_shown_is_no_success_and_no_trace(arguments):
    with open("/dev/full", "w") as full:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == EXIT_ERROR
    assert done.stderr == "error: standard output can't be written: No space left on device.\n"


_TWO_COMMANDS = """
import gc, logging, sys
from monet._command_line import run
for number in (1, 2):
    run(lambda: print(f"command {number}"))
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    gc.collect()
    logging.warning(f"logger {number}")
"""


def test_commands_of_one_process_leave_standard_output_open():
    """A stream that another takes the place of would close the descriptor when it goes."""
    done = subprocess.run([sys.executable, "-c", _TWO_COMMANDS], capture_output=True, text=True)
    lines = [f"{who} {number}" for number in (1, 2) for who in ("command", "logger")]
    assert done.stdout.splitlines() == lines, done.stderr


_WORK = """
import os, sys
from monet._command_line import run
def work():
    print("a" * 100_000)
    print("b", file=sys.stderr)
    with open(sys.argv[1], "w") as file:
        assert file.fileno() > 2, "what native code prints would get into this file"
        file.write("done")
    return 0
sys.exit(run(work))
"""


@pytest.mark.parametrize("streams", [">&-", ">&- 2>&-", "2>&-", "2>/dev/full", ">/dev/full", "| :"])
def test_work_is_done_whatever_becomes_of_what_is_shown(tmp_path, streams):
    command = shlex.join([sys.executable, "-c", _WORK, str(tmp_path / "file")])
    done = subprocess.run(
        ["sh", "-c", f"{command} {streams}"], stdin=subprocess.DEVNULL, capture_output=True
    )
    assert (tmp_path / "file").read_text() == "done"
    assert b"Traceback" not in done.stderr and b"Exception" not in done.stderr
    assert done.returncode == (EXIT_ERROR if streams == ">/dev/full" else 0)


class ResourceExhaustedError(Exception):
    """Stands for TensorFlow's."""


@pytest.mark.parametrize(
    "error, message",
    [
        (FileNotFoundError(2, "No such file or directory", "a/b"), "a/b: No such file"),
        (OSError(36, "File name too long", "x" * 300), "xxx: File name too long"),
        (OSError(28, "No space left on device"), "error: No space left on device."),
        (MemoryError(), "out of memory"),
        (ResourceExhaustedError("OOM when allocating tensor"), "out of memory"),
        (ResourceExhaustedError("write failed; No space left on device"), "the disk is full"),
        (
            ResourceExhaustedError("{{node a/job:b}} /a b/c; No space left on device [Op:SaveV2]"),
            "error: /a b/c: no space left on the disk.",
        ),
    ],
    ids=repr,
)
def test_what_the_system_refuses_is_one_sentence(capsys, error, message):
    def refused():
        raise error

    assert run(refused) == EXIT_ERROR
    shown = capsys.readouterr().err
    assert message in shown and shown.startswith("error: ") and shown.count("\n") == 1


def test_a_mistake_is_shown_whole_and_has_an_exit_code_of_its_own(capsys):
    assert run(lambda: {}["missing"]) == EXIT_MISTAKE
    shown = capsys.readouterr().err
    assert "KeyError: 'missing'\nThis is a mistake in monet; please report" in shown


@pytest.mark.parametrize("name", sorted(commands().keys() - {"info"}))
def test_exit_codes_are_in_the_help(name):
    shown = " ".join(command_line(f"monet.{name}", "--help").split())
    assert re.search(r"Exit code: 0 .* 2 .*70 a mistake in monet\.", shown)


def command_line(*arguments: str) -> str:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_package_lists_its_commands():
    listed = command_line("monet")
    assert {"train", "generate", "explore", "info"} <= commands().keys()
    for name, line in commands().items():
        assert f"python -m monet.{name}" in listed and line in listed
        assert 10 < len(line) <= 80


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["train", "--epochs", "3"], "run: python -m monet.train"),
        (["paint"], "unrecognized arguments: paint"),
        (["--epochs"], "unrecognized arguments: --epochs"),
    ],
)
def test_what_the_package_itself_is_no_command_for(argv, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(argv)
    assert stopped.value.code == 2 and said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["monet", *(f"monet.{name}" for name in commands())])
def test_every_command_has_a_version_and_help(name):
    assert command_line(name, "--version") == f"monet {monet.__version__}\n"
    assert f"usage: python -m {name} " in command_line(name, "--help")


def words(path: Path) -> list[tuple[str, str]]:
    """(place, text) of the file's strings but docstrings, with {} for what is filled in."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
    }
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = []
    for node in ast.walk(tree):
        text = None
        if isinstance(node, ast.JoinedStr):
            text = "".join(
                getattr(part, "value", "") if isinstance(part, ast.Constant) else "{}"
                for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = None if id(node) in parts | docstrings else node.value
        if text:
            found.append((f"{path.name}:{node.lineno}", text))
    return found


# What the library says to whom uses the command line, rather than raises.
_FOR_THE_COMMAND_LINE = {
    "runs/console.py",
    "runs/session.py",
    "systems/dcgan.py",  # `invitation`
    "systems/translation.py",
}


def library_words() -> list[tuple[str, str]]:
    """Those of all files but the command lines'."""
    package = Path(monet.__file__).parent
    files = [
        path
        for path in package.rglob("*.py")
        if path.parent not in (package, package / "_command_line")
        and path.relative_to(package).as_posix() not in _FOR_THE_COMMAND_LINE
    ]
    assert len(files) > 100
    return [found for path in files for found in words(path)]


def test_the_library_names_parameters_and_not_options():
    for place, text in library_words():
        if "setup.py" not in text and "var(--" not in text:  # a command of setuptools, CSS
            assert not re.search(r"(?<![\w-])--[a-z][\w-]*(?![\w:-])", text), (place, text)


def test_parameters_that_the_library_names_are_options_of_the_command_lines():
    """`as_options` translates all that stands between backticks."""
    options = "".join(command_line(f"monet.{name}", "--help") for name in commands())
    named = set()
    for place, text in library_words():
        if place.split(":")[0] not in ("cyclegan.py", "one_sided.py"):  # sources of recipes
            named |= set(re.findall(r"`(\w+)(?:[=(][^`]*)?`", text))
    assert {"output", "minutes", "resume"} <= named
    assert not [name for name in named if f"{flag(name)} " not in options]


def test_counts_are_neither_too_small_nor_too_large(capsys):
    assert (positive_int("1"), positive_int("2147483647"), whole_number("0")) == (1, 2**31 - 1, 0)
    for take, text in ((positive_int, "0"), (whole_number, "-1")):
        with pytest.raises(argparse.ArgumentTypeError, match=f"{text} is too small"):
            take(text)
    for take in (positive_int, whole_number):
        with pytest.raises(argparse.ArgumentTypeError, match="2147483648 is too large; give one"):
            take("2147483648")
    for name in ("count", "batch_size"):
        with pytest.raises(ValueError, match=rf"`{name}=10+`: expected a number from 1 to 2,147,"):
            PaintOptions(**{name: 10**20})


def test_warnings_are_one_line(capsys):
    def command():
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("pass `overwrite=True` \x1b[31m", stacklevel=1)
        return 0

    with warnings.catch_warnings():  # brings `showwarning` back
        assert run(command) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: pass --overwrite ") and "\x1b" not in line
