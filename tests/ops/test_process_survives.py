"""What ends in an error must not end the process: each batch of calls has a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import survive_ops

from monet.ops.native import library

ROOT = Path(__file__).parents[2]

HUGE = """
import sys
import tensorflow as tf
from monet import ops
n = 2**61
none, three = tf.ones([0]), tf.ones([3])
for call in (
    lambda: ops.instance_norm(tf.zeros([1, n, 2, 0]), none, none, pad=1),
    lambda: ops.instance_norm(tf.zeros([2 * n, 0, 1, 3]), three, three),
    lambda: ops.group_norm(tf.zeros([2 * n, 0, 1, 3]), three, three, 3),
    lambda: ops.reflection_pad(tf.zeros([1, n, 2, 0]), 1),
    lambda: ops.bilinear_upsampling(tf.zeros([1, n, 2, 0])),
    lambda: ops.brush_strokes(
        tf.zeros([0, n, 2, 3]), tf.ones([0, n, 2, 1]), tf.zeros([0, n, 2], tf.int32), 1, 1
    ),
    lambda: ops.conv2d(tf.zeros([0, n, 1, 1]), tf.ones([1, 1, 1, 9])),
    lambda: ops.conv2d_transpose(tf.zeros([0, n, 2, 1]), tf.ones([3, 3, 2, 1]), strides=4),
):
    try:
        call()
    except tf.errors.InvalidArgumentError as error:
        assert "sides that no images can have" in str(error), error
    else:
        raise AssertionError("it was taken")
print("alive")
"""

SHORT_OF_MEMORY = """
import resource
import sys
import tensorflow as tf
from monet import ops

@tf.function(jit_compile=True)
def convolve(x, kernel):
    return ops.reflect_conv2d(x, kernel)

kernel = tf.ones([3, 3, 8, 8], tf.bfloat16)
convolve(tf.ones([1, 256, 256, 8], tf.bfloat16), kernel)
x = tf.ones([1, 3072, 3072, 8], tf.bfloat16)  # 150 MB, and twice as much as float32
try:
    convolve.get_concrete_function(x, kernel)
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 250 * 2**20, resource.RLIM_INFINITY))
    convolve(x, kernel)
    print("taken")
except (tf.errors.ResourceExhaustedError, MemoryError) as error:
    print("refused")
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
print("alive")
"""

WIDE = """
import resource
import tensorflow as tf
from monet import ops

def arguments(channels):
    x, priority = tf.ones([1, 3, 3, channels]), tf.ones([1, 3, 3, 1])
    return x, priority, tf.zeros([1, 3, 3], tf.int32), 1, 1

ops.brush_strokes(*arguments(8))
tensors = arguments(2**20)
ends = []
for megabytes in range(100, 260, 10):
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 2**20, resource.RLIM_INFINITY))
    try:
        ops.brush_strokes(*tensors)
        ends.append("done")
    except tf.errors.ResourceExhaustedError:
        ends.append("refused")
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
print(*dict.fromkeys(ends))
"""


def call(program):
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False
    )


@pytest.mark.skipif(not library.status().native, reason="about the native ops")
def test_empty_tensors_of_sides_that_nothing_has():
    done = call(HUGE)
    assert done.returncode == 0 and done.stdout == "alive\n", done.stderr


@pytest.mark.skipif(not library.status().xla, reason="needs the ops under XLA")
@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the address space")
def test_under_xla_too_little_memory_is_an_error():
    done = call(SHORT_OF_MEMORY)
    assert done.returncode == 0 and done.stdout == "refused\nalive\n", done.stdout + done.stderr


@pytest.mark.skipif(not library.status().native, reason="about the native ops")
@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the address space")
def test_strokes_over_many_channels_take_no_memory_that_tensorflow_did_not_give():
    done = call(WIDE)
    assert done.returncode == 0 and done.stdout == "refused done\n", done.stdout + done.stderr


@pytest.mark.skipif(not library.status().native, reason="about the native ops")
@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the address space")
def test_calls_of_all_sorts_are_done_or_refused():
    ends, faults = survive_ops.survive(seed=0, first=0, count=60)
    assert not faults
    assert sum(ends.values()) == 60
    assert {"done", "ValueError", "InvalidArgumentError"} <= set(ends)
