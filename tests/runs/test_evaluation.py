"""Generators judged while they train: what is kept out, which is the best, and who takes it."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

from monet import runs
from monet.data import open_domains
from monet.inference.generator import GeneratorError, choice_text, generator_file
from monet.models import PatchGANDiscriminator, ResNetGenerator
from monet.runs.callbacks.evaluation import Evaluation
from monet.runs.judging import Judge, Judging, plan_judging, training_domains
from monet.runs.run_folder import RunFolder
from monet.systems import SYSTEMS
from monet.systems.cyclegan import CycleGANRecipe

SIZE = 32
SYSTEM = SYSTEMS["cyclegan"]
TINY = CycleGANRecipe(
    name="tiny",
    source="these tests",
    generator=ResNetGenerator(filters=4, blocks=1),
    discriminator=PatchGANDiscriminator(filters=4),
    image_size=SIZE,
    epochs=1,
    steps_per_epoch=2,
)


def save(folder, number, low, high):
    folder.mkdir(parents=True)
    random = np.random.default_rng(low)
    for index in range(number):
        pixels = random.integers(low, high, (36, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index:02d}.png")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    save(folder / "trainA", 6, 0, 255)
    save(folder / "trainB", 15, 100, 140)
    return folder


@pytest.fixture(scope="module")
def extractor(tmp_path_factory):
    """The mean and the contrast of each channel, as features."""
    pictures = keras.Input((None, None, 3))
    mean = keras.layers.GlobalAveragePooling2D()(pictures)
    most = keras.layers.GlobalMaxPooling2D()(pictures)
    path = tmp_path_factory.mktemp("extractor") / "tiny.keras"
    keras.Model(pictures, keras.layers.Concatenate()([mean, most])).save(path)
    return path


def plan(data, system=SYSTEM, **changes):
    options = {"every": 1, "extractor": None, "image_size": SIZE, "seed": 0} | changes
    domains = open_domains(data)
    return domains, plan_judging(domains, system, **options)


def test_a_fifth_of_few_photos_is_kept_out_by_the_seed(data):
    domains, judging = plan(data)
    assert len(judging.held_out) == 3 and judging.size == 36
    assert plan(data)[1] == judging
    assert plan(data, seed=1)[1].held_out != judging.held_out
    assert Judging.from_dict(json.loads(json.dumps(judging.to_dict()))) == judging

    trained_on = training_domains(domains, judging)
    kept_out = {domains.photos.names[index] for index in judging.held_out}
    assert len(trained_on.photos) == 12
    assert kept_out.isdisjoint(trained_on.photos.names)
    assert kept_out | set(trained_on.photos.names) == set(domains.photos.names)
    for index, name in enumerate(trained_on.photos.names):
        there = domains.photos.names.index(name)
        np.testing.assert_array_equal(trained_on.photos.read(index), domains.photos.read(there))
    assert training_domains(domains, None) is domains


def test_a_generator_from_noise_is_judged_by_no_photos(data):
    """Though there are some beside the paintings, as in the sample set."""
    _, judging = plan(data, SYSTEMS["dcgan"])
    assert judging.held_out == () and judging.size == SIZE and judging.pictures > 0


def test_what_cannot_be_judged_is_refused(data, tmp_path):
    save(tmp_path / "trainA", 2, 0, 9)
    save(tmp_path / "trainB", 9, 0, 9)
    with pytest.raises(runs.RunError, match="9 are too few for that; give at least 10"):
        plan(tmp_path)
    with pytest.raises(runs.RunError, match="`extractor=nothing.keras`: there is no extractor"):
        plan(data, extractor="nothing.keras")
    for every in (0, float("nan"), 1e308, 10**400):
        with pytest.raises(ValueError, match="evaluate_every must be a number of epochs above 0"):
            plan(data, every=every)
    with pytest.raises(runs.RunError, match="`extractor` is for `evaluate_every`"):
        runs.start(TINY, data=data, out=tmp_path / "run", extractor="some.keras")


class Constant(keras.layers.Layer):
    """Paints everything in one colour, which isn't what the paintings are."""

    def call(self, pictures):
        return pictures * 0.0 + 0.3


class Noise(keras.layers.Layer):
    """Paints noise like the paintings', the same in every call."""

    def call(self, pictures):
        shape = keras.ops.shape(pictures)
        return keras.random.uniform(shape, -1, 1, seed=3)


def generator(layer):
    pictures = keras.Input((None, None, 3))
    return keras.Model(pictures, layer(pictures))


@pytest.mark.parametrize("metric", ["swd", "fid"])
def test_a_better_generator_gets_a_smaller_figure(data, extractor, metric):
    domains, judging = plan(data, extractor=extractor if metric == "fid" else None)
    assert judging.metric == metric
    good, bad = (
        Judge(judging, domains, SYSTEM, seed=0)(generator(layer)) for layer in (Noise(), Constant())
    )
    assert 0 <= good < bad
    assert Judge(judging, domains, SYSTEM, seed=0)(generator(Constant())) == pytest.approx(bad)


def test_another_extractor_under_the_same_name_is_refused(data, extractor, tmp_path):
    domains, judging = plan(data, extractor=extractor)
    other = Judging.from_dict({**judging.to_dict(), "sha256": "0" * 64})
    with pytest.raises(runs.RunError, match="not the extractor that the run was started with"):
        Judge(other, domains, SYSTEM, seed=0)


class Place:
    """Where a run is, for the callback."""

    def __init__(self, step):
        self.budget = None
        self.state = SimpleNamespace(step=step)
        self.steps_per_epoch, self.epochs, self.left_out = 4, 3, 0.0

    def leave_out(self, seconds):
        self.left_out += seconds


def evaluation(run, figures, every=1.0, step=0):
    """A callback whose judge gives these figures one after another."""
    judging = Judging(every=every, held_out=(1, 2), size=SIZE)
    answers = iter(figures)

    class Answers:
        def __call__(self, generator):
            return next(answers)

    judge = Answers()
    judge.judging = judging
    callback = Evaluation(judge, run, Place(step), told.append)
    callback.set_model(SimpleNamespace(generator=File(run), stop_training=False))
    callback.on_train_begin()
    return callback


told: list[str] = []


class File:
    """A generator whose file says at which save it was written."""

    weights = ()

    def __init__(self, run):
        self.saves = 0

    def save(self, path):
        self.saves += 1
        path.write_text(str(self.saves))


@pytest.fixture
def run(tmp_path):
    told.clear()
    return RunFolder.create(tmp_path / "run", {})


def finish_epoch(callback, epoch):
    callback.pace.state.step = 4 * epoch
    logs = {}
    callback.on_epoch_end(epoch - 1, logs)
    callback.run.append_history({"epoch": epoch, **logs})
    return logs


def test_the_smallest_figure_is_the_best_and_ties_and_nan_change_nothing(run):
    callback = evaluation(run, [math.nan, 0.5, 0.5, 0.7, 0.4, math.inf, math.nan])
    saves = []
    for epoch in range(1, 8):
        assert "swd" in finish_epoch(callback, epoch)
        saves.append(callback.model.generator.saves)
    assert saves == [0, 1, 1, 1, 2, 2, 2]
    assert run.best_generator_path.read_text() == "2"
    about = json.loads(run.best_generator_path.with_suffix(".json").read_text())
    assert (about["epoch"], about["metric"], about["value"]) == (5, "SWD", 0.4)
    assert ["the best so far" in line for line in told] == [False, True, False, False, True] + [
        False
    ] * 2


def test_a_resumed_run_remembers_the_best(run):
    callback = evaluation(run, [0.5, 0.3])
    for epoch in (1, 2):
        finish_epoch(callback, epoch)
    resumed = evaluation(run, [0.4, 0.2], step=8)
    finish_epoch(resumed, 3)
    assert resumed.model.generator.saves == 0, "0.3 was better"
    finish_epoch(resumed, 4)
    assert resumed.model.generator.saves == 1


def test_every_half_an_epoch_and_the_last_one(run):
    callback = evaluation(run, [0.5, 0.4, 0.3, 0.2], every=0.5)
    for step in range(1, 5):
        callback.pace.state.step = step
        callback.on_train_batch_end(step - 1, {"loss": 1.5})
    (row,) = run.history()
    assert row == {"epoch": 0.5, "loss": 1.5, "swd": 0.5}
    assert finish_epoch(callback, 1) == {"swd": 0.4}

    rare = evaluation(run, [0.1], every=2.0)
    assert finish_epoch(rare, 1) == {}
    assert finish_epoch(rare, 3) == {"swd": 0.1}, "the last is judged whatever the number"


def test_a_run_keeps_its_best_and_paints_with_it(data, extractor, tmp_path, capsys):
    path = tmp_path / "run"
    run = runs.start(TINY, data=data, out=path, evaluate_every=1, extractor=extractor, epochs=2)
    config = json.loads((path / "config.json").read_text())
    assert len(config["judging"]["held_out"]) == 3
    assert [math.isfinite(row["fid"]) for row in run.history()] == [True, True]
    assert "on 3 held-out photos, the best so far" in capsys.readouterr().out
    best = min(run.history(), key=lambda row: row["fid"])
    about = json.loads((path / "generator-best.json").read_text())
    assert (about["epoch"], about["value"]) == (best["epoch"], pytest.approx(best["fid"]))

    with pytest.raises(runs.RunError, match="`evaluate_every` judges by photos"):
        other = runs.start(TINY, data=data, out=tmp_path / "other", verbose=False)
        runs.resume(other.path, evaluate_every=1, epochs=2, verbose=False)

    run = runs.resume(path, epochs=3, verbose=False)
    assert len(run.history()) == 3 and "fid" in run.history()[-1]
    assert run.settings.judging.held_out == tuple(config["judging"]["held_out"])

    capsys.readouterr()
    run.paint(data / "trainB" / "00.png", tmp_path / "best.png")
    assert "generator-best.keras (the best by its evaluations, after epoch" in (
        capsys.readouterr().out
    )
    run.paint(data / "trainB" / "00.png", tmp_path / "last.png", which="last")
    assert "generator-best" not in capsys.readouterr().out


def test_the_choice_of_a_generator(tmp_path):
    with pytest.raises(GeneratorError, match="has no generator.keras"):
        generator_file(tmp_path)
    newest, best = tmp_path / "generator.keras", tmp_path / "generator-best.keras"
    newest.touch()
    assert generator_file(tmp_path) == newest and choice_text(newest) is None
    with pytest.raises(GeneratorError, match="train with `evaluate_every`"):
        generator_file(tmp_path, "best")
    best.touch()
    assert generator_file(tmp_path) == generator_file(tmp_path, "best") == best
    assert generator_file(tmp_path, "last") == newest
    assert choice_text(best) == f"Generator {best} (the best by its evaluations)"
    with pytest.raises(GeneratorError, match="choose from best, last"):
        generator_file(tmp_path, "first")
