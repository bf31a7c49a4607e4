"""A convolution that can't stretch what it is given by more than its norm allows."""

from __future__ import annotations

import keras
import tensorflow as tf

from monet.layers.conv2d import Conv2D


@keras.saving.register_keras_serializable(package="monet")
class SpectralConv2D(Conv2D):
    """`monet.layers.Conv2D` with its kernel divided by the kernel's largest singular value.

    That value is of the kernel as a matrix `[height * width * C, filters]`. It is estimated by one
    step of power iteration for each call in training, whose vector is a weight of the layer; the
    gradient takes the division into account.

    Keras's `SpectralNormalization` writes the divided kernel over the trained one instead, under
    the optimizer's feet, and can't do so on several devices.

    Args:
        **kwargs: as for `keras.layers.Conv2D`.

    Source: Miyato et al. 2018 (arXiv:1802.05957), appendix A.

    Example:

    >>> x = np.random.default_rng(0).normal(size=(1, 16, 12, 3)).astype("float32")
    >>> SpectralConv2D(8, 4, strides=2, padding="same")(x, training=True).shape
    TensorShape([1, 8, 6, 8])
    """

    def build(self, input_shape):
        super().build(input_shape)
        self.direction = self.add_weight(
            name="direction",
            shape=(self.filters,),
            dtype="float32",
            initializer="random_normal",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    def call(self, inputs, training=False):
        kernel = self._divided_kernel(training)
        outputs = self.convolution_op(inputs, tf.cast(kernel, inputs.dtype))
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, tf.cast(self.bias, outputs.dtype))
        return self.activation(outputs)

    def _divided_kernel(self, training):
        kernel = tf.cast(self.kernel, tf.float32)
        matrix = tf.reshape(kernel, [-1, self.filters])
        fixed = tf.stop_gradient(matrix)
        right = self.direction.value
        left = tf.linalg.l2_normalize(tf.linalg.matvec(fixed, right))
        right = tf.linalg.l2_normalize(tf.linalg.matvec(fixed, left, transpose_a=True))
        if training:
            self.direction.assign(right)
        norm = tf.tensordot(left, tf.linalg.matvec(matrix, right), 1)
        return kernel / tf.maximum(norm, 1e-12)

    # Keras's convolutions name what they save, and know of kernel and bias.
    def save_own_variables(self, store):
        super().save_own_variables(store)
        store["direction"] = self.direction

    def load_own_variables(self, store):
        super().load_own_variables(store)
        self.direction.assign(store["direction"])
