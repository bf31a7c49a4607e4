"""The ops inside TensorFlow on the GPU: built in place, their tests, and `pytest benchmarks`."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

from gpu_stages.stage import ROOT, Failed, NotRun, Stage

# PyTorch has to find room beside it; and float32 is compared with float32, not with TF32.
_SHARED_GPU = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "TF_CPP_MIN_LOG_LEVEL": "2"}
_TESTS = ["tests/ops", "tests/layers"]
_TEST_IN_A_DRY_RUN = ["tests/ops/test_norm_values.py", "-k", "float32 and 2x9x7x12-groups4"]
_OPS = ["test_norm.py", "test_residual_block.py"]
_NETWORKS = ["test_generator.py", "test_training_step.py", "test_memory.py"]


def run_build(stage: Stage) -> None:
    """Compiles the op library beside the sources, for this GPU, as far as it isn't up to date."""
    _require_gpu(stage)
    if stage.emulated:
        raise NotRun("a dry run takes what is there")
    capability = stage.environment()["compute_capability"].replace(".", "")
    env = {"MONET_BUILD": "auto", "MONET_CUDA_ARCHS": capability}
    done = stage.run([sys.executable, "setup.py", "build_ext", "--inplace"], env=env)
    lines = done.stdout.strip().splitlines() or ["no output"]
    stage.say("\n  ".join(lines[-8:]))
    if done.returncode:
        raise Failed(f"setup.py: {lines[-1]}")
    cuda = json.loads((ROOT / "monet" / "ops" / "_build.json").read_text())["parts"]["cuda"]
    if not cuda["built"]:
        raise Failed(f"the ops were built without CUDA: {cuda['reason']}; {cuda['remedy']}")


def run_tests(stage: Stage) -> None:
    """The ops' own tests, where TensorFlow puts them on the GPU."""
    _require_gpu(stage)
    # Those in tests/ops/cuda bring an emulator of their own.
    chosen = _TEST_IN_A_DRY_RUN if stage.emulated else [*_TESTS, "--ignore=tests/ops/cuda"]
    env = {**_SHARED_GPU, "NVIDIA_TF32_OVERRIDE": "0"}
    stage.facts["pytest"] = stage.run_pytest(*chosen, env=env)


def run_ops(stage: Stage) -> None:
    """Norms and residual blocks against TensorFlow's graph, XLA, and PyTorch."""
    _benchmark(stage, _OPS)


def run_networks(stage: Stage) -> None:
    """The generator as `generate` runs it, and whole training steps with their memory."""
    if stage.emulated:
        raise NotRun("pytest benchmarks --smoke does the same on a CPU")
    _benchmark(stage, _NETWORKS)


def benchmark_file(folder: Path, name: str) -> Path:
    """Where the stage of that name leaves pytest-benchmark's results, once they are complete."""
    return folder / f"{name}-benchmarks.json"


def _benchmark(stage: Stage, files: list[str]) -> None:
    _require_gpu(stage)
    if importlib.util.find_spec("pytest_benchmark") is None:
        raise NotRun("pytest-benchmark is not installed")
    dry_run = ["--smoke", "-k", "instance_norm_relu"] if stage.emulated else []
    files = [f"benchmarks/{name}" for name in files]
    results = ["--rows", stage.rows_file, "--benchmark-json"]
    results.append(benchmark_file(stage.folder, stage.name))
    stage.facts["pytest"] = stage.run_pytest(*files, *dry_run, *results, env=_SHARED_GPU)


def _require_gpu(stage: Stage) -> None:
    if importlib.util.find_spec("tensorflow") is None:
        raise NotRun("TensorFlow is not installed")
    if not stage.emulated and not stage.environment().get("tensorflow_gpus"):
        raise NotRun("TensorFlow sees no GPU")
