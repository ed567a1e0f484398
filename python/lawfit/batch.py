"""Many small fits in one call: a law over every group of rows, and bootstraps of each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lawfit import _core
from lawfit._frozen import ReadOnly
from lawfit._keywords import known_keywords
from lawfit._validate import Floats, Ints, integer, real
from lawfit.callable_law import CallableLaw
from lawfit.curve import Curve
from lawfit.curves import as_curves
from lawfit.groups import By, Key, group_rows
from lawfit.law import Law
from lawfit.options import Options, read_law
from lawfit.problem import read_job
from lawfit.rows import Rows, is_table
from lawfit.schedule import Warmup
from lawfit.solve import COARSE, Job, check_enough, description, free_parameters
from lawfit.starts import (
    STARTS_PER_PARAMETER,
    Range,
    given_starts,
    in_order,
    needs_sizes,
    number_of_starts,
    ranges_of,
)
from lawfit.text import table_line, table_summary

__all__ = ["FitTable", "fit_many"]

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

    def summary(self) -> str:
        """Return the fits on several lines: a line a group, how they ended."""
        return table_summary(self)

    def __repr__(self) -> str:
        return table_line(self)


@known_keywords
def fit_many(
    law: Law | str,
    data: Any,
    *,
    by: By,
    resamples: int = 0,
    loss: str | None = None,
    delta: float | None = None,
    space: str | None = None,
    reduction: str = "sum",
    fixed: Mapping[str, float | None] | None = None,
    bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
    starts: Any = None,
    weights: Any = None,
    rng: Any = 0,
    threads: int | None = None,
    warmup: Warmup | None = None,
    skip_steps: int | None = None,
    nan_policy: str = "raise",
    exact: bool = False,
    max_iterations: int = 1000,
    tolerance: float = 1e-14,
    timeout: float | None = None,
) -> FitTable:
    """Fit a law to every group by itself, and to bootstraps of each, in one parallel call.

    Each group's fit is that of ``lawfit.fit(law, data, by=by)``. What comes back are arrays, so
    that a million fits are one call: `lawfit.fit` gives a `Fit` for every group, which predicts.

    Parameters
    ----------
    law : Law or str
        A law, or the name of one in the catalogue.
    data, by
        As of `lawfit.fit`.
    resamples : int
        How many bootstraps of each group: its rows drawn with replacement, as in
        `lawfit.bootstrap`, refitted from the group's solution. Replicate k depends on `rng`, the
        group's place among the groups and k alone.
    loss, delta, space, reduction, fixed, bounds, starts, weights, warmup, skip_steps,
    nan_policy, exact, max_iterations, tolerance
        As of `lawfit.fit`.
    rng : int or numpy.random.Generator
        Seed of the drawn starts and of the resamples.
    threads : int, optional
        At most this many threads, each with a group at a time; the same bits for any number.
    timeout : float, optional
        Seconds, as of `lawfit.fit`. Groups and resamples that are not over by then have the status
        "timeout", and NaN where nothing was found; `starts_asked` is 0 of a group not begun.

    Returns
    -------
    FitTable
        Not converging is a status in it, not an exception.

    Raises
    ------
    TypeError, ValueError
        For data and options without a meaning; the message names source or group, index, field and
        value.
    KeyboardInterrupt
        Within 100 ms of Ctrl-C.
    """
    chosen = read_law(law)
    if isinstance(chosen, CallableLaw):
        raise TypeError("law is a Python function; fit(..., by=...) fits groups to one, slowly")
    replicates = integer(resamples, field="resamples", lower=0, upper=2**40)
    if not is_table(data) and not isinstance(data, Curve):
        data = as_curves(data)  # which may be read only once
    job, held = read_job(
        chosen,
        data,
        loss=loss,
        delta=delta,
        space=space,
        reduction=reduction,
        fixed=fixed,
        bounds=bounds,
        starts=starts,
        weights=weights,
        rng=rng,
        threads=threads,
        warmup=warmup,
        skip_steps=skip_steps,
        nan_policy=nan_policy,
        exact=exact,
        max_iterations=max_iterations,
        tolerance=tolerance,
        timeout=timeout,
    )
    return _solve(job, held, group_rows(job.rows, data, by), by, replicates)


def _solve(
    job: Job, held: Mapping[str, float], members: Mapping[Key, Ints], by: By, replicates: int
) -> FitTable:
    law, options, free = job.rows.law, job.options, free_parameters(job, held)
    sizes = np.array([index.size for index in members.values()])
    _check_sizes(job.rows, members, sizes, len(free))
    given: list[list[float]] = []
    notes = list(job.rows.notes)
    asked = 0
    if job.starts is not None and not isinstance(job.starts, int | float | np.number):
        linear = _core.Problem(**description(job, held)).linear
        given, moved = given_starts(job.starts, free, job.bounds, linear)
        notes += moved
    elif job.starts is not None:
        asked = number_of_starts(job.starts, 0)
    found = _core.fit_many(
        **description(job, held),
        rows=np.concatenate(list(members.values())),
        first=np.concatenate([[0], np.cumsum(sizes)]),
        lower=[job.bounds[name][0] for name in free],
        upper=[job.bounds[name][1] for name in free],
        max_iterations=options.max_iterations,
        tolerance=options.tolerance,
        starts=asked,
        per_parameter=STARTS_PER_PARAMETER,
        seed=options.seed,
        ranges=_ranges(job, free, members, sizes),
        given=in_order(given),
        coarse=COARSE,
        replicates=replicates,
        threads=job.threads,
        timeout=job.seconds_left,
    )
    values, errors = (dict(zip(free, found[name], strict=True)) for name in ("theta", "errors"))
    if options.reduction == "mean":
        found["objective"] /= sizes
        found["resampled_objective"] /= sizes[:, None]
    return FitTable(
        law=law,
        by=by if isinstance(by, str) else None,
        keys=tuple(members),
        free=tuple(free),
        params={n: values.get(n, np.full(sizes.size, held.get(n))) for n in law.parameters},
        stderr={n: errors.get(n, np.zeros(sizes.size)) for n in law.parameters},
        objective=found["objective"],
        status=found["status"],
        starts_agreed=found["agreed"],
        starts_asked=found["asked"],
        n=sizes,
        resampled=dict(zip(free, found["resampled"], strict=True)),
        resampled_objective=found["resampled_objective"],
        resampled_status=found["resampled_status"],
        options=options,
        notes=tuple(notes),
    )


def _check_sizes(rows: Rows, members: Mapping[Key, Ints], sizes: Ints, parameters: int) -> None:
    """Refuse a group with fewer rows than parameters."""
    for key, size in zip(members, sizes.tolist(), strict=True):
        if size < parameters:
            check_enough(rows.take(members[key], f", group {key!r}"), parameters)


def _ranges(
    job: Job, free: list[str], members: Mapping[Key, Ints], sizes: Ints
) -> list[list[Range]]:
    """Return the ranges of each group's starts, or one for all where they do not differ."""
    law = job.rows.law
    if not job.rows.columns or not needs_sizes(law, free):
        return [ranges_of(law, free, job.bounds, [])]
    order = np.concatenate(list(members.values()))
    medians = np.stack([_medians(np.abs(c)[order], sizes) for c in job.rows.columns], axis=1)
    return [ranges_of(law, free, job.bounds, row) for row in medians.tolist()]


def _medians(values: Floats, sizes: Ints) -> Floats:
    """Return the median of each run of values, `sizes` long."""
    first = np.cumsum(sizes) - sizes
    ordered = values[np.lexsort((values, np.repeat(np.arange(sizes.size), sizes)))]
    medians: Floats = (ordered[first + (sizes - 1) // 2] + ordered[first + sizes // 2]) / 2
    return medians
