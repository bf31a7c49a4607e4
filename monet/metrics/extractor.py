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
        is_of_competition: whether it is the network that the competition's score is defined by. The
            threshold of that score says nothing about the features of another one.
    """

    name: str
    digest: str
    dimensions: int
    compares_with: str
    is_of_competition: bool = False

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
