from __future__ import annotations

import numpy as np
import pytest

from monet.data import open_domains
from monet.data.sample_set import main, sample_domains, write_sample_set


@pytest.fixture(scope="module")
def small():
    domains = sample_domains(paintings=4, photos=6, size=48)
    return (
        domains,
        [domains.paintings.read(i) for i in range(4)],
        [domains.photos.read(i) for i in range(6)],
    )


def test_size_number_and_description(small):
    domains, paintings, photos = small
    assert (len(domains.paintings), len(domains.photos)) == (4, 6)
    for image in (*paintings, *photos):
        assert image.shape == (48, 48, 3) and image.dtype == np.uint8
    assert "4 paintings and 6 photos" in domains.description
    assert domains.photos.read(2, shrink_to=24).shape == (24, 24, 3)


def test_same_seed_same_pictures_in_any_order(small):
    _, paintings, photos = small
    again = sample_domains(paintings=4, photos=6, size=48)
    for index in (3, 1):
        np.testing.assert_array_equal(again.paintings.read(index), paintings[index])
        np.testing.assert_array_equal(again.photos.read(index), photos[index])
    other = sample_domains(paintings=4, photos=6, size=48, seed=1)
    assert not np.array_equal(other.photos.read(1), photos[1])


def test_no_two_pictures_are_alike(small):
    _, paintings, photos = small
    images = np.stack([*paintings, *photos]).astype(float)
    for i in range(len(images)):
        for j in range(i):
            assert np.abs(images[i] - images[j]).mean() > 8


def test_pictures_use_the_tonal_range(small):
    for image in (*small[1], *small[2]):
        assert image.std() > 10
        assert 40 < image.mean() < 235


@pytest.fixture(scope="module")
def dozen():
    """Twelve of each domain, as float `[12, 64, 64, 3]` in [0, 255]: paintings, photos."""
    domains = sample_domains(paintings=12, photos=12, size=64)
    return [
        np.stack([source.read(i) for i in range(12)]).astype(float)
        for source in (domains.paintings, domains.photos)
    ]


def test_paintings_are_made_of_strokes_of_broken_colour(dozen):
    """Neighbouring strokes differ in hue; in a photo neighbouring pixels do so much less."""
    paintings, photos = (
        np.abs(np.diff(images[..., 0] - images[..., 2], axis=2)).mean((1, 2)) for images in dozen
    )
    assert np.median(paintings) > 1.6 * np.median(photos)
    assert paintings.min() > np.percentile(photos, 75)


def test_paintings_have_a_palette_without_black(dozen):
    paintings, photos = (np.percentile(images.mean(-1), 2, axis=(1, 2)) for images in dozen)
    assert np.median(paintings) > np.median(photos) + 15


def test_domains_are_unpaired(dozen):
    """No photo shows the scene of any painting: layouts of sky over land correlate, no more."""
    luminance = np.concatenate([images.mean(-1).reshape(12, -1) for images in dozen])
    assert np.corrcoef(luminance)[:12, 12:].max() < 0.9


def test_written_set_is_a_dataset_folder(tmp_path, capsys):
    command = ["--output", str(tmp_path), "--paintings=2", "--photos=3", "--size=32"]
    assert main(command) == 0
    assert "2 paintings and 3 photos of 32×32" in capsys.readouterr().out
    domains = open_domains(tmp_path)
    assert (len(domains.paintings), len(domains.photos)) == (2, 3)
    made = sample_domains(paintings=2, photos=3, size=32)
    difference = domains.photos.read(1).astype(int) - made.photos.read(1)
    assert np.abs(difference).mean() < 4


@pytest.mark.parametrize("option", ["--paintings=-1", "--photos=0", "--size=0", "--seed=-1"])
def test_numbers_that_make_no_pictures(tmp_path, capsys, option):
    with pytest.raises(SystemExit) as stop:
        main(["--output", str(tmp_path / "set"), option])
    assert stop.value.code == 2
    assert "is too small; give a number from " in capsys.readouterr().err
    assert not (tmp_path / "set").exists()


def test_a_file_in_the_way_is_one_sentence(tmp_path, capsys):
    (tmp_path / "notes").write_text("mine")
    command = ["--output", str(tmp_path / "notes"), "--paintings=1", "--photos=1", "--size=16"]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: can't write to ") and error.count("\n") == 1


def test_write_returns_what_it_wrote(tmp_path):
    domains = write_sample_set(tmp_path / "new" / "set", paintings=1, photos=1, size=16)
    np.testing.assert_array_equal(
        len(list((tmp_path / "new" / "set" / "monet_jpg").iterdir())), len(domains.paintings)
    )
