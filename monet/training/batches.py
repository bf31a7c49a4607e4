"""What a training step is given, in each of the forms in which Keras hands it over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

WITHOUT_WEIGHTS = (
    "sample_weight and class_weight aren't supported: this model's losses are of whole batches; "
    "leave them out, and repeat in the data what shall count more"
)


def unpack(batch: Any, names: Sequence[str]) -> tuple[tf.Tensor, ...]:
    """The pictures of a batch, one tensor `[N, H, W, C]` for each name.

    `fit` hands over what a data set gives, a tensor, a tuple or a dictionary; `train_on_batch` and
    `test_on_batch` a triple `(x, y, sample_weight)` with `None` for what is missing.

    Args:
        batch: what a step was called with.
        names: what it learns from, in order, such as `("photos", "paintings")`.

    Raises:
        ValueError: the batch has something else, or as many of one as not of the other.
        tf.errors.InvalidArgumentError: the same, where it shows only when the step runs; or the
            batch is empty.
    """
    while isinstance(batch, (tuple, list)):
        batch = _without_trailing_none(batch)
        if len(batch) != 1:
            break
        (batch,) = batch
    if isinstance(batch, Mapping):
        if set(batch) != set(names):
            raise ValueError(
                f"a batch that is a dictionary needs the keys {_listed(names)}, got "
                f"{_listed(sorted(map(str, batch)))}"
            )
        pictures = tuple(batch[name] for name in names)
    else:
        pictures = tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)
    if len(pictures) > max(len(names), 2):
        raise ValueError(WITHOUT_WEIGHTS)
    if len(pictures) != len(names):
        wanted = names[0] if len(names) == 1 else f"pairs ({', '.join(names)})"
        raise ValueError(f"a batch needs {_listed(names)}, got {_counted(pictures)}; pass {wanted}")
    # The step waits for the checks, or weights could be spoilt before one of them fails.
    with tf.control_dependencies(_check_counts(pictures, names)):
        return tuple(tf.identity(images) for images in pictures)


def _without_trailing_none(batch):
    batch = tuple(batch)
    while batch and batch[-1] is None:
        batch = batch[:-1]
    return batch


def _check_counts(pictures, names):
    """What has to run before the step, where the numbers of pictures aren't known earlier."""
    as_many = f"a batch needs as many {' as '.join(names)}"
    known = [images.shape[0] for images in pictures]
    if None not in known and len(set(known)) > 1:
        counts = [f"{count} {name}" for count, name in zip(known, names, strict=True)]
        raise ValueError(f"{as_many}, got {' and '.join(counts)}")
    first, *others = (tf.shape(images)[0] for images in pictures)
    checks = [tf.debugging.assert_equal(count, first, as_many) for count in others]
    checks.append(
        tf.debugging.assert_positive(
            first,
            "a batch, or a replica's part of one, has no pictures; make batches no smaller than "
            "the number of replicas, as by batch(..., drop_remainder=True)",
        )
    )
    return [check for check in checks if check is not None]  # eagerly they are done already


def _listed(names):
    return " and ".join(map(repr, names)) or "nothing"


def _counted(pictures):
    return "1 tensor" if len(pictures) == 1 else f"{len(pictures)} tensors"
