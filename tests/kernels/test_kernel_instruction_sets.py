"""The other instruction sets this CPU could run with, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

INSTRUCTION_SETS = ["portable", "avx2", "avx512", "amx"]
FOLDER = Path(__file__).parent


def run(command: list[str], instruction_set: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "MONET_ISA": instruction_set}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True
    )


def test_selected_one_was_built(kernels):
    assert kernels.instruction_set() in kernels.built_with()["instruction_sets"]
    assert kernels.built_with()["compiler"]
    assert set(map(type, kernels.cpu_features().values())) == {bool}


@pytest.mark.parametrize("cap", [*INSTRUCTION_SETS, "nonsense"])
def test_monet_isa_caps(kernels, cap):
    program = "import monet._kernels as k; print(k.instruction_set())"
    result = run(["-c", program], cap)
    order = INSTRUCTION_SETS.index
    best = kernels.instruction_set() if "MONET_ISA" not in os.environ else "portable"
    if cap in INSTRUCTION_SETS:
        assert order(result.stdout.strip()) <= order(cap)
    else:
        assert order(result.stdout.strip()) >= order(best)


@pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)
def test_values_and_numerics(kernels, instruction_set):
    if "MONET_ISA" in os.environ:
        pytest.skip("MONET_ISA is set: this run is about that instruction set alone")
    order = INSTRUCTION_SETS.index
    if order(instruction_set) >= order(kernels.instruction_set()):
        pytest.skip(f"{kernels.instruction_set()} is what the other tests run with")
    files = sorted(set(FOLDER.glob("test_*_kernels*.py")) - {FOLDER / "test_amx_kernels.py"})
    command = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *map(str, files)]
    result = run(command, instruction_set)
    assert result.returncode == 0, result.stdout
