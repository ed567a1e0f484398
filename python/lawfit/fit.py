"""Fitting a law to curves or a table."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lawfit import _core, laws
from lawfit._validate import Floats, integer
from lawfit.callable_law import CallableLaw
from lawfit.law import Law
from lawfit.options import (
    Options,
    ProfilePoint,
    decays,
    read_bounds,
    read_grid,
    read_held,
    read_options,
    read_weights,
)
from lawfit.result import Fit
from lawfit.rows import Rows, rows_of
from lawfit.schedule import Warmup
from lawfit.scores import score
from lawfit.starts import Bounds, given_starts, number_of_starts, start_ranges
from lawfit.uncertainty import TINY

__all__ = ["fit"]

# Squares of what is beyond overflow, those of its inverse vanish.
LARGEST = 1e150


def fit(
    law: Law | str | Callable[..., Any],
    data: Any,
    *,
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
    profile: Mapping[str, Sequence[float]] | None = None,
    warmup: Warmup | None = None,
    skip_steps: int | None = None,
    exact: bool = False,
    max_iterations: int = 1000,
    tolerance: float = 1e-14,
) -> Fit:
    """Fit a law to data by minimising Σ w·rho(residual), from many starts.

    `loss`, `delta`, `space` and `warmup` are by default those of the law's source, in
    `Law.conventions`, or else "huber", 1e-3, "log" and "peak".

    Parameters
    ----------
    law : Law, str or callable
        A law, the name of one in the catalogue, or a function as a `CallableLaw` takes it.
    data : Curve, Curves, sequence of Curve, mapping or data frame
        Curves for a law over a schedule; otherwise curves or columns by name, n rows in all.
    loss : {"huber", "squared", "soft_l1", "binomial"}
        rho of a residual r: r²/2 up to |r| = delta and delta·(|r| - delta/2) beyond; r²/2;
        or delta²·(√(1 + (r/delta)²) - 1). "binomial" is for a target y that is a rate, from 0 to
        1, with the number of trials as weights: half its deviance,
        y·log(y/f) + (1 - y)·log((1 - y)/(1 - f)), which is least where the likelihood is greatest,
        be the number of trials fixed (binomial) or that of successes (negative binomial). It
        needs space="linear".
    delta : float
        Where rho turns from square to linear, in the residual's unit; inf makes it squared.
    space : {"log", "linear"}
        Residuals are log f - log y (the target must be positive) or f - y.
    reduction : {"sum", "mean"}
        How the objective is reported. The parameters are the same bit for bit.
    fixed : mapping of str to float or None, optional
        Parameters kept at a value. None frees a parameter that the law holds, as annealing does
        with lam.
    bounds : mapping of str to (lower, upper), optional
        Replace the law's; None is no bound.
    starts : int, mapping, sequence of mappings, or array of shape (k, free), optional
        How many starts to draw, or the starts. By default 8 for each nonlinear parameter and 8
        more; parameters in which the law is linear are solved for at every start.
    weights : array-like of shape (n,), optional
        Positive weights of the rows, before any are skipped: each multiplies its row's term. They
        are relative precisions; for the standard errors a weight of 2 is not two rows. With
        loss="binomial" they are the numbers of trials, 1 by default, and a weight of 2 is two rows.
    rng : int or numpy.random.Generator
        Seed of the drawn starts.
    threads : int, optional
        At most this many threads, of which 8 find work; the same bits for any number.
    profile : mapping of str to sequence of float, optional
        Parameters kept at each value of a grid in turn; the best is returned with `Fit.profile`.
    warmup : {"peak", "actual", "skip"}
        What a schedule's warm-up counts for in S1 and S2: as if at peak, as the annealing law's
        authors have it (arXiv:2408.11029); as it is; or as it is in S1, with S2 starting after it.
    skip_steps : int, optional
        Drop points logged before this step; by default those within the schedule's warm-up.
    exact : bool
        Sum a loss drop over every earlier step of every point, which takes the square of the
        steps. Otherwise it is interpolated where it is smooth; see `Schedule.loss_drop`.
    max_iterations : int
        Iterations of a start.
    tolerance : float
        Predicted decrease of the objective, relative to it, at which a start has converged; it is
        polished to rounding after that.

    Returns
    -------
    Fit
        Not converging is a status of it, not an exception.

    Raises
    ------
    TypeError, ValueError
        For data and options without a meaning; the message names source, index, field and value.
    KeyboardInterrupt
        Within 100 ms of Ctrl-C.
    """
    begin = time.perf_counter()
    chosen = _law(law)
    options = read_options(
        chosen,
        loss=loss,
        delta=delta,
        space=space,
        reduction=reduction,
        warmup=warmup,
        skip_steps=skip_steps,
        exact=exact,
        rng=rng,
        max_iterations=max_iterations,
        tolerance=tolerance,
    )
    rows = rows_of(chosen, data, warmup=options.warmup, skip_steps=options.skip_steps)
    _check_rows(rows, options)
    job = _Job(
        rows=rows,
        options=options,
        bounds=read_bounds(chosen, bounds),
        weights=read_weights(weights, rows),
        starts=starts,
        threads=_threads(threads, chosen),
        core=rows.core(exact=options.exact),
    )
    held = read_held(chosen, fixed, bounds, profile)
    best = _solve(job, held) if profile is None else _profile(job, held, profile)
    return best.with_seconds(time.perf_counter() - begin)


def _law(law: Law | str | Callable[..., Any]) -> Law:
    if isinstance(law, str):
        return laws.get(law)
    if not isinstance(law, Law) and callable(law):
        return CallableLaw(law)
    if not isinstance(law, Law):
        raise TypeError(f"law is a {type(law).__name__}; expected a Law or the name of one")
    return law


def _threads(threads: int | None, law: Law) -> int:
    """Return the number for the core, to which 0 means its default."""
    if isinstance(law, CallableLaw):  # Python runs on one thread at a time anyway
        return 1
    return 0 if threads is None else integer(threads, field="threads", lower=1, upper=2**31 - 1)


@dataclass(frozen=True, slots=True)
class _Job:
    """What all points of a profile share."""

    rows: Rows
    options: Options
    bounds: Bounds
    weights: Floats
    starts: Any
    threads: int
    core: _core.Data


def _check_rows(rows: Rows, options: Options) -> None:
    rows.check_columns()
    rows.check_areas()
    assert rows.y is not None
    if options.loss == "binomial":
        wanted = "loss='binomial' needs a rate from 0 to 1"
        rows.refuse((rows.y < 0) | (rows.y > 1), rows.law.y, rows.y, wanted)
    if options.space == "log":
        wanted = "log residuals need it above 0 (space='linear' takes any)"
        rows.refuse(rows.y <= 0, rows.law.y, rows.y, wanted)
    size = float(np.median(np.abs(rows.y)))
    if size > LARGEST or 0 < size < 1 / LARGEST:
        raise ValueError(
            f"{rows.sources}: the median size of {rows.law.y} is {size:.3g}; expected "
            f"{1 / LARGEST:g} to {LARGEST:g}, so give it in another unit"
        )


def _solve(job: _Job, held: Mapping[str, float]) -> Fit:
    rows, options, law = job.rows, job.options, job.rows.law
    free = [name for name in law.parameters if name not in held]
    if not free:
        raise ValueError(
            f"law {law.name!r}: every parameter is fixed or profiled, so there is nothing to fit"
        )
    if len(rows) < len(free):
        raise ValueError(
            f"{rows.sources}: {len(free)} parameters need >= {len(free)} points, got {len(rows)}"
        )
    assert rows.y is not None
    lower, upper = ([job.bounds[name][side] for name in free] for side in (0, 1))
    problem = _core.Problem(
        program=law._program,
        data=job.core,
        y=rows.y,
        weights=job.weights,
        loss=options.rho,
        delta=options.delta,
        space=options.space,
        theta=[held.get(name, 0.0) for name in law.parameters],
        free=[name not in held for name in law.parameters],
        may_centre=[
            (low == -math.inf or 0 <= low <= TINY) and high == math.inf
            for low, high in zip(lower, upper, strict=True)
        ],
        logarithmic=[law.parameters[name].scale == "log" for name in free],
    )
    given: list[list[float]] = []
    notes: list[str] = []
    if job.starts is not None and not isinstance(job.starts, int | float | np.number):
        given, notes = given_starts(job.starts, free, job.bounds)
    linear = problem.linear
    solution = _core.solve(
        problem=problem,
        lower=lower,
        upper=upper,
        max_iterations=options.max_iterations,
        tolerance=options.tolerance,
        starts=1 if given else number_of_starts(job.starts, linear.count(False)),
        seed=options.seed,
        threads=job.threads,
        ranges=start_ranges(rows, free, job.bounds, linear),
        given=given,
    )
    return _result(job, held, free, problem=problem, solution=solution, notes=notes)


def _result(
    job: _Job,
    held: Mapping[str, float],
    free: list[str],
    *,
    problem: _core.Problem,
    solution: _core.Solution,
    notes: list[str],
) -> Fit:
    rows, law, y = job.rows, job.rows.law, job.rows.y
    assert y is not None
    solved = solution.theta.size > 0
    found = dict(
        zip(free, solution.theta.tolist() if solved else [math.nan] * len(free), strict=True)
    )
    params = {name: found.get(name, held.get(name, math.nan)) for name in law.parameters}
    predicted = problem.predict([params[name] for name in free])
    with np.errstate(invalid="ignore", divide="ignore"):
        residuals = np.log(predicted) - np.log(y) if job.options.space == "log" else predicted - y
    p, bounds = len(free), ("lower", "upper")
    at = zip(free, zip(solution.at_lower, solution.at_upper, strict=True), strict=False)
    objective = solution.objective if solved else math.nan
    return Fit(
        law=law,
        params=params,
        free=tuple(free),
        cov=solution.covariance.reshape(p, p) if solved else np.full((p, p), np.nan),
        objective=objective / len(rows) if job.options.reduction == "mean" else objective,
        residuals=residuals,
        status=solution.status,
        message=solution.message,
        at_bounds={
            n: side for n, sides in at for side, here in zip(bounds, sides, strict=True) if here
        },
        undetermined=tuple(n for n, lost in zip(free, solution.undetermined, strict=False) if lost),
        rank=solution.rank,
        condition=solution.condition,
        training=score(y, predicted),
        sources=tuple((g.source, g.end - g.begin) for g in rows.groups),
        options=job.options,
        starts_asked=solution.starts_asked,
        starts_run=solution.starts_run,
        starts_merged=solution.starts_merged,
        starts_failed=solution.starts_failed,
        starts_agreed=solution.starts_agreed,
        iterations=solution.iterations,
        evaluations=solution.evaluations,
        notes=(*notes, *_caveats(job, free, solution)),
    )


def _caveats(job: _Job, free: list[str], solution: _core.Solution) -> list[str]:
    """Say what the numbers of a fit do not show."""
    notes = [
        f"{lam} is free: it and the factor of S2({lam}) are hard to tell apart, the factor being "
        f"nearly proportional to 1 - {lam}; compare forecasts, not their values"
        for lam in free
        if lam in decays(job.rows.law)
    ]
    if isinstance(job.rows.law, CallableLaw):
        how = "differences" if job.rows.law.jacobian is None else "its own jacobian"
        notes.append(f"the law is a Python function: slow, on one thread, derivatives by {how}")
    robust = job.options.rho in ("huber", "soft_l1")
    if robust and solution.theta.size and not solution.from_hessian:
        notes.append(
            "standard errors rest on the Gauss-Newton matrix: the Hessian is not positive definite"
        )
    return notes


def _profile(job: _Job, held: Mapping[str, float], grid: Mapping[str, Sequence[float]]) -> Fit:
    points = read_grid(job.rows.law, grid, job.bounds)
    fits = [_solve(job, {**held, **point}) for point in points]
    best = min(fits, key=lambda f: f.objective if not math.isnan(f.objective) else math.inf)
    return best.with_profile(
        tuple(
            ProfilePoint(point, found.objective, found.status)
            for point, found in zip(points, fits, strict=True)
        )
    )
