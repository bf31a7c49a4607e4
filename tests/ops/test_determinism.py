"""The same input gives the same bits, run after run and for any number of threads."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from norm_cases import Case, make_inputs, monet_norm, output_and_gradients

import monet.ops

ROOT = Path(__file__).parents[2]
CASES = [
    Case((1, 67, 61, 40), activation="relu", residual=True, pad=1),
    Case((2, 33, 35, 24), groups=3, activation="leaky_relu"),
]


def digest() -> str:
    """Of the outputs and gradients of a few calls, in every dtype."""
    bits = hashlib.sha256()
    for case in CASES:
        for dtype in ("float32", "bfloat16", "float16"):
            results = output_and_gradients(monet_norm, case, make_inputs(case, dtype))
            for name in sorted(results):
                bits.update(results[name].tobytes())
    return bits.hexdigest()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_repeats_give_the_same_bits(native, case):
    inputs = make_inputs(case, "float32")
    first = output_and_gradients(monet_norm, case, inputs)
    for _ in range(20):
        again = output_and_gradients(monet_norm, case, inputs)
        for name, value in first.items():
            np.testing.assert_array_equal(again[name], value)


def test_concurrent_calls_do_not_disturb_one_another(native):
    case = Case((1, 32, 32, 16), activation="relu", pad=1)
    inputs = [make_inputs(case, "float32", seed) for seed in range(8)]
    alone = [monet_norm(case, each).numpy() for each in inputs]

    @tf.function
    def together():
        return [monet_norm(case, each) for each in inputs]

    for _ in range(10):
        for got, expected in zip(together(), alone, strict=True):
            np.testing.assert_array_equal(got, expected)


def test_every_number_of_threads_gives_the_same_bits(native):
    here = digest()
    assert digest_with_threads(1) == here
    assert digest_with_threads(5) == here


def digest_with_threads(threads: int) -> str:
    done = subprocess.run(
        [sys.executable, __file__, str(threads)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()[-1]


if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(int(sys.argv[1]))
    with monet.ops.use("native"):
        print(digest())
