"""From a recipe to a compiled DCGAN."""

from __future__ import annotations

import keras
import tensorflow as tf

from monet.losses import BinaryCrossentropy
from monet.models import dcgan_discriminator, dcgan_generator, residual_dcgan_generator
from monet.recipes import DCGANRecipe
from monet.training.build import recipe_adam, seeded
from monet.training.dcgan import DCGAN

_GENERATORS = {"plain": dcgan_generator, "residual": residual_dcgan_generator}


def build_dcgan(
    recipe: DCGANRecipe,
    steps_per_epoch: int,
    seed: int = 0,
    *,
    dtype: str | None = None,
    jit_compile: bool | str | None = None,
    steps_per_execution: int = 1,
) -> DCGAN:
    """A compiled `DCGAN`, as `recipe` describes it.

    Args:
        recipe: the hyper-parameters.
        steps_per_epoch: as for `build_cyclegan`.
        seed: of the initial weights and of everything random in the training.
        dtype: as for `build_cyclegan`.
        jit_compile: see `keras.Model.compile`; by default "auto" with a GPU and False without:
            XLA's convolutions on a CPU take twice as long.
        steps_per_execution: see `keras.Model.compile`.
    """
    with seeded(seed):
        networks = build_networks(recipe, dtype)
    model = DCGAN(
        *networks,
        image_noise=recipe.image_noise,
        discriminator_every=recipe.discriminator_every,
        augment=recipe.diff_augment,
        gradient_penalty=recipe.gradient_penalty,
        average_momentum=recipe.average_momentum,
        seed=seed,
    )
    loss = BinaryCrossentropy(
        halved=False,
        generator_target=recipe.generator_target,
        real_targets=recipe.real_targets,
        fake_targets=recipe.fake_targets,
    )
    if jit_compile is None:
        jit_compile = "auto" if tf.config.list_logical_devices("GPU") else False
    model.compile(
        recipe_adam(recipe, recipe.generator_learning_rate, steps_per_epoch),
        recipe_adam(recipe, recipe.discriminator_learning_rate, steps_per_epoch),
        loss,
        jit_compile=jit_compile,
        steps_per_execution=steps_per_execution,
    )
    return model


def build_networks(
    recipe: DCGANRecipe, dtype: str | None = None
) -> tuple[keras.Model, keras.Model]:
    """The generator and the discriminator of `recipe`."""
    generator = _GENERATORS[recipe.generator](
        image_size=recipe.image_size,
        latent_dim=recipe.latent_dim,
        filters=recipe.generator_filters,
        dtype=dtype,
        name="generator",
    )
    discriminator = dcgan_discriminator(
        image_size=recipe.image_size,
        filters=recipe.discriminator_filters,
        dropout=recipe.dropout,
        dtype=dtype,
        name="discriminator",
    )
    return generator, discriminator
