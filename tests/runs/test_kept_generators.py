"""Generators that are kept of a run, to judge afterwards how it came on."""

from __future__ import annotations

import pytest

from monet.runs.callbacks.records import KeptGenerators
from monet.runs.run_folder import RunFolder
from monet.runs.settings import Settings


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path / "run", {})


def finish(run, epochs, most):
    callback = KeptGenerators(run, most)
    for epoch in epochs:
        run.generator_path.write_text(f"of epoch {epoch}")
        callback.on_epoch_end(epoch - 1)
    return [epoch for epoch, _ in run.generators()]


def test_as_many_as_wanted_are_kept_evenly_spaced_however_long_the_run_is(run):
    for epoch in range(1, 131):
        kept = finish(run, [epoch], most=10)
        assert min(epoch, 5) <= len(kept) <= 10
        assert {b - a for a, b in zip([0, *kept], kept, strict=False)} == {kept[0]}
        assert epoch - kept[-1] < kept[0]
    assert kept == [16, 32, 48, 64, 80, 96, 112, 128]
    assert [path.read_text() for _, path in run.generators()] == [f"of epoch {e}" for e in kept]


def test_a_resumed_run_keeps_the_same(run, tmp_path):
    finish(run, range(1, 8), most=4)
    run.truncate_after(5.5)
    assert [epoch for epoch, _ in run.generators()] == [2, 4]
    resumed = finish(run, range(6, 12), most=4)
    whole = finish(RunFolder.create(tmp_path / "whole", {}), range(1, 12), most=4)
    assert resumed == whole == [4, 8]


def test_a_single_one(run):
    assert finish(run, range(1, 6), most=1) == [4]


def test_how_many_can_change(run):
    finish(run, range(1, 9), most=8)
    assert finish(run, [9, 10], most=2) == [4, 8]


def test_settings_take_none_and_no_fewer():
    from monet.runs.data_location import DataLocation
    from monet.systems import get_recipe

    fields = {
        "recipe": get_recipe("sample"),
        "location": DataLocation(),
        "paintings": 1,
        "photos": 1,
        "seed": 0,
        "policy": "float32",
        "sample_every": 1,
        "checkpoint_minutes": 1.0,
    }
    settings = Settings(**fields, keep_generators=0)
    assert Settings.from_config(settings.to_record()) == settings
    assert settings.resumed(keep_generators=3).keep_generators == 3
    with pytest.raises(ValueError, match="keep_generators must be a whole number from 0 on"):
        Settings(**fields, keep_generators=-1)
