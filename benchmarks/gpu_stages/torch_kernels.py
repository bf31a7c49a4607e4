"""The bare kernels on PyTorch's tensors, and PyTorch's clock and graphs on a GPU."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from monet_build.cuda_kernels import CudaKernels, norm_options

_WARM_UPS = 3  # before a graph is captured; torch.compile compiles in the first


class TorchKernels:
    """The kernels of a library as functions of NHWC tensors; results are new tensors."""

    def __init__(self, library: CudaKernels) -> None:
        self._library = library

    def norm(self, x, gamma, beta, residual=None, *, activation=None, pad=0):
        """Instance norm: y, mean, rstd. A `residual` has a border of 1, which isn't read."""
        batch, height, width, channels = x.shape
        sized = (*x.shape, channels)
        y = x.new_empty(batch, height + 2 * pad, width + 2 * pad, channels)
        mean, rstd = (gamma.new_empty(batch, channels) for _ in range(2))
        scratch = _bytes(x, self._library.norm_forward_scratch_bytes(sized))
        options = norm_options(activation=activation, pad=pad)
        pointers = _pointers(x, gamma, beta, residual)
        self._library.norm_forward(
            _dtype(x), sized, options, *pointers, int(residual is not None),
            *_pointers(y, mean, rstd, scratch), _stream(x),
        )  # fmt: skip
        return y, mean, rstd

    def norm_apply(self, x, gamma, beta, mean, rstd, *, activation=None):
        """y once more, from the statistics."""
        sized = (*x.shape, x.shape[3])
        y = torch.empty_like(x)
        scratch = _bytes(x, self._library.norm_forward_scratch_bytes(sized))
        pointers = _pointers(x, gamma, beta, mean, rstd, y, scratch)
        options = norm_options(activation=activation)
        self._library.norm_apply(_dtype(x), sized, options, *pointers, _stream(x))
        return y

    def norm_grad(self, dy, x, gamma, beta, mean, rstd, dskip=None, *, activation=None, pad=0):
        """dx, dgamma, dbeta, and with `dskip`, which comes past the padding, dresidual."""
        sized = (*x.shape, x.shape[3])
        dx, dgamma, dbeta = (torch.empty_like(tensor) for tensor in (x, gamma, beta))
        dresidual = None if dskip is None else torch.empty_like(x)
        scratch = _bytes(x, self._library.norm_backward_scratch_bytes(sized))
        options = norm_options(activation=activation, pad=pad)
        pointers = _pointers(dy, dskip, x, gamma, beta, mean, rstd)
        results = _pointers(dx, dgamma, dbeta, dresidual, scratch)
        self._library.norm_backward(_dtype(x), sized, options, *pointers, *results, _stream(x))
        return dx, dgamma, dbeta, dresidual

    def reflection_pad(self, x):
        """By 1."""
        batch, height, width, channels = x.shape
        y = x.new_empty(batch, height + 2, width + 2, channels)
        self._library.reflection_pad(_dtype(x), x.shape, 1, *_pointers(x, y), _stream(x))
        return y

    def reflection_pad_grad(self, dy):
        batch, height, width, channels = dy.shape
        dx = dy.new_empty(batch, height - 2, width - 2, channels)
        pointers = _pointers(dy, None, dx)
        self._library.reflection_pad_grad(_dtype(dy), dx.shape, 1, *pointers, _stream(dy))
        return dx


def _bytes(like, size: int):
    return torch.empty(size, dtype=torch.uint8, device=like.device)


def _pointers(*tensors) -> list[int | None]:
    if not all(tensor is None or tensor.is_contiguous() for tensor in tensors):
        raise ValueError("a tensor is not NHWC in memory")
    return [None if tensor is None else tensor.data_ptr() for tensor in tensors]


def _dtype(x) -> str:
    return str(x.dtype).removeprefix("torch.")


def _stream(x) -> int:
    return torch.cuda.current_stream(x.device).cuda_stream if x.is_cuda else 0


def seconds(work: Callable[[], object]) -> float:
    """How long `work` keeps the GPU busy, by its own events; or the CPU, by the wall clock."""
    if not torch.cuda.is_available():
        start = time.perf_counter()
        work()
        return time.perf_counter() - start
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    work()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1e3


def captured(work: Callable[[], object]) -> Callable[[], object]:
    """Records what `work` queues as a CUDA graph; returns what replays it.

    Graphs take Python's and the framework's own time out of a comparison. What `work` returns is
    kept until it is recorded, so that no result is written where another still is in the cache.
    """
    for _ in range(_WARM_UPS if torch.cuda.is_available() else 1):
        work()
    if not torch.cuda.is_available():
        return work
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay
