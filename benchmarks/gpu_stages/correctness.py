"""The kernels' own tests on this GPU, against float64."""

from __future__ import annotations

from gpu_stages.stage import NotRun, Stage

_TESTS = "tests/kernels/cuda"
_FILES = ("test_cuda_norm_values.py", "test_cuda_norm_numerics.py", "test_cuda_reflection_pad.py")
_IN_A_DRY_RUN = "test_pad and 4x5x8 or test_same_bits_every_time and float16"


def run(stage: Stage) -> None:
    _test(stage, "native")


def run_sm_75(stage: Stage) -> None:
    """Code for a T4, translated by the driver of a newer GPU."""
    if stage.emulated:
        raise NotRun("an emulator has no instructions to translate")
    if str(stage.open_driver().facts()["compute_capability"]) == "7.5":
        raise NotRun("this GPU is such a one")
    _test(stage, "sm_75")


def _test(stage: Stage, build: str) -> None:
    files = [f"{_TESTS}/{name}" for name in _FILES]
    chosen = ["-k", _IN_A_DRY_RUN] if stage.emulated else []
    library = {"MONET_TEST_CUDA_LIBRARY": str(stage.library(build))}
    stage.facts["pytest"] = stage.run_pytest(*files, *chosen, env=library)
