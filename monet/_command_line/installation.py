"""What is installed, what of it is native, and remedies for what is missing."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import os
import platform
import sysconfig
from pathlib import Path

import monet
from monet import _ambient
from monet._missing import INSTALL_TENSORFLOW
from monet._parallel import usable_cores


def collect() -> dict:
    """Everything `python -m monet.info` knows, as plain JSON types."""
    variables = _ambient.variables()
    deadly = _ambient.what_ends_tensorflow()
    if deadly is not None:  # or this process would end so
        for name in _ambient.DEADLY:
            os.environ.pop(name, None)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    tensorflow, tensorflow_error = _import_tensorflow()
    from monet.ops.native import library  # imports TensorFlow, if there is one

    try:
        record = library.read_record()
        record_error = None
    except library.Unusable as unusable:
        record, record_error = {}, str(unusable)
    report = {
        "versions": _versions(library),
        "import_errors": _import_errors(),
        "tensorflow_error": tensorflow_error,
        "build": record,
        "build_error": record_error,
        "cpu": _cpu(),
        "gpu": _gpu(tensorflow),
        "ops": _ops(library, tensorflow, record),
        "variables": variables,
    }
    report["remedies"] = [*filter(None, [deadly]), *_remedies(report), *_ambient.remedies()]
    return report


def _import_tensorflow():
    try:
        import tensorflow
    except Exception as error:  # a broken installation raises whatever its last import raised
        return None, _what_is_wrong(error, "tensorflow")
    return tensorflow, None


def _import_errors() -> dict[str, tuple[str, str]]:
    """What to install, and what is wrong, for each other package needed that can't be imported."""
    errors = {}
    for name, module, distribution in (("NumPy", "numpy", "numpy"), ("Pillow", "PIL", "pillow")):
        try:
            importlib.import_module(f"{module}.Image" if module == "PIL" else module)
        except Exception as error:
            errors[name] = (distribution, _what_is_wrong(error, module))
    return errors


def _what_is_wrong(error: Exception, module: str) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name == module:
        return "is not installed"
    return f"can't be imported ({type(error).__name__}: {error})"


def _versions(library) -> dict:
    versions = {
        "monet": monet.__version__,
        "python": platform.python_version(),
        "platform": sysconfig.get_platform(),
    }
    for distribution in (*library.TENSORFLOW_DISTRIBUTIONS, "keras", "numpy", "pillow"):
        try:
            versions[distribution] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _cpu() -> dict:
    cpu = {"model": _cpu_model(), "cores": usable_cores(), "instruction_set": None, "features": {}}
    try:
        from monet import _kernels
    except ImportError as error:
        cpu["kernels_error"] = str(error)
        return cpu
    cpu["instruction_set"] = _kernels.instruction_set()
    cpu["features"] = _kernels.cpu_features()
    return cpu


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _gpu(tensorflow) -> dict:
    if tensorflow is None:
        return {"visible": [], "cuda": None}
    visible = []
    for device in tensorflow.config.get_visible_devices("GPU"):
        details = tensorflow.config.experimental.get_device_details(device)
        capability = ".".join(map(str, details.get("compute_capability", ())))
        visible.append({"name": details.get("device_name", device.name), "capability": capability})
    build = tensorflow.sysconfig.get_build_info()
    return {
        "visible": visible,
        "cuda": build.get("cuda_version") if build.get("is_cuda_build") else None,
    }


def _ops(library, tensorflow, record: dict) -> dict:
    from monet.ops.native import dispatch

    status = library.status()
    xla_unusable = library.xla_unusable()
    ops = {
        "mode": None,
        "mode_error": None,
        "native": status.native,
        "reason": status.reason,
        "remedy": status.remedy,
        "xla": status.xla,
        "xla_reason": str(xla_unusable or ""),
        "built_for": status.built_for,
        "changed_sources": library.changed_sources(record),
        "devices": {},
    }
    try:
        ops["mode"] = dispatch.mode()
        with contextlib.suppress(RuntimeError):  # what is missing is told below, with its remedy
            dispatch.check_mode()
    except ValueError as error:
        ops["mode_error"] = str(error)
    has_gpu = tensorflow is not None and bool(tensorflow.config.get_visible_devices("GPU"))
    ops["gpu_reason"] = str(has_gpu and dispatch.unusable("GPU") or "")
    for device in ("CPU", "GPU", "XLA_CPU", "XLA_GPU"):
        reason = _why_not_native(dispatch.unusable(device), device, has_gpu, ops["mode"])
        row = dispatch.look_up("instance_norm", device, "float32")
        native = reason is None and tensorflow is not None
        ops["devices"][device] = {"native": native, "reason": reason or row.reason}
    return ops


def _why_not_native(unusable, device: str, has_gpu: bool, mode: str | None) -> str | None:
    if device.endswith("GPU") and not has_gpu:
        return "TensorFlow sees no GPU"
    if unusable is not None:
        return unusable.reason
    return "MONET_OPS=reference" if mode == "reference" else None


def _remedies(report: dict) -> list[str]:
    """What the user can do, most important first."""
    remedies = [
        f"{name} {error}; run: pip install {distribution}"
        for name, (distribution, error) in report["import_errors"].items()
    ]
    if report["tensorflow_error"]:
        remedies.append(f"TensorFlow {report['tensorflow_error']}; run: {INSTALL_TENSORFLOW}")
    ops = report["ops"]
    if ops["mode_error"]:
        remedies.append(ops["mode_error"])
    elif ops["reason"] and report["tensorflow_error"] is None:
        remedies.append(f"{ops['reason']}; {ops['remedy']}")
    if ops["native"] and ops["gpu_reason"]:
        remedies.append(ops["gpu_reason"])
    xla_was_built = report["build"].get("parts", {}).get("xla", {}).get("built")
    if ops["native"] and xla_was_built and not ops["xla"]:
        remedies.append(ops["xla_reason"])
    if ops["changed_sources"] and "csrc/tensorflow has changed" not in ops["reason"]:
        folders = " and ".join(f"csrc/{name}" for name in ops["changed_sources"])
        remedies.append(f"{folders} changed since the build; run: pip install . in the source tree")
    kernels = report["build"].get("parts", {}).get("kernels", {})
    if kernels.get("built") and not report["cpu"]["instruction_set"]:
        remedies.append(
            f"monet._kernels can't be imported ({report['cpu'].get('kernels_error')}); "
            f"install monet again with this Python"
        )
    has_driver = os.path.exists("/proc/driver/nvidia/version")
    if has_driver and not report["gpu"]["visible"] and not report["tensorflow_error"]:
        remedies.append(
            "there is an NVIDIA driver but TensorFlow sees no GPU; "
            "run: pip install 'tensorflow[and-cuda]'"
        )
    return list(dict.fromkeys(remedies))
