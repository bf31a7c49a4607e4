"""The report of an evaluation as a table of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monet._text import aligned

COLUMNS = {
    "fid": ("FID", 1.0, 2),
    "kid": ("KID ×10³", 1e3, 2),
    "mifid": ("MiFID", 1.0, 2),
    "swd": ("SWD ×10³", 1e3, 1),
    "memorization_distance": ("nearest", 1.0, 3),
    "share_of_copies": ("copies", 100.0, 1),
}
"""Heading, factor and decimals of each metric, in the order of the columns."""

Row = list[str]


def report_text(report: Mapping[str, Any]) -> str:
    """The two tables of a report, with what their figures compare with."""
    lines = [f"Judge     {judge(report)}"]
    lines += [f"Photos    {text}" for text in photo_texts(report)]
    lines += ["", same_size_title(report)]
    lines += _lines(*same_size_table(report))
    head, rows = all_table(report)
    if rows:
        lines += ["", all_title(report), *_lines(head, rows)]
    return "\n".join(lines)


def _lines(head: Row, rows: Sequence[Row]) -> list[str]:
    return [f"  {line}" for line in aligned([head, *rows])]


def judge(report: Mapping[str, Any]) -> str:
    """Which extractor the figures are from, and what they compare with."""
    extractor, size = report["extractor"], report["resize"]["size"]
    if extractor is None:
        return f"patches at {size} px alone; FID, KID and MiFID need an extractor"
    return (
        f"{extractor['name']}, {extractor['features']:,} features, pictures at {size} px; compares "
        f"with {extractor['compares_with']}"
    )


def photo_texts(report: Mapping[str, Any]) -> list[str]:
    """For each run, whether it was trained on the photos that it painted."""
    texts = {}
    for result in report["results"]:
        if "photos" in result:
            texts[result["generator"]["of"]] = _photo_text(result["photos"])
    return [f"{run}: {text}" for run, text in texts.items()]


def _photo_text(photos: Mapping[str, Any]) -> str:
    judged, trained_on = photos["judged"], photos["trained_on"]
    if trained_on is None:
        return "it isn't known whether it was trained on them"
    if trained_on:
        part = "all" if trained_on == judged else f"{trained_on:,}"
        return (
            f"it was trained on {part} of the {judged:,}, which may flatter it; a run that is "
            f"evaluated while it trains keeps some out"
        )
    text = f"it was trained on none of the {judged:,}"
    if photos["chosen_with"]:
        text += f", but its best generator was chosen with {photos['chosen_with']:,}"
    return text


def same_size_title(report: Mapping[str, Any]) -> str:
    protocol = report["same_size"]
    return (
        f"Same sample size: {protocol['pictures']:,} pictures against {protocol['reference']:,} "
        f"paintings, mean of {protocol['draws']} draws ± its standard error"
    )


def all_title(report: Mapping[str, Any]) -> str:
    return (
        f"All pictures against all {report['paintings']['pictures']:,} paintings (compares with "
        f"other figures of these counts alone)"
    )


def same_size_table(report: Mapping[str, Any]) -> tuple[Row, list[Row]]:
    """Head and rows of the figures at the same sample size, the gap closed in the last columns."""
    results = report["results"]
    metrics = [metric for metric in COLUMNS if metric in results[0]["same_size"]]
    gaps = [metric for metric in metrics if any("gap_closed" in result for result in results)]
    head = ["", *(COLUMNS[metric][0] for metric in metrics)]
    head += [f"gap closed, {COLUMNS[metric][0].split()[0]}" for metric in gaps]
    has_runs = any("photos" in result for result in results)
    head += ["its photos"] if has_runs else []
    rows = [
        [
            result["name"],
            *(_cell(metric, result["same_size"][metric]) for metric in metrics),
            *(_gap(result.get("gap_closed"), metric) for metric in gaps),
            *([_photos_cell(result.get("photos"))] if has_runs else []),
        ]
        for result in results
    ]
    return head, rows


def all_table(report: Mapping[str, Any]) -> tuple[Row, list[Row]]:
    """Head and rows of the figures of all pictures."""
    results = [result for result in report["results"] if "all" in result]
    metrics = [metric for metric in COLUMNS if any(metric in result["all"] for result in results)]
    head = ["", "pictures", *(COLUMNS[metric][0] for metric in metrics)]
    rows = [
        [
            result["name"],
            f"{result['pictures']:,}",
            *(_cell(metric, result["all"].get(metric)) for metric in metrics),
        ]
        for result in results
    ]
    return head, rows


def _cell(metric: str, figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return "–"
    _, factor, decimals = COLUMNS[metric]
    text = f"{factor * figure['value']:.{decimals}f}"
    if metric == "share_of_copies":
        return f"{text}%"
    error = figure["standard_error"]
    return text if error is None else f"{text} ± {factor * error:.{decimals}f}"


def _gap(gaps: Mapping[str, Any] | None, metric: str) -> str:
    if gaps is None:
        return ""
    gap = gaps.get(metric)
    if gap is None:
        return "–"
    error = gap["standard_error"]
    return f"{gap['value']:.2f}" + ("" if error is None else f" ± {error:.2f}")


def _photos_cell(photos: Mapping[str, Any] | None) -> str:
    if photos is None:
        return ""
    trained_on = photos["trained_on"]
    if trained_on is None:
        return "unknown"
    if trained_on == 0:
        return "unseen"
    return "trained on" if trained_on == photos["judged"] else f"{trained_on:,} trained on"
