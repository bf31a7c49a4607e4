"""`adam_update` and `average_update`: one op for all variables, with the numbers of their twins."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from monet import ops

SHAPES = [(3, 3, 5, 7), (7,), (), (0, 4), (300, 90)]
ADAM = {"learning_rate": 0.01, "beta_1": 0.5, "beta_2": 0.99, "epsilon": 1e-6}


@pytest.fixture(autouse=True)
def on_the_cpu():
    with tf.device("CPU"):
        yield


def tensors(seed, dtype=tf.float32):
    rng = np.random.default_rng(seed)
    return [tf.constant(rng.normal(size=shape), dtype) for shape in SHAPES]


def variables(seed):
    return [tf.Variable(value) for value in tensors(seed)]


def after_adam(update):
    state = (
        variables(0),
        [tf.Variable(v * 0) for v in tensors(1)],
        [tf.Variable(v * 0) for v in tensors(1)],
    )
    for step in range(1, 4):
        update(*state, tensors(step), step=tf.constant(step), **ADAM)
    return [variable.numpy() for of_one in state for variable in of_one]


def after_average(update):
    averages = variables(0)
    update(averages, tensors(1), tf.constant(0.9))
    return [average.numpy() for average in averages]


UPDATES = pytest.mark.parametrize(
    "name, run", [("adam_update", after_adam), ("average_update", after_average)]
)


@UPDATES
@pytest.mark.parametrize("jit_compile", [None, False, True])
def test_as_the_twin(native, name, run, jit_compile):
    def update(*args, **options):
        function = getattr(ops, name)
        if jit_compile is not None:
            function = tf.function(function, jit_compile=jit_compile)
        function(*args, **options)

    for got, want in zip(run(update), run(getattr(ops, f"{name}_ref")), strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-6, atol=2e-6)


def test_all_variables_are_updated_by_one_op(native):
    state = variables(0), variables(1), variables(2)

    @tf.function
    def step(gradients):
        ops.adam_update(*state, gradients, step=1, **ADAM)
        ops.average_update(state[1], [value.read_value() for value in state[0]], 0.5)

    nodes = [node.type for node in step.get_concrete_function(tensors(3)).graph.get_operations()]
    assert nodes.count("MonetAdam") == nodes.count("MonetAverage") == 1
    assert "ResourceApplyAdam" not in nodes


def test_what_was_read_before_an_update_stays(native):
    """Reading gives the variable's own memory, which is copied before it is written."""
    state = variables(0), variables(1), [tf.Variable(tf.abs(value)) for value in tensors(2)]
    read = [variable.read_value() for variable in state[0]]
    copies = [value.numpy().copy() for value in read]
    ops.adam_update(*state, tensors(3), step=1, **ADAM)
    ops.average_update(state[0], tensors(4), 0.5)
    for value, copy in zip(read, copies, strict=True):
        np.testing.assert_array_equal(value, copy)


def test_other_dtypes_are_updated_by_the_twin(native):
    variable, momentum, velocity = (tf.Variable(value, dtype=tf.float64) for value in (1, 0, 0))
    gradient = tf.constant(5.0, tf.float64)
    ops.adam_update([variable], [momentum], [velocity], [gradient], learning_rate=0.1, step=1)
    assert float(variable) == pytest.approx(0.9)
    ops.average_update([variable], [tf.constant(1.9, tf.float64)], 0.5)
    assert float(variable) == pytest.approx(1.4)


def test_impossible_arguments(native):
    one, three = variables(0), (variables(0), variables(1), variables(2))
    with pytest.raises(ValueError, match="one of gradients for each of 5 variables, got 4"):
        ops.adam_update(*three, tensors(3)[1:], step=1, **ADAM)
    with pytest.raises(ValueError, match="one of values for each of 5 variables, got 0"):
        ops.average_update(one, [], 0.5)
    with pytest.raises(ValueError, match="average_update needs at least one variable"):
        ops.average_update([], [], 0.5)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"a gradient must have shape \[7\]"):
        ops.adam_update(*three, [tensors(3)[0], *tensors(3)[:1], *tensors(3)[2:]], step=1, **ADAM)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"a value must have shape \[7\]"):
        ops.average_update(one[1:2], tensors(3)[:1], 0.5)
