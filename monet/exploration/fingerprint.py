"""A perceptual hash: pictures that look alike have fingerprints that differ in few bits."""

from __future__ import annotations

import numpy as np
from PIL import Image

_SIDE = 64  # to which a picture is reduced
_FREQUENCIES = 12  # of each direction, from 0 on

FINGERPRINT_BITS = _FREQUENCIES**2 - 1

NEAR_BITS = 28
"""Bits in which two fingerprints may differ and still count as near-duplicates.

Of 19.8 million pairs of the competition's pictures, those up to here show the same view; the
mirror image of another picture, which nothing ought to be near to, is 29 away at the least.
`docs/training.md` has what is found and what isn't.
"""

_LEAST_COEFFICIENT = 1.0  # three times what rounding to whole levels makes of nothing
_STRUCTURED_SHARE = 0.5

_frequency = np.arange(_FREQUENCIES)
_COSINES = np.sqrt(2 / _SIDE) * np.cos(
    np.pi / _SIDE * np.outer(_frequency, np.arange(_SIDE) + 0.5)
).astype(np.float32)

MIRRORED = np.tile(_frequency % 2 == 1, _FREQUENCIES)[1:]
"""bool [FINGERPRINT_BITS]: which bits are the opposite in a picture's mirror image, where the
cosines of an odd number of half waves change their sign and the others don't."""


def fingerprint(picture: Image.Image) -> np.ndarray:
    """Hashes a picture by the signs of its lowest frequencies, in grey.

    They hardly depend on size, compression, brightness and colour, and move slowly when the
    borders are cut off.

    Args:
        picture: of any size and mode.

    Returns:
        bool [FINGERPRINT_BITS], by row of the discrete cosine transform without its mean. No bit
        is set where there is too little to tell the picture by, such as in an empty sky.

    Source: Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010),
    section 3.2.1, with signs in place of the comparison with the median, so that the hash of the
    mirror image follows from it.
    """
    small = picture.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=3.0)
    levels = np.asarray(small, np.float32)
    coefficients = (_COSINES @ (levels - levels.mean()) @ _COSINES.T).ravel()[1:]
    if np.mean(np.abs(coefficients) > _LEAST_COEFFICIENT) < _STRUCTURED_SHARE:
        return np.zeros(FINGERPRINT_BITS, bool)
    return coefficients > 0
