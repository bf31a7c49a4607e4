"""Whether there is a GPU, and which: by the CUDA driver alone, which is there wherever one is."""

from __future__ import annotations

import ctypes

LIBRARY = "libcuda.so.1"
_MAJOR, _MINOR = 75, 76  # CUdevice_attribute: the parts of the compute capability


class CudaError(RuntimeError):
    """The driver refused a call."""


def find_gpu(library: str = LIBRARY) -> dict[str, str]:
    """The name and the compute capability ("7.5") of the first GPU; takes no memory on it.

    Raises:
        OSError: there is no driver.
        CudaError: the driver finds no GPU.
    """
    driver, name, device = ctypes.CDLL(library), ctypes.create_string_buffer(256), ctypes.c_int()
    capability = [ctypes.c_int(), ctypes.c_int()]
    error = (
        driver.cuInit(0)
        or driver.cuDeviceGet(ctypes.byref(device), 0)
        or driver.cuDeviceGetName(name, len(name), device)
        or driver.cuDeviceGetAttribute(ctypes.byref(capability[0]), _MAJOR, device)
        or driver.cuDeviceGetAttribute(ctypes.byref(capability[1]), _MINOR, device)
    )
    if error:
        raise CudaError(f"the driver finds no GPU, error {error}")
    major, minor = (part.value for part in capability)
    return {"gpu": name.value.decode(), "compute_capability": f"{major}.{minor}"}
