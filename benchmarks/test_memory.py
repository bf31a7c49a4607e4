"""Peak memory of a training step beyond weights and optimizer slots: activations and scratch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import monet

PROGRAM = Path(__file__).with_name("memory_of_a_step.py")
SOURCE = str(Path(monet.__file__).parents[1])
ARMS = {"TF graph": "tutorial", "monet": "monet"}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("size", [128, 256])
def test_training_step_memory(report, check_floor, smoke, size):
    size = size // 4 if smoke else size
    peaks = {arm: _peaks(program_arm, size) for arm, program_arm in ARMS.items()}
    for what in ("tensors", "resident"):
        of_each = {arm: peak[what] for arm, peak in peaks.items() if peak[what] is not None}
        if len(of_each) == len(ARMS):
            name = f"memory of a training step, ResNet-9, {size}x{size} float32, {what}"
            report.add_memory(name, of_each)
            check_floor(name, of_each["TF graph"] / of_each["monet"])


def _peaks(arm: str, size: int) -> dict[str, int | None]:
    result = subprocess.run(
        [sys.executable, PROGRAM, arm, str(size)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | {"MONET_OPS": "native", "PYTHONPATH": SOURCE},
    )
    return json.loads(result.stdout.splitlines()[-1])
