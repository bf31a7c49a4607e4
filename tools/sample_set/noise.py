"""Fractal noise: one periodic tile per picture, read at many scales and places."""

from __future__ import annotations

import numpy as np


class NoiseTile:
    """Periodic noise with a power-law spectrum, as clouds, rock and foliage have it.

    Args:
        rng: random numbers of this picture.
        side: samples along each side; a power of two.
        roughness: exponent of the amplitude spectrum; 1 is rough, 2 smooth.
    """

    def __init__(self, rng: np.random.Generator, side: int = 256, roughness: float = 1.6):
        frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
        frequency[0, 0] = np.inf
        # Waves as long as the tile would give each lookup a slope of its own; they are damped.
        spectrum = frequency**-roughness * (1 - np.exp(-((frequency * side / 2) ** 2)))
        white = np.fft.rfft2(rng.standard_normal((side, side)))
        field = np.fft.irfft2(white * spectrum, (side, side))
        self._field = (field / field.std()).astype(np.float32)
        self._side = side
        self._rng = rng

    def __call__(self, u: np.ndarray, v: np.ndarray, shift: tuple | None = None) -> np.ndarray:
        """The noise at `(u, v)`, in tiles; mean 0 and standard deviation 1.

        Args:
            u: `[1, W]` or `[H, W]`.
            v: `[H, 1]` or a number: the same along each row, which saves half of the lookups.
            shift: where in the tile to read; a random place without.
        """
        shift_u, shift_v = self.shift() if shift is None else shift
        row, row1, down = self._between(np.atleast_2d(np.asarray(v, np.float32)), shift_v)
        column, column1, right = self._between(np.asarray(u, np.float32), shift_u)
        lines = self._field[row[:, 0]] * (1 - down) + self._field[row1[:, 0]] * down
        if column.shape[0] == 1:
            return lines[:, column[0]] * (1 - right) + lines[:, column1[0]] * right
        start = np.arange(len(column), dtype=np.int32)[:, None] * (self._side * (len(lines) > 1))
        return lines.take(start + column) * (1 - right) + lines.take(start + column1) * right

    def _between(self, where: np.ndarray, shift: float):
        """The two samples around a place, and how far it is from the first to the second."""
        where = (where + np.float32(shift)) * self._side
        first = np.floor(where).astype(np.int32)
        mask = self._side - 1  # the side is a power of two
        return first & mask, (first + 1) & mask, where - first.astype(np.float32)

    def shift(self) -> tuple[float, float]:
        """A random place in the tile, for lookups that must see the same noise."""
        return tuple(self._rng.uniform(0, 1, 2))


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def blend(below: np.ndarray, above: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Lays colours `above` (`[H, W, 3]` or `[3]`) over `below` with coverage `alpha` `[H, W]`."""
    return below + (above - below) * alpha[..., None]
