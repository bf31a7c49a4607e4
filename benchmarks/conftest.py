"""`pytest benchmarks`: pytest-benchmark times this package's arm, others take turns with it.

Its table and its options (`--benchmark-json`, `--benchmark-compare`, …) are about this package's
arm; the comparison with the others is in a table of its own and in each result's `extra_info`.

Options of these benchmarks: `--smoke` runs one small case of each once (does it work, not how
fast); `--check-floors` fails where a ratio falls below `floors.json`; `--rows` names a file that
each row is written to as soon as it is measured; `--grid` has narrow convolutions on a whole grid;
`--photos` says how many are painted.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import machine
import pytest
import rows
from interleave import Arms, Turns, benchmark_in_turns
from roofline import Roofline, Work, probe, probe_gpu

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

_rows = pytest.StashKey[list[dict]]()
_roofline = pytest.StashKey[Roofline | None]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("monet benchmarks")
    group.addoption(
        "--smoke",
        action="store_true",
        help="one quick round of one small case each: checks that benchmarks run",
    )
    group.addoption(
        "--check-floors",
        action="store_true",
        help="fail where a ratio is below benchmarks/floors.json",
    )
    group.addoption(
        "--rows",
        type=Path,
        metavar="PATH",
        help="add each row to this file, as a line of JSON, as soon as it is measured",
    )
    group.addoption(
        "--grid",
        action="store_true",
        help="narrow convolutions: a whole grid of them, which takes hours",
    )
    group.addoption(
        "--photos",
        type=int,
        default=32,
        metavar="N",
        help="painting: how many photos, from files to an archive (default: %(default)s)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_rows] = []
    config.stash[_roofline] = None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a smoke run, one case of each benchmark is enough."""
    if config.getoption("--smoke"):
        first = {}
        for item in items:
            first.setdefault(item.nodeid.partition("[")[0], item)
        config.hook.pytest_deselected(items=[i for i in items if i not in first.values()])
        items[:] = first.values()


@pytest.fixture
def smoke(request: pytest.FixtureRequest) -> bool:
    """True when only a quick check that the benchmark runs was asked for: take a small size."""
    return request.config.getoption("--smoke")


@pytest.fixture(scope="session")
def roofline(request: pytest.FixtureRequest) -> Roofline | None:
    """What this machine can do at best, probed where that is possible."""
    seconds = 0.05 if request.config.getoption("--smoke") else 0.5
    try:
        on_gpu = machine.gpu_model() is not None
        request.config.stash[_roofline] = probe_gpu() if on_gpu else probe(seconds)
    except ImportError:
        pass  # built without the kernels: there is no probe, and rows state no share
    return request.config.stash[_roofline]


@pytest.fixture
def add_row(request: pytest.FixtureRequest, benchmark) -> Callable[[dict], None]:
    """`add_row(row)`: keeps a row, and fails, if asked to, where its ratio is below its floor."""

    def add(row: dict) -> None:
        benchmark.extra_info.setdefault("rows", []).append(row)
        request.config.stash[_rows].append(row)
        path = request.config.getoption("--rows")
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as file:
                file.write(json.dumps(row) + "\n")
        if request.config.getoption("--check-floors"):
            failure = rows.below_floor(row, machine.device_class())
            if failure is not None:
                pytest.fail(failure, pytrace=False)

    return add


@pytest.fixture
def compare(smoke: bool, roofline: Roofline | None, benchmark, add_row) -> Callable[..., None]:
    """`compare(name, arms, work)`: times the arms in turn, adds a row, checks monet's floor."""

    def run(name: str, arms: Arms, work: Work | None = None, *, rounds: int = 15) -> None:
        turns = Turns(arms, slice_seconds=0.0 if smoke else 0.05)
        benchmark_in_turns(benchmark, turns, "monet", 1 if smoke else rounds)
        if benchmark.enabled:
            add_row(rows.time_row(name, turns.timings(), work, roofline))

    return run


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict) -> None:
    machine_info["device_class"] = machine.device_class()
    if machine.gpu_model():
        machine_info["gpu"] = machine.gpu_model()
    machine_info["libraries"] = machine.library_versions()


def pytest_benchmark_update_json(config: pytest.Config, benchmarks, output_json: dict) -> None:
    output_json["command"] = _command()
    roofline = config.stash[_roofline]
    if roofline is not None:
        output_json["roofline"] = {
            "flops_per_second": roofline.flops and round(roofline.flops),
            "copied_bytes_per_second": round(roofline.bandwidth),
        }


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    if not config.stash[_rows]:
        return
    write = terminalreporter.write_line
    terminalreporter.section("comparison: medians, and a row's first divided by them")
    versions = ", ".join(f"{name} {v}" for name, v in machine.library_versions().items())
    device = machine.gpu_model() or machine.cpu_model()
    write(f"{device}, {machine.device_class()}, {os.cpu_count()} CPU cores; {versions}")
    roofline = config.stash[_roofline]
    if roofline is not None:
        flops = f"{roofline.flops / 1e9:.0f} GFLOP/s in float32, " if roofline.flops else ""
        bandwidth = f"{roofline.bandwidth / 1e9:.1f} GB/s copied"
        write(f"roofline: {flops}{bandwidth}; the last column is monet's share")
    if config.getoption("--smoke"):
        write("smoke run: these times say nothing about speed")
    write(rows.format_table(config.stash[_rows]))


def _command() -> str:
    return shlex.join(["pytest", *sys.argv[1:]])
