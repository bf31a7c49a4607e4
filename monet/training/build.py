"""From a recipe to a compiled model."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

from monet.losses import ADVERSARIAL_LOSSES
from monet.recipes import CycleGANRecipe, Recipe
from monet.training.adam import FusedAdam
from monet.training.cyclegan import CycleGAN
from monet.training.networks import build_network
from monet.training.schedules import ConstantThenLinear


def build_cyclegan(
    recipe: CycleGANRecipe,
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
    with seeded(seed):
        networks = {
            name: build_network(architecture, recipe.image_size, dtype=dtype, name=name)
            for name, architecture in (
                ("painting_generator", recipe.generator),
                ("photo_generator", recipe.generator),
                ("painting_discriminator", recipe.discriminator),
                ("photo_discriminator", recipe.discriminator),
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
    loss = ADVERSARIAL_LOSSES[recipe.adversarial_loss](halved=recipe.halve_discriminator_loss)
    model.compile(
        recipe_adam(recipe, recipe.generator_learning_rate, steps_per_epoch),
        recipe_adam(recipe, recipe.discriminator_learning_rate, steps_per_epoch),
        adversarial_loss=loss,
        jit_compile=jit_compile,
        steps_per_execution=steps_per_execution,
    )
    return model


def recipe_adam(recipe: Recipe, learning_rate: float, steps_per_epoch: int) -> FusedAdam:
    """The optimizer of a recipe, starting at `learning_rate`."""
    steps = recipe.epochs * steps_per_epoch
    decay_steps = round(recipe.decay_fraction * steps)
    schedule = ConstantThenLinear(learning_rate, steps - decay_steps, decay_steps)
    return FusedAdam(schedule, beta_1=recipe.beta_1, beta_2=recipe.beta_2)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds initial weights: Keras draws unseeded initializers' seeds from Python's generator."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
