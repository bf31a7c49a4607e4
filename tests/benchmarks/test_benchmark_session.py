"""`pytest benchmarks` works with pytest-benchmark: its table, its files, and the comparison."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pytest_benchmark")

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
BENCHMARK = """
import time

def test_sleep(compare):
    arms = {"TF graph": lambda: time.sleep(0.02), "monet": lambda: time.sleep(0.005)}
    compare("sleeping", arms, rounds=3)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmarks")
    shutil.copy(BENCHMARKS / "conftest.py", folder)
    (folder / "test_sleep.py").write_text(BENCHMARK)
    return folder


def run_pytest(folder, *arguments):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    # As if these tests weren't run by several processes, in which benchmarks are turned off.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    env["PYTHONPATH"] = os.pathsep.join(map(str, (BENCHMARKS, ROOT)))
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    return done.stdout


@pytest.fixture(scope="module")
def session(folder):
    """What a session printed, its JSON and its rows."""
    printed = run_pytest(folder, "--benchmark-json=all.json", "--rows=rows", "--benchmark-autosave")
    saved = json.loads((folder / "all.json").read_text())
    return printed, saved, [json.loads(line) for line in (folder / "rows").open()]


def test_saved_results(session):
    _, saved, rows = session
    [result] = saved["benchmarks"]
    assert result["extra_info"]["rows"] == rows
    [row] = rows
    arms = row["arms"]
    assert row["name"] == "sleeping" and list(arms) == ["TF graph", "monet"]
    assert 1 < arms["monet"]["spread"][0] <= arms["monet"]["ratio"] <= arms["monet"]["spread"][1]
    assert arms["TF graph"]["seconds"] >= 0.02
    # Both of them timed the same turns, and both state the time of one call.
    assert result["stats"]["rounds"] == arms["monet"]["rounds"] == 3
    assert result["stats"]["median"] == pytest.approx(arms["monet"]["seconds"], rel=0.01)
    assert saved["machine_info"]["libraries"].keys() >= {"tensorflow", "keras", "monet"}
    assert saved["command"].startswith("pytest ") and "--rows=rows" in saved["command"]


def test_both_tables(session):
    printed = session[0]
    assert "Name (time in ms)" in printed and "test_sleep" in printed
    [line] = [line for line in printed.splitlines() if line.startswith("sleeping ")]
    assert line.endswith("x") and " ms " in line


def test_compares_with_an_earlier_session(folder, session):
    printed = run_pytest(folder, "--benchmark-compare", "--smoke")
    assert "test_sleep (NOW)" in printed and "test_sleep (0001_" in printed
    assert "these times say nothing about speed" in printed
