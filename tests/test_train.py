"""`python -m monet.train` as its user meets it: runs, interruptions, resumption, mistakes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_recipe
from same_run import assert_same_run, history, losses, variables

from monet import generate, precision, train
from monet._command_line import EXIT_MISTAKE
from monet.inference import load_generator
from monet.inference.file_style import FileStyle
from monet.models import (
    DISCRIMINATORS,
    GENERATORS,
    PatchGANDiscriminator,
    ResNetGenerator,
    UNetDiscriminator,
    UNetGenerator,
)
from monet.ops.native import library
from monet.runs import console
from monet.runs.callbacks import tensorboard
from monet.runs.run_folder import RunError, new_run_path
from monet.runs.session import Session
from monet.runs.state import TrainingState
from monet.systems import RECIPES, SYSTEMS, recipe_from_dict
from monet.systems.documents import Document

EPOCHS, STEPS = 3, 4
TINY = tiny_recipe.TINY.replace(
    batch_size=2, epochs=EPOCHS, steps_per_epoch=STEPS, decay_fraction=0.5, pool_size=3
)


@pytest.fixture(scope="module")
def data(tmp_path_factory, noise_pictures):
    """A small dataset folder of coloured noise."""
    return noise_pictures(tmp_path_factory.mktemp("data"), trainA=5, trainB=7)


@pytest.fixture(autouse=True)
def tiny_recipe(monkeypatch):
    monkeypatch.setitem(RECIPES, "tiny", TINY)


def start(data, run, *options):
    return train.main(["--data", str(data), "--recipe", "tiny", "--out", str(run), *options])


def resume(run, *options):
    return train.main(["--resume", str(run), *options])


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """A run that nothing interrupted."""
    run = tmp_path_factory.mktemp("runs") / "finished"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "tiny", TINY)
        assert start(data, run) == 0
    return run


def at_step(monkeypatch, step, action):
    """Runs `action` when the run has done `step` steps."""
    advance = TrainingState.advance

    def advance_and_act(self, epoch_seconds):
        advance(self, epoch_seconds)
        if self.step == step:
            action()

    monkeypatch.setattr(TrainingState, "advance", advance_and_act)


def send_signal(signum):
    os.kill(os.getpid(), signum)
    time.sleep(0.2)  # for the thread that receives it


def test_a_run_leaves_everything_in_its_folder(finished, capsys):
    names = {path.name for path in finished.iterdir()}
    assert names - {".lock"} == {
        "checkpoints", "config.json", "figures", "generator.json", "generator.keras", "generators",
        "history.csv", "index.html", "samples",
    }  # fmt: skip
    samples = sorted(path.name for path in (finished / "samples").iterdir())
    assert samples == [f"epoch_{epoch:04d}.jpg" for epoch in range(EPOCHS + 1)]
    assert [row["epoch"] for row in history(finished)] == ["1", "2", "3"]
    assert float(history(finished)[-1]["learning_rate"]) < float(
        history(finished)[0]["learning_rate"]
    )
    config = json.loads((finished / "config.json").read_text())
    assert config["recipe"]["name"] == "tiny" and config["recipe"]["steps_per_epoch"] == STEPS
    assert config["data"]["paintings"] == 5 and config["seed"] == 0
    assert config["environment"]["tensorflow"] == tf.__version__


def test_the_end_says_where_the_pictures_are(finished, capsys):
    assert resume(finished) == 0
    output = capsys.readouterr().out
    assert f"{finished} is finished" in output
    assert f"{finished}/index.html" in output and "epoch_0003.jpg" in output
    assert f"python -m monet.generate --run {finished} --input" in output


@pytest.mark.parametrize("step", [STEPS, STEPS + 2])
def test_interrupted_and_resumed_equals_uninterrupted(
    data, finished, tmp_path, monkeypatch, capsys, step
):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        at_step(patch, step, lambda: send_signal(signal.SIGINT))
        assert start(data, run) == 130
    assert f"python -m monet.train --resume {run}\n" in capsys.readouterr().out
    assert (run / "generator.keras").exists() and (run / "index.html").exists()
    assert resume(run) == 0
    assert_same_run(run, finished)
    compared = variables(finished)
    for kind in ("optimizer", "painting_pool"):
        assert any(kind in name for name in compared), f"{kind} is not among what was compared"


def test_a_signal_in_the_last_step_finishes_the_run(data, finished, tmp_path, monkeypatch):
    at_step(monkeypatch, EPOCHS * STEPS, lambda: send_signal(signal.SIGTERM))
    assert start(data, tmp_path / "run") == 0
    assert_same_run(tmp_path / "run", finished)


def test_a_crash_between_records_and_checkpoint_loses_nothing(
    data, finished, tmp_path, monkeypatch, capsys
):
    run = tmp_path / "run"
    save = TrainingState.save

    def crash_in_epoch_2(self):
        if self.step == 2 * STEPS:
            raise RuntimeError("the power went out")
        save(self)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingState, "save", crash_in_epoch_2)
        assert start(data, run) == EXIT_MISTAKE
    assert f"--resume {run}" in capsys.readouterr().err
    assert len(history(run)) == 2, "the row was written, its checkpoint was not"
    assert resume(run) == 0
    assert_same_run(run, finished)


def test_checkpoints_inside_an_epoch_survive_a_crash(data, finished, tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"

    def crash():
        raise RuntimeError("the power went out")

    with monkeypatch.context() as patch:
        at_step(patch, 7, crash)
        assert start(data, run, "--checkpoint-minutes", "1e-9") == EXIT_MISTAKE
    assert resume(run) == 0
    assert f"after 1 of {EPOCHS} epochs and 2 of {STEPS} steps" in capsys.readouterr().out
    assert_same_run(run, finished)


def test_a_run_that_lost_its_checkpoints_is_left_alone(finished, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    for path in (run / "checkpoints").iterdir():
        path.unlink()
    assert resume(run) == 2
    assert_one_sentence(capsys.readouterr().err, "no checkpoint in .*backup")
    assert len(history(run)) == EPOCHS


def test_more_epochs_extend_a_run_and_stretch_its_schedule(data, tmp_path, capsys):
    run = tmp_path / "run"
    assert start(data, run, "--epochs", "2") == 0
    assert resume(run, "--epochs", "4") == 0
    assert "stretched from 2 to 4 epochs" in capsys.readouterr().out
    assert [row["epoch"] for row in history(run)] == ["1", "2", "3", "4"]
    rates = [float(row["learning_rate"]) for row in history(run)]
    assert rates[1] < rates[2] and rates[3] < rates[2]
    assert json.loads((run / "config.json").read_text())["recipe"]["epochs"] == 4
    assert resume(run, "--epochs", "3") == 2


def test_another_seed_and_samples_every_few_epochs_and_at_the_end(data, finished, tmp_path):
    run = tmp_path / "run"
    assert start(data, run, "--sample-every", "2", "--seed", "1") == 0
    assert losses(run)[0] != losses(finished)[0]
    names = sorted(path.name for path in (run / "samples").iterdir())
    assert names == ["epoch_0000.jpg", "epoch_0002.jpg", "epoch_0003.jpg"]


@pytest.mark.parametrize(
    "options, message",
    [
        (["--image-size", "64"], "image_size=64 contradicts the run, .* started with 32;"),
        (["--set", "generator.filters=3"], "generator.filters=3 contradicts"),
        (["--recipe", "cyclegan"], "--recipe cyclegan contradicts"),
        (["--batch-size", "1"], "batch_size=1 contradicts"),
        (["--steps-per-epoch", "5"], "steps_per_epoch=5 contradicts"),
        (["--seed", "9"], "--seed 9 contradicts"),
        (["--mixed-precision", "float16"], "--mixed-precision float16 contradicts"),
        (["--epochs", "1"], "can't take any back"),
    ],
)
def test_resuming_with_other_settings_is_refused(finished, capsys, options, message):
    before = (finished / "config.json").read_bytes()
    assert resume(finished, *options) == 2
    assert_one_sentence(capsys.readouterr().err, message)
    assert (finished / "config.json").read_bytes() == before


def test_data_may_move_but_not_change(data, finished, tmp_path, capsys):
    moved = tmp_path / "moved"
    moved.symlink_to(data)
    assert resume(finished, "--data", str(moved)) == 0
    half = tmp_path / "half"
    half.mkdir()
    assert (
        resume(
            finished, "--painting-dir", str(data / "trainB"), "--photo-dir", str(data / "trainA")
        )
        == 2
    )
    assert_one_sentence(capsys.readouterr().err, "5 paintings and 7 photos")
    assert resume(finished, "--data", str(data)) == 0


@pytest.mark.parametrize(
    "options, message",
    [
        (["--data", "nowhere"], "nowhere doesn't exist"),
        (["--data", "{empty}"], "is not a dataset"),
        (["--painting-dir", "{empty}"], "photo folder is missing"),
        (["--recipe", "picasso"], "no recipe 'picasso'; choose from cyclegan"),
        (["--data", "{data}", "--image-size", "30"], "image_size=30"),
        (["--data", "{data}", "--recipe", "unet-bce", "--image-size", "100"], "multiple of 32"),
        (["--data", "{data}", "--batch-size", "99", "--recipe", "cyclegan"], "batch"),
        (["--data", "{data}", "--lambda-identity", "inf", "--recipe", "monet"], "identity=inf"),
        (["--data", "{data}", "--set", "epoch=3"], "epoch: .* no such field; did you mean epochs"),
        (["--data", "{data}", "--epochs", "3", "--set", "epochs=4"], "epochs is set twice"),
        (["--data", "{data}", "--batch-size", "few"], "batch_size=few: expected a whole number"),
        (["--data", "{data}", "--faithful"], "'monet' follows no notebook"),
        (["--faithful", "--recipe", "unet-bce", "--minutes", "9"], "--minutes for a time"),
        (["--resume", "{finished}", "--faithful"], "--faithful stays as the run was started"),
        (["--list-recipes", "picasso"], "no recipe 'picasso'"),
        (["--data", "{data}", "--out", "{finished}"], "already holds a run.*--resume"),
        (["--resume", "{empty}"], "not a training run"),
        (["--resume"], "no run in runs"),
    ],
)
def test_mistakes_are_one_sentence(data, finished, tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    places = {"data": data, "finished": finished, "empty": tmp_path / "empty"}
    assert train.main([option.format(**places) for option in options]) == 2
    assert_one_sentence(capsys.readouterr().err, message)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "options, message",
    [
        (["--seed", "-1"], "--seed: -1 is not a seed; give one from 0 to 2147483647"),
        (["--seed", str(2**31)], "--seed: 2147483648 is not a seed"),
        (["--seed", "x"], "invalid whole number value: 'x'"),
        (["--data", ""], "--data: the name is empty"),
        (["--out", ""], "--out: the name is empty"),
        (["--resume", ""], "--resume: the name is empty"),
        (["--painting-dir", "", "--photo-dir", "x"], "--painting-dir: the name is empty"),
        (["--set", "epochs"], "'epochs' is not of the form FIELD=VALUE"),
        (["--set", "=3"], "'=3' is not of the form FIELD=VALUE"),
    ],
)
def test_values_that_no_option_takes_are_refused(capsys, options, message):
    with pytest.raises(SystemExit, match="2"):
        train.main(options)
    assert message in capsys.readouterr().err


def test_an_unknown_mode_of_the_ops_is_told_before_there_is_a_folder(
    data, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("MONET_OPS", "garbage")
    assert start(data, tmp_path / "run") == 2
    assert_one_sentence(capsys.readouterr().err, "MONET_OPS must be .* got 'garbage'")
    assert not (tmp_path / "run").exists()


def test_native_ops_that_are_not_there_are_told_before_there_is_a_folder(
    data, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("MONET_OPS", "native")
    monkeypatch.setattr(library, "unusable", lambda: library.Unusable("not built", "build it"))
    assert start(data, tmp_path / "run") == 2
    assert_one_sentence(capsys.readouterr().err, "natively on the CPU: not built; build it")
    assert not (tmp_path / "run").exists()


def test_tensorboard_that_is_not_installed_is_told_before_there_is_a_folder(
    data, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(tensorboard, "is_available", lambda: False)
    assert start(data, tmp_path / "run", "--tensorboard") == 2
    assert_one_sentence(capsys.readouterr().err, "not installed; run: pip install tensorboard")
    assert not (tmp_path / "run").exists()


def test_tensorboard_gets_losses_and_samples(data, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert start(data, tmp_path / "run", "--tensorboard", "--epochs", "2") == 0
    found = {}
    for folder in ("train", "samples"):
        events = EventAccumulator(str(tmp_path / "run" / "tensorboard" / folder))
        found[folder] = events.Reload()
    row = history(tmp_path / "run")[1]
    for loss in ("painting_generator_loss", "photo_discriminator_loss", "cycle_loss"):
        values = found["train"].Tensors(f"epoch_{loss}")
        assert [event.step for event in values] == [0, 1]
        value = tf.make_ndarray(values[1].tensor_proto)
        assert value == pytest.approx(float(row[loss]), rel=1e-5)
    assert [event.step for event in found["samples"].Tensors("samples")] == [0, 1]


def test_tensorboard_goes_on_with_the_run(data, tmp_path, monkeypatch, capsys):
    pytest.importorskip("tensorboard")
    run = tmp_path / "run"

    def files():
        return len(list((run / "tensorboard").glob("*/events*")))

    assert start(data, run, "--tensorboard", "--epochs", "1") == 0
    before = files()
    assert resume(run, "--epochs", "2") == 0
    assert files() > before
    monkeypatch.setattr(tensorboard, "is_available", lambda: False)
    assert resume(run, "--epochs", "3") == 2
    assert_one_sentence(capsys.readouterr().err, "or give --no-tensorboard")
    before = files()
    assert resume(run, "--epochs", "3", "--no-tensorboard") == 0
    assert files() == before
    assert not json.loads((run / "config.json").read_text())["tensorboard"]


def test_a_loss_that_is_no_number_keeps_the_last_good_checkpoint(
    data, tmp_path, monkeypatch, capsys
):
    def poison():
        for session in sessions:
            for variable in session.model.painting_generator.trainable_variables:
                variable.assign(variable * np.nan)

    sessions = []
    create = Session.__init__
    monkeypatch.setattr(
        Session,
        "__init__",
        lambda self, *args, **options: (sessions.append(self), create(self, *args, **options))[1],
    )
    at_step(monkeypatch, STEPS + 1, poison)
    run = tmp_path / "run"
    assert start(data, run) == 2
    error = capsys.readouterr().err
    assert_one_sentence(error, "painting_generator_loss is nan.* at step 6, ")
    assert f"checkpoints/step-{STEPS} is kept" in error
    assert {path.name.split(".")[0] for path in (run / "checkpoints").glob("step-*")} == {
        f"step-{STEPS}"
    }
    generator = keras.saving.load_model(run / "generator.keras")
    assert all(np.isfinite(variable).all() for variable in generator.variables)
    assert len(history(run)) == 1


@pytest.mark.parametrize("epochs", [1, 3])
def test_weights_that_are_no_numbers_are_never_saved(data, tmp_path, capsys, epochs):
    """The loss of a step is of the weights before it: the last one says nothing of the result."""
    options = ["--generator-learning-rate", "1e39", "--steps-per-epoch", "1"]
    assert start(data, tmp_path / "run", *options, "--epochs", str(epochs)) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert re.search("error: .* no finite numbers after step 1, .* none from before", error), error
    assert not list((tmp_path / "run" / "checkpoints").iterdir())
    assert not (tmp_path / "run" / "generator.keras").exists()
    assert not (tmp_path / "run" / "history.csv").exists()


@pytest.mark.parametrize("stop", [None, signal.SIGINT])
def test_the_last_good_checkpoint_outlives_weights_that_are_no_numbers(
    data, tmp_path, monkeypatch, capsys, stop
):
    def poison(self):
        self.model.painting_generator.trainable_variables[-1].assign([np.nan] * 3)
        if stop:
            send_signal(stop)

    advance = TrainingState.advance

    def advance_and_poison(self, epoch_seconds):
        advance(self, epoch_seconds)
        if self.step == 2 * STEPS - bool(stop):
            poison(self)

    monkeypatch.setattr(TrainingState, "advance", advance_and_poison)
    run = tmp_path / "run"
    assert start(data, run) == 2
    error = capsys.readouterr().err
    assert f"checkpoints/step-{STEPS} is kept" in error and "Saved" not in error
    assert {path.stem for path in (run / "checkpoints").glob("*.index")} == {f"step-{STEPS}"}
    assert load_generator(run)
    assert len(history(run)) == 1


@pytest.mark.parametrize(
    "damage",
    [
        {"policy": "float8"},
        {"sample_every": 0},
        {"seed": -1},
        {"checkpoint_minutes": "x"},
        {"samples": False},
        {"description": 7},
    ],
)
def test_a_damaged_config_is_one_sentence(finished, tmp_path, capsys, damage):
    config = json.loads((finished / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, **damage}))
    assert resume(tmp_path) == 2
    name, value = next(iter(damage.items()))
    assert_one_sentence(capsys.readouterr().err, f"{name} must be .* got {value!r}")


def test_architectures_losses_and_weights_are_chosen_on_the_command_line(
    data, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(GENERATORS, "unet", UNetGenerator(filters=2))
    monkeypatch.setitem(DISCRIMINATORS, "unet-group", UNetDiscriminator(filters=2, norm="group"))
    run = tmp_path / "run"
    options = "--epochs 1 --steps-per-epoch 2 --generator unet --discriminator unet-group "
    options += "--adversarial-loss wgan-gp --lambda-cycle 3 --lambda-identity 0 "
    options += "--generator-learning-rate 1e-3 --discriminator-learning-rate 2e-3"
    assert start(data, run, *options.split()) == 0
    recipe = recipe_from_dict(json.loads((run / "config.json").read_text())["recipe"])
    assert recipe == TINY.replace(
        epochs=1,
        steps_per_epoch=2,
        generator=UNetGenerator(filters=2),
        discriminator=UNetDiscriminator(filters=2, norm="group"),
        adversarial_loss="wgan-gp",
        lambda_cycle=3.0,
        lambda_identity=0.0,
        generator_learning_rate=1e-3,
        discriminator_learning_rate=2e-3,
    )
    assert "identity_loss" not in history(run)[0]
    assert resume(run, "--generator", "unet") == 0
    assert resume(run, "--adversarial-loss", "bce") == 2
    assert "adversarial_loss=bce contradicts the run" in capsys.readouterr().err
    assert resume(run, "--generator", "resnet") == 2
    error = capsys.readouterr().err
    assert_one_sentence(error, "generator=resnet contradicts the run, .* started with unet;")


def test_any_field_is_set_on_the_command_line(data, tmp_path, capsys):
    run = tmp_path / "run"
    options = "--epochs 1 --set generator.filters=3 flip=no --set discriminator.dropout=0.5"
    assert start(data, run, *options.split(), "--set", "steps_per_epoch=2") == 0
    recipe = recipe_from_dict(json.loads((run / "config.json").read_text())["recipe"])
    assert recipe == TINY.replace(
        epochs=1,
        steps_per_epoch=2,
        flip=False,
        generator=ResNetGenerator(filters=3, blocks=1),
        discriminator=PatchGANDiscriminator(filters=4, dropout=0.5),
    )
    assert resume(run, "--set", "generator.filters=3", "epochs=2") == 0
    assert len(history(run)) == 2

    capsys.readouterr()
    assert train.main(["--list-recipes", "tiny"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("tiny (): these tests\n")
    assert "\n  generator.filters = 4  (whole number) channels of the first conv" in shown


def test_to_the_letter_of_a_notebook(data, tmp_path, monkeypatch, capsys):
    document = Document(
        fields={"photo_buffer": 1, "epochs": 9}, style=FileStyle(names="{}.jpg", first=1)
    )
    documents = SYSTEMS["cyclegan"].documents
    monkeypatch.setitem(documents, "tiny", document)
    monkeypatch.setattr(precision, "cpu_features", lambda: {"amx_bf16"})
    run = tmp_path / "run"
    options = ["--faithful", "--epochs", "1", "--steps-per-epoch", "1"]
    assert start(data, run, *options) == 0
    assert "trainB holds no TFRecords, which were asked for" in capsys.readouterr().err
    config = json.loads((run / "config.json").read_text())
    assert (config["policy"], config["replicas"], config["data"]["tfrecords"]) == (
        "float32",
        1,
        True,
    )
    assert (config["recipe"]["photo_buffer"], config["recipe"]["epochs"]) == (1, 1)
    moved = tmp_path / "moved"
    moved.symlink_to(data)
    assert resume(run, "--data", str(moved), "--epochs", "2") == 0
    assert json.loads((run / "config.json").read_text())["data"]["tfrecords"]

    output = tmp_path / "images.zip"
    paint = ["--run", str(run), "--input", str(data / "trainB"), "--output", str(output)]
    assert generate.main([*paint, "--faithful"]) == 0
    with zipfile.ZipFile(output) as archive:
        assert archive.namelist() == [f"{number}.jpg" for number in range(1, 8)]
    monkeypatch.delitem(documents, "tiny")
    capsys.readouterr()
    assert generate.main([*paint, "--faithful", "--overwrite"]) == 2
    assert_one_sentence(capsys.readouterr().err, "'tiny' follows no notebook")


def test_runs_started_in_the_same_second_get_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = {new_run_path("tiny") for _ in range(5)}
    assert len(paths) == 5 and all(path.is_dir() for path in paths)


def test_a_loss_that_is_no_number_is_one_sentence(data, tmp_path, monkeypatch, capsys):
    def fail(self):
        raise RunError("cycle_loss is nan at step 3.")

    monkeypatch.setattr(Session, "train", fail)
    assert start(data, tmp_path / "run") == 2
    assert_one_sentence(capsys.readouterr().err, "cycle_loss is nan")


def test_a_crash_before_the_first_checkpoint_promises_none(data, tmp_path, monkeypatch, capsys):
    def crash(self):
        raise RuntimeError("the power went out")

    monkeypatch.setattr(Session, "train", crash)
    assert start(data, tmp_path / "run") == EXIT_MISTAKE
    error = capsys.readouterr().err
    assert "There is no checkpoint yet; start from the beginning" in error
    assert "RuntimeError: the power went out\nThis is a mistake in monet" in error


def test_a_signal_before_training_says_that_nothing_was_saved(data, tmp_path, monkeypatch, capsys):
    def interrupted(*_):
        send_signal(signal.SIGINT)

    monkeypatch.setattr(console, "introduce", interrupted)
    assert start(data, tmp_path / "run") == 130
    captured = capsys.readouterr()
    assert "Interrupted before training began; nothing was saved." in captured.err
    assert "then saving" not in captured.err and "Saved" not in captured.out


def assert_one_sentence(error, message):
    assert error.startswith("error: ") and error.count("\n") == 1, error
    assert re.search(message, error), error


def test_a_full_disk_is_one_sentence(data, tmp_path, monkeypatch, capsys):
    def full(self):
        raise tf.errors.ResourceExhaustedError(None, None, "write failed; No space left on device")

    monkeypatch.setattr(TrainingState, "save", full)
    assert start(data, tmp_path / "run") == 2
    assert "the disk is full" in capsys.readouterr().err.splitlines()[-1]


def test_help_is_quick_and_needs_no_tensorflow():
    program = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "from monet import train; train.main(sys.argv[1:])"
    )
    for option, expected in (("--help", "--recipe NAME"),):
        command = [sys.executable, "-c", program, option]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stderr
        assert expected in result.stdout


def test_sigterm_stops_a_process_that_then_goes_on(tmp_path):
    """The whole way once, in processes of their own, on the embedded sample set."""
    run = tmp_path / "run"
    command = [sys.executable, "-m", "monet.train"]
    options = "--image-size 32 --steps-per-epoch 200 --epochs 1 --seed 5".split()
    process = subprocess.Popen(
        [*command, *options, "--out", str(run)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    deadline = time.monotonic() + 120
    while not (run / "samples" / "epoch_0000.jpg").exists():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    output = ""
    while f"--resume {run}" not in output:
        line = process.stdout.readline()
        assert line, (output, process.communicate())
        output += line
    saved = time.monotonic()
    rest, error = process.communicate(timeout=120)
    # Threads of tf.data may sleep for half a minute; nobody waits for them.
    assert time.monotonic() - saved < 10
    output += rest
    assert process.returncode == 143, error
    assert "embedded sample set" in output and f"--resume {run}" in output
    assert "Traceback" not in error
