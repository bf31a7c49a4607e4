"""`pytest benchmarks`: measures, prints one table, writes one JSON file.

Options: `--smoke` runs one small case of each benchmark once (does it work, not how fast);
`--check-floors` fails where a ratio falls below `floors.json`; `--json` names the result file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import roofline
from interleave import Timing, interleave
from report import GPU_CLASSES, Report, device_class, machine

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

_report = pytest.StashKey[Report]()


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
        "--json",
        type=Path,
        default=Path(".benchmarks/latest.json"),
        help="where the results go (default: %(default)s)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_report] = Report()


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


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """The session's report, with this machine's roofline probed where that is possible."""
    report = request.config.stash[_report]
    if report.roofline is None and device_class() not in GPU_CLASSES:  # the probe is of the CPU
        try:
            report.roofline = roofline.probe(0.05 if request.config.getoption("--smoke") else 0.5)
        except ImportError:
            pass  # built without the kernels: there is no probe, and rows state no share
    return report


@pytest.fixture
def check_floor(request: pytest.FixtureRequest, report: Report) -> Callable[[str, float], None]:
    """`check_floor(name, ratio)`: fails, if asked to, where the ratio is below the row's floor."""

    def check(name: str, ratio: float) -> None:
        floor = report.floor(name)
        if request.config.getoption("--check-floors") and floor is not None:
            assert ratio >= floor, f"{name}: {ratio:.2f}x is below its floor of {floor}x"

    return check


@pytest.fixture
def compare(smoke: bool, report: Report, check_floor) -> Callable[..., dict[str, Timing]]:
    """`compare(name, arms, work)`: times the arms in turn, adds a row, checks monet's floor."""

    def run(
        name: str,
        arms: Mapping[str, Callable[[], object]],
        work: roofline.Work | None = None,
        *,
        rounds: int = 15,
    ) -> dict[str, Timing]:
        timings = interleave(
            arms, rounds=1 if smoke else rounds, slice_seconds=0.0 if smoke else 0.05
        )
        report.add(name, timings, work)
        check_floor(name, timings["monet"].speedup)
        return timings

    return run


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    report = config.stash[_report]
    if not report.rows:
        return
    facts = machine()
    terminalreporter.section("monet benchmarks: medians, and the first column divided by them")
    libraries = ("TensorFlow", "Keras", "torch", "monet")
    versions = ", ".join(
        f"{name} {facts[name.lower()]}" for name in libraries if name.lower() in facts
    )
    terminalreporter.write_line(
        f"{facts['processor']}, {facts['cores']} cores, {facts['device_class']}; {versions}"
    )
    if report.roofline is not None:
        terminalreporter.write_line(
            f"roofline: {report.roofline.flops / 1e9:.0f} GFLOP/s in float32, "
            f"{report.roofline.bandwidth / 1e9:.1f} GB/s copied; the last column is monet's share"
        )
    if config.getoption("--smoke"):
        terminalreporter.write_line("smoke run: these times say nothing about speed")
    terminalreporter.write_line(report.table())
    path = config.getoption("--json")
    report.write(path)
    terminalreporter.write_line(f"written to {path}")
