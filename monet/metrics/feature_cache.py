"""Features kept on disk, found again by the pixels that they were made of."""

from __future__ import annotations

import hashlib
import os
import warnings
from pathlib import Path

import numpy as np

from monet._files import StrPath, remove_leftovers, replacing
from monet.metrics.extractor import Extractor


def user_cache() -> Path | None:
    """`$XDG_CACHE_HOME/monet`, or `~/.cache/monet`; None for a user without a home."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(named):  # the specification has relative ones ignored
        return Path(named) / "monet"
    try:
        return Path.home() / ".cache" / "monet"
    except RuntimeError:
        return None


class FeatureCache:
    """Features of pictures under one extractor, one small file each.

    A file's name is a hash of the pixels as they are fed (hence of picture and resize), its
    folder's name a hash of the extractor. Files are whole or not there; one that doesn't hold what
    it should counts as not there. Any of it may be deleted at any time.

    Args:
        extractor: whose features.
        folder: where they are kept.
    """

    def __init__(self, extractor: Extractor, folder: StrPath) -> None:
        self._dimensions = extractor.dimensions
        self._folder = Path(folder) / extractor.digest[:32]
        self._writable = True

    @classmethod
    def of_user(cls, extractor: Extractor) -> FeatureCache | None:
        """The cache of whoever runs this; None for a user without a home."""
        folder = user_cache()
        return None if folder is None else cls(extractor, folder / "features")

    def get(self, picture: np.ndarray) -> np.ndarray | None:
        """Features float32 [D] of a picture uint8 [H, W, 3], if they are kept."""
        try:
            features = np.load(self._path(picture), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        fits = features.shape == (self._dimensions,) and features.dtype == np.float32
        return features if fits and np.isfinite(features).all() else None

    def put(self, picture: np.ndarray, features: np.ndarray) -> None:
        """Keeps features [D] of a picture; where that can't be done, warns once and goes on."""
        if not self._writable:
            return
        path = self._path(picture)
        try:
            if not path.parent.is_dir():
                path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary:
                np.save(temporary, np.asarray(features, np.float32), allow_pickle=False)
        except OSError as error:
            self._writable = False
            warnings.warn(
                f"Features aren't kept in {self._folder}: {error.strerror or error}.", stacklevel=2
            )

    def tidy(self) -> None:
        """Removes what killed processes left half-written."""
        for folder in self._folder.glob("*"):
            remove_leftovers(folder)

    def _path(self, picture: np.ndarray) -> Path:
        digest = hashlib.blake2b(np.ascontiguousarray(picture).data, digest_size=16)
        digest.update(repr(picture.shape).encode())
        name = digest.hexdigest()
        return self._folder / name[:2] / f"{name[2:]}.npy"
