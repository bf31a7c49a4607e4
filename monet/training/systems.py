"""What differs from one kind of system to the next, in one table."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import keras
import numpy as np

from monet.data import (
    Augment,
    Copies,
    Domains,
    fixed_images,
    painting_dataset,
    training_dataset,
)
from monet.recipes import CycleGANRecipe, DCGANRecipe, Recipe
from monet.training.build import build_cyclegan
from monet.training.build_dcgan import build_dcgan, build_networks
from monet.training.networks import build_network
from monet.training.noise_samples import NoiseSheet
from monet.training.samples import SampleSheet

if TYPE_CHECKING:
    from monet.runs.settings import Settings

_SAMPLE_PAINTINGS = 2
_COMPARED_PAINTINGS = 16


class Sheet(Protocol):
    """Draws the samples of an epoch, always of the same inputs."""

    layout: dict[str, int]
    """What the gallery needs to know, kept in `config.json`."""

    def draw(self, model: keras.Model) -> np.ndarray:
        """Returns the sheet, uint8 [height, width, 3], as the model paints it now."""

    def measure(self, model: keras.Model) -> dict[str, float]:
        """Returns figures of the pictures, by name, for the history of the run."""


@dataclasses.dataclass(frozen=True)
class System:
    """How a run trains one kind of system.

    Attributes:
        build: makes the compiled model. Called as `build(recipe, steps_per_epoch, seed,
            dtype=policy)`, and with `jit_compile=False` where devices train in step. The model has
            a `generator` (the network that a run folder keeps) and a `generator_optimizer`; all
            its state is in its variables.
        dataset: makes the endless training batches. Called as `dataset(settings, domains,
            start_step)`; batch t must not depend on the start.
        networks: makes a generator and a discriminator as the recipe describes them. Called as
            `networks(recipe)`.
        sheet: makes the sample sheet. Called as `sheet(settings, domains)`; the same settings give
            the same inputs.
    """

    build: Callable[..., keras.Model]
    dataset: Callable[[Settings, Domains, int], Any]
    sheet: Callable[[Settings, Domains], Sheet]
    networks: Callable[[Recipe], tuple[keras.Model, keras.Model]]


def system_of(recipe: Recipe) -> System:
    """The system that `recipe` is a recipe of."""
    return _SYSTEMS[recipe.system]


def _cyclegan_dataset(settings: Settings, domains: Domains, start_step: int) -> Any:
    recipe = settings.recipe
    return training_dataset(
        domains.paintings,
        domains.photos,
        image_size=recipe.image_size,
        batch_size=settings.global_batch_size,
        augment=Augment(flip=recipe.flip, jitter=recipe.jitter),
        seed=settings.seed,
        start_step=start_step,
    )


def _cyclegan_networks(recipe: Recipe) -> tuple[keras.Model, keras.Model]:
    return tuple(
        build_network(architecture, recipe.image_size)
        for architecture in (recipe.generator, recipe.discriminator)
    )


def _cyclegan_sheet(settings: Settings, domains: Domains) -> SampleSheet:
    size, seed = settings.recipe.image_size, settings.seed
    return SampleSheet(
        fixed_images(domains.photos, settings.recipe.sample_photos, size, seed),
        fixed_images(domains.paintings, _SAMPLE_PAINTINGS, size, seed),
    )


def _dcgan_dataset(settings: Settings, domains: Domains, start_step: int) -> Any:
    recipe = settings.recipe
    return painting_dataset(
        domains.paintings,
        image_size=recipe.image_size,
        batch_size=settings.global_batch_size,
        augment=Copies(recipe.least_noisy) if recipe.copies else Augment(flip=True, jitter=1),
        seed=settings.seed,
        start_step=start_step,
    )


def _dcgan_sheet(settings: Settings, domains: Domains) -> NoiseSheet:
    recipe, seed = settings.recipe, settings.seed
    paintings = fixed_images(domains.paintings, _COMPARED_PAINTINGS, recipe.image_size, seed)
    return NoiseSheet(paintings, recipe.latent_dim, seed)


_SYSTEMS = {
    CycleGANRecipe.system: System(
        build=build_cyclegan,
        dataset=_cyclegan_dataset,
        sheet=_cyclegan_sheet,
        networks=_cyclegan_networks,
    ),
    DCGANRecipe.system: System(
        build=build_dcgan,
        dataset=_dcgan_dataset,
        sheet=_dcgan_sheet,
        networks=build_networks,
    ),
}
