"""What `tf.autodiff.ForwardAccumulator`, forward mode, needs of gradients and twins.

TensorFlow derives the forward derivative of an op from its gradient: it differentiates the gradient
with respect to the gradient of the result. So a gradient has to be differentiable by TensorFlow's
own tapes, also at the time when an accumulator asks for it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import tensorflow as tf

# TensorFlow has no public way to do either.
try:
    from tensorflow.python.eager.forwardprop_util import pack_tangents, push_forwardprop_state
except ImportError:
    pack_tangents, push_forwardprop_state = None, contextlib.nullcontext


def has_tangents(tensors: Sequence[tf.Tensor]) -> bool:
    """Whether a forward accumulator follows any of these tensors."""
    return pack_tangents is not None and bool(pack_tangents(list(tensors)).tangents)


@contextlib.contextmanager
def tapes_that_record() -> Iterator[None]:
    """Inside, gradient tapes record, which they don't while an accumulator derives a tangent.

    At other times an accumulator has to see what is done inside, or it would lose what depends on
    its tangents; so its state is put aside only where it must be.
    """
    with contextlib.nullcontext() if _tapes_record() else push_forwardprop_state():
        yield


def _tapes_record() -> bool:
    with tf.GradientTape() as tape:
        probe = tf.zeros([])
        tape.watch(probe)
        recorded = tf.identity(probe)
    return tape.gradient(recorded, probe) is not None
