"""The norm family in NumPy, step by step, in any number type.

In float64 it is the truth. In a tensor's own type, where every step rounds, its error is what an
unfused implementation errs: the budget for the fused one.
"""

from __future__ import annotations

import dataclasses

import ml_dtypes
import numpy as np

DTYPES = {"float32": np.float32, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}


@dataclasses.dataclass
class Case:
    """Inputs of a norm.

    `x` (and `residual`, `dskip`) are [N, H, W, C], `dy` is [N, H + 2 pad, W + 2 pad, C].
    """

    x: np.ndarray
    gamma: np.ndarray
    beta: np.ndarray
    groups: int
    epsilon: float = 1e-5
    activation: str | None = None
    negative_slope: float = 0.2
    pad: int = 0
    residual: np.ndarray | None = None
    dy: np.ndarray | None = None
    dskip: np.ndarray | None = None


def reflection_pad(x, pad):
    return np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="reflect")


def fold_border(dy, pad):
    """The transpose of `reflection_pad`."""
    for axis in (1, 2):
        length = dy.shape[axis] - 2 * pad
        shown = np.pad(np.arange(length), pad, mode="reflect")
        folded = np.zeros((length, *np.moveaxis(dy, axis, 0).shape[1:]), dy.dtype)
        np.add.at(folded, shown, np.moveaxis(dy, axis, 0))
        dy = np.moveaxis(folded, 0, axis)
    return dy


class Norm:
    """`Case` in numbers of one type, as methods that return arrays by name."""

    def __init__(self, case: Case, number=np.float64):
        self.case = case
        self.number = number
        # What sums are accumulated in; they are rounded afterwards.
        self.wide = np.float64 if number is np.float64 else np.float32
        x = self._cast(case.x)
        batch, height, width, channels = x.shape
        grouped = (batch, height, width, case.groups, channels // case.groups)
        mean = self._group_mean(x.reshape(grouped))
        self.centred = (x.reshape(grouped) - mean).reshape(x.shape)
        variance = self._group_mean((self.centred * self.centred).reshape(grouped))
        rstd = self._cast(1 / np.sqrt(variance.astype(self.wide) + self.wide(case.epsilon)))
        self.mean, self.rstd = mean, rstd
        self.grouped = grouped
        self.per_value = np.broadcast_to(rstd, grouped).reshape(x.shape)
        self.normalized = self.centred * self.per_value
        self.gamma, self.beta = self._cast(case.gamma), self._cast(case.beta)
        self.z = self.normalized * self.gamma + self.beta

    def forward(self) -> dict[str, np.ndarray]:
        slope = {None: 1.0, "relu": 0.0, "leaky_relu": self.case.negative_slope}
        y = np.where(self.z > 0, self.z, self.z * self.number(slope[self.case.activation]))
        if self.case.residual is not None:
            y = y + self._cast(self.case.residual)
        groups = (len(y), self.case.groups)
        return {
            "y": reflection_pad(y, self.case.pad),
            "mean": self.mean.reshape(groups),
            "rstd": self.rstd.reshape(groups),
        }

    def backward(self) -> dict[str, np.ndarray]:
        case = self.case
        gradient = fold_border(self._cast(case.dy), case.pad)
        if case.dskip is not None:
            gradient = gradient + self._cast(case.dskip)
        slope = {None: 1.0, "relu": 0.0, "leaky_relu": case.negative_slope}[case.activation]
        dz = np.where(self.z > 0, gradient, gradient * self.number(slope))
        dnormalized = dz * self.gamma
        shape = dz.shape
        mean = self._group_mean(dnormalized.reshape(self.grouped))
        slope = self._group_mean((dnormalized * self.normalized).reshape(self.grouped))
        along_group = mean + self.normalized.reshape(self.grouped) * slope
        dx = self.per_value * (dnormalized - along_group.reshape(shape))
        return {
            "dx": dx,
            "dgamma": self._sum(dz * self.normalized),
            "dbeta": self._sum(dz),
            "dresidual": gradient,
        }

    def scales(self) -> dict[str, float]:
        """The size of the terms that each result sums: rounding is relative to it."""
        forward, backward = self.forward(), self.backward() if self.case.dy is not None else {}
        scales = {name: np.abs(a).max(initial=0) for name, a in (forward | backward).items()}
        scales["mean"] = np.abs(self.case.x).max().astype(np.float64)
        scales["y"] = max(scales["y"], np.abs(self.z).max(), np.abs(self.beta).max())
        if backward:
            gradient = np.abs(backward["dresidual"])
            scales["dx"] = (self.per_value * np.abs(self.gamma) * gradient).max()
            scales["dbeta"] = gradient.sum((0, 1, 2)).max()
            scales["dgamma"] = (gradient * np.abs(self.normalized)).sum((0, 1, 2)).max()
        return scales

    def _cast(self, values):
        return np.asarray(values).astype(self.number)

    def _group_mean(self, values):
        return self._cast(values.astype(self.wide).mean((1, 2, 4), keepdims=True))

    def _sum(self, values):
        return self._cast(values.astype(self.wide).sum((0, 1, 2)))


def assert_within_budget(found, case, dtype, direction):
    """`found` may err twice as much as unfused arithmetic of its type, plus what rounding it costs.

    Statistics and the gradients of gamma and beta are held to float32, whatever `dtype` is.
    """
    truth = Norm(case)
    scales = truth.scales()
    exact = getattr(truth, direction)()
    budgets = {}
    for name, values in found.items():
        number = DTYPES[dtype] if name in ("y", "dx", "dresidual") else np.float32
        with np.errstate(over="ignore", invalid="ignore"):
            unfused = getattr(Norm(case, number), direction)()[name].astype(np.float64)
        unit = float(ml_dtypes.finfo(number).eps)
        error = np.abs(values.astype(np.float64) - exact[name]).max(initial=0)
        unfused_error = np.nan_to_num(np.abs(unfused - exact[name]).max(initial=0))
        budgets[name] = (error, 2 * unfused_error + 2 * unit * scales[name])
        assert values.shape == exact[name].shape, name
    over = {name: both for name, both in budgets.items() if not both[0] <= both[1]}
    assert not over, f"(error, budget): {over}"
