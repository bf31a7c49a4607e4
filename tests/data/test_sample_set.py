from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from monet.data import ImageFolder, open_domains
from monet.data.domains import SAMPLE_SET

ROOT = Path(__file__).parents[2]
SIZE = 128
SCENES = 6  # consecutive pictures take turns through so many kinds of landscape


@pytest.fixture(scope="module")
def pictures():
    """Paintings and photos, each as float `[N, 128, 128, 3]` in [0, 255]."""
    domains = open_domains()
    return [
        np.stack([source.read(i) for i in range(len(source))]).astype(float)
        for source in (domains.paintings, domains.photos)
    ]


def test_number_size_and_description(pictures):
    domains = open_domains()
    assert domains.description.startswith("the embedded sample set: ")
    assert "24 paintings" in domains.description and "48 photos" in domains.description
    assert [images.shape for images in pictures] == [(24, SIZE, SIZE, 3), (48, SIZE, SIZE, 3)]


def test_it_is_small_enough_for_every_install():
    assert sum(file.stat().st_size for file in SAMPLE_SET.glob("*/*.jpg")) < 3e6


@pytest.mark.skipif(not (ROOT / "tools").is_dir(), reason="needs the clone's tools folder")
def test_the_pictures_are_what_the_painter_makes(tmp_path):
    command = [sys.executable, "-m", "tools.sample_set", "--output", str(tmp_path)]
    command += ["--paintings", str(SCENES), "--photos", str(SCENES)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    for subfolder in "monet_jpg", "photo_jpg":
        painted, shipped = ImageFolder(tmp_path / subfolder), ImageFolder(SAMPLE_SET / subfolder)
        assert painted.names == shipped.names[:SCENES]
        for index in range(SCENES):
            difference = painted.read(index).astype(float) - shipped.read(index)
            # Rounding, and the encoder's, may differ a little from machine to machine.
            assert np.abs(difference).mean() < 0.25


def test_no_two_pictures_are_alike(pictures):
    images = np.concatenate(pictures)
    for i in range(len(images)):
        assert np.abs(images[:i] - images[i]).mean((1, 2, 3)).min(initial=255) > 8


def test_pictures_use_the_tonal_range(pictures):
    for image in np.concatenate(pictures):
        assert image.std() > 10
        assert 40 < image.mean() < 235


def test_paintings_are_made_of_strokes_of_broken_colour(pictures):
    """Neighbouring strokes differ in hue; in a photo neighbouring pixels do so much less."""
    paintings, photos = (
        np.abs(np.diff(images[..., 0] - images[..., 2], axis=2)).mean((1, 2)) for images in pictures
    )
    assert np.median(paintings) > 1.6 * np.median(photos)
    assert paintings.min() > np.percentile(photos, 75)


def test_paintings_have_a_palette_without_black(pictures):
    paintings, photos = (np.percentile(images.mean(-1), 2, axis=(1, 2)) for images in pictures)
    assert np.median(paintings) > np.median(photos) + 15


def test_domains_are_unpaired(pictures):
    """No photo shows the scene of any painting: layouts of sky over land correlate, no more."""
    luminance = np.concatenate([images.mean(-1).reshape(len(images), -1) for images in pictures])
    assert np.corrcoef(luminance)[:24, 24:].max() < 0.9
