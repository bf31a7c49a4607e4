"""Sums of gradients must not depend on which op happens to finish first.

TensorFlow adds the gradients of a tensor that is used several times by AddN, which adds in place,
into the first of its inputs that nothing else needs any more. Where another op takes one of three
inputs too, the order of the sum, and so its rounding, depends on whether that op has run by then.
"""

from __future__ import annotations

import collections
import dataclasses

import pytest
import tensorflow as tf
from tensorflow.python.framework import meta_graph
from tensorflow.python.grappler import tf_optimizer

from monet.systems import RECIPES, build_model, system_of


def optimized(function, *arguments):
    """The nodes of a function's graph as TensorFlow runs it.

    That is after it has made one of equal ops, and one sum of nested ones.
    """
    graph = tf.function(function).get_concrete_function(*arguments).graph
    description = meta_graph.create_meta_graph_def(graph=graph)
    kept = [op.name for op in (*graph.outputs, *graph.control_outputs)]
    description.collection_def["train_op"].node_list.value.extend(
        name.partition(":")[0] for name in kept
    )
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.min_graph_nodes = -1
    return tf_optimizer.OptimizeGraph(config, description).node


def sums_in_any_order(nodes):
    """AddN ops of three inputs or more of which another op takes one, too."""
    inputs = {
        node.name: [name.removesuffix(":0") for name in node.input if not name.startswith("^")]
        for node in nodes
    }
    takers = collections.Counter(name for names in inputs.values() for name in set(names))
    return [
        node.name
        for node in nodes
        if node.op == "AddN"
        and len(inputs[node.name]) > 2
        and any(takers[name] > 1 for name in inputs[node.name])
    ]


def cross_entropy(targets, logits):
    return tf.nn.sigmoid_cross_entropy_with_logits(tf.fill(tf.shape(logits), targets), logits)


def test_a_sum_that_depends_on_timing_is_found():
    """Once in a residual block of two branches, once in two losses that have ops in common."""

    def residual(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.exp(x + tf.sin(x) + tf.cos(x))
        return tape.gradient(y, x)

    def two_losses(logits):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(logits)
            losses = [tf.reduce_mean(cross_entropy(target, logits)) for target in (0.9, 0.1)]
        return [tape.gradient(loss, logits) for loss in losses]

    for function in (residual, two_losses):
        assert sums_in_any_order(optimized(function, tf.TensorSpec([3, 1]))), function


@pytest.mark.parametrize("name", RECIPES)
def test_no_step_has_one(name):
    recipe = RECIPES[name]
    small = recipe.replace(
        generator=dataclasses.replace(recipe.generator, filters=8),
        discriminator=dataclasses.replace(recipe.discriminator, filters=8),
    )
    model = build_model(small, steps_per_epoch=10)
    pictures = tf.TensorSpec([2, small.image_size, small.image_size, 3], tf.float32)
    batch = (pictures, pictures) if system_of(small).takes_photos else pictures
    assert not sums_in_any_order(optimized(model.train_step, batch))
