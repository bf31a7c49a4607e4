"""Are the bare kernels right on this GPU? Compiled, tested against float64, sanitized."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from gpu_stages.stage import Failed, NotRun, Stage
from monet_build import cuda_build

SANITIZERS = ("memcheck", "racecheck", "initcheck", "synccheck")
_FOUND_SOMETHING = 9
_TESTS = "tests/kernels/cuda"
_FILES = ("test_cuda_norm_values.py", "test_cuda_norm_numerics.py", "test_cuda_reflection_pad.py")
_IN_A_DRY_RUN = "test_pad and 4x5x8 or test_same_bits_every_time and float16"


def run_build(stage: Stage) -> None:
    """Compiles the kernels: for this GPU, and as code for a T4, which newer GPUs translate."""
    if stage.emulated:
        cuda_build.build_emulated(_folder(stage, "native"))
        return
    if cuda_build.nvcc() is None:
        raise NotRun("nvcc is not on PATH; install the CUDA toolkit or set CUDA_HOME")
    native = int(stage.compute_capability().replace(".", ""))
    builds = {"native": native} if native == 75 else {"native": native, "sm_75": 75}
    for build, architecture in builds.items():
        library, kernels = cuda_build.build_cuda(_folder(stage, build), [architecture])
        stage.facts[build] = resources = cuda_build.format_resources(kernels)
        stage.say(f"{library.name} for sm_{architecture}\n{resources}")
        stage.save()


def build_emulated_driver(stage: Stage) -> None:
    """The stand-in for the driver, which a dry run needs first of all."""
    source = Path(__file__).with_name("emulated_driver.cc")
    command = [cuda_build.host_compiler(), "-std=c++17", "-O1", "-fPIC", "-shared", source]
    subprocess.run([*command, "-o", stage.driver_library], check=True)


def run_correctness(stage: Stage) -> None:
    """The kernels' own tests."""
    _test(stage, "native")


def run_sm_75(stage: Stage) -> None:
    """The same with code for a T4, translated by the driver of a newer GPU."""
    if stage.emulated:
        raise NotRun("an emulator has no instructions to translate")
    if stage.compute_capability() == "7.5":
        raise NotRun("this GPU is such a one")
    _test(stage, "sm_75")


def run_sanitizers(stage: Stage) -> None:
    """NVIDIA's compute-sanitizer over a few calls of each kernel."""
    program = Path(__file__).with_name("sanitized_run.py")
    command = [sys.executable, program, stage.library(), stage.driver_library]
    if stage.emulated:  # the emulator looks for the same itself
        _sanitize(stage, command, "the emulator")
        return
    sanitizer = _find_sanitizer()
    if sanitizer is None:
        raise NotRun("compute-sanitizer is neither on PATH nor beside nvcc")
    failures = []
    for tool in SANITIZERS:
        options = ["--tool", tool, "--error-exitcode", _FOUND_SOMETHING]
        try:
            _sanitize(stage, [sanitizer, *options, *command], tool)
        except Failed as failure:
            failures.append(str(failure))
    if failures:
        raise Failed("; ".join(failures))


def _folder(stage: Stage, build: str) -> Path:
    folder = stage.folder / build
    folder.mkdir(exist_ok=True)
    return folder


def _test(stage: Stage, build: str) -> None:
    files = [f"{_TESTS}/{name}" for name in _FILES]
    chosen = ["-k", _IN_A_DRY_RUN] if stage.emulated else []
    library = {"MONET_TEST_CUDA_LIBRARY": str(stage.library(build))}
    stage.facts["pytest"] = stage.run_pytest(*files, *chosen, env=library)


def _find_sanitizer() -> str | None:
    beside = [str(Path(os.path.realpath(nvcc)).parent) for nvcc in [cuda_build.nvcc()] if nvcc]
    path = os.pathsep.join([os.environ.get("PATH", ""), *beside, "/usr/local/cuda/bin"])
    return shutil.which("compute-sanitizer", path=path)


def _sanitize(stage: Stage, command, tool: str) -> None:
    done = stage.run(command)
    lines = done.stdout.strip().splitlines() or ["no output"]
    stage.facts[tool] = lines[-1]
    stage.say(f"{tool}: {lines[-1]}")
    stage.save()
    if done.returncode:
        stage.say("\n  ".join(lines[-40:]))
        raise Failed(f"{tool}: exit status {done.returncode}, {lines[-1]}")
