"""Paintings: a scene, a palette of its own, and brush strokes laid from coarse to fine.

After Hertzmann, "Painterly Rendering with Curved Brush Strokes of Multiple Sizes" (1998): strokes
follow the edges of the picture (they run across its gradient), and each finer layer is laid only
where the canvas still differs from the scene.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tools.sample_set.light import rgb
from tools.sample_set.scenes import SCENES


@dataclass(frozen=True)
class Brush:
    """One layer of strokes; lengths as shares of the picture's side."""

    width: float
    length: float
    spacing: float
    tolerance: float  # a stroke is laid where the canvas is this far from the scene, in RGB
    wandering: float  # standard deviation of each stroke's direction, in radians


BRUSHES = (
    Brush(width=0.044, length=0.15, spacing=0.031, tolerance=0.0, wandering=0.2),
    Brush(width=0.026, length=0.09, spacing=0.024, tolerance=0.03, wandering=0.15),
    Brush(width=0.014, length=0.045, spacing=0.013, tolerance=0.04, wandering=0.12),
)
_SHADOW, _GLOW, _LEAD_WHITE = rgb("4a4a86"), rgb("f7d9a0"), rgb("f2ead8")
_GROUND = rgb("cbb99a")  # the primed canvas that shows between the strokes
_LIGHT = np.array([-0.7, -0.7], np.float32)  # of the gallery: from the upper left


def painting(rng: np.random.Generator, index: int, size: int) -> np.ndarray:
    """A landscape as a brush leaves it; consecutive indices take turns through the scenes.

    Returns:
        uint8 `[size, size, 3]`.
    """
    side = 2 * size
    scene = mix_palette(rng, SCENES[index % len(SCENES)](rng, side))
    canvas = Canvas(rng, side)
    angles = stroke_directions(scene)
    for brush in BRUSHES:
        canvas.paint(brush, scene, angles)
    picture = canvas.varnish().reshape(size, 2, size, 2, 3).mean((1, 3))
    return np.clip(np.rint(picture * 255), 0, 255).astype(np.uint8)


def mix_palette(rng: np.random.Generator, scene: np.ndarray) -> np.ndarray:
    """The colours of a scene as an impressionist mixes them: violet shadows, chalky light.

    Args:
        scene: `[H, W, 3]`, about [0, 1].
    """
    scene = np.clip(scene, 0, 1)
    lightness = scene.mean(-1, keepdims=True)
    vivid = lightness + (scene - lightness) * rng.uniform(1.1, 1.35)
    shade = np.clip(1 - 1.9 * lightness, 0, 1)
    glow = np.clip(1.7 * lightness - 0.9, 0, 1)
    mixed = vivid + 0.5 * shade * (_SHADOW - vivid) + 0.3 * glow * (_GLOW - vivid)
    return np.clip(mixed + 0.05 * (_LEAD_WHITE - mixed), 0, 1).astype(np.float32)


def stroke_directions(scene: np.ndarray) -> np.ndarray:
    """The angle of a stroke at each pixel, in radians: along edges, level where there are none.

    From the structure tensor: the products of the gradient's components are averaged over a
    neighbourhood, so that opposite gradients on the two sides of a line support one another.
    """
    radius = max(1, scene.shape[0] // 40)
    across, down = np.gradient(_blur(scene.mean(-1), radius))[::-1]
    xx, yy, xy = (_blur(product, 2 * radius) for product in (across**2, down**2, across * down))
    # A trace of vertical gradient everywhere makes strokes level in calm water and empty sky.
    yy = yy + 2e-6
    return 0.5 * np.arctan2(2 * xy, xx - yy) + math.pi / 2


class Canvas:
    """Paint on primed cloth: its colour, and how thickly it lies."""

    def __init__(self, rng: np.random.Generator, side: int):
        self._rng = rng
        self._side = side
        self._colour = np.broadcast_to(_GROUND, (side, side, 3)).copy()
        weave = np.sin(np.arange(side) * (2 * math.pi / 3.1))
        self._thickness = (0.12 * (weave[:, None] + weave[None, :])).astype(np.float32)

    def paint(self, brush: Brush, scene: np.ndarray, angles: np.ndarray) -> None:
        """Lays one layer of strokes, in random order."""
        side, rng = self._side, self._rng
        width, length = brush.width * side, brush.length * side
        spacing = brush.spacing * side
        places = np.stack(np.meshgrid(*[np.arange(spacing / 2, side, spacing)] * 2), -1)
        places = places.reshape(-1, 2) + rng.uniform(-0.6, 0.6, (places.size // 2, 2)) * spacing
        places = np.clip(places, 0, side - 1)
        rows, columns = places[:, 1].astype(int), places[:, 0].astype(int)

        radius = max(1, round(width / 3))
        seen = _blur_colours(scene, radius)
        wanted = seen[rows, columns]
        missing = np.abs(_blur_colours(self._colour, radius)[rows, columns] - wanted).mean(-1)
        turned = angles[rows, columns] + rng.normal(0, brush.wandering, len(places))
        shortened = self._shorten(seen, places, turned, length, wanted)
        colours = self._broken_colours(wanted)
        for i in rng.permutation(np.flatnonzero(missing >= brush.tolerance)):
            self._stroke(
                places[i],
                turned[i],
                width * rng.uniform(0.75, 1.2),
                length * shortened[i] * rng.uniform(0.6, 1.25),
                rng.normal(0, 0.35) / length,
                colours[i],
            )

    def _shorten(self, seen, places, angles, length, wanted) -> np.ndarray:
        """By how much each stroke ends early because the scene changes colour under it."""
        ray = 0.5 * length * np.stack([np.cos(angles), np.sin(angles)], -1)
        strangeness = np.zeros(len(places))
        for end in (places - ray, places + ray):
            x, y = np.clip(end, 0, self._side - 1).astype(int).T
            strangeness = np.maximum(strangeness, np.abs(seen[y, x] - wanted).mean(-1))
        return np.clip(1.15 - 4 * strangeness, 0.3, 1)

    def _broken_colours(self, colours: np.ndarray) -> np.ndarray:
        """Each stroke's colour: near the wanted one, split into neighbours that mix in the eye."""
        rng, number = self._rng, len(colours)
        warmth = rng.normal(0, 0.055, (number, 1)) * np.array([1.0, 0.15, -1.0])
        green = rng.normal(0, 0.03, (number, 1)) * np.array([-0.5, 1.0, -0.5])
        return np.clip(colours + warmth + green + rng.normal(0, 0.045, (number, 1)), 0, 1)

    def _stroke(self, place, angle, width, length, bend, colour) -> None:
        """Lays one stroke: a band bent like a parabola, streaked by bristles, ragged at its end."""
        reach = 0.5 * length + width
        columns, rows = self._box(place, angle, reach, 0.5 * width + 1, bend * reach * reach)
        x = np.arange(*columns, dtype=np.float32)[None, :] - np.float32(place[0])
        y = np.arange(*rows, dtype=np.float32)[:, None] - np.float32(place[1])
        cos, sin = np.float32(math.cos(angle)), np.float32(math.sin(angle))
        along = x * cos + y * sin
        across = y * cos - x * sin - np.float32(bend) * along * along

        bristles = self._rng.standard_normal(9).astype(np.float32)
        lane = _limit(across * np.float32(8 / width) + 4, 7.999)
        low = lane.astype(np.int8)
        streak = bristles.take(low) + np.diff(bristles).take(low) * (lane - low)

        edge = _limit(np.float32(0.5 * width + 0.5) - np.abs(across), 1)
        tips = np.float32(0.5 * length) - np.abs(along) + np.float32(0.18 * width) * streak
        # Paint runs out along the stroke, and between the bristles first.
        spent = np.float32(0.28 / length) * (along + reach)
        load = np.float32(1.05) - spent + np.float32(0.16) * streak
        cover = edge * _limit(tips, 1) * _limit(load, 1)

        patch = self._colour[slice(*rows), slice(*columns)]
        paint = colour.astype(np.float32) + np.float32(0.03) * streak[..., None]
        patch += cover[..., None] * (paint - patch)
        relief = self._thickness[slice(*rows), slice(*columns)]
        relief += cover * (np.float32(0.7) + np.float32(0.5) * streak - np.float32(0.75) * relief)

    def _box(self, place, angle, reach, half_width, sag) -> list[tuple[int, int]]:
        """First and last (exclusive) column and row that a stroke can touch.

        Args:
            place, angle: its middle and its direction.
            reach, half_width: how far it extends along and across, in pixels.
            sag: how far its bend takes the ends to the side.
        """
        cos, sin = math.cos(angle), math.sin(angle)
        low, high = min(sag, 0) - half_width, max(sag, 0) + half_width
        box = []
        for axis, along, across in ((0, abs(reach * cos), -sin), (1, abs(reach * sin), cos)):
            one, other = across * low, across * high
            first = max(-reach, min(one, other) - along)
            last = min(reach, max(one, other) + along)
            middle = place[axis]
            box.append((max(0, int(middle + first)), min(self._side, int(middle + last) + 2)))
        return box

    def varnish(self) -> np.ndarray:
        """The canvas `[side, side, 3]` in light from one side, which shows its ridges."""
        down, across = np.gradient(self._thickness)
        relief = across * _LIGHT[0] + down * _LIGHT[1]
        return np.clip(self._colour * (1 - 0.16 * np.clip(relief, -1.2, 1.2)[..., None]), 0, 1)


def _limit(values: np.ndarray, high: float) -> np.ndarray:
    """`np.clip(values, 0, high)` without its overhead, which counts on small arrays."""
    return np.minimum(np.maximum(values, np.float32(0)), np.float32(high))


def _blur(field: np.ndarray, radius: int) -> np.ndarray:
    """Mean over a square of `2 * radius + 1` pixels, twice, which comes near a Gaussian."""
    for _ in range(2):
        for axis in (0, 1):
            pad = [(0, 0)] * field.ndim
            pad[axis] = (radius + 1, radius)
            total = np.cumsum(np.pad(field, pad, mode="edge"), axis, dtype=np.float64)
            size = 2 * radius + 1
            total = np.moveaxis(total, axis, 0)
            field = np.moveaxis((total[size:] - total[:-size]) / size, 0, axis).astype(np.float32)
    return field


def _blur_colours(picture: np.ndarray, radius: int) -> np.ndarray:
    return np.stack([_blur(picture[..., channel], radius) for channel in range(3)], -1)
