"""How a training step of the recipe `monet` grows with image size, filters, batch and threads.

    python benchmarks/scaling.py --json scaling.json

prints a Markdown table for each of the four: the median time of a step; the most that its tensors
take, that its process grows by in the first steps, and has; the arithmetic of its convolutions; and
the exponents that these grow with. Where the time's is larger than the arithmetic's, a step grows
faster than its work. Each step has a process of its own. Those of a table take turns, and exponents
are fitted to each round by itself, so that they don't depend on a speed that drifts. Steps that
wouldn't fit into the memory are left out. Linux only.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import machine
import memory
from rows import format_amount

from monet._command_line.arguments import named_path, positive_int
from monet._parallel import usable_cores

BASE = {"size": 128, "filters": 32, "batch": 4}
AXES = {
    "size": [64, 96, 128, 256, 512],
    "filters": [8, 16, 32, 64],
    "batch": [1, 2, 4, 8, 16],
    "threads": [1, 2],
}
QUICK = {"size": 32, "filters": 8, "batch": 1}, {"batch": [1, 2]}
HEADINGS = {
    "seconds": "step",
    "tensors": "tensors, MiB",
    "grown": "grown by, MiB",
    "process": "process, MiB",
    "flops": "GFLOP",
}
_MOST_OF_FREE_MEMORY = 0.8


class Worker:
    """A process that makes training steps, one turn after the other."""

    def __init__(self, step: Mapping[str, int]) -> None:
        self.step = step
        self.seconds: list[float] = []
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("scaling_worker.py"), json.dumps(step)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=memory.environment(),
        )

    def first_steps(self) -> dict[str, int]:
        """What the first steps tell: memory in bytes, and multiplications and additions."""
        return self._answer()

    def take(self) -> None:
        """One turn."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self.seconds.append(self._answer()["seconds"])

    def stop(self) -> None:
        self._process.stdin.close()
        self._process.wait()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the step {self.step} ended with code {self._process.wait()}")
        return json.loads(line)


def exponent(values: Sequence[float], amounts: Sequence[float]) -> float:
    """The p for which `amounts` is nearest to being proportional to `values ** p`."""
    x, y = ([math.log(number) for number in numbers] for numbers in (values, amounts))
    return statistics.linear_regression(x, y).slope


def exponents(values: Sequence[int], rows: Sequence[Mapping]) -> dict[str, float]:
    """The exponent of each column; of the times, the median of those of all rounds."""
    found = {
        column: exponent(values, [row[column] for row in rows])
        for column in ("tensors", "grown", "flops")
        if all(row[column] for row in rows)
    }
    rounds = zip(*(row["rounds"] for row in rows), strict=True)
    found["seconds"] = statistics.median(exponent(values, seconds) for seconds in rounds)
    return {column: round(found[column], 2) for column in HEADINGS if column in found}


def measure(
    axis: str, values: Sequence[int], base: Mapping[str, int], rounds: int
) -> dict[str, object]:
    """The rows of one table, and the exponents over all of it and at its upper end."""
    workers = [Worker({**base, axis: value}) for value in values[:2]]  # small, so together
    left_out = []
    try:
        rows = [{axis: worker.step[axis], **worker.first_steps()} for worker in workers]
        for value in values[2:]:
            if not _fits(rows[-1]["process"] * (value / rows[-1][axis]) ** 2):
                left_out.append(value)
                continue
            workers.append(Worker({**base, axis: value}))
            rows.append({axis: value, **workers[-1].first_steps()})
        for number in range(rounds):
            shift = number % len(workers)
            for worker in workers[shift:] + workers[:shift]:
                worker.take()
    finally:
        for worker in workers:
            worker.stop()
    for worker, row in zip(workers, rows, strict=True):
        row["seconds"] = statistics.median(worker.seconds)
        row["rounds"] = worker.seconds
    measured = [row[axis] for row in rows]
    fits = {}
    if len(rows) > 1:
        fits["exponent"] = exponents(measured, rows)
    if len(rows) > 2:
        fits["exponent, last two"] = exponents(measured[-2:], rows[-2:])
    return {"rows": rows, "exponents": fits, "left_out": left_out}


def _fits(size: float) -> bool:
    """Whether so many bytes are free."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
    return size < _MOST_OF_FREE_MEMORY * free


def format_table(axis: str, base: Mapping[str, int], found: Mapping) -> str:
    """One table as Markdown, under what its steps have in common."""
    common = ", ".join(f"{name} {value}" for name, value in base.items() if name != axis)
    lines = [[axis, *HEADINGS.values()], ["---"] * (1 + len(HEADINGS))]
    lines += [[str(row[axis]), *_cells(row)] for row in found["rows"]]
    for name, fit in found["exponents"].items():
        lines.append([name, *(f"{fit[key]:.2f}" if key in fit else "" for key in HEADINGS)])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    left_out = ", ".join(map(str, found["left_out"]))
    note = f"\n\nNot enough memory for {axis} {left_out}." if left_out else ""
    return f"{common}:\n\n{table}{note}\n"


def _cells(row: Mapping) -> list[str]:
    sizes = [row[key] for key in ("tensors", "grown", "process")]
    return [
        format_amount(row),
        *("" if size is None else f"{size / 2**20:,.0f}" for size in sizes),
        f"{row['flops'] / 1e9:.3g}",
    ]


def new_file(text: str) -> Path:
    """A path that can be written to: measuring takes long, and is to be for something."""
    path = named_path(text)
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else "is in a folder that doesn't exist"
        raise argparse.ArgumentTypeError(f"{text!r} {what}; give a file in an existing folder")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--axes", nargs="+", choices=AXES, default=list(AXES), help="which tables")
    parser.add_argument("--rounds", type=positive_int, default=5, help="turns of each step")
    parser.add_argument("--json", type=new_file, metavar="FILE", help="where to write all figures")
    parser.add_argument("--quick", action="store_true", help="only checks that it works")
    arguments = parser.parse_args()
    cores = usable_cores()
    base, axes, rounds = BASE, {axis: AXES[axis] for axis in arguments.axes}, arguments.rounds
    if arguments.quick:
        (base, axes), rounds = QUICK, 1
    base = {**base, "threads": cores}
    command = shlex.join(["python", "benchmarks/scaling.py", *sys.argv[1:]])
    print(f"{machine.cpu_model()}, {cores} of {os.cpu_count()} CPU cores:\n\n    {command}\n")
    tables = {}
    for axis, values in axes.items():
        if axis == "threads":
            values = [number for number in values if number <= cores]
        tables[axis] = measure(axis, values, base, rounds)
        print(format_table(axis, base, tables[axis]), flush=True)
    if arguments.json:
        about = {"command": command, "cpu": machine.cpu_model(), "cores": cores, "base": base}
        arguments.json.write_text(json.dumps({**about, "tables": tables}, indent=1) + "\n")


if __name__ == "__main__":
    main()
