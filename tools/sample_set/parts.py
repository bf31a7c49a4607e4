"""The parts landscapes are put together from. Each is laid over the picture it is given.

Pictures are float32 `[H, W, 3]` in [0, 1]; heights and places are shares of the picture, y
downwards.
"""

from __future__ import annotations

import numpy as np

from tools.sample_set.light import Light, Season
from tools.sample_set.noise import NoiseTile, blend, smoothstep


class View:
    """The grid of a picture, with its random numbers, noise and light."""

    def __init__(self, rng: np.random.Generator, side: int, light: Light, horizon: float):
        self.rng, self.side, self.light, self.horizon = rng, side, light, horizon
        self.noise = NoiseTile(rng)
        line = ((np.arange(side) + 0.5) / side).astype(np.float32)
        self.x, self.y = line[None, :], line[:, None]
        self.sun_x = rng.uniform(0.15, 0.85)
        self.sun_y = horizon * (1 - light.sun_height)
        self.below = np.maximum(self.y - horizon, 1e-3)

    def haze(self, colours: np.ndarray, distance) -> np.ndarray:
        """Fades colours into the horizon's with distance in [0, 1]."""
        share = np.clip(1 - np.exp(-self.light.haze * 2.2 * distance), 0, 1) * 0.92
        return colours + (self.light.horizon - colours) * np.asarray(share)[..., None]

    def lit(self, colours: np.ndarray, sunshine: np.ndarray) -> np.ndarray:
        """Surface colours under the scene's light; `sunshine` in [0, 1]."""
        return colours * (self.light.ambient + self.light.direct * sunshine[..., None]) * 1.25


def sky(view: View) -> np.ndarray:
    """Gradient, glow around the sun, clouds in perspective."""
    light = view.light
    rise = np.clip(1 - view.y / view.horizon, 0, 1)
    picture = light.horizon + (light.zenith - light.horizon) * (rise**0.65)[..., None]
    picture = np.broadcast_to(picture, (view.side, view.side, 3)).astype(np.float32)
    sun = np.hypot(view.x - view.sun_x, (view.y - view.sun_y) * 1.15)
    if light.sun_height >= 0:
        picture = blend(picture, light.sun, 0.75 * np.exp(-((sun / 0.3) ** 1.2)))
    picture = _clouds(view, picture, sun)
    if light.sun_height >= 0.05:
        picture = blend(picture, np.clip(light.sun * 1.2, 0, 1), smoothstep(0.045, 0.032, sun))
    return picture


def _clouds(view: View, picture: np.ndarray, sun: np.ndarray) -> np.ndarray:
    light, noise = view.light, view.noise
    if light.cloudiness < 0.05:
        return picture
    depth = 0.28 / (np.maximum(view.horizon - view.y, 0) / view.horizon + 0.16)
    u, v = (view.x - 0.5) * depth * 0.55, depth * view.rng.uniform(0.5, 0.9)
    shift = noise.shift()
    density = noise(u, v, shift)
    cover = 1.3 - 2.4 * light.cloudiness
    alpha = smoothstep(cover - 0.5, cover + 0.9, density)
    # Denser towards the light than away from it: the side that is turned away is in shadow.
    towards = noise(u, v + 0.03, shift)
    shadow = smoothstep(-0.5, 0.9, towards - density + 0.45 * (density - cover - 0.3))
    bright = np.clip(light.sun * 0.55 + light.horizon * 0.55, 0, 1)
    dark = light.ambient * 0.75 + light.horizon * 0.3
    cloud = bright + (dark - bright) * shadow[..., None] * (0.45 + 0.4 * light.cloudiness)
    if light.sun_height >= 0:
        cloud = blend(cloud, light.sun, 0.6 * np.exp(-((sun / 0.25) ** 1.5)))
    fade = smoothstep(0.0, 0.22, 1 - view.y / view.horizon) * 0.75 + 0.25
    return blend(picture, cloud, alpha * fade * 0.95)


def mountains(
    view: View, picture: np.ndarray, base: float, height: float, distance: float, season: Season
) -> np.ndarray:
    """A ridge of rock, grass and snow that rises `height` above `base`."""
    noise, rng = view.noise, view.rng
    line = noise(view.x * rng.uniform(0.25, 0.5), 0.0)
    broad = noise(view.x * 0.12, 0.0)
    profile = height * np.clip(0.55 + 0.28 * broad + 0.22 * line, 0.06, 1.3)
    top = base - profile
    altitude = np.clip((base - view.y) / height, 0, 1.5)
    across = view.x * 0.9 + view.y * 0.35
    slope = noise(across, view.y * 0.7, shift := noise.shift())
    shifted = noise(across + 0.013, view.y * 0.7, shift)
    facing = 1 if view.sun_x > 0.5 else -1
    sunshine = smoothstep(-0.25, 0.3, (slope - shifted) * facing + 0.05)
    rock = np.array([0.47, 0.43, 0.4], np.float32) * (1 + 0.12 * slope[..., None])
    green = _pick(rng, season.foliage) * 1.15
    colours = blend(rock, green, smoothstep(0.62, 0.25, altitude + 0.1 * slope))
    snow = smoothstep(0.0, 0.12, altitude - season.snow_line + 0.13 * slope)
    colours = blend(colours, np.array([0.97, 0.98, 1.0], np.float32), snow)
    colours = view.haze(view.lit(colours, sunshine), distance + 0.25 * (1 - altitude))
    return blend(picture, colours, _edge(view, view.y - top))


def hills(
    view: View, picture: np.ndarray, base: float, height: float, distance: float, season: Season
) -> np.ndarray:
    """A smooth rise with fields or woods on it, standing on `base`."""
    noise, rng = view.noise, view.rng
    top = base - height * (0.6 + 0.4 * noise(view.x * rng.uniform(0.06, 0.14), 0.0))
    wooded = rng.random() < 0.5
    if wooded:
        top = top - height * 0.06 * np.abs(noise(view.x * 2.5, 0.0))
    texture = noise(view.x * 1.6, view.y * 3.0)
    if wooded:
        colours = _pick(rng, season.foliage) * (1 + 0.22 * texture[..., None])
    else:
        patches = noise(view.x * 0.5 + view.y * 0.4, view.y * 2.0)
        colours = blend(
            _pick(rng, season.grass), _pick(rng, season.grass), smoothstep(-0.2, 0.2, patches)
        )
        colours = colours * (1 + 0.06 * texture[..., None])
        woods = smoothstep(0.9, 1.1, noise(view.x * 0.9, view.y * 3.5) + 0.35 * texture)
        colours = blend(colours, _pick(rng, season.foliage) * 0.9, woods)
    broad = noise(view.x * 0.3, view.y * 0.5)
    sunshine = smoothstep(-1.2, 1.0, broad + 0.5 * texture)
    colours = view.haze(view.lit(colours, sunshine), distance)
    return blend(picture, colours, _edge(view, view.y - top))


def meadow(view: View, picture: np.ndarray, top: float, season: Season) -> np.ndarray:
    """Flat ground in perspective, from `top` to the lower edge: grass, patches, flowers."""
    noise, rng = view.noise, view.rng
    below = np.maximum(view.y - min(view.horizon, top) + 0.02, 0.02)
    depth = 0.12 / below
    u, v = (view.x - 0.5) * depth, depth * 1.0
    patches = noise(u * 0.35, v * 0.35)
    grain = noise(u * 3.2, v * 1.6)
    blades = noise(view.x * 2.2, view.y * 1.1) * smoothstep(0.05, 0.45, view.y - top)
    colours = blend(
        _pick(rng, season.grass), _pick(rng, season.grass), smoothstep(-0.5, 0.5, patches)
    )
    colours = colours * (1 + 0.13 * grain + 0.10 * blades)[..., None]
    if rng.random() < 0.45 and season.snow_line > 0.3:
        flower = _pick(rng, _FLOWERS)
        near = smoothstep(0.02, 0.2, view.y - top)
        spots = smoothstep(1.0, 1.35, noise(u * 6, v * 3.5) + 0.5 * patches - 0.3 + 0.4 * near)
        colours = blend(colours, flower, spots * 0.85)
    cloud_shadow = smoothstep(-1.6, 0.4, noise(u * 0.2, v * 0.25))
    colours = view.lit(colours, cloud_shadow * 0.75 + 0.25)
    edge = top + 0.012 * noise(view.x * 0.3, 0.0)
    return blend(
        picture, view.haze(colours, np.clip(depth / 5, 0, 0.6)), _edge(view, view.y - edge)
    )


def water(
    view: View, picture: np.ndarray, top: float, bottom=1.05, waves: float = 1.0
) -> np.ndarray:
    """Water from `top` down to `bottom` (a height, or one per column) mirroring what is above."""
    noise, light = view.noise, view.light
    below = np.maximum(view.y - top, 0)
    depth = 0.1 / (below + 0.02)
    u, v = (view.x - 0.5) * depth, depth
    ripple = noise(u * 1.1, v * 3.4) + 0.7 * noise(u * 3.1, v * 9.0)
    strength = waves * (0.012 + 0.10 * below)
    source_y = np.clip(2 * top - view.y + strength * ripple, 0.002, top - 0.004)
    source_x = np.clip(view.x + 0.25 * strength * noise(u * 2, v * 5), 0, 1)
    rows = np.clip((source_y * view.side).astype(int), 0, view.side - 1)
    columns = np.broadcast_to(
        np.clip((source_x * view.side).astype(int), 0, view.side - 1), rows.shape
    )
    mirrored = picture[rows, columns]
    body = light.zenith * 0.45 + np.array([0.02, 0.08, 0.09], np.float32)
    fresnel = 0.82 - 0.38 * smoothstep(0.0, 0.45, below) * min(1.0, waves)
    colours = body + (mirrored - body) * fresnel[..., None]
    colours = colours * (1 + 0.05 * min(waves, 1.5) * ripple[..., None])
    if light.sun_height >= 0:
        path = np.exp(-(((view.x - view.sun_x) / (0.035 + 0.16 * below)) ** 2))
        colours = blend(colours, light.sun, path * smoothstep(0.1, 1.3, ripple + 0.35) * 0.85)
    colours = view.haze(colours, np.exp(-below * 14) * 0.25)
    return blend(picture, colours, _edge(view, view.y - top) * _edge(view, bottom - view.y))


def tree_line(
    view: View, picture: np.ndarray, base: float, height: float, distance: float, season: Season
) -> np.ndarray:
    """A distant row of trees on `base`."""
    noise, rng = view.noise, view.rng
    crowns = np.abs(noise(view.x * rng.uniform(0.8, 1.6), 0.0))
    gaps = smoothstep(-0.9, 0.1, noise(view.x * 0.25, 0.0))
    top = base - height * (0.25 + 0.75 * np.clip(crowns, 0, 1.5)) * gaps
    texture = noise(view.x * 3, view.y * 3)
    tint = noise(view.x * 0.9, 0.0)
    colours = blend(
        _pick(rng, season.foliage), _pick(rng, season.foliage), smoothstep(-0.4, 0.4, tint)
    )
    colours = colours * (1 + 0.25 * texture[..., None])
    up = np.clip((base - view.y) / height, 0, 1)
    colours = view.lit(colours, smoothstep(0.0, 1.4, up + 0.4 * texture))
    alpha = _edge(view, view.y - top) * _edge(view, base - view.y)
    return blend(picture, view.haze(colours, distance), alpha)


def tree(
    view: View, picture: np.ndarray, x: float, base: float, height: float, season: Season
) -> None:
    """One broad-leaved tree, drawn into `picture`."""
    rng = view.rng
    rows, columns, across, up = _box(view, x, base, height, 0.75)
    if rows is None:
        return
    texture = view.noise(view.x[:, columns] * 2.2, view.y[rows] * 2.2)
    fine = view.noise(view.x[:, columns] * 6, view.y[rows] * 6)
    crown = np.full(texture.shape, -1.0, np.float32)
    slope = np.zeros_like(crown)
    for _ in range(7):
        cx, cy, r = rng.normal(0, 0.17), rng.uniform(0.45, 0.85), rng.uniform(0.14, 0.27)
        inside = 1 - np.hypot(across - cx, up - cy) / r
        slope = np.where(inside > crown, (up - cy) / r - 0.5 * (across - cx) / r, slope)
        crown = np.maximum(crown, inside)
    alpha = smoothstep(-0.05, 0.1, crown + 0.16 * texture + 0.12 * fine)
    colour = _pick(rng, season.foliage) * rng.uniform(0.85, 1.2)
    sunshine = smoothstep(-1.0, 1.2, slope + 0.5 * texture + 0.3 * fine)
    leaves = view.lit(colour * (0.75 + 0.35 * sunshine + 0.15 * fine)[..., None], sunshine)
    trunk = smoothstep(0.035, 0.02, np.abs(across + 0.01 * texture)) * (up < 0.6) * (up > 0)
    part = picture[rows, columns]
    part = blend(part, view.lit(np.array([0.25, 0.19, 0.15], np.float32), 0.4 + 0 * trunk), trunk)
    shadow = np.exp(-((across / 0.4) ** 2) - ((up / 0.05) ** 2))
    part = part * (1 - 0.45 * shadow[..., None])
    picture[rows, columns] = blend(part, leaves, alpha)


def slim_tree(
    view: View, picture: np.ndarray, x: float, base: float, height: float, season: Season
) -> None:
    """One conifer (in summer green) or poplar (in the season's colour), drawn into `picture`."""
    rows, columns, across, up = _box(view, x, base, height, 0.3)
    if rows is None:
        return
    texture = view.noise(view.x[:, columns] * 4, view.y[rows] * 2.5)
    width = 0.16 * np.clip(1.02 - up, 0, 1) ** 0.8 * (0.75 + 0.35 * (1 - (up * 9) % 1))
    alpha = smoothstep(-0.02, 0.02, width - np.abs(across) + 0.02 * texture) * (up > 0.04)
    colour = _pick(view.rng, season.foliage) * 0.75
    sunshine = smoothstep(-1.0, 1.3, texture + across * 8 * (1 if view.sun_x > 0.5 else -1))
    leaves = view.lit(colour * (1 + 0.25 * texture[..., None]), sunshine)
    picture[rows, columns] = blend(picture[rows, columns], leaves, alpha)


_FLOWERS = np.array(
    [
        [0.85, 0.2, 0.15],
        [0.95, 0.82, 0.25],
        [0.65, 0.5, 0.85],
        [0.95, 0.93, 0.95],
        [0.9, 0.55, 0.65],
    ],
    np.float32,
)


def _box(view: View, x: float, base: float, height: float, half_width: float):
    """The rows and columns around a thing on the ground, its coordinates in heights."""
    side = view.side
    first, last = int((x - half_width * height) * side), int((x + half_width * height) * side) + 1
    upper, lower = int((base - 1.1 * height) * side), int((base + 0.08 * height) * side) + 1
    first, last, upper, lower = (min(max(edge, 0), side) for edge in (first, last, upper, lower))
    if first >= last or upper >= lower:
        return None, None, None, None
    rows, columns = slice(upper, lower), slice(first, last)
    return rows, columns, (view.x[:, columns] - x) / height, (base - view.y[rows]) / height


def _edge(view: View, inside: np.ndarray) -> np.ndarray:
    """Coverage in [0, 1] from the signed distance to a contour: about one pixel soft."""
    return np.broadcast_to(np.clip(inside * view.side + 0.5, 0, 1), (view.side, view.side))


def _pick(rng: np.random.Generator, colours: np.ndarray) -> np.ndarray:
    """One of the colours, slightly varied."""
    colour = colours[rng.integers(len(colours))]
    return np.clip(colour * rng.uniform(0.92, 1.08, 3), 0, 1).astype(np.float32)
