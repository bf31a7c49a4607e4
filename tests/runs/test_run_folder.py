"""The run folder: creation, records, consistency after a kill."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from monet._files import replacing
from monet.runs.run_folder import RunError, RunFolder, check_vacant, newest_run


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path / "run", {"seed": 3})


def test_create_makes_the_folders_and_keeps_the_settings(run):
    assert run.samples_dir.is_dir() and run.checkpoints_dir.is_dir()
    assert run.read_config() == {"seed": 3}
    assert json.loads((run.path / "config.json").read_text()) == {"seed": 3}


def test_an_existing_run_is_never_overwritten(run):
    with pytest.raises(RunError, match=r"`resume\(.*\)`.* `out`"):
        RunFolder.create(run.path, {})
    assert run.read_config() == {"seed": 3}


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_foreign_folder_or_file_is_left_alone(tmp_path, is_folder):
    path = tmp_path / "mine"
    if is_folder:
        path.mkdir()
        (path / "thesis.txt").write_text("years of work")
    else:
        path.write_text("years of work")
    with pytest.raises(RunError, match="`out`"):
        check_vacant(path)


def test_an_empty_folder_will_do(tmp_path):
    RunFolder.create(tmp_path, {})


def test_opening_what_is_no_run_says_so(tmp_path):
    with pytest.raises(RunError, match="not a training run"):
        RunFolder.open(tmp_path)
    with pytest.raises(RunError, match="not a folder"):
        RunFolder.open(tmp_path / "nowhere")


def test_a_run_that_another_process_trains_is_left_alone(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / "config.json").write_text("{}")
    leftover = tmp_path / ".partial-123-generator.keras"
    leftover.write_bytes(b"still being written")
    with (tmp_path / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(RunError, match="is being trained already"):
            RunFolder.open(tmp_path)
        assert leftover.exists()
    RunFolder.open(tmp_path)


def test_a_run_is_free_again_when_what_opened_it_is_closed(run):
    pytest.importorskip("fcntl")
    RunFolder.find(run.path).close()  # somebody who only looked at it
    with pytest.raises(RunError, match="is being trained already"):
        RunFolder.open(run.path)
    run.close()
    RunFolder.open(run.path).close()


def test_a_run_that_cannot_be_made_or_opened_is_free(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    def check_free():
        with (tmp_path / "run" / ".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    with monkeypatch.context() as context:
        context.setattr(RunFolder, "write_config", full)
        with pytest.raises(RunError, match="No space left") as unmade:
            RunFolder.create(tmp_path / "run", {})
        check_free()
    RunFolder.create(tmp_path / "run", {}).close()
    with monkeypatch.context() as context:
        context.setattr("monet.runs.run_folder.remove_leftovers", full)
        with pytest.raises(OSError, match="No space left") as unopened:
            RunFolder.open(tmp_path / "run")
        check_free()
    del unmade, unopened  # which kept all that was on the stack from being collected


def test_runs_go_unlocked_where_there_are_no_locks(tmp_path, monkeypatch):
    monkeypatch.setattr("monet.runs.lock.fcntl", None)
    RunFolder.create(tmp_path / "run", {})
    RunFolder.open(tmp_path / "run")


@pytest.mark.parametrize(
    "text",
    [
        "epoch,loss\n1,bad\n",
        "epoch,loss\n1,2,3\n",
        "epoch,loss\n1\n",
        "epoch,loss\n1,0.53",
        "loss\n1\n",
        "epoch\n\xff\n",
    ],
)
def test_a_damaged_history_is_named(run, text):
    run.history_path.write_bytes(text.encode("latin-1"))
    with pytest.raises(RunError, match="can't read .*history.csv.*backup"):
        run.history()


def test_opening_clears_leftovers_of_a_killed_process(run):
    dead = 2**31 - 1  # more than any system's processes
    (run.path / f".partial-{dead}-00c0ffee.keras").write_bytes(b"half")
    (run.samples_dir / f".partial-{dead}-00c0ffee.jpg").write_bytes(b"half")
    run.close()
    RunFolder.open(run.path)
    assert not list(run.path.rglob(".partial-*"))


@pytest.mark.parametrize("name", ["samples", "figures", "checkpoints", "generators"])
def test_a_file_in_place_of_a_folder_is_named(run, name):
    run.close()
    folder = run.path / name
    if folder.is_dir():
        folder.rmdir()
    folder.touch()
    with pytest.raises(RunError, match=f"{name} is to be a folder of the run, and is none; move"):
        RunFolder.open(run.path)
    assert folder.is_file()


def test_history_comes_back_exactly(run):
    rows = [{"epoch": 1, "cycle_loss": 1 / 3, "seconds": 2.0}, {"epoch": 2, "cycle_loss": 1e-30}]
    for row in rows:
        run.append_history(row)
    assert run.history() == rows
    assert run.history_path.read_text().splitlines()[1] == "1,0.3333333333333333,2"


def test_truncating_drops_rows_and_samples_that_no_checkpoint_vouches_for(run):
    for epoch in range(4):
        run.sample_path(epoch).write_bytes(b"picture")
        if epoch:
            run.append_history({"epoch": epoch, "cycle_loss": 0.5})
    run.truncate_after(2)
    assert [row["epoch"] for row in run.history()] == [1, 2]
    assert [epoch for epoch, _ in run.samples()] == [0, 1, 2]
    run.truncate_after(0)
    assert run.history() == []


def test_samples_are_in_order_beyond_four_digits(run):
    for epoch in (10000, 2, 9999):
        run.sample_path(epoch).touch()
    (run.samples_dir / "epoch_final.jpg").touch()
    assert [epoch for epoch, _ in run.samples()] == [2, 9999, 10000]


def test_the_newest_run_is_the_one_written_to_last(tmp_path):
    with pytest.raises(RunError, match="no run in"):
        newest_run(tmp_path)
    for name, time in (("b", 300), ("a", 200)):
        run = RunFolder.create(tmp_path / name, {})
        for path in (run.config_path, run.samples_dir, run.checkpoints_dir):
            os.utime(path, (time, time))
    assert newest_run(tmp_path).name == "b"
    (tmp_path / "a" / "history.csv").touch()
    assert newest_run(tmp_path).name == "a"


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt])
def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, stop):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(stop), replacing(path) as temporary:
        temporary.write_text("half of the n")
        raise stop
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("call", range(5))
def test_a_start_that_is_killed_is_not_in_the_way(tmp_path, call):
    """Before whichever of the calls by which it makes things."""
    path = tmp_path / "run"
    program = f"""
import os, sys, signal
from monet.runs.run_folder import RunFolder
calls = 0
def kill(event, arguments):
    global calls
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
    if (writes or event == "os.mkdir") and str(arguments[0]).startswith({str(path)!r}):
        if calls == {call}:
            os.kill(os.getpid(), signal.SIGKILL)
        calls += 1
sys.addaudithook(kill)
RunFolder.create({str(path)!r}, {{}})
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root)
    assert done.returncode == -signal.SIGKILL
    if (path / "config.json").is_file():
        run = RunFolder.open(path)
    else:
        run = RunFolder.create(path, {})
    assert run.samples_dir.is_dir() and run.checkpoints_dir.is_dir() and run.read_config() == {}
    run.close()
