"""What many small fits found: an array for each number of a fit."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lawfit import _core
from lawfit._csv import csv_text
from lawfit._files import write_atomically
from lawfit._frozen import ReadOnly
from lawfit._validate import Floats, Ints, real
from lawfit.groups import Key
from lawfit.law import Law
from lawfit.options import Options
from lawfit.text import table_line, table_summary

__all__ = ["FitTable"]

Codes = NDArray[np.int8]
# Of the ends of intervals, in the columns of `FitTable.to_dict`.
LEVEL = 0.95


@dataclass(frozen=True, eq=False, repr=False)
class FitTable(ReadOnly):
    """A law fitted to many groups of rows: an array for each number of a `Fit`.

    All arrays are read-only, a value for each of g groups; ``len(table)`` is g.

    Attributes
    ----------
    law : Law
    by : str or None
        The attribute or column that the groups are the values of; None for a function.
    keys : tuple of str or float
        The groups' keys, in the order in which the data have them.
    free : tuple of str
        The parameters that were fitted.
    params, stderr : mapping of str to ndarray, shape (g,)
        All parameters in natural units and their standard errors, as of `Fit`.
    objective : ndarray, shape (g,)
    status : ndarray of int8, shape (g,)
        Index of each group's status in `FitTable.STATUSES`, those of `Fit.status`.
    starts_agreed, starts_asked, n : ndarray of int64, shape (g,)
        As of `Fit`.
    resampled : mapping of str to ndarray, shape (g, resamples)
        The free parameters of every bootstrap, as of `Bootstrap.params`.
    resampled_objective, resampled_status : ndarray, shape (g, resamples)
        As of `Bootstrap`.
    options : Options
    notes : tuple of str
        What was done to the data and the starts, such as rows dropped.
    """

    STATUSES: ClassVar[tuple[str, ...]] = _core.STATUSES

    law: Law
    by: str | None
    keys: tuple[Key, ...]
    free: tuple[str, ...]
    params: Mapping[str, Floats]
    stderr: Mapping[str, Floats]
    objective: Floats
    status: Codes
    starts_agreed: Ints
    starts_asked: Ints
    n: Ints
    resampled: Mapping[str, Floats]
    resampled_objective: Floats
    resampled_status: Codes
    options: Options
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def seed(self) -> int:
        """Of the starts and of the resamples."""
        return self.options.seed

    @property
    def resamples(self) -> int:
        """Bootstraps of every group."""
        return int(self.resampled_status.shape[1])

    @property
    def converged(self) -> NDArray[np.bool_]:
        """Whether each group converged and its rows determine every parameter, shape (g,)."""
        return self._are_converged(self.status)

    def _are_converged(self, status: Codes) -> NDArray[np.bool_]:
        result: NDArray[np.bool_] = status == self.STATUSES.index("converged")
        return result

    def counts(self) -> dict[str, int]:
        """Return how many groups ended in which status, by name, if any did."""
        return self._count(self.status)

    def resampled_counts(self) -> dict[str, int]:
        """Return the same of the resamples of all groups."""
        return self._count(self.resampled_status)

    def _count(self, status: Codes) -> dict[str, int]:
        found = {name: int(np.sum(status == k)) for k, name in enumerate(self.STATUSES)}
        return {name: k for name, k in found.items() if k}

    def conf_int(self, level: float = LEVEL) -> dict[str, Floats]:
        """Return percentile intervals of the resamples that converged.

        Parameters
        ----------
        level : float
            Share of a group's resamples within its interval, as many being below as above.

        Returns
        -------
        dict of str to ndarray, shape (g, 2)
            For every parameter; the ends of one that was held are its value, those of a group
            without a resample that converged NaN.

        Raises
        ------
        TypeError, ValueError
            For a level not within (0, 1), or a table without resamples.
        """
        share = real(level, field="level", lower=0, upper=1, strict=True)
        if not self.resamples:
            raise ValueError("the table has no resamples; fit_many(..., resamples=100) draws some")
        ends = [(1 - share) / 2, (1 + share) / 2]
        lost = ~self._are_converged(self.resampled_status)
        rows = np.flatnonzero(lost.any(axis=1))
        found: dict[str, Floats] = {}
        for name, values in self.params.items():
            if name not in self.free:
                found[name] = np.stack([values, values], axis=1)
                continue
            drawn = self.resampled[name]
            pairs = np.quantile(drawn, ends, axis=1).T
            for g in rows:
                good = drawn[g][~lost[g]]
                pairs[g] = np.quantile(good, ends) if good.size else math.nan
            found[name] = pairs
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return columns of g values, of which a data frame makes itself in one call.

        The key (named as `by`, or "group"), n, each parameter, ``name_stderr`` of those fitted and,
        with resamples, ``name_low`` and ``name_high`` of their 95% intervals, objective, status (by
        name), starts_agreed and starts_asked.

        Raises
        ------
        ValueError
            If two columns had the same name, as where `by` or a parameter is "n".
        """
        columns: list[tuple[str, Any]] = [(self.by or "group", list(self.keys)), ("n", self.n)]
        intervals = self.conf_int() if self.resamples else {}
        for name, values in self.params.items():
            columns.append((name, values))
            if name in self.free:
                columns.append((f"{name}_stderr", self.stderr[name]))
                if intervals:
                    low, high = intervals[name].T
                    columns += [(f"{name}_low", low), (f"{name}_high", high)]
        columns += [
            ("objective", self.objective),
            ("status", [self.STATUSES[k] for k in self.status.tolist()]),
            ("starts_agreed", self.starts_agreed),
            ("starts_asked", self.starts_asked),
        ]
        named = dict(columns)
        if len(named) < len(columns):
            names = [name for name, _ in columns]
            twice = next(name for name in named if names.count(name) > 1)
            raise ValueError(
                f"two columns would be named {twice!r}: the law's parameters are "
                f"{', '.join(self.params)}, and groups are by {names[0]!r}"
            )
        return named

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the columns of `to_dict` as CSV, whole or not at all.

        A header, then a line a group, in UTF-8 as RFC 4180 has it, with numbers as Python's repr,
        which reads back as the same float64. Text that a spreadsheet would run gets a ``'`` before
        it.

        Parameters
        ----------
        path : str or path-like
            A regular file, or nothing yet.

        Raises
        ------
        ValueError
            As `to_dict`.
        OSError
            If it can't be written; what was there is there still.
        """
        content = csv_text(self.to_dict()).encode(errors="backslashreplace")
        write_atomically(path, content)

    def summary(self) -> str:
        """Return the fits on several lines: a line a group, how they ended."""
        return table_summary(self)

    def __repr__(self) -> str:
        return table_line(self)
