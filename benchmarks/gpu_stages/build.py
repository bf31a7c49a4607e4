"""Compiles the bare kernels: for this GPU, and as code for a T4, which newer GPUs translate."""

from __future__ import annotations

import subprocess

from gpu_stages.stage import NotRun, Stage
from monet_build import cuda_build


def run(stage: Stage) -> None:
    if stage.emulated:
        cuda_build.build_emulated(_folder(stage, "native"))
        return
    if cuda_build.nvcc() is None:
        raise NotRun("nvcc is not on PATH; install the CUDA toolkit or set CUDA_HOME")
    capability = str(stage.open_driver().facts()["compute_capability"])
    native = int(capability.replace(".", ""))
    builds = {"native": native} if native == 75 else {"native": native, "sm_75": 75}
    for build, architecture in builds.items():
        library, kernels = cuda_build.build_cuda(_folder(stage, build), [architecture])
        stage.facts[build] = resources = cuda_build.format_resources(kernels)
        stage.say(f"{library.name} for sm_{architecture}\n{resources}")
        stage.save()


def build_emulated_driver(stage: Stage) -> None:
    """The stand-in for the driver, which a dry run needs first of all."""
    source = cuda_build.CSRC.parent / "benchmarks" / "gpu_stages" / "emulated_driver.cc"
    command = [cuda_build.host_compiler(), "-std=c++17", "-O1", "-fPIC", "-shared", source]
    subprocess.run([*command, "-o", stage.driver_library], check=True)


def _folder(stage: Stage, build: str):
    folder = stage.folder / build
    folder.mkdir(exist_ok=True)
    return folder
