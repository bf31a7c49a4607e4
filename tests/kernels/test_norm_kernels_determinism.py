"""The same bits, whatever the number of threads, the run, the alignment or what else is running."""

from __future__ import annotations

import concurrent.futures

import numpy as np
import pytest
from norm_float64 import DTYPES, Case, Results, random_inputs

CASES = [
    Case((1, 31, 33, 64), activation="relu"),
    Case((3, 24, 24, 17), activation="leaky_relu", residual=True, pad=2),
    Case((2, 40, 37, 3), groups=1, pad=1),
]


def run(kernels, case, inputs, threads) -> list[bytes]:
    x, gamma, beta, residual, dy = inputs
    options = {**case.options, "threads": threads}
    y, mean, rstd = kernels.norm_forward(x, gamma, beta, residual=residual, **options)
    gradients = kernels.norm_backward(
        dy, x, gamma, beta, mean, rstd, residual=case.residual, **options
    )
    results = Results(y, mean, rstd, *gradients)
    return [b"" if result is None else result.tobytes() for result in results]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_any_number_of_threads(kernels, case, dtype):
    inputs = random_inputs(case, dtype)
    want = run(kernels, case, inputs, threads=1)
    for threads in (2, 3, 7):
        assert run(kernels, case, inputs, threads) == want, f"{threads} threads"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_repeated(kernels, case):
    inputs = random_inputs(case, "float32")
    want = run(kernels, case, inputs, threads=4)
    assert all(run(kernels, case, inputs, threads=4) == want for _ in range(30))


def test_concurrent_calls(kernels):
    inputs = [random_inputs(case, "float32") for case in CASES]
    want = [run(kernels, *each, threads=1) for each in zip(CASES, inputs, strict=True)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        pending = [
            (pool.submit(run, kernels, CASES[i], inputs[i], 2), want[i])
            for _ in range(10)
            for i in range(len(CASES))
        ]
        assert all(future.result() == expected for future, expected in pending)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_unaligned_tensors(kernels, case, dtype):
    inputs = random_inputs(case, dtype)

    def unaligned(array):
        if array is None:
            return None
        memory = np.empty(array.nbytes + 1, np.uint8)
        moved = np.ndarray(array.shape, array.dtype, buffer=memory, offset=1)
        moved[...] = array
        assert not moved.flags.aligned
        return moved

    shifted = inputs._replace(
        x=unaligned(inputs.x), residual=unaligned(inputs.residual), dy=unaligned(inputs.dy)
    )
    assert run(kernels, case, shifted, threads=2) == run(kernels, case, inputs, threads=2)
