"""The callbacks and the state of a run, on a small model of their own."""

from __future__ import annotations

import os
import signal
import time
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.runs.callbacks import Pace, StopAtNaN, StopOnSignal
from monet.runs.callbacks.interim import Interim
from monet.runs.callbacks.progress import losses_text
from monet.runs.callbacks.records import Samples
from monet.runs.interruption import Interrupted, Interruption
from monet.runs.run_folder import RunError, RunFolder
from monet.runs.state import TrainingState
from monet.systems import SYSTEMS
from monet.systems.sheets.translations import TranslationSheet


def small_model(seed=0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
    model.compile(optimizer="adam", loss="mse")
    model.optimizer.build(model.trainable_variables)
    model.train_on_batch(np.zeros((4, 3)), np.zeros((4, 1)))  # makes Keras create the loss's metric
    return model


def batches(start, count=None):
    def batch(index):
        x = tf.random.stateless_normal([4, 3], [index, 0])
        return x, tf.reduce_sum(x, axis=1, keepdims=True)

    return tf.data.Dataset.counter(start).map(batch)


def fit(model, state, *, steps, epoch=0, steps_per_epoch=6, extra=()):
    pace = Pace(state, steps_per_epoch=steps_per_epoch, epochs=9, batch_size=4)
    return model.fit(
        batches(state.step),
        initial_epoch=epoch,
        epochs=epoch + 1,
        steps_per_epoch=steps,
        callbacks=[pace, *extra],
        shuffle=False,
        verbose=0,
    ).history


def test_an_epoch_in_two_parts_equals_one_in_one_piece(tmp_path):
    whole = small_model()
    expected = fit(whole, TrainingState(whole, tmp_path / "whole"), steps=6)

    first = small_model()
    state = TrainingState(first, tmp_path / "parts")
    with Interruption() as interruption:
        stop = StopOnSignal(interruption, state, steps_per_epoch=6)
        interruption.signum = signal.SIGINT
        with pytest.raises(Interrupted):
            fit(first, state, steps=6, extra=[stop])
    state.save()

    second = small_model(seed=1)
    state = TrainingState(second, tmp_path / "parts")
    assert state.restore() and state.step == 1
    before = state.epoch_seconds
    history = fit(second, state, steps=5)

    assert history["loss"] == expected["loss"], "the mean is over both parts"
    assert history["seconds"][0] > before > 0
    for variable, other in zip(second.variables, whole.variables, strict=True):
        np.testing.assert_array_equal(variable, other)
    for variable, other in zip(second.optimizer.variables, whole.optimizer.variables, strict=True):
        np.testing.assert_array_equal(variable, other)


def test_the_next_epoch_starts_its_sums_anew(tmp_path):
    model = small_model()
    state = TrainingState(model, tmp_path)
    first = fit(model, state, steps=6)
    second = fit(model, state, steps=6, epoch=1)
    assert state.step == 12
    assert second["seconds"][0] < first["seconds"][0], "the first epoch had to compile"
    assert second["loss"] != first["loss"]


def save_steps(state, count):
    for _ in range(count):
        state.advance(0.0)
        state.save()


def checkpoints(folder):
    return {path.name.split(".")[0] for path in folder.iterdir() if path.is_file()}


def test_the_next_checkpoint_takes_away_what_a_kill_left_of_another(tmp_path):
    state = TrainingState(small_model(), tmp_path)
    (tmp_path / "step-1_temp").mkdir()
    (tmp_path / "step-1_temp" / "part-00000-of-00001.data-00000-of-00001").touch()
    (tmp_path / "step-1.data-00000-of-00001").touch()
    (tmp_path / "step-by-step").mkdir()  # whoever made it
    save_steps(state, 2)
    names = {path.name.split(".")[0] for path in tmp_path.iterdir()}
    assert names == {"step-1", "step-2", "step-by-step"}


def test_only_the_newest_checkpoints_are_kept_and_strays_removed(tmp_path):
    save_steps(TrainingState(small_model(), tmp_path, keep=2), 3)
    (tmp_path / "step-4.data-00000-of-00001").write_bytes(b"cut short")
    assert TrainingState(small_model(), tmp_path).restore()
    assert checkpoints(tmp_path) == {"step-2", "step-3"}


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("suffix", ["index", "data-00000-of-00001"])
@pytest.mark.parametrize("damage", [truncate, lambda path: path.write_bytes(b"")])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path, suffix, damage):
    state = TrainingState(small_model(), tmp_path)
    assert not state.restore()
    save_steps(state, 2)
    damage(tmp_path / f"step-2.{suffix}")
    state = TrainingState(small_model(), tmp_path)
    with pytest.warns(UserWarning, match="step-2"):
        assert state.restore()
    assert state.step == 1
    damage(tmp_path / f"step-1.{suffix}")
    before = sorted(tmp_path.iterdir())
    with pytest.warns(UserWarning), pytest.raises(RunError, match="none of the checkpoints"):
        TrainingState(small_model(), tmp_path).restore()
    assert sorted(tmp_path.iterdir()) == before, "nothing is removed when nothing can be read"


def test_rotation_goes_on_after_a_recovery(tmp_path):
    save_steps(TrainingState(small_model(), tmp_path, keep=3), 12)
    truncate(tmp_path / "step-12.index")
    state = TrainingState(small_model(), tmp_path, keep=2)
    with pytest.warns(UserWarning, match="step-12"):
        assert state.restore()
    assert state.step == 11, "steps are ordered as numbers"
    state.advance(0.0)
    state.advance(0.0)
    state.save()
    assert checkpoints(tmp_path) == {"step-11", "step-13"}


@pytest.mark.parametrize("garbage", [None, b"", b"\xff\x00 garbage"])
def test_tensorflows_list_of_checkpoints_is_not_needed(tmp_path, garbage):
    save_steps(TrainingState(small_model(), tmp_path), 2)
    if garbage is not None:
        (tmp_path / "checkpoint").write_bytes(garbage)
    state = TrainingState(small_model(), tmp_path)
    assert state.restore() and state.step == 2


def test_checkpoints_of_a_checkpoint_manager_are_read(tmp_path):
    state = TrainingState(small_model(), tmp_path)
    state.advance(0.0)
    tf.train.CheckpointManager(state._checkpoint, str(tmp_path), 2, checkpoint_name="step").save(1)
    state = TrainingState(small_model(), tmp_path)
    assert state.restore() and state.step == 1


def test_checkpoints_move_with_their_folder(tmp_path):
    state = TrainingState(small_model(), tmp_path / "here")
    state.advance(1.5)
    state.save()
    (tmp_path / "here").rename(tmp_path / "there")
    state = TrainingState(small_model(), tmp_path / "there")
    assert state.restore() and state.step == 1 and state.epoch_seconds == 1.5


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    model = small_model()
    state = TrainingState(model, tmp_path)
    model.layers[0].kernel.assign(np.full((3, 1), np.nan))
    with pytest.raises(RunError, match="loss is nan at step 1"):
        fit(model, state, steps=6, extra=[StopAtNaN(state)])


def test_images_per_second_leave_out_the_first_step_and_count_one_domain(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    state = TrainingState(small_model(), tmp_path)
    pace = Pace(state, steps_per_epoch=5, epochs=2, batch_size=4)
    pace.on_epoch_begin(0)
    for seconds in (10.0, 0.5, 0.5):
        now[0] += seconds
        pace.on_train_batch_end(0)
    assert pace.images_per_second == pytest.approx(8.0)
    assert pace.seconds_left == pytest.approx(0.5 * 7)
    assert pace.steps_in_epoch == 3
    assert state.epoch_seconds == pytest.approx(11.0)


def wait_for(condition):
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


@pytest.mark.parametrize("is_training", [True, False])
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_acted_on_later(signum, is_training, capfd):
    before = signal.getsignal(signum)
    with Interruption() as interruption:
        interruption.check()
        if is_training:
            interruption.begin_training()
        os.kill(os.getpid(), signum)
        wait_for(lambda: interruption.requested)
        with pytest.raises(Interrupted) as stop:
            interruption.check()
    assert stop.value.signum == signum
    error = capfd.readouterr().err
    assert "Stopping" in error and ("then saving" in error) == is_training
    assert signal.getsignal(signum) is before


def test_the_second_signal_quits_at_once(monkeypatch):
    codes = []
    monkeypatch.setattr(os, "_exit", codes.append)
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        wait_for(lambda: interruption.requested)
        os.kill(os.getpid(), signal.SIGINT)
        wait_for(lambda: codes)
    assert codes == [130]


def test_a_sample_sheet_shows_input_translation_and_cycle():
    photos = np.full((2, 64, 64, 3), -0.5, np.float32)
    paintings = np.full((1, 64, 64, 3), 0.5, np.float32)

    def painter(images, training):
        return images * 0 + 1.0

    def photographer(images, training):
        return images * 0 - 1.0

    model = SimpleNamespace(generator=painter, photo_generator=photographer)
    for shows_identity, of_photos, of_paintings in (
        (False, [64, 255, 0], [191, 0, 255]),
        (True, [64, 255, 0, 0], [191, 0, 255, 255]),
    ):
        sheet = TranslationSheet(photos, paintings, shows_identity=shows_identity)
        drawn = sheet.draw(model)
        assert drawn.shape == (sheet.height, sheet.width, 3)
        last = len(of_photos) - 1
        rows = [
            sheet.cell // 2 + row * (sheet.height - sheet.cell) // last for row in range(last + 1)
        ]
        assert [drawn[row, 5, 0] for row in rows] == of_photos
        assert [drawn[row, -5, 0] for row in rows] == of_paintings
        assert sheet.cell == 128, "small pictures are enlarged"


def interim(run, state, seconds, draw):
    sheet = SimpleNamespace(draw=lambda model: draw())
    found = Interim(run, sheet, state, steps_per_epoch=4, minutes=seconds / 60)
    found.set_model(None)
    return found


def test_a_long_epoch_is_shown_before_its_end(tmp_path, monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("monet.runs.callbacks.interim.time.monotonic", lambda: clock.now)
    config = {
        "description": "photos",
        "recipe": {"system": "cyclegan", "name": "tiny", "epochs": 3},
        "samples": {"width": 8, "height": 24, "cell": 8},
    }
    run = RunFolder.create(tmp_path / "run", config)
    state = SimpleNamespace(step=0)
    drawing = SimpleNamespace(seconds=1.0)

    def draw():
        clock.now += drawing.seconds
        return np.zeros((24, 8, 3), np.uint8)

    callback = interim(run, state, 120.0, draw)
    callback.on_train_begin()

    def step(seconds):
        clock.now += seconds
        state.step += 1
        callback.on_train_batch_end(0, {"cycle_loss": 1.0 / state.step})
        return [row["epoch"] for row in run.history()]

    assert step(300) == [], "the first step compiles"
    assert step(61) == [0.5], "then the first comes after a minute"
    assert run.interim_sample()[0] == 0.5
    assert 'http-equiv="refresh"' in run.gallery_path.read_text(encoding="utf-8")
    assert step(119) == [0.5]
    assert step(99) == [0.5], "the end of an epoch is recorded by others"
    callback.on_epoch_end(0)
    assert step(119) == [0.5]
    drawing.seconds = 60.0
    assert step(2) == [0.5, 1.5]
    assert [path.name for path in run.samples_dir.iterdir()] == ["interim_1.5000.jpg"]
    assert step(1100) == [0.5, 1.5], "showing takes less than 5% of the time"
    run.truncate_after(1.0)
    assert run.interim_sample() is None and [row["epoch"] for row in run.history()] == [0.5]


def test_time_that_an_evaluation_takes_is_not_the_epochs(monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("monet.runs.callbacks.pace.time.monotonic", lambda: clock.now)
    state = SimpleNamespace(step=0, epoch_seconds=0.0, begin_epoch=lambda is_continued: None)

    def advance(seconds):
        state.step += 1
        state.epoch_seconds = seconds

    state.advance = advance
    pace = Pace(state, steps_per_epoch=9, epochs=1, batch_size=4)
    pace.on_epoch_begin(0)
    for _ in range(4):
        clock.now += 2.0
        pace.on_train_batch_end(0)
        clock.now += 100.0
        pace.leave_out(100.0)
    assert pace.seconds_per_step == 2.0 and state.epoch_seconds == 8.0
    assert pace.images_per_second == 2.0


def test_losses_are_shown_short():
    logs = {"painting_generator_loss": 3.14159, "photo_generator_loss": 2.0, "cycle_loss": 0.25}
    assert losses_text(logs, SYSTEMS["cyclegan"].curves) == "G 3.14 2  cycle 0.25"


@pytest.mark.parametrize(("epochs", "drawn"), [(5, [0, 2, 4, 5]), (None, [0, 2, 4, 6])])
def test_sheets_are_drawn_every_few_epochs_and_after_the_last(tmp_path, epochs, drawn):
    """Only what a number of epochs ends has a last one that is known."""
    run = RunFolder(tmp_path)
    run.sample_path(0).parent.mkdir()
    sheet = SimpleNamespace(draw=lambda model: np.zeros((8, 8, 3), np.uint8))
    samples = Samples(run, sheet, every=2, epochs=epochs)
    samples.set_model(SimpleNamespace(stop_training=False))
    for epoch in range(epochs or 6):
        samples.on_epoch_begin(epoch)
        samples.on_epoch_end(epoch)
    assert [epoch for epoch in range(9) if run.sample_path(epoch).exists()] == drawn
    samples.model.stop_training = True
    samples.on_epoch_end(6)
    assert run.sample_path(7).exists()
