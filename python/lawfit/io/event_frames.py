"""The records of whole event files, block by block, with all checksums of a block at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from lawfit._validate import Ints, Rows
from lawfit.io.crc32c import masked_crc32c, masked_crc32c_of_rows
from lawfit.io.events import FRAME, HEADER, LARGEST, LARGEST_READ
from lawfit.io.tail import check_regular, described

__all__ = ["Bytes", "EventFrames", "Frames"]

Bytes: TypeAlias = NDArray[np.uint8]

_BLOCK: Final = 2**23  # bytes read at a time
# Records are checked one by one where there are so few of a length, or so few beside its bytes.
_FEW: Final = 32
_PASSES: Final = 256
_CRC: Final = FRAME - HEADER.size


class Frames(NamedTuple):
    """Whole records of a block.

    Attributes
    ----------
    data : ndarray of uint8
        The block.
    starts, lengths : ndarray of int64, shape (n,)
        Of the records' data in the block.
    """

    data: Bytes
    starts: Ints
    lengths: Ints

    def of_length(self) -> Iterator[tuple[Rows, Bytes]]:
        """Yield, for each length, which records have it, and their data as rows."""
        order = np.argsort(self.lengths, kind="stable")
        cuts = np.flatnonzero(np.diff(self.lengths[order])) + 1
        for which in np.split(order, cuts) if len(order) else ():
            yield which, self.rows(which)

    def rows(self, which: Rows) -> Bytes:
        """Return the data of records of one length."""
        width = int(self.lengths[which[0]])
        if not width:
            return np.empty((len(which), 0), np.uint8)
        return sliding_window_view(self.data, width)[self.starts[which]]


class EventFrames:
    """The records of an event file as it is when it is opened.

    Attributes
    ----------
    source : str
    large : int
        Records of more than `LARGEST_READ` bytes, which were passed over.
    cut : int
        Bytes of a last record that is not whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.source = described(path)
        self.large = 0
        self.cut = 0
        self._number = 0  # of the first record of the block
        self._place = 0  # of the block in the file

    def where(self, record: int, start: int) -> str:
        """Name a record of the block that was given last."""
        place = self._place + start - HEADER.size
        return f"{self.source}: record {self._number + record} at byte {place}"

    def __iter__(self) -> Iterator[Frames]:
        check_regular(self.path)
        with self.path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size  # what is written later is left for later
            rest, moved = b"", True
            while moved:
                left = max(0, size - self._place - len(rest))
                new = file.read(min(_BLOCK, left))
                rest += new
                frames, end = self._framed(rest)
                yield frames
                self._number += len(frames.starts)
                before = self._place
                rest = self._after(file, rest, end, size)
                moved = bool(new) or self._place > before
            self.cut += len(rest)

    def _framed(self, block: bytes) -> tuple[Frames, int]:
        """Return the whole records of a block, and where the next begins."""
        starts, lengths = [], []
        at, size = 0, len(block)
        header, unpack = HEADER.size, HEADER.unpack_from
        while at + header <= size:
            length, _ = unpack(block, at)
            end = at + FRAME + length
            if end > size or length > LARGEST_READ:
                break
            starts.append(at + header)
            lengths.append(length)
            at = end
        data = np.frombuffer(block, np.uint8)
        frames = Frames(data, np.array(starts, np.int64), np.array(lengths, np.int64))
        if starts:
            self._check(frames)
        if at + header <= size:
            self._check_length(block, at, len(starts))
        return frames, at

    def _check(self, frames: Frames) -> None:
        """Refuse the first record that differs from a checksum."""
        stored = sliding_window_view(frames.data, 4)
        heads = stored[frames.starts - _CRC].view("<u4")[:, 0]
        lengths, kind = np.unique(frames.lengths, return_inverse=True)
        expected = [masked_crc32c(int(length).to_bytes(8, "little")) for length in lengths]
        wrong = {"length": heads != np.array(expected, np.uint32)[kind]}
        # Past a bad length there are no records, so data are looked at up to there.
        wrong["data"] = np.zeros(len(heads), dtype=bool)
        for which, rows in frames.of_length():
            ends = frames.starts[which] + rows.shape[1]
            wrong["data"][which] = _crcs(rows) != stored[ends].view("<u4")[:, 0]
        bad = wrong["length"] | wrong["data"]
        if bad.any():
            k = int(np.argmax(bad))
            what = "length differs" if wrong["length"][k] else "data differ"
            checksum = "its" if wrong["length"][k] else "their"
            raise ValueError(
                f"{self.where(k, int(frames.starts[k]))}: the {what} from {checksum} checksum"
            )

    def _check_length(self, block: bytes, at: int, record: int) -> None:
        """Refuse a bad length of the record at the end of a block."""
        length, crc = HEADER.unpack_from(block, at)
        where = self.where(record, at + HEADER.size)
        if masked_crc32c(block[at : at + 8]) != crc:
            raise ValueError(f"{where}: the length differs from its checksum")
        if length > LARGEST:
            raise ValueError(f"{where}: length is {length}; expected at most {LARGEST}")

    def _after(self, file: BinaryIO, block: bytes, end: int, size: int) -> bytes:
        """Return what is left of a block, and pass over a large record that begins there."""
        self._place += end
        rest = block[end:]
        if len(rest) < HEADER.size:
            return rest
        length = HEADER.unpack_from(rest)[0]
        if length <= LARGEST_READ:
            return rest
        self.large += 1
        self._number += 1
        whole = FRAME + length
        if self._place + whole > size:
            self.cut = size - self._place
            self._place = size
            return b""
        self._place += whole
        if whole < len(rest):
            return rest[whole:]
        file.seek(self._place)
        return b""


def _crcs(rows: Bytes) -> NDArray[np.uint32]:
    if len(rows) > max(_FEW, rows.shape[1] // _PASSES):
        return masked_crc32c_of_rows(rows)
    return np.array([masked_crc32c(row.tobytes()) for row in rows], np.uint32)
