"""What tests of runs share: pictures to train on, and a clock that they move."""

from __future__ import annotations

import signal

import pytest

from monet.runs import session as session_module
from monet.runs.budget import Budget
from monet.runs.run_folder import RunFolder
from monet.runs.session import Session
from monet.runs.state import TrainingState
from monet.systems.one_sided import OneSidedSystem


@pytest.fixture(scope="session")
def data(tmp_path_factory, noise_pictures):
    """A dataset folder of three paintings and three photos."""
    return noise_pictures(tmp_path_factory.mktemp("data"), trainA=3, trainB=3, shape=(64, 64))


class Clock:
    """Stands still unless it is moved; training steps and the records of epochs move it."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.step_seconds = 30.0
        self.closing_seconds = 15.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    advance, save = TrainingState.advance, RunFolder.save_generator

    def advance_slowly(self, epoch_seconds):
        clock.seconds += clock.step_seconds
        advance(self, epoch_seconds)

    def save_slowly(self, generator, epoch):
        clock.seconds += clock.closing_seconds
        save(self, generator, epoch)

    def budget(seconds, *, used, started):
        return Budget(seconds, used=used, started=started, now=clock)

    monkeypatch.setattr(TrainingState, "advance", advance_slowly)
    monkeypatch.setattr(RunFolder, "save_generator", save_slowly)
    monkeypatch.setattr(session_module, "Budget", budget)
    return clock


@pytest.fixture
def datasets(monkeypatch):
    """Of all datasets that are made: the step that they begin with, and the side of their crops."""
    made = []
    dataset = OneSidedSystem.dataset

    def noting(self, recipe, *args, start_step, **options):
        made.append((start_step, recipe.image_size))
        return dataset(self, recipe, *args, start_step=start_step, **options)

    monkeypatch.setattr(OneSidedSystem, "dataset", noting)
    return made


@pytest.fixture
def stop_at(clock, monkeypatch):
    """Makes Ctrl-C come after the given step of a run that `clock` times."""
    advance, init = TrainingState.advance, Session.__init__
    sessions = []

    def noting(self, *args, **options):
        init(self, *args, **options)
        sessions.append(self)

    def stop_at(step):
        def interrupted(self, epoch_seconds):
            advance(self, epoch_seconds)
            if self.step == step:
                signal.raise_signal(signal.SIGINT)
                while not sessions[-1].interruption.requested:
                    pass

        monkeypatch.setattr(TrainingState, "advance", interrupted)

    monkeypatch.setattr(Session, "__init__", noting)
    return stop_at
