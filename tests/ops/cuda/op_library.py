"""Builds an op library that has CUDA kernels and no others, from the sources setup.py builds from.

With the kernels on the emulator and registered for TensorFlow's CPU device, it runs the whole of
csrc/tensorflow/cuda_kernels.cc on a machine without a GPU.
"""

from __future__ import annotations

from pathlib import Path

from monet_build import cuda_build, cuda_toolkit, toolchain
from monet_build.compilation import Compilation

CSRC = Path(__file__).resolve().parents[3] / "csrc"

ON_THE_CPU = "-DMONET_CUDA_DEVICE=tensorflow::DEVICE_CPU"


def build_emulated(folder: Path) -> Path:
    """The kernels on the emulator, as those of TensorFlow's CPU device."""
    kernels = _kernels(folder / "emulated", toolchain.find_compiler(), cuda_build.EMULATOR_FLAGS)
    return _link(folder, "emulated", kernels, [], [ON_THE_CPU])


def build_with_nvcc(folder: Path, *, on_the_cpu: bool = False) -> Path:
    """The kernels compiled for a T4, as those of TensorFlow's GPU device, or of its CPU device."""
    toolkit = cuda_toolkit.choose_architectures(cuda_toolkit.find_nvcc(), "75")
    kernels = _kernels(folder / "nvcc", toolkit.nvcc, toolkit.compile_flags())
    name, flags = ("nvcc_on_the_cpu", [ON_THE_CPU]) if on_the_cpu else ("nvcc", [])
    return _link(folder, name, kernels, toolkit.link_flags(), flags)


def _kernels(folder: Path, compiler: toolchain.Compiler, flags: list[str]) -> list[Path]:
    sources = dict.fromkeys(sorted((CSRC / "kernels" / "cuda").glob("*.cu")), [])
    return Compilation(folder).compile(compiler, sources, flags)


def _link(folder: Path, name: str, kernels, link_flags, kernel_flags) -> Path:
    tensorflow, compiler = toolchain.find_tensorflow(), toolchain.find_compiler()
    compilation = Compilation(folder)
    glue = {
        CSRC / "tensorflow" / "norm_ops.cc": [],
        CSRC / "tensorflow" / "reflection_pad_ops.cc": [],
        CSRC / "tensorflow" / "cuda_kernels.cc": kernel_flags,
    }
    flags = ["-std=c++17", "-O1", "-fPIC", *tensorflow.compile_flags()]
    objects = [*kernels, *compilation.compile(compiler, glue, flags)]
    library = folder / f"{name}.so"
    compilation.link(compiler, objects, [*tensorflow.link_flags(), *link_flags], library)
    return library
