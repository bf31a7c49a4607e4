"""A training for a given time: how much of it is used, and what fits into the rest.

The end is set by the clock and not by a number of steps, so a machine that slows down does fewer
steps and still ends in time; the plan only says what to expect. Learning rates follow the share of
the time that is used. How many steps a training has therefore depends on the machine, and two
trainings for the same time differ.
"""

from __future__ import annotations

import datetime
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from monet._progress import duration
from monet.systems.recipe import Phase, Recipe

_EPOCHS = 20
# Sheets are drawn and files are written after each epoch, which shouldn't take much of the time.
_SHORTEST_EPOCH = 15.0
_EPOCH_PER_CLOSING = 10
# A phase has its own pictures to read and its own step to trace, which takes seconds.
_SHORTEST_PHASE = 60.0
# What follows an epoch, until it has been measured, in seconds.
_CLOSING = 1.0


class Budget:
    """The time of a run.

    Args:
        seconds: of the whole run, from the start of its command.
        used: seconds of it that were used before, by the commands that this one goes on from.
        started: when this command started, by `now`; by default now.
        now: a monotonic clock, in seconds.

    Attributes:
        seconds: as the argument.
        closing: seconds to keep for what follows the last step: sheets and files.
        judging: seconds to keep for the judgement that follows it too; 0 where none does.
        judged: seconds that judgements have taken so far.
        is_over: whether the last step is done.
        now: the clock.
    """

    def __init__(
        self,
        seconds: float,
        *,
        used: float = 0.0,
        started: float | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = seconds
        self.closing = _CLOSING
        self.judging = 0.0
        self.judged = 0.0
        self.is_over = False
        self._closings: deque[float] = deque(maxlen=3)
        self._used_before = used
        self.now = now
        self._started = now() if started is None else started

    @property
    def used(self) -> float:
        """Seconds used, by this command and those before."""
        return self._used_before + self.now() - self._started

    @property
    def left(self) -> float:
        """Seconds left for steps; at least 0."""
        return max(0.0, self.seconds - self.closing - self.judging - self.used)

    @property
    def progress(self) -> float:
        """The share of the training that is done, in [0, 1]."""
        return min(1.0, self.used / max(self.used + self.left, 1e-9))

    def note_opening(self, seconds: float) -> None:
        """Takes what comes before the first epoch for what follows one, until that is known."""
        self.closing = max(seconds, _CLOSING)

    def note_closing(self, seconds: float) -> None:
        """Takes the longest time between the last epochs for that after the last of all."""
        self._closings.append(seconds)
        self.closing = max(self._closings)

    def note_judgement(self, seconds: float) -> None:
        """Takes what the last judgement took for what the one at the end will take."""
        self.judging = seconds
        self.judged += seconds

    @property
    def epoch_seconds(self) -> float:
        """How long an epoch is to take: the time between two reports."""
        wanted = max(self.seconds / _EPOCHS, _SHORTEST_EPOCH, _EPOCH_PER_CLOSING * self.closing)
        return min(wanted, self.seconds)

    def phase_starts(self, phases: Sequence[Phase]) -> list[tuple[float, Recipe]]:
        """When phases begin, in seconds since the start, leaving out what would be too short."""
        starts: list[tuple[float, Recipe]] = []
        begin = 0.0
        for phase in phases:
            if not starts or phase.share * self.seconds >= _SHORTEST_PHASE:
                starts.append((begin, phase.recipe))
            begin += phase.share * self.seconds
        return starts

    def phase(self, phases: Sequence[Phase], begin: float | None = None) -> Recipe:
        """The recipe of the phase for an epoch: phases change between epochs.

        Args:
            phases: of the training.
            begin: when the epoch begins, in seconds since the start; by default now.
        """
        into_next = (self.used if begin is None else begin) + self.seconds / _EPOCHS / 2
        return [recipe for start, recipe in self.phase_starts(phases) if start <= into_next][-1]


class Part(NamedTuple):
    """A phase in a plan."""

    image_size: int
    steps: int


class Plan(NamedTuple):
    """What is expected to fit into the time.

    Attributes:
        seconds: of the whole run.
        left: seconds from now to its end.
        parts: what is left to do.
        steps_per_epoch: of all of them.
    """

    seconds: float
    left: float
    parts: list[Part]
    steps_per_epoch: int

    @property
    def epochs(self) -> int:
        return max(1, round(sum(part.steps for part in self.parts) / self.steps_per_epoch))

    def sentence(self, now: datetime.datetime | None = None) -> str:
        """`2 h: about 64,000 steps at 128 px, 6,000 at 256 px, ends 23:10`."""
        end = (now or datetime.datetime.now()) + datetime.timedelta(seconds=self.left)
        first, *others = self.parts
        texts = [f"about {_rounded(first.steps):,} steps at {first.image_size} px"]
        texts += [f"{_rounded(part.steps):,} at {part.image_size} px" for part in others]
        return f"{duration(self.seconds)}: {', '.join(texts)}, ends {end:%H:%M}"


def lay_out(
    budget: Budget,
    phases: Sequence[Phase],
    seconds_per_step: float,
    *,
    judged_every: float = math.inf,
) -> Plan:
    """What fits into the time that is left.

    Args:
        budget: the time.
        phases: of the training. A phase whose step hasn't been measured is taken to need as long
            for a pixel as the one that has.
        seconds_per_step: as measured, in the phase of now.
        judged_every: epochs between judgements; there is always one at the end.
    """
    steps_per_epoch = max(1, round(budget.epoch_seconds / seconds_per_step))
    measured = budget.phase(phases)
    starts = budget.phase_starts(phases)
    ends = [begin for begin, _ in starts[1:]] + [budget.seconds]
    epochs = budget.seconds / budget.epoch_seconds
    judging = budget.judging / min(judged_every, epochs)
    busy = budget.epoch_seconds / (budget.epoch_seconds + budget.closing + judging)
    parts = []
    for (begin, recipe), end in zip(starts, ends, strict=True):
        seconds = busy * (end - max(begin, budget.used))
        if seconds > 0:
            of_this = seconds_per_step * _pixels(recipe) / _pixels(measured)
            parts.append(Part(recipe.image_size, max(1, round(seconds / of_this))))
    parts = parts or [Part(measured.image_size, 1)]
    left = max(0.0, budget.seconds - budget.used)
    return Plan(budget.seconds, left, parts, steps_per_epoch)


def _pixels(recipe: Recipe) -> int:
    return recipe.batch_size * recipe.image_size**2


def _rounded(count: int) -> int:
    """To two digits: it is an estimate."""
    return int(float(f"{count:.1e}"))
