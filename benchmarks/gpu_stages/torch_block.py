"""Residual blocks in a row: PyTorch's, and PyTorch's convolutions with the fused norms around."""

from __future__ import annotations

import functools
import itertools

from gpu_stages.stage import NotRun, Stage

try:
    import torch
    import torch_baselines
except ImportError:
    torch = None

BLOCKS = 3


def run(stage: Stage) -> None:
    if torch is None:
        raise NotRun("PyTorch is not installed")
    from gpu_stages.torch_arms import device_of
    from gpu_stages.torch_fused import FusedNorm, residual_trunk

    device, driver = device_of(stage), stage.open_driver()
    stage.facts["tf32 in float32 convolutions"] = torch.backends.cudnn.allow_tf32
    stage.facts["monet"] = "PyTorch's convolutions, this package's bare kernels around them"
    ours = residual_trunk(FusedNorm(stage.open_kernels()))
    shape, batches = ((5, 6, 8), (2,)) if stage.emulated else ((64, 64, 256), (1, 8))
    directions = ("forward", "forward+backward")
    for batch, dtype, direction in itertools.product(batches, ("float32", "float16"), directions):
        stage.require_seconds(60)
        _compare(stage, driver, ours, device, (batch, *shape), dtype, direction)


def _compare(stage, driver, ours, device, shape, dtype, direction) -> None:
    from gpu_stages.torch_arms import Computation, check_equal, compiled, timed_arms

    torch._dynamo.reset()
    torch.manual_seed(0)
    batch, height, width, channels = shape
    single = [torch.randn(batch, channels, height, width, device=device)]
    for _ in range(2 * BLOCKS):
        single += [
            torch.randn(channels, channels, 3, 3, device=device) * 0.02,
            torch.rand(channels, device=device) + 0.5,
            torch.randn(channels, device=device),
        ]
    single = [t.contiguous(memory_format=torch.channels_last) if t.ndim == 4 else t for t in single]
    tensors = [t.to(getattr(torch, dtype)) if t.ndim == 4 else t for t in single]
    dy = torch.randn_like(tensors[0]) if direction == "forward+backward" else None

    computations = {
        "PyTorch channels_last": Computation(_theirs, [tensors], dy),
        "PyTorch compiled": Computation(compiled(stage, _theirs), [tensors], dy),
    }
    if dtype == "float16" and not stage.emulated:
        # Weights in float32, as training has them; graphs can't use autocast's cache of casts.
        autocast = functools.partial(torch.autocast, "cuda", torch.float16, cache_enabled=False)
        computations["PyTorch autocast"] = Computation(_theirs, [single], dy, autocast)
    computations["monet"] = Computation(ours, [tensors], dy)
    tolerance = 5e-3 if dtype == "float32" else 0.1
    check_equal(computations["monet"], computations["PyTorch channels_last"], tolerance)
    arms, clock = timed_arms(stage, driver, computations)
    size = "x".join(map(str, shape))
    name = f"{BLOCKS} residual blocks {size} {dtype} {direction}, PyTorch"
    stage.measure(name, arms, clock=clock)


def _theirs(x, *weights):
    for first in range(0, len(weights), 6):
        x = torch_baselines.residual_block(x, *weights[first : first + 6])
    return x
