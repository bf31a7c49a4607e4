"""Every command takes every path that the file system takes, or says what is wrong with it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import zipfile

import keras
import numpy as np
import pytest
import tiny_recipe

from monet import evaluate, explore, export, generate, runs, train
from monet._files import by_plain_path
from monet.runs.callbacks import tensorboard
from monet.runs.run_folder import RunError, RunFolder
from monet.runs.state import TrainingState
from monet.systems import RECIPES

NAMES = {
    "brackets": "runs [a]",
    "stars": "a*b?c",
    "braces": "{x,y}",
    "backslash": "back\\slash",
    "spaces": " a  b ",
    "unicode": "héllo 画 🎨",
    "decomposed": "e\u0301",
    "controls": "new\nline\ttab\x1b[31m",
    "bidirectional": "\u202egpj",
    "url": "%20#&=+@?",
    "quotes": "'\"`$HOME",
    "home": "~",
    "dash": "-run",
    "dots": "...",
    "suffix": "x.keras",
    "zip": "x.zip",
    "scheme": "s3:",
    "longest": "n" * 255,
    "not UTF-8": os.fsdecode(b"\xff\xfe"),
}
EVERYTHING = "[a]*?\\{b,c}\n'é\"" + NAMES["not UTF-8"]  # in one name

TINY = tiny_recipe.TINY.replace(steps_per_epoch=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A generator that leaves pictures as they are."""
    path = tmp_path_factory.mktemp("model") / "generator.keras"
    images = keras.Input((None, None, 3))
    keras.Model(images, keras.layers.Rescaling(1.0)(images)).save(path)
    return path


@pytest.fixture
def place(tmp_path, noise_pictures):
    """Makes a folder of a name, with a dataset in it."""

    def make(name):
        folder = tmp_path / name
        try:
            folder.mkdir()
        except OSError as error:
            pytest.skip(f"this file system has no such names: {error.strerror}")
        noise_pictures(folder / "data", trainA=8, trainB=8)
        return folder

    return make


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_pictures_are_painted_looked_at_and_judged(model, place, name):
    folder = place(name)
    weights = folder / f"{name[:240]}.keras"
    shutil.copyfile(model, weights)
    paint = ["--model", str(weights), "--input", str(folder / "data" / "trainB")]
    assert generate.main([*paint, f"--output={folder / 'painted'}"]) == 0
    assert len(list((folder / "painted").iterdir())) == 8
    archive = folder / f"{name[:240]}.zip"
    assert generate.main([*paint, f"--output={archive}"]) == 0
    with zipfile.ZipFile(archive) as file:
        assert len(file.namelist()) == 8 and file.testzip() is None
    for form in ("savedmodel", "tflite"):
        assert export.main(["--model", str(weights), "--format", form]) == 0
        assert weights.with_suffix(f".{form}").exists()
    assert explore.main(["--data", str(folder / "data"), f"--out={folder / 'report'}"]) == 0
    assert (folder / "report" / "index.html").is_file()
    judged = ["--data", str(folder / "data"), "--input", str(archive), "--size", "32"]
    judged += [f"--output={folder / 'figures.json'}", "--html", str(folder / "page")]
    assert evaluate.main(judged) == 0
    assert json.loads((folder / "figures.json").read_text(encoding="utf-8"))["results"]


def test_generators_are_written_as_onnx(model, place):
    pytest.importorskip("tf2onnx")
    output = place(EVERYTHING) / EVERYTHING
    assert export.main(["--model", str(model), "--format", "onnx", f"--output={output}"]) == 0
    assert output.is_file()


def weights(value):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.set_weights([np.full_like(weight, value) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_checkpoint_is_the_one_of_its_own_folder(place, name):
    """TensorFlow takes the path that it reads from for a pattern, which others may match."""
    folder = place(name)
    folder.with_name("a-b-c").mkdir()
    TrainingState(weights(1.0), folder.with_name("a-b-c")).save()
    TrainingState(weights(2.0), folder).save()
    model = weights(0.0)
    assert TrainingState(model, folder).restore()
    assert {float(value.ravel()[0]) for value in model.get_weights()} == {2.0}


def test_runs_are_trained_and_resumed(place, monkeypatch):
    monkeypatch.setitem(RECIPES, "tiny", TINY)
    folder = place(EVERYTHING)
    run = folder / "run"
    options = ["--data", str(folder / "data"), "--recipe", "tiny", f"--out={run}"]
    assert train.main(options) == 0
    assert runs.open(run).recipe.name == "tiny"
    assert train.main(["--resume", str(run), "--epochs", "2"]) == 0
    assert [row["epoch"] for row in runs.open(run).history()] == [1, 2]
    paint = ["--run", str(run), "--input", str(folder / "data" / "trainB")]
    assert generate.main([*paint, f"--output={folder / 'painted'}"]) == 0


def test_tensorboard_in_a_folder_that_is_not_utf8_is_told_before_there_is_a_run(place, monkeypatch):
    monkeypatch.setattr(tensorboard, "is_available", lambda: True)
    folder = place(NAMES["not UTF-8"])
    with pytest.raises(RunError, match="`tensorboard=True` takes a path of Unicode characters"):
        runs.start(TINY, data=folder / "data", out=folder / "run", tensorboard=True)
    assert not (folder / "run").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other limits")
def test_a_path_that_is_too_long_is_told_before_there_is_a_folder(tmp_path):
    parent = tmp_path
    while len(os.fspath(parent)) < os.pathconf(tmp_path, "PC_PATH_MAX") - 400:
        parent /= "n" * 200
    parent.mkdir(parents=True)
    path = parent / ("n" * (os.pathconf(tmp_path, "PC_PATH_MAX") - len(os.fspath(parent)) - 50))
    with pytest.raises(RunError, match="too long for a run"):
        RunFolder.create(path, {})
    assert not list(parent.iterdir())


def test_no_place_for_a_link_is_told_before_there_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "also [b]"))
    with pytest.raises(RunError, match=r"also \[b\]: has an unusual name, .* Give a plain path"):
        RunFolder.create(tmp_path / "run [a]", {})
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(RunError, match="missing.*No such file or directory"):
        RunFolder.create(tmp_path / "run [a]", {})
    assert not list(tmp_path.iterdir())


def test_a_plain_path_needs_no_link(tmp_path):
    with by_plain_path(tmp_path) as path:
        assert path == tmp_path
