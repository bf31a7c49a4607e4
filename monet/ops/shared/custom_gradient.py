"""`tf.custom_gradient` for graphs that don't stay in memory for ever."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable

import tensorflow as tf

# TensorFlow has no public way to take a gradient off its list. One that keeps it otherwise than
# 2.21 keeps the graphs, too.
try:
    from tensorflow.python.framework.ops import gradient_registry

    _listed = gradient_registry._registry
except (ImportError, AttributeError):
    _listed = {}


def custom_gradient(function: Callable) -> Callable:
    """As `tf.custom_gradient`.

    For every call in a graph TensorFlow puts a gradient of its own on a list that lasts as long as
    the process (2.21). By way of its tensors the gradient keeps the whole graph, so that a program
    that trains again and again would keep the graphs of all its training steps. Here the list looks
    a gradient up in the graph that it is for, and both go together.
    """
    differentiable = tf.custom_gradient(function)

    @functools.wraps(function)
    def call(*tensors):
        result = differentiable(*tensors)
        if _listed and not tf.executing_eagerly():
            _leave_to_its_graph(tf.nest.flatten(result)[0].op)
        return result

    return call


def _leave_to_its_graph(op: tf.Operation) -> None:
    """Lets the graph of `op`, which `tf.custom_gradient` ends with, keep the gradient alone."""
    name = op.get_attr("_gradient_op_type").decode()
    entry = _listed.get(name)
    if entry is None or "type" not in entry:
        return
    gradient = entry["type"]
    graph = op.graph
    graph._monet_gradients = [*getattr(graph, "_monet_gradients", ()), gradient]

    kept = weakref.ref(gradient)

    def of_graph(*arguments):
        gradient = kept()
        assert gradient is not None  # it would have taken itself off the list
        return gradient(*arguments)

    entry["type"] = of_graph
    weakref.finalize(gradient, _listed.pop, name, None).atexit = False
