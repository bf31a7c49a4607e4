"""Exported models contain the twins, so they load where this package is not installed."""

from __future__ import annotations

import os
import subprocess
import sys

import keras
import numpy as np
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


# Of each kind of export: how it is made, and the signature that it is called by.
EXPORTS = {
    "keras_export": (save_keras_export, "serving_default"),
    "saved_model": (save_saved_model, "serving_default"),
    "traced_function": (save_traced_function, "serve"),
}

LOAD = """
import sys, numpy as np, tensorflow as tf
assert "monet" not in sys.modules
x = tf.constant(np.load("x.npy"))
for name, signature in zip(sys.argv[1::2], sys.argv[2::2]):
    (result,) = tf.saved_model.load(name).signatures[signature](x).values()
    np.save(f"{name}.npy", result)
"""


def test_exports_load_without_this_package(native, tmp_path):
    x = np.random.default_rng(0).normal(size=[1, 9, 8, 3]).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    expected, arguments = {}, []
    for name, (save, signature) in EXPORTS.items():
        model = keras.Sequential(
            [
                keras.Input((None, None, 3)),
                monet.layers.Conv2D(4, 3, strides=2),
                Normalize(),
                monet.layers.Conv2DTranspose(3, 4, strides=2, padding="same"),
            ]
        )
        expected[name] = model(x).numpy()
        save(model, str(tmp_path / name))
        arguments += [name, signature]
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *arguments],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for name, want in expected.items():
        got = np.load(tmp_path / f"{name}.npy")
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5, err_msg=name)
