"""The residual block of the CycleGAN generator."""

from __future__ import annotations

import keras

from monet import ops
from monet._numbers import is_integer
from monet.layers.fused_op import FusedOpLayer, padded_shape


@keras.saving.register_keras_serializable(package="monet")
class ResidualBlock(FusedOpLayer):
    """`x + norm(conv(relu(norm(conv(x)))))` with 3×3 convolutions and instance norm.

    One kernel on a CPU, TensorFlow's convolutions between native norms on a GPU.
    The convolutions have no bias, since the norm would cancel it. As in the generator of Johnson et
    al. 2016 and Zhu et al. 2017, nothing follows the addition.

    Shapes: `[N, H, W, filters]` to the same; reflection padding needs `H, W > 1`.

    Weights, laid out as a fused block takes them: `kernel1`, `kernel2` `[3, 3, filters, filters]`;
    `gamma1`, `beta1`, `gamma2`, `beta2` `[filters]`, always float32.

    Args:
        filters: channels of the input, of the output and between.
        padding: `"reflect"` or `"zero"`: how both convolutions keep the size.
        epsilon: added to the variance of both norms.
        kernel_initializer: initializer of both kernels, which are drawn independently.

    Example:

    >>> x = np.random.default_rng(0).normal(size=(1, 16, 12, 8)).astype("float32")
    >>> ResidualBlock(8)(x).shape
    TensorShape([1, 16, 12, 8])
    """

    def __init__(
        self,
        filters,
        padding="reflect",
        epsilon=1e-5,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not is_integer(filters, 1):
            raise ValueError(f"filters={filters!r}: expected an integer of at least 1.")
        if padding not in ("reflect", "zero"):
            raise ValueError(f"padding={padding!r}: expected 'reflect' or 'zero'.")
        self.filters = filters
        self.padding = padding
        self.epsilon = epsilon
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: filters})

    def build(self, input_shape):
        initializers = (self.kernel_initializer, independent_of(self.kernel_initializer))
        for index, initializer in enumerate(initializers, start=1):
            kernel = self.add_weight(
                name=f"kernel{index}",
                shape=(3, 3, self.filters, self.filters),
                initializer=initializer,
            )
            gamma, beta = self.add_norm_weights(
                self.filters, str(index), {"initializer": "ones"}, {"initializer": "zeros"}
            )
            setattr(self, f"kernel{index}", kernel)
            setattr(self, f"gamma{index}", gamma)
            setattr(self, f"beta{index}", beta)

    def call(self, inputs):
        if self.padding == "reflect":
            return ops.residual_block(inputs, *self.operands, epsilon=self.epsilon)
        x = ops.conv2d(inputs, self.kernel1, padding="same")
        x = self._norm(x, self.gamma1, self.beta1, activation="relu")
        x = ops.conv2d(x, self.kernel2, padding="same")
        return self._norm(x, self.gamma2, self.beta2, residual=inputs)

    @property
    def operands(self) -> tuple:
        """The weights, as `ops.residual_block` and `ops.residual_trunk` take them."""
        return (self.kernel1, self.gamma1, self.beta1, self.kernel2, self.gamma2, self.beta2)

    def _norm(self, x, gamma, beta, **options):
        return ops.instance_norm(x, gamma, beta, epsilon=self.epsilon, **options)

    def compute_output_shape(self, input_shape):
        if self.padding == "reflect":
            padded_shape(tuple(input_shape), ((1, 1), (1, 1)), self.name)
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "padding": self.padding,
            "epsilon": self.epsilon,
            "kernel_initializer": keras.saving.serialize_keras_object(self.kernel_initializer),
        }


def independent_of(initializer, step: int = 1):
    """An initializer of the same distribution that draws other values.

    Args:
        initializer: any; all but instances of Keras initializers are returned as they are.
        step: what is added to a seed that is an integer.

    A Keras initializer returns the same values each time it is called, unless its seed is a
    `SeedGenerator`.
    """
    if not isinstance(initializer, keras.initializers.Initializer):
        return initializer
    config = initializer.get_config()
    seed = config.get("seed")
    if isinstance(seed, dict):
        return initializer
    if isinstance(seed, int):
        config["seed"] = seed + step
    return initializer.__class__.from_config(config)
