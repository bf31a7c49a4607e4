"""The figures of a run as files: its curves, its pictures by epoch, what it paints now.

Pictures are cut from the sample sheets. Curves take matplotlib, which is optional; the page of the
run has them without.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from monet import _plots
from monet._files import replacing
from monet.data import ImageError, encode_png, read_image
from monet.data.images import shrink
from monet.exploration.grids import grid
from monet.runs.charts import AXIS, charts, curves_of
from monet.runs.line_chart import Point
from monet.runs.run_folder import RunFolder
from monet.systems import System
from monet.systems.sheets.cells import cell

_EVERY = 50  # epochs between the columns of a strip, in a run that has enough of them
_LEAST_COLUMNS, _MOST_COLUMNS = 3, 12
_COLUMNS_OF_A_SHORT_RUN = 6
_MOST_ROWS = 4
_LARGEST_CELL = 160  # pixels, of a strip
_CHARTS_IN_A_ROW = 3
_INCHES = (4.2, 2.8)  # of one chart


class _Sheets(NamedTuple):
    """What pictures are cut from.

    Attributes:
        samples: the sheets as (epoch, path), in order.
        layout: of each, as `Sheet` gives it.
        system: what they are samples of.
    """

    samples: list[tuple[int, Path]]
    layout: Mapping[str, int]
    system: System


def draw_figures(run: RunFolder) -> list[Path]:
    """Draws the figures of a run as it is now, in place of those that are there.

    Args:
        run: which; another process may be training it.

    Returns:
        Those that were drawn. Curves are left out without matplotlib, or before there are any;
        pictures where there is no sample sheet that can be read.

    Raises:
        RunError: the run's records can't be read.
        OSError: the folder can't be written.
    """
    system = run.system()
    sheets = _Sheets(run.samples(), run.read_config()["samples"], system)
    newest = system.sheet_figure
    run.figures_dir.mkdir(exist_ok=True)
    drawn = []
    for name, draw in (
        ("curves.png", lambda path: _draw_curves(run, system, path)),
        ("epochs.png", _writer(_strip, sheets)),
        (newest.file, _writer(_newest, sheets)),
    ):
        path = run.figures_dir / name
        if draw(path):
            drawn.append(path)
        else:
            path.unlink(missing_ok=True)  # it would be of an earlier state
    return drawn


def figure_files(run: RunFolder) -> list[tuple[Path, str]]:
    """The figures that there are, with what they show."""
    newest = run.system().sheet_figure
    captions = {
        "curves.png": "the curves",
        "epochs.png": "pictures by epoch",
        newest.file: newest.caption,
    }
    found = [(run.figures_dir / name, caption) for name, caption in captions.items()]
    return [(path, caption) for path, caption in found if path.is_file()]


def _writer(
    compose: Callable[[_Sheets], np.ndarray | None], sheets: _Sheets
) -> Callable[[Path], bool]:
    """Writes what `compose` makes of the sheets, and returns whether it made something."""

    def write(path: Path) -> bool:
        picture = compose(sheets)
        if picture is not None:
            with replacing(path) as temporary:
                temporary.write_bytes(encode_png(picture))
        return picture is not None

    return write


def epochs_of_a_strip(epochs: Sequence[int]) -> list[int]:
    """Which epochs are shown side by side: every 50th, or of a shorter run some, evenly spaced.

    Args:
        epochs: those with a sample sheet, in order.

    Returns:
        Some of them, the last one among them; at most 12.
    """
    every = [epoch for epoch in epochs if epoch and epoch % _EVERY == 0]
    if len(every) < _LEAST_COLUMNS:
        return _spaced(epochs, _COLUMNS_OF_A_SHORT_RUN)
    if every[-1] != epochs[-1]:
        every.append(epochs[-1])
    return _spaced(every, _MOST_COLUMNS)


def _spaced(epochs: Sequence[int], most: int) -> list[int]:
    """At most so many of `epochs`, always as many steps apart, the last one among them."""
    step = max(1, math.ceil((len(epochs) - 1) / (most - 1)))
    return list(epochs)[::-1][::step][::-1]


def _strip(sheets: _Sheets) -> np.ndarray | None:
    """A row for each of some pictures, a column for each epoch; on the left the inputs."""
    shown = set(epochs_of_a_strip([epoch for epoch, _ in sheets.samples]))
    columns: list[list[np.ndarray]] = []
    heads: list[str] = []
    for epoch, path in sheets.samples:
        painted = _painted(path, sheets) if epoch in shown else []
        if painted and not columns and (inputs := _inputs(path, sheets)):
            columns.append(inputs)
            heads.append(sheets.system.sheet_figure.heads[0])
        if painted:
            columns.append(painted)
            heads.append(f"epoch {epoch}" if epoch else "untrained")
    rows = list(zip(*columns, strict=True))[:_MOST_ROWS]
    cells = [shrink(picture, _LARGEST_CELL) for row in rows for picture in row]
    return grid(cells, len(columns), heads) if cells else None


def _newest(sheets: _Sheets) -> np.ndarray | None:
    """The pictures of the newest sheet: inputs beside what is made of them, or a square grid."""
    if not sheets.samples:
        return None
    _, path = sheets.samples[-1]
    inputs, painted = _inputs(path, sheets), _painted(path, sheets)
    if not painted:
        return None
    rows = zip(*filter(None, (inputs, painted)), strict=True)
    heads = sheets.system.sheet_figure.heads
    cells = [picture for row in rows for picture in row]
    return grid(cells, len(heads) or math.isqrt(len(cells)), heads)


def _inputs(path: Path, sheets: _Sheets) -> list[np.ndarray]:
    """The inputs of a sheet, where it shows some."""
    return _cells(path, sheets.layout, sheets.system.sheet_cells(sheets.layout)[0])


def _painted(path: Path, sheets: _Sheets) -> list[np.ndarray]:
    """What was painted for a sheet."""
    return _cells(path, sheets.layout, sheets.system.sheet_cells(sheets.layout)[1])


def _cells(
    path: Path, layout: Mapping[str, int], places: Sequence[tuple[int, int]]
) -> list[np.ndarray]:
    """Pictures of a sheet by row and column; none where it can't be read."""
    try:
        sheet = read_image(path)
        return [cell(sheet, layout, row, column) for row, column in places]
    except (ImageError, ValueError):  # cut off, or of another size: other sheets may do
        return []


def _draw_curves(run: RunFolder, system: System, path: Path) -> bool:
    """Draws all charts of the page into one PNG; returns whether it could."""
    found = charts(run.history(), curves_of(system))
    if not found or not _plots.is_available():
        return False
    columns = min(_CHARTS_IN_A_ROW, len(found))
    rows = -(-len(found) // columns)
    figure = _plots.new_figure(columns * _INCHES[0], rows * _INCHES[1])
    for index, (title, lines) in enumerate(found.items(), start=1):
        _draw_chart(figure.add_subplot(rows, columns, index), title, lines)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")
    return True


def _draw_chart(axes: Any, title: str, lines: Mapping[str, Sequence[Point]]) -> None:
    for colour, (name, points) in zip(itertools.cycle(_plots.LINES), lines.items()):
        x, y = zip(*points, strict=True) if points else ((), ())
        axes.plot(x, y, color=colour, linewidth=1.5, marker="o", markersize=2.5, label=name)
    axes.set_title(title, fontsize="medium")
    axes.set_xlabel(AXIS)
    axes.xaxis.get_major_locator().set_params(integer=True)
    if len(lines) > 1:
        axes.legend(frameon=False, fontsize="small")
    _plots.plain(axes)
