"""A generator applied to pictures of any size: padded, batched, tiled where they are large."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from monet.data import ImageError
from monet.inference.generator import GeneratorError
from monet.layers import Brushwork, ReflectionConv2D, ReflectionPadding2D, Underpainting

MAX_PIXELS = 1536 * 1536
"""Pixels in one call of the generator. Its widest activations take 256 bytes a pixel (64 channels
in float32) and a few of them are alive at once, so this keeps a call at about 2 GB."""

TILE = 1024
"""Largest side of the tiles that a larger picture is painted in."""

OVERLAP = 128
"""Least overlap of neighbouring tiles. Normalisation sees one tile at a time, so neighbours differ
a little in tone; the blend across the overlap hides the step."""


class Painter:
    """Paints uint8 pictures with a generator and gives each back in its own size.

    ```python
    painter = Painter(load_generator("runs/water-lilies/generator.keras"))
    (painting,) = painter.paint([photo])  # uint8 [H, W, 3] both
    ```

    Args:
        generator: `keras.Model` from images [N, H, W, 3] in [-1, 1] to images of the same shape.
            Sizes that its strides don't divide are padded by mirroring, and the result is cropped.
        batch_size: most pictures in one call; fewer where they are large.
        max_pixels: most pixels in one call; a picture with more is painted in overlapping tiles.
        rounding: how values become levels; see `monet.inference.file_style.FileStyle`.
    """

    def __init__(
        self,
        generator: keras.Model,
        *,
        batch_size: int = 8,
        max_pixels: int = MAX_PIXELS,
        rounding: str = "nearest",
    ) -> None:
        self.generator = generator
        self.batch_size = batch_size
        self.max_pixels = max_pixels
        self.multiple = size_multiple(generator)
        self.fixed_size = _fixed_size(generator)
        self._least = self._least_side()

        @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)])
        def forward(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            painted = generator(tf.cast(images, tf.float32) / 127.5 - 1.0, training=False)
            painted = tf.cast(painted, tf.float32)
            are_numbers = tf.reduce_all(tf.math.is_finite(painted), axis=(1, 2, 3))
            half = 255.5 / 2 if rounding == "scaled" else 127.5
            levels = painted * half + half
            levels = tf.round(levels) if rounding == "nearest" else tf.floor(levels)
            return tf.cast(tf.clip_by_value(levels, 0.0, 255.0), tf.uint8), are_numbers

        self._forward = forward

    def paint(self, images: Sequence[np.ndarray]) -> list[np.ndarray | ImageError]:
        """Paints uint8 pictures [H, W, 3], each of any size; returns them in order, size kept.

        In place of a picture for which the generator gives infinities or NaN there is an error.

        Raises:
            GeneratorError: the generator gives pictures of another size than it takes.
        """
        results: dict[int, np.ndarray | ImageError] = {}
        groups: dict[tuple[int, int], list[int]] = {}
        for index, image in enumerate(images):
            _check(image)
            if self.is_tiled(image):
                results[index] = self._paint_in_tiles(image)
            else:
                groups.setdefault(self.padded_size(*image.shape[:2]), []).append(index)
        for size, members in groups.items():
            padded = [_pad(images[index], size) for index in members]
            for index, painted in zip(members, self._paint_equal(padded), strict=True):
                if not isinstance(painted, ImageError):
                    height, width = images[index].shape[:2]
                    painted = painted[:height, :width]
                results[index] = painted
        return [results[index] for index in range(len(images))]

    def is_tiled(self, image: np.ndarray) -> bool:
        """Whether `image` is too large for one call."""
        height, width = image.shape[:2]
        if self.fixed_size:
            return height > self.fixed_size[0] or width > self.fixed_size[1]
        return height * width > self.max_pixels

    def _least_side(self) -> int:
        layers = _leaf_layers(self.generator)
        # Reflection inside the network wants more than one pixel left at the coarsest level.
        reflects = any(map(_reflects, layers))
        strokes = [x.least_side for x in layers if isinstance(x, Brushwork | Underpainting)]
        return max([4 * self.multiple if reflects else self.multiple, *strokes])

    def padded_size(self, height: int, width: int) -> tuple[int, int]:
        """The least (height, width) that the generator takes and such a picture fits into."""
        if self.fixed_size:
            return self.fixed_size

        def padded(side: int) -> int:
            return math.ceil(max(side, self._least) / self.multiple) * self.multiple

        return padded(height), padded(width)

    def _paint_equal(self, images: Sequence[np.ndarray]) -> list[np.ndarray | ImageError]:
        height, width = images[0].shape[:2]
        batch = max(1, min(self.batch_size, self.max_pixels // (height * width)))
        painted: list[np.ndarray | ImageError] = []
        for start in range(0, len(images), batch):
            pictures, are_numbers = self._forward(np.stack(images[start : start + batch]))
            if pictures.shape[1:3] != (height, width):
                raise GeneratorError(
                    f"the generator makes {pictures.shape[2]}×{pictures.shape[1]} of "
                    f"{width}×{height} pixels; it must keep the size of a picture."
                )
            painted += map(picture_or_error, pictures.numpy(), are_numbers.numpy())
        return painted

    def _paint_in_tiles(self, image: np.ndarray) -> np.ndarray | ImageError:
        height, width = image.shape[:2]
        size = self.padded_size(_tile_side(height), _tile_side(width))
        padded = _pad(image, (max(height, size[0]), max(width, size[1])))
        corners = [
            (top, left)
            for top in _tile_starts(padded.shape[0], size[0])
            for left in _tile_starts(padded.shape[1], size[1])
        ]
        weight = _ramp(size[0])[:, None, None] * _ramp(size[1])[None, :, None]
        total = np.zeros(padded.shape, np.float32)
        weights = np.zeros((*padded.shape[:2], 1), np.float32)
        # Tile by tile: all of them at once would be as large as the picture that is too large.
        for top, left in corners:
            window = slice(top, top + size[0]), slice(left, left + size[1])
            (painted,) = self._paint_equal([padded[window]])
            if isinstance(painted, ImageError):
                return painted
            total[window] += painted * weight
            weights[window] += weight
        return np.rint(total / weights).astype(np.uint8)[:height, :width]


def picture_or_error(picture: np.ndarray, are_numbers: bool) -> np.ndarray | ImageError:
    """A picture that a generator gave, or what to say where it gave infinities or NaN."""
    if are_numbers:
        return picture
    return ImageError("the generator gives no finite numbers for it; try `mixed_precision='off'`")


def size_multiple(generator: keras.Model) -> int:
    """What height and width must be multiples of: the product of the strides down."""
    multiple = 1
    for layer in _leaf_layers(generator):
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)):
            if not isinstance(layer, keras.layers.Conv2DTranspose):
                multiple *= max(layer.strides)
        elif isinstance(layer, (keras.layers.AveragePooling2D, keras.layers.MaxPooling2D)):
            multiple *= max(layer.strides)
    return multiple


def _reflects(layer: keras.layers.Layer) -> bool:
    """Whether it pads by reflection, which needs more pixels than it pads by."""
    return (
        isinstance(layer, (ReflectionConv2D, ReflectionPadding2D))
        or getattr(layer, "padding", None) == "reflect"
        or bool(getattr(layer, "pad", 0))
    )


def _leaf_layers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    children = layer._layers
    if not children:
        return [layer]
    return [leaf for child in children for leaf in _leaf_layers(child)]


def _fixed_size(generator: keras.Model) -> tuple[int, int] | None:
    height, width = generator.input_shape[1:3]
    return (height, width) if height and width else None


def _check(image: np.ndarray) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(
            f"expected a uint8 picture [H, W, 3], got {image.dtype} {list(image.shape)}; "
            f"monet.data.images.read_image gives one from any file."
        )


def _pad(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    bottom, right = size[0] - image.shape[0], size[1] - image.shape[1]
    if not bottom and not right:
        return image
    # "symmetric" mirrors as often as it takes, so a picture of one pixel is fine.
    return np.pad(image, ((0, bottom), (0, right), (0, 0)), mode="symmetric")


def _tile_side(length: int) -> int:
    """Side of equal tiles, `TILE` at most, that cover `length` with `OVERLAP` between them."""
    count = math.ceil(max(1, length - OVERLAP) / (TILE - OVERLAP))
    return math.ceil((length + (count - 1) * OVERLAP) / count)


def _tile_starts(length: int, tile: int) -> list[int]:
    """Where tiles start that cover `length` evenly and overlap by `OVERLAP` or more."""
    if length <= tile:
        return [0]
    overlap = min(OVERLAP, tile // 4)
    count = math.ceil((length - overlap) / (tile - overlap))
    return [round(index * (length - tile) / (count - 1)) for index in range(count)]


def _ramp(tile: int) -> np.ndarray:
    """Blending weights along a tile: up over the overlap, then level, then down, never 0."""
    overlap = min(OVERLAP, tile // 4)
    from_edge = np.minimum(np.arange(tile), np.arange(tile)[::-1]) + 1.0
    return np.minimum(from_edge / overlap, 1.0).astype(np.float32)
