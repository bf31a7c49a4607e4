"""One line on the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras

from monet._progress import Line, bar, clock, columns, duration
from monet.runs.callbacks.pace import Pace
from monet.systems import Curve

_NARROW = 110


class Progress(keras.callbacks.Callback):
    """Shows losses, images per second and the time left of the whole run."""

    def __init__(self, pace: Pace, curves: Sequence[Curve]) -> None:
        super().__init__()
        self.pace = pace
        self.curves = curves
        self._line = Line()

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._line.update("Compiling the training step …")

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        pace = self.pace
        width = 20 if columns() >= _NARROW else 0
        parts = [
            self._epoch_text(),
            bar(pace.steps_in_epoch, pace.steps_per_epoch, width),
            *(self._pace_texts() if pace.is_measured else []),
            losses_text(logs or {}, self.curves),
        ]
        self._line.update("  ".join(parts))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        pace = self.pace
        parts = [
            self._epoch_text(),
            duration(pace.state.epoch_seconds),
            *self._pace_texts(),
            losses_text(logs or {}, self.curves),
        ]
        self._line.finish("  ".join(parts))

    def _epoch_text(self) -> str:
        # With a budget the clock says which epoch is the last.
        is_known = self.pace.budget is None
        return f"Epoch {self._epoch}/{self.pace.epochs}" if is_known else f"Epoch {self._epoch}"

    def _pace_texts(self) -> list[str]:
        return [
            f"{self.pace.images_per_second:.3g} images/s",
            f"{clock(self.pace.seconds_left)} left",
        ]


def losses_text(logs: Mapping[str, float], curves: Sequence[Curve]) -> str:
    """`G 3.21 2.98  D 0.21 0.25  cycle 0.21`: values of the same short name side by side."""
    texts: dict[str, str] = {}
    for curve in curves:
        if curve.short and curve.column in logs:
            before = texts.get(curve.short, curve.short)
            texts[curve.short] = f"{before} {logs[curve.column]:.3g}"
    return "  ".join(texts.values())
