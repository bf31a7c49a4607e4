"""The wire format of `tf.train.Example`, as far as pictures need it.

Importing TensorFlow for its parser would take seconds and half a gigabyte, in commands that need
nothing else of it. The format: https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}
_MOST_VARINT_BYTES = 10


def parse_features(data: bytes) -> dict[str, list[bytes]]:
    """The features of a serialised `Example`.

    Returns:
        The values of each feature by its name; none for a feature of numbers.

    Raises:
        ValueError: it isn't an `Example`.
    """
    found: dict[str, list[bytes]] = {}
    for features in _messages(data, 1):  # Example.features
        for entry in _messages(features, 1):  # Features.feature, a map
            name = b"".join(_messages(entry, 1)).decode("utf-8")  # a key occurs once
            found[name] = [
                value
                for feature in _messages(entry, 2)
                for bytes_list in _messages(feature, 1)  # Feature.bytes_list
                for value in _messages(bytes_list, 1)
            ]
    return found


def _messages(data: bytes, wanted: int) -> Iterator[bytes]:
    """The values of the length-delimited fields of number `wanted`."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            _, position = _varint(data, position)
        elif wire_type == _BYTES:
            length, start = _varint(data, position)
            position = start + length
            if number == wanted and position <= len(data):
                yield data[start:position]
        elif wire_type in _FIXED_BYTES:
            position += _FIXED_BYTES[wire_type]
        else:
            raise ValueError(f"wire type {wire_type}")
        if not number or position > len(data):
            raise ValueError("a field that doesn't fit")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A number of seven bits per byte, lowest first, and the position behind it."""
    value = 0
    for index, byte in enumerate(data[position : position + _MOST_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, position + index + 1
    raise ValueError("a number without its end")
