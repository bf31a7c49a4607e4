"""Strided convolution: the same bits always, from its own memory alone."""

from __future__ import annotations

import concurrent.futures
import dataclasses

import numpy as np
import pytest
from conv2d_cases import SOME, SYMMETRIC, assert_same_bits, run, same_case, sweep
from conv2d_float64 import Case, Inputs, random_inputs
from guarded_array import GuardedArray, guarded_copy

# Each image has as many pixels as few of them, and all together have not; then Winograd's.
BATCHES = [
    same_case((3, 14, 17, 40), 48),
    same_case((3, 14, 17, 64), 80),
    Case((3, 5, 6, 80), 64, (3, 3), 1, ((3, 2), (3, 4))),
    Case((3, 14, 16, 64), 3, padding=SYMMETRIC),
    Case((3, 13, 15, 65), 48, (3, 3), 1, SYMMETRIC),
    Case((3, 14, 16, 20), 64, stride=1, padding=((1, 2), (2, 1))),
    Case((3, 47, 49, 17), 80, padding=SYMMETRIC),
    Case((3, 63, 64, 17), 80, padding=SYMMETRIC),
    Case((9, 16, 16, 17), 80, padding=SYMMETRIC),
    Case((3, 70, 41, 3), 16, padding=SYMMETRIC),
]


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("case", SOME, ids=str)
def test_same_bits_for_any_number_of_threads(kernels, case, precise):
    inputs = random_inputs(case)
    want = run(kernels, case, inputs, precise=precise, threads=1)
    for threads in (2, 3, 7):
        got = run(kernels, case, inputs, precise=precise, threads=threads)
        assert_same_bits(got, want, f"with {threads} threads")


def test_same_bits_when_repeated_and_concurrent(kernels):
    cases = [SOME[0], *SOME[3:6], *SOME[-5::2]]
    inputs = [random_inputs(case) for case in cases]
    want = [run(kernels, *each, threads=2) for each in zip(cases, inputs, strict=True)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        pending = [
            (pool.submit(run, kernels, cases[i], inputs[i], threads=2), want[i])
            for _ in range(5)
            for i in range(len(cases))
        ]
        for future, expected in pending:
            assert_same_bits(future.result(), expected)


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("case", BATCHES, ids=str)
def test_image_of_a_batch_has_the_bits_it_has_alone(kernels, case, precise):
    one_image = dataclasses.replace(case, shape=(1, *case.shape[1:]))
    inputs = random_inputs(case)
    together = run(kernels, case, inputs, precise=precise)
    for n in range(3):
        one = inputs._replace(x=inputs.x[n : n + 1], dy=inputs.dy[n : n + 1])
        alone = run(kernels, one_image, one, precise=precise)
        np.testing.assert_array_equal(alone.y[0], together.y[n])
        np.testing.assert_array_equal(alone.dx[0], together.dx[n])


@pytest.mark.parametrize("at", ["start", "end"])
@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("case", [*SOME, *list(sweep())[4::11]], ids=str)
def test_stays_inside_its_tensors_and_writes_all_of_the_result(kernels, case, precise, at):
    inputs = random_inputs(case)
    want = run(kernels, case, inputs, precise=precise, threads=2)
    copies = Inputs(*(guarded_copy(array, at) for array in inputs))
    out = [GuardedArray(array.shape, at) for array in want]
    arrays = [guarded.array for guarded in out]
    got = run(kernels, case, copies, out=arrays, precise=precise, threads=2)
    assert all(a is b for a, b in zip(got, arrays, strict=True))
    assert_same_bits(got, want)
    for guarded in out:
        guarded.assert_nothing_written_around()
