"""All recipes as a table, with what their networks weigh, and the fields that `--set` takes."""

from __future__ import annotations

import dataclasses
import textwrap

from monet._text import aligned
from monet.models.architecture import Architecture
from monet.systems.base import RECIPES, SYSTEMS
from monet.systems.fields import Field, as_text, field_value, fields_of
from monet.systems.recipe import Recipe

_HEADER = (
    "recipe", "system", "px", "batch", "epochs",
    "G params", "G MACs", "D params", "D MACs",
)  # fmt: skip
_WORD_COLUMNS = 2
_ARCHITECTURES = ("generator", "discriminator")


def recipe_table(width: int = 100) -> str:
    """The recipes, one per row; below where each comes from, and the fields of all of them.

    Args:
        width: characters in a line of the second part.
    """
    rows = [_HEADER, *(_row(recipe) for recipe in RECIPES.values())]
    lines = aligned(rows, words=_WORD_COLUMNS)
    lines.append("")
    lines.append(
        "Parameters and multiply-adds (MACs; one picture forward) of one generator G and one "
        "discriminator D."
    )
    for recipe in RECIPES.values():
        lines.append("\n" + _paragraph(f"{recipe.name}: {recipe.source}", width))
    lines.append("\nFields that can be set, with their defaults where a recipe has no other:")
    for heading, fields in described_fields():
        lines.append(f"\n{heading}")
        lines.extend(_field_line(field, as_text(field.default), width) for field in fields)
    return "\n".join(lines)


def describe_recipe(recipe: Recipe, width: int = 100) -> str:
    """A recipe: where it comes from, and its fields with their values.

    Args:
        recipe: which.
        width: characters in a line.
    """
    lines = [_paragraph(f"{recipe.name} ({recipe.summary}): {recipe.source}", width), ""]
    for field in fields_of(type(recipe)):
        lines.append(_field_line(field, as_text(field_value(recipe, field.name)), width))
        if field.name in _ARCHITECTURES:
            for option in fields_of(type(getattr(recipe, field.name))):
                name = f"{field.name}.{option.name}"
                value = as_text(field_value(recipe, name))
                lines.append(_field_line(option._replace(name=name), value, width))
    return "\n".join(lines)


def described_fields() -> list[tuple[str, list[Field]]]:
    """All fields of recipes and all options of architectures, under headings."""
    sections = [("of every recipe", _settable(Recipe))]
    common = {field.name for field in sections[0][1]}
    for name, system in SYSTEMS.items():
        own = [field for field in _settable(system.recipe_class) if field.name not in common]
        recipes = ", ".join(recipe.name for recipe in system.recipes)
        sections.append((f"of {name} recipes ({recipes})", own))
    for side in _ARCHITECTURES:
        for kind in _kinds(side):
            names = ", ".join(name for name, each in kind.named.items() if type(each) is kind)
            options = [field._replace(name=f"{side}.{field.name}") for field in fields_of(kind)]
            sections.append((f"of {side} {names}", options))
    return sections


def _settable(cls: type) -> list[Field]:
    """The fields with a default: an architecture has none that suits all recipes."""
    return [field for field in fields_of(cls) if field.default is not dataclasses.MISSING]


def _kinds(side: str) -> list[type[Architecture]]:
    """The classes of generators, or of discriminators, that some system takes."""
    bases = [getattr(system.recipe_class, f"{side}s") for system in SYSTEMS.values()]
    return list(dict.fromkeys(kind for base in bases for kind in base.kinds.values()))


def _field_line(field: Field, value: str, width: int) -> str:
    meaning = field.meaning.replace("`", "")
    text = f"  {field.name} = {value or '(none)'}  ({field.kind}) {meaning}"
    return textwrap.fill(text, width, subsequent_indent="      ")


def _paragraph(text: str, width: int) -> str:
    return textwrap.fill(text, width, subsequent_indent="    ")


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
