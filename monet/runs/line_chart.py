"""Line charts as inline SVG, so that a page needs no library and no network.

Not by matplotlib, as a run's `curves.png` and the plots of a dataset: that is optional, and a page
has its charts wherever it is written, a run's anew after every epoch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from monet._plots import LINES

_WIDTH, _HEIGHT = 380, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 10, 36
_MOST_POINTS_WITH_TOOLTIP = 300

Point = tuple[float, float]
Charts = dict[str, dict[str, list[Point]]]
"""Points (x, y) by the name of their line and the title of its chart."""

STYLE = """\
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 1rem; }
figure {
  margin: 0; padding: .75rem; background: var(--card);
  border: 1px solid var(--rule); border-radius: 6px;
}
figcaption {
  font-weight: 500; display: flex; flex-wrap: wrap; gap: 0 1rem; margin-bottom: .25rem;
}
.key { font-weight: 400; color: var(--muted); }
.key::before {
  content: ""; display: inline-block; width: .9em; height: 3px; margin-right: .4em;
  vertical-align: middle; background: var(--line);
}
svg { width: 100%; height: auto; display: block; }
svg text { font-size: 11px; fill: var(--muted); }
svg .y, svg .unit { text-anchor: end; }
svg .x { text-anchor: middle; }
.grid { stroke: var(--rule); }
.line { fill: none; stroke: var(--line); stroke-width: 1.75; stroke-linejoin: round; }
.dot { fill: var(--line); }
.dot.hidden { opacity: 0; }
.dot.hidden:hover { opacity: 1; }
""" + "".join(f".line-{each} {{ --line: var(--line-{each}); }}\n" for each in range(len(LINES)))
"""CSS rules of a page with charts."""


def charts_html(charts: Charts, *, unit: str = "epoch") -> str:
    """All charts side by side, as HTML; nothing if there are none."""
    drawn = "".join(line_chart(title, lines, unit=unit) for title, lines in charts.items())
    return f'<div class="charts">{drawn}</div>' if drawn else ""


def line_chart(title: str, series: Mapping[str, Sequence[Point]], *, unit: str = "epoch") -> str:
    """Returns a figure with one line per series, as HTML with inline SVG.

    Args:
        title: heading of the chart.
        series: points (x, y) by name. Values that are not finite are left out. Lines take
            the CSS classes `line-0`, `line-1`, … in this order, which `STYLE` colours.
        unit: what x counts.
    """
    drawn = {
        name: [(x, y) for x, y in points if math.isfinite(y)] for name, points in series.items()
    }
    every_point = [point for points in drawn.values() for point in points]
    if not every_point:
        return ""

    x_ticks = _ticks_between(min(x for x, _ in every_point), max(x for x, _ in every_point))
    y_ticks = ticks(min(y for _, y in every_point), max(y for _, y in every_point))
    x_low, x_high = min(x for x, _ in every_point), max(x for x, _ in every_point)
    y_low, y_high = y_ticks[0], y_ticks[-1]
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

    def place(x: float, y: float) -> Point:
        across = (x - x_low) / (x_high - x_low) if x_high > x_low else 0.5
        up = (y - y_low) / (y_high - y_low)
        return _LEFT + across * (right - _LEFT), bottom - up * (bottom - _TOP)

    parts = []
    for tick in y_ticks:
        y = place(x_low, tick)[1]
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{right}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" class="y">{tick:.4g}</text>')
    for tick in x_ticks:
        x = place(tick, y_low)[0]
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" class="x">{tick:g}</text>')
    parts.append(f'<text x="{right}" y="{_HEIGHT - 4}" class="unit">{unit}</text>')
    for index, (name, points) in enumerate(drawn.items()):
        placed = [place(*point) for point in points]
        parts.append(_line(_class(index), name, unit, points, placed))

    keys = "".join(
        f'<span class="key {_class(index)}">{escape(name)}</span>'
        for index, name in enumerate(drawn)
    )
    return (
        f"<figure><figcaption>{escape(title)}{keys}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg></figure>"
    )


def _class(index: int) -> str:
    return f"line-{index % len(LINES)}"


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers that enclose low…high, at most about `most` of them."""
    if high <= low:
        spread = abs(low) / 2 or 0.5
        low, high = low - spread, high + spread
    step = _round_step((high - low) / (most - 1))
    first, last = math.floor(low / step), math.ceil(high / step)
    return [index * step for index in range(first, last + 1)]


def _ticks_between(low: float, high: float, most: int = 8) -> list[float]:
    """Round numbers from low to high, whole ones where there are any to speak of."""
    if high <= low:
        return [low]
    step = _round_step((high - low) / most)
    if high - low >= 1:
        step = max(1, step)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [index * step for index in range(first, last + 1)]


def _round_step(least: float) -> float:
    magnitude = 10.0 ** math.floor(math.log10(least))
    for factor in (1, 2, 5, 10):
        if factor * magnitude >= least * (1 - 1e-9):
            return factor * magnitude
    return 10 * magnitude


def _line(
    css_class: str, name: str, unit: str, points: Sequence[Point], placed: Sequence[Point]
) -> str:
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
    parts = [f'<path class="line {css_class}" d="M{path}"/>' if len(placed) > 1 else ""]
    if len(points) <= _MOST_POINTS_WITH_TOOLTIP:
        dot = "dot" if len(points) <= 30 else "dot hidden"
        for (at, value), (x, y) in zip(points, placed, strict=True):
            tooltip = escape(f"{unit} {at:g}: {name} {value:.4g}")
            parts.append(
                f'<circle class="{dot} {css_class}" cx="{x:.1f}" cy="{y:.1f}" r="2.5">'
                f"<title>{tooltip}</title></circle>"
            )
    return "".join(parts)
