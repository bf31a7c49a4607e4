"""The sliced Wasserstein distance of patches: its parts against plain loops, and what it sees."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from monet.metrics import patches, sliced_wasserstein
from monet.metrics.patches import descriptor_distance, patch_descriptors


def pictures(number, side=64, seed=0, blur=0.0):
    """Blobs of colour with some grain, uint8 [N, side, side, 3]."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(number):
        coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        picture = np.array(coarse.resize((side, side), Image.Resampling.BICUBIC), np.float32)
        picture += 20 * random.standard_normal(picture.shape)
        image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
        found.append(np.asarray(image.filter(ImageFilter.GaussianBlur(blur))))
    return np.stack(found)


def blurred_at(image, row, column):
    """One pixel of an image [H, W, 3] under the 5×5 binomial filter, edges mirrored."""
    taps = np.array([1, 4, 6, 4, 1]) / 16
    mirror = [lambda i, size=size: abs(i) if i < size else 2 * size - 2 - i for size in image.shape]
    return sum(
        taps[i] * taps[j] * image[mirror[0](row + i - 2), mirror[1](column + j - 2)]
        for i in range(5)
        for j in range(5)
    )


@pytest.mark.parametrize("side", [32, 45])
def test_the_pyramid_is_a_laplacian_one(side):
    image = pictures(1, side)[0].astype(np.float32)
    fine, coarse = patches._laplacian_pyramid(image[None])
    assert coarse.shape == (1, (side + 1) // 2, (side + 1) // 2, 3)
    for row, column in ((0, 0), (3, 7), (5, 15)):
        expected = blurred_at(image, 2 * row, 2 * column)
        np.testing.assert_allclose(coarse[0, row, column], expected, rtol=1e-4)
    spread = np.zeros_like(image)
    spread[::2, ::2] = coarse[0]
    for row, column in ((0, 0), (6, 15), (17, 30)):
        expected = image[row, column] - 4 * blurred_at(spread, row, column)
        np.testing.assert_allclose(fine[0, row, column], expected, atol=1e-2)


def test_sides_of_256_have_five_levels():
    levels = patches._laplacian_pyramid(np.zeros((1, 256, 256, 3), np.float32))
    assert [level.shape[1] for level in levels] == [256, 128, 64, 32, 16]


def test_patches_are_parts_of_their_level():
    image = pictures(1, 16)  # one level: the picture itself
    found = patch_descriptors(image, patches=20)[0, 0].reshape(20, 3, 7, 7).transpose(0, 2, 3, 1)
    places = {
        image[0, row : row + 7, column : column + 7].tobytes(): (row, column)
        for row in range(10)
        for column in range(10)
    }
    assert len({places[patch.astype(np.uint8).tobytes()] for patch in found}) > 10


def test_a_set_in_parts_is_the_whole_set():
    images = pictures(5)
    parts = [patch_descriptors(images[i : i + 2], patches=8, first=i) for i in (0, 2, 4)]
    np.testing.assert_array_equal(np.concatenate(parts), patch_descriptors(images, patches=8))


def test_the_distance_is_that_of_sorted_projections():
    random = np.random.default_rng(0)
    a, b = random.standard_normal((2, 30, 1, 10, 147)).astype(np.float32)
    found = descriptor_distance(a, b, directions=3, seed=5)

    def normalised(x):
        x = x.reshape(-1, 3, 49)
        return ((x - x.mean((0, 2), keepdims=True)) / x.std((0, 2), keepdims=True)).reshape(-1, 147)

    axes = np.random.default_rng((5, 0)).standard_normal((147, 3))
    axes /= np.linalg.norm(axes, axis=0)
    expected = np.mean(
        [
            np.abs(np.sort(normalised(a) @ axis) - np.sort(normalised(b) @ axis)).mean()
            for axis in axes.T
        ]
    )
    assert found.mean == found.levels[0] == pytest.approx(expected, rel=1e-4)


def test_different_counts_compare_at_quantiles():
    a = pictures(6, 32)
    same = sliced_wasserstein(a, a).mean
    repeated = sliced_wasserstein(a, np.concatenate([a, a])).mean
    assert repeated < 1.1 * same
    values = np.sort(np.random.default_rng(0).standard_normal((2, 12)))
    halved = patches._at_quantiles(values, 6)
    np.testing.assert_allclose(halved, (values[:, ::2] + values[:, 1::2]) / 2)


def test_symmetric_and_blind_to_order_tone_and_contrast():
    a, b = (patch_descriptors(pictures(20, seed=seed), patches=32) for seed in (1, 2))
    expected = descriptor_distance(a, b)
    order = np.random.default_rng(0).permutation(len(a))
    for same in (
        descriptor_distance(b, a),
        descriptor_distance(a[order], b),
        descriptor_distance(a * 0.5 + 20, b),
    ):
        assert same.levels == pytest.approx(expected.levels, rel=1e-3)


def test_blur_is_seen_where_it_is():
    sharp, other, soft = pictures(20, seed=1), pictures(20, seed=2), pictures(20, seed=3, blur=2)
    near, far = sliced_wasserstein(sharp, other), sliced_wasserstein(sharp, soft)
    assert far.levels[0] > 3 * near.levels[0]  # the finest
    assert far.levels[-1] < 2 * near.levels[-1]  # the coarsest


def test_pictures_without_contrast_are_no_trouble():
    black = np.zeros((3, 16, 16, 3), np.uint8)
    assert sliced_wasserstein(black, black) == (0.0, (0.0,))


@pytest.mark.parametrize(
    ("shape", "message"), [((2, 6, 30, 3), "6×30"), ((2, 30, 30), "expected"), ((30, 30, 3), "30")]
)
def test_what_has_no_patches_is_named(shape, message):
    with pytest.raises(ValueError, match=message):
        sliced_wasserstein(np.zeros(shape, np.uint8), np.zeros(shape, np.uint8))


def test_sizes_must_agree():
    with pytest.raises(ValueError, match="one size"):
        sliced_wasserstein(pictures(2, 32), pictures(2, 64))
