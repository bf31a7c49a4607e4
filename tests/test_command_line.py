"""What all command lines do, whatever they are for."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

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
