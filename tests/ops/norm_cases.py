"""Inputs for the normalization ops and two ways to judge their results: float64 and the plain op.

A fused op may err at most a few times what the plain formula errs in the same dtype, both measured
against the plain formula in float64.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

import monet.ops

DTYPES = ("float32", "bfloat16", "float16")


# Written out: not the functions of monet.ops, which are what is tested.
PLAIN_ACTIVATIONS = {
    None: lambda z, negative_slope: z,
    "relu": lambda z, negative_slope: tf.where(z > 0, z, 0 * z),
    "leaky_relu": lambda z, negative_slope: tf.where(z > 0, z, negative_slope * z),
    "silu": lambda z, negative_slope: z / (1 + tf.exp(-z)),
}


@dataclasses.dataclass(frozen=True)
class Case:
    shape: tuple[int, int, int, int]
    groups: int | None = None  # None: instance normalization
    activation: str | None = None
    residual: bool = False
    pad: int = 0
    epsilon: float = 1e-5
    negative_slope: float = 0.2

    def __str__(self) -> str:
        parts = ["x".join(map(str, self.shape))]
        parts += [f"groups{self.groups}"] if self.groups else []
        parts += [self.activation] if self.activation else []
        parts += ["residual"] if self.residual else []
        parts += [f"pad{self.pad}"] if self.pad else []
        return "-".join(parts)

    @property
    def padded_shape(self) -> tuple[int, int, int, int]:
        batch, height, width, channels = self.shape
        return batch, height + 2 * self.pad, width + 2 * self.pad, channels


# Odd sizes on purpose: single columns, primes, one more and one less than a vector or a block.
CASES = [
    Case((1, 3, 1, 1)),
    Case((2, 1, 7, 3), activation="relu"),
    Case((1, 5, 3, 129), activation="relu", pad=2),
    Case((2, 8, 8, 64), activation="leaky_relu", residual=True, pad=1),
    Case((3, 17, 13, 15), residual=True),
    Case((1, 37, 41, 33), activation="relu", residual=True, pad=3),
    Case((1, 64, 63, 16), activation="leaky_relu", negative_slope=0.01),
    Case((2, 9, 7, 12), groups=1, activation="relu"),
    Case((2, 7, 5, 18), groups=3, activation="silu", residual=True, pad=2),
    Case((2, 9, 7, 12), groups=4, residual=True, pad=1),
    Case((1, 11, 6, 96), groups=32, activation="leaky_relu", pad=2),
    Case((2, 6, 5, 10), groups=10, activation="relu"),
    Case((1, 33, 31, 34), groups=2, epsilon=1e-3),
]


@dataclasses.dataclass(frozen=True)
class Inputs:
    x: tf.Tensor
    gamma: tf.Tensor
    beta: tf.Tensor
    residual: tf.Tensor | None
    dy: tf.Tensor

    @property
    def sources(self) -> list[tf.Tensor]:
        residual = [] if self.residual is None else [self.residual]
        return [self.x, self.gamma, self.beta, *residual]

    def cast(self, dtype, parameter_dtype) -> Inputs:
        def cast(tensor):
            return None if tensor is None else tf.cast(tensor, dtype)

        return Inputs(
            cast(self.x),
            tf.cast(self.gamma, parameter_dtype),
            tf.cast(self.beta, parameter_dtype),
            cast(self.residual),
            cast(self.dy),
        )


def make_inputs(case: Case, dtype: str, seed: int = 0) -> Inputs:
    random = np.random.default_rng([seed, *case.shape])
    channels = case.shape[-1]

    def normal(shape, dtype, scale=1.0, offset=0.0):
        return tf.cast(tf.constant(random.normal(offset, scale, shape)), dtype)

    return Inputs(
        x=normal(case.shape, dtype, 2.0, 0.5),
        gamma=normal([channels], "float32", 0.5, 1.0),
        beta=normal([channels], "float32", 0.5),
        residual=normal(case.shape, dtype) if case.residual else None,
        dy=normal(case.padded_shape, dtype),
    )


def monet_norm(case: Case, inputs: Inputs) -> tf.Tensor:
    options = dict(
        epsilon=case.epsilon,
        activation=case.activation,
        negative_slope=case.negative_slope,
        residual=inputs.residual,
        pad=case.pad,
    )
    if case.groups is None:
        return monet.ops.instance_norm(inputs.x, inputs.gamma, inputs.beta, **options)
    return monet.ops.group_norm(inputs.x, inputs.gamma, inputs.beta, case.groups, **options)


def plain_norm(case: Case, inputs: Inputs) -> tf.Tensor:
    """The formula as one would write it, in whatever dtype the inputs have."""
    batch, height, width, channels = case.shape
    groups = case.groups or channels
    x = tf.reshape(inputs.x, [batch, height, width, groups, channels // groups])
    mean = tf.reduce_mean(x, [1, 2, 4], keepdims=True)
    variance = tf.reduce_mean((x - mean) ** 2, [1, 2, 4], keepdims=True)
    normalized = (x - mean) * tf.math.rsqrt(variance + tf.cast(case.epsilon, x.dtype))
    y = tf.reshape(normalized, case.shape) * inputs.gamma + inputs.beta
    y = PLAIN_ACTIVATIONS[case.activation](y, tf.cast(case.negative_slope, y.dtype))
    if inputs.residual is not None:
        y += inputs.residual
    pad = [case.pad, case.pad]
    return tf.pad(y, [[0, 0], pad, pad, [0, 0]], mode="REFLECT") if case.pad else y


def output_and_gradients(norm, case: Case, inputs: Inputs) -> dict[str, np.ndarray]:
    """y and the gradients of its sources, as float64 arrays."""
    with tf.GradientTape() as tape:
        tape.watch(inputs.sources)
        y = norm(case, inputs)
    gradients = tape.gradient(y, inputs.sources, output_gradients=inputs.dy)
    names = ["y", "dx", "dgamma", "dbeta", "dresidual"]
    return {
        name: tf.cast(tensor, tf.float64).numpy()
        for name, tensor in zip(names, [y, *gradients], strict=False)
    }


def error(got: np.ndarray, expected: np.ndarray) -> float:
    """Largest error relative to the largest value."""
    return float(np.max(np.abs(got - expected)) / max(np.max(np.abs(expected)), 1e-30))
