"""LeakyReLU that needs its result alone for the gradient."""

from __future__ import annotations

import keras
import tensorflow as tf

from monet.ops.shared.custom_gradient import custom_gradient


@keras.saving.register_keras_serializable(package="monet")
class LeakyReLU(keras.layers.LeakyReLU):
    """`keras.layers.LeakyReLU`, whose gradient is computed from what it gives, not what it gets.

    The values are the same, as both have the same sign. But nothing has to be kept of a convolution
    before it, which can then add its bias and apply this in the pass that writes its result
    (TensorFlow's `_FusedConv2D`, on CPUs). With Keras's own, TensorFlow 2.21 tries the same in
    training steps without looking who else reads the convolution, and prints an error: "remapper
    failed".

    Shapes: any to the same.

    Args:
        negative_slope: slope below zero, above 0.

    Example:

    >>> LeakyReLU(0.2)(np.array([-1.0, 0.0, 2.0], "float32")).numpy().tolist()
    [-0.20000000298023224, 0.0, 2.0]
    """

    def __init__(self, negative_slope=0.3, **kwargs):
        if not negative_slope > 0:
            raise ValueError(f"negative_slope={negative_slope!r}: expected a number above 0.")
        super().__init__(negative_slope, **kwargs)

    def call(self, inputs):
        return _leaky_relu(inputs, float(self.negative_slope))


def _leaky_relu(x, slope):
    @custom_gradient
    def activate(x):
        y = tf.nn.leaky_relu(x, slope)

        def gradient(dy):
            return tf.raw_ops.LeakyReluGrad(gradients=dy, features=y, alpha=slope)

        return y, gradient

    return activate(x)
