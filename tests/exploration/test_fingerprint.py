"""Copies of a picture are near to it whatever has been done to them, other pictures aren't."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from monet.data.domains import SAMPLE_SET
from monet.exploration.duplicates import NearPair, near_pairs
from monet.exploration.fingerprint import FINGERPRINT_BITS, MIRRORED, NEAR_BITS, fingerprint


@pytest.fixture(scope="module")
def pictures():
    """The sample set."""
    return [Image.open(path).convert("RGB") for path in sorted(SAMPLE_SET.rglob("*.jpg"))]


def compressed(picture, quality):
    file = io.BytesIO()
    picture.save(file, "jpeg", quality=quality)
    return Image.open(file)


def cut(picture, left, right):
    width, height = picture.size
    sides = width * left, height * left, width * (1 - right), height * (1 - right)
    return picture.crop(tuple(map(round, sides)))


ALTERED = {
    "smaller": lambda picture: picture.resize((64, 64)),
    "larger": lambda picture: picture.resize((700, 700), Image.Resampling.BICUBIC),
    "of another shape": lambda picture: picture.resize((300, 100)),
    "roughly resized": lambda picture: picture.resize((200, 200), Image.Resampling.NEAREST),
    "compressed": lambda picture: compressed(picture, 30),
    "small and compressed": lambda picture: compressed(picture.resize((96, 96)), 50),
    "cut": lambda picture: cut(picture, 0.02, 0.02),
    "cut on one side": lambda picture: cut(picture, 0.02, 0),
    "grey": ImageOps.grayscale,
    "brighter": lambda picture: picture.point(lambda level: min(255, level * 9 // 8)),
    "mirrored": ImageOps.mirror,
    "mirrored and cut": lambda picture: cut(ImageOps.mirror(picture), 0.02, 0.02),
}


@pytest.mark.parametrize("name", ALTERED)
def test_altered_copies_of_pictures_are_found_and_nothing_else(pictures, name):
    both = [*pictures, *map(ALTERED[name], pictures)]
    found = near_pairs(np.stack([fingerprint(picture) for picture in both]), NEAR_BITS)
    copies = {(index, index + len(pictures)) for index in range(len(pictures))}
    assert {(pair.first, pair.second) for pair in found} == copies
    assert {pair.mirrored for pair in found} == {name.startswith("mirrored")}


def test_bits_are_the_signs_of_tensorflows_cosine_transform(pictures):
    for picture in pictures[:5]:
        # 64 pixels a side already, so that nothing is resized.
        small = picture.convert("L").resize((64, 64))
        levels = np.asarray(small, np.float64)
        rows = tf.signal.dct(tf.constant(levels), norm="ortho")
        both = tf.transpose(tf.signal.dct(tf.transpose(rows), norm="ortho")).numpy()[:12, :12]
        decided = np.abs(both.ravel()[1:]) > 1e-3
        bits = fingerprint(small)
        np.testing.assert_array_equal(bits[decided], both.ravel()[1:][decided] > 0)
        mirrored = fingerprint(ImageOps.mirror(small)) ^ MIRRORED
        np.testing.assert_array_equal(mirrored[decided], bits[decided])


@pytest.mark.parametrize(
    "levels",
    [
        np.full((64, 64), 77),
        np.linspace(0, 255, 4096).reshape(64, 64),
        np.random.default_rng(0).integers(128, 130, (256, 256)),
    ],
    ids=["flat", "a gradient", "hardly any noise"],
)
def test_pictures_without_structure_are_like_nothing(levels):
    picture = Image.fromarray(levels.astype(np.uint8))
    assert not fingerprint(picture).any()
    assert near_pairs(np.stack([fingerprint(picture)] * 3), FINGERPRINT_BITS) == []


def test_near_pairs_are_those_of_a_plain_count():
    rng = np.random.default_rng(0)
    fingerprints = rng.random((150, FINGERPRINT_BITS)) < 0.5
    fingerprints[140] = fingerprints[3]
    fingerprints[140, [5, 77, 142]] ^= True
    fingerprints[149] = fingerprints[139] ^ MIRRORED
    fingerprints[149, 9] ^= True
    fingerprints[50] = False
    expected = []
    for first, second in itertools.combinations(range(len(fingerprints)), 2):
        differs = fingerprints[first] ^ fingerprints[second]
        for mirrored, bits in ((False, differs.sum()), (True, (differs ^ MIRRORED).sum())):
            if bits <= 45 and 50 not in (first, second):
                expected.append(NearPair(int(bits), first, second, mirrored))
    assert near_pairs(fingerprints, 45) == sorted(expected)
    assert sorted(expected)[:2] == [NearPair(1, 139, 149, True), NearPair(3, 3, 140, False)]
    assert near_pairs(fingerprints[:0], 6) == []
