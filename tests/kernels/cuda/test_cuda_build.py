"""The kernels compile for GPUs without warnings and keep to their registers."""

from __future__ import annotations

import pytest

from monet_build import cuda_build, cuda_toolkit
from monet_build.cuda_kernels import CudaKernels, KernelError, norm_options


@pytest.mark.skipif(cuda_toolkit.find_nvcc() is None, reason="no nvcc on PATH")
def test_nvcc(tmp_path, capsys):
    library, kernels = cuda_build.build_cuda(tmp_path)
    with capsys.disabled():
        print(f"\n{cuda_build.format_resources(kernels)}")
    assert {kernel.architecture for kernel in kernels} == set(cuda_build.ARCHITECTURES)
    names = {kernel.name for kernel in kernels}
    assert {"PartialMoments<Float16, 8>", "CombineMoments<float>", "CombineGradients"} <= names
    spilling = [kernel for kernel in kernels if kernel.spilled_bytes]
    assert not spilling
    # A T4's multiprocessor gives 64 threads each of a block's 256 this many.
    assert max(kernel.registers for kernel in kernels) <= 128
    # A T4 has 64 KB of shared memory for four resident blocks.
    assert max(kernel.shared_bytes for kernel in kernels) <= 16 << 10

    loaded = CudaKernels(library)
    assert not loaded.emulated
    if loaded.device_count() == 0:  # says so, and leaves the process alive
        with pytest.raises(KernelError, match="CUDA|device"):
            loaded.norm_forward("float32", (1, 2, 2, 4, 4), norm_options(), *[0] * 10)
