"""Features of any number of pictures, a batch in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from monet.metrics.extractor import Extractor
from monet.metrics.feature_cache import FeatureCache

_NOT_YET = np.zeros(0, np.float32)


def extract_features(
    extractor: Extractor,
    pictures: Iterable[np.ndarray],
    *,
    batch_size: int = 32,
    cache: FeatureCache | None = None,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Extracts the features of pictures as they come, in constant memory beside the result.

    Args:
        extractor: gives the features.
        pictures: uint8 [H, W, 3] each, of one size; an iterator is read once.
        batch_size: most pictures in one call of the extractor.
        cache: where features are looked up and kept.
        progress: called with the number of pictures done.

    Returns:
        float32 [N, D], in the order of the pictures.

    Raises:
        ValueError: the pictures differ in size.
    """
    found: list[np.ndarray] = []
    waiting: list[tuple[int, np.ndarray]] = []

    def flush() -> None:
        if not waiting:
            return
        for (number, picture), features in zip(
            waiting, extractor(np.stack([picture for _, picture in waiting])), strict=True
        ):
            found[number] = features
            if cache is not None:
                cache.put(picture, features)
        waiting.clear()

    shape = None
    for picture in pictures:
        shape = shape or picture.shape
        if picture.shape != shape:
            raise ValueError(
                f"pictures of {shape} and {picture.shape} differ in size; bring them to one."
            )
        known = None if cache is None else cache.get(picture)
        if known is None:
            waiting.append((len(found), picture))
        found.append(_NOT_YET if known is None else known)
        if len(waiting) == batch_size:
            flush()
        if progress is not None:
            progress(len(found) - len(waiting))
    flush()
    if progress is not None:
        progress(len(found))
    if cache is not None:
        cache.tidy()
    return np.stack(found) if found else np.zeros((0, extractor.dimensions), np.float32)
