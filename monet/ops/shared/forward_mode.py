"""What `tf.autodiff.ForwardAccumulator`, forward mode, needs of gradients and twins.

TensorFlow derives the forward derivative of an op from its gradient: it differentiates the gradient
with respect to the gradient of the result. So a gradient has to be differentiable by TensorFlow's
own tapes, also at the time when an accumulator asks for it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import tensorflow as tf

from monet._missing import INSTALL_TENSORFLOW
from monet.ops.shared.custom_gradient import custom_gradient

# TensorFlow has no public way to do either. Where they are missing, forward mode is refused.
try:
    from tensorflow.python.eager.forwardprop_util import pack_tangents, push_forwardprop_state
except ImportError:
    pack_tangents = push_forwardprop_state = None


def has_tangents(tensors: Sequence[tf.Tensor]) -> bool:
    """Whether a forward accumulator follows any of these tensors.

    Raises:
        NotImplementedError: one does, but this TensorFlow hasn't what forward mode needs.
    """
    if pack_tangents is None:
        _refuse_tangents(tensors)
        return False
    return bool(pack_tangents(list(tensors)).tangents)


@contextlib.contextmanager
def tapes_that_record() -> Iterator[None]:
    """Inside, gradient tapes record, which they don't while an accumulator derives a tangent.

    At other times an accumulator has to see what is done inside, or it would lose what depends on
    its tangents; so its state is put aside only where it must be.

    Raises:
        NotImplementedError: it must be, but this TensorFlow has no way to.
    """
    if _tapes_record():
        yield
    elif push_forwardprop_state is None:
        raise _refusal()
    else:
        with push_forwardprop_state():
            yield


def _tapes_record() -> bool:
    with tf.GradientTape() as tape:
        probe = tf.zeros([])
        tape.watch(probe)
        recorded = tf.identity(probe)
    return tape.gradient(recorded, probe) is not None


def _refuse_tangents(tensors: Sequence[tf.Tensor]) -> None:
    """Raises if an accumulator follows any of them: it asks for the gradient of all that is done.

    A tape asks for that of what its target depends on alone.
    """

    @custom_gradient
    def probe(*tensors):
        def gradient(*upstream):
            raise _refusal()

        return tf.zeros([]), gradient

    probe(*tensors)


def _refusal() -> NotImplementedError:
    return NotImplementedError(
        f"tf.autodiff.ForwardAccumulator can't follow monet's ops in TensorFlow {tf.__version__}, "
        f"which has no tensorflow.python.eager.forwardprop_util; use tf.GradientTape, or run: "
        f"{INSTALL_TENSORFLOW}"
    )
