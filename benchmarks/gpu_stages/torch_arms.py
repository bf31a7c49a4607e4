"""Computations in PyTorch as arms that a GPU's clock can time."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence

import torch

from gpu_stages.cuda_driver import CudaDriver
from gpu_stages.stage import Failed, NotRun, Stage

_WARM_UPS = 3  # torch.compile compiles in the first, cuDNN chooses its algorithms


@dataclasses.dataclass(frozen=True)
class Computation:
    """A function, the inputs to call it on (one after the other), and how to call it.

    Attributes:
        function: of the tensors of one set.
        sets: of tensors; the gradients of all of them are taken.
        dy: for the result; None for the forward pass alone.
        context: what the calls run inside, such as autocast.
    """

    function: Callable
    sets: Sequence[Sequence[torch.Tensor]]
    dy: torch.Tensor | None
    context: Callable = contextlib.nullcontext

    def __call__(self) -> None:
        for tensors in self.sets:
            self.results(tensors)

    def results(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The result, followed by the gradients."""
        if self.dy is None:
            with torch.no_grad(), self.context():
                return [self.function(*tensors)]
        watched = [tensor.detach().requires_grad_() for tensor in tensors]
        with torch.enable_grad(), self.context():
            y = self.function(*watched)
        return [y.detach(), *torch.autograd.grad(y, watched, self.dy.to(y.dtype))]


def device_of(stage: Stage) -> torch.device:
    if stage.emulated:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise NotRun(f"PyTorch {torch.__version__} can't use this GPU")
    torch.backends.cudnn.benchmark = True
    return torch.device("cuda")


def timed_arms(stage: Stage, driver: CudaDriver, computations: Mapping[str, Computation]):
    """Arms that replay each computation as a CUDA graph, and the clock for them.

    Graphs take Python's and the frameworks' own time out of the comparison. Where one can't be
    captured, all arms are called as they are, and the stage's facts say so.
    """
    for computation in computations.values():
        for _ in range(1 if stage.emulated else _WARM_UPS):
            computation()
    driver.synchronize()
    arms: dict[str, Callable] = dict(computations)
    if not stage.emulated:
        try:
            arms = {name: _capture(computation) for name, computation in computations.items()}
        except RuntimeError as error:
            stage.facts["without CUDA graphs"] = str(error).splitlines()[0]
            stage.say(f"timed without CUDA graphs: {error}")
    return arms, lambda work: driver.seconds(work, None)


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


def check_equal(ours: Computation, theirs: Computation, tolerance: float) -> None:
    """Raises `Failed` where results or gradients differ by more, relative to their norm.

    Tolerances are wide: of n values that are rounded differently by epsilon, a share of about
    epsilon lands on the other side of a ReLU, and their gradients are off by all they are.
    """
    tf32 = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        pairs = zip(ours.results(ours.sets[0]), theirs.results(theirs.sets[0]), strict=True)
    finally:
        torch.backends.cudnn.allow_tf32 = tf32
    for position, (own, other) in enumerate(pairs):
        error = float((own.double() - other.double()).norm() / other.double().norm())
        if not error <= tolerance:
            raise Failed(f"tensor {position} differs from PyTorch's by {error:.2g}")


def compiled(stage: Stage, function: Callable) -> Callable:
    """`torch.compile`; a dry run leaves out the compiler behind it, which takes long."""
    return torch.compile(function, dynamic=False, backend="eager" if stage.emulated else "inductor")
