"""Runs on several devices; two logical CPUs stand in for two GPUs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from monet import train
from monet.training.replicas import count_used

ROOT = Path(__file__).resolve().parents[2]
_ON_TWO_DEVICES = """
import sys
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from monet import train
from monet.models import PatchGANDiscriminator, ResNetGenerator
from monet.systems import RECIPES
from monet.systems.cyclegan import CycleGANRecipe
from monet.runs.session import Session

RECIPES["tiny"] = CycleGANRecipe(
    name="tiny",
    source="these tests",
    generator=ResNetGenerator(filters=4, blocks=1),
    discriminator=PatchGANDiscriminator(filters=4),
    image_size=32,
    epochs=1,
    pool_size=3,
)

def fit(session, fit=Session.train):
    print("replicas", session.model.distribute_strategy.num_replicas_in_sync)
    fit(session)

Session.train = fit
run, data = sys.argv[1:]
options = ["--data", data, "--recipe", "tiny", "--out", run]
assert train.main([*options, "--gpus", "3"]) == 2
assert train.main(options) == 0
assert train.main(["--resume", run, "--epochs", "2"]) == 0
"""


@pytest.fixture(scope="module")
def run_and_output(tmp_path_factory, noise_pictures):
    """A run of two epochs on two devices, resumed between them, and what it printed."""
    folder = tmp_path_factory.mktemp("replicas")
    noise_pictures(folder, trainA=5, trainB=5)  # two batches of two
    run = folder / "run"
    command = [sys.executable, "-c", _ON_TWO_DEVICES, str(run), str(folder)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return run, done.stdout, done.stderr


def rows(run):
    return len((run / "history.csv").read_text().splitlines()) - 1


def test_all_devices_train(run_and_output):
    run, output, errors = run_and_output
    assert "batch 1 on each of 2 devices" in output
    assert output.count("replicas 2") == 2
    assert "--gpus 3, but TensorFlow can train on 2" in errors
    config = json.loads((run / "config.json").read_text())
    assert config["replicas"] == 2
    assert config["recipe"]["steps_per_epoch"] == 2
    assert rows(run) == 2
    assert (run / "generator.keras").exists()


def test_one_device_goes_on(run_and_output, capsys):
    """It takes the batches of both, as for every GPU that a run loses."""
    run = run_and_output[0]
    assert train.main(["--resume", str(run), "--gpus", "1"]) == 2
    assert "--gpus 1 contradicts the run, which was started with 2" in capsys.readouterr().err
    assert train.main(["--resume", str(run), "--epochs", "3"]) == 0
    assert rows(run) == 3
    assert json.loads((run / "config.json").read_text())["replicas"] == 2


@pytest.mark.parametrize(
    "replicas, available, used", [(1, 8, 1), (2, 2, 2), (2, 1, 1), (4, 3, 2), (3, 2, 1), (6, 8, 6)]
)
def test_devices_used(replicas, available, used):
    assert count_used(replicas, available) == used
