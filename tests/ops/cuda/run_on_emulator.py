"""A pytest plugin: in this process the native ops are those of CUDA, on the emulator.

It needs a process of its own, as the package's own library registers the same ops.
"""

from __future__ import annotations

import os

import tensorflow as tf

from monet.ops.native import library

LIBRARY = "MONET_EMULATED_CUDA_OPS"


def pytest_configure(config):
    opened = tf.load_op_library(os.environ[LIBRARY])
    without_xla = library.Unusable("the emulator has no XLA custom calls", library.WITHOUT_XLA)
    library._load = lambda: library._Loaded(opened, None, without_xla)
