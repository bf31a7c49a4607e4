"""Runs on several devices; two logical CPUs stand in for two GPUs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest
import tensorflow as tf

from monet import runs, train
from monet.ops.native import dispatch
from monet.runs import RunError, distribution
from monet.runs.distribution import count_used, find_devices

ROOT = Path(__file__).resolve().parents[2]
_ON_TWO_DEVICES = """
import sys
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from monet import train
from monet.systems import RECIPES
from monet.runs.session import Session
from tests.tiny_recipe import TINY

RECIPES["tiny"] = TINY.replace(steps_per_epoch=None, pool_size=3)

def fit(session, fit=Session.train):
    print("replicas", session.model.distribute_strategy.num_replicas_in_sync)
    fit(session)

Session.train = fit
run, data = sys.argv[1:]
options = ["--data", data, "--recipe", "tiny", "--out", run]
assert train.main([*options, "--gpus", "3"]) == 2
assert train.main(options) == 0
assert train.main(["--resume", run, "--epochs", "2"]) == 0
assert train.main(["--resume", run, "--epochs", "3", "--distribute", "none"]) == 0
"""


@pytest.fixture(scope="module")
def run_and_output(tmp_path_factory, noise_pictures):
    """A run of three epochs, two on two devices and one on one of them, and what it printed."""
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
    assert output.count("replicas 1") == 1
    assert (config["distribute"], config["replicas"]) == ("none", 2)
    assert config["recipe"]["steps_per_epoch"] == 2
    assert rows(run) == 3
    assert (run / "generator.keras").exists()


def test_one_device_goes_on(run_and_output, capsys):
    """It takes the batches of both, as for every GPU that a run loses."""
    run = run_and_output[0]
    assert train.main(["--resume", str(run), "--gpus", "1"]) == 2
    assert "--gpus 1 contradicts the run, which was started with 2" in capsys.readouterr().err
    assert train.main(["--resume", str(run), "--distribute", "tpu"]) == 2
    assert "finds no TPU" in capsys.readouterr().err
    assert train.main(["--resume", str(run), "--epochs", "4", "--distribute", "auto"]) == 0
    assert rows(run) == 4
    assert json.loads((run / "config.json").read_text())["replicas"] == 2


@pytest.mark.parametrize(
    "replicas, available, used", [(1, 8, 1), (2, 2, 2), (2, 1, 1), (4, 3, 2), (3, 2, 1), (6, 8, 6)]
)
def test_devices_used(replicas, available, used):
    assert count_used(replicas, available) == used


@pytest.mark.parametrize(
    "choice, options, sentence",
    [
        ("gpu", {}, "`distribute='gpu'`: expected one of auto, none, mirrored, multiworker, tpu"),
        ("none", {"gpus": 2}, "`gpus=2` is for the GPUs of this machine, and `distribute='none'`"),
        ("multiworker", {"gpus": 1}, "`gpus=1` is for the GPUs of this machine"),
        ("tpu", {"gpus": 1}, "`gpus=1` is for the GPUs of this machine"),
        ("mirrored", {"gpus": 99}, "`gpus=99`, but TensorFlow can train on"),
    ],
)
def test_what_can_not_be(choice, options, sentence):
    with pytest.raises(RunError, match=re.escape(sentence)):
        find_devices(choice, **options)


def test_workers_train_no_number_of_minutes(tmp_path, noise_pictures):
    data = noise_pictures(tmp_path, trainA=1, trainB=1)
    with pytest.raises(RunError, match="give `epochs`, and no `minutes`"):
        runs.start(data=data, out=tmp_path / "run", distribute="multiworker")
    with pytest.raises(RunError, match="give `out`, the same to all"):
        runs.start("sample", epochs=1, distribute="multiworker")


@pytest.mark.parametrize(
    "config",
    [
        None,
        "worker",
        "[]",
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}',
        '{"cluster": {"worker": ["a:1"], "ps": ["a:2"]}, "task": {"type": "worker", "index": 0}}',
    ],
)
def test_workers_need_their_addresses(monkeypatch, config):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(RunError, match=r"TF_CONFIG, which is .*set it for each of them, like {"):
        find_devices("multiworker")


def test_workers_come_before_all_that_tensorflow_computes(monkeypatch):
    """As in a notebook that has trained something else."""
    tf.constant(1) + 1
    config = '{"cluster": {"worker": ["localhost:1", "localhost:2"]}, "task": %s}'
    monkeypatch.setenv("TF_CONFIG", config % '{"type": "worker", "index": 0}')
    with pytest.raises(RunError, match="start a new process for it"):
        find_devices("multiworker")


def test_there_is_no_tpu(monkeypatch):
    monkeypatch.delenv("TPU_NAME", raising=False)
    with pytest.raises(RunError, match=r"finds no TPU \(.+\); .* give `distribute='mirrored'`"):
        find_devices("tpu")


class _Resolver:
    """In place of TensorFlow's, which finds no TPU here."""

    asked: ClassVar[list] = []

    @classmethod
    def connect(cls, name):
        cls.asked.append(name)
        return cls()


class _TPUStrategy:
    num_replicas_in_sync = 8

    def __init__(self, resolver):
        assert isinstance(resolver, _Resolver)


@pytest.fixture
def tpu(monkeypatch):
    """A TPU of eight cores, as far as its being found goes."""
    monkeypatch.setattr(tf.distribute.cluster_resolver, "TPUClusterResolver", _Resolver)
    monkeypatch.setattr(tf.distribute, "TPUStrategy", _TPUStrategy)
    monkeypatch.setenv("TPU_NAME", "a-tpu")
    _Resolver.asked.clear()
    distribution._tpu_strategy.cache_clear()
    yield
    distribution._tpu_strategy.cache_clear()


def test_a_tpu_is_found_once_and_has_no_native_ops(tpu):
    for choice in ("auto", "tpu"):
        found = find_devices(choice)
        assert (found.kind, found.replicas, found.is_chief) == ("tpu", 8, True)
        with found.own_ops():
            assert dispatch.mode() == "reference"
    assert _Resolver.asked == ["a-tpu"]
    with pytest.raises(RunError, match="batches are for 12 devices, and `distribute='tpu'` has 8"):
        find_devices("tpu", replicas=12)
    assert find_devices("none").kind == "none"
    with find_devices("mirrored").own_ops():
        assert dispatch.mode() != "reference" or os.environ.get("MONET_OPS") == "reference"
