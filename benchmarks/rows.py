"""What a benchmark found, as rows: one computation, its arms, and how they compare.

A row is what `extra_info["rows"]` of a result in pytest-benchmark's JSON has:
`{"name": …, "arms": {arm: {"seconds" or "bytes": …, "ratio": …, …}}}`, the baseline first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from interleave import Timing
from roofline import Roofline, Work

FLOORS_FILE = Path(__file__).with_name("floors.json")


def time_row(
    name: str,
    timings: Mapping[str, Timing],
    work: Work | None = None,
    roofline: Roofline | None = None,
) -> dict:
    """A row of times; with `work` and `roofline`, also of what share of the machine they use."""
    row = {
        "name": name,
        "arms": {
            arm: {
                "seconds": float(f"{timing.seconds:.5g}"),
                "ratio": round(timing.speedup, 2),
                "spread": [round(bound, 2) for bound in timing.spread],
                "rounds": timing.rounds,
            }
            for arm, timing in timings.items()
        },
    }
    # A bandwidth alone is no bound for what is mostly arithmetic.
    if work is not None and roofline is not None and (roofline.flops or not work.flops):
        least = roofline.seconds(work)
        row["roofline_seconds"] = float(f"{least:.5g}")
        for arm, timing in timings.items():
            row["arms"][arm]["roofline_share"] = float(f"{least / timing.seconds:.3g}")
            if not work.flops:
                rate = work.bytes / timing.seconds / 1e9
                row["arms"][arm]["gigabytes_per_second"] = float(f"{rate:.3g}")
    return row


def memory_row(name: str, peaks: Mapping[str, int]) -> dict:
    """A row of memory: each arm's peak in bytes."""
    baseline = next(iter(peaks.values()))
    return {
        "name": name,
        "arms": {
            arm: {"bytes": peak, "ratio": round(baseline / peak, 2)} for arm, peak in peaks.items()
        },
    }


def floor(name: str, device_class: str, *, is_share: bool = False) -> float | None:
    """The least ratio of baseline to monet that the row may show on a device class.

    `"*"` in the file stands for every row that isn't named, but for those of a share. What holds
    with AVX-512 holds with "avx512_bf16" too, but in bfloat16.
    """
    if device_class == "avx512_bf16":
        if "bfloat16" in name:
            return None
        device_class = "avx512"
    floors = json.loads(FLOORS_FILE.read_text()).get(device_class, {})
    return floors.get(name, None if is_share else floors.get("*"))


def below_floor(row: Mapping, device_class: str) -> str | None:
    """What to say about a row whose ratio is below its floor; None about all others."""
    baseline = next(iter(row["arms"]))
    if baseline == "copy" or "monet" not in row["arms"]:
        return None  # a share of the copy bandwidth is no speed-up
    ratio = row["arms"]["monet"]["ratio"]
    # The network alone is a part of what it is compared with, and always faster.
    least = floor(row["name"], device_class, is_share=baseline == "network")
    if least is None or ratio >= least:
        return None
    return f"below its floor of {least}x: {row['name']}, {ratio}x of {baseline}"


def format_amount(arm: Mapping[str, float]) -> str:
    """An arm's time or memory with its unit."""
    if "bytes" in arm:
        return f"{arm['bytes'] / 2**20:,.0f} MiB"
    seconds = arm["seconds"]
    factor, unit = next(
        (factor, unit)
        for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs"))
        if seconds * factor >= 1 or unit == "µs"
    )
    return f"{seconds * factor:#.3g}".rstrip(".") + f" {unit}"


def format_table(rows: Iterable[Mapping]) -> str:
    """The rows as text. Each arm: its median, and that of the row's first divided by it."""
    rows = list(rows)
    headings = list(dict.fromkeys(arm for row in rows for arm in row["arms"]))
    lines = [["", *headings, "roofline"]]
    for row in rows:
        baseline = next(iter(row["arms"]))
        cells = [_cell(row["arms"].get(arm), arm == baseline) for arm in headings]
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


def _cell(arm: Mapping[str, float] | None, is_baseline: bool) -> str:
    if arm is None:
        return ""
    return format_amount(arm) if is_baseline else f"{format_amount(arm)} {arm['ratio']:5.2f}x"
