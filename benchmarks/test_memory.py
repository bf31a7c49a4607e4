"""Peak memory of a training step beyond weights and optimizer slots: activations and scratch.

What pytest-benchmark times here is the whole process of this package's arm: its start, three steps.
"""

from __future__ import annotations

from pathlib import Path

import memory
import pytest
from rows import memory_row

ARMS = {"TF graph": "tutorial", "monet": "monet"}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
@pytest.mark.benchmark(group="memory of a training step (time: of the whole process)")
@pytest.mark.parametrize("size", [128, 256])
def test_training_step_memory(benchmark, add_row, smoke, size):
    size = size // 4 if smoke else size
    peaks = {}

    def measure(arm):
        peaks[arm] = memory.measure("memory_of_a_step.py", ARMS[arm], str(size))

    benchmark.pedantic(measure, args=("monet",), setup=lambda: measure("TF graph"))
    for what in peaks["monet"]:
        of_each = {arm: peaks[arm][what] for arm in ARMS}
        if None not in of_each.values():
            name = f"memory of a training step, ResNet-9, {size}x{size} float32, {what}"
            add_row(memory_row(name, of_each))
