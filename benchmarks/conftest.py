"""`pytest benchmarks`: measures, prints one table, writes one JSON file.

Options: `--smoke` runs each benchmark once on its smallest shape (does it work, not how fast);
`--check-floors` fails where a speed-up falls below `floors.json`; `--json` names the result file.
"""
from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from interleave import Timing, interleave
from report import Report, machine

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

_report = pytest.StashKey[Report]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("monet benchmarks")
    group.addoption("--smoke", action="store_true",
                    help="one quick round on the smallest shapes: checks that benchmarks run")
    group.addoption("--check-floors", action="store_true",
                    help="fail where a speed-up is below benchmarks/floors.json")
    group.addoption("--json", type=Path, default=Path(".benchmarks/latest.json"),
                    help="where the results go (default: %(default)s)")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_report] = Report()


@pytest.fixture
def smoke(request: pytest.FixtureRequest) -> bool:
    """True when only a quick check that the benchmark runs was asked for."""
    return request.config.getoption("--smoke")


@pytest.fixture
def compare(request: pytest.FixtureRequest, smoke: bool) -> Callable[..., dict[str, Timing]]:
    """`compare(name, arms)`: times the arms in turn, adds a row, checks the floor of "monet"."""
    report = request.config.stash[_report]

    def run(name: str, arms: Mapping[str, Callable[[], object]], *, rounds: int = 15):
        timings = interleave(arms, rounds=1 if smoke else rounds,
                             slice_seconds=0.0 if smoke else 0.05)
        report.add(name, timings)
        floor = report.floor(name)
        if request.config.getoption("--check-floors") and floor is not None:
            speedup = timings["monet"].speedup
            assert speedup >= floor, f"{name}: {speedup:.2f}x is below its floor of {floor}x"
        return timings

    return run


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    report = config.stash[_report]
    if not report.rows:
        return
    facts = machine()
    terminalreporter.section("monet benchmarks: medians, speed-up over the first column")
    terminalreporter.write_line(
        f"{facts['processor']}, {facts['cores']} cores, {facts['device_class']}; "
        f"TensorFlow {facts['tensorflow']}, Keras {facts['keras']}, monet {facts['monet']}"
    )
    if config.getoption("--smoke"):
        terminalreporter.write_line("smoke run: these times say nothing about speed")
    terminalreporter.write_line(report.table())
    path = config.getoption("--json")
    report.write(path)
    terminalreporter.write_line(f"written to {path}")
