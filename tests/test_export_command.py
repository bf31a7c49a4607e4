"""`python -m monet.export` as its user meets it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

from monet import export, runs
from monet.inference.exporting import tflite
from monet.models import attention_unet_generator


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A generator that halves the values of pictures."""
    path = tmp_path_factory.mktemp("model") / "generator.keras"
    images = keras.Input((None, None, 3))
    keras.Model(images, keras.layers.Rescaling(0.5)(images)).save(path)
    return path


@pytest.fixture
def run(model, tmp_path):
    """A run whose best generator isn't its newest."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    shutil.copyfile(model, folder / "generator.keras")
    images = keras.Input((None, None, 3))
    keras.Model(images, keras.layers.Rescaling(0.25)(images)).save(folder / "generator-best.keras")
    note = {"epoch": 3, "evaluations": 4, "metric": "FID", "value": 71.5}
    (folder / "generator-best.json").write_text(json.dumps(note))
    return folder


def factor(path):
    x = np.full((1, 5, 3, 3), 0.5, "float32")
    return float(np.mean(tflite.run(path, x) / x))


def test_it_says_what_it_did_and_nothing_else(model, tmp_path):
    output = tmp_path / "new" / "monet.tflite"
    command = [sys.executable, "-m", "monet.export", "--model", str(model), "--format", "tflite"]
    done = subprocess.run([*command, "--output", str(output)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    wrote, takes, ran = done.stdout.splitlines()
    assert wrote == f"Wrote {output}"
    assert takes == "Takes images [N, H, W, 3], float32 in [-1, 1], H and W from 1 on"
    assert ran.startswith("Ran it: within ") and ran.endswith(", on values in [-1, 1]")
    assert factor(output) == pytest.approx(0.5)


def test_what_a_format_can_t_do_is_one_sentence(tmp_path):
    model = tmp_path / "attention.keras"
    attention_unet_generator(filters=8, levels=3).save(model)
    command = [sys.executable, "-m", "monet.export", "--model", str(model), "--format", "tflite"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: as TFLite, SelfAttention needs to know the size of the pictures; give --size, "
        "their side in pixels.\n"
    )
    assert list(tmp_path.iterdir()) == [model]


@pytest.mark.parametrize("choice, name, value", [("best", "-best", 0.25), ("last", "", 0.5)])
def test_a_run_gives_the_generator_that_is_asked_for(run, capsys, choice, name, value):
    options = ["--run", str(run), "--format", "tflite"]
    assert export.main([*options, "--generator", choice]) == 0
    shown = capsys.readouterr().out
    assert ("the best by its evaluations, after epoch 3 of the 4" in shown) == (choice == "best")
    assert factor(run / f"generator{name}.tflite") == pytest.approx(value)


def test_from_python_it_is_a_method_of_the_run(run, monkeypatch):
    exported = runs.open(run).export("tflite", size=8)
    assert exported.output == run / "generator-best.tflite"
    assert exported.takes == "images [1, 8, 8, 3], float32 in [-1, 1]"
    assert exported.difference < 1e-6
    last = runs.open(run).export("tflite", run / "last", which="last")
    assert factor(last.output) == pytest.approx(0.5)


def test_mistakes_are_one_sentence(model, run, capsys):
    given = ["--model", str(model), "--format", "tflite"]
    for options, sentence in (
        (["--run", str(run / "none"), "--format", "tflite"], "error: there is no generator at "),
        ([*given, f"--output={run}"], f"error: {run} exists and is no file; give --output another"),
        ([*given, f"--output={run / 'config.json'}"], "exists; pass --overwrite to replace it."),
        ([*given, "--size", "5000"], "error: --size 5000: this generator takes from 1 on, and 1,5"),
    ):
        assert export.main(options) == 2
        shown = capsys.readouterr().err
        assert sentence in shown and shown.count("\n") == 1
    assert (run / "config.json").read_text() == "{}"
