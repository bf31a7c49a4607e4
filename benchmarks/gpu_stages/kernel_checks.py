"""Are the bare kernels right on this GPU? Compiled, tested against float64, sanitized."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from gpu_stages.stage import Failed, NotRun, Stage
from monet_build import cuda_build
from monet_build.cuda_toolkit import find_nvcc

_FOUND_SOMETHING = 9
_FOLDER = "tests/kernels/cuda"
TESTS = [
    f"{_FOLDER}/test_cuda_{name}.py" for name in ("norm_values", "norm_numerics", "reflection_pad")
]
# Of vectors, several chunks and a second tile, with every option.
FEW_TESTS = (
    "not misaligned and (test_gradient or "
    "test_within_error_budget and (2x7x9x64 or 1x33x31x40 or 1x3x3x264))"
)
_IN_A_DRY_RUN = "test_pad and 4x5x8 or test_same_bits_every_time and float16"
_SANITIZERS = ("memcheck", "racecheck", "initcheck", "synccheck")


def run_build(stage: Stage) -> None:
    """Compiles the kernels: for this GPU, and as code for a T4, which newer GPUs translate."""
    if stage.emulated:
        cuda_build.build_emulated(_folder(stage, "native"))
        return
    if find_nvcc() is None:
        raise NotRun("nvcc is not on PATH; install the CUDA toolkit or set CUDA_HOME")
    native = int(stage.environment()["compute_capability"].replace(".", ""))
    builds = {"native": native} if native == 75 else {"native": native, "sm_75": 75}
    for build, architecture in builds.items():
        library, kernels = cuda_build.build_cuda(_folder(stage, build), [architecture])
        stage.facts[build] = resources = cuda_build.format_resources(kernels)
        stage.say(f"{library.name} for sm_{architecture}\n{resources}")
        stage.save()


def run_correctness(stage: Stage) -> None:
    """The kernels' own tests."""
    _test(stage, "native")


def run_sm_75(stage: Stage) -> None:
    """The same with code for a T4, translated by the driver of a newer GPU."""
    if stage.emulated:
        raise NotRun("an emulator has no instructions to translate")
    if stage.environment()["compute_capability"] == "7.5":
        raise NotRun("this GPU is such a one")
    _test(stage, "sm_75")


def run_sanitizers(stage: Stage) -> None:
    """NVIDIA's compute-sanitizer over some of the tests.

    These fill outputs with NaN beforehand and compare all of them, which finds what a kernel leaves
    out; initcheck finds what it reads of memory that nobody has written.
    """
    stage.library()
    if stage.emulated:
        raise NotRun("the emulator looks for the same itself, in all tests")
    beside = [str(Path(os.path.realpath(nvcc.command[0])).parent) for nvcc in [find_nvcc()] if nvcc]
    path = os.pathsep.join([os.environ.get("PATH", ""), *beside, "/usr/local/cuda/bin"])
    sanitizer = shutil.which("compute-sanitizer", path=path)
    if sanitizer is None:
        raise NotRun("compute-sanitizer is neither on PATH nor beside nvcc")
    failures = []
    for tool in _SANITIZERS:
        under = [sanitizer, "--tool", tool, "--error-exitcode", _FOUND_SOMETHING]
        try:
            _test(stage, "native", FEW_TESTS, under=under, fact=tool)
        except Failed as failure:
            failures.append(f"{tool}: {failure}")
    if failures:
        raise Failed("; ".join(failures))


def _folder(stage: Stage, build: str) -> Path:
    folder = stage.folder / build
    folder.mkdir(exist_ok=True)
    return folder


def _test(stage: Stage, build: str, chosen: str = "", *, under=(), fact: str = "pytest") -> None:
    chosen = _IN_A_DRY_RUN if stage.emulated else chosen
    env = {"MONET_TEST_CUDA_LIBRARY": str(stage.library(build))}
    stage.facts[fact] = stage.run_pytest(*TESTS, "-k", chosen, under=under, env=env)
    stage.save()
