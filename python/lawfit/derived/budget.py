"""The model and the data that a compute budget is best spent on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lawfit import laws
from lawfit._validate import Floats, integer, real
from lawfit.derived._answer import Answer
from lawfit.derived._arguments import Number, plain, reals
from lawfit.derived._line import Line, quantiles, read_level, read_lines, read_rng, vectors
from lawfit.derived._search import minima
from lawfit.law import Law
from lawfit.result import Fit

__all__ = ["ComputeOptimal", "compute_optimal", "optimum"]

# Step in log C over which the slope of log N is taken: its error is far below that of the search.
_STEP: Final = 0.05
_SHOWN: Final = 12  # budgets a repr lists
_COLUMNS: Final = ("flops", "N", "D", "loss", "exponent")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ComputeOptimal(Answer):
    """How to spend compute, by the fitted law.

    Attributes
    ----------
    flops : float or ndarray, shape (n,)
        Budgets C, in FLOPs.
    N, D : float or ndarray, shape (n,)
        Parameters and tokens that make the law's loss smallest.
    loss : float or ndarray, shape (n,)
        That loss, in the law's unit.
    exponent : float or ndarray, shape (n,)
        d log N / d log C at C; β/(α + β) at any for Chinchilla's law. Of another, NaN where
        `at_end`, and its interval NaN if any draw is.
    N_interval, D_interval, loss_interval, exponent_interval : ndarray or None
        Of shape (2,) or (n, 2), over draws of the parameters. They are of the law itself: a
        measured loss scatters more.
    level : float
        Of the intervals.
    at_end : bool or ndarray of bool, shape (n,)
        Whether the law still falls at an end, one parameter or one token: no optimum then.
    """

    flops: Number
    N: Number
    D: Number
    loss: Number
    exponent: Number
    N_interval: Floats | None
    D_interval: Floats | None
    loss_interval: Floats | None
    exponent_interval: Floats | None
    level: float
    at_end: Any

    def __repr__(self) -> str:
        head = "".join(f"{name:>12}" for name in _COLUMNS)
        if self.N_interval is not None:
            head += f"  N ({self.level:g} interval)"
        rows = [self._row(i) for i in range(min(np.size(self.flops), _SHOWN))]
        if np.size(self.flops) > _SHOWN:
            rows.append(f"  … and {np.size(self.flops) - _SHOWN} more")
        return "\n".join(["<ComputeOptimal>", head, *rows])

    def _row(self, i: int) -> str:
        text = "".join(f"{np.atleast_1d(getattr(self, name))[i]:12.4g}" for name in _COLUMNS)
        if self.N_interval is not None:
            low, high = np.atleast_2d(self.N_interval)[i]
            text += f"  {low:.4g} to {high:.4g}"
        return text + ("  at an end: no optimum" if np.atleast_1d(self.at_end)[i] else "")


def compute_optimal(
    fit: Fit,
    flops: Any,
    *,
    flops_per_param_token: float = 6.0,
    at: Mapping[str, float] | None = None,
    level: float = 0.95,
    draws: int = 1000,
    rng: Any = 0,
) -> ComputeOptimal:
    """Find the model size and data that make the loss smallest for a compute budget.

    Minimises the fitted law subject to C = 6·N·D, along log N from one parameter to one token: in
    closed form for Chinchilla's law, by a bracketed search for any other.

    Parameters
    ----------
    fit : Fit
        Of a law with columns N (parameters) and D (tokens).
    flops : float or array-like, shape (n,)
        Budgets C, in FLOPs; above `flops_per_param_token`.
    flops_per_param_token : float
        FLOPs that one token costs one parameter, forward and backward.
    at : mapping of str to float, optional
        Values of the law's other columns.
    level : float
        Level of the intervals, between 0 and 1.
    draws : int
        Parameter vectors drawn by `fit_draws`; 0 for no intervals.
    rng : int or numpy.random.Generator
        Seed of the draws.

    Returns
    -------
    ComputeOptimal

    Raises
    ------
    TypeError, ValueError
        Naming the argument, index and value; for draws, the parameters that the data do not
        determine.

    Notes
    -----
    With G = (αA/(βB))^(1/(α+β)), N = G·(C/6)^a and D = (C/6)^(1-a)/G, a = β/(α+β): Hoffmann et al.,
    arXiv:2203.15556, equation 4, their approach 3.
    """
    name = "compute_optimal"
    (line,) = read_lines(name, ("N", "D"), at, fit)
    cost = read_cost(flops_per_param_token, name)
    budgets = reals(flops, "flops", name, lower=cost, strict=True)
    level = read_level(level, name)
    draws = integer(draws, field="draws", source=name, lower=0)
    params = vectors(fit, draws, read_rng(rng, name))
    products = np.atleast_1d(budgets) / cost
    N, exponent, at_end = optimum(line, params, products)
    D = products / N
    loss = np.array([line.values(*each) for each in zip(params, N, D, strict=True)])
    if not np.all(np.isfinite(loss)):
        raise ValueError(f"{name}: law {fit.law.name!r} has no finite value at its optimum")

    def shaped(values: Floats) -> Number:
        return plain(values[0].reshape(budgets.shape))

    def spread(values: Floats) -> Floats | None:
        if draws == 0:
            return None
        interval: Floats = quantiles(values[1:], level).reshape(*budgets.shape, 2)
        return interval

    return ComputeOptimal(
        flops=plain(budgets),
        N=shaped(N),
        D=shaped(D),
        loss=shaped(loss),
        exponent=shaped(exponent),
        N_interval=spread(N),
        D_interval=spread(D),
        loss_interval=spread(loss),
        exponent_interval=spread(exponent),
        level=level,
        at_end=at_end[0].reshape(budgets.shape)[()],
    )


def read_cost(flops_per_param_token: float, name: str) -> float:
    """Check the FLOPs of one token through one parameter."""
    return real(
        flops_per_param_token, field="flops_per_param_token", source=name, lower=0, strict=True
    )


def optimum(line: Line, params: Floats, products: Floats) -> tuple[Floats, Floats, Any]:
    """Find the optimal N for every parameter vector and product N·D.

    Parameters
    ----------
    line : Line
        The law, along N and D.
    params : ndarray, shape (k, parameters)
    products : ndarray, shape (m,)
        N·D, above 1.

    Returns
    -------
    N, exponent : ndarray, shape (k, m)
    at_end : ndarray of bool, shape (k, m)
    """
    if _is_chinchilla(line.law):
        columns = dict(zip(line.law.parameters, params.T[:, :, None], strict=True))
        A, alpha, B, beta = (columns[name] for name in ("A", "alpha", "B", "beta"))
        if all(np.all(column > 0) for column in (A, alpha, B, beta)):
            exponent = np.broadcast_to(beta / (alpha + beta), (len(params), products.size))
            # in logarithms: A and B of a steep law are beyond the range of floats when divided
            with np.errstate(over="ignore"):
                scale = (np.log(alpha) + np.log(A) - np.log(beta) - np.log(B)) / (alpha + beta)
            logs, last = scale + exponent * np.log(products), np.log(products)
            N = np.exp(np.clip(logs, 0, last))
            return N, exponent, (logs < 0) | (logs > last)
    found = [_searched(line, p, products) for p in params]
    N, exponent, at_end = (np.array(part) for part in zip(*found, strict=True))
    return N, exponent, at_end


def _is_chinchilla(law: Law) -> bool:
    formula, known = ("".join(f.split()) for f in (law.formula, laws.chinchilla.formula))
    return formula == known


def _searched(line: Line, params: Floats, products: Floats) -> tuple[Floats, Floats, Any]:
    """Minimise along log N at every product, and a little to its sides for the slope."""
    logs = np.log(products) + np.array([[-_STEP], [0.0], [_STEP]])
    flat = logs.ravel()[:, None]

    def loss(u: Floats) -> Floats:
        return line.values(params, np.exp(u), np.exp(flat - u))

    where, at_end = minima(loss, np.zeros(flat.size), np.maximum(flat.ravel(), 0.0))
    where, at_end = where.reshape(logs.shape), at_end.reshape(logs.shape)
    slope = (where[2] - where[0]) / (2 * _STEP)
    return np.exp(where[1]), np.where(at_end.any(axis=0), np.nan, slope), at_end[1]
