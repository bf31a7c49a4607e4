"""What systems have in common that learn from photos and paintings to repaint photos."""

from __future__ import annotations

import abc
import dataclasses
import itertools
from typing import TYPE_CHECKING, TypeVar

from monet._numbers import is_integer, is_number
from monet.inference.origins import Photos
from monet.systems.base import SheetFigure, System
from monet.systems.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import tensorflow as tf

    from monet.data import Augment, Domains, ImageError

AnyTranslationRecipe = TypeVar("AnyTranslationRecipe", bound="TranslationRecipe")

_SAMPLE_PAINTINGS = 2
# Enough that another choice changes the matched colours by less than a level or two.
_PICTURES_FOR_COLOURS = 300
_SIDE_FOR_COLOURS = 128


@dataclasses.dataclass(frozen=True, kw_only=True)
class TranslationRecipe(Recipe):
    """How such a system is built and trained.

    Attributes:
        lambda_identity: weight of the identity loss, the L1 distance between a painting in [-1, 1]
            and what its own generator makes of it; 0 leaves it out.
        painting_repeats: how often an epoch passes over the paintings, where its length follows
            from the data.
        painting_buffer: pictures in the buffer that paintings are shuffled in, which each epoch
            fills anew from the first file on, as `tf.data` does in the notebooks; 1 for the order
            of the files, 0 to shuffle every pass as a whole.
        photo_buffer: the same of photos.
        flip: mirror half of the training pictures.
        sample_photos: photos on a sample sheet.
        (further ones): see `Recipe`.
    """

    lambda_identity: float | str = 5.0
    painting_repeats: int = 1
    painting_buffer: int = 0
    photo_buffer: int = 0
    flip: bool = True
    sample_photos: int = 4

    def __post_init__(self):
        super().__post_init__()
        holds = is_number(self.identity_weight, 0)
        self.check("lambda_identity", "a number of at least 0", holds)
        for field, least in (
            ("sample_photos", 1),
            ("painting_repeats", 1),
            ("painting_buffer", 0),
            ("photo_buffer", 0),
        ):
            holds = is_integer(getattr(self, field), least)
            self.check(field, f"an integer of at least {least}", holds)

    @property
    def identity_weight(self) -> float | str:
        """The number that `lambda_identity` stands for."""
        return self.lambda_identity

    def count_steps(self, paintings: int, photos: int, *, replicas: int = 1) -> int:
        return super().count_steps(self.painting_repeats * paintings, photos, replicas=replicas)


class TranslationSystem(System[AnyTranslationRecipe]):
    """Trained on photos and paintings; its generator paints photos of any size.

    A subclass defines `augment` in place of `dataset`.
    """

    options = (*System.options, "lambda_identity")
    paints_from = Photos
    takes_photos = True
    judged = "photos kept out of the training, painted"
    invitation = ("Paint photos of any size with it:", "--input YOUR_PHOTOS")
    sheet_figure = SheetFigure(
        "pairs.png", "originals and paintings", heads=("original", "painted")
    )
    sheet_shows_inputs = True

    def sheet_cells(self, layout):
        columns = range(layout["photos"])
        return [(0, column) for column in columns], [(1, column) for column in columns]

    @abc.abstractmethod
    def augment(self, recipe: AnyTranslationRecipe) -> Augment:
        """What is done to the training pictures."""

    def painter(self, generator, photos, *, count, size, seed=0):
        from monet.data import ImageError
        from monet.inference.painter import Painter
        from monet.metrics.sample import read_all

        painter = Painter(generator)

        def images() -> Iterator[np.ndarray | ImageError]:
            reading = iter(read_all(photos, range(len(photos)), size))
            while batch := list(itertools.islice(reading, painter.batch_size)):
                painted = iter(painter.paint([x for x in batch if not isinstance(x, ImageError)]))
                yield from (x if isinstance(x, ImageError) else next(painted) for x in batch)

        return images

    def prepare(self, model, recipe, domains: Domains, *, seed=0) -> None:
        """Matches the colours of generators that paint over strokes to those they shall have."""
        from monet.data import fixed_images
        from monet.layers.underpainting import underpaintings

        if not underpaintings(model.generator):
            return  # as the pictures take a second to read
        photos, paintings = (
            fixed_images(source, _PICTURES_FOR_COLOURS, _SIDE_FOR_COLOURS, seed)
            for source in (domains.photos, domains.paintings)
        )
        model.adapt(photos, paintings)

    def dataset(
        self, recipe, domains: Domains, *, seed=0, replicas=1, start_step=0, cache="auto"
    ) -> tf.data.Dataset:
        from monet.data import training_dataset
        from monet.data.order import Order, ShuffleBuffer, shuffled

        pictures = recipe.pictures_per_step(replicas)
        steps = recipe.count_steps(len(domains.paintings), len(domains.photos), replicas=replicas)

        def order(buffer: int, repeats: int = 1) -> Order:
            return ShuffleBuffer(buffer, steps * pictures, repeats) if buffer else shuffled

        return training_dataset(
            domains.paintings,
            domains.photos,
            image_size=recipe.image_size,
            batch_size=pictures,
            augment=self.augment(recipe),
            painting_order=order(recipe.painting_buffer, recipe.painting_repeats),
            photo_order=order(recipe.photo_buffer),
            seed=seed,
            start_step=start_step,
            cache=cache,
        )

    def samples(
        self, recipe: AnyTranslationRecipe, domains: Domains, size: int, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Photos and paintings for a sample sheet, `[N, size, size, 3]` in [-1, 1]."""
        from monet.data import fixed_images

        return (
            fixed_images(domains.photos, recipe.sample_photos, size, seed),
            fixed_images(domains.paintings, _SAMPLE_PAINTINGS, size, seed),
        )
