"""Updates of many weights on the CPU against NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest

# Among them arrays that end inside a vector, and one that several threads share.
SIZES = (1, 3, 16, 17, 0, 1001, 70_001)
OPTIONS = {"step_size": 0.01, "beta_1": 0.5, "beta_2": 0.99, "epsilon": 1e-7}


def arrays(seed, scale=1.0):
    rng = np.random.default_rng(seed)
    return [(scale * rng.normal(size=size)).astype(np.float32) for size in SIZES]


def adam_float64(variable, momentum, velocity, gradient, step_size, beta_1, beta_2, epsilon):
    variable, momentum, velocity, gradient = map(
        np.float64, (variable, momentum, velocity, gradient)
    )
    momentum = beta_1 * momentum + (1 - beta_1) * gradient
    velocity = beta_2 * velocity + (1 - beta_2) * gradient**2
    return variable - step_size * momentum / (np.sqrt(velocity) + epsilon), momentum, velocity


@pytest.mark.parametrize("threads", [1, 3])
def test_adam(kernels, threads):
    state = arrays(0), arrays(1), [np.abs(array) for array in arrays(2)]
    gradients = arrays(3, scale=3.0)
    want = [adam_float64(*one, **OPTIONS) for one in zip(*state, gradients, strict=True)]
    kernels.adam_update(*state, gradients, **OPTIONS, threads=threads)
    for got, expected in zip(zip(*state, strict=True), want, strict=True):
        for array, exact in zip(got, expected, strict=True):
            np.testing.assert_allclose(array, exact, rtol=1e-6, atol=1e-6)


def test_a_velocity_of_zero_divides_by_epsilon(kernels):
    state = [np.zeros(20, np.float32) for _ in range(3)]
    kernels.adam_update(*([array] for array in state), [np.zeros(20, np.float32)], **OPTIONS)
    assert not np.any(state)


@pytest.mark.parametrize("threads", [1, 3])
def test_average(kernels, threads):
    averages, values = arrays(0), arrays(1)
    want = [
        0.9 * np.float64(a) + 0.1 * np.float64(b) for a, b in zip(averages, values, strict=True)
    ]
    kernels.average_update(averages, values, momentum=0.9, threads=threads)
    for got, exact in zip(averages, want, strict=True):
        np.testing.assert_allclose(got, exact, rtol=1e-6, atol=1e-6)


def test_same_bits_for_any_number_of_threads(kernels):
    def run(threads):
        state = arrays(0), arrays(1), [np.abs(array) for array in arrays(2)]
        kernels.adam_update(*state, arrays(3), **OPTIONS, threads=threads)
        kernels.average_update(state[0], state[1], momentum=0.3, threads=threads)
        return [array.tobytes() for of_one in state for array in of_one]

    assert run(1) == run(2) == run(5)


def test_impossible_arguments(kernels):
    one, two = [np.ones(1, np.float32)], [np.ones(2, np.float32)]
    with pytest.raises(ValueError, match="velocity 0 has 2 values, expected 1"):
        kernels.adam_update(one, one, two, one, **OPTIONS)
    with pytest.raises(ValueError, match="expected 1 momentums, velocities and gradients"):
        kernels.adam_update(one, one, one, one + one, **OPTIONS)
    with pytest.raises(ValueError, match="value 0 has 2 values, expected 1"):
        kernels.average_update(one, two, momentum=0.5)
