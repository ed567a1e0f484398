"""Text files read once and whole: blocks of whole lines, also out of gzip, xz and zstd."""

from __future__ import annotations

import gzip
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, NoReturn

import numpy as np

from lawfit._extras import MissingExtra, require
from lawfit.io.tail import MAX_LINE, check_regular, described

__all__ = ["GROWTH", "LARGE", "Block", "LineBlocks", "compression_of", "head_of"]

_BLOCK: Final = 2**22  # bytes of text at a time: few enough for a cache
_INPUT: Final = 2**20  # compressed bytes at a time
_OUTPUT: Final = 2**18  # bytes at a time where those before a damage would be lost
_XZ_MEMORY: Final = 2**27  # bytes of dictionary that an xz file may ask for
# Text that is larger and grew more than this many times out of its file is taken for an attack.
LARGE: Final = 2**26
GROWTH: Final = 200
_BOM: Final = b"\xef\xbb\xbf"
_MAGIC: Final = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


class Block(NamedTuple):
    """Whole lines of UTF-8 text, each ended by a line feed, and the number of the first."""

    line: int
    text: bytes


def compression_of(head: bytes) -> str | None:
    """Return what a file that begins so is compressed with: gzip, xz, zstd or None."""
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)


def head_of(path: Path) -> bytes:
    """Return the first bytes of a file's text, uncompressed.

    Raises
    ------
    ValueError
        If it is no regular file, or its compression is damaged.
    OSError
        If it can't be read.
    """
    return next(_gathered(_pieces(path, MAX_LINE), MAX_LINE), b"")


class LineBlocks:
    """The lines of a file as it is when it is opened, in blocks of bounded size.

    Line ends may be those of Unix, Windows or old Macs. A last line without its end may be one that
    is still being written: it is left out, and kept in `rest`.

    Parameters
    ----------
    path : Path
        Plain or compressed with gzip, xz or zstd, by content.

    Attributes
    ----------
    source : str
        The path as messages show it.
    rest : bytes
        What follows the last line's end, once all is read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.source = described(path)
        self.rest = b""
        self._lines = 0

    def __iter__(self) -> Iterator[Block]:
        """Yield the blocks.

        Raises
        ------
        ValueError
            For a line longer than 1 MiB, one that is no UTF-8 or has a NUL byte, naming file and
            line; for compressed data that are damaged, cut off or grow without bounds.
        OSError
            If it can't be read.
        """
        self._lines, self.rest, mac = 0, b"", None
        for found in self._located():
            piece = found
            if mac is None:
                piece = (self.rest + piece).removeprefix(_BOM)
                self.rest = b""
                mac = b"\n" not in piece and b"\r" in piece[:-1]  # its end may be half a pair
            if mac:
                piece = piece.replace(b"\r", b"\n")
            end = piece.rfind(b"\n") + 1
            if end:
                block = Block(self._lines + 1, b"".join((self.rest, memoryview(piece)[:end])))
                self.rest = piece[end:]
                self._lines += _count_lines(block.text)
                _check_text(block, self.source)
                yield block._replace(text=_with_line_feeds(block.text))
            else:
                self.rest += piece
            if len(self.rest) > MAX_LINE:
                where = f"{self.source}: line {self._lines + 1}"
                raise ValueError(f"{where} has more than {MAX_LINE} bytes")

    def last(self, is_whole: Callable[[str], bool]) -> Block | None:
        """Return the last line with an end, if it is whole without one; it is no `rest` then."""
        try:
            text = self.rest.decode("utf-8")
        except UnicodeDecodeError:
            return None
        if "\0" in text or not text.strip() or not is_whole(text):
            return None
        block, self.rest = Block(self._lines + 1, self.rest + b"\n"), b""
        return block

    def _located(self) -> Iterator[bytes]:
        """Yield the file's pieces; what is refused of them says how many lines came before."""
        pieces = _gathered(_pieces(self._path, _BLOCK), _BLOCK)
        while True:
            try:
                piece = next(pieces, None)
            except ValueError as error:
                raise ValueError(f"{error}, after {self._lines} whole lines") from None
            if piece is None:
                return
            yield piece


def _count_lines(text: bytes) -> int:
    """Return how many line feeds there are; for short lines numpy is faster than `count`."""
    return int(np.count_nonzero(np.frombuffer(text, dtype=np.uint8) == ord("\n")))


def _with_line_feeds(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n") if b"\r" in text else text  # the one search is quick


def _check_text(block: Block, source: str) -> None:
    text = block.text
    at, problem = text.find(b"\0"), "a NUL byte; expected text"
    if at < 0 and not text.isascii():
        try:
            text.decode("utf-8")
        except UnicodeDecodeError as error:
            at, problem = error.start, f"no UTF-8: {error.reason}"
    if at >= 0:
        line = block.line + text.count(b"\n", 0, at)
        begin = text.rfind(b"\n", 0, at) + 1
        raise ValueError(f"{source}: line {line}: byte {at - begin} is {problem}")


def _gathered(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Join pieces until they are so large; those before an error come before it."""
    found: list[bytes] = []
    length = 0
    try:
        for piece in pieces:
            found.append(piece)
            length += len(piece)
            if length >= size:
                yield b"".join(found)
                found, length = [], 0
    except ValueError:
        if length:
            yield b"".join(found)
        raise
    if length:
        yield b"".join(found)


def _pieces(path: Path, size: int) -> Iterator[bytes]:
    """Yield a file's bytes, uncompressed, at most `size` at a time."""
    status = check_regular(path)
    with path.open("rb") as file:
        kind = compression_of(file.read(8))
        file.seek(0)
        if kind is None:
            yield from _plain(file, os.fstat(file.fileno()).st_size, size)
            return
        source, length = described(path), 0
        try:
            for piece in _OPEN[kind](file, size):
                length += len(piece)
                if length > max(LARGE, GROWTH * status.st_size):
                    raise ValueError(
                        f"{source}: {status.st_size} bytes of {kind} hold more than {length}; "
                        f"expected at most {GROWTH} times as many"
                    )
                yield piece
        except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            _refuse_damaged(source, kind, length, error)


def _refuse_damaged(source: str, kind: str, length: int, error: Exception) -> NoReturn:
    raise ValueError(
        f"{source}: the {kind} data are damaged or cut off after {length} bytes of text ({error})"
    ) from None


def _plain(file: BinaryIO, total: int, size: int) -> Iterator[bytes]:
    while total > 0 and (piece := file.read(min(size, total))):  # what is appended later waits
        total -= len(piece)
        yield piece


def _gzip(file: BinaryIO, size: int) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=file) as stream:
        while piece := stream.read1(size):
            yield piece


def _xz(file: BinaryIO, size: int) -> Iterator[bytes]:
    data = file.read(_INPUT)
    while data:
        stream = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
        while not stream.eof:
            if stream.needs_input and not data and not (data := file.read(_INPUT)):
                raise EOFError("the end is missing")
            yield stream.decompress(data, size)
            data = b""
        data = (stream.unused_data or file.read(_INPUT)).lstrip(b"\0")  # other streams may follow


def _zstd(file: BinaryIO, size: int) -> Iterator[bytes]:
    with _zstd_stream(file) as stream:
        while piece := stream.read(min(size, _OUTPUT)):
            yield piece


def _zstd_stream(file: BinaryIO) -> Any:
    try:
        return require("pyarrow", extra="io").CompressedInputStream(file, "zstd")
    except MissingExtra as error:
        raise MissingExtra(f"{described(file.name)} is compressed with zstd, and {error}") from None


_OPEN: Final[dict[str, Callable[[BinaryIO, int], Iterator[bytes]]]] = {
    "gzip": _gzip,
    "xz": _xz,
    "zstd": _zstd,
}
