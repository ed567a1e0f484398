"""TensorBoard event files by hand, as an oracle: records, checksums and scalars, bit by bit."""

import struct


def crc32c(data):
    """CRC-32C by division, one bit at a time."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def framed(data):
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def varint(value):
    value %= 2**64
    found = b""
    while value >= 128:
        found += bytes([value & 127 | 128])
        value >>= 7
    return found + bytes([value])


def field(number, value):
    """A field: an int as varint, a float as fixed32, bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def event(step, *values, wall=1.5e9):
    """An event with these summary values."""
    summary = b"".join(field(1, value) for value in values)
    return struct.pack("<Bd", 9, wall) + field(2, step) + field(5, summary)


def simple(tag, value):
    return field(1, tag.encode()) + field(2, float(value))


def tensor(tag, kind, *fields):
    """A value held by a tensor of a type, with fields of the tensor."""
    return field(1, tag.encode()) + field(8, field(1, kind) + b"".join(fields))


def version():
    """The first record of every file."""
    return framed(struct.pack("<Bd", 9, 1.5e9) + field(3, b"brain.Event:2"))


def scalars(rows):
    """A file of (step, {tag: value}) rows."""
    return version() + b"".join(
        framed(event(step, *(simple(tag, value) for tag, value in values.items())))
        for step, values in rows
    )
