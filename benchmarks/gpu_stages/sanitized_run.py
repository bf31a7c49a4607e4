"""A few calls of each bare kernel, for compute-sanitizer to watch: LIBRARY DRIVER.

Each tensor is an allocation of its own and exactly as large as it should be, and no output is
written beforehand: reading one back shows initcheck what a kernel left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

_BENCHMARKS = Path(__file__).resolve().parents[1]
sys.path += [str(_BENCHMARKS), str(_BENCHMARKS.parent)]

from gpu_stages.bare_kernels import kernels  # noqa: E402
from gpu_stages.cuda_driver import CudaDriver  # noqa: E402
from gpu_stages.memory import ITEM_BYTES, Memory  # noqa: E402
from monet_build.cuda_kernels import CudaKernels  # noqa: E402

# Scalars, with tails in each direction; vectors of 16 bytes; several chunks and tiles.
SHAPES = [(1, 7, 5, 3), (2, 8, 8, 64), (1, 40, 33, 264)]


def main(library: str, driver_library: str) -> None:
    driver, kernel_library, calls = CudaDriver(driver_library), CudaKernels(library), 0
    for shape in SHAPES[:1] if kernel_library.emulated else SHAPES:
        for name, kernel in kernels(kernel_library, shape).items():
            for dtype in ITEM_BYTES:
                with Memory(driver) as memory:
                    outputs = kernel.run_once(memory, dtype)
                finite = [np.isfinite(output).all() for output in outputs]
                if not all(finite):
                    sys.exit(f"{name} {shape} {dtype}: a result is not a number")
                calls += 1
    print(f"{calls} calls")


if __name__ == "__main__":
    main(*sys.argv[1:])
