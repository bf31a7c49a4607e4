"""Training recipes: one frozen dataclass per published system.

Hyper-parameters live here and nowhere else. A recipe reproduces its source as documented, flaws
included; an improvement is a recipe of its own.

    >>> recipe = get_recipe("resnet-lsgan")
    >>> recipe.batch_size, recipe.lambda_identity
    (1, 5.0)
    >>> recipe.replace(epochs=2, image_size=None).image_size   # None keeps the recipe's own value
    256
    >>> recipe.replace(generator=ResNetGenerator(filters=32)).generator.blocks
    9
"""

from __future__ import annotations

from typing import Any

from monet.recipes.architectures import (
    DISCRIMINATORS,
    GENERATORS,
    Architecture,
    AttentionDiscriminator,
    AttentionUNetGenerator,
    PatchGANDiscriminator,
    ResNetGenerator,
    UNetDiscriminator,
    UNetGenerator,
    get_discriminator,
    get_generator,
)
from monet.recipes.base import Recipe
from monet.recipes.cyclegan import ADVERSARIAL_LOSSES, CYCLEGAN_RECIPES, CycleGANRecipe
from monet.recipes.dcgan import DCGAN_RECIPES, DCGANRecipe

__all__ = [
    "ADVERSARIAL_LOSSES",
    "DEFAULT_RECIPE",
    "DISCRIMINATORS",
    "GENERATORS",
    "RECIPES",
    "SAMPLE_RECIPE",
    "Architecture",
    "AttentionDiscriminator",
    "AttentionUNetGenerator",
    "CycleGANRecipe",
    "DCGANRecipe",
    "PatchGANDiscriminator",
    "Recipe",
    "ResNetGenerator",
    "UNetDiscriminator",
    "UNetGenerator",
    "get_discriminator",
    "get_generator",
    "get_recipe",
    "recipe_from_dict",
]

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (*CYCLEGAN_RECIPES, *DCGAN_RECIPES)}
DEFAULT_RECIPE = "cyclegan"
SAMPLE_RECIPE = "sample"

_SYSTEMS = {cls.system: cls for cls in (CycleGANRecipe, DCGANRecipe)}


def get_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        ValueError: if there is none; the message lists the names.
    """
    try:
        return RECIPES[name]
    except KeyError:
        names = ", ".join(RECIPES)
        raise ValueError(f"There is no recipe {name!r}; choose from {names}.") from None


def recipe_from_dict(fields: dict[str, Any]) -> Recipe:
    """The recipe whose `to_dict` gave `fields`, in this version of the package or in 0.1.0.

    Raises:
        KeyError, TypeError, ValueError: if no recipe did.
    """
    fields = dict(fields) if "system" in fields else _from_flat_fields(fields)
    system = fields.pop("system")
    if system not in _SYSTEMS:
        raise ValueError(f"system={system!r}: expected one of {', '.join(_SYSTEMS)}.")
    return _SYSTEMS[system].from_dict(fields)


def _from_flat_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """Of runs from when every recipe was a CycleGAN of a ResNet and a PatchGAN."""
    fields = {**fields, "system": CycleGANRecipe.system}
    fields["generator"] = {
        "architecture": fields["generator"],
        **{key: fields.pop(f"generator_{key}") for key in ("filters", "blocks", "padding")},
    }
    fields["discriminator"] = {
        "architecture": PatchGANDiscriminator.architecture,
        **{key: fields.pop(f"discriminator_{key}") for key in ("filters", "padding")},
    }
    return fields
