"""The CUDA kernels on the emulator and, where nvcc and a GPU are at hand, on the GPU."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from device_memory import GpuBuffer, GuardedBuffer
from numpy_kernels import NumPyKernels

from monet_build import cuda_build, cuda_toolkit, toolchain
from monet_build.cuda_kernels import CudaKernels

# A compiled library, if there is one already: `benchmarks/gpu.py` tests those that it has built.
LIBRARY = os.environ.get("MONET_TEST_CUDA_LIBRARY")


class Device:
    """Kernels, and the memory they work on."""

    def __init__(self, kernels: CudaKernels):
        self.kernels = kernels

    def buffer(self, shape, dtype, misaligned=False):
        if self.kernels.emulated:
            return GuardedBuffer(shape, dtype, misaligned)
        return GpuBuffer(self.kernels, shape, dtype, misaligned)

    def upload(self, values, misaligned=False):
        return self.buffer(values.shape, values.dtype, misaligned).write(values)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory) -> Device:
    if not sys.platform.startswith("linux"):
        pytest.skip("the emulator needs Linux")
    if not toolchain.has_compiler():
        pytest.skip("no C++ compiler on PATH")
    folder = tmp_path_factory.mktemp("cuda_emulated")
    return Device(CudaKernels(cuda_build.build_emulated(folder)))


@pytest.fixture(scope="session")
def gpu(tmp_path_factory) -> Device:
    library = LIBRARY or cuda_build.build_cuda(tmp_path_factory.mktemp("cuda"))[0]
    kernels = CudaKernels(library)
    if LIBRARY:
        return Device(kernels)
    if kernels.device_count() == 0:
        pytest.skip("CUDA sees no GPU")
    return Device(kernels)


def _has_gpu() -> bool:
    return cuda_toolkit.find_nvcc() is not None and any(
        Path(driver).exists() for driver in ("/dev/nvidiactl", "/dev/dxg")
    )


def _devices() -> list[str]:
    if LIBRARY:
        return ["gpu"]
    return ["emulator", "gpu"] if _has_gpu() else ["emulator"]


@pytest.fixture(params=_devices())
def device(request) -> Device:
    return request.getfixturevalue(request.param)


@pytest.fixture
def kernels(device) -> NumPyKernels:
    return NumPyKernels(device)
