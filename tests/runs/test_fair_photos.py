"""Which photos runs are judged by, and what is said of these."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from monet.runs.data_location import DataLocation
from monet.runs.fair_photos import data_of, fair_photos
from monet.runs.judging import Judging
from monet.runs.run_folder import RunError, RunFolder
from monet.runs.settings import Settings
from monet.systems import get_recipe

PHOTOS = 40


def save(folder, number, seed):
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    for index in range(number):
        Image.fromarray(random.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(
            folder / f"{index:02d}.png"
        )


@pytest.fixture
def data(tmp_path):
    save(tmp_path / "data" / "trainA", 5, seed=0)
    save(tmp_path / "data" / "trainB", PHOTOS, seed=1)
    return tmp_path / "data"


@pytest.fixture
def make(data, tmp_path):
    def make(name, held_out=None, **changes):
        judging = None if held_out is None else Judging(every=1, held_out=tuple(held_out), size=8)
        fields = {
            "recipe": get_recipe("cyclegan").replace(steps_per_epoch=1),
            "location": DataLocation(data=data),
            "paintings": 5,
            "photos": PHOTOS,
            "seed": 0,
            "policy": "float32",
            "sample_every": 1,
            "checkpoint_minutes": 1.0,
            "judging": judging,
        }
        return RunFolder.create(tmp_path / name, Settings(**{**fields, **changes}).to_record()).path

    return make


def choose(runs, data, most=500):
    location = DataLocation(data=data)
    return fair_photos(runs, location, location.open(photos=True), most=most, seed=0)


def test_photos_that_all_runs_have_kept_out(make, data):
    one, other = make("one", range(0, 20)), make("other", range(10, 30))
    fair = choose([one, other], data)
    assert fair.indices == list(range(10, 20))
    assert fair.trained_on == {one: 0, other: 0}
    assert len(choose([one, other], data, most=6).indices) == 6


def test_a_run_without_any_is_said_to_know_them(make, data):
    one, plain, apart = make("one", range(0, 10)), make("plain"), make("apart", range(20, 30))
    fair = choose([one, plain], data)
    assert fair.indices == list(range(10)) and fair.trained_on == {one: 0, plain: 10}
    fair = choose([one, apart], data)  # nothing in common
    assert len(fair.indices) == PHOTOS and fair.trained_on == {one: 30, apart: 30}
    assert choose([plain], data).trained_on == {plain: PHOTOS}


def test_photos_that_chose_nothing_are_preferred(make, data, monkeypatch):
    monkeypatch.setattr("monet.runs.judging._PICTURES_WITHOUT_EXTRACTOR", 6)
    run = make("run", range(20))
    fair = choose([run], data)
    assert len(fair.indices) == 14 and fair.chosen_with == {run: 0}
    few = make("few", range(8))
    fair = choose([few], data)
    assert len(fair.indices) == 8 and fair.chosen_with == {few: 6}


def test_the_same_photos_are_known_wherever_they_are(make, data, tmp_path):
    run = make("run", range(10))
    shutil.copytree(data, tmp_path / "copy")
    assert choose([run], tmp_path / "copy").trained_on == {run: 0}
    data.rename(tmp_path / "moved")
    assert choose([run], tmp_path / "moved").trained_on == {run: 0}


def test_other_photos_are_not_known(make, data, tmp_path):
    run = make("run", range(10))
    other = tmp_path / "other"
    save(other / "trainA", 5, seed=2)
    save(other / "trainB", PHOTOS, seed=3)  # under the same names
    fair = choose([run], other)
    assert len(fair.indices) == PHOTOS and fair.trained_on == {run: None}
    (other / "trainB" / "00.png").unlink()
    assert choose([run], other).trained_on == {run: None}
    file = tmp_path / "generator.keras"
    file.touch()
    assert choose([file], data).trained_on == {file: None}
    broken = RunFolder.create(tmp_path / "broken", {"recipe": {"system": "cyclegan"}}).path
    assert choose([broken], data).trained_on == {broken: None}


def test_the_data_of_runs(make, data, tmp_path):
    dcgan = get_recipe("dcgan").replace(steps_per_epoch=1)
    run, noise = make("run"), make("noise", recipe=dcgan, photos=0)
    assert data_of([run, noise]) == (DataLocation(data=str(data)), True)
    assert data_of([noise]) == (DataLocation(data=str(data)), False)
    assert data_of([tmp_path / "some.keras"]) == (DataLocation(), True)
    elsewhere = make("elsewhere", location=DataLocation(data=tmp_path))
    with pytest.raises(RunError, match="trained on different data; say by `data`"):
        data_of([run, elsewhere])
    assert choose([noise], data).trained_on == {noise: 0}
