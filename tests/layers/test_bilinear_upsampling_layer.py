from __future__ import annotations

import keras
import numpy as np
import pytest

from monet.layers import BilinearUpsampling2D


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_as_keras_does(factor):
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 6)).astype("float32")
    layer = BilinearUpsampling2D(factor)
    want = keras.layers.UpSampling2D(factor, interpolation="bilinear")(x)
    np.testing.assert_allclose(layer(x), want, rtol=1e-5, atol=1e-6)
    inputs = keras.Input((None, None, 6))
    model = keras.Model(inputs, BilinearUpsampling2D(factor)(inputs))
    np.testing.assert_allclose(model(x), want, rtol=1e-5, atol=1e-6)
    assert model.output_shape == (None, None, None, 6)


def test_config_round_trip():
    layer = BilinearUpsampling2D(3, name="larger")
    assert BilinearUpsampling2D.from_config(layer.get_config()).get_config() == layer.get_config()


def test_impossible_factor():
    with pytest.raises(ValueError, match="factor=0: expected an integer of at least 1"):
        BilinearUpsampling2D(0)
