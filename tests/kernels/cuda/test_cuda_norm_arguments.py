"""What the launchers refuse."""

from __future__ import annotations

import pytest

from monet_build.cuda_kernels import KernelError, norm_options


@pytest.mark.parametrize(
    "shape, pad, message",
    [
        ((1, 4, 4, 6, 4), 0, "groups must divide channels"),
        ((1, 4, 4, 6, 0), 0, "groups must divide channels"),
        ((1, 3, 9, 6, 6), 3, "pad must be smaller"),
        ((1, 9, 9, 6, 6), -1, "pad is negative"),
        ((-1, 4, 4, 6, 6), 0, "a size is negative"),
        ((1, 2**31, 1, 6, 6), 0, "a size is above"),
        ((2**30, 1, 1, 6, 6), 0, "a size is above"),
        ((1, 2**15, 2**15, 1, 1), 1, r"more than 2\^30 pixels"),
    ],
)
def test_impossible_arguments(emulator, shape, pad, message):
    options = norm_options(pad=pad)
    with pytest.raises(KernelError, match=message):
        emulator.kernels.norm_forward("float32", shape, options, *[0] * 10)
    with pytest.raises(KernelError, match=message):
        emulator.kernels.norm_backward("float32", shape, options, *[0] * 13)
    with pytest.raises(KernelError, match=message):
        emulator.kernels.norm_apply("float32", shape, options, *[0] * 8)


def test_padding_of_the_residual(emulator):
    arguments = ("float32", (1, 3, 9, 6, 6), norm_options())
    with pytest.raises(KernelError, match="pad must be smaller"):
        emulator.kernels.norm_forward(*arguments, 0, 0, 0, 0, 3, *[0] * 5)
