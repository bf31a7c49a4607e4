from __future__ import annotations

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf  # noqa: E402

import monet.ops  # noqa: E402


@pytest.fixture(params=["reference", "native"])
def implementation(request):
    """Runs the test with the twins, and again with the native ops."""
    if request.param == "native":
        require_native()
    with monet.ops.use(request.param):
        yield request.param


@pytest.fixture
def native():
    """Runs the test with the native ops alone."""
    require_native()
    with monet.ops.use("native"):
        yield


@pytest.fixture
def fused_convolutions(native):
    """As `native`, where that means one fused kernel: on GPUs the convolutions are TensorFlow's."""
    if tf.config.get_visible_devices("GPU"):
        pytest.skip("on a GPU the convolutions are TensorFlow's")


def require_native() -> None:
    status = monet.ops.status()
    if not status.native:
        pytest.skip(f"no native ops: {status.reason}")
