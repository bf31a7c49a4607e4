"""Random calls of every native op, each compared with its plain-TensorFlow twin.

    python tests/ops/fuzz_ops.py --minutes 10 --seed 1

test_fuzz.py runs a short, fixed stretch of the same calls.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from monet import ops
from monet.ops.shared.activations import ACTIVATIONS

# What native and twin may differ by, relative to the result's norm. The twin computes in float32 on
# inputs that are exact in the dtype, so what is left is the rounding of the native result itself
# and, in float32, of some hundred additions in another order.
TOLERANCE = {"float32": 5e-5, "bfloat16": 2e-2, "float16": 3e-3}
# Where an activation of the block is about 0, 16 bits decide otherwise than float32 whether its
# ReLU is open, and in a small tensor one pixel shows: only blunders are found. In float32, where
# such calls are left out, the second norm undoes a scaling of the first, so that with one or two
# channels gamma1's gradient is mostly cancellation.
BLOCK_GRADIENTS = {"float32": 1e-3, "bfloat16": 0.3, "float16": 0.3}


OPS = (
    "instance_norm",
    "group_norm",
    "reflection_pad",
    "bilinear_upsampling",
    "brush_strokes",
    "reflect_conv2d",
    "conv2d",
    "conv2d_transpose",
    "residual_block",
)


@dataclasses.dataclass(frozen=True)
class Call:
    """One random call: an op, its tensors (the first is in `dtype`'s precision), its options."""

    op: str
    dtype: str
    tensors: tuple[np.ndarray, ...]
    options: dict
    dy: np.ndarray

    def __str__(self) -> str:
        shapes = ", ".join("x".join(map(str, tensor.shape)) for tensor in self.tensors)
        options = ", ".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.op}({shapes}; {options}) in {self.dtype}"


def random_call(rng: np.random.Generator) -> Call:
    """A call of shapes and options that the op's documentation allows."""
    op = str(rng.choice(OPS))
    dtype = str(rng.choice(list(TOLERANCE), p=[0.6, 0.2, 0.2]))
    batch = int(rng.integers(0, 4))
    is_strided = op in ("conv2d", "conv2d_transpose")
    # With a stride Winograd takes larger images only.
    largest = 60 if is_strided and rng.random() < 0.3 else 20
    height, width = (int(size) for size in rng.integers(2, largest, 2))
    channels = int(rng.choice([1, 2, 3, 5, 8, 15, 16, 17, 31, 32, 33, 48, 64, 70]))

    def normal(shape, mean=0.0, std=1.0):
        return (mean + std * rng.standard_normal(shape)).astype(np.float32)

    x = normal((batch, height, width, channels), mean=rng.normal(), std=rng.uniform(0.5, 2))
    options = {}
    if op in ("instance_norm", "group_norm"):
        tensors = [x, normal(channels, 1, 0.2), normal(channels)]
        pad = int(rng.integers(0, min(height, width, 4)))
        options = {
            "epsilon": float(rng.choice([1e-5, 1e-3])),
            "activation": list(ACTIVATIONS)[rng.integers(len(ACTIVATIONS))],
            "negative_slope": float(rng.choice([0.2, 0.3])),
            "pad": pad,
        }
        if op == "group_norm":
            divisors = [groups for groups in range(1, channels + 1) if channels % groups == 0]
            options["groups"] = int(rng.choice(divisors))
        if rng.random() < 0.5:
            tensors.append(normal(x.shape))
        y_shape = (batch, height + 2 * pad, width + 2 * pad, channels)
    elif op == "reflection_pad":
        tensors, pad = [x], int(rng.integers(0, min(height, width)))
        options = {"pad": pad}
        y_shape = (batch, height + 2 * pad, width + 2 * pad, channels)
    elif op == "bilinear_upsampling":
        tensors, y_shape = [x], (batch, 2 * height, 2 * width, channels)
    elif op == "brush_strokes":
        x, y_shape = x[:, :, :, :9], x[:, :, :, :9].shape
        priorities = int(rng.choice([1, batch]))
        priority = np.exp(normal((priorities, height, width, 1), std=2))
        directions = rng.integers(0, ops.STROKE_ANGLES, (batch, height, width)).astype(np.int32)
        tensors = [x, priority, directions]
        length = float(rng.uniform(0.2, 1)) * min(height, width) / 1.63
        options = {"length": length, "width": length * float(rng.uniform(0.2, 1))}
    elif op == "reflect_conv2d":
        size = int(rng.choice([size for size in (1, 3, 5, 7) if size // 2 < min(height, width)]))
        out_channels = int(rng.choice([1, 2, 3, 4, 5, 16, 17, 33, 64]))
        kernel = normal((size, size, channels, out_channels), std=(size**2 * channels) ** -0.5)
        tensors = [x, kernel] + ([normal(out_channels)] if rng.random() < 0.5 else [])
        options = {"precise": bool(rng.random() < 0.5)}
        y_shape = (batch, height, width, out_channels)
    elif is_strided:
        stride, padding = int(rng.choice([1, 2, 2, 3])), str(rng.choice(["same", "valid"]))
        sizes = [int(size) for size in rng.integers(1, 6, 2)]
        if rng.random() < 0.7:
            sizes = [int(rng.choice([3, 4]))] * 2
        if op == "conv2d" and padding == "valid":
            sizes = [min(pair) for pair in zip(sizes, (height, width), strict=True)]
        if sizes == [1, 1]:
            # TensorFlow 2.21's kernel gradient of these with a stride writes out of bounds: now and
            # then the twin's is wrong, or the process aborts.
            stride = 1
        out_channels = int(rng.choice([1, 2, 3, 4, 5, 16, 17, 33, 64]))
        channel_pair = (channels, out_channels) if op == "conv2d" else (out_channels, channels)
        std = (sizes[0] * sizes[1] * channels) ** -0.5
        tensors = [x, normal((*sizes, *channel_pair), std=std)]
        options = {"strides": stride, "padding": padding, "precise": bool(rng.random() < 0.5)}
        y_shape = getattr(ops, f"{op}_ref")(*tensors, strides=stride, padding=padding).shape
    else:
        tensors = [x]
        for _ in range(2):
            kernel = normal((3, 3, channels, channels), std=(9 * channels) ** -0.5)
            tensors += [kernel, normal(channels, 1, 0.2), normal(channels)]
        options = {"precise": bool(rng.random() < 0.5), "epsilon": float(rng.choice([1e-5, 1e-3]))}
        y_shape = x.shape
    return Call(op, dtype, tuple(tensors), options, normal(y_shape))


def evaluate(function: Callable, call: Call, dtype: str) -> list[np.ndarray]:
    """The result of `function` and its gradients, computed in `dtype`, as float32 arrays."""
    tensors = []
    for tensor in call.tensors:
        if np.issubdtype(tensor.dtype, np.integer):
            tensors.append(tf.constant(tensor))
            continue
        # Gamma and beta are float32 always.
        follows_x = tensor.ndim == 4 or call.op == "reflect_conv2d"
        exact = tf.cast(tensor, call.dtype if follows_x else tf.float32)
        tensors.append(tf.cast(exact, dtype) if follows_x else exact)
    options = dict(call.options)
    positional = tensors
    if call.op.endswith("norm"):
        positional = tensors[:3] + ([options.pop("groups")] if call.op == "group_norm" else [])
        options["residual"] = tensors[3] if len(tensors) > 3 else None
    differentiable = [tensor for tensor in tensors if tensor.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(differentiable)
        y = function(*positional, **options)
    dy = tf.cast(tf.cast(call.dy, call.dtype), y.dtype)
    gradients = tape.gradient(y, differentiable, output_gradients=dy)
    return [tf.cast(tensor, tf.float32).numpy() for tensor in (y, *gradients)]


def is_decided(call: Call) -> bool:
    """Whether no activation of a float32 block is so near 0 that rounding decides its sign."""
    if call.op != "residual_block" or call.dtype != "float32":
        return True
    x, kernel, gamma, beta = call.tensors[:4]
    z = ops.instance_norm_ref(
        ops.reflect_conv2d_ref(x, kernel), gamma, beta, epsilon=call.options["epsilon"]
    )
    return np.abs(z).min(initial=1.0) > 1e-5


def check(call: Call) -> None:
    """Raises AssertionError where the native op and its twin disagree."""
    with ops.use("native"):
        native = evaluate(getattr(ops, call.op), call, call.dtype)
    twin = evaluate(getattr(ops, f"{call.op}_ref"), call, "float32")
    tolerances = [TOLERANCE[call.dtype]] * len(twin)
    if call.op == "residual_block":
        tolerances[1:] = [BLOCK_GRADIENTS[call.dtype]] * (len(twin) - 1)
    for index, (got, want) in enumerate(zip(native, twin, strict=True)):
        assert got.shape == want.shape, f"{call}: result {index} has shape {got.shape}"
        # Gradients of parameters are sums over pixels, which may cancel: what is lost then is small
        # beside what was added up.
        terms = max(call.dy[..., 0].size, 1) if index > 1 else 1
        scale = np.linalg.norm(want) + 0.1 * np.sqrt(want.size * terms)
        error = np.linalg.norm(got - want) / scale if want.size else 0.0
        assert error <= tolerances[index], f"{call}: result {index} differs by {error:.3g}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    stop = time.monotonic() + 60 * arguments.minutes
    rng = np.random.default_rng(arguments.seed)
    calls = failures = 0
    while time.monotonic() < stop:
        call = random_call(rng)
        if not is_decided(call):
            continue
        calls += 1
        try:
            check(call)
        except Exception as error:  # every kind of failure is a finding
            failures += 1
            print(f"call {calls}, seed {arguments.seed}: {call}\n  {error}", flush=True)
    print(f"{calls} calls, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
