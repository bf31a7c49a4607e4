from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.inference.painter import Painter, size_multiple
from monet.layers import ReflectionConv2D, Underpainting
from monet.models import PainterGenerator, painter_generator


def photos(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


def small(**options):
    keras.utils.set_random_seed(0)
    return painter_generator(**{"filters": 4, "blocks": 1, "head_filters": 4, **options})


def lively(model):
    rng = np.random.default_rng(1)
    for weight in model.trainable_variables:
        weight.assign(weight + 0.3 * rng.normal(size=weight.shape))
    return model


@pytest.mark.parametrize(
    ("levels", "filters", "blocks", "head", "brush"), [(2, 32, 4, 16, 0), (3, 5, 2, 3, 5)]
)
def test_parameter_count(levels, filters, blocks, head, brush):
    """Counted layer by layer: kernels, gamma and beta, and the one bias."""
    widths = [filters * level for level in range(1, levels + 1)]

    def normalized(size, inputs, outputs):
        return size**2 * inputs * outputs + 2 * outputs

    def block(width):
        return 2 * normalized(3, width, width)

    count = normalized(6, 3 + 6, widths[0]) + blocks * block(widths[-1])
    for finer, coarser in zip(widths[:-1], widths[1:], strict=True):
        count += normalized(4, finer, coarser)
        count += normalized(3, coarser, finer) + normalized(3, 2 * finer, finer)
    count += sum(map(block, widths[1:-1]))
    count += normalized(3, widths[0] + 6, head) + (5 * 5 * head + 1) * (6 if brush else 3)
    count += 3 * 3 + 3  # the colours of the strokes
    model = painter_generator(
        levels=levels, filters=filters, blocks=blocks, head_filters=head, brush_length=brush
    )
    assert model.count_params() == count


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize(("length", "brush"), [(0, 0), (6, 0), (6, 5), (0, 2)])
def test_an_untrained_network_gives_the_photo_in_strokes(levels, length, brush):
    model = small(levels=levels, stroke_length=length, brush_length=brush)
    x = photos(2, 32, 48, 3)
    y = model(x).numpy()
    assert y.shape == x.shape and y.dtype == np.float32
    # The change starts from N(0, 0.01), on features of variance 1 or so.
    assert 0 < np.abs(y - Underpainting(length)(x)[..., :3]).mean() < 0.15


@pytest.mark.parametrize("brush", [0, 5])
def test_what_is_painted_is_in_range_unless_it_trains(brush):
    model = lively(small(brush_length=brush))
    x = 3.0 * photos(2, 32, 32, 3)
    x = np.clip(x, -1, 1)
    assert np.abs(model(x)).max() <= 1
    trained = model(x, training=True).numpy()
    assert 1 < np.abs(trained).max() <= 1 / 0.9 + 1e-6
    np.testing.assert_array_equal(np.clip(trained, -1, 1), model(x))


def test_the_first_convolution_is_one_of_squares_of_four_pixels():
    """A 6×6 kernel of stride 2 is a 3×3 kernel after space-to-depth."""
    model = small()
    stem = model.get_layer("down_1_convolution")
    x = tf.constant(photos(1, 16, 24, 9))
    kernel = tf.reshape(stem.kernel, [3, 2, 3, 2, 9, 4])
    kernel = tf.reshape(tf.transpose(kernel, [0, 2, 1, 3, 4, 5]), [3, 3, 36, 4])
    want = tf.nn.conv2d(tf.nn.space_to_depth(x, 2), kernel, 1, "VALID")
    np.testing.assert_allclose(stem(x), want, atol=1e-5)


def test_no_checkerboard():
    """What one coarse pixel adds to the picture changes smoothly, whatever the weights."""
    model = lively(small())
    kernel = model.get_layer("head_convolution").kernel
    coarse = keras.Input((8, 8, 4))
    kernel = kernel[:, :, :4]  # the rest is for the strokes
    head = ReflectionConv2D(kernel.shape[-1], 3, use_bias=False)
    enlarge = model.get_layer("head_upsampling")
    even = keras.Model(coarse, head(enlarge(coarse)))
    head.kernel.assign(kernel)
    y = even(np.ones((1, 8, 8, 4), "float32"))
    # By Winograd's algorithm, which rounds to 1e-6 of the values.
    spread = tf.reduce_max(tf.math.reduce_std(y, axis=[1, 2]))
    assert float(spread / tf.reduce_max(tf.abs(y))) < 5e-6


@pytest.mark.parametrize(("levels", "stroke_length"), [(2, 6), (3, 6), (1, 6), (1, 20), (2, 0)])
def test_pictures_of_any_size_are_painted(levels, stroke_length):
    model = small(levels=levels, stroke_length=stroke_length)
    assert size_multiple(model) == 2**levels
    model.get_layer("change_convolution").kernel.assign(np.zeros((5, 5, 4, 3)))
    images = [np.full((h, w, 3), 90, np.uint8) for h, w in ((37, 50), (1, 2), (16, 16))]
    for image, painted in zip(images, Painter(model).paint(images), strict=True):
        assert painted.shape == image.shape
        assert np.abs(painted.astype(int) - 90).max() <= 1


def test_its_own_strokes_are_those_that_it_is_asked_for():
    architecture = PainterGenerator(stroke_length=2, brush_length=24, brush_detail=0.3)
    assert not architecture.takes(44) and architecture.takes(48)
    assert "strokes of 48 pixels" in architecture.image_sizes()
    model = small(stroke_length=2, brush_length=24, brush_detail=0.3)
    layer = model.get_layer("brushwork")
    assert (layer.length, layer.detail) == (24, 0.3)
    for image in (np.zeros((5, 7, 3), np.uint8), np.zeros((48, 30, 3), np.uint8)):
        (painted,) = Painter(model).paint([image])
        assert painted.shape == image.shape


@pytest.mark.parametrize("brush_detail", [-0.1, 1e-5, 11.0, float("nan"), True])
def test_details_that_it_refuses(brush_detail):
    with pytest.raises(ValueError, match="brush_detail=.*0, or a number from 0.001 to 10"):
        PainterGenerator(brush_length=5, brush_detail=brush_detail)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_still_gives_float32_images(policy):
    model = small(dtype=policy)
    assert all(weight.dtype == "float32" for weight in model.weights)
    assert model.get_layer("trunk").compute_dtype == policy.removeprefix("mixed_")
    x = photos(1, 16, 16, 3)
    twin = small(dtype="float32")
    twin.set_weights(model.get_weights())
    y = model(x)
    assert y.dtype == tf.float32
    np.testing.assert_allclose(y, twin(x), atol=0.02)


@pytest.mark.parametrize("brush", [0, 5])
def test_under_xla_it_paints_the_same(brush):
    model = lively(small(brush_length=brush))
    x = tf.constant(photos(1, 16, 24, 3))
    compiled = tf.function(model, jit_compile=True)(x)
    np.testing.assert_allclose(compiled, model(x), atol=1e-4)


@pytest.mark.parametrize("brush", [0, 5])
def test_an_exported_model_paints_the_same_in_any_size(tmp_path, brush):
    model = lively(small(brush_length=brush))
    model.export(tmp_path / "saved", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    for height, width in ((16, 24), (20, 32)):
        x = tf.constant(photos(1, height, width, 3))
        np.testing.assert_allclose(loaded.serve(x), model(x), atol=1e-4)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_saved_generator_paints_the_same_in_a_fresh_process(
    tmp_path, policy, run_in_a_fresh_process
):
    model = lively(small(dtype=policy))
    path = tmp_path / "generator.keras"
    model.save(path)
    x = photos(1, 16, 20, 3)
    np.testing.assert_array_equal(run_in_a_fresh_process(path, x), model(x))


def test_sizes_it_is_trained_on():
    assert PainterGenerator().takes(36) and not PainterGenerator().takes(34)
    deep = PainterGenerator(levels=3)
    assert deep.takes(40) and not deep.takes(36) and not deep.takes(24)
    assert deep.image_sizes().startswith("a multiple of 8 and at least 32")
    long = PainterGenerator(stroke_length=30)
    assert long.takes(60) and not long.takes(56) and "at least 60" in long.image_sizes()
    with pytest.raises(ValueError, match="levels=0 in PainterGenerator: expected an integer"):
        PainterGenerator(levels=0)


def test_an_even_photo_gets_irregular_strokes():
    """Without noise, all of a picture that is even but for its borders is painted alike."""
    even = np.full((1, 96, 96, 3), 0.3, "float32")
    inside = np.s_[0, 40:56, 40:56]
    assert np.std(lively(small(stroke_length=0))(even).numpy()[inside], axis=(0, 1)).max() < 1e-4
    painted = lively(small())(np.repeat(even, 2, axis=0)).numpy()
    assert np.std(painted[inside], axis=(0, 1)).max() > 1e-2
    np.testing.assert_array_equal(painted[0], painted[1])


def test_borders_are_painted_like_the_rest():
    """With zeros for padding, a photo that is even gets a frame."""
    even = np.full((1, 64, 64, 3), 0.3, "float32")
    y = lively(small(stroke_length=0))(even).numpy()
    assert np.std(y, axis=(1, 2)).max() < 1e-4
