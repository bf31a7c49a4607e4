"""Calls the norm kernels on NumPy arrays."""

from __future__ import annotations

import numpy as np
from cuda_kernels import norm_options
from cuda_reference import DTYPES, Case, Norm


def make_case(shape, dtype, *, seed=0, skip=False, residual=False, mean=0.0, **options) -> Case:
    """Random inputs for a `shape` of (N, H, W, C, groups), representable in `dtype`."""
    batch, height, width, channels, groups = shape
    random = np.random.default_rng(seed)
    pad = options.pop("pad", 0)
    pad = max(0, min(pad, height - 1, width - 1))

    def tensor(*size):
        return random.normal(size=size).astype(DTYPES[dtype])

    case = Case(
        x=(tensor(batch, height, width, channels) + DTYPES[dtype](mean)).astype(DTYPES[dtype]),
        gamma=random.uniform(0.5, 1.5, channels).astype(np.float32),
        beta=random.normal(size=channels).astype(np.float32),
        groups=groups,
        pad=pad,
        residual=tensor(batch, height, width, channels) if residual else None,
        dy=tensor(batch, height + 2 * pad, width + 2 * pad, channels),
        dskip=tensor(batch, height, width, channels) if skip else None,
        **options,
    )
    return without_kinks(case)


def without_kinks(case: Case, margin: float = 1e-3) -> Case:
    """Sends no gradient where rounding may decide on which side of its kink an activation is."""
    near = np.abs(Norm(case).z) < margin
    case.dy[np.pad(near, ((0, 0), (case.pad,) * 2, (case.pad,) * 2, (0, 0)), mode="reflect")] = 0
    if case.dskip is not None:
        case.dskip[near] = 0
    return case


def _options(case: Case):
    return norm_options(
        epsilon=case.epsilon,
        activation=case.activation,
        negative_slope=case.negative_slope,
        pad=case.pad,
    )


def _dtype(case: Case) -> str:
    return next(name for name, number in DTYPES.items() if number == case.x.dtype)


def norm_forward(device, case: Case, *, misaligned=False, residual_pad=0) -> dict[str, np.ndarray]:
    batch, height, width, channels = case.x.shape
    pads = ((0, 0), (residual_pad,) * 2, (residual_pad,) * 2, (0, 0))
    x = device.upload(case.x, misaligned)
    gamma, beta = device.upload(case.gamma), device.upload(case.beta)
    residual = None
    if case.residual is not None:
        # What is around the interior must not be read.
        padded = np.pad(case.residual, pads, constant_values=np.nan)
        residual = device.upload(padded, misaligned)
    y_shape = (batch, height + 2 * case.pad, width + 2 * case.pad, channels)
    y = device.buffer(y_shape, case.x.dtype, misaligned)
    mean, rstd = (device.buffer((batch, case.groups), np.float32) for _ in range(2))
    shape = (*case.x.shape, case.groups)
    scratch = device.buffer((device.kernels.norm_forward_scratch_bytes(shape),), np.uint8)
    device.kernels.norm_forward(
        _dtype(case),
        shape,
        _options(case),
        *(x.address, gamma.address, beta.address, residual and residual.address, residual_pad),
        *(y.address, mean.address, rstd.address, scratch.address, 0),
    )
    scratch.read()
    return {"y": y.read(), "mean": mean.read(), "rstd": rstd.read()}


def norm_backward(
    device, case: Case, *, misaligned=False, dresidual=True, in_place=False
) -> dict[str, np.ndarray]:
    """`in_place`: dresidual overwrites dskip."""
    statistics = Norm(case).forward()
    inputs = [device.upload(case.dy, misaligned)]
    skip = None
    if case.dskip is not None:
        skip = device.buffer(case.x.shape, case.x.dtype, misaligned)
        skip.write(case.dskip, read_only=not in_place)
    inputs.append(skip)
    inputs.append(device.upload(case.x, misaligned))
    inputs += [device.upload(case.gamma), device.upload(case.beta)]
    inputs += [device.upload(statistics[name].astype(np.float32)) for name in ("mean", "rstd")]
    outputs = {
        "dx": device.buffer(case.x.shape, case.x.dtype, misaligned),
        "dgamma": device.buffer(case.gamma.shape, np.float32),
        "dbeta": device.buffer(case.beta.shape, np.float32),
    }
    if dresidual:
        buffer = device.buffer(case.x.shape, case.x.dtype, misaligned)
        outputs["dresidual"] = skip if in_place else buffer
    shape = (*case.x.shape, case.groups)
    scratch = device.buffer((device.kernels.norm_backward_scratch_bytes(shape),), np.uint8)
    addresses = [buffer and buffer.address for buffer in (*inputs, *outputs.values())]
    addresses += [] if dresidual else [None]
    device.kernels.norm_backward(
        _dtype(case), shape, _options(case), *addresses, scratch.address, 0
    )
    scratch.read()
    return {name: buffer.read() for name, buffer in outputs.items()}
