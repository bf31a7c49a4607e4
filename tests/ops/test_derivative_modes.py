"""Every op and layer in every way in which TensorFlow differentiates; docs/ops.md has the table.

Ops are compared with the formula in float64, layers with themselves in plain TensorFlow.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from convolution_cases import Block, Conv2D, ReflectConv2D, Trunk, cast, plain_norm

import monet.layers
from monet import ops

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "ops.md"
SHAPE = (2, 4, 6, 4)
TOLERANCE = 2e-5
UPDATES = {"adam_update", "average_update"}


def plain_group_norm(x, gamma, beta):
    groups = tf.reshape(x, [*SHAPE[:3], 2, 2])
    mean = tf.reduce_mean(groups, [1, 2, 4], keepdims=True)
    variance = tf.reduce_mean((groups - mean) ** 2, [1, 2, 4], keepdims=True)
    normal = (groups - mean) * tf.math.rsqrt(variance + tf.cast(1e-5, x.dtype))
    return tf.nn.silu(tf.reshape(normal, SHAPE) * gamma + beta)


def plain_upsampling(x):
    for axis in (1, 2):
        side = x.shape[axis]
        places = np.clip((np.arange(2 * side) + 0.5) / 2 - 0.5, 0, side - 1)
        weights = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(side)))
        x = tf.einsum(
            "ps,nshc->nphc" if axis == 1 else "ps,nhsc->nhpc",
            weights.astype(x.dtype.as_numpy_dtype),
            x,
        )
    return x


def plain_strokes(images, priority):
    """By the weights of each pixel's stroke, at angle 0 along a row, as [pixel, pixel] for rows."""
    reach = 3
    offsets = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    weights = np.exp(-((offsets[1] / 2.0) ** 4) - (offsets[0] / 1.0) ** 4)
    weights[weights < 1e-3] = 0
    sides = [[0, 0], [reach, reach], [reach, reach], [0, 0]]

    def laid(planes):
        padded = tf.pad(planes, sides, "SYMMETRIC")
        height, width = SHAPE[1:3]
        return tf.add_n(
            [
                float(weight) * padded[:, i : i + height, j : j + width]
                for (i, j), weight in np.ndenumerate(weights)
                if weight
            ]
        )

    return laid(images * priority) / laid(priority)


def strokes(images, priority):
    return ops.brush_strokes(images, priority, tf.zeros(SHAPE[:3], tf.int32), 2.0, 1.0)


def normal(*shape, offset=0.0, seed=0):
    return tf.constant(np.random.default_rng([seed, *shape]).normal(offset, 0.5, shape), tf.float32)


def op_case(case):
    return case.monet, case.plain, case.make_inputs("float32")


IMAGES = {"x": normal(*SHAPE)}
NORM = {**IMAGES, "gamma": normal(4, offset=1.0), "beta": normal(4, seed=1)}
PRIORITY = tf.exp(normal(*SHAPE[:3], 1, seed=2))
# Of each op: itself, the formula, and what to differentiate by.
OPS = {
    "instance_norm": (ops.instance_norm, plain_norm, NORM),
    "group_norm": (
        lambda x, gamma, beta: ops.group_norm(x, gamma, beta, 2, activation="silu"),
        plain_group_norm,
        NORM,
    ),
    "reflection_pad": (
        lambda x: ops.reflection_pad(x, 1),
        lambda x: tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT"),
        IMAGES,
    ),
    "reflect_conv2d": op_case(ReflectConv2D(SHAPE, 3)),
    "conv2d": op_case(Conv2D(SHAPE, 3)),
    "conv2d_transpose": op_case(Conv2D(SHAPE, 3, transposed=True)),
    "residual_block": op_case(Block(SHAPE)),
    "residual_trunk": op_case(Trunk(SHAPE, 2)),
    "bilinear_upsampling": (ops.bilinear_upsampling, plain_upsampling, IMAGES),
    "brush_strokes": (strokes, plain_strokes, {"images": normal(*SHAPE), "priority": PRIORITY}),
}
LAYERS = {
    "BilinearUpsampling2D": lambda: monet.layers.BilinearUpsampling2D(3),
    "Brushwork": lambda: monet.layers.Brushwork(length=2),
    "Conv2D": lambda: monet.layers.Conv2D(3, 3, padding="same"),
    "Conv2DTranspose": lambda: monet.layers.Conv2DTranspose(3, 4, strides=2, padding="same"),
    "GroupNormalization": lambda: monet.layers.GroupNormalization(2),
    "InstanceNormalization": lambda: monet.layers.InstanceNormalization(activation="silu", pad=1),
    "LeakyReLU": lambda: monet.layers.LeakyReLU(0.2),
    "PaintOver": lambda: monet.layers.PaintOver(),
    "ReflectionConv2D": lambda: monet.layers.ReflectionConv2D(3, 3),
    "ReflectionPadding2D": lambda: monet.layers.ReflectionPadding2D(1),
    "ResidualBlock": lambda: monet.layers.ResidualBlock(4),
    "ResidualTrunk": lambda: monet.layers.ResidualTrunk(2, 4),
    "SelfAttention": lambda: monet.layers.SelfAttention(),
    "SpectralConv2D": lambda: monet.layers.SpectralConv2D(3, 3),
    "Underpainting": lambda: monet.layers.Underpainting(length=2, noise=1),
}


CHANNELS = {"Brushwork": 6, "SelfAttention": 8, "Underpainting": 3}  # else 4


def reverse(f, xs):
    with tf.GradientTape() as tape:
        tape.watch(xs)
        target = _target(f(*xs))
    return tape.gradient(target, xs)


def reverse_over_reverse(f, xs):
    with tf.GradientTape() as tape:
        tape.watch(xs)
        target = tf.add_n([tf.reduce_sum(tf.sin(g + 0.5)) for g in reverse(f, xs)])
    return tape.gradient(target, xs, unconnected_gradients="zero")


def forward(f, xs):
    with tf.autodiff.ForwardAccumulator(xs, _tangents(xs)) as accumulator:
        y = f(*xs)
    return [accumulator.jvp(y)]


def forward_over_reverse(f, xs):
    with tf.autodiff.ForwardAccumulator(xs, _tangents(xs)) as accumulator:
        gradients = reverse(f, xs)
    return [accumulator.jvp(g, unconnected_gradients="zero") for g in gradients]


def forward_in_a_function(f, xs):
    return tf.function(lambda *xs: forward(f, list(xs)))(*xs)


def forward_through_a_function(f, xs):
    return forward(tf.function(f), xs)


def jacobian(f, xs, vectorized=True):
    with tf.GradientTape(persistent=not vectorized) as tape:
        tape.watch(xs)
        y = f(*xs)
    return tape.jacobian(y, xs, experimental_use_pfor=vectorized)


def vectorized_map(f, xs):
    def gradient(x):
        return reverse(lambda x: f(x, *xs[1:]), [x])[0]

    return [tf.vectorized_map(gradient, tf.stack([xs[0], 1.0 - xs[0]]))]


def recompute_grad(f, xs):
    return reverse(tf.recompute_grad(f), xs)


def no_upstream_gradient(f, xs):
    with tf.GradientTape() as tape:
        tape.watch(xs)
        y = tf.stop_gradient(f(*xs))
    assert tape.gradient(y, xs) == [None] * len(xs)
    return []


def partial_watching(f, xs):
    def gradient(index):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(xs[index])
            target = _target(f(*xs))
        return tape.gradient(target, xs[index])

    return [gradient(index) for index in range(len(xs))]


# In the order of the table's columns; each may have several checks.
MODES = {
    "reverse": [reverse],
    "reverse over reverse": [reverse_over_reverse],
    "forward": [forward, forward_in_a_function, forward_through_a_function],
    "forward over reverse": [forward_over_reverse],
    "`jacobian`": [jacobian],
    "`vectorized_map`": [vectorized_map],
    "`recompute_grad`": [recompute_grad],
    "no upstream gradient": [no_upstream_gradient],
    "partial watching": [partial_watching],
}
CHECKS = [check for checks in MODES.values() for check in checks]


def _target(y):
    weights = tf.cos(tf.range(tf.size(y), dtype=y.dtype))
    return tf.reduce_sum(tf.sin(y) * tf.reshape(weights, tf.shape(y)))


def _tangents(xs):
    return [tf.reshape(tf.cos(tf.range(tf.size(x), dtype=x.dtype)), x.shape) for x in xs]


def assert_close(got, want):
    assert len(got) == len(want)
    for mine, exact in zip(got, want, strict=True):
        exact = tf.cast(exact, tf.float64)
        scale = max(float(tf.norm(exact)), 1e-3)
        assert float(tf.norm(tf.cast(mine, tf.float64) - exact)) < TOLERANCE * scale


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", OPS)
def test_ops(implementation, name, check):
    function, formula, inputs = OPS[name]
    names = list(inputs)

    def by_position(f):
        return lambda *xs: f(**dict(zip(names, xs, strict=True)))

    exact = cast(inputs, "float64")
    # The formula of a transposed convolution is a gradient, which TensorFlow can't recompute.
    plain_check = reverse if check is recompute_grad else check
    want = plain_check(by_position(formula), list(exact.values()))
    assert_close(check(by_position(function), list(inputs.values())), want)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", LAYERS)
def test_layers(native, name, check):
    layer = LAYERS[name]()
    shape = (1, 5, 6, CHANNELS.get(name, 4))

    def call(x):
        return layer(x, tf.sin(x)) if name in ("Brushwork", "PaintOver") else layer(x)

    call(tf.zeros(shape))
    for index, weight in enumerate(layer.trainable_weights):
        weight.assign(weight + 0.3 * normal(*weight.shape, seed=index))
    x = 0.9 * tf.tanh(normal(*shape))
    if name == "SelfAttention" and check is jacobian:
        check = functools.partial(jacobian, vectorized=False)
    got = check(call, [x])
    with ops.use("reference"):
        assert_close(got, check(call, [x]))


@pytest.mark.parametrize("name", sorted(UPDATES))
def test_updates_have_no_gradient(implementation, name):
    variables, values = [tf.Variable([1.0, 2.0])], [tf.constant([3.0, 4.0])]
    slots = [[tf.Variable([0.0, 0.0])], [tf.Variable([0.0, 0.0])]]
    with tf.GradientTape() as tape:
        tape.watch(values)
        if name == "adam_update":
            ops.adam_update(variables, *slots, values, learning_rate=0.1, step=1)
        else:
            ops.average_update(variables, values, 0.5)
        target = tf.reduce_sum(variables[0])
    assert tape.gradient(target, values) == [None]


def test_the_table_names_every_op_layer_and_mode():
    """A column that stands there has passed `test_ops` and `test_layers` for every row."""
    public = {name for name in ops.__all__ if f"{name}_ref" in ops.__all__}
    assert public == OPS.keys() | UPDATES
    assert set(monet.layers.__all__) == LAYERS.keys()
    section = DOCUMENT.read_text(encoding="utf-8").partition("## Derivatives\n")[2]
    section = section.partition("\n## ")[0]
    rows = re.findall(r"^\| (.+) \|$", section, re.MULTILINE)
    assert rows[0].split(" | ") == ["op or layer", *MODES]
    documented = {row.split(" | ")[0].strip("`"): row.split(" | ")[1:] for row in rows[1:]}
    expected = {name: ["yes"] * len(MODES) for name in [*OPS, *LAYERS]}
    expected["SelfAttention"][list(MODES).index("`jacobian`")] = "one by one"
    expected |= {name: ["none"] * len(MODES) for name in sorted(UPDATES)}
    assert documented == expected
