"""Which GPUs the compiled CUDA kernels can run on, and what is said where they can't."""

from __future__ import annotations

import types

import pytest
import tensorflow as tf

from monet.ops.native import gpu, library

EVERYTHING = {
    "parts": {"cuda": {"built": True}, "xla": {"built": True, "cuda": True}},
    "cuda_architectures": [75, 80, 86, 89, 90],
}


@pytest.fixture
def machine(monkeypatch):
    """Puts a build of the library on a machine with such a GPU and such a driver."""

    def forget():
        gpu._without_driver.cache_clear()
        gpu._without_machine_code.cache_clear()

    def put(record=EVERYTHING, capability=(7, 5), driver_problem=None):
        device = types.SimpleNamespace(name="/physical_device:GPU:0")
        details = {"device_name": "Tesla X", "compute_capability": capability}
        opened = types.SimpleNamespace(monet_cuda_driver_problem=lambda: driver_problem)
        monkeypatch.setattr(library, "unusable", lambda: None)
        monkeypatch.setattr(library, "xla_unusable", lambda: None)
        monkeypatch.setattr(gpu, "_record", lambda: record)
        monkeypatch.setattr(gpu.ctypes, "CDLL", lambda path: opened)
        monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind=None: [device])
        monkeypatch.setattr(
            tf.config.experimental,
            "get_device_details",
            lambda device: details if capability else {},
        )
        forget()

    yield put
    forget()


def test_everything_is_there(machine):
    machine()
    assert gpu.unusable() is None
    assert gpu.xla_unusable() is None


def test_library_that_is_not_there_is_the_first_reason(machine, monkeypatch):
    machine({"parts": {}})
    missing = library.Unusable("the op library was eaten", "cook another")
    monkeypatch.setattr(library, "unusable", lambda: missing)
    assert gpu.unusable() is missing


def test_build_without_cuda_passes_its_reason_on(machine):
    part = {"built": False, "reason": "nvcc is not on PATH", "remedy": "install the CUDA toolkit"}
    machine({"parts": {"cuda": part}})
    assert str(gpu.unusable()) == (
        "the op library has no CUDA kernels: nvcc is not on PATH; install the CUDA toolkit"
    )


def test_record_of_an_older_build(machine):
    machine({"parts": {}})
    assert "the record of the build doesn't list them" in gpu.unusable().reason
    assert gpu.unusable().remedy


def test_driver_that_is_too_old(machine):
    machine(driver_problem=b"the kernels were built with CUDA 13.0, but the driver is for 12.4")
    assert gpu.unusable().reason.startswith("the kernels were built with CUDA 13.0")
    assert "install a newer NVIDIA driver" in gpu.unusable().remedy


def test_gpu_that_is_too_old(machine):
    machine(capability=(6, 0))
    unusable = gpu.unusable()
    assert "built for sm_75, sm_80, sm_86, sm_89, sm_90, but Tesla X is sm_60" in unusable.reason
    assert "MONET_CUDA_ARCHS=60 pip install" in unusable.remedy


def test_gpu_of_another_maker(machine):
    machine(capability=None)
    assert "is not a GPU of NVIDIA's" in gpu.unusable().reason


def test_custom_calls_for_the_cpu_only(machine):
    detail = "on the CPU; not on GPUs: g++ failed"
    part = {"built": True, "detail": detail}
    machine({**EVERYTHING, "parts": {"cuda": {"built": True}, "xla": part}})
    assert gpu.unusable() is None
    assert detail in gpu.xla_unusable().reason
    assert "jit_compile=False" in gpu.xla_unusable().remedy


@pytest.mark.parametrize(
    ("built_for", "capability", "runs"),
    [
        ([75], (7, 5), True),
        ([75], (7, 0), False),  # machine code of a newer minor version
        ([80], (8, 6), True),
        ([86], (8, 0), False),
        ([75], (8, 6), True),  # by PTX
        ([75, 90], (8, 0), False),  # PTX is of the newest only
        ([90], (12, 0), True),
        ([120], (10, 0), False),
        ([], (8, 0), False),
    ],
)
def test_machine_code_runs_within_its_major_version_and_ptx_on_newer_gpus(
    built_for, capability, runs
):
    assert gpu.runs_on(built_for, *capability) is runs
