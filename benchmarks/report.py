"""Collects benchmark rows, prints them as one table and compares them with the floors."""
from __future__ import annotations

import datetime
import json
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

from interleave import Timing

FLOORS_FILE = Path(__file__).with_name("floors.json")


def cpu_model() -> str:
    """The processor's marketing name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if "model name" in line),
                platform.machine())


def device_class() -> str:
    """The key of this machine in `floors.json`: "T4", "gpu", "avx512", "avx2" or "portable"."""
    import tensorflow as tf

    import monet.ops

    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "")
        return "T4" if "T4" in name else "gpu"
    return monet.ops.status().instruction_set or "portable"


def machine() -> dict[str, object]:
    """Everything a reader needs to judge a figure: device, libraries, threads, command."""
    import os

    import keras
    import tensorflow as tf

    import monet

    return {
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


class Report:
    """The rows measured in one `pytest benchmarks` session."""

    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []

    def add(self, name: str, timings: Mapping[str, Timing]) -> None:
        """Adds one row: what was done, and each arm's timing (baseline first)."""
        self.rows.append({
            "name": name,
            "arms": {
                arm: {
                    "milliseconds": round(timing.seconds * 1e3, 3),
                    "speedup": round(timing.speedup, 2),
                    "spread": [round(bound, 2) for bound in timing.spread],
                }
                for arm, timing in timings.items()
            },
        })

    def floor(self, name: str) -> float | None:
        """The least speed-up over the baseline that `name` may show on this device class."""
        floors = json.loads(FLOORS_FILE.read_text())
        return floors.get(device_class(), {}).get(name)

    def table(self) -> str:
        """The rows as text: medians in milliseconds, speed-ups over each row's first arm."""
        lines = []
        width = max((len(str(row["name"])) for row in self.rows), default=0)
        for row in self.rows:
            cells = [
                f"{arm} {timing['milliseconds']:.2f} ms"
                + (f" ({timing['speedup']:.2f}x)" if position else "")
                for position, (arm, timing) in enumerate(row["arms"].items())
            ]
            lines.append(f"{row['name']:<{width}}  " + "   ".join(cells))
        return "\n".join(lines)

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"machine": machine(), "rows": self.rows}, indent=1) + "\n")
