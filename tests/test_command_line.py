"""What all command lines do, whatever they are for."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

import monet
from monet.__main__ import commands

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


def command_line(*arguments: str) -> str:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_package_lists_its_commands():
    listed = command_line("monet")
    assert {"train", "generate", "explore", "info"} <= commands().keys()
    for name, line in commands().items():
        assert f"python -m monet.{name}" in listed and line in listed
        assert 10 < len(line) <= 80


@pytest.mark.parametrize("name", ["monet", *(f"monet.{name}" for name in commands())])
def test_every_command_has_a_version_and_help(name):
    assert command_line(name, "--version") == f"monet {monet.__version__}\n"
    assert f"usage: python -m {name} " in command_line(name, "--help")
