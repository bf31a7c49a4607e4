"""Pictures that are there twice, exactly or nearly."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np

from monet.exploration.fingerprint import FINGERPRINT_BITS, MIRRORED

_CHUNK = 64


@dataclasses.dataclass(frozen=True, order=True)
class NearPair:
    """Two pictures that look alike; the most similar pairs sort first.

    Attributes:
        differing_bits: of their fingerprints.
        first: index of a picture.
        second: that of a later one.
        mirrored: whether they look alike once one of them is mirrored.
    """

    differing_bits: int
    first: int
    second: int
    mirrored: bool


def exact_groups(names: Sequence[str], digests: Sequence[Hashable]) -> list[list[str]]:
    """Groups of names whose pictures have equal digests, two or more in each."""
    groups = defaultdict(list)
    for name, digest in zip(names, digests, strict=True):
        groups[digest].append(name)
    return [group for group in groups.values() if len(group) > 1]


def near_pairs(fingerprints: np.ndarray, most_bits: int) -> list[NearPair]:
    """Pairs of pictures whose fingerprints differ in few bits, as they are or one of them mirrored.

    Compares each with every other, a block at a time: 20 million pairs take about two seconds.

    Args:
        fingerprints: bool [n, FINGERPRINT_BITS]; pictures without a set bit are left out.
        most_bits: how many may differ.

    Returns:
        The pairs, most similar first.
    """
    indices = np.flatnonzero(fingerprints.any(axis=1))
    # A product of two rows of signs is the number of bits less twice that of those that differ.
    signs = fingerprints[indices].astype(np.float32) * 2 - 1
    mirror = np.where(MIRRORED, np.float32(-1), np.float32(1))
    found = []
    for start in range(0, len(signs), _CHUNK):
        rows, others = signs[start : start + _CHUNK], signs[start:].T
        plain, mirrored = (
            np.rint((FINGERPRINT_BITS - turned @ others) / 2).astype(np.int32)
            for turned in (rows, rows * mirror)
        )
        differing = np.minimum(plain, mirrored)
        for row, column in zip(*np.nonzero(np.triu(differing <= most_bits, k=1)), strict=True):
            found.append(
                NearPair(
                    differing_bits=int(differing[row, column]),
                    first=int(indices[start + row]),
                    second=int(indices[start + column]),
                    mirrored=bool(mirrored[row, column] < plain[row, column]),
                )
            )
    return sorted(found)
