"""How painted pictures become files."""

from __future__ import annotations

import dataclasses

ROUNDINGS = ("nearest", "down", "scaled")


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileStyle:
    """Names, pixels and compression of the files that are painted.

    Attributes:
        names: with `{}` for a number, such as "image_{:05d}.jpg"; None for the inputs' own.
        first: number of the first.
        quality: of JPEGs, 1 to 100.
        full_colour: whether JPEGs keep colours at full resolution (4:4:4), or at half (4:2:0).
        rounding: how values in [-1, 1] become levels: "nearest" of 255, "down" to the level below,
            as `(x * 127.5 + 127.5).astype(np.uint8)` does, or "scaled" to 255.5 and down, as
            `tf.image.convert_image_dtype` does.
    """

    names: str | None = None
    first: int = 0
    quality: int = 95
    full_colour: bool = True
    rounding: str = "nearest"

    def name(self, index: int) -> str:
        """Of the picture of that index, from 0 on; only with `names`."""
        assert self.names is not None
        return self.names.format(self.first + index)
