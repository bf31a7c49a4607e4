"""Runs that paint from noise, by `monet.train` and `monet.generate`, as their user meets them."""

from __future__ import annotations

import json
import os
import signal
import time
import zipfile

import pytest
from PIL import Image
from same_run import assert_same_run, history, variables

from monet import generate, train
from monet.models import DCGANDiscriminator, ResidualDCGANGenerator
from monet.runs.state import TrainingState
from monet.systems import RECIPES, get_recipe

EPOCHS, STEPS = 2, 4
TINY = get_recipe("dcgan-diverse").replace(
    name="tiny-noise",
    image_size=16,
    generator=ResidualDCGANGenerator(filters=8, latent_dim=8),
    discriminator=DCGANDiscriminator(filters=4),
    batch_size=2,
    epochs=EPOCHS,
    steps_per_epoch=STEPS,
)


@pytest.fixture(scope="module")
def paintings(tmp_path_factory, noise_pictures):
    """A folder of nothing but pictures."""
    return noise_pictures(tmp_path_factory.mktemp("paintings"), 5, shape=(18, 20))


@pytest.fixture(autouse=True)
def tiny_recipe(monkeypatch):
    monkeypatch.setitem(RECIPES, TINY.name, TINY)


def start(paintings, run, *options):
    arguments = ["--data", str(paintings), "--recipe", TINY.name, "--out", str(run), *options]
    return train.main(arguments)


@pytest.fixture(scope="module")
def finished(paintings, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "finished"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, TINY.name, TINY)
        assert start(paintings, run) == 0
    return run


def test_a_run_records_diversity_and_grids(finished, paintings):
    rows = history(finished)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert all(float(row["diversity"]) > 0 for row in rows)
    assert len({row["painting_diversity"] for row in rows}) == 1
    # Every 5 epochs, and the first and the last.
    assert sorted(path.name for path in (finished / "samples").iterdir()) == [
        "epoch_0000.jpg",
        "epoch_0002.jpg",
    ]
    page = (finished / "index.html").read_text()
    assert "16 pictures, from the same noise" in page
    assert "16 fixed latents" in page and "Generator" in page
    assert "photos →" not in page
    config = json.loads((finished / "config.json").read_text())
    assert config["data"]["photos"] == 0
    assert config["sample_every"] == 5


def test_an_interrupted_run_goes_on_with_the_same_bits(
    finished, paintings, tmp_path, monkeypatch, capsys
):
    run = tmp_path / "run"
    advance = TrainingState.advance

    def advance_and_stop(self, epoch_seconds):
        advance(self, epoch_seconds)
        if self.step == STEPS + 2:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)

    monkeypatch.setattr(TrainingState, "advance", advance_and_stop)
    assert start(paintings, run) == 128 + signal.SIGINT
    monkeypatch.setattr(TrainingState, "advance", advance)
    assert train.main(["--resume", str(run)]) == 0
    assert_same_run(run, finished)
    compared = variables(finished)
    for kind in ("optimizer", "average_generator", "random_states"):
        assert any(kind in name for name in compared), f"{kind} is not among what was compared"
    assert f"--run {run} --count 16" in capsys.readouterr().out


def test_painting_dir_alone_is_enough_and_photos_alone_are_not(paintings, tmp_path, capsys):
    options = ["--recipe", TINY.name, "--epochs", "1", "--steps-per-epoch", "1"]
    out = ["--out", str(tmp_path / "run")]
    assert train.main(["--painting-dir", str(paintings), *options, *out]) == 0
    assert train.main(["--photo-dir", str(paintings), *options]) == 2
    assert "error: The painting folder is missing" in capsys.readouterr().err
    assert train.main(["--data", str(paintings), "--recipe", "cyclegan"]) == 2
    assert "is not a dataset" in capsys.readouterr().err


def paint(run, output, *options):
    return generate.main(["--run", str(run), "--output", str(output), *map(str, options)])


def members(archive):
    with zipfile.ZipFile(archive) as file:
        assert file.testzip() is None
        return {name: file.read(name) for name in file.namelist()}


def test_generate_paints_from_noise(finished, tmp_path, capsys):
    five, eight, other = (tmp_path / f"{name}.zip" for name in ("five", "eight", "other"))
    assert paint(finished, five, "--count", 5) == 0
    assert "Painting 5 pictures from noise" in capsys.readouterr().out
    assert list(members(five)) == [f"image_{index:05d}.jpg" for index in range(5)]
    assert paint(finished, eight, "--count", 8, "--seed", 0) == 0
    assert paint(finished, other, "--count", 5, "--seed", 1) == 0
    # Pictures depend on the seed and their number alone.
    first = members(five)
    assert {name: members(eight)[name] for name in first} == first
    assert not set(members(other).values()) & set(first.values())
    assert len(set(first.values())) == 5

    folder = tmp_path / "folder"
    assert paint(finished, folder, "--count", 2) == 0
    assert Image.open(folder / "image_00001.jpg").size == (16, 16)
    assert paint(finished, tmp_path / "one.png", "--count", 1) == 0
    assert Image.open(tmp_path / "one.png").format == "PNG"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give --input with photos, or --count"),
        (["--input", "PAINTINGS"], "paints from noise; give --count in place of --input"),
        (["--input", "PAINTINGS", "--seed", "1"], "--seed is of noise"),
        (["--count", "5", "--kaggle"], "6,995 more are needed"),
        (["--count", "7000", "--kaggle"], "paints 16×16, but the competition takes 256×256"),
        (["--count", "2", "--output", "one.jpg"], "2 pictures don't fit into the single picture"),
    ],
)
def test_wrong_combinations(finished, paintings, tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    options = [str(paintings) if option == "PAINTINGS" else option for option in options]
    assert generate.main(["--run", str(finished), *options]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert message in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "option",
    [
        ["--lambda-cycle", "3"],
        ["--lambda-identity", "0"],
    ],
)
def test_options_of_cyclegans_are_refused(finished, paintings, tmp_path, capsys, option):
    for begin in (
        lambda: start(paintings, tmp_path / "run", *option),
        lambda: train.main(["--resume", str(finished), *option]),
    ):
        assert begin() == 2
        error = capsys.readouterr().err
        assert error.startswith(f"error: {option[0]}: not for the recipe 'tiny-noise'")
        assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_networks_of_cyclegans_are_refused_and_those_of_dcgans_named(
    paintings, tmp_path, capsys, name
):
    assert start(paintings, tmp_path / "run", f"--{name}", "unet") == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {name}=unet: the recipe 'tiny-noise' takes dcgan, dcgan-")
    assert not (tmp_path / "run").exists()


def test_a_generator_of_photos_needs_input(tmp_path, capsys):
    import keras

    images = keras.Input((None, None, 3))
    model = tmp_path / "generator.keras"
    keras.Model(images, keras.layers.Rescaling(1.0)(images)).save(model)
    output = str(tmp_path / "images.zip")
    assert generate.main(["--model", str(model), "--count", "3", "--output", output]) == 2
    assert "paints photos; name them by --input" in capsys.readouterr().err
