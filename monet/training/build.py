"""From a recipe to a compiled model."""

from __future__ import annotations

import contextlib
import random

import keras

from monet.losses import LeastSquares
from monet.models import patchgan_discriminator, resnet_generator
from monet.recipes import Recipe
from monet.training.cyclegan import CycleGAN
from monet.training.schedules import ConstantThenLinear

_ADVERSARIAL_LOSSES = {"least-squares": LeastSquares}


def build_cyclegan(
    recipe: Recipe,
    steps_per_epoch: int,
    seed: int = 0,
    *,
    dtype: str | None = None,
    jit_compile: bool | str = "auto",
    steps_per_execution: int = 1,
) -> CycleGAN:
    """A compiled `CycleGAN`, as `recipe` describes it.

    Under a `tf.distribute` strategy, call it inside the strategy's scope.

    Args:
        recipe: the hyper-parameters.
        steps_per_epoch: steps of an epoch; with `recipe.epochs` it sets the pace of the learning
            rate schedule.
        seed: of the initial weights and of the image pools.
        dtype: Keras dtype policy of the networks, such as `"mixed_float16"`; the global one by
            default.
        jit_compile: see `keras.Model.compile`.
        steps_per_execution: see `keras.Model.compile`.
    """
    with _seeded(seed):
        networks = {
            name: build(recipe, dtype, name)
            for name, build in (
                ("painting_generator", _build_generator),
                ("photo_generator", _build_generator),
                ("painting_discriminator", _build_discriminator),
                ("photo_discriminator", _build_discriminator),
            )
        }
    model = CycleGAN(
        **networks,
        lambda_cycle=recipe.lambda_cycle,
        lambda_identity=recipe.lambda_identity,
        pool_size=recipe.pool_size,
        image_shape=(recipe.image_size, recipe.image_size, 3),
        seed=seed,
    )
    loss = _ADVERSARIAL_LOSSES[recipe.adversarial_loss](halved=recipe.halve_discriminator_loss)
    model.compile(
        _adam(recipe, recipe.generator_learning_rate, steps_per_epoch),
        _adam(recipe, recipe.discriminator_learning_rate, steps_per_epoch),
        adversarial_loss=loss,
        jit_compile=jit_compile,
        steps_per_execution=steps_per_execution,
    )
    return model


def _build_generator(recipe, dtype, name):
    return resnet_generator(
        filters=recipe.generator_filters,
        blocks=recipe.generator_blocks,
        padding=recipe.generator_padding,
        dtype=dtype,
        name=name,
    )


def _build_discriminator(recipe, dtype, name):
    return patchgan_discriminator(
        filters=recipe.discriminator_filters,
        padding=recipe.discriminator_padding,
        dtype=dtype,
        name=name,
    )


def _adam(recipe, learning_rate, steps_per_epoch):
    steps = recipe.epochs * steps_per_epoch
    decay_steps = round(recipe.decay_fraction * steps)
    schedule = ConstantThenLinear(learning_rate, steps - decay_steps, decay_steps)
    return keras.optimizers.Adam(schedule, beta_1=recipe.beta_1, beta_2=recipe.beta_2)


@contextlib.contextmanager
def _seeded(seed):
    """Keras draws the seeds of unseeded initializers from Python's generator."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
