"""Two workers on this machine that train one run: one is killed, one is stopped, both go on.

Under a minute of two CPU cores.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from same_run import history

ROOT = Path(__file__).resolve().parents[2]

# As `python -m monet.train`, on a tiny recipe. At a given step the process gets a given signal.
_TRAIN = """
import os, sys
sys.path.insert(0, sys.argv[1])
devices, at_step, signum = map(int, sys.argv[2:5])
import tensorflow as tf
if devices > 1:
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * devices,
    )
from monet import train
from monet._command_line import leave
from monet.runs.state import TrainingState
from monet.systems import RECIPES
from tests.tiny_recipe import TINY

RECIPES["tiny"] = TINY.replace(steps_per_epoch=3, epochs=2)

def advance(state, seconds, advance=TrainingState.advance):
    advance(state, seconds)
    if state.step == at_step:
        os.kill(os.getpid(), signum)

TrainingState.advance = advance
leave(train.main(sys.argv[5:]))
"""
_NEVER = (0, 0)


def begin(options, *, devices=1, signal_at=_NEVER, config=None, temporary=None):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": ""}
    if config is not None:
        environment["TF_CONFIG"] = json.dumps(config)
        environment["TMPDIR"] = str(temporary)
    step, signum = signal_at
    arguments = map(str, (ROOT, devices, step, signum, *options))
    return subprocess.Popen(
        [sys.executable, "-c", _TRAIN, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def free_ports(count):
    with_ports = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in with_ports]
    for server in with_ports:
        server.close()
    return ports


def train_on_two(temporary, options, signal_at=_NEVER):
    """Exit code, output and errors of the chief and of another worker, which gets the signal."""
    addresses = [f"localhost:{port}" for port in free_ports(2)]
    workers = [
        begin(
            options,
            signal_at=signal_at if index else _NEVER,
            config={"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}},
            temporary=temporary,
        )
        for index in range(2)
    ]
    try:
        outputs = [worker.communicate(timeout=600) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    return [(worker.returncode, *output) for worker, output in zip(workers, outputs, strict=True)]


def steps(run):
    return sorted(path.stem for path in (run / "checkpoints").glob("*.index"))


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """A run of six steps on two workers, of which one is killed at step 4, then stopped at 4."""
    folder = tmp_path_factory.mktemp("workers")
    run, temporary = folder / "run", folder / "temporary"
    temporary.mkdir()
    start = ["--recipe", "tiny", "--distribute", "multiworker", "--out", run]
    resume = ["--resume", run]
    told = {"killed": train_on_two(temporary, start, signal_at=(4, 9))}
    kept = {"killed": steps(run)}
    left = set(temporary.glob("monet-*"))  # by the one that was killed
    told["stopped"] = train_on_two(temporary, resume, signal_at=(4, 2))
    kept["stopped"] = steps(run)
    told["ended"] = train_on_two(temporary, resume)
    kept["temporary"] = set(temporary.glob("monet-*")) - left
    return run, told, kept


def test_a_worker_that_loses_another_ends_with_one_sentence(story):
    _, told, kept = story
    (code, _, errors), (killed, *_) = told["killed"]
    assert (code, killed) == (2, -9)
    sentences = [line for line in errors.splitlines() if line.startswith("error:")]
    assert len(sentences) == 1
    assert "another worker has ended or can't be reached" in sentences[0]
    assert "--resume, which goes on from the last checkpoint" in sentences[0]
    assert "Traceback" not in errors
    assert kept["killed"] == ["step-3"]


def test_a_signal_to_one_worker_saves_and_stops_all(story):
    _, told, kept = story
    assert [code for code, *_ in told["stopped"]] == [130, 130]
    assert "Saved at step" in told["stopped"][0][1]
    assert len(kept["stopped"]) == 2


def test_all_workers_go_on_to_the_end(story):
    run, told, kept = story
    (chief, said, errors), (other, worker_said, _) = told["ended"]
    assert (chief, other) == (0, 0), errors
    assert "on each of 2 devices" in said
    assert "Worker 1 of 2 trains" in worker_said and str(run) not in worker_said
    config = json.loads((run / "config.json").read_text())
    assert (config["distribute"], config["replicas"]) == ("multiworker", 2)
    assert [row["epoch"] for row in history(run)] == ["1", "2"]
    assert (run / "generator.keras").is_file() and (run / "index.html").is_file()
    assert not kept["temporary"]


def test_workers_train_as_the_devices_of_one_machine(story, tmp_path):
    """Every picture of a batch is one device's, gradients add up, and nothing is lost between."""
    run = tmp_path / "run"
    alone = begin(["--recipe", "tiny", "--out", run], devices=2)
    _, errors = alone.communicate(timeout=600)
    assert alone.returncode == 0, errors
    assert json.loads((run / "config.json").read_text())["distribute"] == "mirrored"
    for row, expected in zip(history(story[0]), history(run), strict=True):
        losses = [name for name in expected if name.endswith("_loss")]
        assert losses
        for name in losses:
            assert float(row[name]) == pytest.approx(float(expected[name]), rel=2e-3), name
