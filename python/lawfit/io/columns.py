"""The columns of a table as its blocks come: which are kept, and whose rows they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lawfit._log_order import count
from lawfit._printable import printable, shown
from lawfit._validate import Floats, Ints, Rows, closest
from lawfit.io.exports import WandbExport
from lawfit.io.logs import Log
from lawfit.io.rows import MAX_NAMES, find_lr, find_step, is_loss
from lawfit.io.text import MISSING, Kinds

__all__ = ["MAX_BYTES", "Choice", "Columns", "Piece", "is_nameless", "is_run", "missing_column"]

MAX_BYTES: Final = 2**31  # of all columns that are kept
Choice: TypeAlias = Collection[str] | Callable[[Sequence[str]], Collection[str]] | None

_RUNS: Final = frozenset({"run", "run_id", "run_name"})


@dataclass
class Piece:
    """Some rows: numbers by name, NaN where there are none, and the run of each.

    Attributes
    ----------
    rows : int
    numbers : dict of str to ndarray of float64, shape (rows,)
    nans : dict of str to ndarray of int64
        The rows where a column holds NaN as such, for columns that have any.
    runs : ndarray of int64, shape (rows,), or None
        As `Columns.run` counts them, -1 for none; None where nothing tells runs apart.
    """

    rows: int
    numbers: dict[str, Floats]
    nans: dict[str, Ints] = field(default_factory=dict)
    runs: Ints | None = None


class Columns:
    """What is kept of a table.

    Parameters
    ----------
    source : str
        What messages call the table.
    columns : collection of str, callable or None
        The columns to keep, or what chooses them from all names; None keeps all with numbers.
    by : str, optional
        The column that tells runs apart. Without, one named run, run_id or run_name does; with an
        empty name, none.
    max_bytes : int
        How much may be kept.

    Attributes
    ----------
    kinds : Kinds
    notes : list of str
    """

    def __init__(
        self,
        source: str,
        *,
        columns: Choice = None,
        by: str | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.source = source
        self.kinds = Kinds()
        self.by = by or None
        self._one_log = by == ""
        self.notes: list[str] = []
        self._choice = columns
        self._asked: frozenset[str] = frozenset()
        self._kept: dict[str, None] | None = None  # in the order of the table, once it has names
        self._runs_are_asked = by is not None
        self._export: WandbExport | None = None
        self._max_bytes = max_bytes
        self._pieces: list[Piece] = []
        self._bytes = 0
        self._rows = 0
        self._runs: dict[str, int] = {}
        self._passed: dict[str, str] = {}

    def choose(self, names: Sequence[str], where: str) -> list[str]:
        """Return which of a table's names to keep, in their order.

        Raises
        ------
        ValueError
            If one that was asked for is not there, listing what is.
        """
        if self.by is None and not self._one_log:
            self._export = WandbExport.of(names)
        if self._export is not None:
            self.notes.append(self._export.note())
            columns = self._export.choose(lambda metrics: self._chosen(metrics, where))
            self._asked &= frozenset(columns)
            self._kept = dict.fromkeys(columns)
            return columns
        self.find_runs(names)
        missing_column([self.by] if self.by else [], names, where)
        return self._chosen(names, where)

    def _chosen(self, names: Sequence[str], where: str) -> list[str]:
        kept = self.keep(names)
        if self._choice is not None:
            missing_column(kept, names, where)
        return kept

    def keep(self, names: Sequence[str]) -> list[str]:
        """Return which names are kept, in their order; then those that are not there."""
        if self._choice is None:
            kept = {name for name in names if name}
        else:
            kept = set(self._choice(names) if callable(self._choice) else self._choice)
            self._asked |= kept - {self.by}
        kept.discard(str(self.by))
        found = [name for name in names if name in kept]
        found += sorted(kept.difference(names))
        self._kept = (self._kept or {}) | dict.fromkeys(found)
        return found

    def find_runs(self, names: Iterable[str]) -> None:
        """Look for the column that tells runs apart, if none was given.

        Raises
        ------
        ValueError
            If there are rows already, whose run nothing says.
        """
        if self.by is None and not self._one_log:
            self.by = next(filter(is_run, names), None)
            if self.by is not None and self._rows:
                by = printable(self.by)
                raise ValueError(f"{self.source}: {by} tells runs apart from row {self._rows} on")

    def number(self, name: str, value: object, place: str) -> float | None:
        """Return a value as a number, or None where it is missing or its column is of text."""
        return self.kinds.number(name, value, place, sure=name in self._asked)

    def needs(self, name: str) -> bool:
        """Say whether a column must not be passed over: it was asked for, or is known by name."""
        known = find_step([name]) or find_lr([name]) or is_loss(name)
        return name in self._asked or bool(known)

    def pass_over(self, name: str, why: str) -> None:
        """Take a column, and what it gave so far, for one that holds no numbers."""
        self._passed.setdefault(name, why)
        self.kinds.numeric[name] = False

    def is_text(self, name: str) -> bool:
        """Say whether a column is known to hold text."""
        return self.kinds.numeric.get(name) is False

    def run(self, value: object) -> int:
        """Return the number of a run by its name, from 0 as they come; -1 where it has none."""
        text = "" if value is None else str(value).strip()
        if is_nameless(text):
            return -1
        return self._runs.setdefault(text, len(self._runs))

    def add(self, piece: Piece) -> None:
        """Take more rows.

        Raises
        ------
        ValueError
            If all is more than `max_bytes`.
        """
        for name in [name for name in piece.numbers if not self.kinds.numeric.get(name)]:
            read_ahead = self.is_text(name)  # before it was known for text
            if read_ahead or (np.isnan(piece.numbers[name]).all() and name not in piece.nans):
                del piece.numbers[name]
            elif len(self.kinds.numeric) >= MAX_NAMES:
                raise ValueError(f"{self.source}: more than {MAX_NAMES} names")
            else:
                self.kinds.numeric[name] = True
        self._bytes += 8 * piece.rows * (1 + len(piece.numbers))
        self._rows += piece.rows
        if self._bytes > self._max_bytes:
            raise ValueError(
                f"{self.source}: more than {self._max_bytes} bytes of numbers; "
                "name the columns that are needed, or give the runs apart, as in folders run=…"
            )
        self._pieces.append(piece)

    def add_cells(
        self, names: Sequence[str], rows: Iterable[tuple[str, Mapping[str, object]]]
    ) -> None:
        """Take rows value by value, each with its place for messages."""
        numbers: dict[str, list[float]] = {name: [] for name in names}
        nans: dict[str, list[int]] = {}
        runs: list[int] = []
        for k, (place, cells) in enumerate(rows):
            runs.append(self.run(cells.get(self.by)) if self.by else -1)
            for name, found in numbers.items():
                number = self.number(name, cells.get(name), place)
                if number is not None and number != number:  # noqa: PLR0124 - NaN alone is so
                    nans.setdefault(name, []).append(k)
                found.append(np.nan if number is None else number)
        self.add(
            Piece(
                len(runs),
                {name: np.array(found, dtype=np.float64) for name, found in numbers.items()},
                {name: np.array(at, dtype=np.int64) for name, at in nans.items()},
                np.array(runs, dtype=np.int64) if self.by else None,
            )
        )

    def logs(self, name: str, title: str, *, unordered: bool = False) -> list[Log]:
        """Return a log for each run, or one called `name` where nothing tells runs apart.

        `title` and `unordered` are the `Log`'s. There is none where none of the table's columns was
        chosen.

        Raises
        ------
        ValueError
            If there is no row, or none with a number, or none with a run that was asked for.
        """
        if self._choice is not None and self._kept == {}:
            return []
        names = [name for name in self._kept or {} if self.kinds.numeric.get(name)]
        empty = [key for key in self._asked if key not in self.kinds.numeric]
        notes = [*self.notes, *self.kinds.notes()]
        notes += [f"passed over {printable(key)}: {why}" for key, why in self._passed.items()]
        notes += [f"{printable(key)} has no value" for key in sorted(empty)]
        if not self._rows:
            raise ValueError("; ".join([f"{self.source} has 0 rows", *notes]))
        if not names:
            raise ValueError("; ".join([f"{self.source} has no column of numbers", *notes]))
        whole = self._joined(names)
        notes = [*self._told_of_runs(whole), *notes]
        about = {"format": title, "unordered": unordered}
        log_of = partial(self._log, whole=whole, written=_masks(whole), about=about)
        if whole.runs is None:
            log = log_of(name, slice(None), notes=notes)
            return [log] if self._export is None else self._export.split(log)
        order = np.argsort(whole.runs, kind="stable")
        ends = np.searchsorted(whole.runs[order], np.arange(len(self._runs) + 1))
        if ends[0]:
            rows = count(int(ends[0]), "row")
            notes.append(f"passed over {rows} without {printable(str(self.by))}")
        return [
            log_of(run, order[begin:end], notes=notes)
            for run, begin, end in zip(self._runs, ends[:-1], ends[1:], strict=True)
        ]

    def _told_of_runs(self, whole: Piece) -> list[str]:
        """Say what tells runs apart; a column that nobody asked for and that is empty does not."""
        if whole.runs is None or (self._runs and self._runs_are_asked):
            return []
        by = printable(str(self.by))
        if self._runs:
            return [f"one run for each value of {by}"]
        if self._runs_are_asked:
            raise ValueError(f"{self.source}: {by} has no value")
        whole.runs = None
        return [f"{by} has no value: all rows are one run"]

    def _joined(self, names: Sequence[str]) -> Piece:
        """Return all rows as one piece, and let go of the pieces."""
        if len(self._pieces) == 1:
            whole = self._pieces.pop()
            whole.numbers = {name: whole.numbers[name] for name in names}
            return whole
        begins = np.cumsum([0, *(piece.rows for piece in self._pieces)])
        whole = Piece(self._rows, {})
        for name in names:
            column = np.full(self._rows, np.nan)
            found = []
            for piece, begin in zip(self._pieces, begins[:-1], strict=True):
                if name in piece.numbers:
                    column[begin : begin + piece.rows] = piece.numbers.pop(name)
                if name in piece.nans:
                    found.append(piece.nans.pop(name) + begin)
            whole.numbers[name] = column
            if found:
                whole.nans[name] = np.concatenate(found)
        runs = [piece.runs for piece in self._pieces if piece.runs is not None]
        whole.runs = np.concatenate(runs) if runs else None
        self._pieces.clear()
        return whole

    def _log(
        self,
        name: str,
        rows: Rows | slice,
        *,
        whole: Piece,
        written: Mapping[str, NDArray[np.bool_]],
        about: dict[str, Any],
        notes: Sequence[str],
    ) -> Log:
        """Return the log of some rows, without those and the columns that have nothing in it."""
        columns = {key: values[rows] for key, values in whole.numbers.items()}
        there = np.zeros(len(next(iter(columns.values()))), dtype=bool)
        logged = {key: ~np.isnan(values) for key, values in columns.items()}
        nans = {}
        for key, mask in written.items():
            logged[key] |= mask[rows]
            nans[key] = int(mask[rows].sum())
        for mask in logged.values():
            there |= mask
        kept = {key: values for key, values in columns.items() if logged[key].any()}
        if not there.all():
            kept = {key: values[there] for key, values in kept.items()}
        return Log(
            name=name,
            source=self.source,
            columns=kept,
            notes=tuple(notes),
            nans={key: count for key, count in nans.items() if count},
            **about,
        )


def is_run(name: str) -> bool:
    """Say whether a column tells runs apart by its name."""
    return name.strip().casefold() in _RUNS


def is_nameless(run: str) -> bool:
    """Say whether a run's name says that it has none."""
    return run.strip().casefold() in {*MISSING, "nan"}


def _masks(piece: Piece) -> dict[str, NDArray[np.bool_]]:
    """Return where columns hold NaN as such, for those that do."""
    masks = {}
    for name, at in piece.nans.items():
        masks[name] = np.zeros(piece.rows, dtype=np.bool_)
        masks[name][at] = True
    return masks


def missing_column(wanted: Iterable[str], names: Collection[str], where: str) -> None:
    """Refuse a table without one of the columns that were asked for, listing what it has."""
    for name in wanted:
        if name not in names:
            near = closest(name, [printable(known[:100]) for known in names if known])
            raise ValueError(f"{where}: column {shown(name)} is missing{near}")
