"""Keras's Adam, updating all weights in one pass."""

from __future__ import annotations

import keras
import tensorflow as tf

from monet import ops


@keras.saving.register_keras_serializable(package="monet")
class FusedAdam(keras.optimizers.Adam):
    """`keras.optimizers.Adam` by `monet.ops.adam_update`: the same numbers, in one op on CPUs.

    Keras writes the update as a dozen operations for each weight, which read and write all of it.
    Arguments, variables and checkpoints are those of `keras.optimizers.Adam`; `amsgrad` isn't
    supported.
    """

    def build(self, variables):
        if self.amsgrad:
            raise ValueError(
                "amsgrad=True: monet.ops.adam_update has no AMSGrad; "
                "use keras.optimizers.Adam(amsgrad=True)."
            )
        super().build(variables)

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        # Keras's own goes through the weights one by one, which several replicas need: it adds up
        # their gradients, and updates each replica's copy.
        if tf.distribute.has_strategy():
            super()._backend_update_step(grads, trainable_variables, learning_rate)
        else:
            self._update(grads, trainable_variables, learning_rate)

    def update_step(self, gradient, variable, learning_rate):
        self._update([gradient], [variable], learning_rate)

    def _update(self, gradients, variables, learning_rate):
        indices = [self._get_variable_index(variable) for variable in variables]
        ops.adam_update(
            [_plain(variable) for variable in variables],
            [_plain(self._momentums[index]) for index in indices],
            [_plain(self._velocities[index]) for index in indices],
            [
                tf.cast(gradient, variable.dtype)
                for gradient, variable in zip(gradients, variables, strict=True)
            ],
            learning_rate=learning_rate,
            step=self.iterations + 1,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
        )


def _plain(variable):
    """TensorFlow's variable in Keras's."""
    return variable.value if isinstance(variable, keras.Variable) else variable
