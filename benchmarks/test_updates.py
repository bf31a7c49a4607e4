"""Updates of all weights of a generator at once, against TensorFlow's of one after the other."""

from __future__ import annotations

import arms
import numpy as np
import pytest
import tensorflow as tf
from roofline import Work

from monet import ops, systems

# Many small weights, and few of which some are large.
RECIPES = ["monet", "cyclegan"]


@pytest.fixture(params=RECIPES)
def weights(request, smoke):
    """(recipe, values like the weights of its generator)."""
    rng = np.random.default_rng(0)
    if smoke:
        return request.param, [tf.constant(rng.normal(size=[3, 4]), tf.float32)]
    recipe = systems.get_recipe(request.param)
    generator = recipe.generator.build(recipe.image_size)
    return request.param, [
        tf.constant(rng.normal(size=weight.shape), tf.float32)
        for weight in generator.trainable_variables
    ]


def adam_arm(op, values):
    variables, momentums, velocities = (
        [tf.Variable(factor * value) for value in values] for factor in (1, 0, 0)
    )

    def update():
        op(variables, momentums, velocities, values, learning_rate=1e-4, step=10)

    return arms.graph_arm(update, [])


def average_arm(op, values):
    averages = [tf.Variable(2 * value) for value in values]
    return arms.graph_arm(lambda: op(averages, values, 0.999), [])


def name_and_count(weights):
    recipe, values = weights
    count = sum(int(tf.size(value)) for value in values)
    return f"{len(values)} weights of {recipe}, {count / 1e6:.3g} M values, float32", count


@pytest.mark.benchmark(group="updates of all weights")
def test_adam_update(compare, weights):
    arms.skip_if_tensorflows("adam_update")
    name, count = name_and_count(weights)
    with ops.use("native"):
        own = {
            "TF graph": adam_arm(ops.adam_update_ref, weights[1]),
            "monet": adam_arm(ops.adam_update, weights[1]),
        }
    # Reads weights, two moments and gradients; writes all but the gradients.
    compare(f"adam_update of {name}", own, Work(0, 7 * 4 * count))


@pytest.mark.benchmark(group="updates of all weights")
def test_average_update(compare, weights):
    arms.skip_if_tensorflows("average_update")
    name, count = name_and_count(weights)
    with ops.use("native"):
        own = {
            "TF graph": average_arm(ops.average_update_ref, weights[1]),
            "monet": average_arm(ops.average_update, weights[1]),
        }
    compare(f"average_update of {name}", own, Work(0, 3 * 4 * count))
