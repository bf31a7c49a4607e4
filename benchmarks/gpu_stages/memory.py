"""Tensors in a GPU's memory, without a library for them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gpu_stages.cuda_driver import CudaDriver

ITEM_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
MOST_SETS = 64
_PERIOD = 1_000_003  # after which values repeat: drawing them all would take longer than the stage


class Memory:
    """Allocates tensors, each by itself, and frees them all at the end of a `with` block."""

    def __init__(self, driver: CudaDriver) -> None:
        self.driver = driver
        self._addresses: list[int] = []

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_) -> None:
        for address in self._addresses:
            self.driver.free(address)

    def empty(self, size: int) -> int:
        """The address of `size` bytes."""
        self._addresses.append(self.driver.allocate(size))
        return self._addresses[-1]

    def upload(self, values: np.ndarray) -> int:
        address = self.empty(values.nbytes)
        self.driver.upload(address, values.ctypes.data, values.nbytes)
        return address

    def normal(self, shape: Sequence[int], dtype: str, seed: int = 0) -> int:
        """A tensor of normally distributed values: zeros would be faster than anybody's data."""
        return self.upload(normal_values(shape, dtype, seed))

    def copies(self, source: int, size: int, count: int) -> list[int]:
        """`source` and copies of it, `count` in all."""
        copies = [source, *(self.empty(size) for _ in range(count - 1))]
        for copy in copies[1:]:
            self.driver.copy(copy, source, size, None)
        self.driver.synchronize()
        return copies

    def read(self, address: int, shape: Sequence[int], dtype: str) -> np.ndarray:
        """A tensor's values as float32."""
        stored = np.empty(tuple(shape), _storage(dtype))
        self.driver.download(stored.ctypes.data, address, stored.nbytes)
        if dtype == "bfloat16":
            return (stored.astype(np.uint32) << 16).view(np.float32)
        return stored.astype(np.float32)


def normal_values(shape: Sequence[int], dtype: str, seed: int = 0) -> np.ndarray:
    """As they are stored; NumPy has no bfloat16, so those come as their bits."""
    values = np.random.default_rng(seed).standard_normal(_PERIOD, np.float32)
    values = np.resize(values, tuple(shape))
    if dtype == "bfloat16":
        return ((values.view(np.uint32) + 0x8000) >> 16).astype(np.uint16)
    return values.astype(_storage(dtype))


def sets_beyond_l2(l2_bytes: int, set_bytes: int) -> int:
    """How many sets of tensors to take in turn, so that none is still in the L2 cache."""
    return min(max(2, math.ceil(4 * l2_bytes / set_bytes)), MOST_SETS)


def _storage(dtype: str) -> type:
    return {"float32": np.float32, "float16": np.float16, "bfloat16": np.uint16}[dtype]
