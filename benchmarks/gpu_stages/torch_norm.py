"""Instance norm + ReLU, forward and backward, against PyTorch.

The bare kernels run as a PyTorch function, so that both sides are in one framework. Tensors are
as PyTorch has them in channels_last: NCHW to look at, NHWC in memory.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence

import torch
import torch_baselines

from gpu_stages.cuda_driver import CudaDriver
from gpu_stages.kernel_timings import BATCHES, SHAPES
from gpu_stages.memory import ITEM_BYTES, sets_beyond_l2
from gpu_stages.stage import Failed, NotRun, Stage
from monet_build.cuda_kernels import CudaKernels, norm_options

_WARM_UPS = 3  # torch.compile compiles in the first
_NHWC = torch.channels_last


def run(stage: Stage) -> None:
    device, driver = _device(stage), stage.open_driver()
    ours = _norm_relu(stage.open_kernels())
    shapes, batches = ([(6, 5, 8)], (2,)) if stage.emulated else (SHAPES, BATCHES)
    for size, batch, dtype in itertools.product(shapes, batches, ("float32", "float16")):
        stage.require_seconds(60)
        _compare(stage, driver, ours, device, (batch, *size), dtype)


@dataclasses.dataclass(frozen=True)
class Computation:
    """A function, the sets of tensors to call it on in turn, and the gradient of its result."""

    function: Callable
    sets: Sequence[Sequence[torch.Tensor]]
    dy: torch.Tensor

    def __call__(self) -> None:
        for tensors in self.sets:
            self.results(tensors)

    def results(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The result, followed by the gradients of all tensors."""
        watched = [tensor.detach().requires_grad_() for tensor in tensors]
        y = self.function(*watched)
        return [y.detach(), *torch.autograd.grad(y, watched, self.dy)]


def _compare(stage, driver, ours, device, shape, dtype) -> None:
    batch, height, width, channels = shape
    traffic = 5 * batch * height * width * channels * ITEM_BYTES[dtype]
    count = min(sets_beyond_l2(int(driver.facts()["l2_bytes"]), traffic), 16)
    torch._dynamo.reset()
    torch.manual_seed(0)
    like = {"dtype": getattr(torch, dtype), "device": device}
    images = torch.randn(count + 1, batch, channels, height, width, **like)
    gamma, beta = (torch.rand(channels, device=device) + 0.5 for _ in range(2))

    def computation(function, layout=_NHWC):
        dy, *own = [image.contiguous(memory_format=layout) for image in images]
        return Computation(function, [(image, gamma, beta) for image in own], dy)

    # A dry run leaves out the compiler behind torch.compile, which takes long.
    compiled = torch.compile(
        _theirs, dynamic=False, backend="eager" if stage.emulated else "inductor"
    )
    computations = {
        "PyTorch channels_last": computation(_theirs),
        "PyTorch contiguous": computation(_theirs, torch.contiguous_format),
        "PyTorch compiled": computation(compiled),
        "monet": computation(ours),
    }
    _check_equal(
        computations["monet"],
        computations["PyTorch channels_last"],
        1e-3 if dtype == "float32" else 0.05,
    )
    arms = _arms(stage, driver, computations)
    name = f"norm+relu {batch}x{height}x{width}x{channels} {dtype} forward+backward, PyTorch"
    stage.measure(name, arms, clock=lambda work: driver.seconds(work, None), calls=count)


def _device(stage: Stage) -> torch.device:
    if stage.emulated:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise NotRun(f"PyTorch {torch.__version__} can't use this GPU")
    return torch.device("cuda")


def _arms(stage: Stage, driver: CudaDriver, computations: Mapping[str, Computation]):
    """Each computation as a function that replays it as a CUDA graph.

    Graphs take Python's and the framework's own time out of the comparison. Where one can't be
    captured, all arms are called as they are, and the stage's facts say so.
    """
    for computation in computations.values():
        for _ in range(1 if stage.emulated else _WARM_UPS):
            computation()
    driver.synchronize()
    if stage.emulated:
        return computations
    try:
        return {name: _capture(computation) for name, computation in computations.items()}
    except RuntimeError as error:
        stage.facts["without CUDA graphs"] = str(error).splitlines()[0]
        stage.say(f"timed without CUDA graphs: {error}")
        return computations


def _capture(computation: Computation) -> Callable[[], None]:
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        computation()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        computation()
    return graph.replay


def _check_equal(ours: Computation, theirs: Computation, tolerance: float) -> None:
    """Raises `Failed` where results or gradients differ by more, relative to their norm.

    Tolerances are wide: of n values that are rounded differently by epsilon, a share of about
    epsilon lands on the other side of a ReLU, and their gradients are off by all they are.
    """
    pairs = zip(ours.results(ours.sets[0]), theirs.results(theirs.sets[0]), strict=True)
    for position, (own, other) in enumerate(pairs):
        error = float((own.double() - other.double()).norm() / other.double().norm())
        if not error <= tolerance:
            raise Failed(f"tensor {position} differs from PyTorch's by {error:.2g}")


def _theirs(x, gamma, beta):
    return torch.relu(torch_baselines.instance_norm(x, gamma, beta))


def _norm_relu(library: CudaKernels) -> Callable:
    """The bare kernels as `function(x, gamma, beta)`, differentiable."""
    options = norm_options(activation="relu", pad=0)

    class NormRelu(torch.autograd.Function):
        @staticmethod
        def forward(context, x, gamma, beta):
            y = torch.empty_like(x, memory_format=_NHWC)
            mean, rstd = (gamma.new_empty(x.shape[:2]) for _ in range(2))
            sized = _sizes(x)
            scratch = _scratch(x, library.norm_forward_scratch_bytes(sized))
            library.norm_forward(
                _dtype(x), sized, options, _address(x), gamma.data_ptr(), beta.data_ptr(), None, 0,
                _address(y), mean.data_ptr(), rstd.data_ptr(), scratch.data_ptr(), _stream(x),
            )  # fmt: skip
            context.save_for_backward(x, gamma, beta, mean, rstd)
            return y

        @staticmethod
        def backward(context, dy):
            x, gamma, beta, mean, rstd = context.saved_tensors
            dx, dgamma, dbeta = (torch.empty_like(tensor) for tensor in (x, gamma, beta))
            sized = _sizes(x)
            scratch = _scratch(x, library.norm_backward_scratch_bytes(sized))
            library.norm_backward(
                _dtype(x), sized, options, _address(dy), None, _address(x), gamma.data_ptr(),
                beta.data_ptr(), mean.data_ptr(), rstd.data_ptr(), _address(dx), dgamma.data_ptr(),
                dbeta.data_ptr(), None, scratch.data_ptr(), _stream(x),
            )  # fmt: skip
            return dx, dgamma, dbeta

    return NormRelu.apply


def _sizes(x) -> tuple[int, ...]:
    """NHWC and the number of groups, which is that of channels."""
    batch, channels, height, width = x.shape
    return batch, height, width, channels, channels


def _scratch(like, size: int):
    return torch.empty(size, dtype=torch.uint8, device=like.device)


def _address(x) -> int:
    if not x.is_contiguous(memory_format=_NHWC):
        raise ValueError(f"a tensor of {tuple(x.shape)} is not NHWC in memory: {x.stride()}")
    return x.data_ptr()


def _dtype(x) -> str:
    return str(x.dtype).removeprefix("torch.")


def _stream(x) -> int:
    return torch.cuda.current_stream(x.device).cuda_stream if x.is_cuda else 0
