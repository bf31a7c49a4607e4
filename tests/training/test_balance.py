"""How often discriminators are updated, counted in every kind of GAN."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.losses import Hinge, LeastSquares, PerHead
from monet.models import (
    DCGANDiscriminator,
    DCGANGenerator,
    PainterGenerator,
    PatchGANDiscriminator,
    ResNetGenerator,
    TwoHeadedDiscriminator,
)
from monet.systems import build_model, get_recipe
from monet.training.balance import Balance

SIZE = 32
RECIPES = {
    "cyclegan": get_recipe("cyclegan").replace(
        generator=ResNetGenerator(filters=2, blocks=1),
        discriminator=PatchGANDiscriminator(filters=2),
        pool_size=0,
        image_size=SIZE,
    ),
    "monet": get_recipe("monet").replace(
        generator=PainterGenerator(filters=2, blocks=1, head_filters=2),
        discriminator=TwoHeadedDiscriminator(filters=2),
        image_size=SIZE,
    ),
    "dcgan": get_recipe("dcgan").replace(
        generator=DCGANGenerator(filters=4, latent_dim=8),
        discriminator=DCGANDiscriminator(filters=2),
        image_size=SIZE,
    ),
}


class Counter(keras.optimizers.SGD):
    """Counts its updates and keeps the last gradients; leaves the weights alone."""

    def __init__(self):
        super().__init__()
        self.count, self.seen = tf.Variable(0), []

    def apply(self, grads, trainable_variables=None):
        self.count.assign_add(1)
        self.seen.append(list(grads))
        self.iterations.assign_add(1)


def counting(name, **changes):
    """A model that counts, and the counters of its generators and discriminators."""
    model = build_model(RECIPES[name].replace(**changes), steps_per_epoch=10)
    counters = Counter(), Counter()
    model.compile(*counters, model.adversarial_loss, run_eagerly=True)
    return model, *counters


def batch(name, size, seed=0):
    draws = tf.random.stateless_uniform([2, size, SIZE, SIZE, 3], [seed, 1], -1, 1)
    return draws[0] if name == "dcgan" else (draws[0], draws[1])


@pytest.mark.parametrize("name", RECIPES)
def test_k_updates_of_the_discriminator_for_each_of_the_generator(name):
    model, generator, discriminator = counting(name, discriminator_steps=3)
    for step in range(2):
        model.train_step(batch(name, 3, step))
    assert (int(generator.count), int(discriminator.count)) == (2, 6)


@pytest.mark.parametrize("name", RECIPES)
def test_each_update_has_a_part_of_the_batch_of_its_own(name):
    """The generator learns from the last part: what the others show makes no difference to it."""
    first, second = batch(name, 6, 0), batch(name, 6, 1)
    pictures = zip(tf.nest.flatten(first), tf.nest.flatten(second), strict=True)
    mixed = [tf.concat([others[:4], own[4:]], 0) for own, others in pictures]
    seen = []
    for given in (first, tf.nest.pack_sequence_as(first, mixed)):
        model, generator, discriminator = counting(name, discriminator_steps=3)
        model.train_step(given)
        seen.append((generator.seen[0], [gradients[0] for gradients in discriminator.seen]))
    (one_generator, one), (other_generator, other) = seen
    for ours, theirs in zip(one_generator, other_generator, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for ours, theirs in zip(one[:2], other[:2], strict=True):
        assert not np.allclose(ours, theirs)
    assert not np.allclose(one[0], one[1])


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("compiled", [False, True])
def test_an_update_every_k_steps(name, compiled):
    model = build_model(RECIPES[name].replace(discriminator_every=3), steps_per_epoch=10)
    step = tf.function(model.train_step) if compiled else model.train_step
    updates = []
    for number in range(4):
        before = [weight.numpy() for weight in model.discriminator_weights]
        model.reset_metrics()
        logs = step(batch(name, 1, number))
        after = [weight.numpy() for weight in model.discriminator_weights]
        updates.append(any(map(np.any, map(np.subtract, after, before))))
        assert float(logs["discriminator_updates"]) == updates[-1]
    assert updates == [True, False, False, True]


@pytest.mark.parametrize("name", RECIPES)
def test_an_accurate_discriminator_is_left_alone(name):
    """The last bias alone decides here: far above 0 everything is taken for real, half is right."""
    for most, updated in ((0.4, 0), (0.6, 1)):
        model, generator, discriminator = counting(name, discriminator_accuracy=most)
        for network in model.networks:
            for weight in network.trainable_variables:
                if weight.shape.rank == 1 and weight.shape[0] == 1:
                    weight.assign([50.0])
        logs = model.train_step(batch(name, 2))
        assert float(logs["discriminator_accuracy"]) == 0.5
        assert int(discriminator.count) == int(logs["discriminator_updates"]) == updated
        assert int(generator.count) == 1


def test_accuracy_goes_by_the_side_of_the_threshold_that_the_loss_draws():
    real, fake = tf.constant([[0.6, 0.3]]), tf.constant([[0.4, 0.2], [-0.1, 0.7]])
    assert float(LeastSquares().accuracy(real, fake)) == pytest.approx((0.5 + 0.75) / 2)
    assert float(Hinge().accuracy(real, fake)) == pytest.approx((1 + 0.25) / 2)
    both = PerHead([LeastSquares(), Hinge()])
    assert float(both.accuracy([real, real], [fake, fake])) == pytest.approx(0.625)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "discriminator_steps=0: expected an integer of at least 1"),
        ({"every": 1.5}, "discriminator_every=1.5: expected an integer"),
        ({"accuracy": 0.0}, r"discriminator_accuracy=0.0: expected a share in \(0, 1\]"),
    ],
)
def test_bad_balances(options, message):
    with pytest.raises(ValueError, match=message):
        Balance(**options)
