"""Exponents of what `benchmarks/scaling.py` measures, and its tables."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
import scaling  # noqa: E402

BASE = {"size": 128, "filters": 32, "batch": 4, "threads": 1}


class Worker:
    """Steps whose time and memory grow with the square of the size, on a machine that drifts."""

    drift = 1.0

    def __init__(self, step):
        self.step, self.size, self.seconds = step, step["size"], []

    def first_steps(self):
        memory = self.size**2 << 10
        return {"tensors": memory, "grown": 0, "process": memory, "flops": 10 * self.size**2}

    def take(self):
        Worker.drift *= 1.01
        self.seconds.append(Worker.drift * 1e-6 * self.size**2)

    def stop(self):
        pass


@pytest.fixture
def found(monkeypatch):
    monkeypatch.setattr(scaling, "Worker", Worker)
    monkeypatch.setattr(Worker, "drift", 1.0)
    monkeypatch.setattr(scaling, "_fits", lambda size: size <= 256**2 << 10)
    return scaling.measure("size", [64, 128, 256, 512], BASE, rounds=3)


def test_a_power_is_found():
    assert scaling.exponent([1, 2, 8], [3.0, 12.0, 192.0]) == pytest.approx(2.0)
    assert scaling.exponent([1, 2], [4.0, 2.0]) == pytest.approx(-1.0)


def test_exponents_are_those_of_each_round():
    rows = [{"tensors": None, "grown": 5, "flops": n, "rounds": [n, 9.0 * n**2]} for n in (1, 2, 4)]
    # The second round ran on a machine nine times as slow: between the two nothing is fitted.
    assert scaling.exponents([1, 2, 4], rows) == {"seconds": 1.5, "grown": 0.0, "flops": 1.0}


def test_what_grows_with_the_square(found):
    assert [row["size"] for row in found["rows"]] == [64, 128, 256]
    for fit in found["exponents"].values():
        assert fit["seconds"] == pytest.approx(2.0, abs=0.02)
        assert fit["tensors"] == fit["flops"] == 2.0 and "grown" not in fit


def test_what_does_not_fit_into_the_memory_is_left_out(found):
    assert found["left_out"] == [512]


def test_a_table(found):
    lines = scaling.format_table("size", BASE, found).splitlines()
    assert lines[0] == "filters 32, batch 4, threads 1:"
    assert lines[2].startswith("| size | step | tensors, MiB |")
    assert lines[4].startswith("| 64 | 4.") and lines[4].endswith(" ms | 4 | 0 | 4 | 4.1e-05 |")
    assert lines[7] == "| exponent | 1.99 | 2.00 |  |  | 2.00 |"
    assert lines[-1] == "Not enough memory for size 512."


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rounds", "0"], "--rounds: 0 is too small; give a number from 1 on"),
        (["--json", "."], "--json: '.' is a folder; give a file in an existing folder"),
        (
            ["--json", "nowhere/x.json"],
            "--json: 'nowhere/x.json' is in a folder that doesn't exist",
        ),
    ],
)
def test_what_could_not_be_measured_or_written_is_refused_at_once(
    monkeypatch, capsys, tmp_path, options, said
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["scaling.py", *options])
    monkeypatch.setattr(scaling, "measure", lambda *_: pytest.fail("it began to measure"))
    with pytest.raises(SystemExit, match="2"):
        scaling.main()
    assert said in capsys.readouterr().err
