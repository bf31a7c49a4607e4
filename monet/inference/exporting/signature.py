"""What an exported generator takes, and the function from that to pictures."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from monet.ops.native import dispatch


@dataclasses.dataclass(frozen=True)
class Signature:
    """A generator, and what it is to take.

    Attributes:
        generator: in float32.
        input_name: what its input is called in the file.
        shape: of its input; None for a dimension of any size.
        description: the same in words.
        example: noise for it, float32 of such a shape.
    """

    generator: keras.Model
    input_name: str
    shape: tuple[int | None, ...]
    description: str
    example: np.ndarray

    @property
    def is_of_any_size(self) -> bool:
        """Whether height and width of pictures that it takes are open."""
        return None in self.shape[1:]

    def function(self) -> tf.types.experimental.GenericFunction:
        """The generator as a `tf.function` of plain TensorFlow operations."""
        spec = tf.TensorSpec(self.shape, tf.float32, name=self.input_name)

        @tf.function(input_signature=[spec], autograph=False)
        def paint(inputs: tf.Tensor) -> tf.Tensor:
            with dispatch.use("reference"):
                return self.generator(inputs, training=False)

        return paint
