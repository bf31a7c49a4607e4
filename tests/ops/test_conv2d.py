"""`conv2d` and `conv2d_transpose`: every size, what gradients keep, and errors."""

from __future__ import annotations

import itertools
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from convolution_cases import Conv2D, cast, make_dy, output_and_gradients
from norm_cases import error

import monet.ops

SIZES = range(1, 6)
X = tf.zeros([2, 3, 256, 6])
DOWN, UP = monet.ops.conv2d, monet.ops.conv2d_transpose


@pytest.mark.parametrize("transposed", [False, True], ids=["down", "up"])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_every_size_of_kernel_and_image(implementation, stride, padding, transposed):
    for height, width in itertools.product(SIZES, SIZES):
        image = (2, 5 + height % 3, 5 + width % 2, 3)
        case = Conv2D(image, 4, (height, width), stride, padding, transposed)
        inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")
        exact = output_and_gradients(case.plain, cast(inputs, "float64"), tf.cast(dy, "float64"))
        got = output_and_gradients(case.monet, inputs, dy)
        for name, value in got.items():
            assert value.shape == exact[name].shape, (str(case), name)
            assert error(value, exact[name]) < 5e-6, (str(case), name)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_transposed_results_have_the_size_that_keras_gives_them(
    implementation, stride, padding, size
):
    x, kernel = tf.ones([1, 3, 4, 2]), tf.ones([size, size, 3, 2])
    expected = keras.ops.conv_transpose(x, kernel, strides=stride, padding=padding)
    np.testing.assert_array_equal(UP(x, kernel, strides=stride, padding=padding), expected)


def test_options_may_be_written_as_elsewhere(implementation):
    case = Conv2D((1, 8, 8, 3), 4)
    x, kernel = case.make_inputs("float32").values()
    expected = DOWN(x, kernel, strides=2, padding="same")
    for strides in ((2, 2), np.int64(2)):
        np.testing.assert_array_equal(DOWN(x, kernel, strides=strides, padding="SAME"), expected)


def likes(case: Conv2D, spec: list) -> list[int]:
    """How many inputs each gradient with respect to images has that tell only a size."""
    inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")

    @tf.function(input_signature=[tf.TensorSpec(spec)])
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = case.monet(x=x, kernel=inputs["kernel"])
        return tape.gradient(y, x, output_gradients=dy)

    graph = run.get_concrete_function().graph
    kind = "MonetConv2DInputGrad"
    return [node.get_attr("num_like") for node in graph.get_operations() if node.type == kind]


@pytest.mark.parametrize(
    ("case", "spec", "expected"),
    [
        (Conv2D((1, 8, 6, 3), 4), [1, 8, 6, 3], 0),
        (Conv2D((1, 8, 7, 3), 4), [1, 8, 7, 3], 1),
        (Conv2D((1, 8, 6, 3), 4), [1, None, 6, 3], 1),
        (Conv2D((1, 8, 6, 3), 4, padding="valid"), [1, 8, 6, 3], 0),
        (Conv2D((1, 8, 7, 3), 4, padding="valid"), [1, 8, 7, 3], 1),
        (Conv2D((1, 8, 6, 3), 4, stride=1), [None] * 4, 0),
        (Conv2D((1, 8, 7, 3), 4, stride=1, padding="valid"), [None] * 4, 0),
    ],
    ids=str,
)
def test_images_are_kept_for_their_size_only_where_it_is_in_doubt(
    fused_convolutions, case, spec, expected
):
    assert likes(case, spec) == [expected]


def test_precise_and_its_default_reach_every_op(fused_convolutions, monkeypatch):
    case = Conv2D((1, 8, 8, 3), 4)
    inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")

    def chosen(precise) -> set[bool]:
        @tf.function
        def run(inputs):
            return list(
                output_gradients(lambda **named: case.monet(**named, precise=precise), inputs, dy)
            )

        nodes = run.get_concrete_function(inputs).graph.get_operations()
        return {node.get_attr("precise") for node in nodes if "MonetConv2D" in node.type}

    assert chosen(True) == {True}
    assert chosen(None) == chosen(False) == {False}
    monkeypatch.setenv("MONET_PRECISE", "1")
    assert chosen(None) == {True}
    assert chosen(False) == {False}


def output_gradients(function, inputs, dy):
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = function(**inputs)
    return tape.gradient(y, inputs, output_gradients=dy).values()


def test_float16_keeps_overflow_to_infinity(implementation):
    x, kernel = tf.fill([1, 4, 4, 8], tf.constant(6e4, tf.float16)), tf.ones([4, 4, 8, 2])
    y = DOWN(x, tf.cast(kernel, tf.float16))
    assert np.isposinf(y.numpy().astype(np.float32)).all()


def raises(message: str):
    return pytest.raises(ValueError, match=re.escape(message))


@pytest.mark.parametrize(
    ("op", "x", "kernel", "options", "message"),
    [
        (DOWN, X[0], [3, 3, 6, 4], {}, "conv2d takes x of shape [N, H, W, C], got [3, 256, 6]"),
        (DOWN, X, [3, 6, 4], {}, "kernel of shape [height, width, 6, out_channels]"),
        (DOWN, X, [3, 3, 5, 4], {}, "x has shape [2, 3, 256, 6], got [3, 3, 5, 4]"),
        (UP, X, [3, 3, 6, 4], {}, "conv2d_transpose needs kernel of shape [height, width, out_c"),
        (DOWN, X, [0, 3, 6, 4], {}, "needs kernel not to be empty, got shape [0, 3, 6, 4]"),
        (DOWN, X[:, :0], [3, 3, 6, 4], {}, "needs H and W >= 1, got x of shape [2, 0, 256, 6]"),
        (DOWN, X, [5, 4, 6, 4], {}, "and a 5x4 kernel needs images at least as large, got 3x256; "),
        (DOWN, X, [3, 3, 6, 4], {"strides": 0}, "strides to be an integer >= 1, got 0"),
        (DOWN, X, [3, 3, 6, 4], {"strides": 1.5}, "strides to be an integer >= 1, got 1.5"),
        (DOWN, X, [3, 3, 6, 4], {"strides": (1, 2)}, "got strides=(1, 2); use tf.nn.conv2d for"),
        (UP, X, [3, 3, 4, 6], {"strides": (1, 2)}, "(1, 2); use tf.nn.conv2d_transpose for others"),
        (DOWN, X, [3, 3, 6, 4], {"padding": "reflect"}, 'padding="valid" or "same", got \'reflect'),
        (DOWN, X, [3, 3, 6, 4], {"padding": 1}, 'or "same", got 1; use tf.pad before it'),
        (DOWN, X, [3, 3, 6, 4], {"precise": 1}, "takes precise=True, False or None, got 1"),
        (
            DOWN,
            tf.cast(X, tf.int32),
            [3, 3, 6, 4],
            {},
            "x as float32, bfloat16, float16, got int32",
        ),
        (DOWN, tf.cast(X, tf.float16), [3, 3, 6, 4], {}, "kernel in the dtype of x, float16, got"),
    ],
)
def test_errors_name_value_expectation_and_remedy(implementation, op, x, kernel, options, message):
    with raises(message):
        op(x, tf.zeros(kernel), **options)
    with raises(op.__name__):
        getattr(monet.ops, f"{op.__name__}_ref")(x, tf.zeros(kernel), **options)


def run_with_shapes_unknown_while_tracing(op, x, kernel):
    @tf.function(input_signature=[tf.TensorSpec(None), tf.TensorSpec([*kernel[:2], None, None])])
    def run(x, kernel):
        return op(x, kernel, strides=2, padding="valid")

    return run(tf.zeros(x), tf.zeros(kernel))


@pytest.mark.parametrize(
    ("op", "x", "kernel", "message"),
    [
        (DOWN, [3, 256, 2], [3, 3, 2, 4], "x must have shape [N, H, W, C], got [3,256,2]"),
        (DOWN, [1, 9, 9, 2], [3, 3, 5, 4], "kernel must have shape [3,3,2,4], got [3,3,5,4]"),
        (DOWN, [1, 9, 9, 2], [3, 3, 2, 0], "and not be empty, got [3,3,2,0]"),
        (DOWN, [1, 3, 9, 2], [4, 4, 2, 4], "of H = 4 needs images of H >= 4, got 3; pass larger"),
        (DOWN, [1, 9, 3, 2], [4, 4, 2, 4], "of W = 4 needs images of W >= 4, got 3; pass larger"),
        (DOWN, [1, 0, 9, 2], [4, 4, 2, 4], "x must have H >= 1, got 0"),
        (UP, [3, 256, 2], [3, 3, 4, 2], "dy must have shape [N, H, W, C], got [3,256,2]"),
        (UP, [1, 4, 4, 2], [3, 3, 2, 4], "dy must have shape [1,4,4,4], got [1,4,4,2]"),
        (UP, [1, 4, 0, 2], [3, 3, 4, 2], "dy must have W >= 1, got 0"),
    ],
)
def test_shapes_known_only_at_run_time(fused_convolutions, op, x, kernel, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=re.escape(message)):
        run_with_shapes_unknown_while_tracing(op, x, kernel)


@pytest.mark.parametrize(
    ("dy", "like", "message"),
    [
        ([1, 4, 4, 5], [1, 10, 8, 3], "dy must have shape [1,5,4,5], got [1,4,4,5]"),
        ([1, 4, 4, 5], [2, 8, 8, 3], "like must have shape [1,8,8,3], got [2,8,8,3]"),
        ([1, 4, 4, 5], [1, 8, 8, 2], "like must have shape [1,8,8,3], got [1,8,8,2]"),
        ([1, 4, 4, 5], [8, 8, 3], "like must have shape [N, H, W, C], got [8,8,3]"),
    ],
)
def test_a_gradient_that_does_not_fit_its_images(fused_convolutions, dy, like, message):
    from monet.ops.native import library

    @tf.function(input_signature=[tf.TensorSpec(None)] * 2)
    def run(dy, like):
        return library.ops().monet_conv2d_input_grad(
            dy=dy, kernel=tf.zeros([4, 4, 3, 5]), like=[like], stride=2, padding="SAME"
        )

    with pytest.raises(tf.errors.InvalidArgumentError, match=re.escape(message)):
        run(tf.zeros(dy), tf.zeros(like))
