"""The stages of `benchmarks/gpu.py`, most important first, and how each is started."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A stage's function in this package, as "module:function", and the most minutes it may take.

    `run_stage.py` calls it with a `stage.Stage`.
    """

    function: str
    minutes: float


STAGES = {
    "environment": Entry("environment:run", 5),
    "build": Entry("kernel_checks:run_build", 10),
    "correctness": Entry("kernel_checks:run_correctness", 5),
    "kernels": Entry("kernel_timings:run_kernels", 8),
    "tensorflow-build": Entry("tensorflow_stages:run_build", 12),
    "tensorflow-networks": Entry("tensorflow_stages:run_networks", 15),
    "tensorflow-ops": Entry("tensorflow_stages:run_ops", 12),
    "norm": Entry("kernel_timings:run_norm", 8),
    "sanitizers": Entry("kernel_checks:run_sanitizers", 8),
    "sm75": Entry("kernel_checks:run_sm_75", 5),
    "tensorflow-tests": Entry("tensorflow_stages:run_tests", 25),
}
# What later stages can't do without.
ALWAYS = ("environment", "build")
