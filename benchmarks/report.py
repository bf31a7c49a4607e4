"""Collects benchmark rows, prints them as one table and compares them with the floors."""

from __future__ import annotations

import datetime
import functools
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

from interleave import Timing
from roofline import Roofline, Work

GPU_CLASSES = ("T4", "gpu")
FLOORS_FILE = Path(__file__).with_name("floors.json")


def cpu_model() -> str:
    """The processor's marketing name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if "model name" in line),
        platform.machine(),
    )


@functools.cache
def device_class() -> str:
    """The key of this machine in `floors.json`: "T4", "gpu", "amx", "avx512", "avx2" or "portable".

    "amx" has no floors: nothing was measured on a CPU with AMX so far.
    """
    import tensorflow as tf

    import monet.ops

    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "")
        return "T4" if "T4" in name else "gpu"
    return monet.ops.status().instruction_set or "portable"


@functools.cache
def machine() -> dict[str, object]:
    """Everything a reader needs to judge a figure: device, libraries, threads, command."""
    import keras
    import tensorflow as tf

    import monet

    facts = {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "command": " ".join(["pytest", *sys.argv[1:]]),
        "device_class": device_class(),
        "processor": cpu_model(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "monet": monet.__version__,
    }
    if importlib.util.find_spec("torch"):
        facts["torch"] = importlib.metadata.version("torch")
    return facts


class Report:
    """The rows measured in one `pytest benchmarks` session."""

    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []
        self.roofline: Roofline | None = None

    def add(self, name: str, timings: Mapping[str, Timing], work: Work | None = None) -> None:
        """Adds a row of times: what was done, each arm's timing (baseline first), its work."""
        row = {
            "name": name,
            "arms": {
                arm: {
                    "milliseconds": round(timing.seconds * 1e3, 5),
                    "ratio": round(timing.speedup, 2),
                    "spread": [round(bound, 2) for bound in timing.spread],
                }
                for arm, timing in timings.items()
            },
        }
        if work is not None and self.roofline is not None:
            least = self.roofline.seconds(work)
            row["roofline_milliseconds"] = round(least * 1e3, 5)
            for arm, timing in timings.items():
                row["arms"][arm]["roofline_share"] = round(least / timing.seconds, 3)
                if not work.flops:
                    rate = work.bytes / timing.seconds / 1e9
                    row["arms"][arm]["gigabytes_per_second"] = round(rate, 1)
        self.rows.append(row)

    def add_memory(self, name: str, peaks: Mapping[str, int]) -> None:
        """Adds a row of memory: what was done, and each arm's peak in bytes (baseline first)."""
        baseline = next(iter(peaks.values()))
        self.rows.append(
            {
                "name": name,
                "arms": {
                    arm: {"mebibytes": round(peak / 2**20, 1), "ratio": round(baseline / peak, 2)}
                    for arm, peak in peaks.items()
                },
            }
        )

    def floor(self, name: str, device: str | None = None) -> float | None:
        """The least ratio of baseline to monet that `name` may show on a device class (this one).

        `"*"` in the file stands for every row that isn't named.
        """
        floors = json.loads(FLOORS_FILE.read_text()).get(device or device_class(), {})
        return floors.get(name, floors.get("*"))

    def table(self) -> str:
        """The rows as text. Each arm: its median, and the baseline's divided by it."""
        headings = list(dict.fromkeys(arm for row in self.rows for arm in row["arms"]))
        lines = [["", *headings, "roofline"]]
        for row in self.rows:
            cells = [_cell(row["arms"].get(arm), arm == headings[0]) for arm in headings]
            share = row["arms"].get("monet", {}).get("roofline_share")
            lines.append([row["name"], *cells, "" if share is None else f"{share:.0%}"])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if position else cell.ljust(width)
                for position, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )

    def write(self, path: Path) -> None:
        facts = dict(machine())
        if self.roofline is not None:
            facts["peak_gigaflops"] = round(self.roofline.flops / 1e9, 1)
            facts["copy_gigabytes_per_second"] = round(self.roofline.bandwidth / 1e9, 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"machine": facts, "rows": self.rows}, indent=1) + "\n")


def _cell(arm: Mapping[str, float] | None, is_baseline: bool) -> str:
    if arm is None:
        return ""
    if "mebibytes" in arm:
        value = f"{arm['mebibytes']:.0f} MiB"
    elif arm["milliseconds"] < 0.1:
        value = f"{arm['milliseconds'] * 1e3:.1f} µs"
    else:
        value = f"{arm['milliseconds']:.2f} ms"
    return value if is_baseline else f"{value} {arm['ratio']:5.2f}x"
