"""Many small fits in one call: a law over every group of rows, and bootstraps of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawfit import _core
from lawfit._keywords import known_keywords
from lawfit._validate import Floats, Ints, integer
from lawfit.callable_law import CallableLaw
from lawfit.curve import Curve
from lawfit.curves import as_curves
from lawfit.fit_table import FitTable
from lawfit.groups import By, Key, group_rows
from lawfit.law import Law
from lawfit.options import read_law
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

__all__ = ["fit_many"]

Codes = NDArray[np.int8]
# Of the ends of intervals, in the columns of `FitTable.to_dict`.
LEVEL = 0.95


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
