"""The points of a log as it grows: which name is the loss, and what a restart supersedes."""

from __future__ import annotations

import bisect
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lawfit._log_order import count
from lawfit._printable import printable, shown
from lawfit._validate import closest
from lawfit.io import open_log
from lawfit.io.rows import (
    MAX_NAMES,
    Reader,
    Restart,
    Row,
    find_loss,
    find_lr,
    is_loss,
    is_plain_loss,
)
from lawfit.io.tail import described

__all__ = ["Log", "Series"]

_LISTED: Final = 20  # names


class Series:
    """Values at ascending steps; one at an earlier step supersedes all from there on.

    Attributes
    ----------
    steps : list of int
    values : list of float
    first_new : int
        The first entry that came or changed since `seen` was called.
    back : int
        How often the steps went back.
    dropped : int
        Values superseded.
    """

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.values: list[float] = []
        self.first_new = 0
        self.back = 0
        self.dropped = 0

    def add(self, step: int, value: float) -> None:
        """Take a value."""
        self.go_back(step)
        self.steps.append(step)
        self.values.append(value)

    def go_back(self, step: int) -> None:
        """Drop what is there at a step and later."""
        if self.steps and step <= self.steps[-1]:
            cut = bisect.bisect_left(self.steps, step)
            self.back += 1
            self.dropped += len(self.steps) - cut
            del self.steps[cut:], self.values[cut:]
            self.first_new = min(self.first_new, cut)

    def seen(self) -> None:
        """Take all that is there as known."""
        self.first_new = len(self.steps)


class Log:
    """A log that is read as it grows, and its losses and learning rates so far.

    Parameters
    ----------
    path : path-like
        As of `open_log`; it may come later.
    step, loss : str, optional
        The names to take, where the names in the log are not plain.
    one_based : bool
        The log counts updates done: its step g is step g - 1 here, and what it has at 0 is passed
        over. A trainer's state is known to.

    Attributes
    ----------
    losses, rates : Series
        By 0-based steps.
    loss : str or None
        The name of the loss, once it is known.
    last_step : int
        The last step logged, -1 before the first; lower again where a resumed run is behind.
    restarts : int
        How often the log was started over.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        step: str | None = None,
        loss: str | None = None,
        one_based: bool = False,
    ) -> None:
        self.path = path
        self.source = described(path)
        self._step = step
        self._asked = loss
        self._one_based = one_based
        self._reader: Reader | None = None
        self.restarts = 0
        self._begin()

    def _begin(self) -> None:
        self.losses = Series()
        self.rates = Series()
        self.loss = self._asked
        self._rate: str | None = None
        self._others: list[str] = []
        self._seen: dict[str, None] = {}  # names, as they came
        self._first: int | None = None
        self._early = 0  # rows before the first update
        self.last_step = -1

    @property
    def title(self) -> str | None:
        """The format, or None while there is none."""
        return self._reader.title if self._reader else None

    @property
    def total(self) -> int | None:
        """Steps of the whole run, where the log says so."""
        return self._reader.total if self._reader else None

    def notes(self) -> list[str]:
        """Say what was passed over, superseded, or waits."""
        if self._reader is None:
            missing = not Path(self.path).exists()
            return [f"waiting for {self.source}{' to be there' if missing else ': too short yet'}"]
        found = self._reader.notes()
        if self.restarts:
            found.append(f"the log was replaced or cut and read anew ({self.restarts} times)")
        if self.losses.back:
            found.append(
                f"steps went back {self.losses.back} times: {self.losses.dropped} points logged "
                "before were superseded"
            )
        if self._early:
            found.append(f"passed over {count(self._early, 'row')} logged before the first update")
        if self._others:
            listed = ", ".join(printable(name[:60]) for name in self._others[:5])
            found.append(f"the loss is {printable(str(self.loss))}; there are also {listed}")
        if self._first is not None and not self.losses.steps:
            found.append(f"so far {self._lacking()}")
        return found

    def read(self) -> bool:
        """Read all that is new, and say whether there was any row.

        Raises
        ------
        ValueError
            For what no log holds, naming file, line or record, field and value.
        OSError
            If it can't be read.
        """
        chosen = self.loss
        try:
            any_rows = self._read()
            if self.loss != chosen:
                self._refuse_ambiguous()
        except (OSError, ValueError):
            self._reader = None  # what is refused is read, and refused, again
            self._begin()
            raise
        return any_rows

    def _read(self) -> bool:
        self._reader = self._reader or open_log(self.path, step=self._step)
        any_rows = False
        while self._reader is not None:
            before = self._reader.restarts
            rows = self._reader.read()
            if self._reader.restarts != before:
                self.restarts += 1
                self._begin()
            shift = 1 if self._one_based and not self._reader.translated else 0
            for row in rows:
                self._take(row, shift)
            any_rows = any_rows or bool(rows)
            if not self._reader.more:
                break
        return any_rows

    def _take(self, row: Row, shift: int) -> None:
        step = row.step - shift
        if isinstance(row, Restart):
            self.losses.go_back(step)
            self.rates.go_back(step)
            self.last_step = min(self.last_step, max(step, 0) - 1)
            return
        if step < 0:
            self._early += 1
            return
        if self._first is None:
            self._first = step
        self.last_step = max(self.last_step, step)
        names = row.values
        if self.loss is None:
            self.loss = find_loss(names, self.source)
        self._note(names)
        if self._rate is None:
            self._rate = find_lr(names)
        if self.loss is not None and self.loss in names:
            back = self.losses.back
            self.losses.add(step, names[self.loss])
            if self.losses.back > back:
                self.last_step = step
        if self._rate is not None and math.isfinite(names.get(self._rate, math.nan)):
            self.rates.add(step, names[self._rate])

    def _note(self, names: Mapping[str, float]) -> None:
        """Remember names that could have been meant, where the log chose; a plain one is taken."""
        for name in names:
            if name in self._seen or len(self._seen) >= MAX_NAMES:
                continue
            self._seen[name] = None
            if self._asked is None and name != self.loss and is_loss(name):
                self._others.append(name)
                if is_plain_loss(name) and not is_plain_loss(str(self.loss)):
                    self._others[-1], self.loss = str(self.loss), name
                    self.losses = Series()  # no row before had this name

    def _refuse_ambiguous(self) -> None:
        """Refuse a choice that was made among several names; one that came later is told only."""
        if self._others and not is_plain_loss(str(self.loss)):
            find_loss([str(self.loss), *self._others], self.source)

    def refuse_missing(self) -> None:
        """Refuse a whole log without the loss that was asked for, or any."""
        if self._first is not None and not self.losses.steps:
            passed = self._reader.notes() if self._reader else []
            raise ValueError("; ".join([f"{self.source}: {self._lacking()}", *passed]))

    def _lacking(self) -> str:
        """Say that there is no loss, and what there is."""
        name = "loss" if self._asked is None else shown(self._asked)
        names = [printable(name) for name in list(self._seen)[:_LISTED]]
        return f"no row has {name}{closest(self._asked or name, names) if names else ''}"
