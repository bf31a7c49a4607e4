"""The last paint but one: what a generator changes, as brush strokes."""

from __future__ import annotations

import keras
import tensorflow as tf

from monet._numbers import is_integer, is_number
from monet.layers.fused_op import FusedOpLayer
from monet.layers.laying_strokes import lay_change


@keras.saving.register_keras_serializable(package="monet")
class Brushwork(FusedOpLayer):
    """A change to pictures, laid in with brush strokes, and a little detail over them.

    A generator that may change every pixel by itself covers even areas with marks that look like
    weave. One that paints with this has strokes along the picture's lines, each of one colour, and
    for the texture of paint and canvas a detail that can't grow large:
    `y = strokes + detail · tanh(d / detail)`.

    While training, the strokes' gradient is an estimate, see
    `monet.layers.laying_strokes.lay_change`.

    Shapes: pictures `[N, H, W, 3 or more]` in [-1, 1], of which the first 3 channels count, and
    changes `[N, H, W, 6]`, of strokes and of details, to `[N, H, W, 3]`; H and W at least
    `least_side`.

    Args:
        length: half the length of the larger strokes, in pixels, at least 1.
        detail: the most that detail changes, from 0.001 to 10; or 0 for none.

    Example:

    >>> x = np.zeros((1, 16, 16, 3), "float32")
    >>> y = Brushwork()(x, np.full((1, 16, 16, 6), 0.5, "float32"))
    >>> bool(np.allclose(y, 0.5 + 0.1 * np.tanh(5), atol=1e-6))
    True
    """

    def __init__(self, length=5, detail=0.1, **kwargs):
        super().__init__(autocast=False, **kwargs)
        if not is_integer(length, 1):
            raise ValueError(f"length={length!r}: expected an integer of at least 1.")
        if not (detail == 0 or is_number(detail, 0.001, 10)):
            raise ValueError(f"detail={detail!r}: expected 0, or a number from 0.001 to 10.")
        self.length = length
        self.detail = detail

    @property
    def least_side(self) -> int:
        """The least height and width of pictures that strokes of this length fit into, or more."""
        return 2 * self.length

    def build(self, images_shape, changes_shape):
        if len(images_shape) != 4 or (images_shape[-1] or 0) < 3:
            raise ValueError(
                f"Brushwork takes pictures [N, H, W, 3 or more], got {list(images_shape)}; give it "
                f"those that are painted."
            )
        if changes_shape[-1] != 6:
            raise ValueError(
                f"Brushwork takes changes of 6 channels, 3 of strokes and 3 of details, got "
                f"{changes_shape[-1]}; give the layer before it 6."
            )

    def call(self, images, changes, training=False):
        images, changes = (tf.cast(given, tf.float32) for given in (images, changes))
        strokes, details = tf.split(changes, 2, axis=-1)
        laid = lay_change(images[..., :3], strokes, self.length, learning=bool(training))
        if self.detail:
            laid += self.detail * tf.tanh(details / self.detail)
        laid = tf.cast(laid, self.compute_dtype)
        laid.set_shape(self.compute_output_shape(images.shape, changes.shape))
        return laid

    def compute_output_shape(self, images_shape, changes_shape):
        return (*changes_shape[:-1], 3)

    def get_config(self):
        return {**super().get_config(), "length": self.length, "detail": self.detail}
