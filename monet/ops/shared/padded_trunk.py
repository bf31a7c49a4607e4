"""Residual blocks whose tensors stay padded from one to the next, around TensorFlow's convolutions.

    padded ── conv1 ── norm, relu ── conv2 ── norm ── + ── padded, for the next block
       └──────────────────────────────────────────────┘

The images are padded once. From there on every convolution is `VALID`, every norm writes its result
with the border that the next convolution reads, and the second norm of a block adds the interior of
the block's own padded input. The gradient runs back the same way: `dskip` hands what reaches a
block's result through the next one's skip to the norm that folds the border's gradient back. So
neither direction pads, slices or adds images in a pass of its own.

Kept for the gradient, for each block: its padded input, which is the previous one's result; the
outputs of both convolutions; the statistics. What the second convolution reads is computed again,
from the first norm's statistics by a read and a write of one tensor, for a quarter less memory.
That holds for graphs: outside of one, the tape keeps it all the same, and XLA decides when to.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from monet.ops.native import library
from monet.ops.shared.custom_gradient import custom_gradient
from monet.ops.shared.plain_convolution import plain_conv2d

_FIRST = {"activation": "relu", "pad": 1}  # of a block's norms
_VALID = {"strides": [1, 1, 1, 1], "padding": "VALID"}


def padded_trunk(x: tf.Tensor, weights: Sequence[Sequence[tf.Tensor]], epsilon: float) -> tf.Tensor:
    """The result of `residual_trunk`, by native norms and TensorFlow's convolutions.

    Args:
        x: `[N, H, W, C]`.
        weights: kernel1, gamma1, beta1, kernel2, gamma2, beta2 of each block, as checked tensors.
        epsilon: added to the variances.
    """

    @custom_gradient
    def trunk(x, *flat):
        blocks = tf.nest.pack_sequence_as(weights, flat)
        y, saved = _forward(x, blocks, epsilon)

        def gradient(dy):
            dx, dblocks = _backward(dy, blocks, saved, epsilon)
            return [dx, *tf.nest.flatten(dblocks)]

        return y, gradient

    return trunk(x, *tf.nest.flatten(weights))


def _forward(x, blocks, epsilon):
    """The trunk's result, and for each block what its gradient needs."""
    norm = library.ops().monet_norm
    saved = []
    padded = library.ops().monet_reflection_pad(x=x, pad=1)
    for index, (kernel1, gamma1, beta1, kernel2, gamma2, beta2) in enumerate(blocks):
        conv1 = plain_conv2d(padded, kernel1)
        first = norm(conv1, gamma1, beta1, [], epsilon=epsilon, **_FIRST)
        conv2 = plain_conv2d(first.y, kernel2)
        second = norm(
            conv2, gamma2, beta2, [padded], residual_pad=1, epsilon=epsilon,
            pad=_result_pad(index, blocks),
        )  # fmt: skip
        saved.append((padded, conv1, first[1:], conv2, second[1:]))
        padded = second.y
    return padded, saved


def _backward(dy, blocks, saved, epsilon):
    """The gradients of x and of each block's weights."""
    apply, norm_gradient = library.ops().monet_norm_apply, library.ops().monet_norm_grad
    dblocks = []
    dskip: list[tf.Tensor] = []
    for index, (kernel1, gamma1, beta1, kernel2, gamma2, beta2) in reversed(
        list(enumerate(blocks))
    ):
        padded, conv1, statistics1, conv2, statistics2 = saved[index]
        # Of the last result, which has no border and is read once, dy is the residual's gradient.
        dconv2, dgamma2, dbeta2, dresidual = norm_gradient(
            dy, conv2, gamma2, beta2, *statistics2, dskip,
            num_residual=len(dskip), epsilon=epsilon, pad=_result_pad(index, blocks),
        )  # fmt: skip
        dskip = dresidual or [dy]
        # The dependency keeps this from being computed, and kept, in the forward pass.
        with tf.control_dependencies([dconv2]):
            activated = apply(conv1, gamma1, beta1, *statistics1, epsilon=epsilon, **_FIRST)
        dkernel2 = _kernel_gradient(activated, kernel2, dconv2)
        dactivated = _input_gradient(padded, kernel2, dconv2)
        dconv1, dgamma1, dbeta1, _ = norm_gradient(
            dactivated, conv1, gamma1, beta1, *statistics1, [],
            num_residual=0, epsilon=epsilon, **_FIRST,
        )  # fmt: skip
        dkernel1 = _kernel_gradient(padded, kernel1, dconv1)
        dblocks.append((dkernel1, dgamma1, dbeta1, dkernel2, dgamma2, dbeta2))
        dy = _input_gradient(padded, kernel1, dconv1)
    dx = library.ops().monet_reflection_pad_grad(dy=dy, dskip=dskip, pad=1)
    return dx, dblocks[::-1]


def _result_pad(index: int, blocks: Sequence) -> int:
    return 0 if index == len(blocks) - 1 else 1


# TensorFlow's gradients of convolutions don't take batches without images.


def _input_gradient(like, kernel, dy):
    if dy.shape[0] == 0:
        return tf.zeros_like(like)
    return tf.raw_ops.Conv2DBackpropInput(
        input_sizes=tf.shape(like), filter=kernel, out_backprop=dy, **_VALID
    )


def _kernel_gradient(x, kernel, dy):
    if dy.shape[0] == 0:
        return tf.zeros_like(kernel)
    return tf.raw_ops.Conv2DBackpropFilter(
        input=x, filter_sizes=tf.shape(kernel), out_backprop=dy, **_VALID
    )
