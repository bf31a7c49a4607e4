"""The tables of `docs/benchmarks.md` and of the README are those of the result files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
import table  # noqa: E402


def test_tables_are_current():
    document = table.DOCUMENT.read_text()
    assert table.updated(document) == document, "run: python benchmarks/table.py"


def test_the_short_table_of_the_readme_is_current():
    document = table.README.read_text()
    assert table.updated_readme(document) == document, "run: python benchmarks/table.py"


def test_every_result_is_of_a_benchmark_that_exists():
    for path in table.RESULTS.glob("*.json"):
        for result in json.loads(path.read_text())["benchmarks"]:
            file, _, test = result["fullname"].partition("::")
            source = (table.ROOT / file).read_text()
            assert test.partition("[")[0] in source, result["fullname"]


def test_rows_of_several_arms():
    rows = [
        {"name": "a 1->2", "arms": {"TF graph": {"seconds": 2.0, "ratio": 1.0}}},
        {
            "name": "b",
            "roofline_seconds": 0.25,
            "arms": {
                "TF graph": {"seconds": 1.0, "ratio": 1.0, "roofline_share": 0.25},
                "monet": {
                    "seconds": 0.5, "ratio": 2.0, "spread": [1.5, 2.5], "roofline_share": 0.5
                },
            },
        },
        {"name": "c", "arms": {"network": {"bytes": 3 << 20, "ratio": 1.0}}},
    ]  # fmt: skip
    assert table.format_rows(rows).splitlines() == [
        "|  | TensorFlow graph | monet | network | roofline |",
        "| --- | --- | --- | --- | --- |",
        "| a 1 → 2 | 2.00 s |  |  |  |",
        "| b | 1.00 s | 500 ms (2.00×; 1.50 to 2.50) |  | 50% |",
        "| c |  |  | 3 MiB |  |",
    ]


def test_a_document_without_markers():
    with pytest.raises(ValueError, match="needs a line"):
        table.updated("# Benchmarks")
