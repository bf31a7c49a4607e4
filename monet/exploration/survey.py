"""One pass over the pictures of a domain: sizes, colours, fingerprints, damage."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Callable

import numpy as np
from PIL import Image

from monet._parallel import map_in_order
from monet.data import ImageError, ImageSource
from monet.exploration.fingerprint import FINGERPRINT_BITS, fingerprint


@dataclasses.dataclass
class Measured:
    """What is kept of one picture.

    Attributes:
        size: (width, height), in pixels.
        histogram: int64 [3, 256], how many pixels have each level, of R, G and B.
        is_grey: whether the three channels are equal everywhere.
        digest: hash of size and decoded pixels.
        fingerprint: bool [FINGERPRINT_BITS], of a perceptual hash.
    """

    size: tuple[int, int]
    histogram: np.ndarray
    is_grey: bool
    digest: bytes
    fingerprint: np.ndarray


class Survey:
    """What is known of a domain, one small record per picture and no picture.

    Attributes:
        names: of the pictures that could be decoded, in order.
        unreadable: (name, reason) of all others.
        sizes: how many pictures have each (width, height).
        histogram: int64 [3, 256], over all pixels of the domain.
        means: mean level of each picture over its pixels and channels, in [0, 255].
        deviations: standard deviation of the same.
        grey: how many pictures have no colour.
        digests: hash of each picture's size and decoded pixels.
    """

    def __init__(self, unreadable: list[tuple[str, str]]) -> None:
        self.names: list[str] = []
        self.unreadable = list(unreadable)
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.histogram = np.zeros((3, 256), np.int64)
        self.means: list[float] = []
        self.deviations: list[float] = []
        self.grey = 0
        self.digests: list[bytes] = []
        self._fingerprints: list[bytes] = []

    def add(self, name: str, measured: Measured) -> None:
        self.names.append(name)
        self.sizes[measured.size] += 1
        self.histogram += measured.histogram
        mean, deviation = moments(measured.histogram.sum(axis=0))
        self.means.append(mean)
        self.deviations.append(deviation)
        self.grey += measured.is_grey
        self.digests.append(measured.digest)
        self._fingerprints.append(np.packbits(measured.fingerprint).tobytes())

    @property
    def fingerprints(self) -> np.ndarray:
        """bool [n, FINGERPRINT_BITS], one row per picture."""
        packed = np.frombuffer(b"".join(self._fingerprints), np.uint8)
        rows = packed.reshape(len(self.names), -(-FINGERPRINT_BITS // 8))
        return np.unpackbits(rows, axis=1, count=FINGERPRINT_BITS).astype(bool)


def survey(source: ImageSource, *, threads: int, progress: Callable[[int], None]) -> Survey:
    """Decodes every picture of `source` once.

    Only as many pictures as threads need are in memory at a time.

    Args:
        source: the pictures.
        threads: pictures decoded at a time.
        progress: called with how many pictures are done.
    """

    def read(index: int) -> Measured | ImageError:
        try:
            return measure(source.read(index))
        except ImageError as error:
            return error

    found = Survey(source.skipped)
    results = map_in_order(read, range(len(source)), threads=threads)
    for index, (name, result) in enumerate(zip(source.names, results, strict=True)):
        if isinstance(result, ImageError):
            found.unreadable.append((name, str(result)))
        else:
            found.add(name, result)
        progress(index + 1)
    return found


def measure(image: np.ndarray) -> Measured:
    """Measures one picture, uint8 [H, W, 3]."""
    height, width = image.shape[:2]
    picture = Image.fromarray(image)
    pixels = np.ascontiguousarray(image)
    digest = hashlib.blake2b(pixels.data, digest_size=16, person=f"{width}x{height}".encode()[:16])
    red, green, blue = (image[:, :, channel] for channel in range(3))
    return Measured(
        size=(width, height),
        histogram=np.asarray(picture.histogram(), np.int64).reshape(3, 256),
        is_grey=bool((red == green).all() and (green == blue).all()),
        digest=digest.digest(),
        fingerprint=fingerprint(picture),
    )


def moments(histogram: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of levels 0…255 that occur as often as `histogram` [256] says."""
    levels = np.arange(256, dtype=np.float64)
    total = histogram.sum()
    if not total:
        return float("nan"), float("nan")
    mean = histogram @ levels / total
    return float(mean), float(np.sqrt(histogram @ (levels - mean) ** 2 / total))
