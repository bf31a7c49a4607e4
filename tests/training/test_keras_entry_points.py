"""Every GAN by Keras's entry points, data sets and callbacks, beside the `fit` of a run."""

from __future__ import annotations

import csv
import dataclasses
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.models import (
    PainterGenerator,
    PatchGANDiscriminator,
    ResNetGenerator,
    TwoHeadedDiscriminator,
)
from monet.systems import build_model, get_recipe
from monet.training.adam import FusedAdam

COUNT = 2
DCGAN = get_recipe("dcgan")
RECIPES = {
    "cyclegan": get_recipe("cyclegan").replace(
        generator=ResNetGenerator(filters=4, blocks=1),
        discriminator=PatchGANDiscriminator(filters=4),
        image_size=32,
        pool_size=0,
    ),
    "monet": get_recipe("monet").replace(
        generator=PainterGenerator(filters=8, blocks=1, head_filters=4),
        discriminator=TwoHeadedDiscriminator(filters=4),
        image_size=32,
    ),
    "dcgan": DCGAN.replace(
        generator=dataclasses.replace(DCGAN.generator, filters=8, latent_dim=6),
        discriminator=dataclasses.replace(DCGAN.discriminator, filters=4),
        image_size=16,
    ),
}
NAMES = {"cyclegan": ("photos", "paintings"), "monet": ("photos", "paintings")}


@pytest.fixture(params=RECIPES)
def system(request):
    return request.param


@pytest.fixture
def model(system):
    return build_model(RECIPES[system].replace(batch_size=COUNT), steps_per_epoch=2)


def pictures(system, count=COUNT):
    """One array for each thing that a system learns from."""
    size = RECIPES[system].image_size
    rng = np.random.default_rng(count)
    names = NAMES.get(system, ("paintings",))
    return tuple(rng.uniform(-1, 1, (count, size, size, 3)).astype("float32") for _ in names)


def dataset(system, count=COUNT):
    arrays = pictures(system, count)
    return tf.data.Dataset.from_tensor_slices(arrays if len(arrays) == 2 else arrays[0]).batch(
        COUNT
    )


def fit(model, data, **options):
    return model.fit(data, verbose=0, shuffle=False, **options)


def weights(model):
    return [weight.numpy() for weight in model.generator_weights]


def changed(before, model):
    return any((old != new).any() for old, new in zip(before, weights(model), strict=True))


def painted(model, system):
    if system != "dcgan":
        return pictures(system, 3)[0]
    return np.random.default_rng(0).normal(size=(3, model.latent_dim)).astype("float32")


def test_train_on_batch_is_a_step_of_fit(system, model):
    other = build_model(RECIPES[system].replace(batch_size=COUNT), steps_per_epoch=2)
    logs = model.train_on_batch(*pictures(system), return_dict=True)
    history = fit(other, dataset(system)).history
    assert logs.keys() == history.keys()
    for name, (value,) in history.items():
        np.testing.assert_allclose(logs[name], value, rtol=1e-5)
    for mine, theirs in zip(weights(model), weights(other), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)


def test_a_whole_batch_as_one_argument(system, model):
    before = weights(model)
    assert np.isfinite(model.train_on_batch(pictures(system))).all()
    assert changed(before, model)


def test_test_on_batch_is_evaluate(system, model):
    before = weights(model)
    logs = model.test_on_batch(*pictures(system))
    np.testing.assert_allclose(model.evaluate(*pictures(system), verbose=0), logs, rtol=1e-5)
    assert not changed(before, model)


def test_predict_paints(system, model):
    inputs = painted(model, system)
    want = model.generator(inputs)
    np.testing.assert_allclose(model.predict(inputs, batch_size=2, verbose=0), want, atol=1e-5)
    data = tf.data.Dataset.from_tensor_slices(inputs).batch(2)
    np.testing.assert_allclose(model.predict(data, verbose=0), want, atol=1e-5)
    np.testing.assert_allclose(model.predict_on_batch(inputs), want, atol=1e-5)


def test_a_data_set_of_dictionaries(system, model):
    names = NAMES.get(system, ("paintings",))
    # In another order than that of the names.
    arrays = dict(reversed(list(zip(names, pictures(system), strict=True))))
    data = tf.data.Dataset.from_tensor_slices(arrays).batch(COUNT)
    logs = model.evaluate(data, verbose=0)
    np.testing.assert_allclose(model.evaluate(dataset(system), verbose=0), logs, rtol=1e-6)
    wrong = data.map(lambda batch: {"other": batch["paintings"]})
    with pytest.raises(ValueError, match="needs the keys 'p.*got 'other'"):
        fit(model, wrong)


def test_a_data_set_of_tuples(system, model):
    data = tf.data.Dataset.from_tensor_slices(pictures(system)).batch(COUNT)
    logs = model.evaluate(data, verbose=0)
    np.testing.assert_allclose(model.evaluate(dataset(system), verbose=0), logs, rtol=1e-6)


def test_too_much_or_too_little(system, model):
    array = pictures(system)[0]
    wrong = (array, array) if system == "dcgan" else (array,)
    with pytest.raises(ValueError, match=r"a batch needs 'p.*got \d tensors?; pass"):
        model.train_on_batch(*wrong)


def test_as_many_photos_as_paintings():
    model = build_model(RECIPES["cyclegan"], steps_per_epoch=1)
    few, many = pictures("cyclegan", 2)[0], pictures("cyclegan", 4)[1]
    with pytest.raises(ValueError, match="as many photos as paintings, got 2 photos and 4 paint"):
        model.train_on_batch(few, many)
    spec = tf.TensorSpec([None, 32, 32, 3])
    data = tf.data.Dataset.from_generator(lambda: [(few, many)], output_signature=(spec, spec))
    with pytest.raises(tf.errors.InvalidArgumentError, match="as many photos as paintings"):
        fit(model, data)


def test_sample_weight_is_refused(system, model):
    arrays = pictures(system)
    y = arrays[1] if len(arrays) == 2 else None
    with pytest.raises(ValueError, match="sample_weight and class_weight aren't supported"):
        model.train_on_batch(arrays[0], y, sample_weight=np.ones(COUNT, "float32"))
    with pytest.raises(ValueError, match="sample_weight and class_weight aren't supported"):
        fit(model, dataset(system), class_weight={0: 1.0})


def test_the_last_batch_may_be_short(system, model):
    history = fit(model, dataset(system, 3)).history
    assert all(np.isfinite(value) for (value,) in history.values())


def test_callbacks_that_work(system, model, tmp_path):
    loss = model.metrics[0].name
    early = keras.callbacks.EarlyStopping(
        f"val_{loss}", mode="max", min_delta=1e9, patience=1, restore_best_weights=True
    )
    history = fit(
        model,
        dataset(system),
        validation_data=dataset(system),
        epochs=5,
        callbacks=[
            early,
            keras.callbacks.ModelCheckpoint(tmp_path / "all.keras"),
            keras.callbacks.ModelCheckpoint(tmp_path / "a.weights.h5", save_weights_only=True),
            keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        ],
    )
    assert early.stopped_epoch == 1 and history.epoch == [0, 1]
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    np.testing.assert_allclose([float(row[loss]) for row in rows], history.history[loss])
    loaded = keras.models.load_model(tmp_path / "all.keras")
    model.load_weights(tmp_path / "a.weights.h5")
    for mine, theirs in zip(weights(loaded), weights(model), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    before = weights(loaded)
    fit(loaded, dataset(system))
    assert changed(before, loaded)


def test_callbacks_that_cannot_work(system, model):
    for callback, message in (
        (keras.callbacks.ReduceLROnPlateau(), "ReduceLROnPlateau sets .* model has two; give"),
        (keras.callbacks.LearningRateScheduler(lambda epoch: 1.0), "LearningRateScheduler sets"),
        (keras.callbacks.TerminateOnNaN(), "TerminateOnNaN looks at 'loss' alone"),
    ):
        for callbacks in (callback, [callback], keras.callbacks.CallbackList([callback])):
            with pytest.raises(ValueError, match=message):
                fit(model, dataset(system), callbacks=callbacks)


def test_a_learning_rate_can_be_set_as_the_message_says(system, model):
    def halve(epoch, logs):
        for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
            optimizer.learning_rate = 0.5 * float(optimizer.learning_rate)

    model.compile(keras.optimizers.SGD(0.5), keras.optimizers.SGD(0.25), model.adversarial_loss)
    fit(model, dataset(system), callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=halve)])
    assert float(model.generator_optimizer.learning_rate) == 0.25
    assert float(model.discriminator_optimizer.learning_rate) == 0.125


@pytest.mark.parametrize("optimizer", [keras.optimizers.Adam, FusedAdam])
def test_gradients_can_be_accumulated(system, model, optimizer):
    optimizers = [optimizer(1e-3, gradient_accumulation_steps=2) for _ in range(2)]
    model.compile(*optimizers, model.adversarial_loss)
    before = weights(model)
    fit(model, dataset(system))
    assert not changed(before, model)
    fit(model, dataset(system))
    assert changed(before, model)


def test_export_paints_in_plain_tensorflow(system, model, tmp_path):
    fit(model, dataset(system))
    model.export(tmp_path, verbose=False)
    exported = tf.saved_model.load(tmp_path)
    inputs = painted(model, system)
    np.testing.assert_allclose(exported.serve(inputs), model.generator(inputs), atol=1e-5)
    graph = exported.signatures["serving_default"].graph.as_graph_def()
    functions = [graph.node, *(function.node_def for function in graph.library.function)]
    assert not [node.op for nodes in functions for node in nodes if node.op.startswith("Monet")]


_A_REPLICA_WITHOUT_PICTURES = """
import sys, numpy as np, tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
sys.path.insert(0, sys.argv[1])
from monet.systems import build_model
from test_keras_entry_points import RECIPES, dataset
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    model = build_model(RECIPES[sys.argv[2]].replace(batch_size=2), steps_per_epoch=2)
try:
    model.fit(dataset(sys.argv[2], 3), verbose=0, shuffle=False)
except tf.errors.InvalidArgumentError as error:
    assert "a replica's part of one, has no pictures" in error.message.replace(chr(92), "")
    assert all(np.isfinite(weight.numpy()).all() for weight in model.trainable_variables)
    print("refused")
"""


@pytest.mark.parametrize("system", ["cyclegan", "dcgan"], indirect=True)
def test_a_replica_without_pictures_is_an_error_and_spoils_nothing(system):
    folder = __file__.rpartition("test_keras")[0]
    command = [sys.executable, "-c", _A_REPLICA_WITHOUT_PICTURES, folder, system]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.stdout.strip().endswith("refused"), result.stderr
