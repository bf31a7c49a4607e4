"""Functions that XLA compiles for a GPU, as far as that goes without one: to custom calls."""

from __future__ import annotations

import re

import pytest
import tensorflow as tf
from tensorflow.python.framework.kernels import get_registered_kernels_for_op

import monet.ops
from monet.ops.native import library

pytestmark = pytest.mark.skipif(
    not (monet.ops.status().cuda and library.read_record()["parts"]["xla"].get("cuda")),
    reason="this build of the package has no XLA custom calls for GPUs",
)


@pytest.mark.parametrize(
    "op", ["Norm", "NormApply", "NormGrad", "ReflectionPad", "ReflectionPadGrad"]
)
def test_xla_knows_how_to_lower_the_ops_for_both_devices(op):
    kernels = get_registered_kernels_for_op(f"Monet{op}").kernel
    assert {"XLA_CPU_JIT", "XLA_GPU_JIT"} <= {kernel.device_type for kernel in kernels}


@pytest.mark.skipif(
    not tf.test.is_built_with_cuda(), reason="this TensorFlow can't compile for GPUs"
)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_the_ops_and_their_gradients_become_custom_calls(dtype):
    def run(x, gamma, beta):
        with tf.GradientTape() as tape:
            tape.watch([x, gamma, beta])
            padded = library.ops().monet_reflection_pad(x=x, pad=2)
            y = library.ops().monet_norm(padded, gamma, beta, [], activation="relu", pad=1).y
        return y, tape.gradient(y, [x, gamma, beta])

    shapes = [tf.TensorSpec([2, 5, 4, 6], dtype), tf.TensorSpec([6]), tf.TensorSpec([6])]
    lower = tf.function(run, jit_compile=True).experimental_get_compiler_ir(*shapes)
    hlo = lower(stage="hlo", platform_name="GPU")
    called = re.findall(r'custom_call_target="(\w+)"', hlo)
    assert sorted(called) == [
        "MonetNorm",
        "MonetNormGrad",
        "MonetReflectionPad",
        "MonetReflectionPadGrad",
    ]
    assert "API_VERSION_TYPED_FFI" in hlo
