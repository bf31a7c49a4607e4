"""Painting photos of any size."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from monet._files import StrPath
from monet._progress import Line, bar
from monet._text import count as counted
from monet.data import DataError
from monet.data.folders import check_outside
from monet.inference import submission
from monet.inference.file_style import FileStyle
from monet.inference.inputs import (
    Picture,
    find_pictures,
    nothing_painted,
    resolved,
    resolved_inputs,
)
from monet.inference.origins.base import Origin, Work
from monet.inference.outputs import OutputError, output_names, output_paths

if TYPE_CHECKING:
    import keras

    from monet.inference.exporting.signature import Signature
    from monet.inference.job import Job
    from monet.inference.painter import Painter
    from monet.inference.pipeline import Result


class Photos(Origin):
    """Pictures `[N, H, W, 3]` in [-1, 1].

    Args:
        inputs: picture files, or folders of pictures or TFRecords.
    """

    demand = "paints photos; name them by `inputs`"
    style = FileStyle()

    def __init__(self, inputs: StrPath | Sequence[StrPath]) -> None:
        self._inputs = [inputs] if isinstance(inputs, str | os.PathLike) else list(inputs)

    @staticmethod
    def suits(generator: keras.Model) -> bool:
        shape = generator.input_shape
        return isinstance(shape, tuple) and len(shape) == 4 and shape[-1] == 3

    @staticmethod
    def signature(generator: keras.Model, size: int | None) -> Signature:
        import numpy as np

        from monet.inference.exporting.signature import Signature
        from monet.inference.painter import Painter

        painter = Painter(generator)
        if size is not None:
            _check_size(painter, size)
        fixed = painter.fixed_size if size is None else (size, size)
        height, width = fixed or painter.padded_size(64, 64 + painter.multiple)
        count = None if size is None else 1
        shape = (count, *(fixed or (None, None)), 3)
        letters = (str(side or letter) for side, letter in zip(shape, "NHW3", strict=True))
        description = f"images [{', '.join(letters)}], float32 in [-1, 1]"
        if not fixed:
            description += f", H and W {_sides(painter)}"
        example = np.random.default_rng(0).uniform(-1, 1, (count or 2, height, width, 3))
        return Signature(generator, "images", shape, description, example.astype(np.float32))

    def plan(self, job: Job) -> Work:
        if job.seed is not None:
            raise OutputError("`seed` is of noise; leave it out to paint `inputs`.")
        job.check_output()
        pictures, skipped = find_pictures(self._inputs)
        if job.kaggle:
            pictures, unreadable = _for_submission(job, pictures)
            skipped += unreadable
        pictures = pictures[: job.count]
        job.check_is_one_picture(len(pictures), "inputs")
        names = _names(job, pictures)
        _check_inputs_stay(job, self._inputs, names)
        if not pictures:
            raise DataError(nothing_painted(skipped))

        def results(generator: keras.Model) -> Iterable[Result]:
            from monet.inference.painter import Painter
            from monet.inference.pipeline import paint_pictures

            painter = Painter(generator, batch_size=job.batch_size, rounding=job.style.rounding)
            return paint_pictures(painter, pictures, threads=job.threads)

        return Work(counted(len(pictures), "picture"), len(pictures), names, results, skipped)


def _for_submission(
    job: Job, pictures: list[Picture]
) -> tuple[list[Picture], list[tuple[str, str]]]:
    """The inputs of a submission, and those that can't be read."""
    line = Line()

    def show(done: int, total: int) -> None:
        if job.verbose:
            line.update(f"Checking  {bar(done, total)}")

    within = len(pictures[: job.count])
    submission.check_count(within, allow_any=job.allow_any_count)
    pictures, unreadable = submission.usable_pictures(pictures, job.count, progress=show)
    if pictures:
        submission.check_count(len(pictures), allow_any=job.allow_any_count)
    if job.verbose:
        number = counted(len(pictures), "input")
        line.finish(f"Checked {number}: all can be read, at 256×256")
    return pictures, unreadable


def _names(job: Job, pictures: Sequence[Picture]) -> list[str]:
    if job.style.names:
        return [job.style.name(index) for index in range(len(pictures))]
    return output_names([picture.name for picture in pictures])


def _check_inputs_stay(job: Job, inputs: Sequence[StrPath], names: Sequence[str]) -> None:
    taken = resolved_inputs(inputs)
    for path in (job.output, *output_paths(job.output, names)):
        if resolved(path) in taken:
            raise OutputError(f"{path} is an input too; give `output` another name.")
    if job.output.suffix.lower() != ".zip":  # which is never looked into for inputs
        folders = [path for path in map(Path, inputs) if path.is_dir()]
        check_outside(job.output, folders, "paintings")


def _check_size(painter: Painter, size: int) -> None:
    """Raises `ExportError` if the generator doesn't take pictures of that side."""
    from monet.inference.exporting.error import ExportError
    from monet.inference.painter import MAX_PIXELS

    if painter.fixed_size not in (None, (size, size)):
        height, width = painter.fixed_size
        raise ExportError(
            f"`size={size}`: this generator takes pictures of {height}×{width} pixels and no "
            f"others; leave it out."
        )
    most = math.isqrt(MAX_PIXELS)
    if size > most or painter.padded_size(size, size) != (size, size):
        raise ExportError(
            f"`size={size}`: this generator takes {_sides(painter)}, and {most:,} is the most that "
            f"is exported."
        )


def _sides(painter: Painter) -> str:
    """In words, the heights and widths that a generator takes."""
    least = painter.padded_size(1, 1)[0]
    if painter.multiple == 1:
        return f"from {least} on"
    return f"multiples of {painter.multiple} from {least} on"
