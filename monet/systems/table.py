"""All recipes as a table, with what their networks weigh."""

from __future__ import annotations

import textwrap

from monet.systems.base import RECIPES, SYSTEMS
from monet.systems.recipe import Recipe

_HEADER = (
    "recipe", "system", "px", "batch", "epochs",
    "G params", "G MACs", "D params", "D MACs",
)  # fmt: skip
_TEXT_COLUMNS = 2


def recipe_table(width: int = 100) -> str:
    """The recipes, one per row, and below where each comes from.

    Args:
        width: characters in a line of the second part.
    """
    rows = [_HEADER, *(_row(recipe) for recipe in RECIPES.values())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = []
    for row in rows:
        cells = [
            text.ljust(cell) if column < _TEXT_COLUMNS else text.rjust(cell)
            for column, (text, cell) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    lines.append("")
    lines.append(
        "Parameters and multiply-adds (MACs; one picture forward) of one generator G and one "
        "discriminator D."
    )
    for recipe in RECIPES.values():
        text = f"{recipe.name}: {recipe.source}"
        lines.append("\n" + textwrap.fill(text, width, subsequent_indent="    "))
    return "\n".join(lines)


def _row(recipe: Recipe) -> tuple[str, ...]:
    from monet.models.cost import multiply_adds

    sizes = []
    for network in SYSTEMS[recipe.system].networks(recipe):
        sizes.append(_short(network.count_params()))
        sizes.append(_short(multiply_adds(network, recipe.image_size)))
    numbers = (recipe.image_size, recipe.batch_size, recipe.epochs)
    return (recipe.name, recipe.summary, *map(str, numbers), *sizes)


def _short(count: int) -> str:
    """`54.4 M` for 54414979."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return str(count)
