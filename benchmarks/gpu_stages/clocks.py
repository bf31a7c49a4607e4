"""Whether the GPU runs slower than it could, and why: as its driver tells while a stage runs."""

from __future__ import annotations

import collections
import subprocess

# nvidia-smi's names for what lowers the clocks of a GPU that is busy.
_REASONS = ("sw_power_cap", "hw_slowdown", "sw_thermal_slowdown", "hw_thermal_slowdown")


class ClockWatch:
    """Looks at the GPU now and then, and counts what held its clocks down.

    Attributes:
        looks: how often the driver was asked and answered.
        reasons: how often it named each reason.
    """

    def __init__(self) -> None:
        self.looks = 0
        self.reasons: collections.Counter[str] = collections.Counter()

    def look(self) -> None:
        fields = ",".join(f"clocks_throttle_reasons.{reason}" for reason in _REASONS)
        command = ["nvidia-smi", "--id=0", f"--query-gpu={fields}", "--format=csv,noheader"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            return
        answers = [answer.strip() for answer in done.stdout.split(",")]
        if done.returncode or len(answers) != len(_REASONS):
            return
        self.looks += 1
        self.reasons.update(
            reason for reason, answer in zip(_REASONS, answers, strict=True) if answer == "Active"
        )

    def warning(self) -> str | None:
        """What to say beside the figures that were measured meanwhile, if anything."""
        if not self.reasons:
            return None
        named = ", ".join(f"{reason} {count}" for reason, count in self.reasons.most_common())
        return f"clocks were held down: {named} of {self.looks} looks; times may be too long"
