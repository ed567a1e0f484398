"""Files that grow while they are read: bytes and lines, what is new each time."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from lawfit._printable import printable

__all__ = ["BLOCK", "MAX_LINE", "Lines", "Tail", "check_regular", "described"]

BLOCK: Final = 2**18  # bytes read at a time
MAX_LINE: Final = 2**20  # bytes of one line
_WITNESS: Final = 256  # bytes that are looked at again, so that other content is noticed
_BOM: Final = b"\xef\xbb\xbf"


def described(path: str | os.PathLike[str]) -> str:
    """Return a path as messages show it."""
    return printable(os.fspath(path))


def check_regular(path: Path, expected: str = "a log file") -> os.stat_result:
    """Return a file's status, or refuse a path that is no regular file.

    Raises
    ------
    ValueError
        For a pipe, which would block, a device, which may not end, and other special files.
    OSError
        If there is nothing, or it may not be looked at.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise ValueError(f"{described(path)}: is {kind}; expected {expected}")
    return status


class Tail:
    """The bytes of a file that grows; it is open only while it is read.

    A file that became shorter, was replaced by another, or holds other bytes where it was read
    before is read from its start again.

    Attributes
    ----------
    restarts : int
        How often it was started over; when a read changes it, that read begins at the start.
    more : bool
        Whether the last read left something.
    missing : bool
        Whether the file was away at the last read, as it is while a log is rotated.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.source = described(path)
        self.restarts = 0
        self.more = False
        self.missing = False
        self._offset = 0
        self._identity: tuple[int, int] | None = None
        self._first = b""  # the first bytes of the file, and the last that were read
        self._last = b""

    def read(self) -> bytes:
        """Return what is new, at most `BLOCK` bytes; nothing while the file is away.

        Raises
        ------
        OSError, ValueError
            If it can't be read, or is no longer a regular file.
        """
        try:
            check_regular(self.path)
            file = self.path.open("rb", buffering=0)
        except FileNotFoundError:
            self.missing, self.more = True, False
            return b""
        self.missing = False
        with file:
            status = os.fstat(file.fileno())
            self._recognise(file, status)
            file.seek(self._offset)
            data = file.read(BLOCK)
        self._offset += len(data)
        self._first += data[: _WITNESS - len(self._first)]
        self._last = (self._last + data)[-_WITNESS:]
        self.more = self._offset < status.st_size
        return data

    def _recognise(self, file: BinaryIO, status: os.stat_result) -> None:
        """Go to the start again if this is not the file that was read before."""
        identity = status.st_dev, status.st_ino
        same = self._identity in (None, identity) and status.st_size >= self._offset
        if not (same and self._agrees(file)):
            self.restarts += 1
            self._offset, self._first, self._last = 0, b"", b""
        self._identity = identity

    def _agrees(self, file: BinaryIO) -> bool:
        """Say whether the file still holds what was read at its start and at the end."""
        for place, kept in ((0, self._first), (self._offset - len(self._last), self._last)):
            file.seek(place)
            if file.read(len(kept)) != kept:
                return False
        return True


class Lines:
    """The whole lines of a UTF-8 file that grows; a last one without its end waits.

    Attributes
    ----------
    tail : Tail
    number : int
        Lines read so far.
    waiting : int
        Bytes of the last line, whose end is not there yet.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.tail = Tail(path)
        self.number = 0
        self._rest = bytearray()

    @property
    def waiting(self) -> int:
        """Bytes of the last line, whose end is not there yet."""
        return len(self._rest)

    def read(self) -> list[tuple[int, str]]:
        """Return the lines of the next block with their numbers from 1, without their ends.

        Raises
        ------
        ValueError
            For a line longer than `MAX_LINE`, one that is no UTF-8, and one with a NUL byte,
            naming file and line.
        """
        restarts = self.tail.restarts
        data = self.tail.read()
        if self.tail.restarts != restarts:
            self.number = 0
            self._rest.clear()
        end = data.rfind(b"\n") + 1
        if not end:
            self._rest += data
            self._bound(len(self._rest))
            return []
        whole = bytes(self._rest) + data[:end]
        self._rest[:] = data[end:]
        return [self._decoded(line) for line in whole.split(b"\n")[:-1]]

    def _bound(self, length: int) -> None:
        if length > MAX_LINE:
            raise ValueError(
                f"{self.tail.source}: line {self.number + 1} has more than {MAX_LINE} bytes"
            )

    def _decoded(self, line: bytes) -> tuple[int, str]:
        self._bound(len(line))
        self.number += 1
        where = f"{self.tail.source}: line {self.number}"
        if self.number == 1:
            line = line.removeprefix(_BOM)
        if b"\0" in line:
            raise ValueError(f"{where} has a NUL byte at {line.index(0)}; expected text")
        try:
            return self.number, line.removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{where}: byte {error.start} is no UTF-8: {error.reason}") from None
