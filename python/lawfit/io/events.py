"""TensorBoard event files: records with checksums, and the few protobuf fields scalars need.

Framing is TFRecord's: length (uint64), its masked CRC-32C, the data, theirs. Field numbers are
those of ``event.proto``, ``summary.proto`` and ``tensor.proto`` of TensorFlow.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final

from lawfit._printable import shown
from lawfit.io.crc32c import masked_crc32c
from lawfit.io.rows import Row, whole_step
from lawfit.io.tail import Tail

__all__ = ["LARGEST_READ", "SHORTEST", "EventReader", "is_event_file"]

_HEADER: Final = struct.Struct("<QI")
SHORTEST: Final = _HEADER.size  # bytes by which an event file is known
_CRC: Final = struct.Struct("<I")
_FRAME: Final = _HEADER.size + _CRC.size
_LARGEST: Final = 2**31  # bytes of a protobuf message
LARGEST_READ: Final = 2**24  # of one with scalars; larger ones hold pictures and graphs

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Of the tensor types a scalar comes in (float, double, int32, int64): the field that lists values,
# where integers are varints, and how a value is stored otherwise.
_TENSORS: Final = {1: (5, "<f"), 2: (6, "<d"), 3: (7, "<i"), 9: (10, "<q")}
_INTEGERS: Final = ("<i", "<q")
_CONTENT: Final = 4


class EventReader:
    """The scalars of an event file; a record that is not whole yet waits.

    Parameters
    ----------
    path : path-like
    """

    title = "TensorBoard events"
    total: int | None = None
    translated = False

    def __init__(self, path: Any) -> None:
        self._tail = Tail(path)
        self._begin()

    def _begin(self) -> None:
        self._rest = bytearray()
        self._number = 0  # of records read
        self._place = 0  # of the next one in the file
        self._skip = 0  # bytes of a large record that are still to come
        self._large = 0

    @property
    def source(self) -> str:
        """The path as messages show it."""
        return self._tail.source

    @property
    def restarts(self) -> int:
        """How often the file was started over."""
        return self._tail.restarts

    @property
    def more(self) -> bool:
        """Whether the last read left something."""
        return self._tail.more

    def notes(self) -> list[str]:
        """Say what was passed over, and what waits."""
        found = []
        if self._tail.missing:
            found.append("the file is gone; waiting for it")
        if self._large:
            found.append(f"passed over {self._large} records of more than {LARGEST_READ} bytes")
        if self._rest or self._skip:
            found.append("the last record is not whole yet: it waits")
        return found

    def read(self) -> list[Row]:
        """Return the rows of the next block of whole records, one a scalar or more."""
        restarts = self.restarts
        data = self._tail.read()
        if self.restarts != restarts:
            self._begin()
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        self._rest += data[skipped:]
        return [row for record in self._records() if (row := self._row(record))]

    def _records(self) -> Iterator[bytes]:
        """Yield the data of whole records, and keep the rest."""
        at = 0
        data = bytes(self._rest)
        while len(data) - at >= _HEADER.size:
            length = self._length(data[at : at + _HEADER.size])
            end = at + _FRAME + length
            if length > LARGEST_READ:
                self._large += 1
                self._skip = max(0, end - len(data))
            elif end > len(data):
                break
            else:
                content = data[at + _HEADER.size : end - _CRC.size]
                if masked_crc32c(content) != _CRC.unpack_from(data, end - _CRC.size)[0]:
                    raise ValueError(f"{self._where()}: the data differ from their checksum")
                yield content
            self._number += 1
            self._place += end - at
            at = min(end, len(data))
        self._rest[:] = data[at:]

    def _where(self) -> str:
        return f"{self.source}: record {self._number} at byte {self._place}"

    def _length(self, header: bytes) -> int:
        length, crc = _HEADER.unpack(header)
        if masked_crc32c(header[:8]) != crc:
            raise ValueError(f"{self._where()}: the length differs from its checksum")
        if length > _LARGEST:
            raise ValueError(f"{self._where()}: length is {length}; expected at most {_LARGEST}")
        return int(length)

    def _row(self, record: bytes) -> Row | None:
        where = self._where()
        step, summaries = 0, []
        for field, wire, value in _fields(record, where):
            if field == 2 and wire == _VARINT:
                step = _signed(value)
            elif field == 5 and wire == _BYTES:
                summaries.append(value)
        scalars: dict[str, float] = {}
        for summary in summaries:
            for field, wire, value in _fields(summary, where):
                if field == 1 and wire == _BYTES:
                    scalars.update(_scalar(value, where))
        return Row(whole_step(step, f"{where}: step"), scalars) if scalars else None


def is_event_file(head: bytes) -> bool:
    """Say whether a file's first bytes, `SHORTEST` or more, are a length and its checksum."""
    length, crc = _HEADER.unpack_from(head)
    return bool(length <= _LARGEST and masked_crc32c(head[:8]) == crc)


def _fields(message: Any, where: str) -> Iterator[tuple[int, int, Any]]:
    """Yield number, wire type and value of each field of a protobuf message."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at, where)
        field, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(message, at, where)
        elif wire in (_FIXED64, _BYTES, _FIXED32):
            length = {_FIXED64: 8, _FIXED32: 4}.get(wire)
            if length is None:
                length, at = _varint(message, at, where)
            if length > len(message) - at:
                raise ValueError(f"{where}: field {field} is longer than its message")
            value = message[at : at + length]
            at += length
        else:
            raise ValueError(f"{where}: field {field} has the wire type {wire}")
        yield field, wire, value


def _varint(message: bytes, at: int, where: str) -> tuple[int, int]:
    value = 0
    for k, byte in enumerate(message[at : at + 10]):
        value |= (byte & 127) << 7 * k
        if byte < 128:
            return value & 2**64 - 1, at + k + 1
    raise ValueError(f"{where}: a number that does not end")


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _scalar(message: bytes, where: str) -> dict[str, float]:
    """Return the tag and number of a summary's value; nothing if it is no scalar."""
    tag, found = "", None
    for field, wire, value in _fields(message, where):
        if field == 1 and wire == _BYTES:
            tag = _text(value, where)
        elif field == 2 and wire == _FIXED32:
            found = struct.unpack("<f", value)[0]
        elif field == 8 and wire == _BYTES:
            found = _of_tensor(value, where)
    return {} if found is None else {tag: float(found)}


def _text(value: bytes, where: str) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{where}: the tag {shown(value)} is no UTF-8: {error.reason}") from None


def _of_tensor(message: bytes, where: str) -> float | None:
    """Return the value of a tensor of one number; None for others."""
    fields = list(_fields(message, where))
    kind = next((value for field, wire, value in fields if (field, wire) == (1, _VARINT)), 0)
    if kind not in _TENSORS:
        return None
    number, layout = _TENSORS[kind]
    found: list[float] = []
    for field, wire, value in fields:
        if field == number and wire == _VARINT:
            found.append(_signed(value))
        elif field == number and layout in _INTEGERS:
            first, end = _varint(value, 0, where)
            found += [_signed(first)] * (1 if end == len(value) else 2)
        elif field == number or (field == _CONTENT and wire == _BYTES):
            if len(value) % struct.calcsize(layout):
                raise ValueError(f"{where}: a tensor has {len(value)} bytes")
            found += [x for (x,) in struct.iter_unpack(layout, value)]
    return found[0] if len(found) == 1 else None
