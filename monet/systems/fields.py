"""The fields of a recipe by name: what they are, and how text sets them.

`epochs` is a field, and so is `generator.filters`, an option of the recipe's architecture.

>>> from monet.systems import get_recipe
>>> recipe = get_recipe("unet-bce")
>>> changes = parse_changes(recipe, [("generator.filters", "32"), ("jitter", "286/256")])
>>> changed = change(recipe, changes)
>>> changed.generator.filters, changed.jitter
(32, 1.1171875)
>>> field_value(changed, "generator.filters")
32
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import re
import typing
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Any, NamedTuple

from monet.models.architecture import Architecture
from monet.systems.recipe import AnyRecipe, Recipe

_ARCHITECTURES = ("generator", "discriminator")
_FIXED = ("name", "source", "summary")
"""What a recipe is called; no part of how it trains."""

_SPOKEN = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_KINDS: dict[Any, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "name",
}


class Field(NamedTuple):
    """A field of a recipe, or an option of an architecture.

    Attributes:
        name: "epochs", or "filters".
        kind: what it takes, in words: "whole number", "name", "numbers by commas", …
        default: where neither recipe nor command line says otherwise; `dataclasses.MISSING` for
            none.
        meaning: in words.
    """

    name: str
    kind: str
    default: Any
    meaning: str


def fields_of(cls: type) -> list[Field]:
    """The fields of a class of recipes or architectures, in their order."""
    types, meanings = typing.get_type_hints(cls), _meanings(cls)
    return [
        Field(field.name, kind_of(types[field.name]), field.default, meanings.get(field.name, ""))
        for field in dataclasses.fields(cls)
        if field.name not in _FIXED
    ]


def field_value(recipe: Recipe, name: str) -> Any:
    """The value of the recipe's field of that name.

    Raises:
        ValueError: it has none such.
    """
    owner, own_name = _owner(recipe, {}, name)
    _type_of(owner, own_name, name)
    return getattr(owner, own_name)


def parse_changes(recipe: Recipe, assignments: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Values by field name, as `change` takes them, from text.

    Numbers may be fractions (`286/256`); several values are separated by commas. An architecture is
    named, and its options are then those of the new one.

    Args:
        recipe: what they are to change.
        assignments: names of fields and what they are set to.

    Raises:
        ValueError: there is no such field, it doesn't take the value, or is set twice.
    """
    changes: dict[str, Any] = {}
    for name, text in sorted(assignments, key=lambda assignment: "." in assignment[0]):
        owner, own_name = _owner(recipe, changes, name)
        expected = _type_of(owner, own_name, name)
        try:
            value = _parse(expected, text)
        except ValueError:
            raise ValueError(f"{name}={text}: expected {_a(kind_of(expected))}.") from None
        if name in changes and changes[name] != value:
            raise ValueError(f"{name} is set twice, to {changes[name]} and to {value}.")
        changes[name] = value
    return changes


def change(recipe: AnyRecipe, changes: Mapping[str, Any]) -> AnyRecipe:
    """`recipe` with other values in some fields.

    Args:
        recipe: any.
        changes: values by field name, `generator.filters` among them; None leaves a field as it is.
            An architecture's name will do for it.

    Raises:
        ValueError: there is no such field, or it doesn't take the value.
    """
    values = {name: value for name, value in changes.items() if value is not None}
    own: dict[str, Any] = {}
    options: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        owner, own_name = _owner(recipe, values, name)
        _type_of(owner, own_name, name)
        if owner is recipe:
            own[name] = typed(recipe, name, value)
        else:
            options.setdefault(name.partition(".")[0], {})[own_name] = value
    for field, chosen in options.items():
        architecture = own.get(field, getattr(recipe, field))
        own[field] = dataclasses.replace(architecture, **chosen)
    return recipe.replace(**own)


def typed(recipe: Recipe, name: str, value: Any) -> Any:
    """The value of a field for what was given, which may be the name of an architecture.

    Raises:
        ValueError: there is no architecture of that name.
    """
    kinds = {"generator": recipe.generators, "discriminator": recipe.discriminators}
    if name not in kinds or not isinstance(value, str):
        return value
    if value not in kinds[name].named:
        known = ", ".join(sorted(kinds[name].named))
        raise ValueError(f"{name}={value}: the recipe {recipe.name!r} takes {known}.")
    return kinds[name].get(value)


def as_text(value: Any) -> str:
    """A field's value, as text that sets it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(as_text(each) for each in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def kind_of(expected: Any) -> str:
    """What a type of field takes, in words."""
    if inspect.isclass(expected) and issubclass(expected, Architecture):
        return "name"
    if isinstance(expected, UnionType):
        return " or ".join(kind_of(each) for each in typing.get_args(expected))
    if typing.get_origin(expected) is tuple:
        first, second = typing.get_args(expected)
        kinds = f"{kind_of(first)}s by commas"
        return kinds if second is Ellipsis else f"two {kinds}"
    return _KINDS[expected]


def _parse(expected: Any, text: str) -> Any:
    if isinstance(expected, UnionType):
        for each in typing.get_args(expected):
            try:
                return _parse(each, text)
            except ValueError:
                continue
        raise ValueError(text)
    if typing.get_origin(expected) is tuple:
        first, second = typing.get_args(expected)
        values = tuple(_parse(first, each.strip()) for each in text.split(",") if each.strip())
        if second is not Ellipsis and len(values) != 2:
            raise ValueError(text)
        return values
    if expected is bool:
        if text.lower() not in _SPOKEN:
            raise ValueError(text)
        return _SPOKEN[text.lower()]
    if expected is float:
        numerator, is_fraction, denominator = text.partition("/")
        try:
            return float(numerator) / float(denominator) if is_fraction else float(text)
        except ZeroDivisionError:
            raise ValueError(text) from None
    return int(text) if expected is int else text


def _owner(
    recipe: Recipe, changes: Mapping[str, Any], name: str
) -> tuple[Recipe | Architecture, str]:
    """What has the field (the recipe or, after `changes`, an architecture), and its name there."""
    first, dot, rest = name.partition(".")
    if not dot:
        return recipe, name
    if first not in _ARCHITECTURES:
        raise ValueError(
            f"{name}: only {' and '.join(_ARCHITECTURES)} have options of their own, as in "
            "generator.filters."
        )
    return typed(recipe, first, changes.get(first, getattr(recipe, first))), rest


def _type_of(owner: Recipe | Architecture, own_name: str, name: str) -> Any:
    """The type of a field.

    Raises:
        ValueError: there is none of that name.
    """
    known = [field.name for field in fields_of(type(owner))]
    if own_name in known:
        return typing.get_type_hints(type(owner))[own_name]
    what = f"the recipe {owner.name!r}" if isinstance(owner, Recipe) else str(owner)
    near = difflib.get_close_matches(own_name, known, n=1)
    hint = f"; did you mean {name.removesuffix(own_name)}{near[0]}?" if near else "."
    raise ValueError(f"{name}: {what} has no such field{hint} It has {', '.join(known)}.")


def _meanings(cls: type) -> dict[str, str]:
    """What the docstrings of a class and of those it is derived from say of their attributes."""
    meanings: dict[str, str] = {}
    for each in cls.__mro__:
        _, _, attributes = (inspect.getdoc(each) or "").partition("Attributes:\n")
        attributes = attributes.split("\n\n")[0]
        for name, text in re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", attributes, re.M):
            meanings.setdefault(name, " ".join(text.split()))
    return meanings


def _a(kind: str) -> str:
    return kind if kind.startswith(("two", "true")) or kind.endswith("commas") else f"a {kind}"
