"""What memory a computation takes, measured in a process that does nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import monet

SOURCE = str(Path(monet.__file__).parents[1])
IS_TOLD = Path("/proc/self/status").exists()
"""Whether this system says what memory a process has: Linux does."""


def resident(field: str) -> int:
    """A field of this process's memory figures, such as "VmRSS" or its peak "VmHWM", in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(field))


def environment() -> dict[str, str]:
    """For processes that import this package from where it is now, and compute by its kernels."""
    return os.environ | {"MONET_OPS": "native", "PYTHONPATH": SOURCE}


def measure(program: str, *arguments: str | os.PathLike[str]) -> dict:
    """Runs a program of this folder in a process of its own; returns the JSON that it ends with."""
    result = subprocess.run(
        [sys.executable, Path(__file__).with_name(program), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=environment(),
    )
    return json.loads(result.stdout.splitlines()[-1])
