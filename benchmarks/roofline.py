"""How fast this machine could be at best: its peak arithmetic rate and its copy bandwidth.

Both are probed in the run whose rows they judge, since shared cores change their speed.
"""

from __future__ import annotations

import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

COPY_BYTES = 256 << 20  # far beyond every cache


@dataclass(frozen=True)
class Work:
    """The least that a computation has to do.

    Attributes:
        flops: Multiplications and additions of the plain algorithm. Winograd's does fewer, so its
            share of the roofline may exceed 1.
        bytes: Every input read once and every output written once; what stays in a cache costs
            less than the roofline says.
    """

    flops: float
    bytes: float

    def __mul__(self, times: float) -> Work:
        return Work(self.flops * times, self.bytes * times)


@dataclass(frozen=True)
class Roofline:
    """What this machine reached on all cores.

    Attributes:
        flops: float32 operations per second on registers alone; None if that wasn't measured.
        bandwidth: Bytes per second of a copy between large arrays, read and written bytes counted.
    """

    flops: float | None
    bandwidth: float

    def seconds(self, work: Work) -> float:
        """The least time for `work`: its arithmetic or its traffic, whichever takes longer."""
        arithmetic = work.flops / self.flops if self.flops else 0.0
        return max(arithmetic, work.bytes / self.bandwidth)


def probe(seconds: float = 0.3) -> Roofline:
    """Measures this machine's roofline, as medians of several short probes."""
    from monet import _kernels

    cores = len(os.sched_getaffinity(0))
    flops = [_kernels.peak_flops(threads=cores, seconds=seconds / 5) for _ in range(5)]
    return Roofline(statistics.median(flops), statistics.median(_copy_rates(cores, rounds=5)))


def probe_gpu() -> Roofline:
    """Measures the bandwidth of TensorFlow's GPU; its arithmetic rate isn't probed."""
    import tensorflow as tf

    with tf.device("GPU:0"):
        source = tf.ones([COPY_BYTES // 4])
        rates = []
        for _ in range(11):
            start = time.perf_counter()
            tf.negative(source)  # a copy by `tf.identity` shares the memory
            tf.test.experimental.sync_devices()
            rates.append(2 * COPY_BYTES / (time.perf_counter() - start))
    return Roofline(None, statistics.median(rates))


def _copy_rates(cores: int, rounds: int) -> list[float]:
    source, target = (np.ones(COPY_BYTES, np.uint8) for _ in range(2))
    parts = list(zip(np.array_split(source, cores), np.array_split(target, cores), strict=True))
    rates = []
    with ThreadPoolExecutor(cores) as pool:
        for _ in range(rounds):
            start = time.perf_counter()
            list(pool.map(lambda part: np.copyto(part[1], part[0]), parts))
            rates.append(2 * COPY_BYTES / (time.perf_counter() - start))
    return rates
