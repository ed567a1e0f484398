"""JSON lines read once and whole: a block of them at a time, by Python's parser in C."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from lawfit._json import parse_json
from lawfit._printable import shown
from lawfit._validate import Floats
from lawfit.io.columns import Columns, Piece, missing_column
from lawfit.io.csv_table import halves
from lawfit.io.lines import Block, LineBlocks
from lawfit.io.rows import MAX_NAMES
from lawfit.io.tail import MAX_LINE
from lawfit.io.text import flat_record

__all__ = ["JsonTable"]

_FEW: Final = 2**14  # bytes that are read line by line
_SOME: Final = 2**21  # bytes whose values may all be Python objects at once
_NUMBERS: Final = {int, float, type(None)}
_SPACED: Final = re.compile(rb'"[ \t\r]+:')  # the end of a key that is not counted


class JsonTable:
    """A JSON object a line; numbers of objects within get a name like ``train/loss``.

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
        self._names: dict[str, None] = {}  # all that were met, in order
        self._kept: list[str] = []

    def read(self) -> None:
        """Read all of it.

        Raises
        ------
        ValueError
            For what no log holds, naming file, line, name and value.
        OSError
            If it can't be read.
        """
        for block in self._lines:
            self._take(block)
        if (last := self._lines.last(_is_whole)) is not None:
            self._take(last)
        by = self._columns.by
        missing_column([*self._kept, *([by] if by else [])], self._names, self._source)

    def _take(self, block: Block) -> None:
        fits = len(block.text) <= _SOME
        records = _parsed(block.text) if fits else None
        if records is not None and self._take_records(records):
            return
        parts = halves(block, _FEW)
        if len(parts) > 1:
            for part in parts:
                self._take(part)
            return
        rows = list(self._rows(block))
        self._meet(cells for _, cells in rows)
        self._columns.add_cells(self._kept, rows)

    def _rows(self, block: Block) -> Iterator[tuple[str, Mapping[str, object]]]:
        for number, line in enumerate(block.text.split(b"\n")[:-1], block.line):
            if not line.strip():
                continue
            place = f"{self._source}: line {number}"
            if len(line) > MAX_LINE:
                raise ValueError(f"{place} has more than {MAX_LINE} bytes")
            record = parse_json(line, place, not_finite=True)
            if not isinstance(record, dict):
                raise ValueError(f"{place} is {shown(record)}; expected a JSON object")
            yield place, dict(flat_record(record))

    def _meet(self, rows: Iterator[Mapping[str, object]]) -> None:
        """Look which names are new, and which of all are kept."""
        before = len(self._names)
        for cells in rows:
            self._names.update(dict.fromkeys(cells))
        if len(self._names) > MAX_NAMES:
            raise ValueError(f"{self._source}: more than {MAX_NAMES} names")
        if not before:
            self._columns.find_runs(self._names)
        if len(self._names) > before:
            self._kept = self._columns.keep(list(self._names))

    def _take_records(self, records: Sequence[dict[str, Any]]) -> bool:
        """Take rows whose values are numbers or, by name, text; say whether they are such."""
        rows = [dict(flat_record(r)) if dict in set(map(type, r.values())) else r for r in records]
        self._meet(iter(rows))
        piece = Piece(len(rows), {})
        for name in self._kept:
            if self._columns.is_text(name):
                continue
            values = [row.get(name) for row in rows]
            if not set(map(type, values)) <= _NUMBERS:
                return False
            try:
                found = piece.numbers[name] = np.array(values, dtype=np.float64)
            except OverflowError:
                return False
            if np.isinf(found).any():  # 1e999 is refused, the token Infinity is not
                return False
            self._find_nans(piece, name, found, values)
        if self._columns.by is not None:
            runs = [self._columns.run(row.get(self._columns.by)) for row in rows]
            piece.runs = np.array(runs, dtype=np.int64)
        self._columns.add(piece)
        return True

    def _find_nans(self, piece: Piece, name: str, found: Floats, values: Sequence[object]) -> None:
        at = [k for k in np.flatnonzero(np.isnan(found)).tolist() if values[k] is not None]
        if at:
            piece.nans[name] = np.array(at, dtype=np.int64)


def _is_whole(line: str) -> bool:
    """Say whether a line without its end is whole: an object that is closed."""
    with contextlib.suppress(ValueError):
        return isinstance(parse_json(line, "", not_finite=True), dict)
    return False


def _parsed(text: bytes) -> list[dict[str, Any]] | None:
    """Return the objects of lines, or None if one may not be what the strict parser takes.

    A zero between any two lines keeps one that is cut off from being joined with the next. As many
    keys as there are ends of keys means that no key is there twice.
    """
    lines = [line for line in text.split(b"\n") if line.strip()]
    try:
        found = json.loads(b"[" + b",0,".join(lines) + b"]")
    except (ValueError, RecursionError):
        return None
    records: list[dict[str, Any]] = found[0::2]
    if len(records) != len(lines) or set(map(type, records)) - {dict} or any(found[1::2]):
        return None
    if sum(map(_keys, records)) != text.count(b'":') or _SPACED.search(text):
        return None
    return records


def _keys(record: Mapping[str, Any]) -> int:
    inner = [value for value in record.values() if isinstance(value, dict)]
    return len(record) + sum(map(_keys, inner))
