"""Bootstraps: a fit made again and again to its rows drawn with replacement."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from lawfit import _core
from lawfit._frozen import ReadOnly
from lawfit._keywords import known_keywords
from lawfit._targets import check_rows
from lawfit._validate import Floats, choose, integer, real
from lawfit.grouped import GroupedFit
from lawfit.options import (
    Options,
    read_bounds,
    read_deadline,
    read_seed,
    read_threads,
    read_weights,
)
from lawfit.result import Fit
from lawfit.rows import rows_of
from lawfit.solve import Job, train
from lawfit.text import bootstrap_line, bootstrap_summary

__all__ = ["Bootstrap", "bootstrap"]

Counts = NDArray[np.uint32]
Codes = NDArray[np.int8]

# The objective of rows that a fit was made to, and of what it is said to have been made to, differ
# by rounding alone.
SAME_OBJECTIVE = 1e-6
BY = ("rows", "curve")


@dataclass(frozen=True, eq=False, repr=False)
class Bootstrap(ReadOnly):
    """What a law was fitted to replicates of the data.

    Attributes
    ----------
    fit : Fit
        The fit that was resampled.
    params : mapping of str to ndarray, shape (n,)
        All parameters in natural units, read-only; those held keep their value. NaN where the law
        has no value at the fit's solution on the rows drawn, or time was up.
    objective : ndarray, shape (n,)
        As `Fit.objective`, over the rows drawn.
    status : ndarray of int8, shape (n,)
        Index of each replicate's status in `Bootstrap.STATUSES`, those of `Fit.status`.
    seed : int
        Replicate k depends on the seed and k alone.
    by : {"rows", "curve"}
        What rows were drawn within.
    """

    STATUSES: ClassVar[tuple[str, ...]] = _core.STATUSES

    fit: Fit
    params: Mapping[str, Floats]
    objective: Floats
    status: Codes
    seed: int
    by: str

    def __len__(self) -> int:
        return self.objective.size

    @property
    def n(self) -> int:
        """Replicates."""
        return len(self)

    @property
    def converged(self) -> NDArray[np.bool_]:
        """Which replicates converged and determine every parameter, shape (n,)."""
        result: NDArray[np.bool_] = self.status == self.STATUSES.index("converged")
        return result

    def counts(self) -> dict[str, int]:
        """Return how many replicates ended in which status, by name, if any did."""
        found = np.bincount(self.status, minlength=len(self.STATUSES)).tolist()
        return {name: k for name, k in zip(self.STATUSES, found, strict=True) if k}

    def rows(self, replicate: int) -> Counts:
        """Return how many times each row of the fit counts in one replicate, shape (rows,).

        Raises
        ------
        TypeError, ValueError
            For a replicate that is no whole number from 0 to n - 1.
        """
        k = integer(replicate, field="replicate", lower=0, upper=self.n - 1)
        return _core.drawn_rows(
            rows=self.fit.n, replicate=k, seed=self.seed, parts=_parts(self.fit, self.by)
        )

    def conf_int(self, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """Return a percentile interval for every parameter, of the replicates that converged.

        Parameters
        ----------
        level : float
            Share of the replicates within it, as many being below as above.

        Returns
        -------
        dict of str to (float, float)
            In natural units. A held parameter's ends are its value.

        Raises
        ------
        TypeError, ValueError
            For a level not within (0, 1), or when no replicate converged.
        """
        share = real(level, field="level", lower=0, upper=1, strict=True)
        ends = [(1 - share) / 2, (1 + share) / 2]
        values = {name: self._converged(name) for name in self.params}
        return {name: tuple(np.quantile(x, ends).tolist()) for name, x in values.items()}

    @property
    def stderr(self) -> Mapping[str, float]:
        """Standard deviations over the replicates that converged; 0 for a parameter held."""
        held = set(self.params) - set(self.fit.free)
        return MappingProxyType(
            {
                name: 0.0 if name in held else float(np.std(self._converged(name, 2), ddof=1))
                for name in self.params
            }
        )

    @property
    def cov(self) -> Floats:
        """Covariance over the replicates that converged, in the order of `fit.free`."""
        values = np.array([self._converged(name, 2) for name in self.fit.free])
        return np.cov(values).reshape(len(self.fit.free), len(self.fit.free))

    def _converged(self, name: str, least: int = 1) -> Floats:
        good = self.converged
        if (found := int(np.sum(good))) < least:
            raise ValueError(f"{found} of {self.n} replicates converged; expected >= {least}")
        return self.params[name][good]

    def summary(self) -> str:
        """Return the bootstrap on several lines: errors and intervals, how replicates ended."""
        return bootstrap_summary(self)

    def __repr__(self) -> str:
        return bootstrap_line(self)


@known_keywords
def bootstrap(
    fit: Fit,
    n: int = 4000,
    *,
    rng: Any = 0,
    by: Literal["rows", "curve"] = "rows",
    data: Any = None,
    weights: Any = None,
    bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
    threads: int | None = None,
    timeout: float | None = None,
) -> Bootstrap:
    """Refit to the fit's rows drawn with replacement, and so learn how its parameters scatter.

    The case bootstrap (Efron 1979): each replicate draws as many rows as there are, and a row drawn
    k times counts k times, on top of its weight. It is refitted from the fit's solution with the
    fit's law, loss, space, bounds and held parameters, to the minimum that is reached from there.

    Rows are taken to be independent. Points of one curve seldom are: where neighbours err together,
    intervals come out too narrow.

    Parameters
    ----------
    fit : Fit
        A fit of `lawfit.fit`. One that was saved and read, copied or pickled does not hold its
        data: give `data`.
    n : int
        How many replicates.
    rng : int or numpy.random.Generator
        Seed. Replicate k depends on it and k alone: it is the same for any `n`.
    by : {"rows", "curve"}
        Draw from all rows together; or within each curve as many as it has, so that none of them
        can be missing.
    data : optional
        What the fit was made to, as `lawfit.fit` took it, for a fit that was saved and read.
    weights, bounds : optional
        With `data`: as `lawfit.fit` took them.
    threads : int, optional
        At most this many threads; the same bits for any number.
    timeout : float, optional
        Seconds after which no more replicates are made: the others have the status "timeout".

    Returns
    -------
    Bootstrap
        A replicate that did not converge is told by its status, never left out.

    Raises
    ------
    TypeError, ValueError
        For a fit without data, data it was not made to, or options without a meaning.
    KeyboardInterrupt
        Within 100 ms of Ctrl-C.
    """
    if isinstance(fit, GroupedFit):
        raise TypeError("fit is a GroupedFit; give the fit of one group, fit[key]")
    if not isinstance(fit, Fit):
        raise TypeError(f"fit is a {type(fit).__name__}; expected a Fit")
    deadline = read_deadline(timeout)
    replicates = integer(n, field="n", lower=1, upper=2**40)
    seed = read_seed(rng)
    choose(by, BY, field="by")
    if math.isnan(fit.objective):
        raise ValueError(f"the fit has no solution to start from: its status is {fit.status!r}")
    if data is None and (weights is not None or bounds is not None):
        raise TypeError("weights and bounds are the fit's own; they go with data alone")
    if data is not None:
        fit = _with_data(fit, data, weights, bounds)
    if fit._trained is None:
        raise ValueError(
            "the fit does not hold its data, because it was saved and read, copied or pickled, or "
            "shares parameters with other groups; bootstrap(fit, data=...) takes what a single fit "
            "was made to"
        )
    trained, options = fit._trained, fit.options
    if by == "curve" and not trained.curves:
        raise ValueError("by='curve': the fit was made to columns, which are no curves")
    values, objective, status = _core.bootstrap(
        problem=trained.problem,
        theta=[fit.params[name] for name in fit.free],
        lower=trained.lower,
        upper=trained.upper,
        max_iterations=options.max_iterations,
        tolerance=options.tolerance,
        replicates=replicates,
        seed=seed,
        threads=read_threads(threads, fit.law),
        parts=_parts(fit, by),
        timeout=max(deadline - time.monotonic(), 0.0),
    )
    free = dict(zip(fit.free, values, strict=True))
    if options.reduction == "mean":
        objective /= fit.n
    return Bootstrap(
        fit=fit,
        params={name: free.get(name, np.full(replicates, x)) for name, x in fit.params.items()},
        objective=objective,
        status=status,
        seed=seed,
        by=by,
    )


def _parts(fit: Fit, by: str) -> list[int]:
    """Return the first row of each part that rows are drawn within; none where all are one."""
    if by == "rows":
        return []
    ends = np.cumsum([rows for _, rows in fit.sources])
    return [0, *ends[:-1].tolist()]


def _with_data(
    fit: Fit,
    data: Any,
    weights: Any,
    bounds: Mapping[str, tuple[float | None, float | None]] | None,
) -> Fit:
    """Return the fit holding the data again, if they are what it was made to."""
    options: Options = fit.options
    rows = rows_of(
        fit.law,
        data,
        warmup=options.warmup,
        skip_steps=options.skip_steps,
        nan_policy=options.nan_policy,
    )
    check_rows(rows, options)
    job = Job(
        rows=rows,
        options=options,
        bounds=read_bounds(fit.law, bounds),
        weights=read_weights(weights, rows),
        starts=None,
        threads=1,
        core=rows.core(exact=options.exact),
        profile=None,
    )
    if len(rows) != fit.n:
        raise ValueError(f"data: {len(rows)} rows, but the fit was made to {fit.n}")
    trained = train(job, {name: x for name, x in fit.params.items() if name not in fit.free})
    found = trained.problem.derivatives([fit.params[name] for name in fit.free])[0]
    scale = 1 / fit.n if options.reduction == "mean" else 1.0
    found, rounding = found * scale, trained.problem.rounding * scale
    if not np.isclose(found, fit.objective, rtol=SAME_OBJECTIVE, atol=rounding):
        raise ValueError(
            f"data: the fit's objective on them is {found:.9g}, not {fit.objective:.9g}; expected "
            "the rows and weights that it was made to"
        )
    return dataclasses.replace(fit)._holding(trained)
