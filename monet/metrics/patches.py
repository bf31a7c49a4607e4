"""The sliced Wasserstein distance between patches of pictures: no network and no weights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

PATCH = 7
_COARSEST = 16  # sides of the last level of the pyramid, as in the paper
_TAPS = np.array([1, 4, 6], np.float32) / 16  # outer, inner, middle
_DIRECTIONS_AT_A_TIME = 128


class SlicedWasserstein(NamedTuple):
    """A distance between patches; the literature lists it times 1,000.

    Attributes:
        mean: over the levels.
        levels: one per level of the pyramid, the finest (full size) first.
    """

    mean: float
    levels: tuple[float, ...]


def sliced_wasserstein(
    pictures_a: np.ndarray,
    pictures_b: np.ndarray,
    *,
    patches: int = 128,
    directions: int = 512,
    seed: int = 0,
) -> SlicedWasserstein:
    """Sliced Wasserstein distance between random 7×7 patches of Laplacian pyramids.

    Per level, the patches of each set are normalised to mean 0 and standard deviation 1 in each
    channel, projected on random directions, sorted and compared. Fine levels see strokes and noise,
    coarse ones composition; for the normalisation, none sees a mere shift of tone or contrast.

    Args:
        pictures_a: uint8 or float [N, H, W, 3], H and W ≥ 7.
        pictures_b: of the same type and size, [M, H, W, 3].
        patches: per picture and level.
        directions: random directions per level.
        seed: of patches and directions.

    Returns:
        The distances, of the order of 0.01 to 0.1. They shrink with the number of patches, so
        compare figures of equal counts.

    Raises:
        ValueError: a shape doesn't fit, or the pictures are smaller than a patch.

    Source: Karras et al., Progressive Growing of GANs (2018), section 5.

        >>> noise = np.random.default_rng(0).integers(0, 256, (2, 8, 32, 32, 3))
        >>> smooth = (noise[1] + np.roll(noise[1], 1, axis=1)) / 2
        >>> same, other = (sliced_wasserstein(noise[0], b).levels[0] for b in (noise[1], smooth))
        >>> other > same
        True
    """
    a = patch_descriptors(pictures_a, patches=patches, seed=seed)
    b = patch_descriptors(pictures_b, patches=patches, seed=seed + 1)
    return descriptor_distance(a, b, directions=directions, seed=seed)


def patch_descriptors(
    pictures: np.ndarray, *, patches: int = 128, seed: int = 0, first: int = 0
) -> np.ndarray:
    """Random patches of the Laplacian pyramid of each picture.

    Args:
        pictures: [N, H, W, 3], H and W ≥ 7.
        patches: per picture and level.
        seed: of their places.
        first: number of the first picture, where a set is taken in parts: the places in a picture
            depend on the seed and its number only.

    Returns:
        float32 [N, levels, patches, 7 · 7 · 3].

    Raises:
        ValueError: another shape, or sides below 7.
    """
    pictures = np.asarray(pictures)
    if pictures.ndim != 4 or pictures.shape[-1] != 3:
        raise ValueError(f"pictures of shape {pictures.shape}: expected [N, H, W, 3].")
    if min(pictures.shape[1:3]) < PATCH:
        raise ValueError(
            f"pictures of {pictures.shape[1]}×{pictures.shape[2]} are smaller than a patch; "
            f"give sides of {PATCH} or more."
        )
    pyramid = _laplacian_pyramid(pictures.astype(np.float32))
    generators = [np.random.default_rng((seed, first + number)) for number in range(len(pictures))]
    return np.stack([_patches_of(level, patches, generators) for level in pyramid], axis=1)


def descriptor_distance(
    a: np.ndarray, b: np.ndarray, *, directions: int = 512, seed: int = 0
) -> SlicedWasserstein:
    """The distance between two sets of `patch_descriptors`, of as many levels each.

    Where one set has more patches, it is compared at the quantiles of the smaller one.

    Raises:
        ValueError: the sets have another number of levels: pictures of another size.
    """
    if a.shape[1] != b.shape[1] or a.shape[3] != b.shape[3]:
        raise ValueError(
            f"patches of {a.shape[1]} and {b.shape[1]} levels don't compare; bring the pictures to "
            f"one size."
        )
    levels = tuple(
        _sliced_distance(
            _normalised(a[:, level]), _normalised(b[:, level]), directions, (seed, level)
        )
        for level in range(a.shape[1])
    )
    return SlicedWasserstein(float(np.mean(levels)), levels)


def _laplacian_pyramid(images: np.ndarray) -> list[np.ndarray]:
    """float32 [N, H, W, 3] at each level: what the next coarser one lacks; the last one whole."""
    levels = []
    while min(images.shape[1:3]) >= 2 * _COARSEST:
        smaller = _blur(images)[:, ::2, ::2]
        levels.append(images - _enlarge(smaller, images.shape[1:3]))
        images = smaller
    return [*levels, images]


def _enlarge(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    spread = np.zeros((len(images), *size, 3), np.float32)
    spread[:, ::2, ::2] = images
    return _blur(spread) * 4  # three pixels of four are zeros


def _blur(images: np.ndarray) -> np.ndarray:
    """Binomial filter of five taps down and across float32 [N, H, W, 3], edges mirrored."""
    for axis in 1, 2:
        padding = [(0, 0)] * 4
        padding[axis] = (2, 2)
        padded = np.pad(images, padding, mode="reflect")
        first, second, third, fourth, fifth = (
            padded[(slice(None),) * axis + (slice(offset, offset + images.shape[axis]),)]
            for offset in range(5)
        )
        outer, inner, middle = _TAPS
        images = outer * (first + fifth) + inner * (second + fourth) + middle * third
    return images


def _patches_of(level: np.ndarray, patches: int, generators: list) -> np.ndarray:
    """float32 [N, patches, 147] at random places of float32 [N, H, W, 3]."""
    windows = np.lib.stride_tricks.sliding_window_view(level, (PATCH, PATCH), axis=(1, 2))
    rows, columns = windows.shape[1:3]
    found = [
        picture[random.integers(rows, size=patches), random.integers(columns, size=patches)]
        for picture, random in zip(windows, generators, strict=True)
    ]
    return np.stack(found).reshape(len(level), patches, -1)


def _normalised(patches: np.ndarray) -> np.ndarray:
    """float32 [N, P, 147] as [N · P, 147], each colour channel with mean 0 and deviation 1."""
    channels = patches.reshape(-1, 3, PATCH * PATCH)
    mean = channels.mean(axis=(0, 2), keepdims=True, dtype=np.float64)
    deviation = channels.std(axis=(0, 2), keepdims=True, dtype=np.float64)
    # A channel without any contrast stays at zero.
    scaled = (channels - mean) / np.where(deviation > 0, deviation, 1.0)
    return scaled.astype(np.float32).reshape(len(channels), -1)


def _sliced_distance(a: np.ndarray, b: np.ndarray, directions: int, seed: tuple) -> float:
    random = np.random.default_rng(seed)
    total, count = 0.0, min(len(a), len(b))
    for start in range(0, directions, _DIRECTIONS_AT_A_TIME):
        number = min(_DIRECTIONS_AT_A_TIME, directions - start)
        axes = random.standard_normal((a.shape[1], number)).astype(np.float32)
        axes /= np.linalg.norm(axes, axis=0, keepdims=True)
        # Projections in rows: sorting along memory is many times quicker than across it.
        sorted_a = _at_quantiles(np.sort(axes.T @ a.T), count)
        sorted_b = _at_quantiles(np.sort(axes.T @ b.T), count)
        total += number * float(np.abs(sorted_a - sorted_b).mean(dtype=np.float64))
    return total / directions


def _at_quantiles(values: np.ndarray, count: int) -> np.ndarray:
    """`count` of the sorted columns of `values` [D, N], evenly spread, interpolated."""
    available = values.shape[1]
    if available == count:
        return values
    place = (np.arange(count) + 0.5) * available / count - 0.5
    below = np.floor(place).astype(int)
    weight = (place - below).astype(values.dtype)
    above = np.minimum(below + 1, available - 1)
    return values[:, below] * (1 - weight) + values[:, above] * weight
