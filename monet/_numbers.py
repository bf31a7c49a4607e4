"""What counts as a number among values that users give, and JSON files hold; booleans don't."""

from __future__ import annotations

import math
import sys
from typing import Any

LARGEST_COUNT = 2**31 - 1
"""Of anything that is counted here, from filters to epochs. What is larger overflows somewhere in
NumPy or TensorFlow, far from where it was given."""


def is_integer(value: Any, least: float = -math.inf, most: float = math.inf) -> bool:
    """Whether `value` is an integer from `least` to `most`."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_number(value: Any, least: float = -math.inf, most: float = math.inf) -> bool:
    """Whether `value` is a finite number from `least` to `most`."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    # An integer may be too large for a float, and for `math.isfinite`.
    return is_one and abs(value) <= sys.float_info.max and least <= value <= most


def is_positive(value: Any, most: float = math.inf) -> bool:
    """Whether `value` is a finite number above 0, and at most `most`."""
    return is_number(value, most=most) and value > 0
