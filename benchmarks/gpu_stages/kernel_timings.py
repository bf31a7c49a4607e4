"""How fast the bare kernels are: beside a copy of as many bytes, and beside PyTorch's norm."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch_baselines
from roofline import Roofline, Work

from gpu_stages.stage import Failed, NotRun, Stage
from gpu_stages.torch_kernels import TorchKernels, captured, seconds
from monet_build.cuda_kernels import CudaKernels

_SHAPES = [(64, 64, 256), (128, 128, 128), (256, 256, 64)]
_BATCHES = (1, 8)
_MOST_SETS = 64
_NHWC = torch.channels_last


def run_kernels(stage: Stage) -> None:
    """What share of this GPU's copy bandwidth each kernel reaches, from memory to memory."""
    kernels, device = _open(stage)
    bandwidth = _copy_bandwidth(device)
    stage.facts.update(l2_bytes=_l2_bytes(device), copy_bytes_per_second=bandwidth)
    stage.roofline = Roofline(None, bandwidth)
    stage.say(f"copy bandwidth {bandwidth / 1e9:.0f} GB/s, read and written bytes counted")
    # Before compute capability 8.0, GPUs have no arithmetic in bfloat16.
    is_old = device == "cuda" and torch.cuda.get_device_capability()[0] < 8
    dtypes = ("float32", "float16") if is_old else ("float32", "float16", "bfloat16")
    for shape, dtype in itertools.product(_shapes(stage), dtypes):
        for name, kernel in _kernels(kernels, shape, device).items():
            stage.require_seconds(10)
            row = f"kernel {name} {'x'.join(map(str, shape))} {dtype}"
            _measure(stage, row, kernel, getattr(torch, dtype), device)


def run_norm(stage: Stage) -> None:
    """Instance norm + ReLU, forward and backward, against PyTorch."""
    kernels, device = _open(stage)
    for shape, dtype in itertools.product(_shapes(stage), ("float32", "float16")):
        stage.require_seconds(60)
        _compare(stage, kernels, shape, dtype, device)


def _open(stage: Stage) -> tuple[TorchKernels, str]:
    kernels = TorchKernels(CudaKernels(stage.library()))
    if not stage.emulated and not torch.cuda.is_available():
        raise NotRun(f"PyTorch {torch.__version__} can't use this GPU")
    return kernels, "cpu" if stage.emulated else "cuda"


def _shapes(stage: Stage) -> list[tuple[int, int, int, int]]:
    if stage.emulated:
        return [(2, 6, 5, 8)]
    return [(batch, *size) for size, batch in itertools.product(_SHAPES, _BATCHES)]


def _l2_bytes(device: str) -> int:
    return torch.cuda.get_device_properties(0).L2_cache_size if device == "cuda" else 4096


def _sets(traffic: int, device: str) -> int:
    """How many sets of tensors to take in turn, so that none is still in the L2 cache."""
    return min(max(2, math.ceil(4 * _l2_bytes(device) / traffic)), _MOST_SETS)


def _copy_bandwidth(device: str) -> float:
    """Bytes per second, read and written ones, of large copies: the median of the best size."""
    free = torch.cuda.mem_get_info()[0] if device == "cuda" else 0
    medians = []
    for size in [size for size in (1 << 28, 1 << 30) if 4 * size < free] or [1 << 12]:
        source, target = (torch.randn(size // 4, device=device) for _ in range(2))
        times = [seconds(lambda to=target, x=source: to.copy_(x)) for _ in range(12)][1:]
        medians.append(2 * size / statistics.median(times))
    return max(medians)


class _Kernel(NamedTuple):
    """A kernel as a generator's trunk calls it.

    What is no image is read from float32 vectors, a few bytes.
    """

    images: list[tuple[int, ...]]  # the shapes of those that it reads
    reads: list[int]  # how often it reads each, as test_memory_traffic counts on the emulator
    call: Callable


def _kernels(kernels: TorchKernels, shape, device) -> dict[str, _Kernel]:
    batch, height, width, channels = shape
    padded = (batch, height + 2, width + 2, channels)
    gamma, beta = (torch.rand(channels, device=device) + 0.5 for _ in range(2))
    mean, rstd = (torch.rand(batch, channels, device=device) for _ in range(2))
    vectors, relu = (gamma, beta, mean, rstd), {"activation": "relu"}
    norm, grad = kernels.norm, kernels.norm_grad
    return {
        "norm+relu forward": _Kernel([shape], [2], lambda x: norm(x, gamma, beta, **relu)),
        "norm+relu from known statistics": _Kernel(
            [shape], [1], lambda x: [kernels.norm_apply(x, *vectors, **relu)]
        ),
        "norm+residual+pad forward": _Kernel(
            [shape, padded], [2, 1], lambda x, skip: norm(x, gamma, beta, skip, pad=1)
        ),
        "norm+relu backward": _Kernel(
            [shape, shape], [2, 2], lambda dy, x: grad(dy, x, *vectors, **relu)
        ),
        "norm+relu+pad backward": _Kernel(
            [padded, shape], [2, 2], lambda dy, x: grad(dy, x, *vectors, **relu, pad=1)
        ),
        "norm+residual+pad backward": _Kernel(
            [padded, shape, shape], [2, 2, 2],
            lambda dy, x, dskip: grad(dy, x, *vectors, dskip, pad=1),
        ),
        "reflection pad": _Kernel([shape], [1], lambda x: [kernels.reflection_pad(x)]),
        "reflection pad gradient": _Kernel(
            [padded], [1], lambda dy: [kernels.reflection_pad_grad(dy)]
        ),
    }  # fmt: skip


def _measure(stage: Stage, row: str, kernel: _Kernel, dtype, device: str) -> None:
    """Times a kernel against a copy of every image it reads or writes, each replayed as one graph.

    Where it reads an image twice, its row states besides what bandwidth that comes to.
    """

    def images():
        return [torch.randn(shape, device=device).to(dtype) for shape in kernel.images]

    first = images()
    results = [result for result in kernel.call(*first) if result is not None and result.ndim == 4]
    traffic = sum(image.nbytes for image in (*first, *results))
    again = zip(first, kernel.reads, strict=True)
    moved = traffic + sum((reads - 1) * image.nbytes for image, reads in again)
    sets = [first, *(images() for _ in range(_sets(traffic, device) - 1))]
    sources = torch.randn(len(sets), traffic // 4, device=device).to(torch.float16)
    targets = torch.empty_like(sources)
    arms = {
        "copy": captured(lambda: [to.copy_(x) for to, x in zip(targets, sources, strict=True)]),
        "monet": captured(lambda: [kernel.call(*tensors) for tensors in sets]),
    }
    stage.measure(row, arms, Work(0, traffic), clock=seconds, calls=len(sets), moved=moved)


def _compare(stage: Stage, kernels: TorchKernels, shape, dtype: str, device: str) -> None:
    """Tensors are as PyTorch has them in channels_last: NCHW to look at, NHWC in memory."""
    batch, height, width, channels = shape
    torch._dynamo.reset()
    torch.manual_seed(0)
    image = {"size": (batch, channels, height, width), "device": device}
    count = min(_sets(5 * math.prod(shape) * (4 if dtype == "float32" else 2), device), 16)
    images = [torch.randn(**image).to(getattr(torch, dtype)) for _ in range(count + 1)]
    gamma, beta = (torch.rand(channels, device=device) + 0.5 for _ in range(2))

    def gradients(function, layout=_NHWC):
        """As a function of nothing: results and gradients for all images."""
        dy, *own = [image.contiguous(memory_format=layout) for image in images]

        def work():
            results = []
            for x in own:
                watched = [tensor.detach().requires_grad_() for tensor in (x, gamma, beta)]
                y = function(*watched)
                results.append([y.detach(), *torch.autograd.grad(y, watched, dy)])
            return results

        return work

    # A dry run leaves out the compiler behind torch.compile, which takes long.
    backend = "eager" if stage.emulated else "inductor"
    work = {
        "PyTorch channels_last": gradients(_theirs),
        "PyTorch contiguous": gradients(_theirs, torch.contiguous_format),
        "PyTorch compiled": gradients(torch.compile(_theirs, dynamic=False, backend=backend)),
        "monet": gradients(_ours(kernels)),
    }
    _check_equal(work["monet"]()[0], work["PyTorch channels_last"]()[0], dtype)
    try:
        arms = {name: captured(one) for name, one in work.items()}
    except RuntimeError as error:
        stage.facts["without CUDA graphs"] = str(error).splitlines()[0]
        stage.say(f"timed without CUDA graphs: {error}")
        arms = work
    name = f"norm+relu {'x'.join(map(str, shape))} {dtype} forward+backward, PyTorch"
    stage.measure(name, arms, clock=seconds, calls=count)


def _theirs(x, gamma, beta):
    return torch.relu(torch_baselines.instance_norm(x, gamma, beta))


def _ours(kernels: TorchKernels) -> Callable:
    """The bare kernels as `function(x, gamma, beta)`, differentiable."""

    class NormRelu(torch.autograd.Function):
        @staticmethod
        def forward(context, x, gamma, beta):
            y, *statistics = kernels.norm(x.permute(0, 2, 3, 1), gamma, beta, activation="relu")
            context.save_for_backward(x, gamma, beta, *statistics)
            return y.permute(0, 3, 1, 2)

        @staticmethod
        def backward(context, dy):
            x, *vectors = context.saved_tensors
            dy, x = (tensor.permute(0, 2, 3, 1) for tensor in (dy, x))
            dx, dgamma, dbeta, _ = kernels.norm_grad(dy, x, *vectors, activation="relu")
            return dx.permute(0, 3, 1, 2), dgamma, dbeta

    return NormRelu.apply


def _check_equal(ours, theirs, dtype: str) -> None:
    """Raises `Failed` where results or gradients differ by more, relative to their norm.

    Tolerances are wide: of n values that are rounded differently by epsilon, a share of about
    epsilon lands on the other side of a ReLU, and their gradients are off by all they are.
    """
    for position, (own, other) in enumerate(zip(ours, theirs, strict=True)):
        error = float((own.double() - other.double()).norm() / other.double().norm())
        if not error <= (1e-3 if dtype == "float32" else 0.05):
            raise Failed(f"tensor {position} differs from PyTorch's by {error:.2g}")
