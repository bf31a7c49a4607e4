"""Decoded pictures kept in memory, as many as fit."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np

from monet.data.sources import ImageSource

_SHARE_OF_FREE_MEMORY = 0.25
_ASSUMED_FREE_BYTES = 4 << 30  # where the system doesn't tell


class MemoryBudget:
    """A number of bytes that several caches share."""

    def __init__(self, limit: float):
        self._left = limit
        self._lock = threading.Lock()

    @classmethod
    def of(cls, cache: bool | str) -> MemoryBudget:
        """From the `cache` argument: True (no limit), False (nothing) or "auto"."""
        if cache == "auto":
            return cls(free_memory() * _SHARE_OF_FREE_MEMORY)
        if cache not in (True, False):
            raise ValueError(f'cache={cache!r} must be True, False or "auto".')
        return cls(float("inf") if cache else 0)

    def take(self, size: int) -> bool:
        """Takes `size` bytes if they are left."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give(self, size: int) -> None:
        """Gives back what was taken."""
        with self._lock:
            self._left += size


class ImageCache:
    """Pictures of a source, decoded once and kept while the budget lasts.

    Args:
        source: where they come from.
        shrink_to: larger pictures are reduced to this shorter side, in pixels.
        budget: memory to use.

    Attributes:
        shrink_to: as the argument.
    """

    def __init__(self, source: ImageSource, shrink_to: int, budget: MemoryBudget):
        self._source = source
        self.shrink_to = shrink_to
        self._budget = budget
        self._kept: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self._source)

    def read(self, index: int) -> np.ndarray:
        """Picture `index` (or the next one that can be read) as uint8 `[H, W, 3]`."""
        index = int(index)
        image = self._kept.get(index)
        if image is None:
            image = self._source.read_or_next(index, shrink_to=self.shrink_to)
            if self._budget.take(image.nbytes):
                self._kept[index] = image
        return image

    def clear(self) -> None:
        """Forgets all pictures."""
        while self._kept:
            self._budget.give(self._kept.popitem()[1].nbytes)


class ImageCaches:
    """Caches for one dataset after another, which find there what those before have decoded.

    Args:
        cache: how much is kept of all sources together: True (all), False (nothing) or "auto" (as
            many pictures as fit into a quarter of the memory that is free now).
    """

    def __init__(self, cache: bool | str = "auto"):
        self._budget = MemoryBudget.of(cache)
        self._caches: dict[ImageSource, ImageCache] = {}

    def of(self, source: ImageSource, shrink_to: int) -> ImageCache:
        """The cache of a source. Its pictures of another size are let go, to make room."""
        found = self._caches.get(source)
        if found is None or found.shrink_to != shrink_to:
            if found is not None:
                found.clear()
            found = self._caches[source] = ImageCache(source, shrink_to, self._budget)
        return found


def free_memory() -> int:
    """Bytes of memory that could be used now, within the limit of a container."""
    candidates = []
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                candidates.append(int(line.split()[1]) * 1024)
    except (OSError, ValueError):
        pass
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        (
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        ),
    ):
        try:
            candidates.append(int(Path(limit).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):  # no such file, or no limit ("max")
            continue
    if not candidates and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        candidates.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    return max(0, min(candidates, default=_ASSUMED_FREE_BYTES))
