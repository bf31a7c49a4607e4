from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from brush_strokes_float64 import brush_strokes_float64

from monet import ops
from monet.ops.brush_strokes import STROKE_ANGLES, stroke_kernels


def arguments(shape, priorities=1, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, shape).astype("float32")
    priority = np.exp(2 * rng.normal(size=(priorities, *shape[1:3], 1))).astype("float32")
    return x, priority, rng.integers(0, STROKE_ANGLES, shape[:3]).astype("int32")


@pytest.mark.parametrize("shape", [(2, 7, 10, 3), (1, 9, 7, 1), (2, 8, 7, 7)])
@pytest.mark.parametrize("is_shared", [True, False])
def test_values(implementation, shape, is_shared):
    tensors = arguments(shape, 1 if is_shared else shape[0])
    want = brush_strokes_float64(*tensors, stroke_kernels(4.5, 1.5))
    np.testing.assert_allclose(ops.brush_strokes(*tensors, 4.5, 1.5), want, atol=1e-5)


def test_a_stroke_is_long_along_its_direction_and_narrow_across():
    kernels = stroke_kernels(6, 2)
    middle = len(kernels) // 2
    level, upright, diagonal = kernels[..., 0], kernels[..., 8], kernels[..., 4]
    assert level[middle, middle + 6] == pytest.approx(np.exp(-1), rel=1e-6)
    assert level[middle + 2, middle] == pytest.approx(np.exp(-1), rel=1e-6)
    assert level[middle + 4, middle] == 0
    np.testing.assert_allclose(upright, level.T, atol=1e-6)
    np.testing.assert_allclose(diagonal, diagonal.T, atol=1e-6)  # down to the right
    assert diagonal[middle + 4, middle + 4] > 0.3 and diagonal[middle + 4, middle - 4] == 0
    # What is cut off at the window's sides would be left out anyway.
    rim = np.concatenate([kernels[0], kernels[-1], kernels[:, 0], kernels[:, -1]])
    assert kernels[kernels > 0].min() >= 1e-3 and rim.max() < 0.1


def test_the_pixel_on_top_is_seen_in_the_shape_of_its_stroke(implementation):
    x, priority = np.zeros((1, 21, 21, 1), "float32"), np.ones((1, 21, 21, 1), "float32")
    x[0, 10, 10], priority[0, 10, 10] = 1, 1e6
    directions = np.full((1, 21, 21), 4, "int32")
    seen = ops.brush_strokes(x, priority, directions, 6, 2).numpy()[0, ..., 0] > 0.9
    y, x = np.nonzero(seen)
    assert seen[10, 10] and seen[14, 14] and seen[6, 6] and not seen[6, 14]
    assert (np.abs(y - x) <= 5).all()


def test_an_even_picture_stays_as_it_is_down_to_the_smallest_size(implementation):
    _, priority, directions = arguments((2, 6, 7, 3))
    x = np.full((2, 6, 7, 3), 0.7, "float32")
    np.testing.assert_allclose(ops.brush_strokes(x, priority, directions, 4, 1), x, atol=1e-6)


@pytest.mark.parametrize("is_shared", [True, False])
def test_an_empty_batch_gives_an_empty_result_and_zero_gradients(implementation, is_shared):
    x, priority, directions = map(tf.constant, arguments((0, 7, 8, 3), 1 if is_shared else 0))
    with tf.GradientTape() as tape:
        tape.watch([x, priority])
        laid = ops.brush_strokes(x, priority, directions, 3, 1)
    gradients = tape.gradient(laid, [x, priority])
    assert laid.shape == x.shape
    assert [gradient.shape for gradient in gradients] == [x.shape, priority.shape]
    assert not np.any(gradients[1])


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
def test_directions_are_taken_modulo_a_half_turn(implementation, dtype):
    x, priority, directions = arguments((1, 8, 9, 3))
    turned = (directions + 3 * STROKE_ANGLES).astype(dtype)
    np.testing.assert_array_equal(
        ops.brush_strokes(x, priority, turned, 4, 1),
        ops.brush_strokes(x, priority, directions, 4, 1),
    )
    if dtype != "uint8":
        np.testing.assert_array_equal(
            ops.brush_strokes(x, priority, (directions - STROKE_ANGLES).astype(dtype), 4, 1),
            ops.brush_strokes(x, priority, directions, 4, 1),
        )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_gradients_are_the_twins(native, dtype):
    x, priority, directions = map(tf.constant, arguments((2, 7, 8, 4)))
    x = tf.cast(x, dtype)

    def gradients(function):
        with tf.GradientTape() as outer:
            outer.watch([x, priority])
            with tf.GradientTape() as tape:
                tape.watch([x, priority])
                y = tf.reduce_sum(tf.square(function(x, priority, directions, 3, 1)))
            first = tape.gradient(y, [x, priority])
            steepness = tf.reduce_sum(tf.square(tf.cast(first[0], tf.float32)))
        return [*first, *outer.gradient(steepness, [x, priority])]

    got, want = gradients(ops.brush_strokes), gradients(ops.brush_strokes_ref)
    for one, other in zip(got, want, strict=True):
        one, other = (tf.cast(gradient, tf.float32).numpy() for gradient in (one, other))
        assert np.linalg.norm(one - other) <= 1e-3 * np.linalg.norm(other)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_sizes_that_are_not_known_while_tracing(native, jit_compile):
    tensors = arguments((2, 9, 11, 3))
    function = tf.function(
        lambda *tensors: ops.brush_strokes(*tensors, 3, 1),
        input_signature=[
            tf.TensorSpec([None, None, None, 3]),
            tf.TensorSpec([1, None, None, 1]),
            tf.TensorSpec([None, None, None], tf.int32),
        ],
        jit_compile=jit_compile,
    )
    want = ops.brush_strokes_ref(*tensors, 3, 1)
    np.testing.assert_allclose(function(*tensors), want, atol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="need H and W of at least.*got 2x11"):
        function(*(tensor[:, :2] for tensor in tensors))


def test_impossible_arguments(implementation):
    x, priority, directions = arguments((2, 5, 9, 3))
    with pytest.raises(ValueError, match="reach 6 pixels and need H and W .* got 5x9; pass larger"):
        ops.brush_strokes(x, priority, directions, 4, 1)
    for length, width in ((0, 1), (2, -1), (np.inf, 1), (2, np.nan)):
        with pytest.raises(ValueError, match=r"brush_strokes needs (length|width) above 0, got"):
            ops.brush_strokes(x, priority, directions, length, width)
    with pytest.raises(ValueError, match="directions as integers, got float32; round them"):
        ops.brush_strokes(x, priority, directions.astype("float32"), 2, 1)
    with pytest.raises(ValueError, match=r"needs priority of shape \[1, 5, 9, 1\] for images"):
        ops.brush_strokes(x, priority[..., 0], directions, 2, 1)
    with pytest.raises(ValueError, match=r"needs directions of shape \[2, 5, 9\] for images"):
        ops.brush_strokes(x, priority, directions[:1], 2, 1)
    with pytest.raises(ValueError, match=r"takes x of shape \[N, H, W, C\]"):
        ops.brush_strokes(x[0], priority, directions, 2, 1)
