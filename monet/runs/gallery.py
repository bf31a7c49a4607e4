"""`index.html` of a run: samples by epoch, loss curves and settings, opened from disk."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from monet._files import write_text
from monet._page import page, section, table
from monet.runs.charts import AXIS, Row, charts, curves_of
from monet.runs.figures import figure_files
from monet.runs.gallery_page import SCRIPT, STYLE
from monet.runs.line_chart import charts_html
from monet.runs.run_folder import RunFolder
from monet.systems import Curve, System

_LABELS = {"images_per_second": "images/s"}


RUNNING, STOPPED, FINISHED = "running", "stopped", "finished"
"""What a page says of its run."""

_RELOAD_SECONDS = 30
_LONGEST_LIST = 12


def write_gallery(run: RunFolder, state: str = STOPPED) -> None:
    """Writes `index.html` from what is in the run folder now.

    While the run is `RUNNING`, the page reads itself again every half a minute.

    The page is static and needs no network: pictures are linked relative to it, charts are
    inline SVG, and the few lines of script only move the epoch slider.
    """
    write_text(run.gallery_path, gallery_html(run, state))


def gallery_html(run: RunFolder, state: str = STOPPED) -> str:
    """Returns the page that `write_gallery` writes."""
    config = run.read_config()
    history = run.history()
    system = run.system()
    curves = curves_of(system)
    samples = [
        (_sample_label(epoch), path.relative_to(run.path).as_posix())
        for epoch, path in _samples(run)
    ]
    sections = [
        section("", _samples_html(samples, config["samples"], system) + _figures_html(run)),
        section(
            "Losses",
            _charts_html(history, curves) + _history_html(history, curves),
        ),
        section("Settings", table(_flatten(config), row_heads=True)),
        SCRIPT,
    ]
    return page(
        run.path.resolve().name,
        _summary(config, history, state),
        "\n".join(sections),
        style=STYLE,
        reload_seconds=_RELOAD_SECONDS if state == RUNNING else None,
    )


def _samples(run: RunFolder) -> list[tuple[float, Path]]:
    """The sheets of all epochs, and the one of inside an epoch if it is the newest."""
    samples: list[tuple[float, Path]] = list(run.samples())
    interim = run.interim_sample()
    if interim is not None and (not samples or interim[0] > samples[-1][0]):
        samples.append(interim)
    return samples


def _summary(config: Mapping[str, Any], history: Sequence[Row], state: str) -> str:
    done = history[-1]["epoch"] if history else 0
    recipe = config["recipe"]
    # A run that was killed can't say so; the time tells.
    now = datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    return (
        f"{recipe['name']} · {state} ({now}) · {done:.4g} of {recipe['epochs']} epochs · "
        f"{config['description']}"
    )


def _samples_html(
    samples: Sequence[tuple[str, str]], layout: Mapping[str, int], system: System
) -> str:
    """The newest sheet with a slider to the others, and a strip of the painted row of each.

    Args:
        samples: (label, path) of the sheets, in order.
        layout: of the sheets, as `Sheet` gives it.
        system: what they are samples of.
    """
    if not samples:
        return "<p>No samples yet.</p>"
    width, height = layout["width"], layout["height"]
    newest_label, newest = samples[-1]
    slider = ""
    if len(samples) > 1:
        slider = (
            f'<input id="slider" type="range" min="0" max="{len(samples) - 1}" '
            f'value="{len(samples) - 1}" aria-label="Epoch" '
            f"data-samples='{escape(json.dumps(samples), quote=True)}'>"
        )

    def strip(label: str, path: str, css_class: str) -> str:
        return (
            f'<tr><th scope="row">{label}</th><td><a href="{path}">'
            f'<img class="strip {css_class}" src="{path}" alt="{label}" loading="lazy">'
            f"</a></td></tr>"
        )

    rows = [strip("input", newest, "first-row")] if system.sheet_shows_inputs else []
    painted = "second-row" if system.sheet_shows_inputs else "first-row"
    rows += [strip(label, path, painted) for label, path in reversed(samples)]
    return (
        f'<div class="viewer"><label>{slider}<output id="epoch">{newest_label}'
        f"</output></label>"
        f'<img id="sheet" src="{newest}" width="{width}" height="{height}" alt="Sample sheet">'
        f"<p>{escape(system.caption(layout))}.</p></div>"
        f"<h2>The same pictures, epoch by epoch</h2>"
        f'<table class="strips" style="--sheet:{width}/{layout["cell"]};'
        f'--second-row:{_second_row(layout)}%">'
        f"{''.join(rows)}</table>"
    )


def _figures_html(run: RunFolder) -> str:
    """Links to the figures that there are, which are of the last time that the training ended."""
    links = ", ".join(
        f'<a href="{path.relative_to(run.path).as_posix()}">{escape(caption)}</a>'
        for path, caption in figure_files(run)
    )
    return f'<p class="note">As files: {links}.</p>' if links else ""


def _second_row(layout: Mapping[str, int]) -> float:
    """Where the second row of a sheet is, in percent of the way from the first to the last."""
    rows = max(2, round(layout["height"] / layout["cell"]))
    return round(100 / (rows - 1), 2)


def _sample_label(epoch: float) -> str:
    return f"epoch {epoch:.4g}" if epoch else "before training"


def _charts_html(history: Sequence[Row], curves: Sequence[Curve]) -> str:
    drawn = charts_html(charts(history, curves), unit=AXIS)
    return drawn or "<p>The first figures come after a minute of training.</p>"


def _history_html(history: Sequence[Row], curves: Sequence[Curve]) -> str:
    if not history:
        return ""
    labels = _LABELS | {curve.column: curve.label for curve in curves}
    columns = list(dict.fromkeys(column for row in history for column in row))
    rows = ([_number(row.get(column)) for column in columns] for row in history)
    numbers = table(rows, head=[labels.get(column, column) for column in columns], numbers=True)
    return f"<details><summary>The numbers</summary>{numbers}</details>"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _flatten(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _flatten(item, f"{prefix}{key}.")
        elif isinstance(item, list) and len(item) > _LONGEST_LIST:
            yield f"{prefix}{key}", f"{len(item):,} numbers"
        else:
            yield f"{prefix}{key}", item if isinstance(item, str) else json.dumps(item)
