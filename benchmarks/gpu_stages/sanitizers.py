"""NVIDIA's compute-sanitizer over a few calls of each kernel."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from gpu_stages.stage import Failed, NotRun, Stage
from monet_build import cuda_build

TOOLS = ("memcheck", "racecheck", "initcheck")
_FOUND_SOMETHING = 9


def run(stage: Stage) -> None:
    program = Path(__file__).with_name("sanitized_run.py")
    command = [sys.executable, program, stage.library(), stage.driver_library]
    if stage.emulated:  # the emulator looks for the same itself
        _check(stage, command, "the emulator")
        return
    sanitizer = find_sanitizer()
    if sanitizer is None:
        raise NotRun("compute-sanitizer is neither on PATH nor beside nvcc")
    failures = []
    for tool in TOOLS:
        options = ["--tool", tool, "--error-exitcode", _FOUND_SOMETHING]
        try:
            _check(stage, [sanitizer, *options, *command], tool)
        except Failed as failure:
            failures.append(str(failure))
    if failures:
        raise Failed("; ".join(failures))


def find_sanitizer() -> str | None:
    beside = [str(Path(os.path.realpath(nvcc)).parent) for nvcc in [cuda_build.nvcc()] if nvcc]
    path = os.pathsep.join([os.environ.get("PATH", ""), *beside, "/usr/local/cuda/bin"])
    return shutil.which("compute-sanitizer", path=path)


def _check(stage: Stage, command, tool: str) -> None:
    done = stage.run(command)
    lines = done.stdout.strip().splitlines() or ["no output"]
    stage.facts[tool] = lines[-1]
    stage.say(f"{tool}: {lines[-1]}")
    stage.save()
    if done.returncode:
        stage.say("\n  ".join(lines[-40:]))
        raise Failed(f"{tool}: exit status {done.returncode}, {lines[-1]}")
