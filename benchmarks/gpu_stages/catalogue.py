"""All stages, most important first: their names, and the function of this package each one is."""

from __future__ import annotations

STAGES = {
    "environment": "environment",
    "build": "build",
    "correctness": "correctness",
    "kernels": "kernel_timings",
    "tensorflow-build": "tensorflow_stages:run_build",
    "tensorflow-tests": "tensorflow_stages:run_tests",
    "tensorflow-ops": "tensorflow_stages:run_ops",
    "tensorflow-networks": "tensorflow_stages:run_networks",
    "norm": "torch_norm",
    "block": "torch_block",
    "sm75": "correctness:run_sm_75",
    "sanitizers": "sanitizers",
}
# What later stages can't do without.
ALWAYS = ("environment", "build")
