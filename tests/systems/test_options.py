"""What notebooks propose as next steps: each option trains, and changes what it says."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.losses import WassersteinGradientPenalty
from monet.models import (
    DCGANDiscriminator,
    DCGANGenerator,
    PainterGenerator,
    PatchGANDiscriminator,
    ResNetGenerator,
    TwoHeadedDiscriminator,
    dcgan_generator,
)
from monet.systems import build_model, change, get_recipe

SIZE = 32
TINY = {
    "cyclegan": get_recipe("cyclegan").replace(
        generator=ResNetGenerator(filters=2, blocks=1),
        discriminator=PatchGANDiscriminator(filters=4),
        pool_size=0,
        image_size=SIZE,
    ),
    "monet": get_recipe("monet").replace(
        generator=PainterGenerator(filters=2, blocks=1, head_filters=2),
        discriminator=TwoHeadedDiscriminator(filters=4),
        diff_augment=(),
        image_size=SIZE,
    ),
    "dcgan": get_recipe("dcgan").replace(
        generator=DCGANGenerator(filters=4, latent_dim=8),
        discriminator=DCGANDiscriminator(filters=4, dropout=0.0),
        image_noise=0.0,
        image_size=SIZE,
    ),
}


class Recorder(keras.optimizers.SGD):
    """Notes the gradients and leaves the weights alone."""

    def apply(self, grads, trainable_variables=None):
        self.recorded = [np.asarray(gradient) for gradient in grads]


def batch(name, size=2, seed=0):
    draws = tf.random.stateless_uniform([2, size, SIZE, SIZE, 3], [seed, 1], -1, 1)
    return draws[0] if name == "dcgan" else (draws[0], draws[1])


def built(name, **changes):
    return build_model(change(TINY[name], changes), steps_per_epoch=10)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("dcgan", {"adversarial_loss": "wgan-gp", "discriminator_steps": 2}),
        ("dcgan", {"adversarial_loss": "least-squares", "gradient_penalty": 1.0}),
        ("dcgan", {"generator.latents": "uniform", "generator.latent_dim": 5}),
        ("dcgan", {"generator": "dcgan-residual", "generator.filters": 4}),
        ("dcgan", {"discriminator_every": 2, "discriminator_accuracy": 0.9}),
        ("cyclegan", {"gradient_penalty": 1.0, "adversarial_loss": "bce"}),
        ("cyclegan", {"gradient_penalty": 1.0, "penalty": "wgan-gp"}),
        ("cyclegan", {"discriminator_steps": 2, "pool_size": 3}),
        ("cyclegan", {"discriminator_accuracy": 0.9}),
        ("cyclegan", {"discriminator.dropout": 0.3}),
        ("cyclegan", {"discriminator": "unet", "discriminator.dropout": 0.3}),
        ("cyclegan", {"generator": "unet-residual", "generator.filters": 2}),
        ("cyclegan", {"generator": "unet-gated", "generator.filters": 2}),
        ("monet", {"gradient_penalty": 1.0, "penalty": "wgan-gp"}),
        ("monet", {"discriminator_steps": 2}),
    ],
    ids=lambda value: value if isinstance(value, str) else ",".join(value),
)
def test_every_option_trains(name, changes):
    model = built(name, **changes)
    before = [weight.numpy() for weight in model.trainable_variables]
    batches = tf.data.Dataset.from_tensors(batch(name, 4)).repeat()
    history = model.fit(batches, steps_per_epoch=3, verbose=0, shuffle=False).history
    assert np.all(np.isfinite([values[0] for values in history.values()]))
    assert ("gradient_penalty" in history) == ("gradient_penalty" in changes)
    assert ("discriminator_updates" in history) == bool(
        {"discriminator_every", "discriminator_accuracy"} & set(changes)
    )
    moved = [
        np.any(weight.numpy() != old)
        for weight, old in zip(model.trainable_variables, before, strict=True)
    ]
    assert np.mean(moved) > 0.75, "all but what a norm, or a level of one pixel, makes idle"


def slope_square(discriminator, pictures):
    """Half the penalty R1 of weight 1: picture by picture, of the mean logit of each head."""
    total = 0.0
    for picture in tf.unstack(pictures):
        with tf.GradientTape() as tape:
            tape.watch(picture)
            heads = tf.nest.flatten(discriminator(picture[None], training=True))
            logit = tf.add_n([tf.reduce_mean(head) for head in heads])
        total += tf.reduce_sum(tf.square(tape.gradient(logit, picture)))
    return total / len(pictures)


@pytest.mark.parametrize("loss", ["bce", "least-squares"])
@pytest.mark.parametrize("name", ["cyclegan", "dcgan", "monet"])
def test_r1_adds_its_own_gradient_to_that_of_any_loss(name, loss):
    weight, gradients = 6.0, []
    losses = {"head_losses": (loss, loss)} if name == "monet" else {"adversarial_loss": loss}
    for penalty in (0.0, weight):
        model = built(name, gradient_penalty=penalty, **losses)
        recorder = Recorder()
        model.compile(Recorder(), recorder, adversarial_loss=model.adversarial_loss)
        logs = model.train_step(batch(name))
        gradients.append(recorder.recorded)

    given = batch(name)
    if name == "cyclegan":
        judged = list(
            zip((model.painting_discriminator, model.photo_discriminator), given[::-1], strict=True)
        )
    else:
        judged = [(model.discriminator, given if name == "dcgan" else given[1])]
    with tf.GradientTape() as tape:
        penalties = [slope_square(discriminator, real) for discriminator, real in judged]
        added = 0.5 * weight * tf.add_n(penalties)
    wanted = tape.gradient(added, [weight.value for weight in model.discriminator_weights])
    assert float(logs["gradient_penalty"]) == pytest.approx(
        float(tf.reduce_mean(penalties)), rel=1e-4
    )
    assert any(gradient is not None and np.abs(gradient).max() > 1e-3 for gradient in wanted)
    for plain, penalized, want in zip(*gradients, wanted, strict=True):
        want = np.zeros_like(plain) if want is None else want
        scale = max(1e-6, np.abs(plain).max(), np.abs(want).max())
        np.testing.assert_allclose((penalized - plain) / scale, want / scale, atol=1e-4)


def test_a_dcgan_with_the_wasserstein_loss_has_its_penalty():
    halves = []
    for penalty_weight in (0.0, 10.0):
        model = built("dcgan", adversarial_loss="wgan-gp")
        assert isinstance(model.adversarial_loss, WassersteinGradientPenalty)
        assert not model.adversarial_loss.halved
        model.adversarial_loss.penalty_weight = penalty_weight
        halves.append(float(model.train_step(batch("dcgan"))["discriminator_loss"]))
    # At the start logits hardly differ and slopes are far below 1, so that the penalty is near 10.
    assert abs(halves[0]) < 1
    assert 5 < halves[1] - halves[0] < 10.5


def test_the_identity_loss_weighs_half_the_cycle_loss_unless_it_is_given():
    assert built("cyclegan", lambda_cycle=3.0).lambda_identity == 1.5
    assert built("cyclegan", lambda_cycle=3.0, lambda_identity=5.0).lambda_identity == 5


@pytest.mark.parametrize("distribution", ["normal", "uniform", "positive", "sphere"])
def test_latents_of_other_distributions(distribution, tmp_path):
    length = 16
    model = dcgan_generator(image_size=16, latent_dim=length, latents=distribution, filters=2)
    noise = tf.random.stateless_normal([4000, length], [1, 2])
    drawn = keras.Model(model.input, model.get_layer("stem").input)(noise).numpy()
    if distribution == "sphere":
        np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), length**0.5, rtol=1e-4)
        np.testing.assert_allclose(drawn * noise[:, :1], noise * drawn[:, :1], atol=1e-4)
    else:
        # Means and variances of N(0, 1), U(-1, 1) and U(0, 1); ends of the latter.
        mean, variance = {"normal": (0, 1), "uniform": (0, 1 / 3), "positive": (1 / 2, 1 / 12)}[
            distribution
        ]
        assert drawn.mean() == pytest.approx(mean, abs=0.01)
        assert drawn.var() == pytest.approx(variance, rel=0.03)
        if distribution != "normal":
            low = -1 if distribution == "uniform" else 0
            assert low <= drawn.min() < low + 0.01 and 0.99 < drawn.max() <= 1
            histogram, _ = np.histogram(drawn, bins=10)
            np.testing.assert_allclose(histogram / drawn.size, 0.1, atol=0.01)
    model.save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    np.testing.assert_allclose(loaded(noise[:2]), model(noise[:2]), atol=1e-6)


def test_an_unknown_distribution():
    with pytest.raises(ValueError, match="latents='cauchy' .* one of normal, uniform, positive"):
        DCGANGenerator(latents="cauchy")
    with pytest.raises(ValueError, match="distribution='cauchy': expected one of normal"):
        dcgan_generator(image_size=16, latents="cauchy")
