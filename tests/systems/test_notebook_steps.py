"""The U-Net recipes move their weights as the notebooks do, step for step, from the same start.

The notebooks differentiate the unreduced map of 30×30 losses, with the scalar cycle and identity
losses added to each of them. Gamma from N(0, 0.02) makes the gradients of the inner levels so small
that Adam's epsilon decides how far these move. So all is as documented here but for the widths.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import keras
import numpy as np
import plain_networks
import pytest
import tensorflow as tf

from monet.systems import RECIPES, build_model

SIZE, FILTERS, LAMBDA = 256, 8, 10.0
LAST_PLACE = 4e-9  # of weights around 0.02


class Case(NamedTuple):
    generator_rate: float
    batch_size: int
    steps: int


CASES = {
    "unet-bce": Case(2e-4, 1, 3),
    "unet-base": Case(1e-3, 1, 3),
    "unet-group": Case(2e-4, 4, 2),
    "unet-attention": Case(
        1e-3, 1, 2
    ),  # rounding errors grow twentyfold and more from step to step
}


def thin(architecture):
    """It with fewer channels, and without what draws at random in a step."""
    changes = {"filters": FILTERS, "dropout": 0.0, "noise": 0.0}
    fields = {field.name for field in dataclasses.fields(architecture)}
    return dataclasses.replace(
        architecture, **{key: value for key, value in changes.items() if key in fields}
    )


def notebook_networks(name):
    attention = name == "unet-attention"
    generator = plain_networks.attention_unet if attention else plain_networks.unet
    discriminator = (
        plain_networks.attention_discriminator if attention else plain_networks.unet_discriminator
    )
    return [build(SIZE, FILTERS) for build in 2 * [generator] + 2 * [discriminator]]


def cross_entropy(labels, logits):
    """`[N, 30, 30]`: one of each patch."""
    return keras.losses.BinaryCrossentropy(from_logits=True, reduction="none")(labels, logits)


def notebook_step(networks, optimizers, monet, photo):
    """`train_step` of the notebooks."""
    m_gen, p_gen, m_disc, p_disc = networks

    def generator_loss(generated):
        return cross_entropy(tf.ones_like(generated), generated)

    def discriminator_loss(real, generated):
        real_loss = cross_entropy(tf.ones_like(real), real)
        return 0.5 * (real_loss + cross_entropy(tf.zeros_like(generated), generated))

    def cycle_loss(real, cycled):
        return LAMBDA * tf.reduce_mean(tf.abs(real - cycled))

    def identity_loss(real, same):
        return LAMBDA * 0.5 * tf.reduce_mean(tf.abs(real - same))

    with tf.GradientTape(persistent=True) as tape:
        fake_monet, fake_photo = m_gen(photo, training=True), p_gen(monet, training=True)
        cycled_photo, cycled_monet = p_gen(fake_monet, training=True), m_gen(fake_photo)
        same_monet, same_photo = m_gen(monet, training=True), p_gen(photo, training=True)
        cycle = cycle_loss(monet, cycled_monet) + cycle_loss(photo, cycled_photo)
        losses = [
            generator_loss(m_disc(fake_monet)) + cycle + identity_loss(monet, same_monet),
            generator_loss(p_disc(fake_photo)) + cycle + identity_loss(photo, same_photo),
            discriminator_loss(m_disc(monet), m_disc(fake_monet)),
            discriminator_loss(p_disc(photo), p_disc(fake_photo)),
        ]
    gradients = [
        tape.gradient(loss, network.trainable_variables)
        for loss, network in zip(losses, networks, strict=True)
    ]
    for optimizer, gradient, network in zip(optimizers, gradients, networks, strict=True):
        optimizer.apply(gradient, network.trainable_variables)


def pictures(case):
    """Batches of both kinds, coarse shapes with a grain."""
    random = np.random.default_rng(1)
    shape = (case.steps, 2, case.batch_size)
    coarse = random.uniform(-1, 1, (*shape, 8, 8, 3)).repeat(SIZE // 8, 3).repeat(SIZE // 8, 4)
    grain = 0.2 * random.normal(size=(*shape, SIZE, SIZE, 3))
    return tf.constant(np.clip(coarse + grain, -1, 1), tf.float32)


@pytest.mark.parametrize("name", CASES)
def test_weights_move_as_in_the_notebook(name):
    case, recipe = CASES[name], RECIPES[name]
    assert recipe.batch_size == case.batch_size
    recipe = recipe.replace(
        generator=thin(recipe.generator),
        discriminator=thin(recipe.discriminator),
        steps_per_epoch=10,
    )
    model = build_model(recipe, recipe.steps_per_epoch)
    start = [network.get_weights() for network in model.networks]
    notebook = notebook_networks(name)
    optimizers = [
        keras.optimizers.Adam(rate, beta_1=0.5)
        for rate in (case.generator_rate, case.generator_rate, 2e-4, 2e-4)
    ]
    for network, weights, optimizer in zip(notebook, start, optimizers, strict=True):
        network.set_weights(weights)
        optimizer.build(network.trainable_variables)

    for monet, photo in pictures(case):
        notebook_step(notebook, optimizers, monet, photo)
        model.train_step((photo, monet))

    for ours, theirs, first in zip(model.networks, notebook, start, strict=True):
        for weight, wanted, before in zip(ours.weights, theirs.get_weights(), first, strict=True):
            if weight.name == "bias":
                continue  # before a norm: without influence, so its gradients are rounding errors
            # Medians, because Adam makes whole steps of gradients that are 0 but for rounding.
            way, miss = np.median(np.abs(wanted - before)), np.median(np.abs(weight - wanted))
            assert miss <= 0.15 * way + LAST_PLACE, f"{ours.name}, {weight.path}"


@pytest.mark.parametrize("name", CASES)
def test_epsilon_is_adams_by_the_number_of_losses_in_a_step(name):
    recipe = RECIPES[name]
    logits = recipe.discriminator.build(SIZE).compute_output_shape((None, SIZE, SIZE, 3))
    assert recipe.image_size == SIZE
    assert recipe.epsilon == pytest.approx(1e-7 / (np.prod(logits[1:]) * recipe.batch_size))
