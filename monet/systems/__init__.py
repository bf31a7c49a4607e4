"""Systems: the kinds of GAN that runs can train, one file each, with their recipes.

A recipe is a frozen dataclass with everything that decides how a system is built and trained.

    >>> recipe = get_recipe("resnet-lsgan")
    >>> recipe.batch_size, recipe.lambda_cycle, recipe.lambda_identity
    (1, 10.0, 'half')
    >>> recipe.replace(epochs=2, image_size=None).image_size   # None keeps the recipe's own value
    256
    >>> change(recipe, {"generator": "unet", "generator.filters": 32}).generator.levels
    8

`build_model` makes a Keras model of one, to be trained by `fit`; `monet.runs` trains it with all
that belongs to a run. Importing this package doesn't import TensorFlow.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from monet.systems.base import RECIPES, SYSTEMS, Curve, Sheet, System
from monet.systems.fields import change
from monet.systems.recipe import Phase, Recipe

if TYPE_CHECKING:
    import keras

    from monet.training.adversarial import AdversarialModel

# A file in this folder is all that a system needs to be known.
for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = [
    "DEFAULT_MINUTES",
    "DEFAULT_RECIPE",
    "GPU_RECIPE",
    "RECIPES",
    "SAMPLE_RECIPE",
    "SYSTEMS",
    "Curve",
    "Phase",
    "Recipe",
    "Sheet",
    "System",
    "build_model",
    "change",
    "get_recipe",
    "recipe_from_dict",
    "system_for",
    "system_of",
]

DEFAULT_RECIPE = "monet"
GPU_RECIPE = "monet-gpu"
"""Takes the default's place where there is a GPU."""

DEFAULT_MINUTES = 120.0
"""For which a recipe is trained that nobody named, unless a number of epochs or steps is given."""

SAMPLE_RECIPE = "sample"


def get_recipe(name: str) -> Any:
    """The recipe of that name.

    Raises:
        ValueError: if there is none; the message lists the names.
    """
    try:
        return RECIPES[name]
    except KeyError:
        names = ", ".join(RECIPES)
        raise ValueError(f"There is no recipe {name!r}; choose from {names}.") from None


def system_of(recipe: Recipe) -> System:
    """The system that `recipe` is a recipe of."""
    return SYSTEMS[recipe.system]


def system_for(generator: keras.Model) -> System:
    """A system whose generators take what this one takes, of which only its file is known."""
    return next(system for system in SYSTEMS.values() if system.suits(generator))


def recipe_from_dict(fields: Mapping[str, Any]) -> Any:
    """The recipe whose `to_dict` gave `fields`.

    Raises:
        KeyError, TypeError, ValueError: if no recipe did.
    """
    fields = dict(fields)
    system = fields.pop("system")
    if system not in SYSTEMS:
        raise ValueError(f"system={system!r}: expected one of {', '.join(SYSTEMS)}.")
    return SYSTEMS[system].recipe_class.from_dict(fields)


def build_model(
    recipe: Recipe, steps_per_epoch: int, seed: int = 0, **options: Any
) -> AdversarialModel:
    """A compiled Keras model, as `recipe` describes it; see `System.build` for the options.

    ```python
    model = build_model(get_recipe("cyclegan"), steps_per_epoch=300, dtype="mixed_float16")
    model.fit(batches, steps_per_epoch=300, epochs=200)  # of (photos, paintings) in [-1, 1]
    ```
    """
    return system_of(recipe).build(recipe, steps_per_epoch, seed, **options)
