"""A row of residual blocks, as in the middle of Johnson et al.'s generator, in one op."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from monet.ops.native import dispatch
from monet.ops.shared import arguments, residual


@tf.autograph.experimental.do_not_convert
def residual_trunk(
    x: tf.Tensor,
    weights: Sequence[Sequence[tf.Tensor]],
    *,
    epsilon: float = 1e-5,
    precise: bool | None = None,
) -> tf.Tensor:
    """Applies `residual_block` once for each entry of `weights`.

    On the CPU each block is one fused kernel. On a GPU the images are padded once and stay padded
    from block to block: TensorFlow's convolutions run `VALID` on tensors that the norm before them
    has written with a border, and the skip is read from the interior of the block's padded input,
    so that no pass over the images pads, slices or adds. The gradient runs back the same way.

    float16 is what this is for. TensorFlow's layout optimizer leaves a function's convolutions NHWC
    where at least half of them are float16 and the GPU's compute capability is at least 7.0 (T4:
    7.5), or, from 8.0 on, bfloat16, or float32 with TensorFloat-32 and without a gradient in the
    same function. Elsewhere, as in a training step in float32, it makes them NCHW and puts
    transposes between them and the norms. With TensorFloat-32 that is avoided by
    `tf.config.optimizer.set_experimental_options({"layout_optimizer": False})` before the function
    first runs; it holds for all functions, and `tf.function` has no such option of its own. On
    other GPUs convolutions in float32 would then transpose for themselves, which is more. XLA
    goes by its own rules, which prefer NHWC in float16 and, before 9.0, NCHW in float32, and copies
    where a custom call demands NHWC. docs/gpu.md counts the bytes. (Read in TensorFlow's source;
    not measured.)

    Kept for the gradient of a block: its input and the outputs of both convolutions, in the dtype
    of `x`, and their statistics. On the CPU in float32 a block's input isn't kept but found again
    from its result. On a GPU it is kept with its border, and what the second convolution read is
    computed again.

    Args:
        x: `[N, H, W, C]`, float32, bfloat16 or float16; needs `H, W > 1`.
        weights: for each block kernel1, gamma1, beta1, kernel2, gamma2, beta2, as `residual_block`
            takes them. Without a block the result is `x`.
        epsilon: added to the variances, at least 0.
        precise: as for `reflect_conv2d`; by default `MONET_PRECISE` decides, else `False`.

    Returns:
        `[N, H, W, C]`, in the dtype of `x`.

    Raises:
        ValueError: a shape, dtype or option that the op doesn't take.

    Example:

    >>> x = tf.random.normal([1, 16, 16, 32])
    >>> kernel, ones, zeros = tf.random.normal([3, 3, 32, 32]), tf.ones([32]), tf.zeros([32])
    >>> residual_trunk(x, 9 * [(kernel, ones, zeros, kernel, ones, zeros)]).shape
    TensorShape([1, 16, 16, 32])

    Source: as for `residual_block`.
    """
    x, calls = _prepare(x, weights, epsilon, precise)
    return residual.apply(dispatch.choose("residual_trunk", x), calls) if calls else x


@tf.autograph.experimental.do_not_convert
def residual_trunk_ref(
    x: tf.Tensor,
    weights: Sequence[Sequence[tf.Tensor]],
    *,
    epsilon: float = 1e-5,
    precise: bool | None = None,
) -> tf.Tensor:
    """The plain-TensorFlow twin of `residual_trunk`: same arguments, same result.

    Runs on every device, under XLA, and is differentiable any number of times.
    """
    x, calls = _prepare(x, weights, epsilon, precise)
    return residual.apply(dispatch.REFERENCE, calls) if calls else x


def _prepare(x, weights, epsilon, precise) -> tuple[tf.Tensor, list[residual.ResidualBlockCall]]:
    op = "residual_trunk"
    x = arguments.convert_images(op, x)
    weights = [tuple(block) for block in weights]
    for index, block in enumerate(weights):
        if len(block) != len(residual.WEIGHTS):
            raise ValueError(
                f"{op} needs {', '.join(residual.WEIGHTS)} of each block, got {len(block)} "
                f"entries in weights[{index}]"
            )
    calls = [
        residual.prepare(op, x, block, epsilon, precise, of=f" of weights[{index}]")
        for index, block in enumerate(weights)
    ]
    return x, calls
