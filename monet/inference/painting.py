"""Painting from files to files: photos, or from noise, into an archive, a folder or one picture."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monet._files import StrPath
from monet._parallel import usable_cores
from monet._progress import Line, bar, duration
from monet._text import count as counted
from monet.data import DataError
from monet.data.folders import check_outside
from monet.inference import submission
from monet.inference.file_style import FileStyle
from monet.inference.generator import (
    GeneratorError,
    choice_text,
    generator_file,
    is_from_noise,
    load_generator,
)
from monet.inference.inputs import Picture, find_pictures, resolved, resolved_inputs
from monet.inference.outputs import (
    OutputError,
    check_output,
    is_picture_output,
    open_output,
    output_names,
    output_paths,
    what_does_not_fit,
    write_encoded,
)

if TYPE_CHECKING:
    import keras
    import numpy as np

    from monet.inference.pipeline import Result

_MOST_THREADS = 8
_SHOWN_REASONS = 3


@dataclasses.dataclass(frozen=True)
class Painted:
    """What came of it.

    Attributes:
        output: Where the pictures are.
        written: How many.
        skipped: (name, reason) of the inputs that could not be read, or painted.
        suspect: (name, reason) of the pictures that were written but don't look like paintings:
            those in a single colour, where the photo is not.
    """

    output: Path
    written: int
    skipped: Sequence[tuple[str, str]]
    suspect: Sequence[tuple[str, str]] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class PaintOptions:
    """What `paint` and `monet.runs.Run.paint` take by name.

    Attributes:
        count: paint the first `count` inputs only; from noise, how many, which must be given.
        seed: of the noise, 0 by default; not for photos.
        overwrite: whether to replace an existing output.
        kaggle: whether to make a submission to the competition, and verify it.
        allow_any_count: with `kaggle`, take more or fewer pictures than the competition does.
        batch_size: most pictures at a time.
        quality: of JPEGs, 1 to 100.
        style: names, pixels and compression of the pictures, in place of `quality`; by default they
            keep their inputs' names, or have those of a submission.
        mixed_precision: "auto", "off", "float16" or "bfloat16".
        which: generator of a run: "best", which a run has that is evaluated while it trains, or
            "last"; by default the best where there is one.
        verbose: whether to show how it gets on.
        before_loading: called when nothing is left to refuse but the generator itself, before
            TensorFlow is imported.
    """

    count: int | None = None
    seed: int | None = None
    overwrite: bool = False
    kaggle: bool = False
    allow_any_count: bool = False
    batch_size: int = 8
    quality: int = 95
    style: FileStyle | None = None
    mixed_precision: str = "auto"
    which: str | None = None
    verbose: bool = True
    before_loading: Callable[[], None] | None = None

    def __post_init__(self):
        for name, most in (("count", None), ("batch_size", None), ("quality", 100)):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= (most or value):
                limit = f"from 1 to {most}" if most else "from 1 on"
                raise ValueError(f"`{name}={value}`: expected a number {limit}.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Job(PaintOptions):
    """A call of `paint`."""

    generator: Path
    output: Path
    style: FileStyle = FileStyle()

    def check_output(self) -> None:
        check_output(self.output, overwrite=self.overwrite)
        if self.kaggle and self.output.suffix.lower() != ".zip":
            raise OutputError(
                f"`kaggle=True` writes an archive; {self.output} doesn't end in .zip."
            )

    def check_is_one_picture(self, number: int, what: str) -> None:
        """Raises `OutputError` if `number` of `what` are to go into a single picture."""
        if is_picture_output(self.output) and number > 1:
            raise OutputError(
                f"{number:,} {what} don't fit into the single picture {self.output}; give "
                f"`output` a folder or a name that ends in .zip."
            )

    def load(self, *, from_noise: bool) -> keras.Model:
        """The generator, of the kind that is asked for."""
        file = generator_file(self.generator, self.which)
        if text := choice_text(file):
            self.say(text)
        if self.before_loading is not None:
            self.before_loading()
        generator = load_generator(file, precision=self.mixed_precision)
        if from_noise and not is_from_noise(generator):
            raise GeneratorError(
                f"the generator of {self.generator} paints photos; name them by `inputs`."
            )
        if not from_noise and is_from_noise(generator):
            raise GeneratorError(
                f"the generator of {self.generator} paints from noise; give `count` in place of "
                f"`inputs`."
            )
        return generator

    def say(self, text: str) -> None:
        if self.verbose:
            print(text)


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
    given = PaintOptions(**options)
    if given.style is None:
        style = submission.STYLE if given.kaggle or inputs is None else FileStyle()
        given = dataclasses.replace(given, style=dataclasses.replace(style, quality=given.quality))
    job = _Job(generator=Path(generator), output=Path(output), **vars(given))
    if inputs is None:
        return _paint_from_noise(job)
    if job.seed is not None:
        raise OutputError("`seed` is of noise; leave it out to paint `inputs`.")
    paths = [inputs] if isinstance(inputs, str | os.PathLike) else list(inputs)
    return _paint_photos(job, paths)


def _paint_photos(job: _Job, inputs: Sequence[StrPath]) -> Painted:
    job.check_output()
    pictures, skipped = find_pictures(inputs)
    if job.kaggle:
        pictures, unreadable = _for_submission(job, pictures)
        skipped += unreadable
    pictures = pictures[: job.count]
    job.check_is_one_picture(len(pictures), "inputs")
    names = _output_names(job, pictures)
    _check_inputs_stay(job, inputs, names)
    if not pictures:
        raise DataError(_nothing_painted(skipped))

    generator = job.load(from_noise=False)
    from monet.inference.painter import Painter
    from monet.inference.pipeline import paint_pictures

    job.say(f"Painting {counted(len(pictures), 'picture')} into {job.output}")
    painter = Painter(generator, batch_size=job.batch_size, rounding=job.style.rounding)
    results = paint_pictures(painter, pictures, threads=_threads())
    return _write(job, results, names, len(names), skipped)


def _paint_from_noise(job: _Job) -> Painted:
    count = job.count
    if count is None:
        raise OutputError(
            "nothing to paint: give `inputs` with photos, or `count` for a generator that paints "
            "from noise."
        )
    job.check_is_one_picture(count, "pictures")
    job.check_output()
    if job.kaggle:
        submission.check_count(count, allow_any=job.allow_any_count)
    generator = job.load(from_noise=True)
    if job.kaggle:
        submission.check_side(generator.output_shape[1])
    from monet.inference.noise import paint_from_noise
    from monet.inference.pipeline import results_from_noise

    job.say(f"Painting {counted(count, 'picture')} from noise into {job.output}")
    images = paint_from_noise(
        generator, count, seed=job.seed or 0, batch_size=job.batch_size, rounding=job.style.rounding
    )
    names, input_names = (map(job.style.name, range(count)) for _ in range(2))
    return _write(job, results_from_noise(images, input_names), names, count, [])


def _for_submission(
    job: _Job, pictures: list[Picture]
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


def _output_names(job: _Job, pictures: Sequence[Picture]) -> list[str]:
    if job.style.names:
        return [job.style.name(index) for index in range(len(pictures))]
    return output_names([picture.name for picture in pictures])


def _check_inputs_stay(job: _Job, inputs: Sequence[StrPath], names: Sequence[str]) -> None:
    taken = resolved_inputs(inputs)
    for path in (job.output, *output_paths(job.output, names)):
        if resolved(path) in taken:
            raise OutputError(f"{path} is an input too; give `output` another name.")
    if job.output.suffix.lower() != ".zip":  # which is never looked into for inputs
        folders = [path for path in map(Path, inputs) if path.is_dir()]
        check_outside(job.output, folders, "paintings")


def _nothing_painted(skipped: Sequence[tuple[str, str]]) -> str:
    reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped[:_SHOWN_REASONS])
    if len(skipped) > _SHOWN_REASONS:
        reasons += f"; and {len(skipped) - _SHOWN_REASONS:,} more"
    return f"nothing can be painted ({reasons}); nothing was written."


def _threads() -> int:
    return min(_MOST_THREADS, usable_cores())


def _write(
    job: _Job,
    results: Iterable[Result],
    names: Iterable[str],
    total: int,
    skipped: Sequence[tuple[str, str]],
) -> Painted:
    """Writes what is painted.

    Args:
        job: what to do.
        results: one of each picture.
        names: an output name for each. Where these are numbers, those that are painted get them
            without gaps.
        total: how many pictures there are.
        skipped: inputs that were found unreadable before.
    """
    try:
        return _encode(job, results, names, total, skipped)
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"can't write {job.output}: {error.strerror or error}.") from error


def _encode(
    job: _Job,
    results: Iterable[Result],
    names: Iterable[str],
    total: int,
    skipped: Sequence[tuple[str, str]],
) -> Painted:
    skipped, suspect = list(skipped), []
    written, started, line = 0, time.monotonic(), Line()
    names = iter([job.output.name] if is_picture_output(job.output) else names)

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
        write_encoded(write, painted(), job.style, threads=_threads())
        seconds = time.monotonic() - started
        if job.verbose:
            line.finish(f"{bar(total, total)}  {total / seconds:.3g} images/s  {duration(seconds)}")
        # Raised in here, so that no empty or spoilt archive takes the place of a good one.
        if not written:
            raise DataError(_nothing_painted(skipped))
        if len(suspect) == written:
            raise GeneratorError(
                f"all that the generator of {job.generator} painted came out in a single colour, "
                f"so its training failed; take another generator, or train a new one."
            )
    return Painted(job.output, written, skipped, suspect)
