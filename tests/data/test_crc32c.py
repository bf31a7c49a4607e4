"""The checksum of TFRecord files against published values, the plain algorithm and TensorFlow."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from monet.data.crc32c import crc32c, masked_crc32c


def bit_by_bit(data):
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = (state >> 1) ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    "data, expected",
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_the_examples_of_rfc_3720(data, expected):
    assert crc32c(data) == expected


def test_any_length():
    random = np.random.default_rng(0)
    for length in (*range(200), 255, 256, 257, 4095, 4096, 4097, 8191, 12345):
        data = random.integers(0, 256, length, dtype=np.uint8).tobytes()
        assert crc32c(data) == bit_by_bit(data), length


def test_a_long_record_as_tensorflow_writes_it(tmp_path):
    import tensorflow as tf

    data = np.random.default_rng(0).integers(0, 256, 3_000_001, dtype=np.uint8).tobytes()
    with tf.io.TFRecordWriter(str(tmp_path / "a.tfrec")) as writer:
        writer.write(data)
    written = (tmp_path / "a.tfrec").read_bytes()
    assert struct.unpack("<I", written[-4:]) == (masked_crc32c(data),)
