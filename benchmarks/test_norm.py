"""Instance norm + ReLU, forward and forward + backward, inside a graph."""
from __future__ import annotations

import baselines
import numpy as np
import pytest
import tensorflow as tf

from monet import ops

# The norms of a 256x256 ResNet generator: trunk, middle and outer layers.
SHAPES = [(1, 64, 64, 256), (1, 128, 128, 128), (1, 256, 256, 64)]
# A ResNet-9 generator runs 23 norms in one graph; entering a graph costs about as much as one norm.
CHAIN = 16


def baseline_norm_relu(x, gamma, beta):
    return tf.nn.relu(baselines.instance_norm(x, gamma, beta))


def monet_norm_relu(x, gamma, beta):
    return ops.instance_norm(x, gamma, beta, activation="relu")


def make_arm(norm, inputs, *, backward, jit_compile=False):
    x, gamma, beta, dy = inputs

    def chain(x, gamma, beta):
        for _ in range(CHAIN):
            x = norm(x, gamma, beta)
        return x

    @tf.function(jit_compile=jit_compile)
    def forward(x, gamma, beta, dy):
        return chain(x, gamma, beta)

    @tf.function(jit_compile=jit_compile)
    def forward_backward(x, gamma, beta, dy):
        with tf.GradientTape() as tape:
            tape.watch([x, gamma, beta])
            y = chain(x, gamma, beta)
        return tape.gradient(y, [x, gamma, beta], output_gradients=dy)

    function = forward_backward if backward else forward

    def arm():
        function(x, gamma, beta, dy)
        tf.test.experimental.sync_devices()

    return arm


@pytest.mark.parametrize("direction", ["forward", "forward+backward"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape[1:])))
def test_instance_norm_relu(compare, smoke, shape, dtype, direction):
    if smoke and shape != SHAPES[0]:
        pytest.skip("smoke run: smallest shape only")
    rng = np.random.default_rng(0)
    x, dy = (tf.cast(rng.normal(size=shape), dtype) for _ in range(2))
    gamma, beta = (tf.constant(rng.normal(1.0, 0.2, shape[-1:]), tf.float32) for _ in range(2))
    inputs = (x, gamma, beta, dy)
    backward = direction == "forward+backward"
    with ops.use("native"):
        arms = {
            "TF graph": make_arm(baseline_norm_relu, inputs, backward=backward),
            "TF XLA": make_arm(baseline_norm_relu, inputs, backward=backward, jit_compile=True),
            "monet": make_arm(monet_norm_relu, inputs, backward=backward),
        }
        compare(f"norm+relu {'x'.join(map(str, shape[1:]))} {dtype} {direction}", arms)
