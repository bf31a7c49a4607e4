"""Writes the tables of `docs/benchmarks.md` from the files in `benchmarks/results`.

    python benchmarks/table.py

Each file is what `pytest benchmarks --benchmark-json FILE` or `benchmarks/gpu.py` wrote; all its
rows become one table under the machine and the command that they came from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from rows import format_amount

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
DOCUMENT = ROOT / "docs" / "benchmarks.md"
BEGIN = "<!-- what follows is written by benchmarks/table.py -->"
END = "<!-- end of what benchmarks/table.py writes -->"
HEADINGS = {"TF graph": "TensorFlow graph", "TF XLA": "TensorFlow XLA"}


def updated(document: str) -> str:
    """The document's text with the tables of all result files between its markers."""
    head, _, rest = document.partition(BEGIN)
    _, found, tail = rest.partition(END)
    if not found:
        raise ValueError(f"{DOCUMENT.name} needs a line {BEGIN!r} and, below it, {END!r}")
    tables = [format_file(json.loads(path.read_text())) for path in sorted(RESULTS.glob("*.json"))]
    return "\n\n".join([f"{head}{BEGIN}", *tables, f"{END}{tail}"])


def format_file(results: Mapping) -> str:
    """One result file as Markdown: machine, libraries, day, command, table."""
    machine = results["machine_info"]
    device = machine.get("gpu", machine["cpu"]["brand_raw"])
    versions = ", ".join(f"{name} {v}" for name, v in machine["libraries"].items())
    rows = [row for result in results["benchmarks"] for row in result["extra_info"]["rows"]]
    return (
        f"{device}, {machine['cpu']['count']} CPU cores, {machine['device_class']}; {versions}; "
        f"{results['datetime'][:10]}:\n\n"
        f"```sh\n{results['command']}\n```\n\n{format_rows(rows)}"
    )


def format_rows(rows: list[Mapping]) -> str:
    """Rows as a Markdown table; a column for every arm that one of them has."""
    arms = list(dict.fromkeys(arm for row in rows for arm in row["arms"]))
    has_roofline = any("roofline_seconds" in row for row in rows)
    headings = ["", *(HEADINGS.get(arm, arm) for arm in arms), *["roofline"] * has_roofline]
    lines = [headings, ["---"] * len(headings)]
    for row in rows:
        cells = [_cell(row["arms"].get(arm), arm, arm == arms[0]) for arm in arms]
        share = row["arms"].get("monet", {}).get("roofline_share")
        cells += ["" if share is None else f"{share:.0%}"] * has_roofline
        lines.append([row["name"].replace("->", " → "), *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(arm: Mapping | None, name: str, is_baseline: bool) -> str:
    """The amount, how many times less than the baseline it is and, of monet, the spread of that."""
    if arm is None:
        return ""
    if is_baseline:
        return format_amount(arm)
    ratio = f"{arm['ratio']:.2f}×"
    if name == "monet" and "spread" in arm:
        lowest, highest = arm["spread"]
        ratio += f"; {lowest:.2f} to {highest:.2f}"
    return f"{format_amount(arm)} ({ratio})"


if __name__ == "__main__":
    DOCUMENT.write_text(updated(DOCUMENT.read_text()))
