"""The light of a scene: hours of the day, seasons, weather."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def rgb(hexadecimal: str) -> np.ndarray:
    """A colour written `rrggbb`, as float32 `[3]` in [0, 1]."""
    return np.array(list(bytes.fromhex(hexadecimal)), np.float32) / 255


@dataclass(frozen=True)
class Light:
    """Colours and strength of the light; colours are float32 `[3]` in [0, 1]."""

    zenith: np.ndarray
    horizon: np.ndarray
    sun: np.ndarray
    sun_height: float  # above the horizon, as a share of the sky; below 0 it isn't seen
    ambient: np.ndarray  # multiplies surfaces in shadow
    direct: np.ndarray  # multiplies surfaces in the sun, on top of ambient
    haze: float  # how quickly distance fades into the horizon's colour
    cloudiness: float  # 0 clear … 1 overcast


def _light(zenith, horizon, sun, sun_height, ambient, direct, haze, cloudiness) -> Light:
    return Light(
        rgb(zenith), rgb(horizon), rgb(sun), sun_height, rgb(ambient), rgb(direct), haze, cloudiness
    )


NOON = _light("2f6fc4", "b5d3ea", "fff8e6", -1, "6a7888", "8c867a", 0.5, 0.35)
FAIR = _light("3f83cf", "c9dfee", "fff6e0", -1, "68747f", "98907e", 0.55, 0.6)
MORNING = _light("6a9ac9", "f0dcc0", "fff0cf", 0.35, "65707d", "9c8660", 0.8, 0.45)
EVENING = _light("4a6fa5", "f6c98a", "ffd890", 0.18, "565a6c", "a8804a", 0.8, 0.4)
SUNSET = _light("33456f", "f58d4b", "ffca6a", 0.1, "43425a", "8c5a3a", 0.9, 0.5)
DUSK = _light("1f2d55", "d8848a", "ffb090", 0.02, "3c4060", "5c4450", 0.9, 0.45)
OVERCAST = _light("8f9aa5", "cdd3d6", "ffffff", -1, "8a9094", "34322e", 0.9, 0.95)
STORM = _light("4b5662", "a9b2b5", "ffffff", -1, "666e75", "3c3a36", 0.8, 0.9)
WINTER = _light("5a8ac0", "e3e8ec", "fff4e0", -1, "7484a0", "8c8072", 0.7, 0.35)
LIGHTS = (NOON, FAIR, MORNING, EVENING, SUNSET, DUSK, OVERCAST, STORM)


@dataclass(frozen=True)
class Season:
    """Colours of what grows; float32 `[n, 3]`, each plant takes one."""

    foliage: np.ndarray
    grass: np.ndarray
    snow_line: float  # share of the mountains' height above which snow lies


def _season(foliage: str, grass: str, snow_line: float) -> Season:
    return Season(
        np.stack([rgb(c) for c in foliage.split()]),
        np.stack([rgb(c) for c in grass.split()]),
        snow_line,
    )


SUMMER = _season("3d5a24 4a6b2a 2f4d22 55702f", "7c9440 6b8a3c 93a04e 567a34", 0.85)
SPRING = _season("6a8a35 7f9a45 587a30 8aa052", "86ad48 78a040 9ab85a 6a9a40", 0.6)
AUTUMN = _season("a8641f c08a2a 8a4a1e 6e6a2a b5502a", "a8954e 98843e b09a58 8a7f45", 0.65)
SNOW = _season("39443a 4a5048 5a5348 2f3b36", "e6ebf2 dfe6f0 eef1f5 d8e0ec", 0.1)
SEASONS = (SUMMER, SUMMER, SPRING, AUTUMN)
