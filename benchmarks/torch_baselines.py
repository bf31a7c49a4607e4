"""The same computations as PyTorch programs write them, where PyTorch is installed.

Tensors are channels_last, which is PyTorch's name for NHWC, with the weights converted once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from machine import GPU_CLASSES, device_class

from monet._parallel import usable_cores

try:
    import torch
    from torch.nn import functional as F
except ImportError:
    torch = None


def arms(function: Callable, inputs: Sequence[np.ndarray], dy: np.ndarray | None, dtype: str):
    """`{"PyTorch": arm}`, or nothing where there is no PyTorch.

    Args:
        function: takes the tensors of `inputs` and returns one.
        inputs: NHWC images, HWIO kernels and vectors, as TensorFlow has them.
        dy: gradient of the result, like it; None for the forward pass alone.
        dtype: what everything but vectors is converted to.
    """
    if torch is None:
        return {}
    torch.set_num_threads(usable_cores())
    device = "cuda" if device_class() in GPU_CLASSES and torch.cuda.is_available() else "cpu"
    tensors = [_tensor(value, dtype).to(device) for value in inputs]
    gradient = None if dy is None else _tensor(dy, dtype).to(device)

    def forward():
        with torch.inference_mode():
            function(*tensors)

    def forward_backward():
        watched = [tensor.detach().requires_grad_() for tensor in tensors]
        torch.autograd.grad(function(*watched), watched, gradient)

    computation = forward if dy is None else forward_backward

    def arm():
        computation()
        if device == "cuda":
            torch.cuda.synchronize()

    return {"PyTorch": arm}


def _tensor(value: np.ndarray, dtype: str):
    """NHWC becomes NCHW in channels_last layout; HWIO, OIHW in the same."""
    tensor = torch.from_numpy(np.ascontiguousarray(value, np.float32))
    if tensor.ndim != 4:
        return tensor
    is_kernel = tensor.shape[0] == tensor.shape[1] < 8
    tensor = tensor.permute(3, 2, 0, 1) if is_kernel else tensor.permute(0, 3, 1, 2)
    return tensor.to(getattr(torch, dtype)).contiguous(memory_format=torch.channels_last)


def instance_norm(x, gamma, beta):
    return F.instance_norm(x, weight=gamma.to(x.dtype), bias=beta.to(x.dtype))


def reflect_conv2d(x, kernel):
    border = kernel.shape[-1] // 2
    return F.conv2d(F.pad(x, [border] * 4, mode="reflect"), kernel)


def conv2d(x, kernel):
    # An odd pixel of padding goes to the bottom and the right.
    size = kernel.shape[-1]
    return F.conv2d(F.pad(x, [(size - 2) // 2, (size - 1) // 2] * 2), kernel, stride=2)


def conv2d_transpose(x, kernel):
    # PyTorch keeps these kernels as [in_channels, out_channels, ...], which they are by now.
    size = kernel.shape[-1]
    y = F.conv_transpose2d(x, kernel, stride=2)
    begin, end = (size - 2) // 2, (size - 1) // 2
    return y[..., begin : y.shape[-2] - end, begin : y.shape[-1] - end]


def residual_block(x, kernel1, gamma1, beta1, kernel2, gamma2, beta2):
    y = F.relu(instance_norm(reflect_conv2d(x, kernel1), gamma1, beta1))
    return x + instance_norm(reflect_conv2d(y, kernel2), gamma2, beta2)


def resnet_generator(blocks=9, filters=64):
    """A function from an image to a painting, and its weights, for `arms`."""
    rng = np.random.default_rng(0)
    weights = []

    def kernel(size, channels, out_channels):
        weights.append(rng.normal(0, 0.02, (size, size, channels, out_channels)))

    def norm(channels):
        weights.extend([np.ones(channels), np.zeros(channels)])

    kernel(7, 3, filters)
    norm(filters)
    for scale in (1, 2):
        kernel(3, filters * scale, 2 * filters * scale)
        norm(2 * filters * scale)
    for _ in range(2 * blocks):
        kernel(3, 4 * filters, 4 * filters)
        norm(4 * filters)
    for scale in (2, 1):  # conv_transpose2d wants [in, out, 3, 3]
        kernel(3, filters * scale, 2 * filters * scale)
        norm(filters * scale)
    kernel(7, filters, 3)

    def paint(x, *weights):
        weights = iter(weights)

        def norm_relu(y):
            return F.relu(instance_norm(y, next(weights), next(weights)))

        y = norm_relu(reflect_conv2d(x, next(weights)))
        for _ in range(2):
            y = norm_relu(F.conv2d(y, next(weights), stride=2, padding=1))
        for _ in range(blocks):
            y = residual_block(y, *(next(weights) for _ in range(6)))
        for _ in range(2):
            y = F.conv_transpose2d(y, next(weights), stride=2, padding=1, output_padding=1)
            y = norm_relu(y)
        return torch.tanh(reflect_conv2d(y, next(weights)))

    return paint, weights
