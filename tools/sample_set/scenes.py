"""Whole landscapes, and what a camera makes of them."""

from __future__ import annotations

import numpy as np

from tools.sample_set import light as lights
from tools.sample_set.parts import (
    View,
    hills,
    meadow,
    mountains,
    sky,
    slim_tree,
    tree,
    tree_line,
    water,
)


def mountain_lake(rng: np.random.Generator, side: int) -> np.ndarray:
    view = View(rng, side, _any(rng, lights.LIGHTS), rng.uniform(0.5, 0.62))
    season, level = _any(rng, lights.SEASONS), view.horizon
    picture = sky(view)
    picture = mountains(view, picture, level, rng.uniform(0.25, 0.42), 0.8, season)
    if rng.random() < 0.7:
        picture = mountains(view, picture, level, rng.uniform(0.12, 0.25), 0.4, season)
    picture = tree_line(view, picture, level + 0.005, rng.uniform(0.03, 0.07), 0.25, season)
    picture = water(view, picture, level, waves=rng.choice([0.15, 0.4, 0.8]))
    if rng.random() < 0.6:
        picture = meadow(view, picture, rng.uniform(0.82, 0.9), season)
        _scatter(view, picture, slim_tree, season, rng.integers(1, 5), 0.84, 0.98, 0.4)
    return picture


def seaside(rng: np.random.Generator, side: int) -> np.ndarray:
    light = _any(rng, (lights.NOON, lights.SUNSET, lights.DUSK, lights.EVENING, lights.STORM))
    view = View(rng, side, light, rng.uniform(0.4, 0.6))
    season = lights.SUMMER
    picture = sky(view)
    if rng.random() < 0.6:
        picture = hills(view, picture, view.horizon, rng.uniform(0.02, 0.08), 0.7, season)
    picture = water(view, picture, view.horizon, waves=rng.uniform(0.8, 1.6))
    if rng.random() < 0.4:
        sand = lights.Season(
            season.foliage, np.stack([lights.rgb("d8c39a"), lights.rgb("cdb488")]), 0
        )
        picture = meadow(view, picture, rng.uniform(0.78, 0.88), sand)
    return picture


def countryside(rng: np.random.Generator, side: int) -> np.ndarray:
    light = _any(rng, (lights.NOON, lights.FAIR, lights.MORNING, lights.EVENING, lights.OVERCAST))
    view = View(rng, side, light, rng.uniform(0.4, 0.58))
    season, level = _any(rng, lights.SEASONS), view.horizon
    picture = sky(view)
    picture = hills(view, picture, level + 0.02, rng.uniform(0.08, 0.16), 0.8, season)
    picture = hills(view, picture, level + 0.04, rng.uniform(0.04, 0.09), 0.45, season)
    picture = meadow(view, picture, level + 0.02, season)
    picture = tree_line(view, picture, level + 0.035, rng.uniform(0.03, 0.06), 0.3, season)
    _scatter(view, picture, tree, season, rng.integers(1, 8), level + 0.05, 0.9, 0.42)
    return picture


def river(rng: np.random.Generator, side: int) -> np.ndarray:
    light = _any(rng, (lights.FAIR, lights.MORNING, lights.EVENING, lights.OVERCAST, lights.SUNSET))
    view = View(rng, side, light, rng.uniform(0.4, 0.52))
    season, level = _any(rng, lights.SEASONS), view.horizon
    picture = sky(view)
    picture = hills(view, picture, level + 0.01, rng.uniform(0.05, 0.15), 0.8, season)
    picture = tree_line(view, picture, level + 0.01, rng.uniform(0.05, 0.12), 0.4, season)
    bank = level + rng.uniform(0.04, 0.1)
    picture = meadow(view, picture, level + 0.01, season)
    _scatter(
        view, picture, _any(rng, (tree, slim_tree)), season, rng.integers(3, 9), bank, bank, 0.5
    )
    shore = rng.uniform(0.75, 1.0) + 0.06 * view.noise(view.x * 0.2, 0.0) + 0.3 * (view.x - 0.5)
    land = meadow(view, picture, bank, season)
    mirrored = water(view, picture, bank, waves=rng.choice([0.2, 0.5, 0.9]))
    picture = np.where((view.y > shore)[..., None], land, mirrored)
    if rng.random() < 0.5:
        _scatter(view, picture, tree, season, 1, 0.92, 1.0, 0.6)
    return picture


def winter(rng: np.random.Generator, side: int) -> np.ndarray:
    light = _any(rng, (lights.WINTER, lights.WINTER, lights.DUSK, lights.OVERCAST, lights.MORNING))
    view = View(rng, side, light, rng.uniform(0.42, 0.6))
    season, level = lights.SNOW, view.horizon
    picture = sky(view)
    picture = mountains(view, picture, level, rng.uniform(0.18, 0.38), 0.7, season)
    picture = tree_line(view, picture, level + 0.01, rng.uniform(0.03, 0.07), 0.4, season)
    picture = meadow(view, picture, level, season)
    _scatter(view, picture, slim_tree, season, rng.integers(2, 14), level + 0.03, 0.95, 0.4)
    return picture


def forest(rng: np.random.Generator, side: int) -> np.ndarray:
    light = _any(rng, (lights.FAIR, lights.MORNING, lights.OVERCAST, lights.EVENING))
    view = View(rng, side, light, rng.uniform(0.45, 0.6))
    season, level = _any(rng, lights.SEASONS), view.horizon
    picture = sky(view)
    picture = mountains(view, picture, level, rng.uniform(0.1, 0.3), 0.8, season)
    for step in range(3):
        base = level + 0.03 * step
        picture = tree_line(view, picture, base, 0.07 + 0.03 * step, 0.5 - 0.2 * step, season)
    picture = meadow(view, picture, level + 0.05, season)
    kind = _any(rng, (tree, slim_tree))
    _scatter(view, picture, kind, season, rng.integers(6, 18), level + 0.08, 1.0, 0.55)
    return picture


SCENES = (mountain_lake, countryside, river, seaside, winter, forest)


def photo(rng: np.random.Generator, index: int, size: int) -> np.ndarray:
    """A landscape as a camera shows it; consecutive indices take turns through the scenes.

    Returns:
        uint8 `[size, size, 3]`.
    """
    side = 2 * size
    picture = SCENES[index % len(SCENES)](rng, side)
    return develop(rng, picture, size)


def develop(rng: np.random.Generator, picture: np.ndarray, size: int) -> np.ndarray:
    """Camera: vignette, exposure, contrast curve, white balance, grain; then half the size."""
    line = np.linspace(-1, 1, picture.shape[0], dtype=np.float32)
    radius = np.hypot(line[:, None], line[None, :])
    picture = picture * (1 - 0.13 * radius[..., None] ** 2.5)
    picture = np.clip(picture * rng.uniform(0.9, 1.1) * rng.uniform(0.97, 1.03, 3), 0, None)
    picture = picture / (1 + 0.08 * picture**4)
    grey = picture.mean(-1, keepdims=True)
    picture = np.clip(grey + (picture - grey) * rng.uniform(0.95, 1.15), 0, 1)
    picture = picture + 0.12 * (picture - 0.5) * (1 - np.abs(2 * picture - 1))
    picture = picture.reshape(size, 2, size, 2, 3).mean((1, 3))
    grain = rng.normal(0, 0.012, (size, size, 1)) + rng.normal(0, 0.005, (size, size, 3))
    return np.clip(np.rint((picture + grain) * 255), 0, 255).astype(np.uint8)


def _scatter(view: View, picture, draw, season, number, nearest, farthest, size) -> None:
    """Draws things on the ground, the farthest first, larger the nearer they stand."""
    low, high = sorted((nearest, farthest))
    for base in sorted(view.rng.uniform(low, high, number)):
        nearness = (base - view.horizon + 0.04) / (1 - view.horizon)
        height = size * nearness * view.rng.uniform(0.6, 1.15) + 0.03
        draw(view, picture, view.rng.uniform(-0.02, 1.02), base, height, season)


def _any(rng: np.random.Generator, choices):
    return choices[rng.integers(len(choices))]
