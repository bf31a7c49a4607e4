"""Whether a program hangs at its end is a matter of timing; these are the parts of the guard."""

from __future__ import annotations

import threading
import time

import pytest

from monet.data import exit_guard, training_dataset


@pytest.fixture(autouse=True)
def not_exiting(monkeypatch):
    monkeypatch.setattr(exit_guard, "_exiting", False)


def test_the_placeholder_is_returned_once_the_program_ends():
    guarded = exit_guard.answer_at_exit(lambda number: number + 1, "placeholder")
    assert guarded(1) == 2
    exit_guard._run_dry()
    assert guarded(1) == "placeholder"


def test_the_end_waits_for_calls_under_way():
    started, finished = threading.Event(), []

    def slow():
        started.set()
        time.sleep(0.3)
        finished.append(True)

    thread = threading.Thread(target=exit_guard.answer_at_exit(slow, None))
    thread.start()
    started.wait()
    exit_guard._run_dry()
    assert finished
    thread.join()


def test_the_training_dataset_reads_nothing_once_the_program_ends(flat_source):
    paintings, photos = flat_source(3, start=100), flat_source(3, start=100)
    data = training_dataset(paintings, photos, image_size=8, batch_size=2)
    exit_guard._run_dry()
    batch, _ = next(iter(data))
    assert (batch.numpy() == -1).all() and paintings.reads == photos.reads == 0
