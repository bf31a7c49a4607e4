"""The CPU kernels' tests of hard numbers, for the CUDA kernels."""

import pytest
import test_norm_kernels_numerics
from test_norm_kernels_numerics import *  # noqa: F403


# Fewer channels: on the emulator each takes the time of a warp.
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("channels", [2048, 2049])
def test_rounding_to_nearest_even(kernels, channels, dtype):
    test_norm_kernels_numerics.test_rounding_to_nearest_even(kernels, dtype, channels)


@pytest.mark.parametrize("activation", test_norm_kernels_numerics.ACTIVATIONS)
def test_activation_and_slope_are_right_to_a_few_units_in_the_last_place(kernels, activation):
    test_norm_kernels_numerics.test_activation_and_slope_are_right_to_a_few_units_in_the_last_place(
        kernels, activation, 4099
    )
