"""Streaming extraction and the cache of features."""

from __future__ import annotations

import multiprocessing

import numpy as np
import pytest

from monet.metrics import Extractor, FeatureCache, extract_features
from monet.metrics.feature_cache import user_cache


class MeanColour(Extractor):
    """Mean colour of a picture; remembers the batches that it was asked for."""

    name, digest, dimensions, compares_with = "mean", "0" * 64, 3, "nothing"

    def __init__(self):
        self.batches = []

    def __call__(self, pictures):
        self.batches.append(len(pictures))
        return pictures.mean((1, 2)).astype(np.float32)


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (10, 4, 5, 3), dtype=np.uint8)


def test_batches_in_order_with_progress(pictures):
    extractor, done = MeanColour(), []
    features = extract_features(extractor, iter(pictures), batch_size=4, progress=done.append)
    np.testing.assert_allclose(features, pictures.mean((1, 2)), rtol=1e-6)
    assert features.dtype == np.float32
    assert extractor.batches == [4, 4, 2]
    assert done == sorted(done) and done[-1] == 10


def test_pictures_are_taken_as_they_are_needed(pictures):
    """No more than a batch is drawn from the iterator before the extractor runs."""
    extractor = MeanColour()
    drawn = []

    def draw():
        for number, picture in enumerate(pictures):
            drawn.append((number, len(extractor.batches)))
            yield picture

    extract_features(extractor, draw(), batch_size=3)
    assert drawn == [(number, number // 3) for number in range(10)]


def test_nothing_to_extract():
    assert extract_features(MeanColour(), []).shape == (0, 3)


def test_sizes_must_agree(pictures):
    with pytest.raises(ValueError, match="differ in size"):
        extract_features(MeanColour(), [pictures[0], pictures[1][:3]])


def test_what_is_kept_is_not_extracted_again(pictures, tmp_path):
    cache = FeatureCache(MeanColour(), tmp_path)
    first = extract_features(MeanColour(), pictures[:6], cache=cache)
    extractor = MeanColour()
    again = extract_features(extractor, pictures, batch_size=3, cache=cache)
    np.testing.assert_array_equal(again[:6], first)
    np.testing.assert_allclose(again, pictures.mean((1, 2)), rtol=1e-6)
    assert extractor.batches == [3, 1]


def test_equal_bytes_of_another_shape_are_another_picture(pictures, tmp_path):
    cache = FeatureCache(MeanColour(), tmp_path)
    extract_features(MeanColour(), pictures[:1], cache=cache)
    assert cache.get(pictures[0]) is not None
    assert cache.get(pictures[0].reshape(5, 4, 3)) is None


def test_another_extractor_has_its_own(pictures, tmp_path):
    extract_features(MeanColour(), pictures, cache=FeatureCache(MeanColour(), tmp_path))
    other = MeanColour()
    other.digest = "1" * 64
    assert FeatureCache(other, tmp_path).get(pictures[0]) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-3]),
        lambda path: path.write_bytes(b"\0" * 140),
        lambda path: np.save(path, np.zeros(7, np.float32)),
        lambda path: np.save(path, np.full(3, np.nan, np.float32)),
        lambda path: np.save(path, np.array([{}, 1, 2]), allow_pickle=True),
    ],
)
def test_damaged_files_are_made_anew(pictures, tmp_path, damage):
    cache = FeatureCache(MeanColour(), tmp_path)
    expected = extract_features(MeanColour(), pictures[:1], cache=cache)
    (path,) = tmp_path.rglob("*.npy")
    damage(path)
    assert cache.get(pictures[0]) is None
    np.testing.assert_array_equal(
        extract_features(MeanColour(), pictures[:1], cache=cache), expected
    )
    np.testing.assert_array_equal(cache.get(pictures[0]), expected[0])


def _extract_many_times(folder, seed):
    random = np.random.default_rng(seed)
    pictures = np.random.default_rng(0).integers(0, 256, (10, 4, 5, 3), dtype=np.uint8)
    cache = FeatureCache(MeanColour(), folder)
    for _ in range(30):
        order = random.permutation(10)
        features = extract_features(MeanColour(), pictures[order], batch_size=2, cache=cache)
        np.testing.assert_allclose(features, pictures[order].mean((1, 2)), rtol=1e-6)
        for path in folder.rglob("*.npy"):
            if random.random() < 0.3:
                path.unlink(missing_ok=True)


def test_processes_share_it(tmp_path):
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=_extract_many_times, args=(tmp_path, seed)) for seed in range(3)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0


def test_what_a_killed_process_left_goes(pictures, tmp_path):
    cache = FeatureCache(MeanColour(), tmp_path)
    extract_features(MeanColour(), pictures[:1], cache=cache)
    (path,) = tmp_path.rglob("*.npy")
    leftover = path.with_name(".partial-4194305-00000000.npy")  # above the largest process id
    leftover.touch()
    extract_features(MeanColour(), pictures[:1], cache=cache)
    assert path.exists() and not leftover.exists()


def test_a_cache_that_can_not_be_written_warns_once(pictures, tmp_path):
    (tmp_path / "file").touch()
    cache = FeatureCache(MeanColour(), tmp_path / "file")
    with pytest.warns(UserWarning, match="aren't kept") as warned:
        extract_features(MeanColour(), pictures, cache=cache)
    assert len(warned) == 1


def test_the_cache_folder_is_where_the_system_has_them(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert user_cache() == tmp_path / "cache" / "monet"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/ones/do/not/count")
    assert user_cache() == tmp_path / ".cache" / "monet"
