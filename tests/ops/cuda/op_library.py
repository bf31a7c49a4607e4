"""Builds an op library that has CUDA kernels and no others, from the sources setup.py builds from.

With the kernels on the emulator and registered for TensorFlow's CPU device, it runs the whole of
csrc/tensorflow/cuda_kernels.cc on a machine without a GPU.
"""

from __future__ import annotations

from pathlib import Path

from monet_build import cuda_build, toolchain
from monet_build.compilation import CSRC

_ON_THE_CPU = "-DMONET_CUDA_DEVICE=tensorflow::DEVICE_CPU"


def build_emulated(folder: Path) -> Path:
    """The kernels on the emulator, as those of TensorFlow's CPU device."""
    with cuda_build.emulated_kernels(folder) as (_, kernels):
        return _link(folder, "emulated", kernels, [], on_the_cpu=True)


def build_with_nvcc(folder: Path, *, on_the_cpu: bool = False) -> Path:
    """The kernels compiled for GPUs, as those of TensorFlow's GPU device, or of its CPU device."""
    name = "nvcc_on_the_cpu" if on_the_cpu else "nvcc"
    with cuda_build.cuda_kernels(folder) as (_, kernels, toolkit):
        return _link(folder, name, kernels, toolkit.link_flags(), on_the_cpu=on_the_cpu)


def _link(folder: Path, name: str, kernels, link_flags, *, on_the_cpu: bool) -> Path:
    tensorflow, compiler = toolchain.find_tensorflow(), toolchain.find_compiler()
    names = {str(tensorflow.path.parent): f"{tensorflow.distribution} {tensorflow.version}"}
    flags = ["-std=c++17", "-O1", "-fPIC", *tensorflow.compile_flags()]
    glue = ["norm_ops.cc", "reflection_pad_ops.cc", "cuda_kernels.cc"]
    sources = dict.fromkeys([CSRC / "tensorflow" / file for file in glue], [])
    with cuda_build.kept("glue-on-the-cpu" if on_the_cpu else "glue", folder, names) as compilation:
        flags += [_ON_THE_CPU] if on_the_cpu else []
        objects = [*kernels, *compilation.compile(compiler, sources, flags)]
        library = folder / f"{name}.so"
        compilation.link(compiler, objects, [*tensorflow.link_flags(), *link_flags], library)
    return library
