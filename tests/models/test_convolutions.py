from __future__ import annotations

import keras
import pytest
import tensorflow as tf

import monet.models
import monet.ops
from monet.models import unet_blocks


@pytest.mark.parametrize(
    ("build", "options"),
    [
        ("unet_generator", {"filters": 4, "levels": 3}),
        ("unet_discriminator", {"filters": 4}),
        ("patchgan_discriminator", {"filters": 4}),
        ("attention_unet_generator", {"filters": 8, "levels": 3}),
        ("attention_discriminator", {"filters": 8}),
        ("resnet_generator", {"filters": 4, "blocks": 1}),
        ("resnet_generator", {"filters": 4, "blocks": 1, "padding": "zero"}),
        ("dcgan_generator", {"filters": 4, "image_size": 16}),
        ("dcgan_discriminator", {"filters": 4, "image_size": 16}),
        ("residual_dcgan_generator", {"image_size": 16}),
    ],
)
def test_every_convolution_is_of_this_package(build, options):
    if not monet.ops.status().native:
        pytest.skip(monet.ops.status().reason)
    model = getattr(monet.models, build)(**options)
    shape = [1, *(side or 32 for side in model.input_shape[1:])]

    @tf.function
    def run(x):
        with monet.ops.use("native"), tf.device("CPU"):
            return model(x, training=True)

    operations = run.get_concrete_function(tf.TensorSpec(shape)).graph.get_operations()
    kinds = {operation.type for operation in operations}
    assert any(kind.startswith("Monet") and "Conv" in kind for kind in kinds)
    assert "Conv2DBackpropInput" not in kinds
    theirs = [operation for operation in operations if operation.type == "Conv2D"]
    # A 1x1 kernel of stride 1 is a matrix product.
    assert all(convolution.inputs[1].shape[:2] == [1, 1] for convolution in theirs)


def test_models_saved_with_keras_own_convolutions_give_their_weights(tmp_path, monkeypatch):
    new = monet.models.unet_generator(filters=4, levels=3)
    monkeypatch.setattr(unet_blocks, "Conv2D", keras.layers.Conv2D)
    monkeypatch.setattr(unet_blocks, "Conv2DTranspose", keras.layers.Conv2DTranspose)
    old = monet.models.unet_generator(filters=4, levels=3)
    assert [weight.path for weight in new.weights] == [weight.path for weight in old.weights]
    old.save_weights(tmp_path / "old.weights.h5")
    new.load_weights(tmp_path / "old.weights.h5")
    for weight, expected in zip(new.get_weights(), old.get_weights(), strict=True):
        assert (weight == expected).all()
