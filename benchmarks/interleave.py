"""Times several ways of doing one thing fairly on a machine whose speed drifts.

The arms take turns, round after round, so a slow second hits all of them alike; what is
reported is each arm's median time and the median of the *per-round* ratios to the first arm.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Clock = Callable[[Callable[[], object]], float]


@dataclass(frozen=True)
class Timing:
    """One arm's result over all rounds.

    Attributes:
        seconds: Median seconds for one call.
        speedup: Median over rounds of (first arm's time / this arm's time); 1.0 for the first arm.
        spread: (lowest, highest) of those per-round ratios.
    """

    seconds: float
    speedup: float
    spread: tuple[float, float]


def wall_clock(work: Callable[[], object]) -> float:
    """The seconds that `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _seconds_per_call(arm: Callable[[], object], calls: int, clock: Clock) -> float:
    def work():
        for _ in range(calls):
            arm()

    return clock(work) / calls


def _calls_filling(arm: Callable[[], object], slice_seconds: float, clock: Clock) -> int:
    """How often an arm has to be called for one timing to last about `slice_seconds`."""
    return max(1, round(slice_seconds / max(_seconds_per_call(arm, 1, clock), 1e-6)))


def interleave(
    arms: Mapping[str, Callable[[], object]],
    *,
    rounds: int = 15,
    slice_seconds: float = 0.05,
    clock: Clock = wall_clock,
) -> dict[str, Timing]:
    """Times every arm `rounds` times in rotating order.

    Args:
        arms: Name -> function of no arguments that returns only when its work is done. The first
            one is the baseline.
        rounds: How many times each arm gets its turn, after one untimed warm-up.
        slice_seconds: How long one turn should last; fast arms are called repeatedly.
        clock: `clock(work)` calls `work` and returns the seconds it took. By a GPU's own clock,
            arms may return before their work is done.

    Returns:
        Name -> `Timing`, in the order of `arms`.
    """
    names = list(arms)
    for arm in arms.values():
        arm()
    calls = {name: _calls_filling(arm, slice_seconds, clock) for name, arm in arms.items()}
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            times[name].append(_seconds_per_call(arms[name], calls[name], clock))

    results = {}
    for name in names:
        ratios = [base / own for base, own in zip(times[names[0]], times[name], strict=True)]
        results[name] = Timing(
            seconds=statistics.median(times[name]),
            speedup=statistics.median(ratios),
            spread=(min(ratios), max(ratios)),
        )
    return results
