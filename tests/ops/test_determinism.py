"""The same input gives the same bits, run after run and for any number of threads."""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from convolution_cases import Block, Conv2D, ReflectConv2D, is_tensorflows, make_dy
from convolution_cases import output_and_gradients as conv_output_and_gradients
from norm_cases import DTYPES, Case, make_inputs, monet_norm, output_and_gradients

import monet.ops

ROOT = Path(__file__).parents[2]
CASES = [
    Case((1, 67, 61, 40), activation="relu", residual=True, pad=1),
    Case((2, 33, 35, 24), groups=3, activation="leaky_relu"),
    ReflectConv2D((1, 19, 23, 40), 24),
    ReflectConv2D((2, 12, 13, 3), 20, size=7),
    ReflectConv2D((1, 14, 9, 20), 3, size=7),
    Block((2, 17, 13, 33)),
    Conv2D((2, 19, 22, 24), 20),
    Conv2D((1, 13, 15, 24), 17, stride=1, padding="valid"),
    Conv2D((2, 11, 9, 20), 24, transposed=True),
]


def results(case, dtype: str) -> dict[str, np.ndarray]:
    """The output and the gradients of one call."""
    if isinstance(case, Case):
        return output_and_gradients(monet_norm, case, make_inputs(case, dtype))
    return conv_output_and_gradients(case.monet, case.make_inputs(dtype), make_dy(case, dtype))


def digest() -> str:
    """Of a few calls, in every dtype."""
    bits = hashlib.sha256()
    for case in CASES:
        for dtype in DTYPES:
            if is_tensorflows(case, dtype):
                continue  # its sums are divided by threads
            for _, value in sorted(results(case, dtype).items()):
                bits.update(value.tobytes())
    return bits.hexdigest()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_repeats_give_the_same_bits(request, native, case):
    if not isinstance(case, Case):
        request.getfixturevalue("fused_convolutions")
    first = results(case, "float32")
    for _ in range(20):
        for name, value in results(case, "float32").items():
            np.testing.assert_array_equal(first[name], value)


def test_concurrent_calls_do_not_disturb_one_another(fused_convolutions):
    norm, block = Case((1, 32, 32, 16), activation="relu", pad=1), Block((1, 15, 17, 16))
    norm_inputs = [make_inputs(norm, "float32", seed) for seed in range(4)]
    block_inputs = [block.make_inputs("float32", seed) for seed in range(4)]

    def calls():
        return [
            *(monet_norm(norm, inputs) for inputs in norm_inputs),
            *(block.monet(**inputs) for inputs in block_inputs),
        ]

    alone = [tensor.numpy() for tensor in calls()]
    together = tf.function(calls)

    for _ in range(10):
        for got, expected in zip(together(), alone, strict=True):
            np.testing.assert_array_equal(got, expected)


def test_concurrent_sessions_do_not_disturb_one_another(native):
    """Each has a graph of its own; all share the threads of the process."""
    case = Block((1, 15, 17, 24))
    inputs = case.make_inputs("float32")
    expected = case.monet(**inputs).numpy()
    arrays = {name: tensor.numpy() for name, tensor in inputs.items()}

    def run(_):
        v1 = tf.compat.v1
        with monet.ops.use("native"), tf.Graph().as_default(), v1.Session() as session:
            fed = {name: v1.placeholder(tf.float32, array.shape) for name, array in arrays.items()}
            y = case.monet(**fed)
            return [session.run(y, {fed[name]: arrays[name] for name in fed}) for _ in range(5)]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for outputs in pool.map(run, range(4)):
            for y in outputs:
                np.testing.assert_array_equal(y, expected)


def test_every_number_of_threads_gives_the_same_bits(fused_convolutions):
    here = digest()
    for threads in (1, 7):  # processes of their own; tests/kernels has more numbers in one
        assert digest_with_threads(threads) == here


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
