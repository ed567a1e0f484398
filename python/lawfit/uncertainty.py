"""How far a fit's parameters and forecasts may be off: intervals from its covariance.

Every interval is ±t·s around an estimate, with Student's t of `Fit.freedom` degrees of freedom (the
normal distribution for a binomial loss) and s from `Fit.cov`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lawfit import _core
from lawfit._special import student_t_quantile
from lawfit._validate import Floats, choose, real
from lawfit.parameter import TINY, Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lawfit.law import Law
    from lawfit.prediction import Request
    from lawfit.result import Fit

__all__ = ["around", "conf_int", "difference", "interval", "law_derivatives", "quantile"]

METHODS = ("sandwich",)
SCALES = ("auto", "linear", "log")

Pair = tuple[float, float]


def conf_int(fit: Fit, level: float, *, method: str, scale: str, joint: bool) -> dict[str, Pair]:
    """Return an interval for every parameter; see `Fit.conf_int`."""
    choose(method, METHODS, field="method")
    choose(scale, SCALES, field="scale")
    t = quantile(fit, level, len(fit.free) if joint else 1)
    pairs = {}
    errors = fit.stderr
    for name, value in fit.params.items():
        parameter = fit.law.parameters[name]
        error = errors[name]
        if name not in fit.free:
            pairs[name] = (value, value)
        elif math.isnan(error):
            pairs[name] = (math.nan, math.nan)
        elif value > 0 and _on_log(parameter, scale):
            pairs[name] = _around_log(value, t * error)
        else:
            pairs[name] = _clipped(value, t * error, parameter)
    return pairs


def interval(fit: Fit, asked: Request, level: float) -> tuple[Floats, Floats]:
    """Return the ends of an interval for the law's value at every row; see `Fit.interval`."""
    t = quantile(fit, level)
    if not len(asked.rows):
        return np.zeros(0), np.zeros(0)
    exact = fit.options.exact
    values, derivatives = law_derivatives(fit.law, fit.params, fit.free, asked, exact=exact)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        half = t * _errors(fit, derivatives)
        low, high = around(values, half, logarithmic=fit.options.space == "log")
        if fit.options.loss == "binomial":
            low, high = np.maximum(low, 0), np.minimum(high, 1)
    return asked.as_asked(low), asked.as_asked(high)


def difference(fit: Fit, one: Request, other: Request, level: float) -> tuple[Floats, Floats]:
    """Return the ends of an interval for how far the law at `one` is above the law at `other`.

    Row by row, by the delta method: what both depend on alike cancels.
    """
    t = quantile(fit, level)
    exact = fit.options.exact
    (value, j), (other_value, other_j) = (
        map(asked.as_asked, law_derivatives(fit.law, fit.params, fit.free, asked, exact=exact))
        for asked in (one, other)
    )
    with np.errstate(invalid="ignore", over="ignore"):
        half = t * _errors(fit, j - other_j)
        return value - other_value - half, value - other_value + half


def around(values: Floats, half: Floats, *, logarithmic: bool) -> tuple[Floats, Floats]:
    """Return the ends of intervals of half-widths `half`; on the logarithm, a factor apart."""
    low, high = values - half, values + half
    if logarithmic:  # but extrapolated values may be negative
        factor, positive = np.exp(half / values), values > 0
        low = np.where(positive, values / factor, low)
        high = np.where(positive, values * factor, high)
    return low, high


def quantile(fit: Fit, level: float, intervals: int = 1) -> float:
    """Return how many errors wide `intervals` of them are that hold all at once (Bonferroni)."""
    outside = (1 - real(level, field="level", lower=0, upper=1, strict=True)) / intervals
    freedom = math.inf if fit.options.loss == "binomial" else fit.freedom
    # Without a degree of freedom the errors are infinite already.
    return -student_t_quantile(outside / 2, freedom) if freedom > 0 else 1.0


def _on_log(parameter: Parameter, scale: str) -> bool:
    positive = 0 <= parameter.lower <= TINY and parameter.upper == math.inf
    if scale == "auto":
        return positive and (parameter.lower > 0 or parameter.scale == "log")
    return positive and scale == "log"


def _around_log(value: float, half: float) -> Pair:
    try:
        factor = math.exp(half / value)
    except OverflowError:
        return 0.0, math.inf
    return value / factor, value * factor


def _clipped(value: float, half: float, parameter: Parameter) -> Pair:
    low, high = value - half, value + half
    # A fit may have replaced the law's bounds by wider ones.
    if parameter.lower <= value <= parameter.upper:
        low, high = max(low, parameter.lower), min(high, parameter.upper)
    return low, high


def law_derivatives(
    law: Law, params: Mapping[str, float], free: Sequence[str], asked: Request, *, exact: bool
) -> tuple[Floats, Floats]:
    """Return the law's values at the rows, and their derivatives by the free parameters."""
    asked.rows.check_columns()
    n = len(asked.rows)
    data = asked.rows.core(exact=exact)  # alive as long as the problem
    problem = _core.Problem(
        program=law._program,
        data=data,
        y=np.ones(n),
        weights=np.zeros(0),
        loss="squared",
        delta=1.0,
        space="linear",
        theta=list(params.values()),
        free=[name in free for name in params],
        may_centre=[False] * len(free),
    )
    values, derivatives = problem.jacobian([params[name] for name in free])
    if asked.everywhere:
        asked.rows.check_values(values)
    return values, derivatives


def _errors(fit: Fit, derivatives: Floats) -> Floats:
    """Return standard errors of values with these derivatives; what sits at a bound has none."""
    variances = np.diag(fit.cov)
    known = np.isfinite(variances)
    j = derivatives[:, known]
    scale = np.sqrt(variances[known])
    j = j * scale  # parameters differ by many orders of magnitude
    with np.errstate(invalid="ignore"):
        correlation = fit.cov[np.ix_(known, known)] / np.outer(scale, scale)
    errors = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", j, correlation, j), 0))
    lost = np.isposinf(variances)
    errors[np.any(derivatives[:, lost] != 0, axis=1)] = np.inf
    result: Floats = errors
    return result
