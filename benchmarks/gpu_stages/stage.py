"""What a stage works with: its part of the time, its rows, the GPU, other programs to run."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from interleave import interleave
from roofline import Roofline, Work
from rows import time_row

ROOT = Path(__file__).resolve().parents[2]


class NotRun(Exception):
    """A stage can't run here, which is no failure: why."""


class Failed(Exception):
    """A stage found something wrong: what."""


def rows_file(folder: Path, name: str) -> Path:
    """Where the stage of that name leaves its rows."""
    return folder / f"{name}.rows"


@dataclasses.dataclass
class Stage:
    """One stage, in a process of its own.

    Attributes:
        name: of the stage.
        folder: where this run keeps libraries and each stage's result and rows.
        emulated: whether all is a dry run of tiny shapes without a GPU.
        deadline: when to be done, by `time.monotonic()`.
        facts: what the stage found out, by name.
        roofline: what rows state their share of, if it was measured.
    """

    name: str
    folder: Path
    emulated: bool
    deadline: float
    facts: dict[str, object] = dataclasses.field(default_factory=dict)
    roofline: Roofline | None = None

    @property
    def rows_file(self) -> Path:
        """A line of JSON for each row, written as soon as it is measured."""
        return rows_file(self.folder, self.name)

    def library(self, build: str = "native") -> Path:
        """The kernels as the stage `build` compiled them: for this "native" GPU, or as "sm_75"."""
        path = self.folder / ("native" if self.emulated else build) / "cuda_api.so"
        if not path.exists():
            raise NotRun(f"the kernels were not built ({build})")
        return path

    def environment(self) -> dict[str, object]:
        """What the first stage found out."""
        return json.loads((self.folder / "environment.json").read_text())["facts"]

    def say(self, text: str) -> None:
        print(f"  {text}", flush=True)

    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()

    def require_seconds(self, needed: float) -> None:
        """Ends the stage, keeping its rows, where less time than this is left."""
        if not self.emulated and self.seconds_left() < needed:
            raise NotRun("stopped early: no time is left")

    def measure(
        self,
        name: str,
        arms: Mapping[str, Callable[[], object]],
        work: Work | None = None,
        *,
        clock: Callable[[Callable[[], object]], float],
        calls: int = 1,
        moved: int | None = None,
    ) -> None:
        """Times arms in turn and adds a row.

        Args:
            name: of the row.
            arms: what to time, baseline first.
            work: of one call.
            clock: `clock(work)`, the seconds that it takes.
            calls: of what the row is about, in one call of an arm.
            moved: bytes that this package's arm reads and writes, where it is known; those of
                `work` are the least.
        """
        rounds, slice_seconds = (1, 0.0) if self.emulated else (15, 0.02)
        timings = interleave(arms, rounds=rounds, slice_seconds=slice_seconds, clock=clock)
        for arm, timing in timings.items():
            timings[arm] = dataclasses.replace(timing, seconds=timing.seconds / calls)
        row = time_row(name, timings, work, self.roofline)
        if moved is not None and self.roofline is not None:
            share = moved / self.roofline.bandwidth / timings["monet"].seconds
            row["arms"]["monet"] |= {"moved_bytes": moved, "moved_share": float(f"{share:.3g}")}
        with self.rows_file.open("a") as file:
            file.write(json.dumps(row) + "\n")
        times = ", ".join(f"{arm} {time.seconds * 1e6:.1f} µs" for arm, time in timings.items())
        self.say(f"{name}: {times}")

    def save(self, status: str = "failed", reason: str = "ended before it was done") -> None:
        """Keeps what is known so far, also in case this process comes to a bad end."""
        result = {"status": status, "reason": reason, "facts": self.facts}
        (self.folder / f"{self.name}.json").write_text(json.dumps(result, indent=1))

    def run(
        self, command: Sequence[object], *, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess:
        """Runs a program in the repository.

        Raises:
            Failed: it didn't end in time.
        """
        command = [str(part) for part in command]
        self.say(f"$ {shlex.join(command)}")
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **(env or {})}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            output, _ = process.communicate(timeout=max(1.0, self.seconds_left() - 5))
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)  # and what it has started, or that keeps the GPU
            if isinstance(error, subprocess.TimeoutExpired):
                raise Failed(f"out of time: {shlex.join(command)}") from error
            raise
        return subprocess.CompletedProcess(command, process.returncode, output)

    def run_pytest(
        self,
        *arguments: object,
        env: Mapping[str, str] | None = None,
        under: Sequence[object] = (),
    ) -> str:
        """Runs pytest, maybe under another program, and returns its last line.

        Raises:
            Failed: a test fails, or none ran.
        """
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        done = self.run([*under, *command], env=env)
        lines = done.stdout.strip().splitlines() or ["no output"]
        if done.returncode:
            self.say("\n  ".join(lines[-60:]))
            raise Failed(f"pytest: {lines[-1]}")
        self.say(lines[-1])
        return lines[-1]
