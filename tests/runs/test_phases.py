"""A training for a given time in phases, each with crops of its own size."""

from __future__ import annotations

import datetime

import pytest
from timed_runs import RECIPE, start

from monet import runs
from monet.data import ImageSource
from monet.runs.budget import Budget, lay_out
from monet.systems import Phase, get_recipe
from monet.systems.one_sided import OneSidedSystem


def test_an_epoch_that_is_resumed_is_finished_in_its_phase(
    clock, stop_at, datasets, data, tmp_path
):
    clock.step_seconds = 120.0
    stop_at(24)  # in an epoch that began long before the last phase, and ends soon after that does
    with pytest.raises(runs.Interrupted):
        start(clock, data, tmp_path / "run", verbose=False)
    run = runs.resume(tmp_path / "run", started=clock(), verbose=False)
    assert run.settings.steps_per_epoch == 5
    assert datasets[-2:] == [(24, 32), (25, 64)]


def test_a_phase_that_is_due_while_pictures_are_opened_begins_with_the_next_epoch(
    clock, datasets, data, tmp_path, monkeypatch
):
    dataset = OneSidedSystem.dataset

    def slow_to_open(self, *args, **options):
        if len(datasets) == 2:  # one of the steps that are timed, one of the rest of an epoch
            clock.seconds += 2700
        return dataset(self, *args, **options)

    monkeypatch.setattr(OneSidedSystem, "dataset", slow_to_open)
    start(clock, data, tmp_path / "run", verbose=False)
    assert [size for _, size in datasets] == [32, 32, 32, 64]


def test_pictures_are_decoded_once_for_all_phases(clock, datasets, data, tmp_path, monkeypatch):
    recipe = RECIPE.replace(picture_size=RECIPE.finish_size)
    read = ImageSource.read_or_next
    by_dataset = []

    def noting(self, index, *, shrink_to):
        if shrink_to == recipe.picture_size:  # those of sample sheets are larger
            by_dataset.append(len(datasets))
        return read(self, index, shrink_to=shrink_to)

    monkeypatch.setattr(ImageSource, "read_or_next", noting)
    runs.start(recipe, data=data, out=tmp_path / "run", minutes=60, started=clock(), verbose=False)
    assert datasets[-1][1] == 64 and set(by_dataset) == {1}


def test_a_plan_says_what_fits():
    recipe = get_recipe("monet")
    budget = Budget(7200, started=0.0, now=lambda: 20.0)
    budget.note_opening(0.0)
    plan = lay_out(budget, recipe.phases(), seconds_per_step=0.1)
    assert [part.image_size for part in plan.parts] == [128, 256]
    assert sum(part.steps for part in plan.parts) == pytest.approx(71_800, rel=0.01)
    assert plan.parts[1].steps == pytest.approx(0.15 * 72_000, rel=0.01)
    assert plan.steps_per_epoch == 3600
    assert plan.sentence(datetime.datetime(2026, 1, 2, 21, 10, 20)) == (
        "2 h 00 min: about 61,000 steps at 128 px, 11,000 at 256 px, ends 23:10"
    )


def test_a_phase_too_short_to_be_worth_it_is_left_out():
    phases = get_recipe("monet").phases()
    assert len(phases) == 2
    assert len(Budget(300).phase_starts(phases)) == 1
    assert len(Budget(600).phase_starts(phases)) == 2


@pytest.mark.parametrize("recipe", ["cyclegan", "dcgan", "sample", "monet-gpu"])
def test_most_recipes_have_one_phase(recipe):
    recipe = get_recipe(recipe)
    assert recipe.phases() == [Phase(1.0, recipe)]


def test_pictures_as_large_as_at_the_end_need_no_second_phase():
    recipe = get_recipe("monet").replace(image_size=256)
    assert recipe.phases() == [Phase(1.0, recipe)]
