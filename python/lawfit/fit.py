"""Fitting a law to curves or a table."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

from lawfit._keywords import known_keywords
from lawfit.curve import Curve
from lawfit.curves import as_curves
from lawfit.grouped import GroupedFit
from lawfit.groups import By, group_rows, read_shared
from lawfit.law import Law
from lawfit.problem import read_job
from lawfit.result import Fit
from lawfit.rows import is_table
from lawfit.schedule import Warmup
from lawfit.solve import fit_groups, fit_once

__all__ = ["fit"]


@overload
def fit(
    law: Law | str | Callable[..., Any],
    data: Any,
    *,
    by: None = None,
    shared: None = None,
    loss: str | None = ...,
    delta: float | None = ...,
    space: str | None = ...,
    reduction: str = ...,
    fixed: Mapping[str, float | None] | None = ...,
    bounds: Mapping[str, tuple[float | None, float | None]] | None = ...,
    starts: Any = ...,
    weights: Any = ...,
    rng: Any = ...,
    threads: int | None = ...,
    profile: Mapping[str, Sequence[float]] | None = ...,
    warmup: Warmup | None = ...,
    skip_steps: int | None = ...,
    nan_policy: str = ...,
    exact: bool = ...,
    max_iterations: int = ...,
    tolerance: float = ...,
    timeout: float | None = ...,
) -> Fit: ...
@overload
def fit(
    law: Law | str | Callable[..., Any],
    data: Any,
    *,
    by: By,
    shared: Sequence[str] | None = ...,
    loss: str | None = ...,
    delta: float | None = ...,
    space: str | None = ...,
    reduction: str = ...,
    fixed: Mapping[str, float | None] | None = ...,
    bounds: Mapping[str, tuple[float | None, float | None]] | None = ...,
    starts: Any = ...,
    weights: Any = ...,
    rng: Any = ...,
    threads: int | None = ...,
    profile: Mapping[str, Sequence[float]] | None = ...,
    warmup: Warmup | None = ...,
    skip_steps: int | None = ...,
    nan_policy: str = ...,
    exact: bool = ...,
    max_iterations: int = ...,
    tolerance: float = ...,
    timeout: float | None = ...,
) -> GroupedFit: ...
@known_keywords
def fit(
    law: Law | str | Callable[..., Any],
    data: Any,
    *,
    by: By | None = None,
    shared: Sequence[str] | None = None,
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
    nan_policy: str = "raise",
    exact: bool = False,
    max_iterations: int = 1000,
    tolerance: float = 1e-14,
    timeout: float | None = None,
) -> Fit | GroupedFit:
    """Fit a law to data by minimising Σ w·rho(residual), from many starts.

    `loss`, `delta`, `space` and `warmup` are by default those of the law's source, in
    `Law.conventions`, or else "huber", 1e-3, "log" and "peak".

    Parameters
    ----------
    law : Law, str or callable
        A law, the name of one in the catalogue, or a function as a `CallableLaw` takes it.
    data : Curve, Curves, sequence of Curve, mapping or data frame
        Curves for a law over a schedule; otherwise curves or columns by name, n rows in all.
    by : str or callable, optional
        What the data are grouped by: "params", "name" or "tokens_per_step" of a curve, one of its
        columns that does not vary, or a function of it; for a table the name of a column. Each
        group has parameters of its own. Options apply to every group.
    shared : sequence of str, optional
        Parameters fitted once for all groups together, minimising the sum of the groups'
        objectives. Without it every group is fitted by itself; held parameters are shared anyway.
    loss : {"huber", "squared", "soft_l1", "binomial"}
        rho of a residual r: r²/2 up to |r| = delta and delta·(|r| - delta/2) beyond; r²/2;
        or delta²·(√(1 + (r/delta)²) - 1). "binomial" is for a target y that is a rate, from 0 to
        1, with the number of trials as weights: half its deviance,
        y·log(y/f) + (1 - y)·log((1 - y)/(1 - f)), which is least where the likelihood is greatest,
        be the number of trials fixed (binomial) or that of successes (negative binomial). It
        needs space="linear".
    delta : float
        Where rho turns from square to linear, in the residual's unit; inf makes it squared. One
        below the rounding of residuals is refused.
    space : {"log", "linear"}
        Residuals are log f - log y (the target must be positive) or f - y. Targets beyond 1e±60 are
        refused, and those beside which rounding hides the others from a robust loss of f - y.
    reduction : {"sum", "mean"}
        How the objective is reported. The parameters are the same bit for bit.
    fixed : mapping of str to float or None, optional
        Parameters kept at a value. None frees a parameter that the law holds, as annealing does
        with lam.
    bounds : mapping of str to (lower, upper), optional
        Replace the law's; None is no bound.
    starts : int, mapping, sequence of mappings, or array of shape (k, free), optional
        How many starts to draw, or the starts. By default 8 for each nonlinear parameter and 8
        more; parameters in which the law is linear are solved for at every start, also at one of
        the caller's mappings that leaves them all out. With `shared`
        a number, by default 4: one from what single groups say of the shared parameters, and three
        that draw those that are not linear.
    weights : array-like of shape (n,), optional
        Positive weights of the rows, before any are skipped: each multiplies its row's term. They
        are relative precisions; for the standard errors a weight of 2 is not two rows. With
        loss="binomial" they are the numbers of trials, 1 by default, and a weight of 2 is two rows.
    rng : int or numpy.random.Generator
        Seed of the drawn starts.
    threads : int, optional
        At most this many threads, of which 64 find work; the same bits for any number.
    profile : mapping of str to sequence of float, optional
        Parameters kept at each value of a grid in turn; the best is returned with `Fit.profile`.
    warmup : {"peak", "actual", "skip"}
        What a schedule's warm-up counts for in S1 and S2: as if at peak, as the annealing law's
        authors have it (arXiv:2408.11029); as it is; or as it is in S1, with S2 starting after it.
    skip_steps : int, optional
        Drop points logged before this step; by default those within the schedule's warm-up.
    nan_policy : {"raise", "omit"}
        Refuse columns with a value that is NaN, missing or infinite, or drop its row and say in
        `Fit.notes` how many. Those are the columns of the law and its target: `weights` and `by`
        must be whole, and have the rows as they are given. Curves have a policy of their own.
    exact : bool
        Sum a loss drop over every earlier step of every point, which takes the square of the
        steps. Otherwise it is interpolated where it is smooth; see `Schedule.loss_drop`.
    max_iterations : int
        Iterations of a start.
    tolerance : float
        Predicted decrease of the objective, relative to it, at which a start has converged; it is
        polished to rounding after that.
    timeout : float, optional
        Seconds after which the search ends, of every start, group and point of a profile together,
        with the best found so far and the status "timeout". A result that says otherwise has the
        same bits as without. The time is looked at between evaluations of the law: one that is a
        Python function is not interrupted. What describes the result, its errors above all, comes
        after; what precedes the search, as reading the data, counts but is not cut short. There is
        no other way to end a fit that runs in another thread.

    Returns
    -------
    Fit, or GroupedFit with `by`
        Not converging is a status of it, not an exception.

    Notes
    -----
    Where rounding in the law would cost a parameter more than its last two digits or so (the data
    barely tell parameters apart, or lie very close to the law), the minimum is sought once more in
    numbers of 106 bits, which takes some microseconds a row: `Fit.precision` is then half a unit in
    the last place. Such numbers are not used for laws that are Python functions, implicit or of
    schedule areas at a free parameter, for groups that share parameters, nor where rows times
    operations are over a million; `Fit.precision` says what that leaves.

    Raises
    ------
    TypeError, ValueError
        For data and options without a meaning, such as the caller's own starts at none of which the
        law has a value; the message names source, index, field and value.
    KeyboardInterrupt
        Within 100 ms of Ctrl-C.
    """
    begin = time.perf_counter()
    if by is not None and not is_table(data) and not isinstance(data, Curve):
        data = as_curves(data)  # which may be read only once
    job, held = read_job(
        law,
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
        profile=profile,
        warmup=warmup,
        skip_steps=skip_steps,
        nan_policy=nan_policy,
        exact=exact,
        max_iterations=max_iterations,
        tolerance=tolerance,
        timeout=timeout,
    )
    common = read_shared(job.rows.law, shared, by, {*held, *(profile or {})})
    found: Fit | GroupedFit
    if by is None:
        found = fit_once(job, held)
    else:
        found = fit_groups(job, held, members=group_rows(job.rows, data, by), shared=common, by=by)
    return found.with_seconds(time.perf_counter() - begin)
