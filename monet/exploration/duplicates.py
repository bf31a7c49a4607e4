"""Pictures that are there twice, exactly or nearly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np

_CHUNK = 64
_MOST_ONE_SIDED = 0.9  # of the bits; in ordinary pictures about as many are set as not


def exact_groups(names: Sequence[str], digests: Sequence[Hashable]) -> list[list[str]]:
    """Groups of names whose pictures have equal digests, two or more in each."""
    groups = defaultdict(list)
    for name, digest in zip(names, digests, strict=True):
        groups[digest].append(name)
    return [group for group in groups.values() if len(group) > 1]


def near_pairs(fingerprints: np.ndarray, most_bits: int) -> list[tuple[int, int, int]]:
    """Pairs of pictures whose fingerprints differ in few bits.

    Compares each with every other, a block at a time: 20 million pairs take about a second.

    Args:
        fingerprints: uint8 [n, bytes], packed bits.
        most_bits: How many may differ.

    Pictures without structure, such as an empty sky, are left out: they all look alike.

    Returns:
        (first, second, differing bits), first < second, most similar first.
    """
    bits = np.unpackbits(fingerprints, axis=1)
    total = bits.shape[1]
    signs = bits.astype(np.float32) * 2 - 1  # a product of two rows is total - 2 × differing bits
    has_structure = np.abs(signs.sum(axis=1)) < total * _MOST_ONE_SIDED
    found = []
    for start in range(0, len(signs), _CHUNK):
        products = signs[start : start + _CHUNK] @ signs[start:].T
        differing = np.rint((total - products) / 2).astype(np.int32)
        near = (differing <= most_bits) & has_structure[start:]
        near &= has_structure[start : start + _CHUNK, None]
        rows, columns = np.nonzero(np.triu(near, k=1))
        found += [
            (start + int(row), start + int(column), int(differing[row, column]))
            for row, column in zip(rows, columns, strict=True)
        ]
    return sorted(found, key=lambda pair: (pair[2], pair[0], pair[1]))
