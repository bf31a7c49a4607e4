"""Instance and group normalization with what usually follows them fused in."""

from __future__ import annotations

import keras
import tensorflow as tf

from monet import ops
from monet._numbers import is_integer
from monet.layers.fused_op import FusedOpLayer, in_one_dtype, padded_shape
from monet.ops.shared import activations


class _Normalization(FusedOpLayer):
    def __init__(
        self,
        epsilon=1e-5,
        activation=None,
        negative_slope=0.2,
        pad=0,
        gamma_initializer="ones",
        beta_initializer="zeros",
        gamma_regularizer=None,
        beta_regularizer=None,
        gamma_constraint=None,
        beta_constraint=None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        activations.check(self.name, activation)
        if not is_integer(pad, 0):
            raise ValueError(f"pad={pad!r}: expected a count of pixels of at least 0.")
        self.epsilon = epsilon
        self.activation = activation
        self.negative_slope = negative_slope
        self.pad = pad
        self.gamma_initializer = keras.initializers.get(gamma_initializer)
        self.beta_initializer = keras.initializers.get(beta_initializer)
        self.gamma_regularizer = keras.regularizers.get(gamma_regularizer)
        self.beta_regularizer = keras.regularizers.get(beta_regularizer)
        self.gamma_constraint = keras.constraints.get(gamma_constraint)
        self.beta_constraint = keras.constraints.get(beta_constraint)

    def build(self, inputs_shape, residual_shape=None):
        channels = inputs_shape[-1]
        if channels is None:
            raise ValueError(
                f"{self.name} needs to know the number of channels, got shape {inputs_shape}."
            )
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: channels})
        self.gamma, self.beta = self.add_norm_weights(
            channels,
            "",
            {
                "initializer": self.gamma_initializer,
                "regularizer": self.gamma_regularizer,
                "constraint": self.gamma_constraint,
            },
            {
                "initializer": self.beta_initializer,
                "regularizer": self.beta_regularizer,
                "constraint": self.beta_constraint,
            },
        )

    def compute_output_shape(self, inputs_shape, residual_shape=None):
        return padded_shape(tuple(inputs_shape), ((self.pad, self.pad),) * 2, self.name)

    def call(self, inputs, residual=None):
        inputs, residual = in_one_dtype((inputs, residual), self.compute_dtype)
        return tf.cast(self._normalize(inputs, self._options(residual)), self.compute_dtype)

    def _options(self, residual) -> dict:
        return {
            "epsilon": self.epsilon,
            "activation": self.activation,
            "negative_slope": self.negative_slope,
            "residual": residual,
            "pad": self.pad,
        }

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "epsilon": self.epsilon,
            "activation": self.activation,
            "negative_slope": self.negative_slope,
            "pad": self.pad,
            "gamma_initializer": serialize(self.gamma_initializer),
            "beta_initializer": serialize(self.beta_initializer),
            "gamma_regularizer": serialize(self.gamma_regularizer),
            "beta_regularizer": serialize(self.beta_regularizer),
            "gamma_constraint": serialize(self.gamma_constraint),
            "beta_constraint": serialize(self.beta_constraint),
        }


@keras.saving.register_keras_serializable(package="monet")
class InstanceNormalization(_Normalization):
    """Normalizes each channel of each image, then activates, adds and pads.

    `y = activation(gamma * (x - mean) / sqrt(variance + epsilon) + beta) + residual`, with mean and
    variance over the pixels of one channel of one image, reflection-padded by `pad` so that the
    next convolution can run `"valid"`. Statistics, `gamma` and `beta` are float32 under every dtype
    policy, and inputs are taken as they come: float32 values that float16 doesn't hold are good
    ones. See `monet.ops.instance_norm`, which it calls, and Ulyanov et al. 2016
    (arXiv:1607.08022).

    Shapes: inputs `[N, H, W, C]`, residual the same or `None`; result
    `[N, H + 2 pad, W + 2 pad, C]`.

    Args:
        epsilon: added to the variance.
        activation: `None` or one that `monet.ops.instance_norm` knows by name, such as `"relu"`;
            applied before the residual is added.
        negative_slope: slope of `"leaky_relu"` below zero.
        pad: pixels of reflection padding on each side of the result; needs `pad < H, W`.
        gamma_initializer: initial scale.
        beta_initializer: initial offset.
        gamma_regularizer: regularizer of the scale.
        beta_regularizer: regularizer of the offset.
        gamma_constraint: constraint on the scale.
        beta_constraint: constraint on the offset.

    Example:

    >>> x = np.random.default_rng(0).normal(size=(2, 8, 8, 16)).astype("float32")
    >>> InstanceNormalization(activation="relu", pad=1)(x, residual=x).shape
    TensorShape([2, 10, 10, 16])
    """

    def _normalize(self, inputs, options):
        return ops.instance_norm(inputs, self.gamma, self.beta, **options)


@keras.saving.register_keras_serializable(package="monet")
class GroupNormalization(_Normalization):
    """Normalizes each group of channels of each image, then activates, adds and pads.

    As `InstanceNormalization`, with mean and variance over the pixels of `C / groups` adjacent
    channels together. See `monet.ops.group_norm`, which it calls, and Wu and He 2018
    (arXiv:1803.08494).

    Shapes: inputs `[N, H, W, C]`, residual the same or `None`; result
    `[N, H + 2 pad, W + 2 pad, C]`.

    Args:
        groups: number of groups; has to divide the number of channels.
        **kwargs: as for `InstanceNormalization`.

    Example:

    >>> x = np.random.default_rng(0).normal(size=(2, 8, 8, 16)).astype("float32")
    >>> GroupNormalization(groups=4, activation="leaky_relu")(x).shape
    TensorShape([2, 8, 8, 16])
    """

    def __init__(self, groups=32, **kwargs):
        super().__init__(**kwargs)
        if not is_integer(groups, 1):
            raise ValueError(f"groups={groups!r}: expected an integer of at least 1.")
        self.groups = groups

    def build(self, inputs_shape, residual_shape=None):
        channels = inputs_shape[-1]
        if channels is not None and channels % self.groups:
            raise ValueError(
                f"{self.name}: groups={self.groups} doesn't divide {channels} channels; pass a "
                f"divisor of {channels}."
            )
        super().build(inputs_shape, residual_shape)

    def _normalize(self, inputs, options):
        return ops.group_norm(inputs, self.gamma, self.beta, self.groups, **options)

    def get_config(self):
        return {**super().get_config(), "groups": self.groups}
