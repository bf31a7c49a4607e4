"""Instance norm + ReLU, forward and backward, against PyTorch."""

from __future__ import annotations

import itertools

from gpu_stages.kernel_timings import BATCHES, SHAPES
from gpu_stages.memory import ITEM_BYTES, sets_beyond_l2
from gpu_stages.stage import NotRun, Stage

try:
    import torch
    import torch_baselines
except ImportError:
    torch = None


def run(stage: Stage) -> None:
    if torch is None:
        raise NotRun("PyTorch is not installed")
    from gpu_stages.torch_arms import device_of
    from gpu_stages.torch_fused import FusedNorm, norm_relu

    device, driver = device_of(stage), stage.open_driver()
    ours = norm_relu(FusedNorm(stage.open_kernels()))
    shapes, batches = ([(6, 5, 8)], (2,)) if stage.emulated else (SHAPES, BATCHES)
    for size, batch, dtype in itertools.product(shapes, batches, ("float32", "float16")):
        stage.require_seconds(60)
        _compare(stage, driver, ours, device, (batch, *size), dtype)


def _compare(stage, driver, ours, device, shape, dtype) -> None:
    from gpu_stages.torch_arms import Computation, check_equal, compiled, timed_arms

    batch, height, width, channels = shape
    traffic = 5 * batch * height * width * channels * ITEM_BYTES[dtype]
    count = min(sets_beyond_l2(int(driver.facts()["l2_bytes"]), traffic), 16)
    torch._dynamo.reset()
    torch.manual_seed(0)

    def tensors(layout):
        like = {"dtype": getattr(torch, dtype), "device": device}
        made = torch.randn(count + 1, batch, channels, height, width, **like)
        return [image.contiguous(memory_format=layout) for image in made]

    gamma, beta = (torch.rand(channels, device=device) + 0.5 for _ in range(2))

    def computation(function, layout=torch.channels_last):
        torch.manual_seed(0)
        dy, *images = tensors(layout)
        return Computation(function, [(image, gamma, beta) for image in images], dy)

    computations = {
        "PyTorch channels_last": computation(_theirs),
        "PyTorch contiguous": computation(_theirs, torch.contiguous_format),
        "PyTorch compiled": computation(compiled(stage, _theirs)),
        "monet": computation(ours),
    }
    check_equal(
        computations["monet"], computations["PyTorch channels_last"],
        1e-3 if dtype == "float32" else 0.05,
    )  # fmt: skip
    arms, clock = timed_arms(stage, driver, computations)
    name = f"norm+relu {batch}x{height}x{width}x{channels} {dtype} forward+backward, PyTorch"
    stage.measure(name, arms, clock=clock, calls=count)


def _theirs(x, gamma, beta):
    return torch.relu(torch_baselines.instance_norm(x, gamma, beta))
