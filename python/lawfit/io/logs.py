"""A log read whole: named columns of numbers, before anything is chosen or dropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from lawfit._validate import Floats, Ints, Rows
from lawfit.io.rows import MAX_NAMES, Row

__all__ = ["STEP", "Log", "Scalars", "log_of_rows"]

STEP: Final = "step"  # what the columns call the steps of formats that have them without a name


@dataclass(frozen=True)
class Log:
    """A log of one run, read whole.

    Attributes
    ----------
    name : str
        How the run is called.
    source : str
        The file or files, as messages show them.
    format : str
        For people: "CSV", "TensorBoard events", …
    columns : mapping of str to ndarray of float64, shape (rows,)
        In the order of the log; NaN where nothing was logged.
    notes : tuple of str
        What was passed over, and what is unusual.
    translated : bool
        Whether `step` is 0-based whatever the log counts, because the format says what it does.
    total : int or None
        Steps of the whole run, where the log says so.
    nans : mapping of str to int
        How often NaN was logged as such, where the format tells it from nothing.
    unordered : bool
        Whether the rows are those of several files, in the order of the files' names, which need
        not be that of the run.
    """

    name: str
    source: str
    format: str
    columns: Mapping[str, Floats]
    notes: tuple[str, ...] = ()
    translated: bool = False
    total: int | None = None
    nans: Mapping[str, int] = field(default_factory=dict)
    unordered: bool = False


class SparseColumns(Mapping[str, Floats]):
    """Columns of which each has values in some rows only, made when they are asked for.

    A run may have thousands of tags, logged at steps of their own.
    """

    def __init__(self, steps: Floats, cells: dict[str, tuple[Rows, Floats]]) -> None:
        self._steps = steps
        self._cells = cells

    def __getitem__(self, name: str) -> Floats:
        if name == STEP:
            return self._steps
        rows, values = self._cells[name]
        column = np.full(len(self._steps), np.nan)
        column[rows] = values
        return column

    def __contains__(self, name: object) -> bool:
        return name == STEP or name in self._cells

    def __iter__(self) -> Iterator[str]:
        return iter([STEP, *self._cells])

    def __len__(self) -> int:
        return 1 + len(self._cells)


class Scalars(NamedTuple):
    """Numbers with a step and a name each, in the order they were logged.

    Attributes
    ----------
    steps : ndarray of int64, shape (n,)
    kinds : ndarray of int, shape (n,)
        Of which name each is.
    values : ndarray of float64, shape (n,)
    names : list of str
    """

    steps: Ints
    kinds: Rows
    values: Floats
    names: list[str]

    def log(self, *, notes: tuple[str, ...] = (), **described: Any) -> Log:
        """Return the log with a row for those of one step that follow each other.

        A name that comes again at a step begins another row. Other arguments are those of `Log`.
        """
        rows, first = _rows(self.steps, self.kinds)
        cells, nans = {}, {}
        order = np.argsort(self.kinds, kind="stable")
        cuts = np.searchsorted(self.kinds[order], np.arange(len(self.names) + 1))
        parts = np.split(order, cuts[1:-1]) if self.names else []
        logged = zip(parts, self.names, strict=True)
        there = [(which, name) for which, name in logged if len(which)]
        for which, name in sorted(there, key=lambda one: int(one[0][0])):  # as they came first
            if name == STEP:
                notes = (*notes, f"passed over values named {STEP!r}, as the steps are")
                continue
            cells[name] = rows[which], self.values[which]
            missing = int(np.isnan(self.values[which]).sum())
            if missing:
                nans[name] = missing
        columns = SparseColumns(self.steps[first].astype(np.float64), cells)
        return Log(columns=columns, notes=notes, nans=nans, **described)


def log_of_rows(rows: Iterable[Row], *, source: str, **described: Any) -> Log:
    """Return the log of rows in order, as `Scalars.log`.

    Raises
    ------
    ValueError
        If the rows have more than `MAX_NAMES` names.
    """
    names: dict[str, int] = {}
    steps, kinds, values = [], [], []
    for step, logged in rows:
        for name, value in logged.items():
            if name not in names and len(names) >= MAX_NAMES:
                raise ValueError(f"{source}: more than {MAX_NAMES} names")
            steps.append(step)
            kinds.append(names.setdefault(name, len(names)))
            values.append(value)
    found = Scalars(
        np.array(steps, np.int64), np.array(kinds, np.intp), np.array(values, float), list(names)
    )
    return found.log(source=source, **described)


def _rows(steps: Ints, kinds: Rows) -> tuple[Rows, Rows]:
    """Return the row of each value, and the first value of each row."""
    n = len(steps)
    if not n:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    group = np.concatenate([[0], np.cumsum(np.diff(steps) != 0)])
    order = np.lexsort((kinds, group))  # stable, so in order of logging within a group and kind
    begins = np.ones(n, dtype=bool)
    begins[1:] = (np.diff(group[order]) != 0) | (np.diff(kinds[order]) != 0)
    at = np.arange(n)
    again = np.empty(n, np.intp)
    again[order] = at - np.maximum.accumulate(np.where(begins, at, 0))
    _, first, rows = np.unique(
        group * (again.max() + 1) + again, return_index=True, return_inverse=True
    )
    return rows, first
