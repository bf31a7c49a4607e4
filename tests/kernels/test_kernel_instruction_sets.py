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


@pytest.mark.parametrize("instruction_set", ["portable", "avx2", "avx512"])
def test_values_and_numerics(kernels, instruction_set):
    if "MONET_ISA" in os.environ:
        pytest.skip("MONET_ISA is set: this run is about that instruction set alone")
    # AMX has kernels of its own for convolutions in bfloat16 alone, and otherwise those of AVX-512.
    selected = kernels.instruction_set().replace("amx", "avx512")
    order = INSTRUCTION_SETS.index
    if order(instruction_set) >= order(selected):
        pytest.skip(f"{kernels.instruction_set()} is what the other tests run with")
    files = sorted(set(FOLDER.glob("test_*_kernels*.py")) - {FOLDER / "test_amx_kernels.py"})
    command = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *map(str, files)]
    result = run(command, instruction_set)
    assert result.returncode == 0, result.stdout


_BITS = """
import hashlib, numpy as np, monet._kernels as k
random = np.random.default_rng(0)
x = random.normal(size=(2, 24, 25, 33)).astype("float32")
kernel = random.normal(size=(3, 3, 33, 40))
results = []
for precise in (False, True):
    results += [k.conv2d_forward(x, kernel, stride=stride, precise=precise) for stride in (1, 2)]
    results.append(k.reflect_conv2d_forward(x, kernel, precise=precise))
results += k.norm_forward(x, np.ones(33), np.zeros(33), activation="silu", pad=1)
print(hashlib.sha256(b"".join(result.tobytes() for result in results)).hexdigest())
"""


def test_amx_has_the_bits_of_avx512_in_float32(kernels):
    if kernels.instruction_set() != "amx":
        pytest.skip("no AMX here")
    amx, avx512, portable = (run(["-c", _BITS], name) for name in ("amx", "avx512", "portable"))
    assert amx.stdout and amx.stdout == avx512.stdout, amx.stderr
    assert amx.stdout != portable.stdout  # which rounds between multiplying and adding
