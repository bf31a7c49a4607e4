"""Which lines of a run's history are drawn together, on its page and in its figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from monet.runs.line_chart import Point
from monet.systems import Curve, System

Row = Mapping[str, float]

AXIS = "epoch"
"""The column of the history that charts are drawn over."""

_OF_EVERY_RUN = (
    Curve("fid", "", "FID", "photos kept out of the training, painted", "FID"),
    Curve("swd", "", "SWD", "photos kept out of the training, painted", "SWD"),
    Curve("learning_rate", "", "Learning rate", "generators", "learning rate"),
)


def curves_of(system: System) -> tuple[Curve, ...]:
    """All that the history of such a run may have."""
    return (*system.curves, *_OF_EVERY_RUN)


def charts(history: Sequence[Row], curves: Sequence[Curve]) -> dict[str, dict[str, list[Point]]]:
    """The points (epoch, value) of each line of each chart that has any; finite values alone."""
    found: dict[str, dict[str, list[Point]]] = {}
    for curve in curves:
        points = [
            (row[AXIS], row[curve.column])
            for row in history
            if math.isfinite(row.get(curve.column, math.nan))
        ]
        if curve.chart:
            found.setdefault(curve.chart, {})[curve.line] = points
    return {title: lines for title, lines in found.items() if any(lines.values())}
