"""What the notebooks behind recipes do with files and pixels, for `--faithful`.

A recipe has its system as documented. Where the order of the pictures and the pixels of the result
are concerned, recipes do better than the notebooks unless asked not to: photos are shuffled as a
whole, levels are rounded. What a notebook does there stands in its system's file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from monet.inference.file_style import FileStyle
from monet.systems.base import SYSTEMS
from monet.systems.recipe import Recipe


@dataclasses.dataclass(frozen=True, kw_only=True)
class Document:
    """What one of them does.

    Attributes:
        fields: of the recipe, by name.
        style: of the files that it paints. JPEGs are 4:2:0; those of Pillow have a quality of 75,
            those of TensorFlow of 95.
    """

    fields: Mapping[str, Any]
    style: FileStyle


def document_of(recipe: Recipe) -> Document:
    """What the document behind a recipe does.

    Raises:
        ValueError: there is none.
    """
    documents = SYSTEMS[recipe.system].documents
    if recipe.name not in documents:
        known = ", ".join(name for system in SYSTEMS.values() for name in system.documents)
        raise ValueError(
            f"The recipe {recipe.name!r} follows no notebook that could be followed to the letter; "
            f"those of {known} do."
        )
    return documents[recipe.name]
