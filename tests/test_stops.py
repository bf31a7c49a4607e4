"""A few of the stops of stop_runs.py, in a process that can be forked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that can be forked")
@pytest.mark.parametrize("kind", ["epochs", "minutes"])
def test_stopped_runs_become_what_they_would_have_become(kind):
    command = [sys.executable, "tests/stop_runs.py", "--stops", "3", "--kind", kind]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Stop(") == 3 and done.stdout.endswith("0 differences\n")
