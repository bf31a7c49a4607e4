from __future__ import annotations

import numpy as np
import pytest

from monet.layers.kuwahara import kuwahara, sector_kernels


def naive(image, radius):
    """Pixel by pixel, in float64, from the definition."""
    kernels = sector_kernels(radius).astype("float64")
    padded = np.pad(image.astype("float64"), [(radius, radius)] * 2 + [(0, 0)], "symmetric")
    result = np.empty(image.shape)
    for row, column in np.ndindex(*image.shape[:2]):
        around = padded[row : row + 2 * radius + 1, column : column + 2 * radius + 1]
        total, weights = 0.0, 0.0
        for kernel in np.moveaxis(kernels, -1, 0):
            mean = np.einsum("ij,ijc->c", kernel, around)
            variance = np.einsum("ij,ijc->", kernel, (around - mean) ** 2)
            weight = (variance + 1e-3) ** -4.0
            total, weights = total + weight * mean, weights + weight
        result[row, column] = total / weights
    return result


@pytest.mark.parametrize("radius", [1, 2, 4])
def test_values(radius):
    x = np.random.default_rng(radius).uniform(-1, 1, (2, 7, 10, 3)).astype("float32")
    want = np.stack([naive(image, radius) for image in x])
    np.testing.assert_allclose(kuwahara(x, radius), want, atol=2e-4)


def test_sectors_share_the_disc_evenly():
    kernels = sector_kernels(4)
    np.testing.assert_allclose(kernels.sum(axis=(0, 1)), 1.0, rtol=1e-6)
    quarter_turn = np.rot90(kernels[:, :, 0], -1)  # y points down: clockwise
    np.testing.assert_allclose(quarter_turn, kernels[:, :, 2], atol=1e-6)
    np.testing.assert_allclose(kernels[::-1, :, 1], kernels[:, :, 7], atol=1e-6)


def test_an_edge_stays_sharp_and_noise_goes():
    rng = np.random.default_rng(0)
    edge = np.where(np.arange(40) < 20, -0.6, 0.6)[None, None, :, None] * np.ones((1, 40, 40, 3))
    noisy = (edge + 0.05 * rng.normal(size=edge.shape)).astype("float32")
    y = kuwahara(noisy, 4).numpy()
    error = np.abs(y - edge)
    assert error[:, :, 19:21].max() < 0.1  # a blur of that size errs by 0.5 there
    assert error.mean() < 0.35 * np.abs(noisy - edge).mean()


def test_an_even_picture_stays_as_it_is_down_to_the_smallest_size():
    x = np.full((1, 4, 5, 3), 0.7, "float32")
    np.testing.assert_allclose(kuwahara(x, 4), x, atol=1e-6)
