"""Logs that are text: a table with a header, or a JSON object a line."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from lawfit._json import parse_json
from lawfit._printable import printable, shown
from lawfit.io.rows import MAX_NAMES, Row, find_step, is_loss, unknown_name, whole_step
from lawfit.io.tail import Lines

__all__ = [
    "MISSING",
    "CsvReader",
    "JsonLinesReader",
    "Kinds",
    "cells_of",
    "check_header",
    "delimiter_of",
    "flat_record",
]

_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_NOT_FINITE: Final = re.compile(r"[+-]?(?:nan|inf|infinity)", re.ASCII | re.IGNORECASE)
MISSING: Final = frozenset({"", "-", "na", "n/a", "<na>", "null", "none"})
_LONGEST_NUMBER: Final = 640  # characters
_DEPTH: Final = 4  # of objects within a line whose numbers get a name


class Kinds:
    """Which names hold numbers and which hold text, by the first value each has.

    Text is passed over; among numbers it is refused, because a damaged number must not go unseen.

    Attributes
    ----------
    numeric : dict of str to bool
        The names that had a value, at most `MAX_NAMES`.
    """

    def __init__(self) -> None:
        self.numeric: dict[str, bool] = {}

    def number(self, name: str, value: object, place: str, *, sure: bool = False) -> float | None:
        """Return a value as a number, or None where it is missing or the name is one of text.

        `sure` says that the name holds numbers whatever its first value is.
        """
        if value is None or (isinstance(value, str) and value.strip().casefold() in MISSING):
            return None
        number = _read_number(value)
        if self._is_numeric(name, number is not None or sure, place):
            if number is None:
                where = f"{place}: {printable(name[:100])}"
                raise ValueError(f"{where} is {shown(value)}; expected a number")
            return number
        return None

    def _is_numeric(self, name: str, now: bool, place: str) -> bool:
        if name not in self.numeric:
            if len(self.numeric) >= MAX_NAMES:
                raise ValueError(f"{place}: more than {MAX_NAMES} names")
            self.numeric[name] = now
        return self.numeric[name]

    def notes(self) -> list[str]:
        """Say which losses are text."""
        words = [name for name, numeric in self.numeric.items() if not numeric and is_loss(name)]
        return [f"passed over {printable(name)}: its first value is no number" for name in words]


class _Text:
    """What both readers share: lines, and which names hold numbers."""

    total: int | None = None
    translated = False

    def __init__(self, path: Any, step: str | None = None) -> None:
        self._lines = Lines(path)
        self._asked = step
        self._begin()

    def _begin(self) -> None:
        self._step = self._asked
        self._kinds = Kinds()
        self._stepless = 0

    @property
    def source(self) -> str:
        """The path as messages show it."""
        return self._lines.tail.source

    @property
    def restarts(self) -> int:
        """How often the file was started over."""
        return self._lines.tail.restarts

    @property
    def more(self) -> bool:
        """Whether the last read left something."""
        return self._lines.tail.more

    @property
    def waiting(self) -> int:
        """Bytes of a last line whose end is not there yet."""
        return self._lines.waiting

    def notes(self) -> list[str]:
        """Say what was passed over, and what waits."""
        found = []
        if self._lines.tail.missing:
            found.append("the file is gone; waiting for it")
        found += self._kinds.notes()
        if self._stepless:
            found.append(f"passed over {self._stepless} lines without a step")
        if self.waiting:
            found.append(f"the last line has no end yet: its {self.waiting} bytes wait")
        return found

    def read(self) -> list[Row]:
        """Return the rows of the next block of whole lines."""
        restarts = self.restarts
        lines = self._lines.read()
        if self.restarts != restarts:
            self._begin()
        return list(self._rows(lines))

    def _rows(self, lines: list[tuple[int, str]]) -> Iterator[Row]:
        raise NotImplementedError

    def _numbers(self, cells: Mapping[str, object], line: int) -> dict[str, float]:
        """Return the values that are numbers."""
        found = {}
        place = f"{self.source}: line {line}"
        for name, value in cells.items():
            number = self._kinds.number(name, value, place, sure=name == self._step)
            if number is not None:
                found[name] = number
        return found

    def _row(self, cells: Mapping[str, object], line: int) -> Row | None:
        values = self._numbers(cells, line)
        step = values.pop(self._step, None) if self._step is not None else None
        if step is None:
            self._stepless += 1
            return None
        where = f"{self.source}: line {line}: {printable(str(self._step))}"
        return Row(whole_step(step, where), values)


class CsvReader(_Text):
    """A table with a header: cells between commas, tabs or semicolons, quoted as CSV is.

    Blank lines and those that begin with ``#`` are passed over, as is the header where it comes
    again. Empty cells and NA, null, None and the like are missing.

    Parameters
    ----------
    path : path-like
    step : str, optional
        The column that counts steps, where its name does not say so.
    """

    title = "CSV"

    def _begin(self) -> None:
        super()._begin()
        self._header: list[str] = []
        self._delimiter = ","

    @property
    def names(self) -> list[str]:
        """The header's, once it is read."""
        return self._header

    def _rows(self, lines: list[tuple[int, str]]) -> Iterator[Row]:
        for number, line in lines:
            if not line.strip() or line.startswith("#"):
                continue
            if not self._header:
                self._read_header(number, line)
                continue
            cells = cells_of(line, self._delimiter, f"{self.source}: line {number}")
            if cells == self._header:
                continue
            if len(cells) != len(self._header):
                raise ValueError(
                    f"{self.source}: line {number} has {len(cells)} cells; the header has "
                    f"{len(self._header)}"
                )
            row = self._row(dict(zip(self._header, cells, strict=True)), number)
            if row is not None:
                yield row

    def _read_header(self, number: int, line: str) -> None:
        where = f"{self.source}: line {number}"
        self._delimiter = delimiter_of(line)
        names = cells_of(line, self._delimiter, where)
        check_header(names, where)
        if self._step is None:
            self._step = find_step(names)
        if self._step is None:
            listed = ", ".join(shown(name) for name in names[:20])
            raise ValueError(f"{where}: no column counts steps; the header has {listed}")
        if self._step not in names:
            raise ValueError(f"{where}: {unknown_name(self._step, names[:100])}")
        self._header = names


class JsonLinesReader(_Text):
    """A JSON object a line; numbers of objects within get a name like ``train/loss``.

    Numbers may be written as strings, and NaN and Infinity as Python writes them. What is neither,
    and lines without a step, are passed over.

    Parameters
    ----------
    path : path-like
    step : str, optional
        The key that counts steps, where its name does not say so.
    """

    title = "JSON lines"

    def _rows(self, lines: list[tuple[int, str]]) -> Iterator[Row]:
        for number, line in lines:
            if not line.strip():
                continue
            where = f"{self.source}: line {number}"
            record = parse_json(line, where, not_finite=True)
            if not isinstance(record, dict):
                raise ValueError(f"{where} is {shown(record)}; expected a JSON object")
            cells = dict(flat_record(record))
            if self._step is None:
                self._step = find_step(cells)
            row = self._row(cells, number)
            if row is not None:
                yield row


def delimiter_of(header: str) -> str:
    """Return which of tab, semicolon and comma there is most of in a header."""
    return max(",\t;", key=header.count)


def cells_of(line: str, delimiter: str, where: str) -> list[str]:
    """Return the cells of a line, without spaces around them."""
    try:
        found = next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise ValueError(f"{where}: {error}") from None
    return [cell.strip() for cell in found]


def check_header(names: list[str], where: str) -> None:
    """Refuse too many names, a name that is there twice, and a header of numbers."""
    if len(names) > MAX_NAMES:
        raise ValueError(f"{where} has {len(names)} columns; expected at most {MAX_NAMES}")
    twice = next((name for name, count in Counter(names).items() if name and count > 1), None)
    if twice is not None:
        raise ValueError(f"{where}: the column {shown(twice)} is twice in the header")
    if all(_read_number(name) is not None for name in names):
        raise ValueError(f"{where} has numbers; expected a header with the columns' names")


def flat_record(
    record: Mapping[str, Any], prefix: str = "", depth: int = _DEPTH
) -> Iterator[tuple[str, object]]:
    """Yield the values of an object, those of objects within by names like ``train/loss``."""
    for key, value in record.items():
        if not isinstance(value, dict):
            yield prefix + key, value
        elif depth:
            yield from flat_record(value, f"{prefix}{key}/", depth - 1)


def _read_number(value: object) -> float | None:
    """Return a number, or one that text spells; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _LONGEST_NUMBER or not (
            _NUMBER.fullmatch(text) or _NOT_FINITE.fullmatch(text)
        ):
            return None
        return float(text)
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return None
    return None
