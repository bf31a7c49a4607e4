"""CRC32C, the checksum of TFRecord files, in NumPy.

The checksum is linear over bits: the state after zeros is a linear function of the state before,
and the state after a message is the sum (exclusive or) of what each of its bytes leaves by itself.
So blocks are looked up byte by byte, all at once, and neighbours are then joined, pair by pair.
"""

from __future__ import annotations

import functools

import numpy as np

_POLYNOMIAL = np.uint32(0x82F63B78)  # Castagnoli's, bits reversed
_BLOCK = 64  # bytes that are looked up at once
_ROWS = 1 << 14  # blocks at a time, so that memory is bounded
_ONES = 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """The checksum of `data`, as RFC 3720 has it."""
    if len(data) < 4:
        return _of_few(data)
    # Zeros before a message change nothing, where the state is 0 at first. That it is all ones is
    # the same as inverting the first four bytes.
    size = -(-len(data) // _BLOCK) * _BLOCK
    padded = np.zeros(size, np.uint8)
    padded[-len(data) :] = np.frombuffer(data, np.uint8)
    padded[size - len(data) :][:4] ^= 0xFF
    blocks = padded.reshape(-1, _BLOCK)
    parts = [blocks[start : start + _ROWS] for start in range(0, len(blocks), _ROWS)]
    states = np.concatenate([_of_blocks(part) for part in parts])
    level = 0
    while len(states) > 1:
        if len(states) % 2:
            states = np.concatenate([np.zeros(1, np.uint32), states])
        states = _after_zeros(level, states[::2]) ^ states[1::2]
        level += 1
    return int(states[0]) ^ _ONES


def masked_crc32c(data: bytes) -> int:
    """The checksum as TFRecord files have it: turned and shifted, as they may hold one another."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & _ONES


def _of_few(data: bytes) -> int:
    state = np.uint32(_ONES)
    for byte in data:
        state = _byte_table()[(state ^ byte) & 0xFF] ^ (state >> 8)
    return int(state) ^ _ONES


def _of_blocks(blocks: np.ndarray) -> np.ndarray:
    """uint32 [n], the states after each of uint8 [n, `_BLOCK`], from 0."""
    table, offsets = _block_table()
    return np.bitwise_xor.reduce(table.take(blocks + offsets), axis=1)


@functools.cache
def _byte_table() -> np.ndarray:
    """uint32 [256], the state that each byte leaves."""
    states = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        states = (states >> 1) ^ np.where(states & 1, _POLYNOMIAL, np.uint32(0))
    return states


@functools.cache
def _block_table() -> tuple[np.ndarray, np.ndarray]:
    """uint32 [`_BLOCK` * 256], what a byte in each place of a block leaves; where each begins."""
    rows = [_byte_table()]
    for _ in range(_BLOCK - 1):
        rows.append(_byte_table()[rows[-1] & 0xFF] ^ (rows[-1] >> 8))
    return np.concatenate(rows[::-1]), np.arange(_BLOCK, dtype=np.intp) * 256


def _after_zeros(level: int, states: np.ndarray) -> np.ndarray:
    """The states that follow uint32 [n] after 2**level blocks of zeros."""
    first, second, third, fourth = _zeros_table(level)
    states = states.astype(np.uint32, copy=False)
    return (
        first.take(states & 0xFF)
        ^ second.take((states >> 8) & 0xFF)
        ^ third.take((states >> 16) & 0xFF)
        ^ fourth.take(states >> 24)
    )


@functools.cache
def _zeros_table(level: int) -> np.ndarray:
    """uint32 [4, 256], the state that follows each byte of a state after 2**level zero blocks."""
    states = np.arange(256, dtype=np.uint32) << np.array([[0], [8], [16], [24]], np.uint32)
    if level:
        return _after_zeros(level - 1, _after_zeros(level - 1, states))
    for _ in range(_BLOCK):
        states = _byte_table()[states & 0xFF] ^ (states >> 8)
    return states
