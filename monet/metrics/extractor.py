"""What turns pictures into features."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np


class ExtractorError(ValueError):
    """A file that is no usable extractor; the message says why and what would be."""


class Extractor(ABC):
    """A network from pictures to vectors, the same for the same pixels.

    Attributes:
        name: of its file.
        digest: SHA-256 of its file, in hexadecimal digits.
        dimensions: how many features it gives.
        compares_with: which other figures those from its features compare with, for people.
    """

    name: str
    digest: str
    dimensions: int
    compares_with: str

    @abstractmethod
    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Features float32 [N, dimensions] of pictures uint8 [N, H, W, 3], RGB."""


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
