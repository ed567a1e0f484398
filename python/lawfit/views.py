"""What pictures of a fit show, as numbers: residuals by run, and a law's terms one by one."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lawfit._special import normal_quantile
from lawfit._validate import Floats, Ints
from lawfit.callable_law import CallableLaw
from lawfit.curves import as_curves
from lawfit.formula import parse_tree
from lawfit.formula.scan import normalise
from lawfit.law import Law
from lawfit.prediction import Request, request
from lawfit.result import Fit
from lawfit.rows import is_table, rows_of
from lawfit.schedule import Schedule

__all__ = [
    "RunResiduals",
    "Term",
    "autocorrelation",
    "normal_scores",
    "residual_unit",
    "residuals",
    "terms",
    "terms_along",
]


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
    skip = None if table else fit.options.skip_steps
    policy = fit.options.nan_policy if table else "raise"
    rows = rows_of(fit.law, data, warmup=fit.options.warmup, skip_steps=skip, nan_policy=policy)
    rows.check_areas()
    assert rows.y is not None
    predicted = fit._evaluate(Request(rows, None, everywhere=True))
    if fit.options.space == "log":
        rows.refuse(rows.y <= 0, fit.law.y, rows.y, "a fit in log space needs it above 0")
        rows.refuse(predicted <= 0, "predicted value", predicted, "log space needs it above 0")
        off = np.log(predicted) - np.log(rows.y)
    else:
        off = predicted - rows.y
    names = ["data"] if table else [*as_curves(data).names]
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
