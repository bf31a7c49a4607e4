"""Peak memory of a training step beyond weights and optimizer slots: activations and scratch.

What pytest-benchmark times here is the whole process of this package's arm: its start, three steps.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rows import memory_row

import monet

PROGRAM = Path(__file__).with_name("memory_of_a_step.py")
SOURCE = str(Path(monet.__file__).parents[1])
ARMS = {"TF graph": "tutorial", "monet": "monet"}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
@pytest.mark.benchmark(group="memory of a training step (time: of the whole process)")
@pytest.mark.parametrize("size", [128, 256])
def test_training_step_memory(benchmark, add_row, smoke, size):
    size = size // 4 if smoke else size
    peaks = {}

    def measure(arm):
        peaks[arm] = _peaks(ARMS[arm], size)

    benchmark.pedantic(measure, args=("monet",), setup=lambda: measure("TF graph"))
    for what in peaks["monet"]:
        of_each = {arm: peaks[arm][what] for arm in ARMS}
        if None not in of_each.values():
            name = f"memory of a training step, ResNet-9, {size}x{size} float32, {what}"
            add_row(memory_row(name, of_each))


def _peaks(arm: str, size: int) -> dict[str, int | None]:
    result = subprocess.run(
        [sys.executable, PROGRAM, arm, str(size)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | {"MONET_OPS": "native", "PYTHONPATH": SOURCE},
    )
    return json.loads(result.stdout.splitlines()[-1])
