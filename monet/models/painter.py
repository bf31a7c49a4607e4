"""A small residual U-Net that paints over brush strokes of the photo's colours."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from monet._numbers import is_integer, is_number
from monet.models.architecture import MOST_BLOCKS, Generator, register

if TYPE_CHECKING:
    import keras

_MOST_LEVELS = 29  # no picture has sides of more than the next power of two


@register({"painter": {}, "painter-deep": {"levels": 3}})
@dataclasses.dataclass(frozen=True, kw_only=True)
class PainterGenerator(Generator):
    """`painter_generator` and its options.

    Attributes:
        filters: channels of the first convolution.
        blocks: residual blocks at the coarsest level.
        levels: halvings of the picture's sides.
        head_filters: channels at full size.
        stroke_length: half the length of the largest strokes that are painted over, in pixels,
            `monet.layers.Underpainting`; 0 for the photo itself.
        stroke_noise: channels of noise that it is given, the same along each stroke; 0 for none.
        brush_length: half the length of the larger strokes that it paints with itself, in pixels,
            `monet.layers.Brushwork`; 0 to paint pixel by pixel.
        brush_detail: the most that it may paint over the strokes of `brush_length`, where there are
            any, as `monet.layers.PaintOver` measures changes.
    """

    architecture: ClassVar[str] = "painter"

    filters: int = 32
    blocks: int = 4
    levels: int = 2
    head_filters: int = 16
    stroke_length: int = 10
    stroke_noise: int = 3
    brush_length: int = 0
    brush_detail: float = 0.1

    def __post_init__(self):
        super().__post_init__()
        self._check_range("blocks", 1, MOST_BLOCKS)
        self._check_range("levels", 1, _MOST_LEVELS)
        self._check("head_filters", "an integer of at least 1", is_integer(self.head_filters, 1))
        for field in ("stroke_length", "stroke_noise", "brush_length"):
            self._check(field, "an integer of at least 0", is_integer(getattr(self, field), 0))
        is_detail = self.brush_detail == 0 or is_number(self.brush_detail, 0.001, 10)
        self._check("brush_detail", "0, or a number from 0.001 to 10", is_detail)

    def image_sizes(self) -> str:
        return (
            f"a multiple of {2**self.levels} and at least {self._least} ({self.levels} halvings, "
            f"then reflection padding; strokes of {self._longest} pixels)"
        )

    def takes(self, image_size: int) -> bool:
        return image_size >= self._least and image_size % 2**self.levels == 0

    @property
    def _least(self) -> int:
        return max(32, 2 ** (self.levels + 1), self._longest)

    @property
    def _longest(self) -> int:
        return 2 * max(self.stroke_length, self.brush_length)

    def build(self, image_size, *, dtype=None, name=None):
        return painter_generator(**self.options(image_size), dtype=dtype, name=name)


def painter_generator(
    *,
    filters: int = 32,
    blocks: int = 4,
    levels: int = 2,
    head_filters: int = 16,
    stroke_length: int = 10,
    stroke_noise: int = 3,
    brush_length: int = 0,
    brush_detail: float = 0.1,
    dtype=None,
    name: str | None = None,
) -> keras.Model:
    """An image-to-image network that starts with brush strokes and learns what to paint over them.

    Down: a 6×6 convolution of stride 2 to `filters` (the same as taking 2×2 pixels for one and a
    3×3 convolution of these), which sees the photo and its strokes with their noise
    (`monet.layers.Underpainting`), then 4×4 ones of stride 2, each with `filters` channels more. At
    the coarsest level, `blocks` residual blocks. Up, at each level: bilinear upsampling and 3×3
    convolution, which leave no checkerboard; concatenated with the way down; 3×3 convolution; but
    for the last level, a residual block. At full size: upsampling, concatenated with the strokes
    and their noise; 3×3 convolution to `head_filters`, 5×5 convolution to a change, laid in with
    strokes where `brush_length` is not 0 (`monet.layers.Brushwork`), which `monet.layers.PaintOver`
    adds to the strokes that are there. Instance norm and ReLU after each convolution but the last.
    All padding is by reflection: a border that a convolution can tell would become a frame.

    Kernels are drawn by He et al. 2015 (residual blocks by Glorot and Bengio 2010), those of the
    change from N(0, 0.01): an untrained network gives the strokes, but for a faint noise.

    Args:
        filters: channels of the first convolution.
        blocks: residual blocks at the coarsest level, at least 1.
        levels: halvings of the sides, at least 1.
        head_filters: channels at full size.
        stroke_length: half the length of the largest strokes, in pixels; 0 for none.
        stroke_noise: channels of noise; 0 for none.
        brush_length: half the length of the change's larger strokes, in pixels; 0 for none.
        brush_detail: the most that is painted over the change's strokes.
        dtype: Keras dtype policy, such as `"mixed_float16"`; the global one by default.
        name: name of the model.

    Returns:
        A model from `[N, H, W, 3]` in [-1, 1] to the same shape, float32 under every dtype
        policy; in [-1, 1], but while training a little beyond. H and W have to be multiples of
        `2 ** levels`, longer than that, and at least twice either length.

    Example:

    >>> generator = painter_generator(filters=8, blocks=1)
    >>> generator(np.zeros((1, 16, 24, 3), "float32")).shape
    TensorShape([1, 16, 24, 3])
    """
    import keras

    from monet.layers import (
        BilinearUpsampling2D,
        Brushwork,
        Conv2D,
        InstanceNormalization,
        PaintOver,
        ReflectionConv2D,
        ReflectionPadding2D,
        ResidualBlock,
        ResidualTrunk,
        Underpainting,
    )

    def halving(x, width, size, label):
        x = ReflectionPadding2D(size // 2 - 1, dtype=dtype, name=f"{label}_padding")(x)
        return normalized(Conv2D, x, width, size, label, strides=2, padding="valid")

    def convolution(x, width, label):
        return normalized(ReflectionConv2D, x, width, 3, label)

    def normalized(convolution_class, x, width, size, label, **options):
        x = convolution_class(
            width,
            size,
            use_bias=False,
            kernel_initializer=keras.initializers.HeNormal(),
            dtype=dtype,
            name=f"{label}_convolution",
            **options,
        )(x)
        return InstanceNormalization(activation="relu", dtype=dtype, name=f"{label}_norm")(x)

    def doubled(x, label):
        return BilinearUpsampling2D(dtype=dtype, name=f"{label}_upsampling")(x)

    def joined(tensors, label):
        return keras.layers.Concatenate(dtype=dtype, name=f"{label}_skip")(tensors)

    photos = keras.Input((None, None, 3), name="images")
    widths = [filters * level for level in range(1, levels + 1)]
    laid = Underpainting(stroke_length, stroke_noise, dtype="float32", name="underpainting")(photos)
    x = joined([photos, laid], "photo")
    skips = []
    for level, width in enumerate(widths, start=1):
        x = halving(x, width, 6 if level == 1 else 4, f"down_{level}")
        skips.append(x)
    x = ResidualTrunk(blocks, widths[-1], dtype=dtype, name="trunk")(x)
    for level in range(levels - 1, 0, -1):
        width, label = widths[level - 1], f"up_{level}"
        x = convolution(doubled(x, label), width, label)
        x = convolution(joined([x, skips[level - 1]], label), width, f"{label}_joined")
        if level > 1:
            x = ResidualBlock(width, dtype=dtype, name=f"{label}_block")(x)
    x = convolution(joined([doubled(x, "head"), laid], "strokes"), head_filters, "head")
    change = ReflectionConv2D(
        6 if brush_length else 3,
        5,
        kernel_initializer=keras.initializers.RandomNormal(0.0, 0.01),
        dtype=dtype,
        name="change_convolution",
    )(x)
    if brush_length:
        brush = Brushwork(brush_length, brush_detail, dtype="float32", name="brushwork")
        change = brush(photos, change)
    painted = PaintOver(dtype="float32", name="painted")(laid, change)
    return keras.Model(photos, painted, name=name)
