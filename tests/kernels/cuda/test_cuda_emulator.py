"""The emulator runs right kernels, and catches wrong ones."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import numpy as np
import pytest
from device_memory import GuardedBuffer

from monet_build import cuda_build, toolchain

THREADS, BLOCKS = 64, 2


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    if not sys.platform.startswith("linux") or not toolchain.has_compiler():
        pytest.skip("the emulator needs Linux and a C++ compiler")
    source = Path(__file__).with_name("emulator_kernels.cu")
    path = tmp_path_factory.mktemp("emulator") / "emulator_kernels.so"
    flags = [*cuda_build.EMULATOR_FLAGS, f"-I{cuda_build.KERNELS}", "-shared"]
    toolchain.find_compiler().run([*flags, str(source), "-o", str(path)])
    return ctypes.CDLL(str(path))


@pytest.fixture(params=["forward", "reverse", "shuffled"])
def run(request, library):
    """Runs a kernel by name; returns what it wrote, or the emulator's message."""
    library.set_order(["forward", "reverse", "shuffled"].index(request.param), 1)

    def run(name, *arguments):
        out = GuardedBuffer((BLOCKS * THREADS,), np.int32)
        function = library[name]
        function.restype = ctypes.c_char_p
        error = function(*arguments, ctypes.c_void_p(out.address))
        return out.read() if error is None else error.decode()

    yield run
    library.set_order(0, 0)


def test_barriers_order_shared_memory(run):
    expected = (np.arange(THREADS) + 2) % THREADS
    np.testing.assert_array_equal(run("pass_around"), np.tile(expected, BLOCKS))


@pytest.mark.parametrize("name", ["no_barrier_before_read", "no_barrier_before_write"])
def test_missing_barrier(run, name):
    message = run(name)
    assert "slots[" in message and "barrier" in message


def test_warp_barrier_orders_the_memory_of_its_warp(run):
    np.testing.assert_array_equal(run("pass_around_warp", 0)[:THREADS], np.arange(THREADS))


@pytest.mark.parametrize("distance", [1, 32])
def test_warp_barrier_does_not_reach_other_warps(run, distance):
    assert "barrier" in run("pass_around_warp", distance)


def test_shuffle_is_no_barrier(run):
    assert not isinstance(run("shuffle_as_barrier"), str)
    assert "barrier" in run("shuffle_as_barrier_between_lanes")


def test_dynamic_shared_memory(run):
    result = run("shared_by_dynamic_size")
    np.testing.assert_array_equal(result[:THREADS], np.arange(THREADS)[::-1])
    assert "slots[63], which has 63 elements" in run("too_little_dynamic_memory")


def test_uninitialised_shared_memory(run):
    assert "slots[0] before anything was written there" in run("read_uninitialised")


def test_out_of_bounds_shared_memory(run):
    assert "beyond[64], which has 64 elements" in run("read_beyond_shared")


@pytest.mark.parametrize("name", ["barrier_in_branch", "two_barriers"])
def test_divergent_barrier(run, name):
    message = run(name)
    assert "divergent barrier" in message and "emulator_kernels.cu:" in message


def test_shuffles(run):
    warps = np.arange(THREADS).reshape(-1, 32)
    sums = np.repeat(warps.sum(1), 32)
    np.testing.assert_array_equal(run("sum_of_warp")[:THREADS], sums)

    halves = np.arange(THREADS).reshape(-1, 16)
    down = np.concatenate([halves[:, 1:], halves[:, -1:]], axis=1)
    up = np.concatenate([halves[:, :1], halves[:, :-1]], axis=1)
    expected = (down * 100 + up).ravel()
    np.testing.assert_array_equal(run("shift_within_half_warps")[:THREADS], expected)

    odd = np.where(warps % 2, warps[:, -1:], warps).ravel()
    np.testing.assert_array_equal(run("shuffle_of_odd_lanes")[:THREADS], odd)


@pytest.mark.parametrize("where", ["branch", "two_places", "partial_warp"])
def test_warp_divergent_shuffle(run, where):
    message = run(f"shuffle_in_{where}")
    assert "warp-divergent __shfl_" in message and "emulator_kernels.cu:" in message


def test_shuffle_with_a_lane_that_left(run):
    assert "warp-divergent __shfl_" in run("shuffle_after_return")


def test_shuffle_masks(run):
    assert "reads lane 0, which is not in the mask" in run("shuffle_outside_mask")
    assert "is not in its own mask" in run("shuffle_without_self")


def test_global_memory_out_of_bounds(library):
    source = GuardedBuffer((8,), np.float32).write(np.arange(8))
    out = GuardedBuffer((8,), np.float32)

    def copy(i, to=out):
        library.copy_one.restype = ctypes.c_char_p
        arguments = (source.address, to.address, ctypes.c_int64(i))
        return library.copy_one(*map(ctypes.c_void_p, arguments[:2]), arguments[2])

    assert copy(7) is None
    assert out.read()[7] == 7
    assert b"memory fault: block (0, 0) thread 0" in copy(8)
    assert b"memory fault" in copy(-2000)
    # Inputs are read-only, and a launch that failed leaves the next one unharmed.
    assert b"memory fault" in copy(3, to=source)
    assert copy(3) is None


def test_misaligned_vectors(library):
    library.copy_vector.restype = ctypes.c_char_p
    out = GuardedBuffer((4,), np.float32)

    def copy(misaligned):
        source = GuardedBuffer((4,), np.float32, misaligned).write(np.arange(4))
        return library.copy_vector(ctypes.c_void_p(source.address), ctypes.c_void_p(out.address))

    assert copy(misaligned=False) is None
    np.testing.assert_array_equal(out.read(), np.arange(4))
    assert b"misaligned" in copy(misaligned=True)


def test_order_shows_races_between_blocks(library):
    winners = set()
    for order in range(3):
        library.set_order(order, 1)
        out = ctypes.c_int()
        assert library.last_one_wins(ctypes.byref(out)) == 0
        winners.add(out.value)
    library.set_order(0, 0)
    assert {BLOCKS * THREADS - 1, 0} <= winners
