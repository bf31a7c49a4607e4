"""The row of residual blocks in the middle of the CycleGAN generator."""

from __future__ import annotations

import keras

from monet import ops
from monet._numbers import is_integer
from monet.layers.fused_op import FusedOpLayer, padded_shape
from monet.layers.residual_block import ResidualBlock, independent_of


@keras.saving.register_keras_serializable(package="monet")
class ResidualTrunk(FusedOpLayer):
    """As many `ResidualBlock`s with reflected borders as asked for, one after the other.

    The same arithmetic as separate layers. On a GPU the images stay padded from one block to the
    next (`monet.ops.residual_trunk`), which separate layers can't do.

    Shapes: `[N, H, W, filters]` to the same; needs `H, W > 1`.

    Weights: those of the `ResidualBlock`s `layer.block_1`, `layer.block_2` and so on, which are
    there once the layer is built; `layer.blocks` lists them.

    Args:
        blocks: number of blocks.
        filters: channels of the input, of the output and between.
        epsilon: added to the variance of every norm.
        kernel_initializer: initializer of all kernels, which are drawn independently.

    Example:

    >>> x = np.random.default_rng(0).normal(size=(1, 16, 12, 8)).astype("float32")
    >>> trunk = ResidualTrunk(9, 8, name="trunk")
    >>> trunk(x).shape
    TensorShape([1, 16, 12, 8])
    >>> trunk.block_9.kernel1.path
    'trunk/block_9/kernel1'
    """

    def __init__(
        self,
        blocks,
        filters,
        epsilon=1e-5,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, count in (("blocks", blocks), ("filters", filters)):
            if not is_integer(count, 1):
                raise ValueError(f"{name}={count!r}: expected an integer of at least 1.")
        self.num_blocks = blocks
        self.filters = filters
        self.epsilon = epsilon
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: filters})

    @property
    def blocks(self) -> list[ResidualBlock]:
        """The blocks in their order, once the layer is built."""
        return [getattr(self, f"block_{i + 1}") for i in range(self.num_blocks)]

    def build(self, input_shape):
        initializer = self.kernel_initializer
        for index in range(1, self.num_blocks + 1):
            if index > 1:
                # A block's second kernel already has the next seed.
                initializer = independent_of(initializer, step=2)
            block = ResidualBlock(
                self.filters,
                epsilon=self.epsilon,
                kernel_initializer=initializer,
                dtype=self.dtype_policy,
                name=f"block_{index}",
            )
            block.build(input_shape)
            # Not in a list, which tf.train.Checkpoint would not look into.
            setattr(self, block.name, block)

    def call(self, inputs):
        weights = [block.operands for block in self.blocks]
        return ops.residual_trunk(inputs, weights, epsilon=self.epsilon)

    def compute_output_shape(self, input_shape):
        padded_shape(tuple(input_shape), ((1, 1), (1, 1)), self.name)
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "blocks": self.num_blocks,
            "filters": self.filters,
            "epsilon": self.epsilon,
            "kernel_initializer": keras.saving.serialize_keras_object(self.kernel_initializer),
        }
