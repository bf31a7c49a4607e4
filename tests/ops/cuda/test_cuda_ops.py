"""The CUDA kernels as TensorFlow's: on the emulator they pass the tests of the ops."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import op_library
import pytest
from run_on_emulator import LIBRARY

import monet.ops
from monet.ops.native import library
from monet_build import cuda_toolkit
from monet_build.toolchain import Missing

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
# What they check, they check in every dtype and option, at odd sizes and in empty batches.
TESTS_OF_THE_OPS = [
    "test_norm_arguments.py",
    "test_norm_gradients.py",
    "test_norm_graphs.py",
    "test_norm_padded_residual.py",
    "test_norm_values.py",
    "test_reflection_pad.py",
]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the CUDA build is for Linux")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where the libraries of this file are built, from objects that they share."""
    return tmp_path_factory.mktemp("cuda_ops")


def build(function, *arguments, **options) -> Path:
    """Calls a function of `op_library`, where there is what it takes."""
    tensorflow = op_library.toolchain.find_tensorflow()
    if tensorflow is None:
        pytest.skip("no TensorFlow to compile against")
    try:
        op_library.toolchain.find_compiler()
        tensorflow.compile_flags()
    except Missing as missing:
        pytest.skip(missing.reason)
    return function(*arguments, **options)


def run_python(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "MONET_OPS": "auto", **variables}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def test_the_ops_pass_their_tests_with_cuda_kernels_on_the_emulator(folder):
    built = build(op_library.build_emulated, folder)
    done = run_python(
        *("-m", "pytest", "-q", "-p", "run_on_emulator", "-k", "not reference"),
        *(f"tests/ops/{name}" for name in TESTS_OF_THE_OPS),
        PYTHONPATH=str(HERE),
        **{LIBRARY: str(built)},
    )
    assert done.returncode == 0, done.stdout[-5000:]
    passed = int(re.search(r"(\d+) passed", done.stdout)[1])
    assert passed > 100 and "skipped" not in done.stdout.splitlines()[-1], done.stdout[-1000:]


needs_nvcc = pytest.mark.skipif(cuda_toolkit.find_nvcc() is None, reason="no nvcc on PATH")

DEVICES_OF_KERNELS = """
    import json, sys
    import tensorflow as tf
    from tensorflow.python.framework.kernels import get_registered_kernels_for_op
    ops = tf.load_op_library(sys.argv[1])
    names = ["MonetNorm", "MonetNormApply", "MonetNormGrad"]
    names += ["MonetReflectionPad", "MonetReflectionPadGrad"]
    print(json.dumps({
        name: sorted(kernel.device_type for kernel in get_registered_kernels_for_op(name).kernel)
        for name in names
    }))
"""


@needs_nvcc
def test_what_nvcc_has_compiled_loads_where_there_is_no_gpu(folder):
    built = build(op_library.build_with_nvcc, folder)
    done = run_python("-c", textwrap.dedent(DEVICES_OF_KERNELS), str(built))
    assert done.returncode == 0, done.stderr[-2000:]
    devices = json.loads(done.stdout)
    assert devices == dict.fromkeys(devices, ["GPU"])
    needed = subprocess.run(["ldd", str(built)], capture_output=True, text=True).stdout
    assert "libcuda" not in needed


@needs_nvcc
def test_a_kernel_that_cannot_be_launched_is_an_error_of_the_op(folder):
    """On a CPU's tensors: without a GPU CUDA says so, with one it is given host memory."""
    built = build(op_library.build_with_nvcc, folder, on_the_cpu=True)
    script = """
        import sys
        import tensorflow as tf
        ops = tf.load_op_library(sys.argv[1])
        try:
            ops.monet_reflection_pad(x=tf.ones([1, 4, 4, 8]), pad=1)
        except tf.errors.InternalError as error:
            print(error.message)
    """
    done = run_python("-c", textwrap.dedent(script), str(built), CUDA_VISIBLE_DEVICES="-1")
    assert re.search("CUDA: .*(device|driver)", done.stdout), done.stderr[-2000:]


@pytest.mark.skipif(
    not monet.ops.status().cuda, reason="this build of the package has no CUDA kernels"
)
def test_a_build_with_cuda_kernels_has_those_of_the_cpu_too():
    done = run_python("-c", textwrap.dedent(DEVICES_OF_KERNELS), str(library.LIBRARY))
    assert done.returncode == 0, done.stderr[-2000:]
    devices = json.loads(done.stdout)
    assert devices == dict.fromkeys(devices, ["CPU", "GPU"])
