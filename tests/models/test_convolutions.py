from __future__ import annotations

import keras
import pytest

import monet.models
from monet.layers import Conv2D, Conv2DTranspose


@pytest.mark.parametrize(
    ("build", "options"),
    [
        ("unet_generator", {"filters": 4, "levels": 3}),
        ("unet_discriminator", {"filters": 4}),
        ("patchgan_discriminator", {"filters": 4}),
        ("attention_unet_generator", {"filters": 8, "levels": 3}),
        ("attention_discriminator", {"filters": 8}),
        ("resnet_generator", {"filters": 4, "blocks": 1}),
        ("dcgan_generator", {"filters": 4, "image_size": 16}),
        ("dcgan_discriminator", {"filters": 4, "image_size": 16}),
    ],
)
def test_every_strided_convolution_is_of_this_package(build, options):
    model = getattr(monet.models, build)(**options)
    strided = [layer for layer in model.layers if max(getattr(layer, "strides", None) or [1]) > 1]
    assert strided
    assert {type(layer) for layer in strided} <= {Conv2D, Conv2DTranspose}


def test_models_saved_with_keras_own_convolutions_give_their_weights(tmp_path, monkeypatch):
    new = monet.models.unet_generator(filters=4, levels=3)
    monkeypatch.setattr(monet.models.unet, "Conv2D", keras.layers.Conv2D)
    monkeypatch.setattr(monet.models.unet, "Conv2DTranspose", keras.layers.Conv2DTranspose)
    old = monet.models.unet_generator(filters=4, levels=3)
    assert [weight.path for weight in new.weights] == [weight.path for weight in old.weights]
    old.save_weights(tmp_path / "old.weights.h5")
    new.load_weights(tmp_path / "old.weights.h5")
    for weight, expected in zip(new.get_weights(), old.get_weights(), strict=True):
        assert (weight == expected).all()
