"""What the notebooks behind recipes do with files and pixels, for `--faithful`.

A recipe has its system as documented. Where the order of the pictures and the pixels of the result
are concerned, recipes do better than the notebooks unless asked not to: photos are shuffled as a
whole, levels are rounded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from monet.inference.file_style import FileStyle
from monet.systems.recipe import Recipe


@dataclasses.dataclass(frozen=True, kw_only=True)
class Document:
    """What one of them does.

    Attributes:
        fields: of the recipe, by name.
        style: of the files that it paints.
    """

    fields: Mapping[str, Any]
    style: FileStyle = FileStyle(
        names="{}.jpg", first=1, quality=75, full_colour=False, rounding="down"
    )


_FILE_ORDER = {"painting_buffer": 1, "photo_buffer": 1}

DOCUMENTS = {
    "resnet-lsgan": Document(
        fields={"painting_buffer": 1024, "photo_buffer": 1024},
        style=FileStyle(names="image_{:05d}.jpg", full_colour=False, rounding="scaled"),
    ),
    "unet-bce": Document(fields=_FILE_ORDER),
    "unet-base": Document(fields=_FILE_ORDER),
    "unet-attention": Document(fields=_FILE_ORDER),
    "unet-group": Document(fields={"painting_buffer": 600, "photo_buffer": 2048}),
    # Its pictures were only ever shown, in a grid of latents unlike those of the training.
    "dcgan": Document(
        fields={"sheet_latents": "positive"}, style=FileStyle(names="image_{:05d}.jpg")
    ),
}
"""By recipe. JPEGs are 4:2:0; those of Pillow have a quality of 75, those of TensorFlow of 95."""


def document_of(recipe: Recipe) -> Document:
    """What the document behind a recipe does.

    Raises:
        ValueError: there is none.
    """
    try:
        return DOCUMENTS[recipe.name]
    except KeyError:
        raise ValueError(
            f"The recipe {recipe.name!r} follows no notebook that could be followed to the letter; "
            f"those of {', '.join(DOCUMENTS)} do."
        ) from None
