"""Writes the tables of `docs/benchmarks.md` and `README.md` from the files in `benchmarks/results`.

    python benchmarks/table.py

Each file is what `pytest benchmarks --benchmark-json FILE` or `benchmarks/gpu.py` wrote; all its
rows become one table under the machine and the command that they came from. The README has a few of
them, see `SHORT`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from rows import format_amount

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
DOCUMENT = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"
BEGIN = "<!-- what follows is written by benchmarks/table.py -->"
END = "<!-- end of what benchmarks/table.py writes -->"
HEADINGS = {"TF graph": "TensorFlow graph", "TF XLA": "TensorFlow XLA"}
# The rows of the README's table, of one machine, and what they are called there.
SHORT_CLASS = "amx"
SHORT = {
    "norm+relu 64x64x256 float32 forward+backward": "16 × norm and ReLU, 64×64×256, with gradient",
    "reflect_conv2d 64x64 3x3 256->256 float32 forward": "3×3 convolution, 64×64×256",
    "3 residual blocks 64x64x256 float32 forward+backward": "3 residual blocks, with gradient",
    "generator forward 256x256 float32": "CycleGAN's generator, 256×256",
    "training step, ResNet-9, 128x128 float32": "CycleGAN's training step, 128×128",
    "training step, U-Net, 256x256 float32": "the same with U-Nets, 256×256",
    "memory of a training step, ResNet-9, 256x256 float32, tensors": "memory of a step, 256×256",
}
SHORT_ARMS = ("TF graph", "TF XLA", "PyTorch", "monet")


def updated(document: str) -> str:
    """The document's text with the tables of all result files between its markers."""
    return _between_markers(document, *map(format_file, _results()))


def updated_readme(document: str) -> str:
    """The README's text with its short table between its markers."""
    rows = {
        row["name"]: row
        for results in _results()
        if results["machine_info"]["device_class"] == SHORT_CLASS
        for result in results["benchmarks"]
        for row in result["extra_info"]["rows"]
    }
    lines = [["float32", *(HEADINGS.get(arm, arm) for arm in SHORT_ARMS)]]
    lines.append(["---"] * len(lines[0]))
    for name, label in SHORT.items():
        arms = rows[name]["arms"]
        cells = [format_amount(arms[arm]) if arm in arms else "" for arm in SHORT_ARMS]
        lines.append([label, *cells[:-1], f"{cells[-1]} ({arms['monet']['ratio']:.1f}×)"])
    return _between_markers(document, _as_markdown(lines))


def _results() -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]


def _between_markers(document: str, *tables: str) -> str:
    head, _, rest = document.partition(BEGIN)
    _, found, tail = rest.partition(END)
    if not found:
        raise ValueError(f"the document needs a line {BEGIN!r} and, below it, {END!r}")
    return "\n\n".join([f"{head}{BEGIN}", *tables, f"{END}{tail}"])


def _as_markdown(lines: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


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
        baseline = next(iter(row["arms"]))
        cells = [_cell(row["arms"].get(arm), arm, arm == baseline) for arm in arms]
        share = row["arms"].get("monet", {}).get("roofline_share")
        cells += ["" if share is None else f"{share:.0%}"] * has_roofline
        lines.append([row["name"].replace("->", " → "), *cells])
    return _as_markdown(lines)


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
    README.write_text(updated_readme(README.read_text()))
