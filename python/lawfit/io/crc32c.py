"""CRC-32C (Castagnoli, RFC 3720, section 12.1), as the records of event files carry it."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["crc32c", "masked_crc32c", "masked_crc32c_of_rows"]

_POLYNOMIAL: Final = 0x82F63B78  # bits reversed
_CHUNK: Final = 256
_ROWS: Final = 8192  # records taken together: their states stay in the cache
_LONG: Final = 16 * _CHUNK  # bytes from which chunks side by side are faster


def _table() -> list[int]:
    found = []
    for crc in range(256):
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)  # noqa: PLW2901
        found.append(crc)
    return found


_TABLE: Final = _table()
_ARRAY: Final = np.array(_TABLE, dtype=np.uint32)


def _shifts() -> list[list[int]]:
    """Return what a state's bytes become when a chunk of zeros follows: the CRC is linear."""
    states = np.arange(256, dtype=np.uint32)[None, :] << np.array([[0], [8], [16], [24]], np.uint32)
    for _ in range(_CHUNK):
        states = _ARRAY[states & 255] ^ states >> np.uint32(8)
    shifted: list[list[int]] = states.tolist()
    return shifted


_SHIFTS: Final = _shifts()


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of some bytes.

    Of long ones, chunks are taken side by side from a state of 0, and joined.
    """
    state = 0xFFFFFFFF
    done = 0
    if len(data) >= _LONG:
        done = len(data) - len(data) % _CHUNK
        first, second, third, fourth = _SHIFTS
        for crc in _of_chunks(data[:done]):
            state = (
                first[state & 255]
                ^ second[state >> 8 & 255]
                ^ third[state >> 16 & 255]
                ^ fourth[state >> 24]
                ^ crc
            )
    table = _TABLE
    for byte in data[done:]:
        state = table[(state ^ byte) & 255] ^ state >> 8
    return state ^ 0xFFFFFFFF


def _of_chunks(data: bytes) -> list[int]:
    chunks = np.frombuffer(data, np.uint8).reshape(-1, _CHUNK)
    joined: list[int] = _advanced(np.zeros(len(chunks), np.uint32), chunks).tolist()
    return joined


def _advanced(states: NDArray[np.uint32], rows: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return the states after a row of bytes each."""
    for column in np.ascontiguousarray(rows.T):
        states = _ARRAY[(states ^ column) & 255] ^ states >> np.uint32(8)
    return states


def masked_crc32c_of_rows(rows: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return the masked CRC of each of some records of one length, shape (n, length)."""
    found = np.empty(len(rows), np.uint32)
    for first in range(0, len(rows), _ROWS):
        part = rows[first : first + _ROWS]
        states = _advanced(np.full(len(part), 0xFFFFFFFF, np.uint32), part)
        found[first : first + _ROWS] = ~states
    return (found >> np.uint32(15) | found << np.uint32(17)) + np.uint32(0xA282EAD8)


def masked_crc32c(data: bytes) -> int:
    """Return the CRC turned by 15 bits, and a constant added, as TFRecord files store it."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
