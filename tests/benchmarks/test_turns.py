"""Arms of a benchmark take turns, and a row says how they compare."""

from __future__ import annotations

import dataclasses
import itertools
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
import machine  # noqa: E402
import rows  # noqa: E402
from interleave import Timing, Turns, interleave  # noqa: E402
from roofline import Roofline, Work  # noqa: E402

from monet import ops  # noqa: E402


@pytest.fixture
def arms():
    """Two arms that take 4 and 1 seconds by a clock, the clock, and the calls so far."""
    now, calls = [0.0], []

    def arm(name, seconds):
        def run():
            calls.append(name)
            now[0] += seconds

        return run

    def clock(work):
        start = now[0]
        work()
        return now[0] - start

    return {"slow": arm("slow", 4.0), "fast": arm("fast", 1.0)}, clock, calls


def test_every_round_begins_with_another_arm(arms):
    arms, clock, calls = arms
    interleave(arms, rounds=3, slice_seconds=0.0, clock=clock)
    warm_up, calibration, measured = calls[:2], calls[2:4], calls[4:]
    assert warm_up == calibration == ["slow", "fast"]
    assert measured == ["slow", "fast", "fast", "slow", "slow", "fast"]


def test_ratios_are_those_of_each_round():
    arms = {"slow": lambda: None, "fast": lambda: None}
    rounds = [[4.0, 1.0], [2.0, 8.0], [30.0, 10.0]]  # the second one begins with "fast"
    seconds = itertools.chain([1.0, 1.0], *rounds)  # after the calibration
    timings = interleave(arms, rounds=3, slice_seconds=0.0, clock=lambda work: next(seconds))
    assert timings == {
        "slow": Timing(seconds=8.0, speedup=1.0, spread=(1.0, 1.0), rounds=3),
        "fast": Timing(seconds=2.0, speedup=4.0, spread=(3.0, 4.0), rounds=3),
    }


def test_fast_arms_are_called_until_a_turn_is_long_enough(arms):
    arms, clock, calls = arms
    turns = Turns(arms, slice_seconds=8.0, clock=clock)
    assert turns.calls == {"slow": 2, "fast": 8}
    calls.clear()
    turns.take("fast")
    assert calls == ["fast"] * 8
    assert turns.seconds["fast"] == [1.0]


def test_shares_of_the_roofline(arms):
    arms, clock, _ = arms
    timings = interleave(arms, rounds=1, slice_seconds=0.0, clock=clock)
    row = rows.time_row("row", timings, Work(0, 20), Roofline(100.0, 10.0))
    assert row["roofline_seconds"] == 2.0
    assert row["arms"]["slow"]["roofline_share"] == 0.5
    assert row["arms"]["slow"]["gigabytes_per_second"] == 5e-9
    no_peak = rows.time_row("row", timings, Work(1, 20), Roofline(None, 10.0))
    assert "roofline_seconds" not in no_peak  # a bandwidth alone says nothing about arithmetic


def row(ratio, **others):
    arms = {"PyTorch": {"seconds": 1.0, "ratio": 1.0}, "monet": {"ratio": ratio}}
    arms["monet"]["seconds"] = 1.0 / ratio
    return {"name": "a row that nobody has measured", "arms": arms | others}


@pytest.mark.parametrize("device_class", ["T4", "gpu"])
def test_every_gpu_row_has_a_floor(device_class):
    assert rows.below_floor(row(0.9), device_class)
    assert rows.below_floor(row(1.0), device_class) is None


@pytest.mark.parametrize(
    ("dtype", "device_class", "has_floor"),
    [
        ("float32", "avx512", True),
        ("bfloat16", "avx512", True),
        ("float32", "avx512_bf16", True),
        ("bfloat16", "avx512_bf16", False),
    ],
)
def test_floors_of_bfloat16_are_of_cpus_without_it(dtype, device_class, has_floor):
    name = f"norm+relu 64x64x256 {dtype} forward+backward"
    assert (rows.floor(name, device_class) is not None) == has_floor


@pytest.mark.parametrize(
    ("instruction_set", "flags", "device_class"),
    [
        ("avx512", "fpu avx512f", "avx512"),
        ("avx512", "fpu avx512f avx512_bf16", "avx512_bf16"),
        ("amx", "fpu avx512f avx512_bf16 amx_bf16", "amx"),
        ("avx2", "fpu avx2", "avx2"),
        (None, "fpu", "portable"),
    ],
)
def test_device_class_of_a_cpu(monkeypatch, instruction_set, flags, device_class):
    status = dataclasses.replace(ops.status(), instruction_set=instruction_set)
    monkeypatch.setattr(ops, "status", lambda: status)
    monkeypatch.setattr(machine, "gpu_model", lambda: None)
    monkeypatch.setattr(machine, "_cpu_info", {"flags": flags}.get)
    assert machine.device_class() == device_class


def test_below_the_floor():
    message = rows.below_floor(row(0.9), "T4")
    assert message == "below its floor of 1.0x: a row that nobody has measured, 0.9x of PyTorch"
    share = {"name": "kernel", "arms": {"copy": {"ratio": 1.0}, "monet": {"ratio": 0.8}}}
    assert rows.below_floor(share, "T4") is None
    assert rows.below_floor(row(0.9), "portable") is None


def test_only_a_floor_of_its_own_holds_for_a_share(monkeypatch, tmp_path):
    monkeypatch.setattr(rows, "FLOORS_FILE", tmp_path / "floors.json")
    rows.FLOORS_FILE.write_text('{"T4": {"*": 1.0, "painting photos": 0.8}}')
    for name, ratio, is_below in (("painting", 0.7, False), ("painting photos", 0.7, True)):
        share = {"name": name, "arms": {"network": {"ratio": 1.0}, "monet": {"ratio": ratio}}}
        assert bool(rows.below_floor(share, "T4")) == is_below


def test_table_of_rows():
    memory = rows.memory_row("memory", {"PyTorch": 3 << 30, "monet": 1 << 30})
    table = rows.format_table([row(1.25), memory]).splitlines()
    assert table[0].split() == ["PyTorch", "monet", "roofline"]
    assert table[1].split()[-5:] == ["1.00", "s", "800", "ms", "1.25x"]
    assert table[2].split() == ["memory", "3,072", "MiB", "1,024", "MiB", "3.00x"]


def test_rows_of_one_table_have_baselines_of_their_own():
    memory = rows.memory_row("memory", {"network": 2 << 30, "monet": 1 << 30})
    table = rows.format_table([row(1.25), memory]).splitlines()
    assert table[0].split() == ["PyTorch", "monet", "network", "roofline"]
    assert table[2].split() == ["memory", "1,024", "MiB", "2.00x", "2,048", "MiB"]
