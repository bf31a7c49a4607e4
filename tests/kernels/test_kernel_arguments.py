"""Wrong arguments: the message names the value, what was expected and what to do."""

from __future__ import annotations

import numpy as np
import pytest

X = np.ones((2, 3, 256, 6), np.float32)
GAMMA = np.ones(6, np.float32)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": X[0]}, r"x has shape \(3, 256, 6\), expected four axes"),
        ({"x": X[:, :0]}, "at least 1"),
        ({"x": X.astype(np.float64)}, r"x holds float64; it must be float32.*astype"),
        ({"x": X.astype(np.uint16)}, "pass dtype='bfloat16' or dtype='float16'"),
        ({"x": X[:, :, ::2]}, r"x is not contiguous; pass np.ascontiguousarray\(x\)"),
        ({"dtype": "bfloat16"}, "dtype='bfloat16' but x holds float32"),
        ({"dtype": "int8"}, "dtype='int8' is not supported"),
        ({"gamma": GAMMA[:5]}, r"gamma has shape \(5,\), expected \(6,\)"),
        ({"beta": GAMMA[None]}, r"beta has shape \(1, 6\), expected \(6,\)"),
        ({"residual": X[:1]}, r"residual has shape \(1, 3, 256, 6\), expected \(2, 3, 256, 6\)"),
        ({"residual": X.astype(np.float16)}, "residual holds float16 but x holds float32"),
        ({"residual": X, "residual_pad": 1}, r"residual has shape .*, expected \(2, 5, 258, 6\)"),
        ({"residual_pad": -1}, "residual_pad=-1 must be 0 or more"),
        ({"groups": 4}, "groups=4 must divide the 6 channels"),
        ({"groups": 0}, "groups=0 must divide"),
        ({"epsilon": -1.0}, "epsilon=-1 must be 0 or more"),
        ({"epsilon": np.nan}, "epsilon=nan"),
        ({"activation": "gelu"}, "activation='gelu' is not known; pass one of 'none', 'relu', "),
        ({"pad": 4}, "pad=4 needs height > 4 and width > 4, got 3x256; pass pad <= 2"),
        ({"pad": -1}, "pad=-1 must be 0 or more"),
        ({"threads": 0}, "threads=0 must be between 1 and"),
    ],
)
def test_forward(kernels, changes, message):
    arguments = {"x": X, "gamma": GAMMA, "beta": GAMMA, **changes}
    positional = [arguments.pop(name) for name in ("x", "gamma", "beta")]
    with pytest.raises(ValueError, match=message):
        kernels.norm_forward(*positional, **arguments)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dy": X[:, 1:]}, r"dy has shape \(2, 2, 256, 6\), expected \(2, 3, 256, 6\)"),
        ({"pad": 1}, r"dy has shape \(2, 3, 256, 6\), expected \(2, 5, 258, 6\)"),
        ({"dy": X.astype(np.float16)}, "dy holds float16 but x holds float32"),
        ({"dskip": X[:, 1:]}, r"dskip has shape \(2, 2, 256, 6\), expected \(2, 3, 256, 6\)"),
        ({"mean": X[:, 0, 0, :3]}, r"mean has shape \(2, 3\), expected \(2, 6\)"),
        ({"rstd": X[:, 0, 0, :3]}, r"rstd has shape \(2, 3\), expected \(2, 6\)"),
    ],
)
def test_backward(kernels, changes, message):
    statistics = np.ones((2, 6), np.float32)
    names = ("dy", "x", "gamma", "beta", "mean", "rstd")
    arguments = dict(zip(names, (X, X, GAMMA, GAMMA, statistics, statistics), strict=True))
    arguments.update(changes)
    positional = [arguments.pop(name) for name in names]
    with pytest.raises(ValueError, match=message):
        kernels.norm_backward(*positional, **arguments)


CONV_X = np.ones((2, 9, 8, 3), np.float32)
CONV_KERNEL = np.ones((4, 5, 3, 6), np.float32)
CONV_DY = np.ones((2, 4, 3, 6), np.float32)  # stride 2, padding 1
# For any of the three; what is wrong is in what they share.
CONV_SHARED = [
    ({"stride": 0}, "stride=0 must be 1 or more"),
    ({"padding": (1, 1)}, r"padding=\(1, 1\) must be \(\(top, bottom\), \(left, right\)\) or"),
    ({"padding": 1}, "padding=1 must be"),
    ({"padding": "same"}, "padding='same' must be"),
    ({"padding": ((1, 1, 1), (1,))}, "must be .* all integers"),
    ({"padding": (1.5, 1, 1, 1)}, "must be .* all integers"),
    ({"padding": (1, -1, 1, 1)}, r"padding=\(1, -1, 1, 1\) must be 0 or more on every side"),
    ({"threads": 0}, "threads=0 must be between 1 and"),
    ({"out": CONV_X[:1]}, r"out has shape \(1, 9, 8, 3\), expected"),
    ({"out": CONV_X.astype(np.float64)}, "out holds float64, expected float32"),
]


def check_conv2d(function, arguments, changes, message):
    arguments = {"stride": 2, "padding": ((1, 1), (1, 1)), **arguments, **changes}
    with pytest.raises(ValueError, match=message):
        function(**arguments)


@pytest.mark.parametrize("suffix", ["", "_reference"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        *CONV_SHARED,
        ({"x": CONV_X[0]}, r"x has shape \(9, 8, 3\), expected four axes"),
        ({"x": CONV_X[:, :0]}, "x has 0x8 pixels: height and width must be at least 1"),
        ({"kernel": CONV_KERNEL[0]}, r"kernel has shape \(5, 3, 6\), expected four axes"),
        ({"kernel": CONV_KERNEL[:, :, :2]}, r"kernel has shape .*, expected \(4, 5, 3, 6\)"),
        ({"kernel": CONV_KERNEL[..., :0]}, "got 3 in_channels and 0 out_channels"),
        ({"kernel": CONV_KERNEL[:0]}, "kernel has 0x5 taps"),
        ({"x": CONV_X[:, :1]}, "a 4x5 kernel needs at least as many pixels, got 3x10 with the pad"),
        ({"padding": (0, 0, 0, 0), "x": CONV_X[:, :, :4]}, "got 9x4 with the padding"),
        ({"out": np.ones((2, 4, 6, 6), np.float32)[:, :, ::2]}, "out is not contiguous"),
        (
            {"out": np.frombuffer(bytes(CONV_DY.nbytes), np.float32).reshape(CONV_DY.shape)},
            "out is read-only",
        ),
        (
            {
                "out": np.empty(CONV_DY.nbytes + 1, np.uint8)[1:]
                .view(np.float32)
                .reshape(2, 4, 3, 6)
            },
            "out is not aligned",
        ),
    ],
)
def test_conv2d_forward(kernels, changes, message, suffix):
    arguments = {"x": CONV_X, "kernel": CONV_KERNEL}
    function = getattr(kernels, f"conv2d_forward{suffix}")
    check_conv2d(function, arguments, changes, message)


@pytest.mark.parametrize("suffix", ["", "_reference"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        *CONV_SHARED[:-2],
        ({"dy": CONV_DY[0]}, r"dy has shape \(4, 3, 6\), expected four axes"),
        ({"dy": CONV_DY[:, 1:]}, r"dy has shape \(2, 3, 3, 6\), expected \(2, 4, 3, 6\)"),
        ({"height": 11}, r"dy has shape \(2, 4, 3, 6\), expected \(2, 5, 3, 6\)"),
        ({"width": 0}, "x has 9x0 pixels"),
        ({"kernel": CONV_KERNEL[..., :5]}, r"dy has shape .*, expected \(2, 4, 3, 5\)"),
        ({"out": CONV_DY}, r"out has shape \(2, 4, 3, 6\), expected \(2, 9, 8, 3\)"),
    ],
)
def test_conv2d_backward_input(kernels, changes, message, suffix):
    arguments = {"dy": CONV_DY, "kernel": CONV_KERNEL, "height": 9, "width": 8}
    function = getattr(kernels, f"conv2d_backward_input{suffix}")
    check_conv2d(function, arguments, changes, message)


@pytest.mark.parametrize("suffix", ["", "_reference"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        *CONV_SHARED,
        ({"x": CONV_X[0]}, r"x has shape \(9, 8, 3\), expected four axes"),
        ({"x": CONV_X[:1]}, r"dy has shape \(2, 4, 3, 6\), expected \(1, 4, 3, 6\)"),
        ({"dy": CONV_DY[0]}, r"dy has shape \(4, 3, 6\), expected four axes"),
        ({"kernel_height": 0}, "kernel has 0x5 taps"),
        ({"kernel_width": 3}, r"dy has shape \(2, 4, 3, 6\), expected \(2, 4, 4, 6\)"),
    ],
)
def test_conv2d_backward_kernel(kernels, changes, message, suffix):
    arguments = {"x": CONV_X, "dy": CONV_DY, "kernel_height": 4, "kernel_width": 5}
    function = getattr(kernels, f"conv2d_backward_kernel{suffix}")
    check_conv2d(function, arguments, changes, message)
