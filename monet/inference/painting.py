"""Painting from files to files: photos, or from noise, into an archive, a folder or one picture."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monet._files import StrPath
from monet._progress import Line, bar, duration
from monet.data import DataError
from monet.inference import submission
from monet.inference.generator import GeneratorError
from monet.inference.inputs import nothing_painted
from monet.inference.job import Job, PaintOptions
from monet.inference.origins import Noise, Origin, Photos, Work
from monet.inference.outputs import (
    OutputError,
    is_picture_output,
    open_output,
    what_does_not_fit,
    write_encoded,
)

if TYPE_CHECKING:
    import numpy as np

    from monet.inference.pipeline import Result


@dataclasses.dataclass(frozen=True)
class Painted:
    """What came of it.

    Attributes:
        output: where the pictures are.
        written: how many.
        skipped: (name, reason) of the inputs that could not be read, or painted.
        suspect: (name, reason) of the pictures that were written but don't look like paintings:
            those in a single colour, where the photo is not.
    """

    output: Path
    written: int
    skipped: Sequence[tuple[str, str]]
    suspect: Sequence[tuple[str, str]] = ()


def paint(
    generator: StrPath,
    inputs: StrPath | Sequence[StrPath] | None = None,
    output: StrPath = "images.zip",
    **options: Any,
) -> Painted:
    """Paints photos, or from noise, with a saved generator.

    ```python
    paint("runs/monet", "holiday", "holiday-by-monet", quality=90)
    paint("noise.keras", output="images.zip", count=16)
    ```

    Args:
        generator: a `.keras` file, or a run folder.
        inputs: picture files, or folders of pictures or TFRecords; None to paint from noise.
        output: a `.zip` archive, a folder, or for a single picture its file.
        **options: see `PaintOptions`.

    Returns:
        How many pictures were written, and which inputs could not be read.

    Raises:
        DataError: an input doesn't exist, or none can be read.
        OutputError: the output can't be written or must not be overwritten.
        GeneratorError: there is no generator, or it is not for such inputs.
    """
    origin: Origin = Noise() if inputs is None else Photos(inputs)
    given = PaintOptions(**options)
    if given.style is None:
        style = submission.STYLE if given.kaggle else origin.style
        given = dataclasses.replace(given, style=dataclasses.replace(style, quality=given.quality))
    job = Job(generator=Path(generator), output=Path(output), **vars(given))
    work = origin.plan(job)
    results = work.results(job.load(origin))
    job.say(f"Painting {work.text} into {job.output}")
    try:
        return _write(job, work, results)
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"can't write {job.output}: {error.strerror or error}.") from error


def _write(job: Job, work: Work, results: Iterable[Result]) -> Painted:
    skipped, suspect = list(work.skipped), []
    written, started, line = 0, time.monotonic(), Line()
    total = work.count
    names = iter([job.output.name] if is_picture_output(job.output) else work.names)

    def painted() -> Iterator[tuple[str, np.ndarray]]:
        nonlocal written
        for done, (name, image, problem) in enumerate(results, start=1):
            output_name = "" if image is None and job.style.names else next(names)
            if image is not None and (reason := what_does_not_fit(image, output_name)):
                image, problem = None, reason
            if image is None:
                skipped.append((name, problem))
            else:
                if job.kaggle:
                    submission.check_shape(image, f"{name}, painted,")
                if problem:
                    suspect.append((output_name, problem))
                written += 1
                yield output_name, image
            rate = done / (time.monotonic() - started)
            left = duration((total - done) / rate)
            if job.verbose:
                line.update(f"{bar(done, total)}  {rate:.3g} images/s  {left} left")

    def verify(path: Path) -> None:
        if job.kaggle:
            submission.verify_archive(path, [job.style.name(index) for index in range(written)])

    with open_output(job.output, verify) as write:
        write_encoded(write, painted(), job.style, threads=job.threads)
        seconds = time.monotonic() - started
        if job.verbose:
            line.finish(f"{bar(total, total)}  {total / seconds:.3g} images/s  {duration(seconds)}")
        # Raised in here, so that no empty or spoilt archive takes the place of a good one.
        if not written:
            raise DataError(nothing_painted(skipped))
        if len(suspect) == written:
            raise GeneratorError(
                f"all that the generator of {job.generator} painted came out in a single colour, "
                f"so its training failed; take another generator, or train a new one."
            )
    return Painted(job.output, written, skipped, suspect)
