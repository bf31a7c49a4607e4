"""Inputs for the convolution ops, and the formula in any dtype to judge their results by."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

import monet.ops

Tensors = dict[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class ReflectConv2D:
    """A call of `reflect_conv2d`."""

    shape: tuple[int, int, int, int]
    out_channels: int
    size: int = 3
    bias: bool = True

    def __str__(self) -> str:
        shape = "x".join(map(str, self.shape))
        return f"{shape}-{self.out_channels}-{self.size}x{self.size}{'-bias' if self.bias else ''}"

    def make_inputs(self, dtype: str, seed: int = 0) -> Tensors:
        normal = _normals(seed, self.shape)
        fan_in = self.size**2 * self.shape[3]
        kernel_shape = [self.size, self.size, self.shape[3], self.out_channels]
        inputs = {
            "x": normal(self.shape, dtype),
            "kernel": normal(kernel_shape, dtype, fan_in**-0.5),
        }
        if self.bias:
            inputs["bias"] = normal([self.out_channels], dtype)
        return inputs

    @property
    def result_shape(self) -> tuple[int, ...]:
        return (*self.shape[:3], self.out_channels)

    def monet(self, **options) -> tf.Tensor:
        return monet.ops.reflect_conv2d(**options)

    def plain(self, x, kernel, bias=None) -> tf.Tensor:
        y = plain_reflect_conv2d(x, kernel)
        return y if bias is None else y + bias

    @property
    def uses_winograd(self) -> bool:
        return self.size == 3


@dataclasses.dataclass(frozen=True)
class Conv2D:
    """A call of `conv2d`, or of `conv2d_transpose`, whose result is the larger one."""

    shape: tuple[int, int, int, int]
    out_channels: int
    size: tuple[int, int] = (4, 4)
    stride: int = 2
    padding: str = "same"
    transposed: bool = False

    def __str__(self) -> str:
        shape = "x".join(map(str, self.shape))
        kernel = f"{self.out_channels}-{self.size[0]}x{self.size[1]}-stride{self.stride}"
        return f"{shape}-{kernel}-{self.padding}{'-transposed' if self.transposed else ''}"

    def make_inputs(self, dtype: str, seed: int = 0) -> Tensors:
        normal = _normals(seed, self.shape)
        channels = [self.shape[3], self.out_channels]
        # Of a transposed one, each pixel reads a part of the kernel.
        taps = self.size[0] * self.size[1] / (self.stride**2 if self.transposed else 1)
        kernel_shape = [*self.size, *(channels[::-1] if self.transposed else channels)]
        std = (max(taps, 1) * channels[0]) ** -0.5
        return {"x": normal(self.shape, dtype), "kernel": normal(kernel_shape, dtype, std)}

    @property
    def result_shape(self) -> tuple[int, ...]:
        batch, *image, _ = self.shape
        return (batch, *map(self._side, image, self.size), self.out_channels)

    def _side(self, side: int, size: int) -> int:
        if not self.transposed:
            return -(-(side if self.padding == "same" else side - size + 1) // self.stride)
        if self.padding == "same":
            return side * self.stride
        return (side - 1) * self.stride + max(size, self.stride)

    def monet(self, **options) -> tf.Tensor:
        op = monet.ops.conv2d_transpose if self.transposed else monet.ops.conv2d
        return op(**options, strides=self.stride, padding=self.padding)

    def plain(self, x, kernel) -> tf.Tensor:
        if not self.transposed:
            return plain_conv2d(x, kernel, self.stride, self.padding)
        images = tf.zeros(self.result_shape, x.dtype)
        with tf.GradientTape() as tape:
            tape.watch(images)
            y = plain_conv2d(images, kernel, self.stride, self.padding)
        return tape.gradient(y, images, output_gradients=x)

    @property
    def uses_winograd(self) -> bool:
        """Whether float32 does: ChooseMethod of csrc/kernels/cpu/conv/method.cc."""
        _, height, width, _ = self.shape if self.transposed else self.result_shape
        taps, channels = self.size[0], self.shape[3]
        if self.size != (taps, taps) or not 3 <= taps <= (4 if self.stride == 1 else 6):
            return False
        least, pixels = 16, 128
        if self.stride == 2:
            least = 8 if taps >= 5 else 16
            pixels = 512 if taps == 3 or channels * self.out_channels > 16384 else 128
        return (
            self.stride <= 2
            and min(channels, self.out_channels) >= least
            and height * width >= pixels
        )


@dataclasses.dataclass(frozen=True)
class Block:
    """A call of `residual_block`."""

    shape: tuple[int, int, int, int]

    def __str__(self) -> str:
        return "block-" + "x".join(map(str, self.shape))

    def make_inputs(self, dtype: str, seed: int = 0) -> Tensors:
        normal = _normals(seed, self.shape)
        channels = self.shape[3]
        inputs = {"x": normal(self.shape, dtype, 1.0, 0.5)}
        for i in (1, 2):
            std = (9 * channels) ** -0.5
            inputs[f"kernel{i}"] = normal([3, 3, channels, channels], dtype, std)
            inputs[f"gamma{i}"] = normal([channels], "float32", 0.3, 1.0)
            inputs[f"beta{i}"] = normal([channels], "float32", 0.5)
        return inputs

    @property
    def result_shape(self) -> tuple[int, ...]:
        return self.shape

    def monet(self, **options) -> tf.Tensor:
        return monet.ops.residual_block(**options)

    def plain(self, x, kernel1, gamma1, beta1, kernel2, gamma2, beta2) -> tf.Tensor:
        y = tf.nn.relu(plain_norm(plain_reflect_conv2d(x, kernel1), gamma1, beta1))
        return x + plain_norm(plain_reflect_conv2d(y, kernel2), gamma2, beta2)

    @property
    def uses_winograd(self) -> bool:
        return True


@dataclasses.dataclass(frozen=True)
class Trunk:
    """A call of `residual_trunk`, with a name for each weight of each block."""

    shape: tuple[int, int, int, int]
    blocks: int

    def __str__(self) -> str:
        return f"trunk-{self.blocks}-" + "x".join(map(str, self.shape))

    def make_inputs(self, dtype: str, seed: int = 0) -> Tensors:
        inputs = {}
        for index in range(self.blocks):
            block = Block(self.shape).make_inputs(dtype, seed + index)
            inputs.setdefault("x", block.pop("x"))
            inputs |= {f"{name}_{index}": block[name] for name in block if name != "x"}
        return inputs

    @property
    def result_shape(self) -> tuple[int, ...]:
        return self.shape

    def weights(self, named: Tensors) -> list[tuple[tf.Tensor, ...]]:
        """The argument of that name, from the tensors of `make_inputs` but x."""
        names = ("kernel1", "gamma1", "beta1", "kernel2", "gamma2", "beta2")
        return [tuple(named[f"{name}_{i}"] for name in names) for i in range(self.blocks)]

    def monet(self, x, epsilon=1e-5, precise=None, **named) -> tf.Tensor:
        options = {"epsilon": epsilon, "precise": precise}
        return monet.ops.residual_trunk(x, self.weights(named), **options)

    def plain(self, x, **named) -> tf.Tensor:
        for weights in self.weights(named):
            x = Block(self.shape).plain(x, *weights)
        return x

    @property
    def uses_winograd(self) -> bool:
        return True


def _normals(seed: int, shape):
    random = np.random.default_rng([seed, *shape])

    def normal(shape, dtype, scale=1.0, offset=0.0):
        return tf.cast(tf.constant(random.normal(offset, scale, shape)), dtype)

    return normal


def plain_reflect_conv2d(x, kernel):
    """The formula as one would write it, in whatever dtype the inputs have."""
    pad, (height, width) = kernel.shape[0] // 2, x.shape[1:3]
    padded = tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]], mode="REFLECT")
    return tf.add_n(
        [
            tf.einsum("nhwc,co->nhwo", padded[:, i : i + height, j : j + width], kernel[i, j])
            for i in range(kernel.shape[0])
            for j in range(kernel.shape[1])
        ]
    )


def plain_conv2d(x, kernel, stride, padding):
    """The same, with zeros around the images."""
    border, spans = [], []
    for side, size in zip(x.shape[1:3], kernel.shape[:2], strict=True):
        zeros = max((-(-side // stride) - 1) * stride + size - side, 0) if padding == "same" else 0
        border.append([zeros // 2, zeros - zeros // 2])
        spans.append((side + zeros - size) // stride * stride + 1)
    padded = tf.pad(x, [[0, 0], *border, [0, 0]])
    return tf.add_n(
        [
            tf.einsum(
                "nhwc,co->nhwo",
                padded[:, i : i + spans[0] : stride, j : j + spans[1] : stride],
                kernel[i, j],
            )
            for i in range(kernel.shape[0])
            for j in range(kernel.shape[1])
        ]
    )


def plain_norm(x, gamma, beta):
    mean = tf.reduce_mean(x, [1, 2], keepdims=True)
    variance = tf.reduce_mean((x - mean) ** 2, [1, 2], keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance + tf.cast(1e-5, x.dtype)) * gamma + beta


def is_tensorflows(case, dtype: str) -> bool:
    """Whether TensorFlow computes this call on this CPU, whatever `monet.ops.use` says."""
    has_amx = monet.ops.status().instruction_set == "amx"
    return isinstance(case, Conv2D | ReflectConv2D) and dtype == "bfloat16" and has_amx


def make_dy(case, dtype: str) -> tf.Tensor:
    return _normals(1, case.shape)(case.result_shape, dtype)


def cast(inputs: Tensors, dtype: str) -> Tensors:
    return {name: tf.cast(tensor, dtype) for name, tensor in inputs.items()}


def output_and_gradients(function, inputs: Tensors, dy: tf.Tensor) -> dict[str, np.ndarray]:
    """y and the gradient of each input, as float64 arrays."""
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = function(**inputs)
    gradients = tape.gradient(y, inputs, output_gradients=dy)
    results = {"y": y, **{f"d{name}": gradient for name, gradient in gradients.items()}}
    return {name: tf.cast(tensor, tf.float64).numpy() for name, tensor in results.items()}


def penalty_gradients(function, inputs, dy):
    """Gradients of a gradient penalty: a function of the gradients of every argument."""
    with tf.GradientTape() as outer:
        outer.watch([inputs, dy])
        with tf.GradientTape() as inner:
            inner.watch(inputs)
            y = function(**inputs)
        gradients = inner.gradient(y, inputs, output_gradients=dy)
        penalty = tf.add_n([tf.reduce_sum(g * g) for g in gradients.values()])
    return outer.gradient(penalty, [*inputs.values(), dy], unconnected_gradients="zero")
