"""A set of pictures on its way to a judgement: read, brought to one size, turned into numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from monet._parallel import map_in_order, usable_cores
from monet.data import ImageError, ImageSource
from monet.data.images import central_square
from monet.metrics.extraction import extract_features
from monet.metrics.extractor import Extractor
from monet.metrics.feature_cache import FeatureCache
from monet.metrics.patches import patch_descriptors

_MOST_PATCHES = 32  # of a picture and level: 94 kB of a picture at 256 px
_PICTURES_WITH_MOST = 1000


@dataclass(frozen=True)
class PictureSet:
    """Pictures to be judged, not read yet.

    Attributes:
        name: for people.
        count: how many there are.
        images: reads them, one at a time: uint8 [S, S, 3], or what is wrong with one.
        is_kept: whether their features are worth keeping for the next time.
    """

    name: str
    count: int
    images: Callable[[], Iterable[np.ndarray | ImageError]]
    is_kept: bool = True


@dataclass(frozen=True)
class Sample:
    """What is kept of a set of pictures.

    Attributes:
        name: for people.
        patches: float32 [N, levels, P, 147].
        features: float32 [N, D]; None without an extractor.
        unreadable: how many pictures couldn't be read, and aren't among the N.
    """

    name: str
    patches: np.ndarray = field(repr=False)
    features: np.ndarray | None = field(repr=False)
    unreadable: int = 0

    def __len__(self) -> int:
        return len(self.patches)


def patches_each(pictures: int) -> int:
    """Patches of a picture and level, where the largest set has so many pictures.

    Fewer of many, so that the memory for them ends at about 100 MB a set.
    """
    return max(1, min(_MOST_PATCHES, _MOST_PATCHES * _PICTURES_WITH_MOST // max(1, pictures)))


def choose(available: int, most: int | None, seed: int) -> list[int]:
    """At most `most` of `available` numbers, at random but by the seed alone, in order."""
    return sorted(map(int, np.random.default_rng(seed).permutation(available)[:most]))


def pictures_of(
    source: ImageSource, size: int, *, most: int | None = None, seed: int = 0, name: str = ""
) -> PictureSet:
    """Some pictures of a source, at random: the central square, resized to `size`.

    Args:
        source: where they are.
        size: both sides, in pixels.
        most: how many are taken at most; all of them without.
        seed: which ones.
        name: for people; the source's own description without.
    """
    indices = choose(len(source), most, seed)
    return PictureSet(
        name or source.description, len(indices), lambda: read_all(source, indices, size)
    )


def read_all(
    source: ImageSource, indices: Sequence[int], size: int
) -> Iterator[np.ndarray | ImageError]:
    """Reads pictures in threads, in order: uint8 [size, size, 3], or what is wrong with one."""

    def read(index: int) -> np.ndarray | ImageError:
        try:
            image = source.read(index, shrink_to=size)
        except ImageError as error:
            return error
        return central_square(image, size)

    return map_in_order(read, indices, threads=usable_cores())


def measure(
    pictures: PictureSet,
    extractor: Extractor | None,
    *,
    patches: int,
    cache: FeatureCache | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Sample:
    """Turns pictures into numbers, a few of them in memory at a time.

    Args:
        pictures: what is to be judged.
        extractor: gives the features, if any are wanted.
        patches: of a picture and level.
        cache: where features are kept.
        progress: called with how many pictures are done, and of how many.

    Raises:
        ValueError: no picture can be read.
    """
    found: list[np.ndarray] = []
    unreadable = 0

    def describe(numbered: tuple[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        number, image = numbered
        return image, patch_descriptors(image[None], patches=patches, first=number)[0]

    def readable() -> Iterator[np.ndarray]:
        nonlocal unreadable
        for image in pictures.images():
            if isinstance(image, ImageError):
                unreadable += 1
            else:
                yield image

    def described() -> Iterator[np.ndarray]:
        numbered = enumerate(readable())
        for image, descriptors in map_in_order(describe, numbered, threads=usable_cores()):
            found.append(descriptors)
            if progress is not None:
                progress(len(found), pictures.count)
            yield image

    features = None
    if extractor is None:
        for _ in described():
            pass
    else:
        features = extract_features(
            extractor, described(), cache=cache if pictures.is_kept else None
        )
    if not found:
        raise ValueError(f"{pictures.name}: none can be read.")
    return Sample(pictures.name, np.stack(found), features, unreadable)
