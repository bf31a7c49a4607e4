"""Which lines of runs' histories are drawn together, on pages and in figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from monet.runs.line_chart import Charts, Point
from monet.systems import Curve, System

Row = Mapping[str, float]

AXIS = "epoch"
"""The column of the history that charts are drawn over."""


def curves_of(system: System) -> tuple[Curve, ...]:
    """All that the history of such a run may have."""
    return (
        *system.curves,
        Curve("fid", "", "FID", system.judged, "FID"),
        Curve("swd", "", "SWD", system.judged, "SWD"),
        Curve("learning_rate", "", "Learning rate", "generators", "learning rate"),
    )


def charts(history: Sequence[Row], curves: Sequence[Curve]) -> Charts:
    """The charts of a run: those curves that have a chart in common are lines of one."""
    found: Charts = {}
    for curve in filter(_is_drawn, curves):
        found.setdefault(curve.chart, {})[curve.line] = _points(history, curve)
    return _without_empty(found)


def charts_of_several(
    runs: Mapping[str, tuple[Sequence[Row], Sequence[Curve]]],
) -> Charts:
    """The charts of runs by name: one for each curve, with a line for each run that has it."""
    found: Charts = {}
    for name, (history, curves) in runs.items():
        for curve in filter(_is_drawn, curves):
            lines = found.setdefault(f"{curve.chart}: {curve.line}", {})
            lines[name] = _points(history, curve)
    return _without_empty(found)


def _is_drawn(curve: Curve) -> bool:
    return bool(curve.chart)


def _points(history: Sequence[Row], curve: Curve) -> list[Point]:
    """(epoch, value) of all finite values."""
    return [
        (row[AXIS], row[curve.column])
        for row in history
        if math.isfinite(row.get(curve.column, math.nan))
    ]


def _without_empty(found: Charts) -> Charts:
    return {title: lines for title, lines in found.items() if any(lines.values())}
