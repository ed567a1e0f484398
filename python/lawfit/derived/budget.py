"""The model and the data that a compute budget is best spent on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lawfit import laws
from lawfit._validate import Floats, integer, real
from lawfit.derived._arguments import Number, plain, reals
from lawfit.derived._line import Line, quantiles, read_level, read_lines, read_rng, vectors
from lawfit.derived._search import minima
from lawfit.law import Law
from lawfit.result import Fit

__all__ = ["ComputeOptimal", "compute_optimal", "optimum"]

# Step in log C over which the slope of log N is taken: its error is far below that of the search.
_STEP: Final = 0.05
_SHOWN: Final = 12  # budgets a repr lists


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ComputeOptimal:
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
        d log N / d log C at C; β/(α + β) at any for Chinchilla's law. NaN where `at_end`.
    N_interval, D_interval, loss_interval, exponent_interval : ndarray, shape (2,) or (n, 2), or None
        Over draws of the parameters, of the law itself: a measured loss scatters more.
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
        names = ("flops", "N", "D", "loss", "exponent")
        head = "".join(f"{name:>12}" for name in names)
        rows = np.atleast_2d(np.array([getattr(self, name) for name in names]).T)
        spans = "" if self.N_interval is None else f"  N ({self.level:g} interval)"
        lines = [f"<ComputeOptimal>\n{head}{spans}"]
        for i, row in enumerate(rows[:_SHOWN]):
            text = "".join(f"{value:12.4g}" for value in row)
            if self.N_interval is not None:
                low, high = np.atleast_2d(self.N_interval)[i]
                text += f"  {low:.4g} to {high:.4g}"
            lines.append(
                text + ("  at the end: no optimum" if np.atleast_1d(self.at_end)[i] else "")
            )
        if len(rows) > _SHOWN:
            lines.append(f"  … and {len(rows) - _SHOWN} more")
        return "\n".join(lines)


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

    Minimises the fitted law subject to C = 6·N·D: in closed form for Chinchilla's law, by a
    bracketed search along log N from one parameter to one token for any other.

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
    cost = real(
        flops_per_param_token, field="flops_per_param_token", source=name, lower=0, strict=True
    )
    budgets = reals(flops, "flops", name, lower=cost, strict=True)
    level = read_level(level, name)
    params = vectors(fit, integer(draws, field="draws", source=name, lower=0), read_rng(rng, name))
    products = np.atleast_1d(budgets) / cost
    N, exponent, at_end = optimum(line, params, products)
    with np.errstate(over="ignore"):
        loss = np.array(
            [line.values(p, N=n, D=products / n) for p, n in zip(params, N, strict=True)]
        )
    found = (N, products / N, loss, exponent)
    if not np.all(np.isfinite(loss[0])):
        raise ValueError(f"{name}: law {fit.law.name!r} has no finite value along the budget")

    def shaped(values: Floats) -> Number:
        return plain(values.reshape(budgets.shape))

    def spread(values: Floats) -> Floats | None:
        if len(params) == 1:
            return None
        interval: Floats = quantiles(values[1:], level).reshape(*budgets.shape, 2)
        return interval

    return ComputeOptimal(
        plain(budgets),
        *(shaped(values[0]) for values in found),
        *(spread(values) for values in found),
        level=level,
        at_end=at_end[0].reshape(budgets.shape)[()],
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
            scale = (np.log(alpha) + np.log(A) - np.log(beta) - np.log(B)) / (alpha + beta)
            N = np.exp(scale + exponent * np.log(products))
            return N, exponent, np.zeros(N.shape, bool)
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

    where, at_end = (
        part.reshape(logs.shape)
        for part in minima(loss, np.zeros(flat.size), np.maximum(flat.ravel(), 0.0))
    )
    slope = (where[2] - where[0]) / (2 * _STEP)
    return np.exp(where[1]), np.where(at_end.any(axis=0), np.nan, slope), at_end[1]
