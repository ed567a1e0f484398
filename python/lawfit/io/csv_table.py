"""Tables of text read once and whole: by pyarrow where it is there, else by Python's own floats.

A block of lines that these do not take is halved until few lines are left, which are read cell by
cell: what is unusual is then read as the reader of growing tables reads it, or refused by its line.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import numpy as np

from lawfit._extras import MissingExtra, require
from lawfit._validate import Floats, Ints
from lawfit.io.arrow_table import floats_of, runs_of
from lawfit.io.columns import Columns, Piece
from lawfit.io.lines import Block, LineBlocks
from lawfit.io.tail import MAX_LINE
from lawfit.io.text import MISSING, cells_of, check_header, delimiter_of

__all__ = ["CsvTable", "halves"]

_FEW: Final = 2**14  # bytes that are read cell by cell
_SOME: Final = 2**21  # bytes whose cells may all be Python objects at once
_WORKERS: Final = 4  # threads; pyarrow's own may end a process that uses polars too, at its exit
_MANY: Final = 2**19  # bytes that are worth pyarrow's import
# Spellings of what is missing, for pyarrow, which knows no other cases of letters.
_SPELLED: Final = [m for word in sorted(MISSING) for m in {word, word.upper(), word.capitalize()}]


class CsvTable:
    """A table with a header: cells between commas, tabs or semicolons, quoted as CSV is.

    Parameters
    ----------
    lines : LineBlocks
    columns : Columns
        Takes what is read.
    """

    def __init__(self, lines: LineBlocks, columns: Columns) -> None:
        self._source = lines.source
        self._lines = lines
        self._columns = columns
        self._names: list[str] = []
        self._header = b""
        self._header_is_data = False  # names that could be values: a repeated header may be a row
        self._delimiter = ","
        self._kept: dict[str, int] = {}  # the columns to keep, and their places
        self._run: int | None = None  # the place of the column that tells runs apart

    def read(self) -> None:
        """Read all of it.

        Raises
        ------
        ValueError
            For what no table holds, naming file, line, column and value.
        OSError
            If it can't be read.
        """
        waiting: deque[tuple[Block, Future[Piece | None] | None]] = deque()
        workers = min(_WORKERS, os.cpu_count() or 1)
        with ThreadPoolExecutor(workers) as pool:  # they parse blocks while the next are read
            for block in self._blocks():
                # runs are counted as they come, so then nothing is done ahead
                ahead = len(block.text) >= _MANY and self._run is None
                waiting.append((block, pool.submit(self._read_fast, block.text) if ahead else None))
                if len(waiting) > workers:
                    self._take(*waiting.popleft())
            for block, future in waiting:
                self._take(block, future)
        if (last := self._lines.last(self._is_whole)) is not None:
            self._take_cells(last)

    def _is_whole(self, line: str) -> bool:
        """Say whether a line without its end is whole: all cells are there, the last one quoted."""
        with contextlib.suppress(ValueError):
            cells = cells_of(line, self._delimiter, "")
            return line.rstrip().endswith('"') and len(cells) == len(self._names)
        return False

    def _blocks(self) -> Iterator[Block]:
        """Yield the lines below the header, of which the first were looked at."""
        for block in self._lines:
            rest = block if self._names else self._after_header(block)
            if len(rest.text) > _FEW and not self._columns.kinds.numeric:
                first, rest = _cut(rest, _FEW)  # so that text is known for what it is
                self._take_cells(first)
            if rest.text:
                yield rest

    def _after_header(self, block: Block) -> Block:
        """Read the header, and return what follows it."""
        number, begin = block.line, 0
        while begin < len(block.text):
            end = block.text.index(b"\n", begin) + 1
            line = block.text[begin:end]
            if line.strip() and not line.startswith(b"#"):
                self._read_header(line, f"{self._source}: line {number}")
                return Block(number + 1, block.text[end:])
            number, begin = number + 1, end
        return Block(number, b"")

    def _read_header(self, line: bytes, where: str) -> None:
        text = line.rstrip(b"\n").decode()
        self._delimiter = delimiter_of(text)
        names = cells_of(text, self._delimiter, where)
        check_header(names, where)
        if len(names) == 1:
            raise ValueError(
                f"{where} has one column, {names[0][:100]!r}; "
                "expected names between commas, tabs or semicolons"
            )
        places = {name: k for k, name in enumerate(names)}
        self._kept = {name: places[name] for name in self._columns.choose(names, where)}
        self._run = places[self._columns.by] if self._columns.by is not None else None
        self._names, self._header = names, line.rstrip(b"\n")
        self._header_is_data = _floats([name.encode() for name in self._kept]) is not None

    def _take(self, block: Block, future: Future[Piece | None] | None = None) -> None:
        """Take a block the fastest way that can."""
        piece = self._read_fast(block.text) if future is None else future.result()
        if piece is not None:
            self._columns.add(piece)
        elif len(parts := halves(block, _FEW)) == 1:
            self._take_cells(block)
        else:
            for part in parts:
                self._take(part)

    def _take_cells(self, block: Block) -> None:
        self._columns.add_cells(list(self._kept), self._rows(block))

    def _rows(self, block: Block) -> Iterator[tuple[str, Mapping[str, object]]]:
        for number, line in enumerate(block.text.split(b"\n")[:-1], block.line):
            if not line.strip() or line.startswith(b"#"):
                continue
            place = f"{self._source}: line {number}"
            if len(line) > MAX_LINE:
                raise ValueError(f"{place} has more than {MAX_LINE} bytes")
            cells = cells_of(line.decode(), self._delimiter, place)
            if cells == self._names:
                continue
            if len(cells) != len(self._names):
                raise ValueError(
                    f"{place} has {len(cells)} cells; the header has {len(self._names)}"
                )
            yield place, dict(zip(self._names, cells, strict=True))

    def _read_fast(self, text: bytes) -> Piece | None:
        """Return the rows of lines that hold nothing unusual, or None."""
        arrow = self._arrow() if len(text) >= _MANY else None
        if b"\r" in text or (arrow is None and len(text) > _SOME):
            return None
        piece = None if b"#" in text or self._header_is_data else self._read_plain(text, arrow)
        if piece is None:
            cleaned = self._cleaned(text)
            piece = self._read_plain(cleaned, arrow) if cleaned != text else None
        return piece

    def _cleaned(self, text: bytes) -> bytes:
        """Return lines without blank ones, comments and repeated headers."""
        lines = (line for line in text.split(b"\n") if line and not line.startswith(b"#"))
        return b"".join(line + b"\n" for line in lines if line != self._header)

    def _read_plain(self, text: bytes, arrow: Any) -> Piece | None:
        """Return the rows of lines of cells alone, or None."""
        numeric = {n: k for n, k in self._kept.items() if not self._columns.is_text(n)}
        plain = _unquoted(text, ord(self._delimiter)) if b'"' in text else text
        if plain is None or not numeric:
            return None
        piece = self._by_arrow(arrow, plain, numeric) if arrow else None
        if piece is not None:
            return piece
        return self._by_python(plain, numeric) if len(plain) <= _SOME else None

    @staticmethod
    def _arrow() -> Any:
        """Return pyarrow, if it is installed."""
        with contextlib.suppress(MissingExtra):
            require("pyarrow.csv", extra="io")
            return require("pyarrow", extra="io")
        return None

    def _by_arrow(self, arrow: Any, text: bytes, numeric: Mapping[str, int]) -> Piece | None:
        """Return the rows as pyarrow reads them, or None if it does not."""
        csv = arrow.csv
        names = [str(k) for k in range(len(self._names))]
        types = {str(k): arrow.float64() for k in numeric.values()}
        if self._run is not None:
            types[str(self._run)] = arrow.dictionary(arrow.int32(), arrow.string())
        try:
            table = csv.read_csv(
                arrow.BufferReader(text),
                csv.ReadOptions(column_names=names, block_size=2**19, use_threads=False),
                csv.ParseOptions(delimiter=self._delimiter, quote_char=False),
                csv.ConvertOptions(
                    column_types=types, include_columns=list(types), null_values=_SPELLED
                ),
            )
        except arrow.ArrowInvalid:
            return None
        piece = Piece(table.num_rows, {})
        for name, k in numeric.items():
            piece.numbers[name], nans = floats_of(table.column(str(k)))
            if nans.size:
                piece.nans[name] = nans
        if self._run is not None:
            piece.runs = runs_of(table.column(str(self._run)).chunks, self._columns)
        return piece

    def _by_python(self, text: bytes, numeric: Mapping[str, int]) -> Piece | None:
        """Return the rows as Python's float reads them, or None if a cell is no number."""
        delimiter = self._delimiter.encode()
        width = len(self._names) + 1
        cells = text.replace(b"\n", delimiter + b"\n" + delimiter).split(delimiter)[:-1]
        rows = text.count(b"\n")
        if len(cells) != rows * width or cells[width - 1 :: width].count(b"\n") != rows:
            return None
        piece = Piece(rows, {})
        for name, k in numeric.items():
            column = cells[k::width]
            found = _floats(column)
            if found is None or (b"_" in text and any(b"_" in cell for cell in column)):
                return None  # 1_000 is a number of Python's alone
            piece.numbers[name], written = found
            if written.size:
                piece.nans[name] = written
        if self._run is not None:
            runs = (self._columns.run(cell.decode()) for cell in cells[self._run :: width])
            piece.runs = np.fromiter(runs, dtype=np.int64, count=rows)
        return piece


def halves(block: Block, few: int) -> list[Block]:
    """Return two parts of a block; one of few bytes, or with a long last line, stays whole."""
    if len(block.text) <= few:
        return [block]
    return [part for part in _cut(block, len(block.text) // 2) if part.text]


def _cut(block: Block, size: int) -> tuple[Block, Block]:
    """Return the lines up to the one that goes beyond a size, and the rest."""
    end = block.text.find(b"\n", size) + 1 or len(block.text)
    first = block.text[:end]
    return Block(block.line, first), Block(block.line + first.count(b"\n"), block.text[end:])


def _unquoted(text: bytes, delimiter: int) -> bytes | None:
    """Return lines without the quotes around whole cells; None where quotes are anything else."""
    codes = np.frombuffer(b"\n" + text, dtype=np.uint8)
    quotes = np.flatnonzero(codes == ord('"'))
    ends = np.flatnonzero((codes == delimiter) | (codes == ord("\n")))
    edges = np.array([delimiter, ord("\n")], dtype=np.uint8)
    if (
        quotes.size % 2
        or not np.isin(codes[quotes[0::2] - 1], edges).all()
        or not np.isin(codes[quotes[1::2] + 1], edges).all()
        or (np.searchsorted(quotes, ends) % 2).any()  # within a cell
    ):
        return None
    return text.replace(b'"', b"")


def _floats(cells: Sequence[bytes]) -> tuple[Floats, Ints] | None:
    """Return cells as numbers and the places of NaN as such, or None if one is no number."""
    try:
        try:
            values = np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
            return values, np.flatnonzero(np.isnan(values))
        except ValueError:
            values = np.fromiter(map(_float, cells), dtype=np.float64, count=len(cells))
    except ValueError:
        return None
    nans = np.flatnonzero(np.isnan(values)).tolist()
    return values, np.array([k for k in nans if not _is_missing(cells[k])], dtype=np.int64)


def _is_missing(cell: bytes) -> bool:
    return cell.strip().decode().casefold() in MISSING


def _float(cell: bytes) -> float:
    return np.nan if _is_missing(cell) else float(cell)
