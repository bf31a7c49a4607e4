"""What is asked of `paint`: its options, and one call of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from monet._numbers import LARGEST_COUNT, is_number
from monet._parallel import usable_cores
from monet.inference.file_style import FileStyle
from monet.inference.generator import (
    MOST_STRENGTH,
    GeneratorError,
    choice_text,
    generator_file,
    load_generator,
)
from monet.inference.origins import Origin, origin_of
from monet.inference.outputs import OutputError, check_output, is_picture_output

if TYPE_CHECKING:
    import keras

_MOST_THREADS = 8


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
        strength: of what is painted over the underpainting, in [0, 2], by generators that have one,
            such as `monet`'s: less is calmer, 1 is what it was trained for.
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
    strength: float = 1.0
    which: str | None = None
    verbose: bool = True
    before_loading: Callable[[], None] | None = None

    def __post_init__(self):
        for name, most in (
            ("count", LARGEST_COUNT),
            ("batch_size", LARGEST_COUNT),
            ("quality", 100),
        ):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= most:
                raise ValueError(f"`{name}={value}`: expected a number from 1 to {most:,}.")
        if not is_number(self.strength, 0, MOST_STRENGTH):
            raise ValueError(
                f"`strength={self.strength}`: expected a number from 0 to {MOST_STRENGTH:g}."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job(PaintOptions):
    """A call of `paint`."""

    generator: Path
    output: Path
    style: FileStyle = FileStyle()

    @property
    def threads(self) -> int:
        """Pictures that are decoded at a time, and encoded."""
        return min(_MOST_THREADS, usable_cores())

    def check_output(self) -> None:
        """Raises `OutputError` if the output can't be written, or is no submission."""
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

    def load(self, origin: Origin) -> keras.Model:
        """The generator, if it paints from `origin`; raises `GeneratorError` if not."""
        file = generator_file(self.generator, self.which)
        if text := choice_text(file):
            self.say(text)
        if self.before_loading is not None:
            self.before_loading()
        generator = load_generator(file, precision=self.mixed_precision, strength=self.strength)
        if not origin.suits(generator):
            other = origin_of(generator)
            assert other is not None  # or it would not have been loaded
            raise GeneratorError(f"the generator of {self.generator} {other.demand}.")
        return generator

    def say(self, text: str) -> None:
        """Tells how it gets on."""
        if self.verbose:
            print(text)
