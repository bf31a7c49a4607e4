from __future__ import annotations

import json
import subprocess
import sys

import keras
import numpy as np
import one_sided_float64 as float64
import pytest
import tensorflow as tf

from monet.layers.laying_strokes import lay_strokes
from monet.losses import (
    BinaryCrossentropy,
    Hinge,
    LeastSquares,
    PerHead,
    colour_distance,
    structure_distance,
)
from monet.models import (
    PainterGenerator,
    PatchGANDiscriminator,
    TwoHeadedDiscriminator,
    painter_generator,
    two_headed_discriminator,
)
from monet.runs.state import TrainingState
from monet.systems import build_model, get_recipe
from monet.training import OneSided
from monet.training.penalty import Penalty

SIZE = 32
RECIPE = get_recipe("monet").replace(
    generator=PainterGenerator(filters=8, blocks=1, head_filters=4),
    discriminator=TwoHeadedDiscriminator(filters=4),
    image_size=SIZE,
    batch_size=2,
    lambda_identity=5.0,
)
PENALIZED = RECIPE.replace(gradient_penalty=1.0)


def pictures(seed, count=2, size=SIZE):
    rng = np.random.default_rng(seed)
    return tf.constant(rng.uniform(-1, 1, (count, size, size, 3)), tf.float32)


def batches(start=0):
    def batch(step):
        return tuple(
            tf.random.stateless_uniform([2, SIZE, SIZE, 3], [step, domain], -1, 1)
            for domain in (0, 1)
        )

    return tf.data.Dataset.counter(start).map(batch)


def fit(model, steps, start=0):
    return model.fit(batches(start), steps_per_epoch=steps, verbose=0, shuffle=False).history


class Recorder(keras.optimizers.SGD):
    """Notes the gradients and leaves the weights alone."""

    def apply(self, grads, trainable_variables=None):
        self.recorded = list(grads)


def lively(network, seed=0):
    """Weights large enough that a generator changes pictures and a discriminator has opinions."""
    rng = np.random.default_rng(seed)
    for weight in network.trainable_variables:
        weight.assign(weight + 0.2 * rng.normal(size=weight.shape))
    return network


@pytest.fixture
def unaugmented():
    """64 px, so that the deep head has more than one logit."""
    model = OneSided(
        lively(painter_generator(filters=6, blocks=1, head_filters=4)),
        lively(two_headed_discriminator(filters=4)),
        lambda_identity=5.0,
        lambda_content=2.0,
        lambda_colour=3.0,
    )
    model.adapt(0.5 * pictures(2), 0.1 + 0.4 * pictures(3))
    return model


def painted_over(model, photos):
    """Strokes in matched colours, from weights of the layer."""
    layer = model.trained_generator.get_layer("underpainting")
    strokes = lay_strokes(photos, layer.length, layer.noise).numpy().astype("float64")
    return np.clip(strokes[..., :3] @ layer.matrix.numpy().T + layer.offset, -1, 1)


def test_losses_are_those_of_float64(unaugmented):
    model = unaugmented
    model.compile(Recorder(), Recorder())
    photos, paintings = pictures(0, size=64), pictures(1, size=64)
    logs = model.train_step((photos, paintings))
    painted = model.trained_generator(photos, training=True)
    same = model.trained_generator(paintings, training=True)
    real, fake = model.discriminator(paintings), model.discriminator(painted)
    want = {
        "adversarial_loss": float64.adversarial(*fake),
        "discriminator_loss": float64.discriminator(real, fake),
        "identity_loss": float64.distance(same, paintings),
        "content_loss": float64.content(painted_over(model, photos), painted),
        "colour_loss": float64.colour(painted_over(model, photos), painted),
    }
    assert logs.keys() == want.keys()
    for name, value in want.items():
        assert float(logs[name]) == pytest.approx(value, rel=1e-5), name


def test_gradients_are_those_of_the_plain_step(unaugmented):
    """Two generator calls, separate discriminator calls and separate tapes, as papers have it."""
    model = unaugmented
    recorders = Recorder(), Recorder()
    model.compile(*recorders)
    photos, paintings = pictures(0, size=64), pictures(1, size=64)
    model.train_step((photos, paintings))

    generator, discriminator = model.trained_generator, model.discriminator
    with tf.GradientTape() as tape:
        painted = generator(photos, training=True)
        same = generator(paintings, training=True)
        patch, deep = discriminator(painted, training=True)
        loss = -tf.reduce_mean(patch) + tf.reduce_mean(tf.nn.softplus(-deep))
        loss += 5.0 * tf.reduce_mean(tf.abs(same - paintings))
        wanted = tf.constant(painted_over(model, photos), tf.float32)
        loss += 2.0 * structure_distance(wanted, painted)
        seen = [tf.nn.avg_pool2d(images, 16, 16, "VALID") for images in (wanted, painted)]
        loss += 3.0 * tf.reduce_mean(tf.abs(seen[0] - seen[1]))
    want = tape.gradient(loss, generator.trainable_variables)
    with tf.GradientTape() as tape:
        real_patch, real_deep = discriminator(paintings, training=True)
        patch, deep = discriminator(painted, training=True)
        loss = tf.reduce_mean(tf.nn.relu(1 - real_patch)) + tf.reduce_mean(tf.nn.relu(1 + patch))
        loss += tf.reduce_mean(tf.nn.softplus(-real_deep)) + tf.reduce_mean(tf.nn.softplus(deep))
    want += tape.gradient(loss, discriminator.trainable_variables)
    got = recorders[0].recorded + recorders[1].recorded
    largest = max(np.linalg.norm(expected) for expected in want)
    lengths = []
    for gradient, expected in zip(got, want, strict=True):
        lengths.append(np.linalg.norm(expected))
        assert np.linalg.norm(gradient - expected) <= 1e-4 * lengths[-1] + 1e-6 * largest
    # Of all weights only the trunk's last offset has no say: an instance norm takes it out again.
    assert sum(length < 1e-5 * largest for length in lengths) == 1


@pytest.mark.parametrize("recipe", [RECIPE, PENALIZED], ids=["plain", "penalized"])
def test_fit_reports_its_losses_and_trains_every_weight(recipe):
    model = build_model(recipe, steps_per_epoch=2)
    before = [weight.numpy() for weight in model.trainable_variables]
    history = fit(model, steps=2)
    names = {f"{part}_loss" for part in ("adversarial", "discriminator", "identity", "content")}
    names.add("colour_loss")
    assert history.keys() == names | ({"gradient_penalty"} if recipe is PENALIZED else set())
    assert np.all(np.isfinite(list(history.values())))
    for weight, old in zip(model.trainable_variables, before, strict=True):
        assert np.any(weight != old), weight.path
    assert int(model.steps) == 2
    evaluated = model.evaluate(pictures(0), pictures(1), batch_size=2, return_dict=True, verbose=0)
    assert evaluated.keys() == history.keys()
    assert int(model.steps) == 2


def test_the_seed_decides_and_every_step_draws_anew():
    def losses(seed):
        model = build_model(RECIPE, steps_per_epoch=1, seed=seed)
        model.compile(Recorder(), Recorder(), model.adversarial_loss)
        batch = pictures(0), pictures(1)
        same = tf.data.Dataset.from_tensors(batch).repeat()
        histories = [model.fit(same, steps_per_epoch=1, verbose=0).history for _ in range(3)]
        return [history["discriminator_loss"][0] for history in histories]

    first = losses(0)
    assert len(set(first)) == 3
    # A loss is a sum, whose last bit depends on the op that is done first (test_order_of_sums.py).
    assert losses(0) == pytest.approx(first, rel=1e-6)
    assert losses(1) != pytest.approx(first, rel=1e-3)


def test_training_goes_on_exactly_from_a_checkpoint(tmp_path):
    """Augmentation, average, spectral norms and optimizers included."""
    recipe = RECIPE.replace(discriminator=TwoHeadedDiscriminator(filters=4, spectral=True))
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


def test_what_paints_is_a_moving_average(tmp_path):
    model = build_model(RECIPE.replace(average_momentum=0.5), steps_per_epoch=1)
    expected = [weight.numpy() for weight in model.trained_generator.weights]
    for step, momentum in enumerate([0.1, 2 / 11, 0.25]):  # until (1 + step) / (10 + step) is 0.5
        fit(model, steps=1, start=step)
        expected = [
            momentum * average + (1 - momentum) * weight.numpy()
            for average, weight in zip(expected, model.trained_generator.weights, strict=True)
        ]
    assert model.generator is not model.trained_generator
    for average, want in zip(model.generator.weights, expected, strict=True):
        np.testing.assert_allclose(average, want, atol=1e-5)
    photos = pictures(5)
    np.testing.assert_array_equal(model(photos), model.generator(photos))
    plain = build_model(RECIPE.replace(average_momentum=0.0), steps_per_epoch=1)
    assert plain.generator is plain.trained_generator


def test_the_discriminator_sees_nothing_but_augmented_pictures(monkeypatch):
    """Where augmentation leaves nothing of them, both are judged as the same black picture."""
    seeds = []

    def erase(images, seed):
        seeds.append(seed.numpy().tolist())
        return 0.0 * images

    model = build_model(RECIPE, steps_per_epoch=1)
    monkeypatch.setattr(model, "augment", erase)
    logs = model.train_step((pictures(0), pictures(1)))
    assert len(seeds) == 2 and seeds[0] != seeds[1]
    heads = build_model(RECIPE, steps_per_epoch=1).discriminator(tf.zeros([1, SIZE, SIZE, 3]))
    assert float(logs["discriminator_loss"]) == pytest.approx(
        float64.discriminator(heads, heads), rel=1e-5
    )


def test_the_gradient_penalty_is_the_mean_squared_slope_of_the_mean_logits():
    """For linear heads the slope is known: the sum of the heads' kernels, over their patches."""
    images = keras.Input((SIZE, SIZE, 3))
    pixels = keras.layers.Conv2D(1, 1)
    whole = keras.layers.Conv2D(1, SIZE)
    discriminator = keras.Model(images, [pixels(images), whole(images)])
    model = OneSided(
        painter_generator(filters=4, blocks=1, head_filters=2),
        discriminator,
        gradient_penalty=10.0,
    )
    recorders = Recorder(), Recorder()
    model.compile(*recorders)
    logs = model.train_step((pictures(0), pictures(1)))
    slope = whole.kernel.numpy()[..., 0] + pixels.kernel.numpy()[..., 0] / SIZE**2
    assert float(logs["gradient_penalty"]) == pytest.approx(np.sum(slope**2), rel=1e-5)

    penalized = [gradient.numpy() for gradient in recorders[1].recorded]
    model.penalty = Penalty()
    model.steps.assign(0)
    model._loss_means.pop()
    model.train_step((pictures(0), pictures(1)))
    names = [weight.path for weight in discriminator.trainable_variables]
    # γ/2 · |slope|² adds γ · slope to the gradient of the kernel over the whole picture.
    index = names.index(whole.kernel.path)
    np.testing.assert_allclose(
        penalized[index][..., 0] - recorders[1].recorded[index][..., 0], 10 * slope, atol=1e-5
    )


@pytest.mark.parametrize(
    "change",
    [
        {"lambda_identity": 0.0},
        {"lambda_content": 0.0},
        {"discriminator": PatchGANDiscriminator(filters=4)},
        {"discriminator": TwoHeadedDiscriminator(filters=4, spectral=True)},
        {"head_losses": ("least-squares", "hinge")},
        {"diff_augment": ()},
        {"generator": PainterGenerator(filters=4, blocks=1, levels=3, head_filters=4)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_candidate_trains(change):
    recipe = RECIPE.replace(**change)
    model = build_model(recipe, steps_per_epoch=1)
    # Hinge moves the last bias as far up for paintings as down for what is painted.
    weights = [weight for weight in model.trainable_variables if "head" not in weight.path]
    before = [weight.numpy() for weight in weights]
    history = fit(model, steps=2)
    assert np.all(np.isfinite(list(history.values())))
    for weight, old in zip(weights, before, strict=True):
        assert np.any(weight != old), weight.path
    assert ("identity_loss" in history) == bool(recipe.lambda_identity)
    assert ("content_loss" in history) == bool(recipe.lambda_content)


def test_a_loss_for_each_head():
    heads = [tf.constant([[1.0, 2.0]]), tf.constant([[-1.0]])]
    loss = PerHead([Hinge(halved=False), LeastSquares(halved=False)])
    assert float(loss.generator(heads)) == pytest.approx(-1.5 + 4.0)
    assert float(loss.discriminator(heads, heads)) == pytest.approx(0 + 2.5 + 4.0 + 1.0)
    for given, got in ((heads[:1], "1 heads"), (heads[0], "a single tensor")):
        with pytest.raises(ValueError, match=f"2 losses for {got}: give a loss for each head"):
            loss.generator(given)
    with pytest.raises(ValueError, match="expected one monet.losses.AdversarialLoss or more"):
        PerHead([])
    model = OneSided(painter_generator(filters=4), two_headed_discriminator(filters=4))
    with pytest.raises(ValueError, match="expected a monet.losses.PerHead"):
        model.compile("adam", "adam", Hinge())


def test_smooth_targets_of_heads_are_drawn_apart():
    smooth = BinaryCrossentropy(real_targets=(0.5, 1.0))
    logits = [tf.zeros([4, 2]) + 3.0] * 2
    both = PerHead([smooth, smooth]).discriminator(logits, logits, seed=[1, 2])
    seeds = tf.unstack(tf.random.split([1, 2], 2))
    apart = [float(smooth.discriminator(logits[0], logits[0], seed=seed)) for seed in seeds]
    assert apart[0] != apart[1]
    assert float(both) == pytest.approx(sum(apart), rel=1e-6)


def test_structure_ignores_colour_brightness_and_contrast_but_not_content():
    photo = tf.constant(np.random.default_rng(0).uniform(-0.5, 0.5, (1, 8, 8, 3)), tf.float32)
    photo = tf.repeat(tf.repeat(photo, 8, axis=1), 8, axis=2)
    moved = 0.3 + 0.8 * photo
    strokes = photo + 0.2 * tf.constant([1.0, -1.0] * 32)[None, None, :, None]
    turned = tf.reverse(photo, [2])
    assert float(structure_distance(photo, photo)) == 0
    assert float(structure_distance(photo, moved)) < 0.05
    assert float(structure_distance(photo, strokes)) < 1e-5
    assert float(structure_distance(photo, turned)) > 0.5
    assert float(structure_distance(photo, turned)) == pytest.approx(
        float64.content(photo, turned), rel=1e-5
    )


def test_colour_counts_as_seen_from_afar():
    photo = pictures(0, size=33)
    chequered = np.indices((33, 33)).sum(axis=0) % 2 - 0.5
    assert float(colour_distance(photo, photo)) == 0
    assert float(colour_distance(photo, photo + chequered[:, :, None])) < 1e-6
    assert float(colour_distance(photo, photo + 0.3)) == pytest.approx(0.3, rel=1e-5)
    other = pictures(1, size=33)
    assert float(colour_distance(photo, other)) == pytest.approx(
        float64.colour(photo, other), rel=1e-5
    )


def test_config_round_trip_and_a_saved_model_goes_on(tmp_path):
    model = build_model(PENALIZED, steps_per_epoch=1)
    fit(model, steps=1)
    config = keras.saving.serialize_keras_object(model)
    twin = keras.saving.deserialize_keras_object(json.loads(json.dumps(config)))
    assert isinstance(twin, OneSided)
    assert twin.augment == model.augment
    assert [type(loss) for loss in twin.adversarial_loss.losses] == [Hinge, BinaryCrossentropy]
    names = ("lambda_identity", "lambda_content", "penalty", "average_momentum", "seed")
    assert [getattr(twin, name) for name in names] == [getattr(model, name) for name in names]

    path = tmp_path / "model.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    photos = pictures(3)
    np.testing.assert_array_equal(loaded(photos), model(photos))
    assert int(loaded.steps) == 1
    fit(loaded, steps=1, start=1)
    fit(model, steps=1, start=1)
    for ours, theirs in zip(loaded.variables, model.variables, strict=True):
        if "loss" not in ours.path:
            np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)


@pytest.mark.parametrize("recipe", [RECIPE, PENALIZED], ids=["plain", "penalized"])
@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(recipe, dtype):
    model = build_model(recipe, steps_per_epoch=1, dtype=dtype)
    optimizer = model.generator_optimizer
    is_scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    assert is_scaled == (dtype == "mixed_float16")
    before = [weight.numpy() for weight in model.trainable_variables]
    assert np.all(np.isfinite(list(fit(model, steps=2).values())))
    changed = [
        np.any(weight != old) for weight, old in zip(model.trainable_variables, before, strict=True)
    ]
    assert np.mean(changed) > 0.9 or is_scaled  # a first loss scale may be too large
    assert model.generator(pictures(0)).dtype == tf.float32


_TWO_REPLICAS = """
import keras, numpy as np, tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from monet.models import PainterGenerator, TwoHeadedDiscriminator
from monet.systems import build_model, get_recipe

recipe = get_recipe("monet").replace(
    generator=PainterGenerator(filters=8, blocks=1),
    discriminator=TwoHeadedDiscriminator(filters=4),
    image_size=32,
    diff_augment=(),
    average_momentum=0.5,
)
rng = np.random.default_rng(0)
pairs = [rng.uniform(-1, 1, (2, 32, 32, 3)).astype("float32") for _ in range(2)]
data = tf.data.Dataset.from_tensor_slices(tuple(pairs)).batch(2)


def train(recipe, run_eagerly=False):
    model = build_model(recipe, steps_per_epoch=2, seed=1)
    before = [weight.numpy() for weight in model.trainable_variables]
    optimizers = keras.optimizers.SGD(1e-2), keras.optimizers.SGD(1e-2)
    model.compile(*optimizers, run_eagerly=run_eagerly)
    logs = model.fit(data, verbose=0, shuffle=False).history
    assert all(np.isfinite(loss) for (loss,) in logs.values())
    return model, [w.numpy() - b for w, b in zip(model.trainable_variables, before)]


_, single = train(recipe, run_eagerly=True)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    model, double = train(recipe)
assert strategy.num_replicas_in_sync == 2
assert int(tf.convert_to_tensor(model.steps.value)) == 1
for one, two in zip(single, double):
    assert np.linalg.norm(one - two) < 1e-3 * np.linalg.norm(one) + 1e-7

# The discriminator is left alone where it is more accurate than that, on average over the replicas.
for most, is_left_alone in ((1e-6, True), (1.0 - 1e-6, False)):
    with strategy.scope():
        model, changes = train(recipe.replace(discriminator_accuracy=most))
    generator = len(model.trained_generator.trainable_variables)
    assert any(map(np.any, changes[:generator]))
    assert any(map(np.any, changes[generator:])) != is_left_alone
print("same")
"""


def test_two_replicas_take_the_step_of_one_with_twice_the_batch():
    result = subprocess.run([sys.executable, "-c", _TWO_REPLICAS], capture_output=True, text=True)
    assert result.stdout.strip().endswith("same"), result.stderr
