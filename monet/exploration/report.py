"""The report on a dataset: `stats.json`, PNGs and `index.html` in a folder of their own."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monet import __version__, _plots
from monet._files import creating_folder
from monet._parallel import usable_cores
from monet.data import Domains, ImageSource, encode_png
from monet.exploration import grids, plots
from monet.exploration.duplicates import exact_groups, near_pairs
from monet.exploration.fingerprint import NEAR_BITS
from monet.exploration.insights import insights
from monet.exploration.inventory import FolderInventory
from monet.exploration.page import page_html
from monet.exploration.survey import Survey, moments, survey

_MOST_COMPARED = 20_000
_GRID_PICTURES, _GRID_COLUMNS, _CELL = 18, 6, 128
_SHOWN_PAIRS = 9


def write_report(
    domains: Domains,
    inventory: list[FolderInventory],
    out: Path,
    *,
    progress: Callable[[int, int], None],
) -> dict[str, Any]:
    """Surveys both domains and writes the report to `out`, which appears only when it is whole.

    Args:
        domains: the data.
        inventory: what `take_inventory` found.
        out: a folder that doesn't exist, or is empty.
        progress: called with how many of how many pictures are done.

    Returns:
        What is in `stats.json`.
    """
    sources = {"paintings": domains.paintings, "photos": domains.photos}
    total = sum(map(len, sources.values()))
    with creating_folder(out) as folder:
        surveys: dict[str, Survey] = {}
        done = 0

        def show(number: int) -> None:
            progress(done + number, total)

        for name, source in sources.items():
            surveys[name] = survey(source, threads=usable_cores(), progress=show)
            done += len(source)
        exact, near = _duplicates(surveys)
        stats = {
            "monet": __version__,
            "data": domains.description,
            "folders": [dataclasses.asdict(entry) for entry in inventory],
            "domains": {
                name: _domain_stats(sources[name], found) for name, found in surveys.items()
            },
            "duplicates": {"exact": exact, "near": near},
            "insights": insights(surveys["paintings"], surveys["photos"]),
        }
        pictures = _write_grids(sources, surveys, near, folder)
        drawn = _write_plots(surveys, folder)
        # ASCII, since a file's name may hold bytes that are no UTF-8.
        text = json.dumps(stats, indent=2, allow_nan=False)
        (folder / "stats.json").write_text(text + "\n", encoding="utf-8")
        page = page_html(stats, grids=pictures, plots=drawn)
        (folder / "index.html").write_text(page, encoding="utf-8")
    return stats


def _domain_stats(source: ImageSource, found: Survey) -> dict[str, Any]:
    channels = [moments(levels) for levels in found.histogram]
    pixel_mean, pixel_std = moments(found.histogram.sum(axis=0))
    widths, heights = zip(*found.sizes, strict=True) if found.sizes else ((), ())
    return {
        "source": source.description,
        "pictures": len(found.names),
        "sizes": [
            {"width": width, "height": height, "pictures": number}
            for (width, height), number in found.sizes.most_common()
        ],
        "width": [min(widths, default=None), max(widths, default=None)],
        "height": [min(heights, default=None), max(heights, default=None)],
        "channel_mean": _rounded(mean for mean, _ in channels),
        "channel_std": _rounded(deviation for _, deviation in channels),
        "pixel_mean": _rounded([pixel_mean])[0],
        "pixel_std": _rounded([pixel_std])[0],
        "picture_std_mean": _rounded([np.mean(found.deviations or [np.nan])])[0],
        "mean_intensity": _binned(found.means, 255),
        "picture_std": _binned(found.deviations, 127.5),
        "histogram": dict(zip(("red", "green", "blue"), found.histogram.tolist(), strict=True)),
        "without_colour": found.grey,
        "unreadable": [{"name": name, "reason": reason} for name, reason in found.unreadable],
    }


def _binned(values: Sequence[float], most: float) -> dict[str, list]:
    pictures, edges = np.histogram(values, bins=51, range=(0, most))
    return {"edges": edges.tolist(), "pictures": pictures.tolist()}


def _rounded(values) -> list[float | None]:
    return [round(value, 4) if np.isfinite(value) else None for value in values]


def _duplicates(
    surveys: Mapping[str, Survey],
) -> tuple[list[list[str]], list[dict[str, Any]] | None]:
    """Equal pictures by hash of their decoded pixels, and pairs that only look equal.

    Both over the two domains together, with the domain before each name. Of more pictures than
    can be compared with each other in a reasonable time, the second is None.
    """
    names = [f"{domain}/{name}" for domain, found in surveys.items() for name in found.names]
    digests = [digest for found in surveys.values() for digest in found.digests]
    exact = exact_groups(names, digests)
    if len(names) > _MOST_COMPARED:
        return exact, None
    fingerprints = np.concatenate([found.fingerprints for found in surveys.values()])
    near = [
        {
            "first": names[pair.first],
            "second": names[pair.second],
            "differing_bits": pair.differing_bits,
            "mirrored": pair.mirrored,
        }
        for pair in near_pairs(fingerprints, NEAR_BITS)
        if digests[pair.first] != digests[pair.second]
    ]
    return exact, near


def _write_grids(
    sources: Mapping[str, ImageSource],
    surveys: Mapping[str, Survey],
    near: list[dict[str, Any]] | None,
    folder: Path,
) -> list[tuple[str, str]]:
    made = []
    place = {
        f"{domain}/{name}": (source, index)
        for domain, source in sources.items()
        for index, name in enumerate(source.names)
    }
    for domain, found in surveys.items():
        indices = [
            place[f"{domain}/{found.names[chosen]}"][1]
            for chosen in grids.choose(len(found.names), _GRID_PICTURES)
        ]
        cells = grids.read_cells(sources[domain], indices, _CELL)
        if cells:
            sheet = grids.grid(cells, _GRID_COLUMNS)
            (folder / f"{domain}.png").write_bytes(encode_png(sheet))
            made.append((f"{domain}.png", f"{len(cells)} {domain}, chosen at random"))
    cells = []
    for pair in (near or [])[:_SHOWN_PAIRS]:
        for name in (pair["first"], pair["second"]):
            source, index = place[name]
            cells += grids.read_cells(source, [index], _CELL)
    if cells:
        (folder / "near_duplicates.png").write_bytes(encode_png(grids.grid(cells, _GRID_COLUMNS)))
        made.append(("near_duplicates.png", "The most similar pairs, side by side"))
    return made


def _write_plots(surveys: Mapping[str, Survey], folder: Path) -> list[tuple[str, str]]:
    if not _plots.is_available() or not all(found.names for found in surveys.values()):
        return []
    return plots.write_plots(surveys, folder)
