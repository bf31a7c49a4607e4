"""Exported models contain the twins, so they load where this package is not installed."""

from __future__ import annotations

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import monet.layers
import monet.ops


@keras.saving.register_keras_serializable(package="monet_tests")
class Normalize(keras.layers.Layer):
    def build(self, shape):
        self.gamma = self.add_weight(shape=(shape[-1],), initializer="ones")
        self.beta = self.add_weight(shape=(shape[-1],), initializer="zeros")

    def call(self, x):
        return monet.ops.instance_norm(x, self.gamma, self.beta, activation="relu", pad=1)


def save_keras_export(model, path):
    model.export(path, verbose=False)


def save_saved_model(model, path):
    tf.saved_model.save(model, path)


def save_traced_function(model, path):
    module = tf.Module()
    module.model = model
    module.serve = tf.function(
        lambda x: model(x), input_signature=[tf.TensorSpec([None, None, None, 3])]
    )
    module.serve(tf.zeros([1, 8, 8, 3]))  # traces the native op before the export
    tf.saved_model.save(module, path, signatures={"serve": module.serve})


LOAD = """
import sys, numpy as np, tensorflow as tf
assert "monet" not in sys.modules
loaded = tf.saved_model.load(sys.argv[1])
serve = loaded.signatures[sys.argv[2]]
(result,) = serve(tf.constant(np.load(sys.argv[3]))).values()
np.save(sys.argv[4], result)
"""


@pytest.mark.parametrize(
    ("save", "signature"),
    [
        (save_keras_export, "serving_default"),
        (save_saved_model, "serving_default"),
        (save_traced_function, "serve"),
    ],
)
def test_export_loads_without_this_package(native, tmp_path, save, signature):
    model = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            monet.layers.Conv2D(4, 3, strides=2),
            Normalize(),
            monet.layers.Conv2DTranspose(3, 4, strides=2, padding="same"),
        ]
    )
    x = np.random.default_rng(0).normal(size=[1, 9, 8, 3]).astype(np.float32)
    expected = model(x).numpy()
    save(model, str(tmp_path / "saved"))
    np.save(tmp_path / "x.npy", x)
    arguments = [str(tmp_path / name) for name in ("saved", "x.npy", "y.npy")]
    done = subprocess.run(
        [sys.executable, "-c", LOAD, arguments[0], signature, *arguments[1:]],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected, rtol=1e-4, atol=1e-5)
