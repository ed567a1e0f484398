"""Losses along one compute budget, and the parabola that is usually drawn through them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lawfit._validate import Floats, float_array, integer, real, same_length
from lawfit.derived._answer import Answer
from lawfit.derived._line import Line, read_lines
from lawfit.derived.budget import optimum, read_cost
from lawfit.result import Fit

__all__ = [
    "IsoflopBias",
    "IsoflopMinimum",
    "IsoflopProfile",
    "isoflop_bias",
    "isoflop_minimum",
    "isoflop_profile",
]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class IsoflopProfile(Answer):
    """A law along one compute budget.

    Attributes
    ----------
    flops : float
        The budget C.
    N, D : ndarray, shape (n,)
        Parameters, ascending, and the tokens the budget leaves for them.
    loss : ndarray, shape (n,)
        The law's loss.
    """

    flops: float
    N: Floats
    D: Floats
    loss: Floats

    def __repr__(self) -> str:
        low = int(np.argmin(self.loss))
        return (
            f"<IsoflopProfile of {self.flops:.4g} FLOPs: {self.N.size} points, "
            f"N {self.N[0]:.4g} to {self.N[-1]:.4g}, "
            f"lowest loss {self.loss[low]:.4g} at N {self.N[low]:.4g}>"
        )


class IsoflopMinimum(NamedTuple):
    """The lowest point of a parabola in log N.

    Attributes
    ----------
    N, loss : float
        Where it is.
    curvature : float
        d²loss/d(log N)² of the parabola.
    inside : bool
        Whether it lies within the N measured; outside it is an extrapolation.
    """

    N: float
    loss: float
    curvature: float
    inside: bool


class IsoflopBias(NamedTuple):
    """How far the parabola's minimum is from the law's own.

    Attributes
    ----------
    N : float
        Where the law is lowest along the budget.
    parabola : float
        Where the parabola through the law's exact values is.
    factor : float
        parabola / N.
    excess_loss : float
        What the model of the parabola's size loses to the best one.
    """

    N: float
    parabola: float
    factor: float
    excess_loss: float


def isoflop_profile(
    fit: Fit,
    flops: float,
    n: int = 101,
    *,
    low: float | None = None,
    high: float | None = None,
    flops_per_param_token: float = 6.0,
    at: Mapping[str, float] | None = None,
) -> IsoflopProfile:
    """Evaluate a law along C = 6·N·D.

    Parameters
    ----------
    fit : Fit
        Of a law with columns N and D.
    flops : float
        The budget C, in FLOPs.
    n : int
        Points, spaced evenly in log N; at least 2.
    low, high : float, optional
        Ends in N; by default a tenth and ten times the law's optimum, where that leaves a
        parameter and a token.
    flops_per_param_token : float
        FLOPs that one token costs one parameter.
    at : mapping of str to float, optional
        Values of the law's other columns.

    Returns
    -------
    IsoflopProfile

    Raises
    ------
    TypeError, ValueError
        Naming the argument and value.

    Notes
    -----
    Hoffmann et al., arXiv:2203.15556, approach 2.
    """
    name = "isoflop_profile"
    line, product = _budget(fit, flops, flops_per_param_token, at, name)
    points = integer(n, field="n", source=name, lower=2)
    if low is None or high is None:
        best, _ = _lowest(line, fit, product)
        low = max(best / 10, 1.0) if low is None else low
        high = min(best * 10, product) if high is None else high
    begin = real(low, field="low", source=name, lower=0, strict=True)
    end = real(high, field="high", source=name, lower=begin, strict=True)
    N = np.geomspace(begin, end, points)
    return IsoflopProfile(float(flops), N, product / N, _along(line, fit, N, product))


def isoflop_minimum(N: Any, loss: Any) -> IsoflopMinimum:
    """Find the minimum of measured losses by a parabola in log N.

    Parameters
    ----------
    N : array-like, shape (n,)
        Parameters of models trained with one budget; at least 3 sizes, above 0.
    loss : array-like, shape (n,)
        Their final losses.

    Returns
    -------
    IsoflopMinimum

    Raises
    ------
    TypeError
        If a value is no number.
    ValueError
        If there are fewer than 3 sizes, a size is not above 0, or the parabola opens downwards, so
        that it has no minimum.

    Notes
    -----
    Hoffmann et al., arXiv:2203.15556, approach 2. The parabola is biased where the curve is not
    symmetric, even without noise (arXiv:2603.22339). For Chinchilla's law, sizes spread evenly over
    ±w in log N around the optimum put it (α - β)·w²/10 too high in log N, to leading order: with
    α = .34, β = .28 and a factor 10 each way the parabola's N is about 3 % too large. Sizes that
    are not centred add to it. `isoflop_bias` tells how much; fitting the law itself has no such
    bias.
    """
    name = "isoflop_minimum"
    sizes = _sizes(N, name)
    losses = float_array(loss, source=name, field="loss")
    same_length(name, N=sizes, loss=losses)
    where, curvature, bottom = _parabola(np.log(sizes), losses, name)
    with np.errstate(over="ignore"):
        lowest = float(np.exp(where))
    inside = bool(sizes.min() <= lowest <= sizes.max())
    return IsoflopMinimum(lowest, bottom, curvature, inside)


def isoflop_bias(
    fit: Fit,
    flops: float,
    N: Any,
    *,
    flops_per_param_token: float = 6.0,
    at: Mapping[str, float] | None = None,
) -> IsoflopBias:
    """Tell how far a parabola in log N misses the minimum of a fitted law.

    Draws the parabola of `isoflop_minimum` through the law's own values at the sizes measured: what
    it misses the law's minimum by is bias, for there is no noise.

    Parameters
    ----------
    fit : Fit
        Of a law with columns N and D.
    flops : float
        The budget C, in FLOPs.
    N : array-like, shape (n,)
        Sizes that the parabola is drawn through; at least 3.
    flops_per_param_token : float
        FLOPs that one token costs one parameter.
    at : mapping of str to float, optional
        Values of the law's other columns.

    Returns
    -------
    IsoflopBias

    Raises
    ------
    TypeError, ValueError
        Naming the argument, index and value.

    Notes
    -----
    arXiv:2603.22339.
    """
    name = "isoflop_bias"
    line, product = _budget(fit, flops, flops_per_param_token, at, name)
    sizes = _sizes(N, name)
    where, _, _ = _parabola(np.log(sizes), _along(line, fit, sizes, product), name)
    best, at_end = _lowest(line, fit, product)
    if at_end:
        raise ValueError(f"{name}: law {fit.law.name!r} has no minimum along the budget")
    drawn = float(np.exp(where))
    losses = _along(line, fit, np.array([best, drawn]), product)
    return IsoflopBias(best, drawn, drawn / best, float(losses[1] - losses[0]))


def _budget(
    fit: Fit, flops: float, cost: float, at: Mapping[str, float] | None, name: str
) -> tuple[Line, float]:
    """Return the law along N and D, and the budget's N·D."""
    (line,) = read_lines(name, ("N", "D"), at, fit)
    per = read_cost(cost, name)
    return line, real(flops, field="flops", source=name, lower=per, strict=True) / per


def _lowest(line: Line, fit: Fit, product: float) -> tuple[float, bool]:
    """Return the law's best N, and whether it is at an end: one parameter or one token."""
    params = np.array([list(fit.params.values())])
    N, _, at_end = optimum(line, params, np.array([product]))
    return float(N[0, 0]), bool(at_end[0, 0])


def _along(line: Line, fit: Fit, N: Floats, product: float) -> Floats:
    return line.finite_values(np.array(list(fit.params.values())), N, product / N)


def _sizes(N: Any, name: str) -> Floats:
    sizes = float_array(N, source=name, field="N")
    bad = np.flatnonzero(sizes <= 0)
    if bad.size:
        raise ValueError(f"{name}: N at index {bad[0]} is {sizes[bad[0]]}; expected it above 0")
    if np.unique(sizes).size < 3:
        raise ValueError(f"{name}: N has {np.unique(sizes).size} sizes; a parabola needs 3")
    return sizes


def _parabola(t: Floats, y: Floats, name: str) -> tuple[float, float, float]:
    """Fit a parabola by least squares: its vertex, second derivative and lowest value."""
    middle, width = t.mean(), float(np.ptp(t))
    constant, slope, half = np.polynomial.polynomial.polyfit((t - middle) / width, y, 2)
    if not half > 0:
        raise ValueError(f"{name}: the parabola through loss opens downwards; it has no minimum")
    vertex = -slope / (2 * half)
    bottom = constant + slope * vertex / 2
    return float(middle + width * vertex), float(2 * half / width**2), float(bottom)
