"""The running average of a generator's weights, which paints better than the newest ones."""

from __future__ import annotations

import keras
import tensorflow as tf

from monet import ops


def averaged_copy(network: keras.Model) -> keras.Model:
    """A network of the same weights to keep their average in; not trained itself."""
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    copy.trainable = False
    return copy


def update_average(
    average: keras.Model, network: keras.Model, momentum: float, steps: tf.Tensor
) -> None:
    """Moves the average towards the network's weights.

    Args:
        average: made by `averaged_copy`.
        network: the one that is trained.
        momentum: share of the average that is kept, in [0, 1).
        steps: of training done before this one. In the first steps, t of them, no more than
            (1 + t) / (10 + t) is kept, or else the average would start from noise.
    """
    steps = tf.cast(steps, tf.float32)
    momentum = tf.minimum(momentum, (1.0 + steps) / (10.0 + steps))
    # Under a strategy a weight is several variables, which only TensorFlow's operations know.
    update = ops.average_update_ref if tf.distribute.has_strategy() else ops.average_update
    update(
        [averaged.value for averaged in average.weights],
        [tf.convert_to_tensor(weight.value) for weight in network.weights],
        momentum,
    )
