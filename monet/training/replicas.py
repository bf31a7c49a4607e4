"""Several devices training in step, each on a part of every batch."""

from __future__ import annotations

import tensorflow as tf


def count_devices() -> int:
    """How many devices could train: GPUs or, without any, logical CPUs (of which there is one)."""
    return len(_devices())


def strategy_for(replicas: int) -> tf.distribute.Strategy:
    """The strategy under which to train on batches that are made for `replicas` devices.

    Where fewer are there, each takes as many parts of a batch as it has to: the largest number of
    devices that divides `replicas` is used.
    """
    devices = _devices()
    used = count_used(replicas, len(devices))
    if used == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy([device.name for device in devices[:used]])


def count_used(replicas: int, available: int) -> int:
    """How many of the available devices can share batches that are made for `replicas`."""
    return next(n for n in range(min(replicas, available), 0, -1) if replicas % n == 0)


def _devices() -> list[tf.config.LogicalDevice]:
    return tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
