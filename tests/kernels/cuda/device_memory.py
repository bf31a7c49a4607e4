"""Device memory for tests of CUDA kernels: guarded host memory for the emulator, or a GPU's."""

from __future__ import annotations

import ctypes
import mmap

import numpy as np

PAGE = mmap.PAGESIZE
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
# What memory holds before anything is written there: not a number, in every floating-point type.
POISON = 0xFF
_PROT_NONE = 0


class GuardedBuffer:
    """Memory that ends right before a page nobody may touch, so that leaving it is a fault.

    There is such a page before its first one too.

    A misaligned buffer starts one element after a multiple of 16 bytes.
    """

    def __init__(self, shape, dtype, misaligned: bool = False):
        self.dtype = np.dtype(dtype)
        self.shape = tuple(shape)
        size = int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize
        wanted = self.dtype.itemsize if misaligned else 0
        gap = (-size - wanted) % 16 if misaligned else 0
        self._pages = -(-(size + gap) // PAGE) * PAGE
        self._map = mmap.mmap(-1, PAGE + self._pages + PAGE)
        self._base = ctypes.addressof(ctypes.c_char.from_buffer(self._map)) + PAGE
        self._offset = self._pages - gap - size
        self._size = size
        self.address = self._base + self._offset
        self._bytes = np.frombuffer(self._map, np.uint8, self._pages, offset=PAGE)
        self._bytes[:] = POISON
        for guard in (self._base - PAGE, self._base + self._pages):
            self._protect(guard, PAGE, _PROT_NONE)

    def write(self, values, read_only: bool = True):
        self._data()[...] = values
        if read_only:
            self._protect(self._base, self._pages, mmap.PROT_READ)
        return self

    def read(self) -> np.ndarray:
        outside = np.delete(self._bytes, slice(self._offset, self._offset + self._size))
        assert (outside == POISON).all(), "a kernel wrote outside its buffer"
        return self._data().copy()

    def _data(self) -> np.ndarray:
        raw = self._bytes[self._offset : self._offset + self._size]
        return raw.view(self.dtype).reshape(self.shape)

    @staticmethod
    def _protect(address, size, protection):
        if size and _libc.mprotect(address, size, protection):
            raise OSError(ctypes.get_errno(), "mprotect")


class GpuBuffer:
    """Memory of a GPU, poisoned like a `GuardedBuffer`."""

    def __init__(self, kernels, shape, dtype, misaligned: bool = False):
        self._kernels = kernels
        self._host = np.empty(tuple(shape), dtype)
        self._host.view(np.uint8)[...] = POISON
        self._offset = self._host.dtype.itemsize if misaligned else 0
        self._base = kernels.allocate(max(self._host.nbytes, 1) + 16)
        self.address = self._base + self._offset
        self.write(self._host)

    def write(self, values, read_only: bool = True):
        self._host[...] = values
        self._kernels.copy(self.address, self._host.ctypes.data, self._host.nbytes)
        return self

    def read(self) -> np.ndarray:
        self._kernels.copy(self._host.ctypes.data, self.address, self._host.nbytes)
        return self._host.copy()

    def __del__(self):
        self._kernels.free(self._base)
