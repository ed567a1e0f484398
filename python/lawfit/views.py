"""What pictures of a fit show, as numbers: residuals by run, and a law's terms one by one."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from lawfit._special import normal_quantile
from lawfit._validate import Floats, Ints
from lawfit.callable_law import CallableLaw
from lawfit.curve import Curve
from lawfit.curves import as_curves
from lawfit.forecast import Forecaster
from lawfit.formula import parse_tree
from lawfit.formula.scan import normalise
from lawfit.law import Law
from lawfit.outlook import Forecast
from lawfit.prediction import Request, request
from lawfit.result import Fit
from lawfit.rows import is_table, rows_of
from lawfit.schedule import Schedule

__all__ = [
    "RunResiduals",
    "Term",
    "autocorrelation",
    "histogram",
    "normal_scores",
    "profile_edge",
    "quantiles",
    "remembered",
    "replay",
    "residual_unit",
    "residuals",
    "terms",
    "terms_along",
]


REPLAYED: Final = 160  # points of a run


@dataclass(frozen=True, slots=True, eq=False)
class RunResiduals:
    """How far one run's points are from the law.

    Attributes
    ----------
    name : str
        Of the curve; "data" for columns.
    at : ndarray of int64, shape (n,)
        Steps; the rows' numbers for columns.
    measured, predicted : ndarray, shape (n,)
        In the target's unit.
    values : ndarray, shape (n,)
        log f - log y, or f - y where the fit's residuals are linear.
    """

    name: str
    at: Ints
    measured: Floats
    predicted: Floats
    values: Floats


@dataclass(frozen=True, slots=True)
class Term:
    """A summand of a law: `law` times `sign`; its parameters are some of the whole law's."""

    sign: int
    law: Law

    @property
    def label(self) -> str:
        """The summand as text, with its sign."""
        return f"{'−' if self.sign < 0 else '+'} {self.law.formula}"


def residuals(fit: Fit, data: Any) -> tuple[RunResiduals, ...]:
    """Return what is left of the points of each curve, or of columns, without those skipped.

    Raises
    ------
    TypeError, ValueError
        As `lawfit.fit` does of data, naming source, index, field and value.
    """
    table = is_table(data)
    given = data if table else as_curves(data)
    skip = None if table else fit.options.skip_steps
    policy = fit.options.nan_policy if table else "raise"
    rows = rows_of(fit.law, given, warmup=fit.options.warmup, skip_steps=skip, nan_policy=policy)
    rows.check_areas()
    assert rows.y is not None
    predicted = fit._evaluate(Request(rows, None, everywhere=True))
    if fit.options.space == "log":
        rows.refuse(rows.y <= 0, fit.law.y, rows.y, "a fit in log space needs it above 0")
        rows.refuse(predicted <= 0, "predicted value", predicted, "log space needs it above 0")
        off = np.log(predicted) - np.log(rows.y)
    else:
        off = predicted - rows.y
    names = ["data"] if table else given.names
    found = []
    for name, group in zip(names, rows.groups, strict=True):
        part = slice(group.begin, group.end)
        at = group.index if table else rows.steps[part]
        found.append(RunResiduals(name, at, rows.y[part], predicted[part], off[part]))
    return tuple(found)


def residual_unit(fit: Fit, unit: str = "") -> str:
    """Return what axes of residuals say; `unit` is the target's."""
    if fit.options.space == "log":
        return "log predicted − log measured"
    return f"predicted − measured ({unit})" if unit else "predicted − measured"


def autocorrelation(values: Floats, lags: int) -> Floats:
    """Return the autocorrelation at lags 0 … min(lags, n - 1), over n at every lag.

    NaN where all values are equal.
    """
    centred = values - values.mean()
    n, square = centred.size, float(centred @ centred)
    if square == 0:
        return np.full(min(lags, n - 1) + 1, math.nan)
    return np.array([centred[: n - k] @ centred[k:] for k in range(min(lags, n - 1) + 1)]) / square


def normal_scores(n: int) -> Floats:
    """Return the normal distribution's quantiles at (i + ½)/n."""
    return np.array([normal_quantile((i + 0.5) / n) for i in range(n)])


def quantiles(runs: Sequence[RunResiduals], count: int) -> tuple[Floats, Floats, Floats]:
    """Compare residuals of all runs with the normal distribution.

    Parameters
    ----------
    runs : sequence of RunResiduals
    count : int
        How many quantiles, at most; all residuals if there are no more.

    Returns
    -------
    scores, values, normal : ndarray, shape (k,)
        Of the standard normal distribution, of the residuals, and of the normal distribution with
        their mean and standard deviation.
    """
    values = np.concatenate([run.values for run in runs])
    k = min(count, values.size)
    scores = normal_scores(k)
    found = np.quantile(values, (np.arange(k) + 0.5) / k, method="hazen")
    return scores, found, values.mean() + values.std() * scores


def profile_edge(fit: Fit, name: str) -> tuple[Floats, Floats]:
    """Return the values at which a parameter was profiled, and the lowest objective at each."""
    lowest: dict[float, float] = {}
    for point in fit.profile:
        value = point.values[name]
        lowest[value] = min(point.objective, lowest.get(value, math.inf))
    values = np.array(sorted(lowest))
    return values, np.array([lowest[value] for value in values.tolist()])


def remembered(name: str, values: Floats) -> tuple[str, Floats]:
    """Return what an axis of a parameter says, and shows: of λ, the steps that it remembers.

    Values of λ that are of use crowd towards 1; 1/(1 - λ) tells them apart.
    """
    if name == "lam" and np.all(values < 1):
        return f"1/(1 − {name}) (steps remembered)", 1 / (1 - values)
    return name, values


def histogram(values: Floats) -> tuple[Floats, Floats]:
    """Return heights and edges of a histogram with about as many bins as its shape can bear."""
    low, high = float(values.min()), float(values.max())
    size = max(abs(low), abs(high))
    if high - low <= 1e-9 * size:  # equal but for rounding, which no bins tell apart
        low, high = low - 0.05 * (size or 1.0), high + 0.05 * (size or 1.0)
    bins = int(np.clip(np.sqrt(values.size), 5, 40))
    heights, edges = np.histogram(values, bins=bins, range=(low, high))
    return heights.astype(np.float64), edges


def replay(
    fit: Fit, curve: Curve, level: float, *, times: int = 24, prior: bool = False
) -> list[tuple[int, Forecast]]:
    """Return what a run would have told of its end as it trained, at some of its steps.

    The law is fitted to the run's points so far, with the options of `fit`; parameters that `fit`
    held or profiled are held where it has them.

    Parameters
    ----------
    fit : Fit
        Of a law of the schedule, or of `step` and `lr`, alone.
    curve : Curve
        With a schedule. Of more than REPLAYED points only every so many are taken.
    level : float
        Of the forecasts' intervals.
    times : int
        How many forecasts, at most.
    prior : bool
        Whether `fit` is known beforehand, as `Forecaster` takes a prior. It should then have been
        made to other runs.
    """
    if curve.schedule is None:
        raise ValueError(f"curve {curve.name!r} has no schedule, so its end is not known")
    options = fit.options
    held = {name: None if name in fit.free else value for name, value in fit.params.items()}
    forecaster = Forecaster(
        fit.law,
        curve.schedule,
        prior=fit if prior else None,
        fixed=held,
        loss=options.loss,
        delta=options.delta,
        space=options.space,
        warmup=options.warmup,
        skip_steps=options.skip_steps,
    )
    kept = np.arange(0, len(curve), -(-len(curve) // REPLAYED))
    found = []
    for part in np.array_split(kept, min(times, kept.size)):
        forecaster.update_many(curve.steps[part], curve.loss[part])
        if prior or forecaster.n > len(fit.free):
            found.append((int(curve.steps[part[-1]]), forecaster.forecast(level=level)))
    return found


def terms(law: Law) -> tuple[Term, ...]:
    """Take a law apart into its summands, which are laws themselves.

    Raises
    ------
    TypeError
        If the law is a Python function.
    ValueError
        If it is implicit, so that its summands depend on its own value.
    """
    if isinstance(law, CallableLaw):
        raise TypeError(f"law {law.name!r} is a Python function, which has no terms")
    if law.implicit:
        raise ValueError(f"law {law.name!r} is implicit: its terms depend on its own value")
    line, tree = parse_tree(law.formula)
    named = {name: _names(parse_tree(text)[1]) for name, text in law.where.items()}
    parts: list[_Part] = []
    for sign, node in _summands(tree):
        assert node.end_col_offset is not None
        text = line.encode()[node.col_offset : node.end_col_offset].decode()
        part = _Part(sign, text, _used(node, named))
        # what has no parameter is no law of its own, and goes with the summand before it
        if parts and not (parts[-1].names & {*law.parameters} and part.names & {*law.parameters}):
            parts[-1] = parts[-1].joined(part)
        else:
            parts.append(part)
    return tuple(Term(part.sign, _law_of(law, part)) for part in parts)


def terms_along(
    fit: Fit,
    schedule: Schedule,
    at: Any,
    *,
    params: float | None = None,
    tokens_per_step: float | None = None,
) -> list[tuple[Term, Floats]]:
    """Evaluate each summand, times its sign, at steps of a schedule, with the fitted parameters."""
    sizes = {"params": params, "tokens_per_step": tokens_per_step}
    found = []
    for term in terms(fit.law):
        asked = request(term.law, schedule, at, warmup=fit.options.warmup, sizes=sizes)
        theta = [fit.params[name] for name in term.law.parameters]
        found.append((term, term.sign * asked.evaluate(theta, exact=fit.options.exact)))
    return found


def _summands(tree: ast.expr) -> Iterator[tuple[int, ast.expr]]:
    """Yield the signs and trees of a sum, from left to right."""
    stack = [(1, tree)]
    while stack:
        sign, node = stack.pop()
        match node:
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
                stack.append((-sign if isinstance(op, ast.Sub) else sign, right))
                stack.append((sign, left))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                stack.append((-sign, operand))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                stack.append((sign, operand))
            case _:
                yield sign, node


class _Part(NamedTuple):
    """A summand's sign, text and names."""

    sign: int
    text: str
    names: set[str]
    several: bool = False

    def joined(self, other: _Part) -> _Part:
        between = "+" if other.sign == self.sign else "-"
        return _Part(
            self.sign, f"{self.text} {between} {other.text}", self.names | other.names, True
        )


def _used(node: ast.expr, named: dict[str, set[str]]) -> set[str]:
    """Return the names in a tree, and in the expressions it names."""
    used = _names(node)
    for name in reversed(named):  # an expression uses earlier ones alone
        if name in used:
            used |= named[name]
    return used


def _law_of(law: Law, part: _Part) -> Law:
    return Law(
        f"term of {law.name}",
        f"({part.text})" if part.several else part.text,
        {name: p for name, p in law.parameters.items() if name in part.names},
        y=law.y,
        columns=[name for name in law.columns if name in part.names],
        where={name: text for name, text in law.where.items() if name in part.names},
    )


def _names(tree: ast.expr) -> set[str]:
    return {normalise(node.id) for node in ast.walk(tree) if isinstance(node, ast.Name)}
