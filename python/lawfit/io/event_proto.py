"""The few protobuf fields of TensorBoard's events that scalars need.

Field numbers are those of ``event.proto``, ``summary.proto`` and ``tensor.proto`` of TensorFlow.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from lawfit._printable import shown

__all__ = [
    "BYTES",
    "CONTENT",
    "FIXED32",
    "FIXED64",
    "TENSORS",
    "VARINT",
    "Event",
    "Span",
    "read_event",
    "read_tag",
    "read_varint",
    "spans",
]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
# Of the tensor types a scalar comes in (float, double, int32, int64): the field that lists values,
# where integers are varints, and how a value is stored otherwise.
TENSORS: Final = {1: (5, "<f"), 2: (6, "<d"), 3: (7, "<i"), 9: (10, "<q")}
CONTENT: Final = 4
_INTEGERS: Final = ("<i", "<q")
_START: Final = 1  # status of a session's log


class Span(NamedTuple):
    """A field of a message, and where its value is."""

    field: int
    wire: int
    start: int
    stop: int


class Event(NamedTuple):
    """What an event has of interest.

    Attributes
    ----------
    step : int
    scalars : list of (str, float)
        Tags and their values.
    restart : bool
        Whether a session starts here, so that what was logged at this step and later is void.
    """

    step: int
    scalars: list[tuple[str, float]]
    restart: bool


def read_event(record: bytes, where: str) -> Event:
    """Return the scalars of an event.

    Raises
    ------
    ValueError
        If it is no event, beginning with `where`.
    """
    step, summaries, restart = 0, [], False
    for field, wire, start, stop in spans(record, 0, len(record), where):
        if field == 2 and wire == VARINT:
            step = _signed(read_varint(record, start, where)[0])
        elif field == 5 and wire == BYTES:
            summaries.append((start, stop))
        elif field == 7 and wire == BYTES:
            restart = _starts(record, start, stop, where)
    scalars = []
    for begin, end in summaries:
        for field, wire, start, stop in spans(record, begin, end, where):
            if field == 1 and wire == BYTES:
                scalars += _scalar(record, start, stop, where)
    return Event(step, scalars, restart)


def spans(message: bytes, at: int, end: int, where: str) -> Iterator[Span]:
    """Yield the fields of a message that lies within bytes from `at` to `end`."""
    while at < end:
        key, at = read_varint(message, at, where, end)
        field, wire = key >> 3, key & 7
        if wire == VARINT:
            stop = read_varint(message, at, where, end)[1]
        elif wire in (FIXED64, BYTES, FIXED32):
            length = {FIXED64: 8, FIXED32: 4}.get(wire)
            if length is None:
                length, at = read_varint(message, at, where, end)
            stop = at + length
            if stop > end:
                raise ValueError(f"{where}: field {field} is longer than its message")
        else:
            raise ValueError(f"{where}: field {field} has the wire type {wire}")
        yield Span(field, wire, at, stop)
        at = stop


def read_varint(message: bytes, at: int, where: str, end: int | None = None) -> tuple[int, int]:
    """Return a number and where the next byte is."""
    value = 0
    limit = at + 10 if end is None else min(end, at + 10)
    for k, byte in enumerate(message[at:limit]):
        value |= (byte & 127) << 7 * k
        if byte < 128:
            return value & 2**64 - 1, at + k + 1
    raise ValueError(f"{where}: a number that does not end")


def read_tag(value: bytes, where: str) -> str:
    """Return a tag's text."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{where}: the tag {shown(value)} is no UTF-8: {error.reason}") from None


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _starts(record: bytes, begin: int, end: int, where: str) -> bool:
    statuses = [
        read_varint(record, start, where)[0]
        for field, wire, start, _ in spans(record, begin, end, where)
        if (field, wire) == (1, VARINT)
    ]
    return statuses[-1:] == [_START]


def _scalar(record: bytes, begin: int, end: int, where: str) -> list[tuple[str, float]]:
    """Return the tag and number of a summary's value; nothing if it is no scalar."""
    tag, found = "", None
    for field, wire, start, stop in spans(record, begin, end, where):
        if field == 1 and wire == BYTES:
            tag = read_tag(record[start:stop], where)
        elif field == 2 and wire == FIXED32:
            found = struct.unpack_from("<f", record, start)[0]
        elif field == 8 and wire == BYTES:
            found = _of_tensor(record, start, stop, where)
    return [] if found is None else [(tag, float(found))]


def _of_tensor(record: bytes, begin: int, end: int, where: str) -> float | None:
    """Return the value of a tensor of one number; None for others."""
    fields = list(spans(record, begin, end, where))
    kinds = [read_varint(record, s.start, where)[0] for s in fields if s[:2] == (1, VARINT)]
    if not kinds or kinds[0] not in TENSORS:
        return None
    number, layout = TENSORS[kinds[0]]
    found: list[Any] = []
    for field, wire, start, stop in fields:
        if field == number and wire == VARINT:
            found.append(_signed(read_varint(record, start, where)[0]))
        elif field == number and layout in _INTEGERS:
            first, after = read_varint(record, start, where, stop)
            found += [_signed(first)] * (1 if after == stop else 2)
        elif field == number or (field == CONTENT and wire == BYTES):
            if (stop - start) % struct.calcsize(layout):
                raise ValueError(f"{where}: a tensor has {stop - start} bytes")
            found += [x for (x,) in struct.iter_unpack(layout, record[start:stop])]
    return float(found[0]) if len(found) == 1 else None
