"""What an earlier fit says of a run's parameters before the run has said it itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lawfit._validate import Floats, closest, real
from lawfit.law import Law
from lawfit.options import Options
from lawfit.result import Fit

__all__ = ["BY_MEDIAN", "Prior", "check_same", "held_by", "read_prior"]

# Standard deviation of a normal distribution by the median of absolute deviations.
BY_MEDIAN = 1.482602218505602


@dataclass(frozen=True, slots=True)
class Prior:
    """A normal distribution of the free parameters, and the noise of a loss where it comes from.

    Parameters
    ----------
    mean : ndarray, shape (p,)
    precision : ndarray, shape (p, p)
        Inverse of the covariance; a row of zeros where nothing is known.
    noise : float
        Standard deviation of a residual.
    """

    mean: Floats
    precision: Floats
    noise: float


def read_prior(fit: Any, spread: Any, law: Law, free: Sequence[str]) -> Prior | None:
    """Return what `fit` says of the free parameters of a run of the same law.

    Their covariance is the fit's, and beside it the square of `spread` times the parameter: how far
    another run's may be off.

    Raises
    ------
    TypeError, ValueError
        For what is no fit of that law, or a spread that is not above 0.
    """
    spreads = _spreads(spread, free)
    if fit is None:
        return None
    if not isinstance(fit, Fit):
        raise TypeError(f"prior is a {type(fit).__name__}; expected a Fit")
    missing = [name for name in free if name not in fit.params]
    if missing or fit.law.formula != law.formula:
        raise ValueError(
            f"prior: a fit of law {fit.law.name!r}; expected one of {law.name!r}, with its formula"
        )
    mean = np.array([fit.params[name] for name in free])
    if not np.all(np.isfinite(mean)):
        raise ValueError(f"prior: its parameters are {dict(fit.params)}; expected finite ones")
    own = _own_covariance(fit, free)
    with np.errstate(over="ignore"):
        variances = np.diag(own) + (spreads * np.abs(mean)) ** 2
    # A parameter of 0 has no scale, and one that the fit did not determine says nothing.
    known = np.isfinite(variances) & (variances > 0)
    precision = np.zeros_like(own)
    scale = np.sqrt(variances[known])
    covariance = own[np.ix_(known, known)]
    np.fill_diagonal(covariance, variances[known])
    correlation = covariance / np.outer(scale, scale)
    inverse = np.linalg.inv(correlation)
    precision[np.ix_(known, known)] = (inverse + inverse.T) / 2 / np.outer(scale, scale)
    return Prior(mean, precision, BY_MEDIAN * float(np.median(np.abs(fit.residuals))))


def held_by(fit: Any, law: Law, bounds: Any) -> dict[str, float | None]:
    """Return the values that a prior's fit has for what the law holds: its C is one beside its λ.

    A parameter with bounds of its own is not held.
    """
    if not isinstance(fit, Fit):
        return {}
    kept = [name for name, p in law.parameters.items() if p.held is not None]
    return {k: fit.params[k] for k in kept if k in fit.params and k not in (bounds or {})}


def check_same(fit: Fit, held: Mapping[str, float], options: Options) -> None:
    """Refuse a fit whose parameters mean something else.

    Raises
    ------
    ValueError
        For one in another space or with the warm-up read otherwise, or that holds a parameter
        elsewhere.
    """
    for field in ("space", "warmup"):
        there, here = getattr(fit.options, field), getattr(options, field)
        if there != here:
            raise ValueError(f"prior: its {field} is {there!r}; expected {here!r}, as here")
    for name, value in held.items():
        if name not in fit.free and fit.params[name] != value:
            raise ValueError(
                f"prior: it holds {name} at {fit.params[name]!r}; expected {value!r}, as here"
            )


def _spreads(spread: Any, free: Sequence[str]) -> Floats:
    if isinstance(spread, Mapping):
        for name in spread:
            if name not in free:
                near = closest(str(name), free)
                raise ValueError(f"prior_spread: {name!r} is no free parameter{near}")
        missing = [name for name in free if name not in spread]
        if missing:
            raise ValueError(f"prior_spread: {missing[0]!r} is missing")
        values = [(name, spread[name]) for name in free]
        return np.array(
            [real(v, field=f"prior_spread: {k!r}", lower=0, strict=True) for k, v in values]
        )
    return np.full(len(free), real(spread, field="prior_spread", lower=0, strict=True))


def _own_covariance(fit: Fit, free: Sequence[str]) -> Floats:
    """Return the fit's covariance of these; 0 of those that it held or that sit at a bound."""
    own = np.zeros((len(free), len(free)))
    at = [k for k, name in enumerate(free) if name in fit.free]
    of = [fit.free.index(free[k]) for k in at]
    own[np.ix_(at, at)] = fit.cov[np.ix_(of, of)]
    own[np.isnan(own)] = 0
    lost = [k for k in range(len(free)) if math.isinf(own[k, k])]
    own[lost, :] = own[:, lost] = 0
    own[lost, lost] = math.inf
    return own
