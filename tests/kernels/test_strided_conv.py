"""Convolution with a stride, and its transpose, against float64."""

from __future__ import annotations

import concurrent.futures
import itertools

import numpy as np
import pytest
from guarded_array import GuardedArray, guarded_copy
from strided_conv_float64 import (
    NO_PADDING,
    Case,
    Inputs,
    Results,
    assert_within_budget,
    evaluate,
    exact,
    random_inputs,
    same,
)

SIZES = [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (4, 3), (7, 7)]
PADDINGS = [NO_PADDING, ((1, 1), (1, 1)), ((2, 2), (2, 2)), ((0, 3), (2, 1)), "same"]
IMAGES = [(1, 1), (8, 8), (3, 5), (20, 23), (2, 2), (13, 13), (4, 4), (1, 9), (16, 11), (7, 6)]
CHANNELS = [1, 64, 3, 17, 130, 5, 48, 16, 80, 65]
SYMMETRIC = ((1, 1), (1, 1))


def sweep():
    """Every kernel, stride and padding, on images and channels that take turns."""
    lists = itertools.product(SIZES, (1, 2, 3), PADDINGS)
    for turn, (size, stride, padding) in enumerate(lists):
        # The steps between turns have no factor in common with the lists' lengths.
        height, width = IMAGES[7 * turn % 10]
        channels, out_channels = CHANNELS[3 * turn % 10], CHANNELS[(7 * turn + turn // 10) % 10]
        if padding == "same":
            padding = same(height, width, size, stride)
        height, width = (
            max(n, taps - sum(pad))
            for n, taps, pad in zip((height, width), size, padding, strict=True)
        )
        yield Case((1 + turn % 3, height, width, channels), out_channels, size, stride, padding)


def same_case(shape, out_channels, stride=2):
    return Case(shape, out_channels, (4, 4), stride, same(*shape[1:3], (4, 4), stride))


# Of the image translation networks: 4x4 kernels from photographs to one pixel and back.
NETWORKS = [
    same_case((1, 64, 64, 3), 64),
    same_case((1, 64, 64, 3), 128),
    same_case((1, 24, 26, 128), 3),
    same_case((2, 30, 29, 64), 128),
    same_case((1, 31, 33, 16), 17),
    same_case((1, 15, 16, 130), 1),
    same_case((1, 8, 8, 512), 512),
    same_case((1, 4, 4, 512), 512),
    same_case((3, 2, 2, 512), 512),
    same_case((1, 1, 1, 512), 512),
    Case((1, 9, 9, 512), 1, stride=1, padding=SYMMETRIC),
    Case((1, 33, 31, 48), 80, stride=1, padding=SYMMETRIC),
    Case((2, 20, 23, 65), 130, stride=1, padding=((2, 1), (1, 2))),
    Case((1, 33, 31, 256), 128, (3, 3), 1, SYMMETRIC),
    Case((2, 21, 22, 16), 17, (3, 3), 1),
    Case((1, 1, 130, 20), 48, (3, 3), 1, SYMMETRIC),
    Case((1, 20, 23, 130), 64, stride=1),
    Case((1, 26, 25, 3), 64, stride=1, padding=SYMMETRIC),
    Case((2, 22, 23, 64), 65, padding=SYMMETRIC),
    Case((3, 18, 17, 80), 48, padding=((0, 3), (2, 1))),
]
CASES = [*sweep(), *NETWORKS]
# One for each way there may be to compute: large and small, few channels in or out.
SOME = [
    same_case((2, 20, 23, 65), 80),
    same_case((1, 33, 31, 3), 64),
    same_case((1, 16, 15, 64), 3),
    same_case((2, 2, 2, 130), 64),
    Case((1, 20, 17, 48), 65, stride=1, padding=SYMMETRIC),
    Case((2, 17, 19, 40), 33, (3, 3), 1, SYMMETRIC),
    Case((2, 9, 11, 17), 40, (3, 3), 2, SYMMETRIC),
    Case((1, 12, 10, 5), 16, (7, 7), 1, ((2, 3), (3, 2))),
    Case((1, 10, 13, 64), 130, (1, 1), 3),
    Case((1, 8, 9, 16), 16, (4, 3), 3, ((0, 3), (2, 1))),
]


def uses_winograd(case: Case, precise: bool) -> bool:
    """Whether the kernels may: strided_conv.h says when."""
    return not precise and (*case.size, case.stride) in ((3, 3, 1), (4, 4, 1), (4, 4, 2))


def run(kernels, case: Case, inputs: Inputs, suffix="", out=(None,) * 3, **options) -> Results:
    (height, width), (kernel_height, kernel_width) = case.shape[1:3], case.size
    options = {"stride": case.stride, "padding": case.padding, **options}
    forward, backward_input, backward_kernel = (
        getattr(kernels, f"strided_conv_{name}{suffix}")
        for name in ("forward", "backward_input", "backward_kernel")
    )
    x, kernel, dy = inputs
    image = {"height": height, "width": width}
    taps = {"kernel_height": kernel_height, "kernel_width": kernel_width}
    return Results(
        forward(x, kernel, out=out[0], **options),
        backward_input(dy, kernel, out=out[1], **image, **options),
        backward_kernel(x, dy, out=out[2], **taps, **options),
    )


def assert_same_bits(got: Results, want: Results, what: str = "") -> None:
    for name, a, b in zip(Results._fields, got, want, strict=True):
        assert a.shape == b.shape and a.tobytes() == b.tobytes(), f"{name} {what}"


def test_sweep_has_every_image_and_channel_count():
    cases = list(sweep())
    assert {case.shape[3] for case in cases} == set(CHANNELS)
    assert {case.out_channels for case in cases} == set(CHANNELS)
    assert {case.shape[1:3] for case in cases} >= set(IMAGES)
    assert len({(case.shape[3], case.out_channels) for case in cases}) > 50


@pytest.mark.parametrize("case", CASES, ids=str)
def test_within_error_budget(kernels, case):
    inputs = random_inputs(case)
    want = exact(case, inputs)
    for precise in (True, False):
        got = run(kernels, case, inputs, precise=precise, threads=2)
        assert_within_budget(got, want, uses_winograd(case, precise))


@pytest.mark.parametrize("case", list(sweep())[::9], ids=str)
def test_cpp_reference(kernels, case):
    inputs = random_inputs(case)
    got = run(kernels, case, inputs, "_reference")
    for a, b in zip(got, evaluate(case, inputs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-12)  # rounded once, to float32


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("case", SOME, ids=str)
def test_adjoint(kernels, case, precise):
    """<dy, conv(x)> = <dx, x> = <dkernel, kernel>."""
    inputs = random_inputs(case, seed=1)
    results = run(kernels, case, inputs, precise=precise)
    y, dx, dkernel = (array.astype(np.float64) for array in results)
    products = [np.vdot(inputs.dy, y), np.vdot(inputs.x, dx), np.vdot(inputs.kernel, dkernel)]
    tolerance = 1e-6 * np.linalg.norm(inputs.dy) * np.linalg.norm(y)
    np.testing.assert_allclose(products, products[0], rtol=0, atol=tolerance)


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("case", SOME, ids=str)
def test_same_bits_for_any_number_of_threads(kernels, case, precise):
    inputs = random_inputs(case)
    want = run(kernels, case, inputs, precise=precise, threads=1)
    for threads in (2, 3, 7):
        got = run(kernels, case, inputs, precise=precise, threads=threads)
        assert_same_bits(got, want, f"with {threads} threads")


def test_same_bits_when_repeated_and_concurrent(kernels):
    cases = [SOME[0], SOME[4], SOME[5]]
    inputs = [random_inputs(case) for case in cases]
    want = [run(kernels, *each, threads=2) for each in zip(cases, inputs, strict=True)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        pending = [
            (pool.submit(run, kernels, cases[i], inputs[i], threads=2), want[i])
            for _ in range(5)
            for i in range(len(cases))
        ]
        for future, expected in pending:
            assert_same_bits(future.result(), expected)


@pytest.mark.parametrize("precise", [False, True])
def test_image_of_a_batch_has_the_bits_it_has_alone(kernels, precise):
    case = same_case((3, 14, 17, 40), 48)
    inputs = random_inputs(case)
    together = run(kernels, case, inputs, precise=precise)
    for n in range(3):
        one = inputs._replace(x=inputs.x[n : n + 1], dy=inputs.dy[n : n + 1])
        alone = run(kernels, same_case((1, 14, 17, 40), 48), one, precise=precise)
        np.testing.assert_array_equal(alone.y[0], together.y[n])
        np.testing.assert_array_equal(alone.dx[0], together.dx[n])


@pytest.mark.parametrize("at", ["start", "end"])
@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("case", [*SOME, *list(sweep())[4::11]], ids=str)
def test_stays_inside_its_tensors_and_writes_all_of_the_result(kernels, case, precise, at):
    inputs = random_inputs(case)
    want = run(kernels, case, inputs, precise=precise, threads=2)
    copies = Inputs(*(guarded_copy(array, at) for array in inputs))
    out = [GuardedArray(array.shape, at) for array in want]
    arrays = [guarded.array for guarded in out]
    got = run(kernels, case, copies, out=arrays, precise=precise, threads=2)
    assert all(a is b for a, b in zip(got, arrays, strict=True))
    assert_same_bits(got, want)
    for guarded in out:
        guarded.assert_nothing_written_around()


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [(4, 4), (3, 3)])
def test_zero_batch(kernels, size, stride, precise):
    case = Case((0, 9, 8, 20), 30, size, stride, SYMMETRIC)
    got = run(kernels, case, random_inputs(case), precise=precise, threads=2)
    assert got.y.shape == case.out_shape and got.dx.shape == case.shape
    assert got.dkernel.shape == case.kernel_shape and not got.dkernel.any()


def test_pixels_that_no_output_reads_have_no_gradient(kernels):
    case = Case((2, 11, 10, 17), 16, (2, 2), 3)  # every third row and column, and the last ones
    _, dx, _ = run(kernels, case, random_inputs(case))
    read = np.zeros((11, 10), bool)
    read[np.ix_([0, 1, 3, 4, 6, 7, 9, 10], [0, 1, 3, 4, 6, 7])] = True
    assert dx[:, read].all() and not dx[:, ~read].any()


def test_stride_far_larger_than_the_image(kernels):
    case = Case((2, 5, 4, 3), 6, (3, 2), 2**31 - 1, SYMMETRIC)
    inputs = random_inputs(case)
    assert_within_budget(run(kernels, case, inputs), exact(case, inputs), winograd=False)


LOCAL = [
    Case((2, 24, 25, 16), 20, stride=1, padding=SYMMETRIC),
    Case((2, 24, 25, 16), 20, (3, 3), 1, SYMMETRIC),
    Case((2, 28, 29, 20), 16, padding=SYMMETRIC),
    Case((2, 28, 29, 64), 64, padding=SYMMETRIC),
    Case((2, 28, 29, 3), 64, padding=SYMMETRIC),
    Case((2, 28, 29, 64), 3, padding=SYMMETRIC),
    Case((2, 24, 25, 17), 65, (3, 3), 2, SYMMETRIC),
    Case((2, 27, 28, 16), 16, (5, 5), 3, ((2, 2), (2, 2))),
]


def touched(case: Case, **pixels) -> Results:
    """Where results depend on one pixel [n, h, w] of x or dy, over all channels."""
    pixel_case = case.with_channels(1, 1)
    shapes = {"x": pixel_case.shape, "dy": pixel_case.out_shape}
    kernel = np.ones(pixel_case.kernel_shape)
    arrays = {name: np.ones(shape) for name, shape in shapes.items()}
    for name, pixel in pixels.items():
        arrays[name] = np.zeros(shapes[name])
        arrays[name][pixel] = 1
    results = evaluate(pixel_case, Inputs(arrays["x"], kernel, arrays["dy"]))
    return Results(*(array[..., 0] > 0 for array in results[:2]), results[2][..., 0, 0] > 0)


def around(mask: np.ndarray, margin: int) -> np.ndarray:
    """The rectangle about what is set in `mask` [batch, height, width], and `margin` more."""
    grown = np.zeros_like(mask)
    n, rows, columns = np.nonzero(mask)
    height, width = (
        slice(max(at.min() - margin, 0), at.max() + margin + 1) for at in (rows, columns)
    )
    grown[n.min(), height, width] = True
    return grown


def assert_spread(dirty, clean, exactly, margin: int) -> None:
    """That all of `exactly` is not finite, and that nothing beyond `margin` of it has changed."""
    assert not np.isfinite(dirty[exactly]).any()
    beyond = ~(around(exactly, margin) if margin else exactly)
    np.testing.assert_array_equal(dirty[beyond], clean[beyond])


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("case", LOCAL, ids=str)
def test_not_finite_values_reach_what_reads_them(kernels, case, value, precise):
    """And no more than that; with Winograd, no more than the tiles that read them."""
    inputs = random_inputs(case)
    clean = run(kernels, case, inputs, precise=precise)
    tile = {3: 4, 4: 3}[case.size[0]] if uses_winograd(case, precise) else 0

    pixel, channel = (1, 13, 14), case.shape[3] // 2
    x = inputs.x.copy()
    x[(*pixel, channel)] = value
    y, dx, dkernel = run(kernels, case, inputs._replace(x=x), precise=precise)
    want = touched(case, x=pixel)
    assert_spread(y, clean.y, want.y, tile)
    np.testing.assert_array_equal(dx, clean.dx)
    assert not np.isfinite(dkernel[want.dkernel][:, channel]).any()
    others = np.arange(case.shape[3]) != channel
    np.testing.assert_array_equal(dkernel[:, :, others], clean.dkernel[:, :, others])
    if not tile:
        np.testing.assert_array_equal(dkernel[~want.dkernel], clean.dkernel[~want.dkernel])

    pixel, channel = (1, 4, 5), case.out_channels // 2
    dy = inputs.dy.copy()
    dy[(*pixel, channel)] = value
    y, dx, dkernel = run(kernels, case, inputs._replace(dy=dy), precise=precise)
    assert_spread(dx, clean.dx, touched(case, dy=pixel).dx, tile * case.stride)
    assert not np.isfinite(dkernel[..., channel]).any()
    others = np.arange(case.out_channels) != channel
    np.testing.assert_array_equal(dkernel[..., others], clean.dkernel[..., others])


@pytest.mark.parametrize(("size", "stride"), [(3, 1), (4, 1), (4, 2)])
def test_wide_range_of_magnitudes(kernels, size, stride):
    """Rounding errors stay relative to the values around, not to the largest of the image."""
    case = Case((1, 48, 48, 32), 32, (size, size), stride, SYMMETRIC)
    inputs = random_inputs(case)
    scale = np.logspace(-15, 15, 48)
    x = (inputs.x * scale[:, None, None]).astype(np.float32)
    y = kernels.strided_conv_forward(x, inputs.kernel, stride=stride, padding=case.padding)
    want = evaluate(case, inputs._replace(x=x)).y
    # Row h reads up to row h * stride + 2 of x, and its tile two or three rows of y more at most.
    reach = np.minimum(np.arange(y.shape[1]) * stride + 2 + 3 * stride, 47)
    error = np.abs(y - want).max(axis=(0, 2, 3))
    assert (error <= 1e-4 * scale[reach]).all()


def test_inputs_are_converted_not_refused(kernels):
    case = same_case((1, 8, 9, 18), 20)
    x, kernel, dy = inputs = random_inputs(case)
    strided = np.repeat(dy, 2, axis=2)[:, :, ::2]
    moved = Inputs(np.asfortranarray(x), kernel.astype(np.float64), strided)
    assert_same_bits(run(kernels, case, moved), run(kernels, case, inputs))


def test_padding_may_be_four_integers(kernels):
    case = Case((1, 8, 9, 4), 5, padding=((0, 3), (2, 1)))
    inputs = random_inputs(case)
    want = run(kernels, case, inputs)
    for padding in ((0, 3, 2, 1), [[0, 3], [2, 1]], np.array([0, 3, 2, 1])):
        assert_same_bits(run(kernels, case, inputs, padding=padding), want)
