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
        ({"activation": "gelu"}, "activation='gelu' is not known; pass None, 'relu' or 'leaky"),
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
