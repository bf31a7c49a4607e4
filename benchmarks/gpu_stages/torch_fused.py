"""The bare kernels as PyTorch functions, so that both sides of a comparison run in one framework.

Tensors are as PyTorch has them in channels_last: NCHW to look at, NHWC in memory.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from monet_build.cuda_kernels import CudaKernels, norm_options

_NHWC = torch.channels_last


class FusedNorm:
    """Instance norm with activation, residual and padding, and its gradient."""

    def __init__(self, library: CudaKernels) -> None:
        self._library = library

    def forward(self, x, gamma, beta, *, activation=None, pad=0, padded_residual=None):
        """Returns y, mean, rstd; `padded_residual` is added without its border of one pixel."""
        shape = _nhwc(x)
        batch, height, width, channels = shape
        y = _images(x, height + 2 * pad, width + 2 * pad)
        mean, rstd = (gamma.new_empty(batch, channels) for _ in range(2))
        sized = (*shape, channels)
        scratch = _scratch(x, self._library.norm_forward_scratch_bytes(sized))
        self._library.norm_forward(
            _dtype(x), sized, norm_options(activation=activation, pad=pad), _address(x),
            gamma.data_ptr(), beta.data_ptr(), _address(padded_residual), 1, _address(y),
            mean.data_ptr(), rstd.data_ptr(), scratch.data_ptr(), _stream(x),
        )  # fmt: skip
        return y, mean, rstd

    def backward(
        self, dy, x, gamma, beta, mean, rstd, *, activation=None, pad=0, dskip=None, residual=False
    ):
        """Returns dx, dgamma, dbeta, and with `residual` its gradient, `dskip` added."""
        batch, height, width, channels = shape = _nhwc(x)
        dx = _images(x, height, width)
        dresidual = _images(x, height, width) if residual else None
        dgamma, dbeta = torch.empty_like(gamma), torch.empty_like(beta)
        sized = (*shape, channels)
        scratch = _scratch(x, self._library.norm_backward_scratch_bytes(sized))
        self._library.norm_backward(
            _dtype(x), sized, norm_options(activation=activation, pad=pad), _address(dy),
            _address(dskip), _address(x), gamma.data_ptr(), beta.data_ptr(), mean.data_ptr(),
            rstd.data_ptr(), _address(dx), dgamma.data_ptr(), dbeta.data_ptr(),
            _address(dresidual), scratch.data_ptr(), _stream(x),
        )  # fmt: skip
        return dx, dgamma, dbeta, dresidual

    def pad(self, x):
        batch, height, width, channels = shape = _nhwc(x)
        y = _images(x, height + 2, width + 2)
        self._library.reflection_pad(_dtype(x), shape, 1, _address(x), _address(y), _stream(x))
        return y

    def pad_gradient(self, dy, dskip):
        """The gradient of `pad`, with that of what was read beside it added."""
        batch, height, width, channels = _nhwc(dy)
        shape = (batch, height - 2, width - 2, channels)
        dx = _images(dy, *shape[1:3])
        self._library.reflection_pad_grad(
            _dtype(dy), shape, 1, _address(dy), _address(dskip), _address(dx), _stream(dy)
        )
        return dx


def norm_relu(fused: FusedNorm):
    """`function(x, gamma, beta)`, differentiable."""

    class NormRelu(torch.autograd.Function):
        @staticmethod
        def forward(context, x, gamma, beta):
            y, mean, rstd = fused.forward(x, gamma, beta, activation="relu")
            context.save_for_backward(x, gamma, beta, mean, rstd)
            return y

        @staticmethod
        def backward(context, dy):
            return fused.backward(dy, *context.saved_tensors, activation="relu")[:3]

    return NormRelu.apply


def residual_trunk(fused: FusedNorm):
    """`function(x, *weights)`, differentiable: residual blocks in a row, six weights each.

    The padded tensor flows from block to block; a block's skip is read from its interior, and the
    gradient of a skip joins that of the padded tensor in the kernel that reads both.
    """

    class Trunk(torch.autograd.Function):
        @staticmethod
        def forward(context, x, *weights):
            padded, saved = fused.pad(x), []
            blocks = _blocks(weights)
            for number, (kernel1, gamma1, beta1, kernel2, gamma2, beta2) in enumerate(blocks, 1):
                conv1 = _nhwc_memory(F.conv2d(padded, kernel1))
                inner, *statistics1 = fused.forward(conv1, gamma1, beta1, activation="relu", pad=1)
                conv2 = _nhwc_memory(F.conv2d(inner, kernel2))
                last = number == len(blocks)
                following, *statistics2 = fused.forward(
                    conv2, gamma2, beta2, pad=0 if last else 1, padded_residual=padded
                )
                saved += [padded, conv1, *statistics1, inner, conv2, *statistics2]
                padded = following
            context.save_for_backward(*saved, *weights)
            return padded

        @staticmethod
        def backward(context, dy):
            count = len(context.saved_tensors) // 14
            saved, weights = context.saved_tensors[: 8 * count], context.saved_tensors[8 * count :]
            gradients, dskip, pad = [], None, 0
            for number, block in reversed(list(enumerate(_blocks(weights)))):
                kernel1, gamma1, beta1, kernel2, gamma2, beta2 = block
                padded, conv1, mean1, rstd1, inner, conv2, mean2, rstd2 = saved[8 * number :][:8]
                dconv2, dgamma2, dbeta2, dskip = fused.backward(
                    dy, conv2, gamma2, beta2, mean2, rstd2, pad=pad, dskip=dskip, residual=True
                )
                dinner, dkernel2 = _conv_gradients(dconv2, inner, kernel2)
                dconv1, dgamma1, dbeta1, _ = fused.backward(
                    dinner, conv1, gamma1, beta1, mean1, rstd1, activation="relu", pad=1
                )
                dy, dkernel1 = _conv_gradients(dconv1, padded, kernel1)
                pad = 1
                gradients = [dkernel1, dgamma1, dbeta1, dkernel2, dgamma2, dbeta2, *gradients]
            return fused.pad_gradient(dy, dskip), *gradients

    return Trunk.apply


def _blocks(weights):
    return [weights[first : first + 6] for first in range(0, len(weights), 6)]


def _conv_gradients(dy, x, kernel):
    dx, dkernel, _ = torch.ops.aten.convolution_backward(
        dy, x, kernel, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, [True, True, False]
    )
    return _nhwc_memory(dx), dkernel


def _nhwc_memory(x):
    """`x` itself, as cuDNN returns what it was given in this layout."""
    return x.contiguous(memory_format=_NHWC)


def _nhwc(x) -> tuple[int, int, int, int]:
    batch, channels, height, width = x.shape
    return batch, height, width, channels


def _images(like, height: int, width: int):
    batch, channels = like.shape[:2]
    return torch.empty(
        (batch, channels, height, width), dtype=like.dtype, device=like.device,
        memory_format=_NHWC,
    )  # fmt: skip


def _scratch(like, size: int):
    return torch.empty(size, dtype=torch.uint8, device=like.device)


def _address(x) -> int | None:
    if x is not None and not x.is_contiguous(memory_format=_NHWC):
        raise ValueError(f"a tensor of {tuple(x.shape)} is not NHWC in memory: {x.stride()}")
    return None if x is None else x.data_ptr()


def _dtype(x) -> str:
    return str(x.dtype).removeprefix("torch.")


def _stream(x) -> int:
    return torch.cuda.current_stream(x.device).cuda_stream if x.is_cuda else 0
