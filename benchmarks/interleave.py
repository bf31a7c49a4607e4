"""Times several ways of doing one thing fairly on a machine whose speed drifts.

The arms take turns, round after round, so a slow second hits all of them alike; what is
reported is each arm's median time and the median of the *per-round* ratios to the first arm.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Arms = Mapping[str, Callable[[], object]]
Clock = Callable[[Callable[[], object]], float]


@dataclass(frozen=True)
class Timing:
    """One arm's result over all rounds.

    Attributes:
        seconds: Median seconds for one call.
        speedup: Median over rounds of (first arm's time / this arm's time); 1.0 for the first arm.
        spread: (lowest, highest) of those per-round ratios.
        rounds: how often the arm had its turn.
    """

    seconds: float
    speedup: float
    spread: tuple[float, float]
    rounds: int


def wall_clock(work: Callable[[], object]) -> float:
    """The seconds that `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class Turns:
    """Arms that were warmed up and now take turns.

    Args:
        arms: Name -> function of no arguments that returns only when its work is done. The first
            one is the baseline.
        slice_seconds: how long one turn should last; fast arms are called repeatedly.
        clock: `clock(work)` calls `work` and returns the seconds it took. By a GPU's own clock,
            arms may return before their work is done.

    Attributes:
        calls: Name -> how often the arm is called in one turn.
        seconds: Name -> seconds for one call, of each turn so far.
    """

    def __init__(
        self, arms: Arms, *, slice_seconds: float = 0.05, clock: Clock = wall_clock
    ) -> None:
        self._arms = arms
        self._clock = clock
        self.calls = dict.fromkeys(arms, 1)
        self.seconds: dict[str, list[float]] = {name: [] for name in arms}
        for arm in arms.values():
            arm()
        for name in arms:
            self.calls[name] = max(1, round(slice_seconds / max(self._time(name), 1e-6)))

    def order(self, number: int) -> list[str]:
        """The order of round `number`: each begins with another arm."""
        names = list(self._arms)
        shift = number % len(names)
        return names[shift:] + names[:shift]

    def take(self, name: str) -> None:
        """One turn of one arm."""
        self.seconds[name].append(self._time(name))

    def timings(self) -> dict[str, Timing]:
        """Name -> result, in the order of the arms."""
        baseline = next(iter(self.seconds.values()))
        timings = {}
        for name, seconds in self.seconds.items():
            ratios = [base / own for base, own in zip(baseline, seconds, strict=True)]
            timings[name] = Timing(
                seconds=statistics.median(seconds),
                speedup=statistics.median(ratios),
                spread=(min(ratios), max(ratios)),
                rounds=len(seconds),
            )
        return timings

    def _time(self, name: str) -> float:
        arm, calls = self._arms[name], self.calls[name]

        def work():
            for _ in range(calls):
                arm()

        return self._clock(work) / calls


def interleave(arms: Arms, *, rounds: int, slice_seconds: float, clock: Clock) -> dict[str, Timing]:
    """Times every arm `rounds` times in rotating order; the arguments are those of `Turns`."""
    turns = Turns(arms, slice_seconds=slice_seconds, clock=clock)
    for number in range(rounds):
        for name in turns.order(number):
            turns.take(name)
    return turns.timings()


def benchmark_in_turns(benchmark, turns: Turns, arm: str, rounds: int) -> None:
    """Lets pytest-benchmark time `arm` while all arms take their turns.

    In each of its rounds, the arms before `arm` have theirs in `setup` and those after it in
    `teardown`.
    """
    numbers, later = itertools.count(), []

    def take_earlier():
        if benchmark.enabled:  # so that it states the time of one call
            benchmark.stats.iterations = turns.calls[arm]
        order = turns.order(next(numbers))
        position = order.index(arm)
        later[:] = order[position + 1 :]
        for name in order[:position]:
            turns.take(name)

    def take_later():
        for name in later:
            turns.take(name)

    benchmark.pedantic(
        lambda: turns.take(arm), setup=take_earlier, teardown=take_later, rounds=rounds
    )
