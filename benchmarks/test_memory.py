"""Peak memory of a training step beyond weights and optimizer slots: activations and scratch."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import monet

PROGRAM = Path(__file__).with_name("memory_of_a_step.py")
SOURCE = str(Path(monet.__file__).parents[1])


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_training_step_memory(report, check_floor, smoke):
    size = 64 if smoke else 128
    peaks = {}
    for name, arm in (("TF graph", "tutorial"), ("monet", "monet")):
        result = subprocess.run(
            [sys.executable, PROGRAM, arm, str(size)], stdout=subprocess.PIPE, text=True,
            check=True, env=os.environ | {"MONET_OPS": "native", "PYTHONPATH": SOURCE},
        )
        peaks[name] = int(result.stdout.split()[-1])
    name = f"memory of a training step, ResNet-9, {size}x{size} float32"
    report.add_memory(name, peaks)
    check_floor(name, peaks["TF graph"] / peaks["monet"])
