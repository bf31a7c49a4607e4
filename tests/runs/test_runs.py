"""`monet.runs` as a program of its own calls it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_recipe import TINY

from monet import runs
from monet.data import DataError
from monet.runs.state import TrainingState


def test_importing_takes_no_tensorflow():
    program = "import sys; sys.modules['tensorflow'] = None; import monet; monet.runs.start"
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", program], check=True, cwd=root, timeout=60)


def test_a_run_from_start_to_paintings(data, tmp_path, capfd):
    run = runs.start(TINY, data=data, out=tmp_path / "run", seed=3, verbose=False)
    assert [row["epoch"] for row in run.history()] == [1]
    assert run.settings.seed == 3
    assert run.recipe == TINY

    run = runs.resume(run.path, epochs=2, verbose=False)
    assert runs.open(tmp_path / "run").recipe.epochs == 2
    fcntl = pytest.importorskip("fcntl")
    with (run.path / ".lock").open("a") as file:  # other processes may have it now
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert [row["epoch"] for row in run.history()] == [1, 2]
    assert [epoch for epoch, _ in run.samples()] == [0, 1, 2]
    figures = {path.name for path in (run.path / "figures").iterdir()}
    assert {"epochs.png", "pairs.png"} <= figures
    page = (run.path / "index.html").read_text(encoding="utf-8")
    assert all(f"figures/{name}" in page for name in figures)

    options = {"mixed_precision": "off", "verbose": False}
    painted = run.paint(data / "trainB", tmp_path / "painted", **options)
    assert (painted.written, list(painted.skipped)) == (3, [])
    with Image.open(tmp_path / "painted" / "0.png") as picture:
        expected = run.generator(mixed_precision="off")
        with Image.open(data / "trainB" / "0.png") as photo:
            pixels = np.asarray(photo, np.float32)[None] / 127.5 - 1
        difference = np.asarray(picture, float) - (np.asarray(expected(pixels))[0] + 1) * 127.5
        assert abs(difference).max() < 1
    assert capfd.readouterr().out == "", "nothing is printed that nobody asked for"


def test_fields_of_the_recipe_are_arguments(data, tmp_path):
    with pytest.raises(runs.RunError, match="epoch: .* no such field; did you mean epochs"):
        runs.start(TINY, data=data, out=tmp_path / "run", epoch=3)
    with pytest.raises(runs.RunError, match="image_size=30 .*multiple of 4"):
        runs.start(TINY, data=data, out=tmp_path / "run", image_size=30)
    with pytest.raises(runs.RunError, match="image_size=48 .*multiple of 32 for the U-Net"):
        runs.start(TINY, data=data, out=tmp_path / "run", image_size=48, generator="unet")
    assert not (tmp_path / "run").exists()


def test_mistakes_are_errors_with_a_remedy(data, tmp_path):
    with pytest.raises(runs.RunError, match="no recipe 'picasso'; choose from cyclegan"):
        runs.start("picasso")
    with pytest.raises(DataError, match="nowhere doesn't exist"):
        runs.start(TINY, data="nowhere", out=tmp_path / "run")
    with pytest.raises(runs.RunError, match="seed must be from 0 to"):
        runs.start(TINY, data=data, out=tmp_path / "run", seed=-1)
    for name in ("sample_every", "sample_minutes", "checkpoint_minutes"):
        with pytest.raises(runs.RunError, match=f"{name} must be .*, got 0"):
            runs.start(TINY, data=data, out=tmp_path / "run", **{name: 0})
    with pytest.raises(runs.RunError, match="mixed precision 'half': expected one of auto"):
        runs.start(TINY, data=data, out=tmp_path / "run", mixed_precision="half")
    with pytest.raises(runs.RunError, match="not a training run"):
        runs.open(tmp_path)
    assert not (tmp_path / "run").exists()


def test_an_interrupted_run_says_that_it_is_saved(data, tmp_path, monkeypatch):
    def stop(state, epoch_seconds, advance=TrainingState.advance):
        advance(state, epoch_seconds)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)  # for the thread that receives it

    monkeypatch.setattr(TrainingState, "advance", stop)
    with pytest.raises(runs.Interrupted) as stopped:
        runs.start(TINY, data=data, out=tmp_path / "run", verbose=False)
    assert stopped.value.is_saved and stopped.value.signum == signal.SIGINT
    run = runs.open(tmp_path / "run")
    assert run.history() == []
    assert run.generator().output_shape == (None, None, None, 3)
    with pytest.raises(runs.RunError, match="`seed=1` contradicts the run"):
        runs.resume(run.path, seed=1)
    with pytest.raises(runs.RunError, match="sample_every must be .*, got 0"):
        runs.resume(run.path, sample_every=0)
    with pytest.raises(runs.RunError, match="sead: the recipe 'tiny' has no such field"):
        runs.resume(run.path, sead=1)


@pytest.mark.parametrize("out", ["trainB/run", "trainA/a/b/run"])
def test_a_run_is_never_made_where_its_pictures_are_read(data, tmp_path, out):
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    with pytest.raises(DataError, match="run is inside .*train[AB], where the run's own pictures"):
        runs.start(TINY, data=copy, out=copy / out)
    assert not (copy / out).exists()
    run = runs.start(TINY, data=copy, out=copy / "runs" / "run", verbose=False)  # isn't looked into
    assert runs.resume(run.path, epochs=2, verbose=False).history()[-1]["epoch"] == 2


def renamed(folder):
    (folder / "0.png").rename(folder / "zz.png")


def replaced(folder):
    Image.new("RGB", (64, 64)).save(folder / "0.png")


@pytest.mark.parametrize("change", [renamed, replaced])
def test_other_pictures_of_the_same_number_are_told(data, tmp_path, change):
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    run = runs.start(TINY, data=copy, out=tmp_path / "run", verbose=False)
    change(copy / "trainB")
    with pytest.raises(runs.RunError, match="as many pictures .* but some have other names or siz"):
        runs.resume(run.path, epochs=2, verbose=False)
    assert [row["epoch"] for row in run.history()] == [1]
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(data, elsewhere)
    assert len(runs.resume(run.path, epochs=2, data=elsewhere, verbose=False).history()) == 2


@pytest.mark.parametrize(
    ("recipe", "fields", "lower"),
    [
        (TINY, {"batch_size": 10**9}, "`batch_size` or `image_size`"),
        (TINY, {"image_size": 10**6}, "`batch_size` or `image_size`"),
        (TINY, {"pool_size": 10**9}, "`pool_size`"),
        ("monet", {"picture_size": 10**6}, "`picture_size`"),
        ("monet", {"finish_size": 2**20}, "`finish_batch_size` or `finish_size`"),
    ],
)
def test_pictures_that_no_memory_holds_are_refused_before_anything_is_made(
    data, tmp_path, recipe, fields, lower
):
    said = rf"GB of memory, and [\d.,]+ GB are free; lower {lower}\.$"
    with pytest.raises(runs.RunError, match=said):
        runs.start(recipe, data=data, out=tmp_path / "run", verbose=False, **fields)
    assert not (tmp_path / "run").exists()
