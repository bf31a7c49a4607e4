"""TensorFlow's own format: a folder, for TensorFlow Serving, TensorFlow.js and their like."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from monet._files import by_plain_path

if TYPE_CHECKING:
    import numpy as np

    from monet.inference.exporting.signature import Signature

NAME = "a SavedModel"
SUFFIX = ".savedmodel"
IS_FOLDER = True
NOT_RUN = ""  # TensorFlow is always there


def check_installed() -> None:
    """All that it takes is TensorFlow."""


def is_one(path: Path) -> bool:
    """Whether there is a SavedModel at `path`."""
    return (path / "saved_model.pb").is_file()


def write(signature: Signature, path: Path) -> None:
    """Writes a generator into the empty folder `path`.

    Raises:
        OSError: the disk is full.
    """
    import tensorflow as tf

    module = tf.Module()
    module.generator = signature.generator  # whose weights are saved with it
    module.serve = signature.function()
    try:
        with by_plain_path(path) as plain:
            tf.saved_model.save(module, str(plain), signatures=module.serve)
    except tf.errors.ResourceExhaustedError as error:
        if "No space left" not in str(error):
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error


def run(path: Path, inputs: np.ndarray) -> np.ndarray:
    """What a written generator makes of `inputs`."""
    import tensorflow as tf

    with by_plain_path(path) as plain:
        loaded = tf.saved_model.load(str(plain))  # which keeps the weights
        return loaded.serve(tf.constant(inputs)).numpy()
