"""What an exported generator takes, and the function from that to pictures."""

from __future__ import annotations

import dataclasses
import math

import keras
import numpy as np
import tensorflow as tf

from monet.inference.exporting.error import ExportError
from monet.inference.generator import is_from_noise
from monet.inference.painter import MAX_PIXELS, Painter
from monet.ops.native import dispatch


@dataclasses.dataclass(frozen=True)
class Signature:
    """A generator, and what it is to take.

    Attributes:
        generator: in float32, from pictures `[N, H, W, 3]` or latents `[N, Z]`.
        shape: of its input; None for a dimension of any size.
        description: the same in words.
        example: noise for it, float32 of such a shape.
    """

    generator: keras.Model
    shape: tuple[int | None, ...]
    description: str
    example: np.ndarray

    @property
    def input_name(self) -> str:
        return "images" if len(self.shape) == 4 else "latents"

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


def signature_of(generator: keras.Model, size: int | None) -> Signature:
    """What `generator` takes when it is exported.

    Args:
        generator: as `monet.inference.load_generator` gives it, in float32.
        size: side of the pictures, for one at a time; None for all sizes that it takes.

    Raises:
        ExportError: it doesn't take pictures of that size.
    """
    random = np.random.default_rng(0)
    if is_from_noise(generator):
        length, side = generator.input_shape[1], generator.output_shape[1]
        if size not in (None, side):
            raise ExportError(
                f"`size={size}`: this generator paints pictures of {side}×{side} pixels from noise "
                f"and no others; leave it out."
            )
        shape = (None if size is None else 1, length)
        description = f"latents [{shape[0] or 'N'}, {length}], float32, drawn from N(0, 1)"
        example = random.normal(size=(shape[0] or 2, length))
    else:
        painter = Painter(generator)
        if size is not None:
            _check_size(painter, size)
        fixed = painter.fixed_size if size is None else (size, size)
        height, width = fixed or painter.padded_size(64, 64 + painter.multiple)
        count = None if size is None else 1
        shape = (count, *(fixed or (None, None)), 3)
        letters = (str(side or letter) for side, letter in zip(shape, "NHW3", strict=True))
        description = f"images [{', '.join(letters)}], float32 in [-1, 1]"
        if not fixed:
            description += f", H and W {_sides(painter)}"
        example = random.uniform(-1, 1, (count or 2, height, width, 3))
    return Signature(generator, shape, description, example.astype(np.float32))


def _check_size(painter: Painter, size: int) -> None:
    if painter.fixed_size not in (None, (size, size)):
        height, width = painter.fixed_size
        raise ExportError(
            f"`size={size}`: this generator takes pictures of {height}×{width} pixels and no "
            f"others; leave it out."
        )
    most = math.isqrt(MAX_PIXELS)
    if size > most or painter.padded_size(size, size) != (size, size):
        raise ExportError(
            f"`size={size}`: this generator takes {_sides(painter)}, and {most:,} is the most that "
            f"is exported."
        )


def _sides(painter: Painter) -> str:
    """In words, the heights and widths that a generator takes."""
    least = painter.padded_size(1, 1)[0]
    if painter.multiple == 1:
        return f"from {least} on"
    return f"multiples of {painter.multiple} from {least} on"
