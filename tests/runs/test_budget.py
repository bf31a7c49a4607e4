"""Training for a given time, by a clock that the tests move."""

from __future__ import annotations

import errno
import os

import pytest
import tensorflow as tf
from timed_runs import RECIPE, start

from monet import runs
from monet.runs import session as session_module
from monet.runs.callbacks.budget import forecast
from monet.runs.judging import Judge
from monet.runs.state import TrainingState
from monet.training.schedules import ConstantThenLinearByProgress


def test_a_run_ends_in_time_with_its_phases_and_rates(clock, datasets, data, tmp_path, capsys):
    begin = clock()
    run = start(clock, data, tmp_path / "run")

    assert clock() - begin == pytest.approx(3600, rel=0.03)
    assert list(dict.fromkeys(size for _, size in datasets)) == [32, 64]
    rows = run.history()
    assert [row["epoch"] for row in rows] == list(range(1, len(rows) + 1))
    assert rows[-1]["minutes"] == pytest.approx(60, rel=0.03)
    rates = [row["learning_rate"] for row in rows]
    held = [rate for rate, row in zip(rates, rows, strict=True) if row["minutes"] < 29]
    assert held == pytest.approx(len(held) * [2e-4])
    assert rates == sorted(rates, reverse=True)
    # Training ends with an epoch after which there is no time for its records, another step and
    # the records of that; the rate is of the start of the step before.
    assert rows[-1]["learning_rate"] < (2 * 30 + 2 * 15) / (1800 - 15) * 2e-4
    assert 10 < len(rows) < 25
    assert run.settings.is_planned
    assert "Plan      1 h 00 min: about " in capsys.readouterr().out
    assert run.samples()[-1][0] == len(rows)


def test_a_machine_that_slows_down_ends_in_time_too(clock, data, tmp_path, monkeypatch):
    advance = TrainingState.advance

    def advance_more_slowly(self, epoch_seconds):
        advance(self, epoch_seconds)
        if self.step > 30:
            clock.step_seconds = 60.0

    monkeypatch.setattr(TrainingState, "advance", advance_more_slowly)
    begin = clock()
    run = start(clock, data, tmp_path / "run", verbose=False)
    assert clock() - begin == pytest.approx(3600, rel=0.03)
    # Training ends with an epoch after which there is no time for its records, another step and
    # the records of that; the rate is of the start of the step before.
    assert run.history()[-1]["learning_rate"] < (2 * 60 + 2 * 15) / (1800 - 15) * 2e-4


@pytest.mark.parametrize("every", [1, 4, 1000])
def test_judgements_are_part_of_the_time(clock, noise_pictures, tmp_path, monkeypatch, every):
    """Also that after the last step, which is the only one where they are rare."""
    data = noise_pictures(tmp_path / "data", trainA=3, trainB=10, shape=(64, 64))
    seconds_per_picture = 40.0
    measured, judge = Judge._measured, Judge.__call__
    judged_at = []

    def measure_slowly(self, pictures):
        clock.seconds += seconds_per_picture * pictures.count
        return measured(self, pictures)

    def noting(self, generator):
        figure = judge(self, generator)
        judged_at.append(clock())
        return figure

    monkeypatch.setattr(Judge, "_measured", measure_slowly)
    monkeypatch.setattr(Judge, "__call__", noting)
    begin = clock()
    run = start(clock, data, tmp_path / "run", evaluate_every=every, verbose=False)
    assert clock() - begin == pytest.approx(3600, rel=0.03)
    rows = run.history()
    judged = [row["epoch"] for row in rows if "swd" in row]
    assert judged[-1] == rows[-1]["epoch"] and len(judged) == len(judged_at)
    assert len(judged) == 1 if every == 1000 else len(judged) > 2
    assert judged_at[-1] - begin > 3300, "the last step is the last that there was time for"


def test_a_long_training_takes_lower_rates_and_says_so(clock, data, tmp_path, capsys):
    recipe = RECIPE.replace(full_rate_steps=25)
    run = runs.start(recipe, data=data, out=tmp_path / "run", minutes=60, started=clock())
    steps = run.settings.total_steps
    assert steps > 50
    before, told = capsys.readouterr().out.partition("\nPlan ")[::2]
    assert "Rates" not in before
    assert f"Rates     {25 / steps:.3g} times the recipe's: it has about {steps} steps" in told
    first, *_, last = [row["learning_rate"] for row in run.history()]
    assert first == pytest.approx(2e-4 * 25 / steps)
    assert last < first / 4

    for minutes in (0, float("inf"), float("nan")):
        with pytest.raises(runs.RunError, match=f"minutes must be a number above 0, got {minutes}"):
            runs.resume(run.path, minutes=minutes, started=clock(), verbose=False)
    assert runs.open(run.path).settings == run.settings

    count = len(run.history())
    longer = runs.resume(run.path, minutes=120, started=clock())
    twice = longer.settings.total_steps
    assert twice == pytest.approx(2 * steps, rel=0.2)  # the plan of the first was an estimate
    told = capsys.readouterr().out
    assert f"{25 / twice:.3g} times the recipe's, until now {25 / steps:.3g} times" in told
    # Half of the time is over, and with it the share in which rates are held.
    assert longer.history()[count]["learning_rate"] == pytest.approx(2e-4 * 25 / twice, rel=0.1)


def test_lower_rates_are_told_at_the_start_of_a_run_of_known_length(clock, data, tmp_path, capsys):
    recipe = RECIPE.replace(full_rate_steps=1)
    options = {"data": data, "epochs": 1, "steps_per_epoch": 2}
    runs.start(recipe, out=tmp_path / "long", **options)
    told = capsys.readouterr().out
    assert (
        "Rates     0.5 times the recipe's: it has about 2 steps, and these are for up to 1" in told
    )
    assert "Trained 2 steps in " in told


def test_many_small_extensions_are_one_large_one(clock, data, tmp_path):
    clock.step_seconds, clock.closing_seconds = 10.0, 1.0
    run = start(clock, data, tmp_path / "run", minutes=20, verbose=False)
    count = len(run.history())
    for minutes in range(21, 25):
        run = runs.resume(run.path, minutes=minutes, started=clock(), verbose=False)
    assert run.settings.total_steps == pytest.approx(24 * 60 / clock.step_seconds, rel=0.1)
    assert len(run.history()) > count


def test_time_that_starting_again_uses_up_is_told(clock, data, tmp_path, capsys):
    run = start(clock, data, tmp_path / "run")
    capsys.readouterr()
    runs.resume(run.path, minutes=61, started=clock() - 100)
    told = capsys.readouterr().out
    assert "Starting again has taken all that was left" in told
    assert "Trained 1 step in " in told


@pytest.mark.parametrize("step", [2, 30])
def test_a_resumed_run_keeps_the_rest_of_its_time(clock, stop_at, data, tmp_path, step):
    stop_at(step)
    begin = clock()
    with pytest.raises(runs.Interrupted):
        start(clock, data, tmp_path / "run")
    used = clock() - begin
    assert used < 1800

    clock.seconds += 10_000  # nobody trains
    begin = clock()
    run = runs.resume(tmp_path / "run", started=clock())
    assert used + clock() - begin == pytest.approx(3600, rel=0.03)
    rows = run.history()
    assert [row["epoch"] for row in rows] == list(range(1, len(rows) + 1))

    with pytest.raises(runs.RunError, match="can't take any back"):
        runs.resume(run.path, minutes=30, started=clock())
    with pytest.raises(runs.RunError, match="started for 60 minutes, so `epochs=3`"):
        runs.resume(run.path, epochs=3, started=clock())
    begin = clock()
    assert runs.resume(run.path, started=clock()).history() == rows
    assert clock() == begin, "it is finished"
    run = runs.resume(run.path, minutes=80, started=clock())
    assert clock() - begin == pytest.approx(1200, rel=0.05)


def test_a_run_for_a_number_of_epochs_takes_no_minutes(data, tmp_path):
    run = runs.start(
        RECIPE, data=data, out=tmp_path / "run", epochs=1, steps_per_epoch=1, verbose=False
    )
    assert run.settings.minutes is None
    assert "minutes" not in run.history()[0]
    with pytest.raises(runs.RunError, match="started for 1 epochs, so `minutes=5`"):
        runs.resume(run.path, minutes=5)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"minutes": 0}, "minutes must be a number above 0, got 0"),
        ({"minutes": float("nan")}, "minutes must be a number above 0"),
        ({"minutes": 1e10}, r"minutes must be at most 527,040, a year, got 10000000000.0"),
        ({"minutes": 3, "epochs": 2}, "`minutes=3` says how long to train, and so does `epochs`"),
        ({"minutes": 3, "steps_per_epoch": 2}, "so does `steps_per_epoch`; leave one out"),
    ],
)
def test_minutes_that_can_t_be(data, tmp_path, fields, message):
    with pytest.raises(runs.RunError, match=message):
        runs.start(RECIPE, data=data, out=tmp_path / "run", **fields)
    assert not (tmp_path / "run").exists()


def test_a_figure_that_fails_leaves_no_page_of_a_running_run(clock, data, tmp_path, monkeypatch):
    def fail(run):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "curves.png")

    monkeypatch.setattr(session_module, "draw_figures", fail)
    with pytest.raises(runs.RunError, match="can't write curves.png: No space left on device."):
        start(clock, data, tmp_path / "run", verbose=False)
    page = (tmp_path / "run" / "index.html").read_text(encoding="utf-8")
    assert session_module.FINISHED in page
    assert "http-equiv" not in page  # it doesn't read itself again


def test_learning_rates_follow_progress():
    progress = tf.Variable(0.0)
    schedule = ConstantThenLinearByProgress(2e-4, decay_fraction=0.4, progress=progress)
    rates = []
    for value in (0.0, 0.6, 0.8, 1.0):
        progress.assign(value)
        rates.append(float(schedule(12345)))
    assert rates == pytest.approx([2e-4, 2e-4, 1e-4, 0.0])
    copy = ConstantThenLinearByProgress.from_config(schedule.get_config())
    assert float(copy(0)) == 0.0
    scaled = ConstantThenLinearByProgress(2e-4, 0.4, progress=0.8, scale=tf.Variable(0.5))
    assert float(scaled(0)) == pytest.approx(5e-5)
    constant = ConstantThenLinearByProgress(2e-4, decay_fraction=0.0, progress=progress)
    assert float(constant(0)) == pytest.approx(2e-4)
    with pytest.raises(ValueError, match="decay_fraction=2"):
        ConstantThenLinearByProgress(2e-4, decay_fraction=2, progress=progress)


def test_a_forecast_is_for_long_trainings_and_advises_where_it_is_very_long():
    assert forecast(120, 0.5, "advice") == ""
    assert forecast(3600, 0.5, "advice") == "Forecast  1 h 00 min at 0.5 s a step"
    assert forecast(36000, 2.0, "advice") == "Forecast  10 h 00 min at 2 s a step. advice"
    assert forecast(36000, 2.0, "") == "Forecast  10 h 00 min at 2 s a step"
    assert forecast(1e6, 2.0, "") == "Forecast  11 d 13 h at 2 s a step"
