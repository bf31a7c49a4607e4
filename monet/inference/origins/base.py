"""All that painting and exporting have to know of what a generator paints from."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from monet.inference.file_style import FileStyle

if TYPE_CHECKING:
    import keras

    from monet.inference.exporting.signature import Signature
    from monet.inference.job import Job
    from monet.inference.pipeline import Result


@dataclasses.dataclass(frozen=True)
class Work:
    """What is to be painted, with nothing left to refuse but the generator.

    Attributes:
        text: what it is, in words.
        count: how many pictures.
        names: of the output, one for each. Where these are numbers, the pictures that are painted
            get them without gaps.
        results: begins to paint with a generator; raises `OutputError` if what it paints won't do.
        skipped: (name, reason) of inputs that were found unreadable before.
    """

    text: str
    count: int
    names: Sequence[str]
    results: Callable[[keras.Model], Iterable[Result]]
    skipped: Sequence[tuple[str, str]] = ()


class Origin(abc.ABC):
    """What pictures are painted from.

    Attributes:
        demand: what to tell somebody who gave a generator something else, after its name.
        style: of the files, where nothing else is asked for.
    """

    demand: ClassVar[str]
    style: ClassVar[FileStyle]

    @staticmethod
    @abc.abstractmethod
    def suits(generator: keras.Model) -> bool:
        """Whether `generator` paints from this, by the shape of its input."""

    @staticmethod
    @abc.abstractmethod
    def signature(generator: keras.Model, size: int | None) -> Signature:
        """What `generator` takes when it is exported.

        Args:
            generator: one that suits, in float32.
            size: side of the pictures, for one at a time; None for all sizes that it takes.

        Raises:
            ExportError: it doesn't take pictures of that size.
        """

    @abc.abstractmethod
    def plan(self, job: Job) -> Work:
        """Finds what there is to paint.

        Raises:
            DataError: there is nothing.
            OutputError: the output can't be written, or not with that.
        """
