"""Cases for the kernels of strided convolution, and what calls them."""

from __future__ import annotations

import itertools

import numpy as np
from conv2d_float64 import NO_PADDING, Case, Inputs, Results, same

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
    Case((1, 20, 23, 130), 64, stride=1),
    Case((1, 26, 25, 3), 64, stride=1, padding=SYMMETRIC),
    Case((2, 22, 23, 64), 65, padding=SYMMETRIC),
    Case((3, 18, 17, 80), 48, padding=((0, 3), (2, 1))),
]
# Up to 128 outputs the kernel is used where it lies, and from 64 channels on tap by tap; taps that
# read nothing but the border are left out.
FEW_PIXELS = [
    Case((2, 16, 16, 63), 80, padding=SYMMETRIC),
    Case((2, 16, 16, 64), 80, padding=SYMMETRIC),
    Case((1, 11, 13, 64), 48, (3, 3), 1),
    Case((1, 12, 13, 65), 112, (3, 3), 1),
    Case((3, 7, 6, 48), 144, (5, 5), 1, ((2, 2), (2, 2))),
    Case((1, 9, 20, 80), 16, (4, 3), 3, ((4, 3), (3, 4))),
    Case((2, 1, 2, 64), 48, stride=1, padding=((3, 3), (3, 3))),
    Case((2, 2, 3, 80), 64, (3, 3), 1, ((4, 4), (3, 4))),
    Case((1, 1, 1, 130), 16, stride=1, padding=((3, 0), (3, 0))),
    Case((1, 1, 1, 64), 80, stride=1, padding=((0, 3), (0, 3))),
    Case((2, 40, 40, 64), 16, (1, 1), 5),
    Case((1, 20, 19, 3), 64, (7, 7), 2, ((3, 4), (4, 3))),
]
# Few channels on one side: vectors of pixels where there are up to 4 outputs and 64 inputs, in one
# strip of 128 columns or several, whole lines of up to 8 inputs, and kernel gradients with up to 8
# in place.
NARROW = [
    Case((2, 70, 45, 16), 3, (5, 5), 1, ((2, 2), (2, 2))),
    Case((1, 9, 300, 24), 4, (7, 7), 1, ((3, 3), (3, 3))),
    Case((1, 34, 260, 2), 1, (3, 3), 1, SYMMETRIC),
    Case((1, 12, 129, 64), 2, (3, 2), 1, ((4, 4), (3, 4))),
    Case((3, 5, 40, 3), 3, (4, 3), 1, ((3, 0), (0, 5))),
    Case((1, 70, 80, 3), 64, (4, 4), 2, SYMMETRIC),
    Case((2, 69, 131, 3), 24, (4, 4), 2, ((1, 2), (2, 1))),
    Case((2, 37, 131, 5), 32, (6, 6), 2),
    Case((1, 33, 140, 8), 80, (7, 7), 1, ((3, 3), (3, 3))),
    Case((1, 66, 67, 2), 17, (2, 2), 3),
    Case((1, 20, 150, 17), 8, (9, 9), 1, ((4, 4), (4, 4))),
    Case((2, 40, 70, 33), 5, (3, 4), 2, SYMMETRIC),
    # Lines of few inputs: in several runs, and of border alone.
    Case((1, 9, 500, 4), 24, (9, 9), 1, ((4, 4), (4, 4))),
    Case((2, 3, 30, 6), 40, (3, 3), 1, ((4, 4), (3, 4))),
]
# Gradients of up to 8 inputs with a stride: in several bands, and of taps that fill no whole piece.
FEW_INPUTS_GRADIENT = [
    Case((2, 128, 64, 3), 32, padding=SYMMETRIC),
    Case((1, 103, 50, 7), 130, (3, 3), 2, ((0, 1), (1, 0))),
    Case((2, 40, 61, 8), 144, (7, 7), 2, ((3, 4), (4, 3))),
    Case((3, 33, 64, 1), 16, (1, 1), 2),
    Case((1, 36, 40, 6), 48, (2, 5), 2, ((0, 0), (3, 2))),
    Case((1, 5, 35, 4), 17, (4, 3), 2, ((3, 3), (0, 3))),
    Case((2, 38, 32, 5), 20, (5, 1), 2, ((2, 0), (0, 0))),
]
PLAIN = [*sweep(), *NETWORKS, *FEW_PIXELS, *NARROW, *FEW_INPUTS_GRADIENT]
# One for each way there may be to compute: large and small, few channels in or out.
SOME = [
    same_case((2, 20, 23, 65), 80),
    same_case((1, 33, 31, 3), 64),
    same_case((1, 16, 15, 64), 3),
    same_case((2, 2, 2, 130), 64),
    Case((2, 9, 11, 17), 40, (3, 3), 2, SYMMETRIC),
    Case((1, 12, 10, 5), 16, (7, 7), 1, ((2, 3), (3, 2))),
    Case((1, 10, 13, 64), 130, (1, 1), 3),
    Case((1, 8, 9, 16), 16, (4, 3), 3, ((0, 3), (2, 1))),
    *FEW_PIXELS[2:9:2],
    *NARROW[::3],
    NARROW[7],
    *FEW_INPUTS_GRADIENT[::2],
    # By Winograd's algorithms, the first of each in several chunks of tiles.
    Case((3, 51, 50, 80), 130, (3, 3), 1, ((1, 2), (3, 0))),
    Case((1, 12, 16, 17), 48, (3, 3), 1, ((0, 1), (2, 1))),
    Case((2, 45, 46, 130), 65, stride=1, padding=((3, 0), (1, 2))),
    Case((2, 14, 13, 20), 64, stride=1, padding=SYMMETRIC),
    Case((1, 97, 99, 130), 48, padding=((1, 2), (2, 1))),
    Case((2, 46, 48, 17), 20, padding=((2, 1), (0, 3))),
    Case((2, 47, 50, 9), 33, (6, 6), 2, ((2, 2), (1, 3))),
    Case((2, 47, 50, 17), 33, (3, 3), 2, ((0, 1), (1, 0))),
    Case((2, 47, 50, 9), 33, (5, 5), 2, ((2, 2), (1, 2))),
    Case((3, 64, 63, 17), 80, padding=SYMMETRIC),
    Case((9, 16, 17, 20), 33, padding=SYMMETRIC),
]

WINOGRAD_CHANNELS = [16, 17, 20, 48, 64, 65, 80, 130]
WINOGRAD_PADDINGS = [
    NO_PADDING,
    SYMMETRIC,
    ((1, 2), (2, 1)),
    ((0, 3), (2, 1)),
    ((3, 0), (0, 2)),
    ((3, 3), (3, 3)),
    ((4, 4), (4, 4)),
    ((2, 4), (3, 0)),
    ((4, 0), (1, 3)),
]
# Of results. Tiles of 3x3 and 4x4 stick out of them by 0 to 3.
WINOGRAD_SIZES = {
    1: [(13, 11), (14, 15), (12, 17), (11, 16), (15, 12), (18, 10), (9, 23), (2, 65), (130, 1)],
    2: [(23, 24), (25, 22), (22, 25), (26, 23), (24, 26), (21, 27), (27, 19), (4, 129), (516, 1)],
}
TILES = {
    ((3, 3), 1): 4,
    ((4, 4), 1): 3,
    ((3, 3), 2): 3,
    ((4, 4), 2): 4,  # or 3, whichever takes fewer products
    ((5, 5), 2): 4,
    ((6, 6), 2): 4,
}


def winograd_sweep():
    """Every algorithm, padding and size, with channels and batches that take turns."""
    for start, (size, stride) in enumerate(TILES):
        rounds = zip(WINOGRAD_PADDINGS, WINOGRAD_SIZES[stride], strict=True)
        for turn, (padding, results) in enumerate(rounds, 2 * start):
            channels = WINOGRAD_CHANNELS[3 * turn % 8], WINOGRAD_CHANNELS[(5 * turn + start) % 8]
            unread = turn // 2 % stride  # rows and columns at the end, where stride is 2
            height, width = (
                max((n - 1) * stride + taps - sum(pad) + unread, 1)
                for n, taps, pad in zip(results, size, padding, strict=True)
            )
            shape = (1 + turn % 3, height, width, channels[0])
            yield Case(shape, channels[1], size, stride, padding)


# Several chunks of tiles, and many channels.
WINOGRAD_LARGE = [
    Case((1, 130, 130, 64), 64, (3, 3), 1, SYMMETRIC),
    Case((1, 130, 130, 64), 16, stride=1, padding=((1, 2), (1, 2))),
    Case((1, 130, 130, 64), 48, padding=SYMMETRIC),
    Case((1, 24, 24, 512), 512, (3, 3), 1, SYMMETRIC),
    Case((1, 14, 13, 512), 512, stride=1, padding=SYMMETRIC),
    Case((1, 46, 48, 256), 256, padding=SYMMETRIC),
    Case((4, 32, 32, 48), 96, padding=SYMMETRIC),
    Case((1, 132, 132, 9), 32, (6, 6), 2),
    Case((1, 64, 64, 64), 128, (3, 3), 2, ((0, 1), (0, 1))),
    Case((1, 64, 64, 64), 80, (5, 5), 2, ((1, 2), (1, 2))),
    Case((1, 66, 66, 64), 80, (6, 6), 2, ((2, 2), (2, 2))),
]
# Where kernels of stride 2 take tiles of 4x4.
WINOGRAD_LARGER_TILES = [
    Case((2, 64, 64, 17), 33, padding=SYMMETRIC),
    Case((1, 58, 64, 128), 20, padding=SYMMETRIC),
    Case((3, 32, 33, 64), 130, padding=((2, 1), (0, 3))),
    Case((1, 62, 60, 48), 80, padding=SYMMETRIC),
]
# Small images of which there are so many that the kernel's gradient takes them.
WINOGRAD_KERNEL_GRADIENT = [
    Case((9, 16, 16, 16), 33, padding=SYMMETRIC),
    Case((32, 8, 9, 130), 17, padding=SYMMETRIC),
    Case((6, 20, 24, 48), 64),
]
WINOGRAD = [*winograd_sweep(), *WINOGRAD_LARGE, *WINOGRAD_LARGER_TILES]


def uses_winograd(case: Case, precise: bool = False) -> bool:
    """Whether the kernels do: ChooseMethod of csrc/kernels/cpu/conv/method.cc."""
    _, height, width, out_channels = case.out_shape
    if precise or (case.size, case.stride) not in TILES:
        return False
    taps, channels = case.size[0], case.shape[3]
    least, pixels = 16, 128
    if case.stride == 2:
        least = 8 if taps >= 5 else 16
        pixels = 512 if taps == 3 or channels * out_channels > 16384 else 128
    return min(channels, out_channels) >= least and height * width >= pixels


def uses_winograd_for_kernel_gradient(case: Case, precise: bool = False) -> bool:
    """Whether the kernels do: ChooseKernelGradientMethod of csrc/kernels/cpu/conv/method.cc."""
    batch, height, width, out_channels = case.out_shape
    if uses_winograd(case, precise):
        return True
    takes_them = (case.size, case.stride) == ((4, 4), 2) and not precise
    many_channels = min(case.shape[3], out_channels) >= 16
    return (
        takes_them and many_channels and min(height, width) >= 4 and batch * height * width >= 512
    )


def allowance(case: Case, precise: bool) -> Results:
    """How many times the error of a plain sum the kernels may have.

    Measured for 16 to 512 channels, with plain sums at 1.6e-7 to 2.5e-7, is up to 1.1e-6 for the
    algorithms that evaluate at 6 points, and 4.9e-7 for those of 3x3 and 4x4 kernels of stride 2,
    which do so at 4 or 5. A 5x5 kernel rounds like a 6x6 one, whose plain sum has more products.
    """
    if case.stride == 2 and case.size[0] <= 4:
        times = 1.5
    else:
        times = 5 if case.size == (5, 5) else 4
    y = dx = times if uses_winograd(case, precise) else 1
    return Results(y, dx, times if uses_winograd_for_kernel_gradient(case, precise) else 1)


def run(kernels, case: Case, inputs: Inputs, suffix="", out=(None,) * 3, **options) -> Results:
    (height, width), (kernel_height, kernel_width) = case.shape[1:3], case.size
    options = {"stride": case.stride, "padding": case.padding, **options}
    forward, backward_input, backward_kernel = (
        getattr(kernels, f"conv2d_{name}{suffix}")
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


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.tobytes() == b.tobytes()


def assert_same_bits(got: Results, want: Results, what: str = "") -> None:
    for name, a, b in zip(Results._fields, got, want, strict=True):
        assert same_bits(a, b), f"{name} {what}"
