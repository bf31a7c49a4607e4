"""What benchmarks need of the CUDA driver, by ctypes: memory, events, graphs, and what the GPU is.

The driver's library is there wherever a GPU can be used, whatever else is installed.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_float, c_int, c_size_t, c_uint, c_uint64, c_void_p

LIBRARY = "libcuda.so.1"
_CAPTURE_THIS_THREAD = 1  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING
_ATTRIBUTES = {  # CUdevice_attribute
    "clock_kilohertz": 13,
    "multiprocessors": 16,
    "memory_clock_kilohertz": 36,
    "memory_bus_bits": 37,
    "l2_bytes": 38,
    "major": 75,
    "minor": 76,
}
_address = c_uint64  # CUdeviceptr
_FUNCTIONS = {
    "cuDriverGetVersion": (POINTER(c_int),),
    "cuDeviceGet": (POINTER(c_int), c_int),
    "cuDeviceGetName": (c_char_p, c_int, c_int),
    "cuDeviceGetAttribute": (POINTER(c_int), c_int, c_int),
    "cuDeviceTotalMem_v2": (POINTER(c_size_t), c_int),
    "cuDevicePrimaryCtxRetain": (POINTER(c_void_p), c_int),
    "cuCtxSetCurrent": (c_void_p,),
    "cuCtxSynchronize": (),
    "cuMemAlloc_v2": (POINTER(_address), c_size_t),
    "cuMemFree_v2": (_address,),
    "cuMemcpyHtoD_v2": (_address, c_void_p, c_size_t),
    "cuMemcpyDtoH_v2": (c_void_p, _address, c_size_t),
    "cuMemcpyDtoDAsync_v2": (_address, _address, c_size_t, c_void_p),
    "cuEventCreate": (POINTER(c_void_p), c_uint),
    "cuEventRecord": (c_void_p, c_void_p),
    "cuEventSynchronize": (c_void_p,),
    "cuEventElapsedTime": (POINTER(c_float), c_void_p, c_void_p),
    "cuStreamCreate": (POINTER(c_void_p), c_uint),
    "cuStreamBeginCapture_v2": (c_void_p, c_int),
    "cuStreamEndCapture": (c_void_p, POINTER(c_void_p)),
    "cuGraphInstantiateWithFlags": (POINTER(c_void_p), c_void_p, c_uint64),
    "cuGraphLaunch": (c_void_p, c_void_p),
    "cuGraphDestroy": (c_void_p,),
}


class CudaError(RuntimeError):
    """The driver refused a call."""


def count_gpus(library: str = LIBRARY) -> int:
    """How many GPUs the driver shows, which is at least one; takes no memory on them.

    Raises:
        OSError: there is no driver.
        CudaError: the driver finds no GPU.
    """
    loaded, count = ctypes.CDLL(library), c_int()
    error = loaded.cuInit(c_uint(0)) or loaded.cuDeviceGetCount(byref(count))
    if error or count.value == 0:
        raise CudaError(f"the driver finds no GPU, error {error}")
    return count.value


class CudaDriver:
    """The first GPU that the driver shows, in its primary context, which libraries share.

    Raises:
        OSError: there is no driver.
        CudaError: the driver finds no GPU.
    """

    def __init__(self, library: str = LIBRARY) -> None:
        self._library = ctypes.CDLL(library)
        for name, arguments in _FUNCTIONS.items():
            function = getattr(self._library, name)
            function.argtypes, function.restype = arguments, c_int
        self._library.cuGetErrorString.argtypes = (c_int, POINTER(c_char_p))
        count_gpus(library)
        self._device = self._int("cuDeviceGet", 0)
        self._call("cuCtxSetCurrent", self._pointer("cuDevicePrimaryCtxRetain", self._device))
        # For graphs: the default stream can't be captured. Events are recorded where the work is.
        self.stream = self._pointer("cuStreamCreate", _NON_BLOCKING)
        self._events = [self._pointer("cuEventCreate", 0) for _ in range(2)]

    def facts(self) -> dict[str, object]:
        name = ctypes.create_string_buffer(256)
        self._call("cuDeviceGetName", name, len(name), self._device)
        memory = c_size_t()
        self._call("cuDeviceTotalMem_v2", byref(memory), self._device)
        version = self._int("cuDriverGetVersion")
        facts = {
            "gpu": name.value.decode(),
            "cuda_of_driver": f"{version // 1000}.{version % 1000 // 10}",
            "memory_bytes": memory.value,
        }
        for attribute, number in _ATTRIBUTES.items():
            facts[attribute] = self._int("cuDeviceGetAttribute", number, self._device)
        facts["compute_capability"] = f"{facts.pop('major')}.{facts.pop('minor')}"
        return facts

    def allocate(self, size: int) -> int:
        pointer = _address()
        self._call("cuMemAlloc_v2", byref(pointer), max(size, 1))
        return pointer.value

    def free(self, address: int) -> None:
        self._call("cuMemFree_v2", address)

    def upload(self, address: int, source: int, size: int) -> None:
        """Copies `size` bytes from the host's address `source`."""
        self._call("cuMemcpyHtoD_v2", address, source, size)

    def download(self, target: int, address: int, size: int) -> None:
        """Copies `size` bytes to the host's address `target`."""
        self._call("cuMemcpyDtoH_v2", target, address, size)

    def copy(self, to: int, source: int, size: int, stream: int | None) -> None:
        """Queues a copy within the GPU's memory."""
        self._call("cuMemcpyDtoDAsync_v2", to, source, size, stream)

    def synchronize(self) -> None:
        self._call("cuCtxSynchronize")

    def seconds(self, work: Callable[[], object], stream: int | None) -> float:
        """How long what `work` queues on `stream` keeps the GPU busy, by events."""
        start, end = self._events
        self._call("cuEventRecord", start, stream)
        work()
        self._call("cuEventRecord", end, stream)
        self._call("cuEventSynchronize", end)
        milliseconds = c_float()
        self._call("cuEventElapsedTime", byref(milliseconds), start, end)
        return milliseconds.value / 1e3

    def capture(self, work: Callable[[int], object]) -> Callable[[], None]:
        """Records what `work(stream)` queues as a graph; returns what replays it on `stream`.

        `work` must have run before: what it loads lazily can't be captured.
        """
        self._call("cuStreamBeginCapture_v2", self.stream, _CAPTURE_THIS_THREAD)
        try:
            work(self.stream)
        finally:
            graph = self._pointer("cuStreamEndCapture", self.stream, output_last=True)
        executable = c_void_p()
        self._call("cuGraphInstantiateWithFlags", byref(executable), graph, 0)
        self._call("cuGraphDestroy", graph)
        return lambda: self._call("cuGraphLaunch", executable, self.stream)

    def _call(self, name: str, *arguments) -> None:
        error = getattr(self._library, name)(*arguments)
        if error:
            text = c_char_p()
            self._library.cuGetErrorString(error, byref(text))
            raise CudaError(f"{name}: {(text.value or b'error %d' % error).decode()}")

    def _int(self, name: str, *arguments) -> int:
        value = c_int()
        self._call(name, byref(value), *arguments)
        return value.value

    def _pointer(self, name: str, *arguments, output_last: bool = False) -> int | None:
        value = c_void_p()
        arguments = (*arguments, byref(value)) if output_last else (byref(value), *arguments)
        self._call(name, *arguments)
        return value.value
