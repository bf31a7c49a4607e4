"""Normalisation in NumPy, exact and plain: what the kernels are judged against.

A kernel may err at most twice what the plain formula errs when every intermediate result is rounded
to the tensor's dtype (statistics and sums to float32), both measured against float64.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import ml_dtypes
import numpy as np
from activations_float64 import ACTIVATIONS

DTYPES = {"float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
FLOAT32_EPSILON = float(np.finfo(np.float32).eps)


@dataclasses.dataclass(frozen=True)
class Case:
    shape: tuple[int, int, int, int]
    groups: int | None = None
    activation: str | None = None
    residual: bool = False
    pad: int = 0
    epsilon: float = 1e-5
    negative_slope: float = 0.2

    def __str__(self) -> str:
        parts = ["x".join(map(str, self.shape)), f"groups{self.groups}" if self.groups else ""]
        parts += [
            self.activation or "",
            "residual" * self.residual,
            f"pad{self.pad}" * (self.pad > 0),
        ]
        return "-".join(part for part in parts if part)

    @property
    def options(self) -> dict:
        options = dataclasses.asdict(self)
        return {k: v for k, v in options.items() if k not in ("shape", "residual")}


class Inputs(NamedTuple):
    x: np.ndarray
    gamma: np.ndarray
    beta: np.ndarray
    residual: np.ndarray | None
    dy: np.ndarray


def random_inputs(case: Case, dtype: str, seed: int = 0) -> Inputs:
    rng = np.random.default_rng(seed)
    batch, height, width, channels = case.shape
    padded = (batch, height + 2 * case.pad, width + 2 * case.pad, channels)

    def tensor(shape, mean=0.0, std=1.0):
        return (mean + std * rng.standard_normal(shape)).astype(DTYPES[dtype])

    return Inputs(
        x=tensor(case.shape, mean=0.5, std=2.0),
        gamma=rng.uniform(0.5, 1.5, channels).astype(np.float32),
        beta=rng.standard_normal(channels).astype(np.float32),
        residual=tensor(case.shape) if case.residual else None,
        dy=tensor(padded),
    )


class Results(NamedTuple):
    y: np.ndarray
    mean: np.ndarray
    rstd: np.ndarray
    dx: np.ndarray
    dgamma: np.ndarray
    dbeta: np.ndarray
    dresidual: np.ndarray | None


def exact(case: Case, inputs: Inputs) -> Results:
    return _evaluate(case, inputs, store=lambda a: a, single=lambda a: a, total=_sum)


def plain(case: Case, inputs: Inputs) -> Results:
    storage = inputs.x.dtype

    def store(a):
        return a.astype(np.float32).astype(storage).astype(np.float64)

    def single(a):
        return a.astype(np.float32).astype(np.float64)

    return _evaluate(case, inputs, store, single, total=_sum_in_float32)


def term_sizes(case: Case, inputs: Inputs, results: Results) -> Results:
    """The size of what is added up to each result: how big its rounding errors naturally are.

    Where terms cancel (one pixel per channel: dx is 0) the result itself says nothing about that.
    """
    batch, height, width, channels = case.shape
    groups = case.groups or channels
    dz = np.abs(fold_border(inputs.dy.astype(np.float64), case.pad))
    rstd = np.repeat(results.rstd, channels // groups, axis=1)[:, None, None, :]
    centred = inputs.x - np.repeat(results.mean, channels // groups, axis=1)[:, None, None, :]
    return Results(
        y=np.abs(results.y) + np.abs(inputs.beta),
        mean=np.abs(results.mean) + 1 / results.rstd,
        rstd=results.rstd,
        dx=dz * rstd * inputs.gamma,
        dgamma=np.abs(dz * centred * rstd).sum(axis=(0, 1, 2)),
        dbeta=dz.sum(axis=(0, 1, 2)),
        dresidual=dz,
    )


def assert_within_budget(actual: Results, case: Case, inputs: Inputs) -> None:
    want, unfused = exact(case, inputs), plain(case, inputs)
    sizes = term_sizes(case, inputs, want)
    for name in Results._fields:
        got, right, rounded = getattr(actual, name), getattr(want, name), getattr(unfused, name)
        assert (got is None) == (right is None), name
        if right is None:
            continue
        assert got.shape == right.shape, name
        error = np.linalg.norm(got.astype(np.float64) - right)
        budget = 2 * np.linalg.norm(rounded - right)
        budget += FLOAT32_EPSILON * np.linalg.norm(getattr(sizes, name))
        assert error <= budget, f"{name}: error {error:.3g}, budget {budget:.3g}"


def fold_border(dy: np.ndarray, pad: int) -> np.ndarray:
    """The transpose of reflection padding: adds the gradient of every copy to the original."""
    for axis in (1, 2):
        length = dy.shape[axis] - 2 * pad
        source = np.pad(np.arange(length), pad, mode="reflect")
        moved = np.moveaxis(dy, axis, 0)
        folded = np.zeros((length, *moved.shape[1:]), dy.dtype)
        np.add.at(folded, source, moved)
        dy = np.moveaxis(folded, 0, axis)
    return dy


def _sum(values: np.ndarray) -> np.ndarray:
    return values.sum(axis=0)


def _sum_in_float32(values: np.ndarray) -> np.ndarray:
    if not values.size:
        return values.sum(axis=0)
    return np.cumsum(values.astype(np.float32), axis=0, dtype=np.float32)[-1].astype(np.float64)


def _evaluate(case: Case, inputs: Inputs, store, single, total) -> Results:
    batch, height, width, channels = case.shape
    groups = case.groups or channels
    count = height * width * (channels // groups)
    gamma, beta = inputs.gamma.astype(np.float64), inputs.beta.astype(np.float64)
    x = inputs.x.astype(np.float64)

    def group_mean(values):
        by_group = values.reshape(batch, height * width, groups, channels // groups)
        by_group = by_group.transpose(1, 3, 0, 2).reshape(count, batch, groups)
        return single(total(by_group) / count)

    def per_channel(statistic):
        return np.repeat(statistic, channels // groups, axis=1)[:, None, None, :]

    mean = group_mean(x)
    centred = store(x - per_channel(mean))
    rstd = single(1 / np.sqrt(group_mean(single(centred * centred)) + case.epsilon))
    xhat = store(centred * per_channel(rstd))
    z = store(store(gamma * xhat) + beta)
    activation = ACTIVATIONS[case.activation]
    y = store(activation.value(z, case.negative_slope))
    if case.residual:
        y = store(y + inputs.residual.astype(np.float64))
    y = np.pad(y, [(0, 0), (case.pad, case.pad), (case.pad, case.pad), (0, 0)], mode="reflect")

    folded = store(fold_border(inputs.dy.astype(np.float64), case.pad))
    dz = store(folded * activation.slope(z, case.negative_slope))
    dgamma = single(total(store(dz * xhat).reshape(-1, channels)))
    dbeta = single(total(dz.reshape(-1, channels)))
    dxhat = store(dz * gamma)
    dx = dxhat - per_channel(group_mean(dxhat))
    dx = store(store(dx) - store(xhat * per_channel(group_mean(store(dxhat * xhat)))))
    dx = store(per_channel(rstd) * dx)
    return Results(y, mean, rstd, dx, dgamma, dbeta, folded if case.residual else None)
