"""The CPU kernels' tests of hard numbers, for the CUDA kernels."""

import pytest
import test_kernel_numerics
from test_kernel_numerics import *  # noqa: F403


# Fewer channels: on the emulator each takes the time of a warp.
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("channels", [2048, 2049])
def test_rounding_to_nearest_even(kernels, channels, dtype):
    test_kernel_numerics.test_rounding_to_nearest_even(kernels, dtype, channels)
