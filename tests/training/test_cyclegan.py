from __future__ import annotations

import math
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet import ops
from monet.losses import ADVERSARIAL_LOSSES, gradient_penalty
from monet.models import PatchGANDiscriminator, ResNetGenerator
from monet.systems import build_model, get_recipe
from monet.training import CycleGAN
from monet.training.schedules import ConstantThenLinear

SIZE = 32
TINY = get_recipe("cyclegan").replace(
    generator=ResNetGenerator(filters=4, blocks=1),
    discriminator=PatchGANDiscriminator(filters=4),
    image_size=SIZE,
    pool_size=0,
    batch_size=2,
)
TOTALS = [
    "painting_generator_loss",
    "photo_generator_loss",
    "painting_discriminator_loss",
    "photo_discriminator_loss",
]
LOSSES = {
    *TOTALS,
    *(
        f"{domain}{kind}_loss"
        for domain in ("", "painting_", "photo_")
        for kind in ("cycle", "identity")
    ),
    "painting_adversarial_loss",
    "photo_adversarial_loss",
}


def images(count=2, seed=0, size=SIZE):
    rng = np.random.default_rng(seed)
    return tf.constant(rng.uniform(-1, 1, (count, size, size, 3)), tf.float32)


def batches(count=2):
    """An endless stream of differing batches, the same every time."""
    pairs = [(images(count, seed), images(count, 100 + seed)) for seed in range(4)]
    return tf.data.Dataset.from_generator(
        lambda: iter(pairs), output_signature=tuple(tf.TensorSpec(x.shape) for x in pairs[0])
    ).repeat()


def fit(model, steps, start=0):
    data = batches().skip(start)
    return model.fit(data, steps_per_epoch=steps, verbose=0, shuffle=False).history


def networks(model):
    return (
        model.painting_generator,
        model.photo_generator,
        model.painting_discriminator,
        model.photo_discriminator,
    )


class Recorder(keras.optimizers.SGD):
    """Notes the gradients and leaves the weights alone."""

    def apply(self, grads, trainable_variables=None):
        self.recorded = list(grads)


def tutorial_gradients(model, photos, paintings, lambda_cycle, lambda_identity):
    """The step of the tutorials: six generator calls, four tapes, a total loss for each network."""
    to_painting, to_photo, judge_painting, judge_photo = networks(model)
    mse, mae = keras.losses.MeanSquaredError(), keras.losses.MeanAbsoluteError()

    def adversarial(judge, fake):
        logits = judge(fake, training=True)
        return mse(tf.ones_like(logits), logits)

    def judgement(judge, real, fake):
        real_logits, fake_logits = judge(real, training=True), judge(fake, training=True)
        real_loss = mse(tf.ones_like(real_logits), real_logits)
        return 0.5 * (real_loss + mse(tf.zeros_like(fake_logits), fake_logits))

    with tf.GradientTape(persistent=True) as tape:
        fake_paintings = to_painting(photos, training=True)
        cycled_photos = to_photo(fake_paintings, training=True)
        fake_photos = to_photo(paintings, training=True)
        cycled_paintings = to_painting(fake_photos, training=True)
        same_paintings = to_painting(paintings, training=True)
        same_photos = to_photo(photos, training=True)
        cycle = mae(photos, cycled_photos) + mae(paintings, cycled_paintings)
        totals = [
            adversarial(judge_painting, fake_paintings)
            + lambda_cycle * cycle
            + lambda_identity * mae(paintings, same_paintings),
            adversarial(judge_photo, fake_photos)
            + lambda_cycle * cycle
            + lambda_identity * mae(photos, same_photos),
            judgement(judge_painting, paintings, fake_paintings),
            judgement(judge_photo, photos, fake_photos),
        ]
    gradients = [
        tape.gradient(total, network.trainable_variables)
        for total, network in zip(totals, networks(model), strict=True)
    ]
    return gradients, [float(total) for total in totals]


@pytest.mark.parametrize(("lambda_identity", "compiled"), [(5.0, False), (5.0, True), (0.0, False)])
def test_gradients_are_those_of_the_tutorials(lambda_identity, compiled):
    model = build_model(TINY.replace(lambda_identity=lambda_identity), steps_per_epoch=1)
    # Larger weights than N(0, 0.02), so that every term of the losses weighs in.
    for weight in model.trainable_variables:
        weight.assign(weight * 5)
    generators, discriminators = Recorder(), Recorder()
    model.compile(generators, discriminators)
    photos, paintings = images(seed=1), images(seed=2)

    def step():
        logs = model.train_step((photos, paintings))
        return [*generators.recorded, *discriminators.recorded], logs

    gradients, logs = tf.function(step)() if compiled else step()

    expected, totals = tutorial_gradients(model, photos, paintings, 10.0, lambda_identity)
    weights = model.trainable_variables
    for weight, gradient, want in zip(weights, gradients, sum(expected, []), strict=True):
        assert np.any(want), weight.path
        assert np.linalg.norm(gradient - want) < 2e-5 * np.linalg.norm(want), weight.path
    np.testing.assert_allclose([logs[name] for name in TOTALS], totals, rtol=1e-5)


def test_one_adam_over_two_networks_is_two_adams(monkeypatch):
    # Differences of 1e-7 between the two arms grow where one carries a ReLU's input, or a pixel's
    # error, past zero. So both do without Winograd, and start each step from the same weights.
    monkeypatch.setenv("MONET_PRECISE", "1")
    model = build_model(TINY, steps_per_epoch=100)
    twin = build_model(TINY, steps_per_epoch=100)
    optimizers = [keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in range(4)]
    batch = images(seed=1), images(seed=2)
    for _ in range(3):
        model.train_step(batch)
        gradients, _ = tutorial_gradients(twin, *batch, 10.0, 5.0)
        for optimizer, gradient, network in zip(optimizers, gradients, networks(twin), strict=True):
            optimizer.apply(gradient, network.trainable_variables)
        for ours, theirs in zip(model.trainable_variables, twin.trainable_variables, strict=True):
            # Adam divides a gradient by its own size: rounding of a tiny one reaches 1e-4 steps.
            np.testing.assert_allclose(ours, theirs, atol=2e-6)
            theirs.assign(ours)


def test_fit_reports_every_loss_and_trains_every_weight():
    model = build_model(TINY, steps_per_epoch=3)
    before = [weight.numpy() for weight in model.trainable_variables]
    history = fit(model, 3)
    assert history.keys() == LOSSES
    assert all(math.isfinite(loss) for losses in history.values() for loss in losses)
    for weight, old in zip(model.trainable_variables, before, strict=True):
        assert np.any(weight.numpy() != old), weight.path
    assert int(model.generator_optimizer.iterations) == 3
    assert int(model.discriminator_optimizer.iterations) == 3


def test_reported_losses_are_means_over_the_epoch_alone():
    model = build_model(TINY, steps_per_epoch=1)
    model.compile(Recorder(), Recorder(), run_eagerly=True)
    batch = images(seed=1), images(seed=2)
    data = tf.data.Dataset.from_tensors(batch)
    first, second = model.fit(data, epochs=2, verbose=0, shuffle=False).history["cycle_loss"]
    assert first == pytest.approx(second)
    logs = model.evaluate(data, verbose=0, return_dict=True)
    assert logs["cycle_loss"] == pytest.approx(first, rel=1e-5)


def test_what_paints_is_a_moving_average():
    model = build_model(TINY.replace(average_momentum=0.5), steps_per_epoch=1)
    expected = [weight.numpy() for weight in model.painting_generator.weights]
    for step, momentum in enumerate([0.1, 2 / 11, 0.25]):  # until (1 + step) / (10 + step) is 0.5
        fit(model, 1, start=step)
        expected = [
            momentum * average + (1 - momentum) * weight.numpy()
            for average, weight in zip(expected, model.painting_generator.weights, strict=True)
        ]
    assert model.generator is not model.painting_generator
    for average, want in zip(model.generator.weights, expected, strict=True):
        np.testing.assert_allclose(average, want, atol=1e-5)
    photos = images(seed=5)
    np.testing.assert_array_equal(model(photos), model.generator(photos))
    plain = build_model(TINY, steps_per_epoch=1)
    assert plain.generator is plain.painting_generator


def test_losses_are_reported_for_each_direction():
    model = build_model(TINY, steps_per_epoch=1)
    batch = images(seed=1), images(seed=2)
    logs = model.evaluate(tf.data.Dataset.from_tensors(batch), verbose=0, return_dict=True)
    x, y = batch
    G, F = model.painting_generator, model.photo_generator
    expected = {
        "painting_cycle_loss": G(F(y)) - y,
        "photo_cycle_loss": F(G(x)) - x,
        "painting_identity_loss": G(y) - y,
        "photo_identity_loss": F(x) - x,
    }
    for name, difference in expected.items():
        assert logs[name] == pytest.approx(np.mean(np.abs(difference)), rel=1e-4), name
    for kind in ("cycle", "identity"):
        parts = logs[f"painting_{kind}_loss"] + logs[f"photo_{kind}_loss"]
        assert logs[f"{kind}_loss"] == pytest.approx(parts, rel=1e-5)
    for domain in ("painting", "photo"):
        total = (
            logs[f"{domain}_adversarial_loss"]
            + model.lambda_identity * logs[f"{domain}_identity_loss"]
            + model.lambda_cycle * logs["cycle_loss"]
        )
        assert logs[f"{domain}_generator_loss"] == pytest.approx(total, rel=1e-4)


def test_evaluate_changes_nothing():
    model = build_model(TINY.replace(pool_size=2), steps_per_epoch=1)
    before = [variable.numpy() for variable in model.variables]
    logs = model.evaluate(batches(), steps=2, verbose=0, return_dict=True)
    assert logs.keys() == LOSSES
    metrics = {id(variable) for mean in model.metrics for variable in mean.variables}
    for variable, old in zip(model.variables, before, strict=True):
        if id(variable) not in metrics:
            np.testing.assert_array_equal(variable, old)


class Counting(keras.Model):
    """A network that counts its calls and the images in them."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.batches = []

    def call(self, inputs, training=False):
        self.batches.append(int(inputs.shape[0]))
        return self.network(inputs, training=training)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_weight_without_influence_stays_as_it_is(compiled):
    class Idle(Counting):
        def __init__(self, network):
            super().__init__(network)
            self.idle = self.add_weight(shape=(2,), initializer="ones", name="idle")

    plain = build_model(TINY, steps_per_epoch=1)
    model = CycleGAN(*(Idle(network) for network in networks(plain)[:2]), *networks(plain)[2:])
    model.compile("adam", "adam")
    used = plain.painting_generator.trainable_variables[0]
    before = used.numpy()
    step = tf.function(model.train_step) if compiled else model.train_step
    step((images(), images(seed=1)))
    np.testing.assert_array_equal(model.painting_generator.idle, [1, 1])
    assert np.any(used.numpy() != before)


@pytest.mark.parametrize(("lambda_identity", "first"), [(5.0, 4), (0.0, 2)])
def test_each_generator_is_called_twice_a_step(lambda_identity, first):
    plain = build_model(TINY, steps_per_epoch=1)
    counting = [Counting(network) for network in networks(plain)]
    for network in counting:
        network.build((None, SIZE, SIZE, 3))
        network.batches.clear()
    model = CycleGAN(*counting, lambda_identity=lambda_identity)
    model.compile("sgd", "sgd", run_eagerly=True)
    logs = model.train_step((images(), images(seed=1)))
    assert [network.batches for network in counting] == [[first, 2]] * 2 + [[2, 4]] * 2
    assert ("identity_loss" in logs) == (lambda_identity > 0)


def test_discriminators_learn_from_the_pool_and_generators_do_not():
    model = build_model(TINY.replace(pool_size=2), steps_per_epoch=1)
    twin = build_model(TINY, steps_per_epoch=1)
    recorders, plain_recorders = (Recorder(), Recorder()), (Recorder(), Recorder())
    model.compile(*recorders)
    twin.compile(*plain_recorders)
    for pool in (model.painting_pool, model.photo_pool):
        pool.images.assign(images(seed=5))
        pool.count.assign(2)
    differed = False
    for _ in range(4):
        for gan in (model, twin):
            gan.train_step((images(seed=1), images(seed=2)))
        generators, discriminators = (
            [np.array_equal(a, b) for a, b in zip(one.recorded, other.recorded, strict=True)]
            for one, other in zip(recorders, plain_recorders, strict=True)
        )
        assert all(generators)
        differed |= not all(discriminators)
    assert differed


def through_weights(model, rebuild, folder):
    model.save_weights(folder / "model.weights.h5")
    resumed = rebuild()
    resumed.load_weights(folder / "model.weights.h5")
    return resumed


def through_checkpoint(model, rebuild, folder):
    path = tf.train.Checkpoint(model=model).write(str(folder / "checkpoint"))
    resumed = rebuild()
    tf.train.Checkpoint(model=resumed).read(path).assert_consumed()
    return resumed


def through_keras_file(model, rebuild, folder):
    model.save(folder / "model.keras")
    return keras.models.load_model(folder / "model.keras")


@pytest.mark.parametrize(
    ("keep", "policy", "run_eagerly"),
    [
        (through_weights, "float32", False),
        (through_weights, "mixed_float16", True),
        (through_checkpoint, "mixed_float16", True),
        (through_keras_file, "mixed_float16", True),
    ],
)
def test_a_resumed_run_is_the_run_that_never_stopped(tmp_path, keep, policy, run_eagerly):
    recipe = TINY.replace(pool_size=3, epochs=2, decay_fraction=0.75)

    def build():
        model = build_model(recipe, steps_per_epoch=2, seed=1, dtype=policy)
        model.run_eagerly = run_eagerly
        return model

    straight = build()
    fit(straight, 2)
    resumed = keep(straight, build, tmp_path)
    fit(straight, 2, start=2)
    fit(resumed, 2, start=2)
    for ours, theirs in zip(all_state(resumed), all_state(straight), strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=theirs.path)


def all_state(model):
    metrics = {id(variable) for mean in model.metrics for variable in mean.variables}
    return [
        *(variable for variable in model.variables if id(variable) not in metrics),
        *model.generator_optimizer.variables,
        *model.discriminator_optimizer.variables,
    ]


def test_calling_the_model_paints():
    model = build_model(TINY, steps_per_epoch=1)
    photos = images(size=36)
    np.testing.assert_array_equal(model(photos), model.painting_generator(photos))
    np.testing.assert_allclose(model.predict(photos, verbose=0), model(photos), atol=1e-6)


def test_float16_skips_a_step_that_overflows_and_lowers_the_loss_scale():
    model = build_model(TINY, steps_per_epoch=1, dtype="mixed_float16")
    optimizers = model.generator_optimizer, model.discriminator_optimizer
    for optimizer in optimizers:
        assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    before = [weight.numpy() for weight in model.trainable_variables]
    model.train_step((images() * np.inf, images()))
    for weight, old in zip(model.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(weight, old)
    for optimizer in optimizers:
        assert float(optimizer.dynamic_scale) == optimizer.initial_scale / 2
        assert int(optimizer.inner_optimizer.iterations) == 0
    for _ in range(6):  # the scale falls until the gradients fit
        model.train_step((images(), images(seed=1)))
    assert int(model.generator_optimizer.inner_optimizer.iterations) > 0
    assert np.any(model.trainable_variables[0].numpy() != before[0])


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_other_precisions_need_no_loss_scale(policy):
    model = build_model(TINY, steps_per_epoch=1, dtype=policy)
    assert isinstance(model.generator_optimizer, keras.optimizers.Adam)
    history = fit(model, 1)
    assert all(math.isfinite(loss) for (loss,) in history.values())


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_every_adversarial_loss_trains_every_discriminator_weight(name):
    model = build_model(TINY.replace(adversarial_loss=name), steps_per_epoch=1)
    assert isinstance(model.adversarial_loss, ADVERSARIAL_LOSSES[name])
    discriminators = Recorder()
    model.compile(Recorder(), discriminators, adversarial_loss=model.adversarial_loss)
    logs = model.train_step((images(seed=1), images(seed=2)))
    assert all(math.isfinite(loss) for loss in logs.values())
    assert all(np.isfinite(gradient).all() for gradient in discriminators.recorded)
    kernels = [gradient for gradient in discriminators.recorded if len(gradient.shape) == 4]
    assert len(kernels) == 10 and all(np.any(gradient) for gradient in kernels)


def test_the_gradient_penalty_is_part_of_the_discriminator_loss_and_follows_the_step():
    recipe = TINY.replace(adversarial_loss="wgan-gp", halve_discriminator_loss=False)
    model = build_model(recipe, steps_per_epoch=1)
    optimizer = Recorder()
    model.compile(optimizer, Recorder(), adversarial_loss=model.adversarial_loss)
    photos, paintings = images(seed=1), images(seed=2)

    def discriminator_loss():
        model.reset_metrics()
        return float(model.train_step((photos, paintings))["photo_discriminator_loss"])

    fakes = model.photo_generator(paintings, training=True)
    judge = model.photo_discriminator
    wasserstein = float(tf.reduce_mean(judge(fakes)) - tf.reduce_mean(judge(photos)))
    seed = tf.random.split(model._step_seed(0))[1]
    penalty = float(gradient_penalty(judge, photos, fakes, seed))
    first = discriminator_loss()
    assert first == pytest.approx(wasserstein + 10 * penalty, rel=1e-4)
    assert penalty > 0.1
    assert discriminator_loss() == first
    optimizer.iterations.assign_add(1)
    assert discriminator_loss() != first


def test_the_recipe_sets_optimizers_and_losses():
    recipe = get_recipe("resnet-lsgan").replace(
        generator=ResNetGenerator(filters=2, blocks=1), epochs=4, decay_fraction=0.5, beta_1=0.25
    )
    model = build_model(recipe, steps_per_epoch=10)
    optimizer = model.generator_optimizer
    assert (optimizer.beta_1, optimizer.beta_2) == (0.25, 0.999)
    schedule = optimizer._learning_rate
    assert isinstance(schedule, ConstantThenLinear)
    assert (schedule.constant_steps, schedule.decay_steps) == (20, 20)
    assert (model.lambda_cycle, model.lambda_identity) == (10, 5)
    assert model.painting_pool is None


def test_the_seed_decides_the_weights_and_leaves_other_random_numbers_alone():
    import random

    random.seed(0)
    expected = random.random()
    random.seed(0)
    first, second, third = (build_model(TINY, 1, seed=seed) for seed in (1, 1, 2))
    assert random.random() == expected
    for ours, same, other in zip(
        first.trainable_variables,
        second.trainable_variables,
        third.trainable_variables,
        strict=True,
    ):
        np.testing.assert_array_equal(ours, same)
        if len(ours.shape) == 4:
            assert np.any(ours.numpy() != other.numpy())
    to_painting, to_photo = networks(first)[:2]
    assert np.any(to_painting.weights[0].numpy() != to_photo.weights[0].numpy())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda nets: CycleGAN(*nets, pool_size=2), "pool_size=2 needs image_shape"),
        (lambda nets: CycleGAN(*nets).compile("sgd", "sgd", "mse"), "AdversarialLoss"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make(networks(build_model(TINY, 1)))


def test_xla_gives_the_same_losses():
    recipe = TINY.replace(pool_size=2)
    compiled = build_model(recipe, steps_per_epoch=2, jit_compile=True)
    assert compiled.jit_compile == ops.supports_jit()
    plain = build_model(recipe, steps_per_epoch=2)
    assert plain.jit_compile == bool(tf.config.list_physical_devices("GPU"))
    plain.run_eagerly = True
    expected = fit(plain, 1)
    for name, losses in fit(compiled, 1).items():
        np.testing.assert_allclose(losses, expected[name], rtol=1e-4, err_msg=name)
    assert np.isfinite(fit(compiled, 1, start=1)["cycle_loss"]).all()


_TWO_REPLICAS = """
import numpy as np, tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
import sys
import keras
from monet.models import PatchGANDiscriminator, ResNetGenerator
from monet.systems import get_recipe
from monet.systems import build_model

dtype = sys.argv[1]
recipe = get_recipe("cyclegan").replace(
    generator=ResNetGenerator(filters=4, blocks=1),
    discriminator=PatchGANDiscriminator(filters=4, padding="one"),
    image_size=32,
    pool_size=2,
)
rng = np.random.default_rng(0)
pairs = [rng.uniform(-1, 1, (4, 32, 32, 3)).astype("float32") for _ in range(2)]
data = tf.data.Dataset.from_tensor_slices(tuple(pairs)).batch(2)


def train(run_eagerly):
    model = build_model(recipe, steps_per_epoch=2, seed=1, dtype=dtype)
    before = [weight.numpy() for weight in model.trainable_variables]
    optimizers = keras.optimizers.SGD(1e-2), keras.optimizers.SGD(1e-2)
    model.compile(*optimizers, run_eagerly=run_eagerly)
    model.fit(data.take(1), verbose=0, shuffle=False)
    changes = [w.numpy() - b for w, b in zip(model.trainable_variables, before)]
    return model, changes


_, single = train(run_eagerly=True)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    model, double = train(run_eagerly=False)
    logs = model.fit(data, verbose=0, shuffle=False).history
assert strategy.num_replicas_in_sync == 2
assert tf.convert_to_tensor(model.painting_pool.count.value) == 2
assert all(np.isfinite(loss) for (loss,) in logs.values())
if dtype == "float32":
    for one, two in zip(single, double):
        assert np.linalg.norm(one - two) < 1e-3 * np.linalg.norm(one)
print("same")
"""


def test_two_replicas_take_the_step_of_one_with_twice_the_batch():
    command = [sys.executable, "-c", _TWO_REPLICAS, "float32"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.stdout.strip().endswith("same"), result.stderr
