"""What the figures were measured on: the GPU, its driver, the toolkit, the libraries."""

from __future__ import annotations

import datetime
import importlib.util
import json
import os
import platform
import subprocess
import sys

from machine import cpu_model, gpu_class

from gpu_stages.driver import find_gpu
from gpu_stages.stage import ROOT, Stage
from monet_build.cuda_toolkit import find_nvcc

_SMI_FIELDS = (
    "driver_version,vbios_version,pstate,clocks.sm,clocks.mem,clocks.max.sm,clocks.max.mem,"
    "power.limit,temperature.gpu,ecc.mode.current,memory.total,memory.used"
)
# Printed by a process of its own: TensorFlow takes all memory of a GPU that it sees.
_TENSORFLOW = """
import json, tensorflow as tf
gpus = tf.config.list_physical_devices("GPU")
build = tf.sysconfig.get_build_info()
facts = {"tensorflow": tf.__version__, "tensorflow_gpus": len(gpus)}
facts |= {f"tensorflow_{k}": build[k] for k in ("cuda_version", "cudnn_version") if k in build}
try:
    from monet import ops
    facts["monet_ops"] = str(ops.status())
except Exception as error:
    facts["monet_ops"] = f"{type(error).__name__}: {error}"
print(json.dumps(facts))
"""


def run(stage: Stage) -> None:
    found = find_nvcc()
    nvcc = found and found.command[0]
    smi = _output("nvidia-smi", f"--query-gpu={_SMI_FIELDS}", "--format=csv,noheader").splitlines()
    values = smi[0].split(", ") if smi else []
    stage.facts |= {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": _output("git", "rev-parse", "HEAD"),
        "uncommitted": _output("git", "status", "--porcelain").count("\n"),
        "cpu": {"brand_raw": cpu_model(), "count": os.cpu_count()},
        "python_version": platform.python_version(),
        "platform": platform.platform(),
        "nvcc": nvcc and f"{nvcc}, {''.join(_output(nvcc, '--version').splitlines()[-1:])}",
        **({"gpu": "emulator", "compute_capability": "7.5"} if stage.emulated else find_gpu()),
        "nvidia_smi": dict(zip(_SMI_FIELDS.split(","), values, strict=False)),
        "gpus": len(smi),
        **_torch(),
        **_tensorflow(stage),
    }
    facts = stage.facts
    facts["device_class"] = gpu_class(facts["gpu"])
    facts["libraries"] = {name: facts[name] for name in ("tensorflow", "torch") if facts[name]}
    for name, value in facts.items():
        stage.say(f"{name:<22} {value}")


def _output(*command: str, timeout: float = 60) -> str:
    """What a program prints, or nothing where there is no such program."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _torch() -> dict[str, object]:
    try:
        import torch
    except ImportError:
        return {"torch": None}
    return {
        "torch": torch.__version__,
        "torch_cuda": torch.version.cuda,
        "torch_cudnn": torch.backends.cudnn.version(),
        "torch_sees_gpu": torch.cuda.is_available(),
    }


def _tensorflow(stage: Stage) -> dict[str, object]:
    if importlib.util.find_spec("tensorflow") is None:
        return {"tensorflow": None, "tensorflow_gpus": 0}
    if stage.emulated:  # importing it takes longer than the rest of the dry run
        return {"tensorflow": "installed", "tensorflow_gpus": 0}
    printed = _output(sys.executable, "-c", _TENSORFLOW, timeout=180).splitlines()
    if not printed:
        return {"tensorflow": "installed, but can't be imported", "tensorflow_gpus": 0}
    return json.loads(printed[-1])
