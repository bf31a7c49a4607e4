"""What `monet.explore` finds of altered copies of pictures, and which pictures it takes for alike.

    python benchmarks/near_duplicates.py --data gan-getting-started --count 400

prints, for copies that are resized, compressed, cut, mirrored or toned, the share within
`NEAR_BITS` and the distances, then how many pairs of the dataset's own pictures are how near, as
they are and with one of them mirrored. docs/training.md shows what came of it.
"""

from __future__ import annotations

import argparse
import io
from collections import Counter
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageOps

from monet._command_line.arguments import positive_int
from monet._parallel import map_in_order, usable_cores
from monet.data import open_domains
from monet.exploration.duplicates import near_pairs
from monet.exploration.fingerprint import FINGERPRINT_BITS, MIRRORED, NEAR_BITS, fingerprint

Alteration = Callable[[Image.Image], Image.Image]
_FARTHEST = 36


def resized(share: float) -> Alteration:
    def altered(picture: Image.Image) -> Image.Image:
        size = (round(picture.width * share), round(picture.height * share))
        return picture.resize(size, Image.Resampling.LANCZOS)

    return altered


def saved_again(quality: int) -> Alteration:
    def altered(picture: Image.Image) -> Image.Image:
        file = io.BytesIO()
        picture.save(file, "jpeg", quality=quality)
        return Image.open(file)

    return altered


def cut(left: float, right: float) -> Alteration:
    """Cuts shares of the sides off: left and top, right and bottom."""

    def altered(picture: Image.Image) -> Image.Image:
        width, height = picture.size
        box = (width * left, height * left, width * (1 - right), height * (1 - right))
        return picture.crop(tuple(map(round, box)))

    return altered


def one_after_another(*alterations: Alteration) -> Alteration:
    def altered(picture: Image.Image) -> Image.Image:
        for alteration in alterations:
            picture = alteration(picture)
        return picture

    return altered


ALTERATIONS: dict[str, Alteration] = {
    "resized to 25%": resized(0.25),
    "resized to 50%": resized(0.5),
    "resized to 78%": resized(0.78),
    "resized to 200%": resized(2),
    "JPEG of quality 75": saved_again(75),
    "JPEG of quality 30": saved_again(30),
    "JPEG of quality 10": saved_again(10),
    "25%, then quality 50": one_after_another(resized(0.25), saved_again(50)),
    "2% cut off": cut(0.01, 0.01),
    "4% cut off": cut(0.02, 0.02),
    "6% cut off": cut(0.03, 0.03),
    "10% cut off": cut(0.05, 0.05),
    "2% cut off, on one side": cut(0.02, 0),
    "4% cut off, on one side": cut(0.04, 0),
    "mirrored": ImageOps.mirror,
    "mirrored, 4% cut off": one_after_another(ImageOps.mirror, cut(0.02, 0.02)),
    "4% cut off, 78%, quality 75": one_after_another(
        cut(0.02, 0.02), resized(0.78), saved_again(75)
    ),
    "grey": ImageOps.grayscale,
    "a fifth brighter": lambda picture: picture.point(lambda level: min(255, level * 6 // 5)),
}


def distance(one: np.ndarray, other: np.ndarray) -> int:
    """Differing bits of two fingerprints, or of one and the other's mirror image."""
    return min(np.count_nonzero(one ^ other), np.count_nonzero(one ^ other ^ MIRRORED))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--count", type=positive_int, default=400, help="pictures that are altered")
    arguments = parser.parse_args()
    domains = open_domains(arguments.data)
    places = [
        (source, index)
        for source in (domains.paintings, domains.photos)
        for index in range(len(source))
    ]

    def read(place) -> Image.Image:
        source, index = place
        return Image.fromarray(source.read(index))

    def hashed(place) -> np.ndarray:
        return fingerprint(read(place))

    fingerprints = np.stack(list(map_in_order(hashed, places, threads=usable_cores())))
    chosen = np.random.default_rng(0).permutation(len(places))[: arguments.count]
    distances: dict[str, list[int]] = {name: [] for name in ALTERATIONS}
    for index in map(int, chosen):
        picture = read(places[index])
        for name, alter in ALTERATIONS.items():
            distances[name].append(distance(fingerprint(alter(picture)), fingerprints[index]))
    print(f"of {len(chosen)} pictures      found   median   most of {FINGERPRINT_BITS} bits")
    for name, bits in distances.items():
        found = np.mean(np.array(bits) <= NEAR_BITS)
        print(f"{name:28s} {found:6.1%} {np.median(bits):6.0f} {max(bits):6d}")
    pairs = near_pairs(fingerprints, _FARTHEST)
    counts = Counter((pair.differing_bits, pair.mirrored) for pair in pairs)
    print(f"\nof {len(places)} pictures, pairs within n bits: as they are, mirrored")
    as_they_are = mirrored = 0
    for bits in range(_FARTHEST + 1):
        as_they_are += counts[bits, False]
        mirrored += counts[bits, True]
        print(f"{bits:3d} {as_they_are:6d} {mirrored:6d}")


if __name__ == "__main__":
    main()
