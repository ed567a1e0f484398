"""TensorBoard event files as they grow: records with checksums, and their scalars.

Framing is TFRecord's: length (uint64), its masked CRC-32C, the data, theirs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final

from lawfit.io.crc32c import masked_crc32c
from lawfit.io.event_proto import read_event
from lawfit.io.rows import Restart, Row, whole_step
from lawfit.io.tail import Tail

__all__ = [
    "FRAME",
    "HEADER",
    "LARGEST",
    "LARGEST_READ",
    "SHORTEST",
    "EventReader",
    "is_event_file",
]

HEADER: Final = struct.Struct("<QI")
SHORTEST: Final = HEADER.size  # bytes by which an event file is known
_CRC: Final = struct.Struct("<I")
FRAME: Final = HEADER.size + _CRC.size
LARGEST: Final = 2**31  # bytes of a protobuf message
LARGEST_READ: Final = 2**24  # of one with scalars; larger ones hold pictures and graphs


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
        """Return the rows of the next block of whole records that have scalars or start over."""
        restarts = self.restarts
        data = self._tail.read()
        if self.restarts != restarts:
            self._begin()
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        self._rest += data[skipped:]
        return [row for record in self._records() for row in self._rows(record)]

    def _records(self) -> Iterator[bytes]:
        """Yield the data of whole records, and keep the rest."""
        at = 0
        data = bytes(self._rest)
        while len(data) - at >= HEADER.size:
            length = self._length(data[at : at + HEADER.size])
            end = at + FRAME + length
            if length > LARGEST_READ:
                self._large += 1
                self._skip = max(0, end - len(data))
            elif end > len(data):
                break
            else:
                content = data[at + HEADER.size : end - _CRC.size]
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
        length, crc = HEADER.unpack(header)
        if masked_crc32c(header[:8]) != crc:
            raise ValueError(f"{self._where()}: the length differs from its checksum")
        if length > LARGEST:
            raise ValueError(f"{self._where()}: length is {length}; expected at most {LARGEST}")
        return int(length)

    def _rows(self, record: bytes) -> Iterator[Row]:
        where = self._where()
        event = read_event(record, where)
        if event.restart:
            yield Restart(whole_step(event.step, f"{where}: step"), {})
        if event.scalars:
            yield Row(whole_step(event.step, f"{where}: step"), dict(event.scalars))


def is_event_file(head: bytes) -> bool:
    """Say whether a file's first bytes, `SHORTEST` or more, are a length and its checksum."""
    length, crc = HEADER.unpack_from(head)
    return bool(length <= LARGEST and masked_crc32c(head[:8]) == crc)
