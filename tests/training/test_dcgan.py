from __future__ import annotations

import dataclasses
import json

import dcgan_float64 as float64
import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.losses import BinaryCrossentropy
from monet.models import dcgan_discriminator, dcgan_generator
from monet.runs.state import TrainingState
from monet.systems import build_model, get_recipe
from monet.training import DCGAN
from monet.training.penalty import Penalty

SIZE, LATENT = 16, 6


def small(name):
    recipe = get_recipe(name)
    return recipe.replace(
        image_size=SIZE,
        batch_size=3,
        generator=dataclasses.replace(recipe.generator, filters=8, latent_dim=LATENT),
        discriminator=dataclasses.replace(recipe.discriminator, filters=4),
    )


DOCUMENTED, DIVERSE = small("dcgan"), small("dcgan-diverse")


def paintings(seed=0, count=3, size=SIZE):
    rng = np.random.default_rng(seed)
    return tf.constant(rng.uniform(-1, 1, (count, size, size, 3)), tf.float32)


def batches(start=0):
    return tf.data.Dataset.counter(start).map(
        lambda step: tf.random.stateless_uniform([3, SIZE, SIZE, 3], [step, 0], -1, 1)
    )


def fit(model, steps, start=0):
    return model.fit(batches(start), steps_per_epoch=steps, verbose=0, shuffle=False).history


class Recorder(keras.optimizers.SGD):
    """Notes the gradients and leaves the weights alone."""

    def apply(self, grads, trainable_variables=None):
        self.recorded = list(grads)


def fix_noise(model, monkeypatch):
    """Makes the model draw known latents and image noise; returns them."""
    rng = np.random.default_rng(7)
    latents = rng.normal(size=(3, LATENT)).astype("float32")
    noise = rng.normal(size=(3, 32, 32, 3)).astype("float32")
    monkeypatch.setattr(model, "_normal", lambda shape, _: latents if len(shape) == 2 else noise)
    return latents, noise


@pytest.fixture
def documented(monkeypatch):
    """The documented system without dropout, its targets fixed; 32 px, for a block with a norm."""
    generator = dcgan_generator(image_size=32, latent_dim=LATENT, filters=5)
    discriminator = dcgan_discriminator(image_size=32, filters=4, dropout=0.0)
    for layer in generator.layers:  # gamma and beta that show where they are used
        if isinstance(layer, keras.layers.BatchNormalization):
            rng = np.random.default_rng(1)
            layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(rng.uniform(-0.5, 0.5, layer.beta.shape))
    model = DCGAN(generator, discriminator, image_noise=0.05)
    loss = BinaryCrossentropy(
        halved=False, generator_target=0.9, real_targets=(0.95, 0.95), fake_targets=(0.05, 0.05)
    )
    adams = [keras.optimizers.Adam(rate, beta_1=0.5, beta_2=0.9) for rate in (1e-3, 1e-4)]
    model.compile(*adams, loss)
    return model, *fix_noise(model, monkeypatch)


def test_the_first_losses_are_those_of_float64(documented):
    """Three steps, each checked against the weights it started from."""
    model, latents, noise = documented
    for step in range(3):
        real = paintings(step, size=32)
        judge = [weight.numpy() for weight in model.discriminator.trainable_variables]
        fake = float64.generate(latents, model.trained_generator.trainable_variables)
        real_logits = float64.judge(real.numpy() + 0.05 * noise.astype("float64"), judge)
        fake_logits = float64.judge(fake, judge)
        model.reset_metrics()
        logs = model.train_step(real)
        assert float(logs["generator_loss"]) == pytest.approx(
            float64.cross_entropy(0.9, fake_logits), rel=1e-5
        )
        assert float(logs["discriminator_loss"]) == pytest.approx(
            float64.cross_entropy(0.95, real_logits) + float64.cross_entropy(0.05, fake_logits),
            rel=1e-5,
        )


def test_gradients_and_updates_are_those_of_plain_keras(documented):
    model, latents, noise = documented
    generator, discriminator = model.trained_generator, model.discriminator
    real = paintings(size=32)
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    with tf.GradientTape(persistent=True) as tape:
        fake_logits = discriminator(generator(latents, training=True), training=True)
        real_logits = discriminator(real + 0.05 * noise, training=True)
        ones = tf.ones_like(fake_logits)
        generator_loss = cross_entropy(0.9 * ones, fake_logits)
        discriminator_loss = cross_entropy(0.95 * ones, real_logits)
        discriminator_loss += cross_entropy(0.05 * ones, fake_logits)
    want = tape.gradient(generator_loss, generator.trainable_variables)
    want += tape.gradient(discriminator_loss, discriminator.trainable_variables)
    before = [weight.numpy() for weight in model.trainable_variables]
    statistics = [weight.numpy() for weight in generator.non_trainable_variables]

    adams = model.generator_optimizer, model.discriminator_optimizer
    recorders = Recorder(), Recorder()
    model.generator_optimizer, model.discriminator_optimizer = recorders
    model.train_step(real)
    for gradient, expected in zip(recorders[0].recorded + recorders[1].recorded, want, strict=True):
        # that of the last bias is a mean of terms of both signs, up to 1, that nearly cancel
        rounding = 3e-7 if expected.shape == (1,) else 0.0
        assert np.linalg.norm(gradient - expected) <= 1e-5 * np.linalg.norm(expected) + rounding

    for weight, value in zip(generator.non_trainable_variables, statistics, strict=True):
        weight.assign(value)
    model.generator_optimizer, model.discriminator_optimizer = adams
    model.train_step(real)
    split = len(generator.trainable_variables)
    for index, (weight, old, gradient) in enumerate(
        zip(model.trainable_variables, before, want, strict=True)
    ):
        # The first step of Adam moves every weight by the learning rate, against the gradient.
        rate = 1e-3 if index < split else 1e-4
        moved = np.abs(gradient) > 1e-4  # large beside the epsilon of Adam
        steps = (old - weight.numpy())[moved] / np.sign(gradient)[moved]
        np.testing.assert_allclose(steps, rate, rtol=0.01)


def test_what_is_documented_is_built():
    model = build_model(get_recipe("dcgan").replace(image_size=16), steps_per_epoch=750)
    loss, adams = model.adversarial_loss, (model.generator_optimizer, model.discriminator_optimizer)
    assert loss.generator_target == 0.9
    assert (tuple(loss.real_targets), tuple(loss.fake_targets)) == ((0.9, 1.0), (0.0, 0.1))
    assert not loss.halved
    assert [float(adam.learning_rate) for adam in adams] == pytest.approx([1e-3, 1e-4])
    assert [(adam.beta_1, adam.beta_2) for adam in adams] == [(0.5, 0.9)] * 2
    assert model.image_noise == 0.05 and not model.augment.policies
    assert model.generator is model.trained_generator
    assert not model.jit_compile or tf.config.list_logical_devices("GPU")


@pytest.mark.parametrize("recipe", [DOCUMENTED, DIVERSE], ids=lambda recipe: recipe.name)
def test_fit_reports_its_losses_and_trains_every_weight(recipe):
    model = build_model(recipe, steps_per_epoch=2)
    before = [weight.numpy() for weight in model.trainable_variables]
    history = fit(model, steps=2)
    names = {"generator_loss", "discriminator_loss"}
    assert history.keys() == names | ({"gradient_penalty"} if recipe is DIVERSE else set())
    assert np.all(np.isfinite(list(history.values())))
    for weight, old in zip(model.trainable_variables, before, strict=True):
        assert np.any(weight != old), weight.path
    assert int(model.steps) == 2
    evaluated = model.evaluate(paintings(), batch_size=3, return_dict=True, verbose=0)
    assert evaluated.keys() == history.keys()
    assert int(model.steps) == 2


def test_every_step_draws_anew_and_the_seed_decides():
    def losses(seed, steps=3):
        model = build_model(DOCUMENTED, steps_per_epoch=1, seed=seed)
        model.compile(Recorder(), Recorder(), model.adversarial_loss)
        same = tf.data.Dataset.from_tensors(paintings()).repeat()
        histories = [model.fit(same, steps_per_epoch=1, verbose=0).history for _ in range(steps)]
        return [history["discriminator_loss"][0] for history in histories]

    first = losses(0)
    assert len(set(first)) == 3
    # A loss is a sum, whose last bit depends on the op that is done first (test_order_of_sums.py).
    assert losses(0) == pytest.approx(first, rel=1e-6)
    assert losses(1) != pytest.approx(first, rel=1e-3)


@pytest.mark.parametrize("recipe", [DOCUMENTED, DIVERSE], ids=lambda recipe: recipe.name)
def test_training_goes_on_exactly_from_a_checkpoint(recipe, tmp_path):
    """Dropout, latents, noise, DiffAugment, average and optimizers included."""
    whole = build_model(recipe, steps_per_epoch=5)
    fit(whole, steps=5)
    first = build_model(recipe, steps_per_epoch=5)
    fit(first, steps=2)
    TrainingState(first, tmp_path).save()
    second = build_model(recipe, steps_per_epoch=5, seed=0)
    fit(second, steps=1, start=40)  # leaves a state that has to be replaced
    assert TrainingState(second, tmp_path).restore()
    fit(second, steps=3, start=2)
    for ours, theirs in zip(second.variables, whole.variables, strict=True):
        if "loss" not in ours.path:
            np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)


def test_the_discriminator_can_skip_steps():
    model = build_model(DOCUMENTED.replace(discriminator_every=3), steps_per_epoch=1)
    changed = []
    for step in range(5):
        before = model.discriminator.get_weights()
        generator = model.generator.get_weights()
        fit(model, steps=1, start=step)
        changed.append(
            any(map(np.any, map(np.subtract, before, model.discriminator.get_weights())))
        )
        assert any(map(np.any, map(np.subtract, generator, model.generator.get_weights())))
    assert changed == [True, False, False, True, False]
    with pytest.raises(
        ValueError, match="discriminator_every=0: expected an integer of at least 1"
    ):
        DCGAN(model.generator, model.discriminator, discriminator_every=0)


def test_the_gradient_penalty_is_the_mean_squared_slope_at_real_pictures():
    """For a linear discriminator the slope is its kernel."""
    images = keras.Input((SIZE, SIZE, 3))
    logits = keras.layers.Dense(1)(keras.layers.Flatten()(images))
    discriminator = keras.Model(images, logits)
    generator = dcgan_generator(image_size=SIZE, latent_dim=LATENT, filters=4)
    model = DCGAN(generator, discriminator, gradient_penalty=10.0)
    recorders = Recorder(), Recorder()
    model.compile(*recorders, BinaryCrossentropy())
    logs = model.train_step(paintings())
    kernel = discriminator.trainable_variables[0].numpy()
    assert float(logs["gradient_penalty"]) == pytest.approx(np.sum(kernel**2), rel=1e-5)

    model.penalty = Penalty()
    penalized = recorders[1].recorded[0].numpy()
    model.steps.assign(0)
    model._loss_means.pop()
    model.train_step(paintings())
    # γ/2 · |kernel|² adds γ · kernel.
    np.testing.assert_allclose(penalized - recorders[1].recorded[0], 10 * kernel, atol=1e-5)


def test_the_painting_generator_is_a_moving_average():
    model = build_model(DIVERSE.replace(average_momentum=0.5), steps_per_epoch=1)
    assert model.generator is model.average_generator
    expected = [weight.numpy() for weight in model.trained_generator.weights]
    for step, momentum in enumerate([0.1, 2 / 11, 0.25]):  # until (1 + step) / (10 + step) is 0.5
        fit(model, steps=1, start=step)
        expected = [
            momentum * average + (1 - momentum) * weight.numpy()
            for average, weight in zip(expected, model.trained_generator.weights, strict=True)
        ]
    for average, want in zip(model.generator.weights, expected, strict=True):
        np.testing.assert_allclose(average, want, atol=1e-5)
    latents = tf.zeros([2, LATENT])
    np.testing.assert_array_equal(model(latents), model.generator(latents))


def test_the_discriminator_sees_nothing_but_augmented_pictures(monkeypatch):
    """Where augmentation leaves nothing of them, real and generated pictures are judged alike."""
    seeds = []

    def erase(images, seed):
        seeds.append(seed.numpy().tolist())
        return 0.0 * images

    model = build_model(DIVERSE, steps_per_epoch=1)
    monkeypatch.setattr(model, "augment", erase)
    logs = model.train_step(paintings())
    assert len(seeds) == 2 and seeds[0] != seeds[1]
    judge = build_model(DIVERSE, steps_per_epoch=1).discriminator
    logit = judge(tf.zeros([1, SIZE, SIZE, 3])).numpy().item()
    want = np.log1p(np.exp(-logit)) + np.log1p(np.exp(logit))
    assert float(logs["discriminator_loss"]) == pytest.approx(want, rel=1e-6)


def test_config_round_trip():
    model = build_model(DIVERSE, steps_per_epoch=1)
    config = keras.saving.serialize_keras_object(model)
    twin = keras.saving.deserialize_keras_object(json.loads(json.dumps(config)))
    assert isinstance(twin, DCGAN)
    assert twin.augment == model.augment
    assert twin.get_compile_config().keys() == model.get_compile_config().keys()
    names = ("image_noise", "balance", "penalty", "average_momentum", "seed")
    assert [getattr(twin, name) for name in names] == [getattr(model, name) for name in names]


def test_mixed_precision():
    model = build_model(DIVERSE, steps_per_epoch=1, dtype="mixed_float16")
    assert isinstance(model.generator_optimizer, keras.optimizers.LossScaleOptimizer)
    assert np.all(np.isfinite(list(fit(model, steps=2).values())))
