"""One page about an evaluation: figures, pictures side by side, curves of the runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from monet._files import creating_folder, write_text
from monet._page import page, section, table
from monet.data import ImageError
from monet.data.images import encode_jpeg
from monet.metrics.report import (
    COLUMNS,
    all_table,
    all_title,
    judge,
    photo_texts,
    same_size_table,
    same_size_title,
)
from monet.metrics.sample import PictureSet
from monet.runs import line_chart
from monet.runs.charts import charts_of_several, curves_of
from monet.runs.line_chart import Charts, charts_html
from monet.runs.run_folder import RunFolder

_INDEX = "index.html"
_MOST_SHOWN = 8

_STYLE = line_chart.STYLE + ".pictures td { padding: 2px; border: 0; }\n"


class Shown:
    """The first pictures of each set, kept while they pass by on their way to be judged."""

    def __init__(self) -> None:
        self.sets: list[tuple[str, list[np.ndarray]]] = []

    def watched(self, pictures: PictureSet) -> PictureSet:
        """The same set; its first pictures are kept when it is read."""
        kept: list[np.ndarray] = []
        self.sets.append((pictures.name, kept))

        def images() -> Iterator[np.ndarray | ImageError]:
            for image in pictures.images():
                if not isinstance(image, ImageError) and len(kept) < _MOST_SHOWN:
                    kept.append(image)
                yield image

        return dataclasses.replace(pictures, images=images)


def write_page(
    folder: Path, report: Mapping[str, Any], shown: Shown, runs: Mapping[Path, str]
) -> Path:
    """Makes a folder of `index.html` and its pictures; returns the page's path.

    Args:
        folder: a new or empty one; it gets all or nothing.
        report: of the evaluation.
        shown: pictures of each set. Runs painted the same photos, so their rows can be compared
            column by column with each other and with the photos.
        runs: what was judged, and a name for each; what is no run's folder (a generator's file)
            has no curves.
    """
    with creating_folder(folder) as place:
        rows = _write_pictures(place / "pictures", shown)
        sections = [
            section(same_size_title(report), _figures(same_size_table(report))),
            section(all_title(report), _figures(all_table(report))),
            section(
                "Pictures",
                f'<div class="scroll"><table class="pictures"><tbody>{rows}</tbody></table></div>',
            ),
        ]
        if charts := charts_html(_quality(report, runs)):
            sections.insert(1, section("Over the training", charts))
        if charts := charts_html(_curves(runs)):
            sections.append(section("Curves", charts))
        summary = " · ".join([report["data"], judge(report), *photo_texts(report)])
        text = page("Evaluation", summary, "\n".join(sections), style=_STYLE)
        write_text(place / _INDEX, text)
    return folder / _INDEX


def _write_pictures(folder: Path, shown: Shown) -> str:
    """Writes the pictures; returns the rows of a table of them."""
    folder.mkdir()
    rows = []
    for number, (name, images) in enumerate(sorted(shown.sets, key=lambda x: x[0] != "photos")):
        cells = []
        for column, image in enumerate(images):
            path = folder / f"{number}_{column}.jpg"
            path.write_bytes(encode_jpeg(image))
            cells.append(f'<td><img src="{folder.name}/{path.name}" alt="{escape(name)}"></td>')
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>')
    return "".join(rows)


def _figures(found: tuple[list[str], list[list[str]]]) -> str:
    head, rows = found
    return table(rows, head=head, row_heads=True, numbers=True)


def _quality(report: Mapping[str, Any], names: Mapping[Path, str]) -> Charts:
    """A chart for each figure at the same sample size, with a line for each run of several epochs.

    Lines across are where untouched photos are, and paintings.
    """
    runs: dict[Path, list[Mapping[str, Any]]] = {}
    for result in report["results"]:
        about = result.get("generator", {})
        if "epoch" in about:
            runs.setdefault(Path(about["of"]), []).append(result)
    runs = {run: results for run, results in runs.items() if len(results) > 1}
    if not runs:
        return {}
    across = [result for result in report["results"] if result["kind"] in ("photos", "paintings")]
    epochs = [result["generator"]["epoch"] for results in runs.values() for result in results]
    charts: Charts = {}
    for metric, (heading, factor, _) in COLUMNS.items():
        if metric not in report["results"][0]["same_size"]:
            continue
        lines = {
            names[run]: [
                (result["generator"]["epoch"], factor * result["same_size"][metric]["value"])
                for result in results
            ]
            for run, results in runs.items()
        }
        lines |= {
            result["name"]: [
                (epoch, factor * result["same_size"][metric]["value"])
                for epoch in (min(epochs), max(epochs))
            ]
            for result in across
        }
        charts[heading] = lines
    return charts


def _curves(runs: Mapping[Path, str]) -> Charts:
    """One chart for each curve that the runs have, with a line for each run."""
    found = {}
    for path, name in runs.items():
        if path.is_dir():
            run = RunFolder.find(path)
            found[name] = (run.history(), curves_of(run.system()))
    return charts_of_several(found)
