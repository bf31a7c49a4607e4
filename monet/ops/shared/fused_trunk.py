"""Residual blocks, each one fused kernel, that keep less for their gradients together than alone.

A block adds to its input `x` the second norm of its second convolution, so `x` is what is left when
that is taken away from the result again. Going backwards, every block's input follows from its
result, which is the next block's input: the trunk keeps the outputs of the convolutions, their
statistics and its own result, two tensors a block in place of three. This costs a pass of the norm
for each block, and the rounding error of an addition, which only the gradients of the first kernels
see.

The idea is that of reversible networks: Gomez et al., "The Reversible Residual Network", 2017
(arXiv:1707.04585).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from monet.ops.native import library
from monet.ops.shared.custom_gradient import custom_gradient
from monet.ops.shared.second_order import differentiate_gradient


def fused_trunk(
    x: tf.Tensor,
    weights: Sequence[Sequence[tf.Tensor]],
    *,
    epsilon: float,
    precise: bool,
    twin: Callable[..., tf.Tensor],
) -> tf.Tensor:
    """The result of `residual_trunk`, by the native residual block.

    Args:
        x: `[N, H, W, C]`, float32. Half the digits would not do to find a block's input again.
        weights: kernel1, gamma1, beta1, kernel2, gamma2, beta2 of each block, as checked tensors.
        epsilon: added to the variances.
        precise: whether convolutions do without Winograd's algorithm.
        twin: `(x, *weights) -> result` in plain TensorFlow, for gradients of gradients.
    """
    options = {"epsilon": epsilon, "precise": precise}
    flat = tf.nest.flatten(weights)

    @custom_gradient
    def trunk(x, *flat):
        blocks = tf.nest.pack_sequence_as(weights, flat)
        y, saved = x, []
        for block in blocks:
            y, *of_block = library.ops().monet_residual_block(y, *block, **options)
            saved.append(of_block)

        @custom_gradient
        def gradient(dy, x, *flat):
            # Tensors of this graph, where the gradient is in another one than the trunk.
            inputs = [tf.identity(tensor) for tensor in (x, *flat)]

            def second(*upstream):
                return differentiate_gradient(twin, inputs, [], dy, upstream)

            return _backward(dy, y, blocks, saved, options), second

        return y, lambda dy: gradient(dy, x, *flat)

    return trunk(x, *flat)


def _backward(dy, y, blocks, saved, options):
    """The gradients of x and of all weights, from that of the result `y`."""
    gradients: list[tf.Tensor] = []
    for block, of_block in reversed(list(zip(blocks, saved, strict=True))):
        # So that no block's input is there before the gradient that it is for.
        with tf.control_dependencies([dy]):
            y = _input(y, block, of_block[3], options["epsilon"])
        block_gradient = library.ops().monet_residual_block_grad
        dy, *of_weights = block_gradient(dy, y, *block, *of_block, **options)
        gradients = of_weights + gradients
    return [dy, *gradients]


def _input(y, block, conv2, epsilon):
    """What a block added the norm of `conv2` to, to get `y`."""
    *_, gamma2, beta2 = block
    return library.ops().monet_norm(conv2, -gamma2, -beta2, [y], epsilon=epsilon).y
