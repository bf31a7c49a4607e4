"""What share of this GPU's copy bandwidth each bare kernel reaches, from memory to memory."""

from __future__ import annotations

import itertools
import statistics

from roofline import Roofline, Work

from gpu_stages.bare_kernels import kernels
from gpu_stages.cuda_driver import CudaDriver
from gpu_stages.memory import ITEM_BYTES, Memory, sets_beyond_l2
from gpu_stages.stage import Stage

SHAPES = [(64, 64, 256), (128, 128, 128), (256, 256, 64)]
BATCHES = (1, 8)
_IN_A_DRY_RUN = [(6, 5, 8)]


def run(stage: Stage) -> None:
    driver, library = stage.open_driver(), stage.open_kernels()
    facts = driver.facts()
    bandwidth = copy_bandwidth(driver, int(facts["memory_bytes"]), stage.emulated)
    stage.facts.update(l2_bytes=facts["l2_bytes"], copy_bytes_per_second=bandwidth)
    stage.roofline = Roofline(None, bandwidth)
    stage.say(f"copy bandwidth {bandwidth / 1e9:.0f} GB/s, read and written bytes counted")

    shapes, batches = (_IN_A_DRY_RUN, (2,)) if stage.emulated else (SHAPES, BATCHES)
    # Before compute capability 8.0, GPUs have no arithmetic in bfloat16.
    is_old = not stage.emulated and float(str(facts["compute_capability"])) < 8
    dtypes = [dtype for dtype in ITEM_BYTES if not (is_old and dtype == "bfloat16")]
    for size, batch, dtype in itertools.product(shapes, batches, dtypes):
        for name, kernel in kernels(library, (batch, *size)).items():
            stage.require_seconds(10)
            row = f"kernel {name} {batch}x{'x'.join(map(str, size))} {dtype}"
            _measure(stage, driver, row, kernel, dtype, int(facts["l2_bytes"]))


def _measure(stage, driver, row, kernel, dtype, l2_bytes) -> None:
    """Times the kernel against a copy that moves as many bytes, each replayed as one graph."""
    traffic = kernel.traffic(dtype)
    sets = sets_beyond_l2(l2_bytes, traffic)
    with Memory(driver) as memory:
        calls = kernel.calls(memory, dtype, sets)
        half = traffic // 2
        sources = memory.copies(memory.normal([half // 2], "float16"), half, sets)
        pairs = [(source, memory.empty(half)) for source in sources]

        def compute(stream):
            for call in calls:
                call(stream)

        def copy(stream):
            for source, target in pairs:
                driver.copy(target, source, half, stream)

        arms = {}
        for arm, work in {"copy": copy, "monet": compute}.items():
            work(driver.stream)
            driver.synchronize()
            arms[arm] = driver.capture(work)
        stage.measure(
            row, arms, Work(0, traffic), calls=sets,
            clock=lambda work: driver.seconds(work, driver.stream),
        )  # fmt: skip
        driver.synchronize()


def copy_bandwidth(driver: CudaDriver, memory_bytes: int, emulated: bool) -> float:
    """Bytes per second, read and written ones, of large copies: the median of the best size."""
    sizes = [1 << 12] if emulated else [s for s in (1 << 28, 1 << 30) if 4 * s < memory_bytes]
    medians = []
    for size in sizes:
        with Memory(driver) as memory:
            source, target = memory.normal([size // 4], "float32"), memory.empty(size)

            def copy(source=source, target=target, size=size):
                driver.copy(target, source, size, None)

            driver.seconds(copy, None)
            times = [driver.seconds(copy, None) for _ in range(11)]
            medians.append(2 * size / statistics.median(times))
    return max(medians)
