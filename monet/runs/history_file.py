"""The file of a run's history: a table of numbers as CSV, with a column for each name."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from monet._files import write_text


def read_rows(path: Path) -> list[dict[str, float]]:
    """The rows of a history, in their order; none where there is no file.

    Raises:
        OSError: the file can't be read.
        ValueError: it is cut off, or a row isn't one of numbers with its epoch.
    """
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        text = file.read()
    if text and not text.endswith("\n"):
        raise ValueError("its last row is cut off")
    try:
        return [_numbers(row) for row in csv.DictReader(io.StringIO(text, newline=""))]
    except (TypeError, csv.Error) as error:
        raise ValueError(str(error)) from error


def write_rows(path: Path, rows: Sequence[dict[str, float]]) -> None:
    """Writes a history in place of the one that is there."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _number(value) for key, value in row.items()})
    write_text(path, text.getvalue())


def _numbers(row: dict[str, str]) -> dict[str, float]:
    if None in row or None in row.values():  # what DictReader makes of too many or too few
        raise ValueError("a row without a value for each column")
    numbers = {key: float(value) for key, value in row.items() if value != ""}
    if "epoch" not in numbers:
        raise ValueError("a row without its epoch")
    return numbers


def _number(value: float) -> int | float:
    return int(value) if float(value).is_integer() else float(value)
