"""What generators paint, as sets of pictures to be judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from monet._files import StrPath
from monet.data import ImageError, ImageSource
from monet.data.sources import Selection
from monet.metrics.sample import PictureSet
from monet.systems import system_for


def painted_set(
    generator: StrPath,
    photos: ImageSource,
    indices: Sequence[int],
    size: int,
    *,
    name: str,
    count: int,
    seed: int = 0,
) -> PictureSet:
    """What a generator paints of some photos; or from noise as many pictures.

    Nothing is encoded in between. The generator is loaded when the pictures are read.

    Args:
        generator: the folder of a run, or a `.keras` file.
        photos: what it paints.
        indices: which of them.
        size: both sides of the photos that it gets and of the pictures, in pixels.
        name: for people.
        count: how many pictures one from noise paints where there are no photos.
        seed: of the noise.

    Raises:
        GeneratorError: when the pictures are read: there is no such generator, or no photos for it.
    """
    number = len(indices) or count

    def images() -> Iterator[np.ndarray | ImageError]:
        from monet.inference import load_generator
        from monet.inference.generator import GeneratorError

        model = load_generator(generator)
        system = system_for(model)
        if system.takes_photos and not indices:
            raise GeneratorError(f"the generator of {generator} needs photos; give `photos`.")
        chosen = Selection(photos, indices)
        yield from system.painter(model, chosen, count=number, size=size, seed=seed)()

    return PictureSet(name, number, images, is_kept=False)
