"""Parameters drawn from a fit's asymptotic distribution."""

from __future__ import annotations

from typing import Any

import numpy as np

from lawfit._validate import Floats, integer
from lawfit.result import Fit

__all__ = ["fit_draws"]


def fit_draws(fit: Fit, n: int, rng: Any = 0) -> Floats:
    """Draw parameters that are as likely as the fit says.

    Normal around the fitted values with the covariance `fit.cov`: on the logarithm, by the delta
    method, for a parameter that the law keeps from falling below 0, on the parameter itself for any
    other. Draws beyond a bound of the law are set to it.

    Parameters
    ----------
    fit : Fit
        A fit whose data determine all its free parameters.
    n : int
        How many draws.
    rng : int or numpy.random.Generator
        Seed, or a generator, which is advanced.

    Returns
    -------
    ndarray, shape (n, parameters)
        In the order of `fit.params`; parameters that were held keep their value.

    Raises
    ------
    TypeError
        If `fit` is no Fit or `rng` no seed.
    ValueError
        If a parameter has no finite standard error, because the data do not determine it or because
        it sits at a bound; the message names it.
    """
    if not isinstance(fit, Fit):
        raise TypeError(f"fit is a {type(fit).__name__}; expected a Fit")
    count = integer(n, field="n", lower=1)
    if not isinstance(rng, np.random.Generator):
        rng = np.random.default_rng(integer(rng, field="rng", lower=0))
    _check_determined(fit)
    names = list(fit.params)
    free = [names.index(name) for name in fit.free]
    bounds = [fit.law.parameters[name] for name in fit.free]
    values = np.array([fit.params[name] for name in fit.free])
    logs = np.array([p.lower >= 0 and v > 0 for p, v in zip(bounds, values, strict=True)])
    scale = np.where(logs, values, 1.0)
    root = _square_root(fit.cov / np.outer(scale, scale))
    steps = rng.standard_normal((count, values.size)) @ root
    with np.errstate(over="ignore"):  # judged below
        drawn = np.where(logs, values * np.exp(steps), values + steps)
    # A caller's own bounds may have let the fit go past the law's.
    low = [min(p.lower, v) for p, v in zip(bounds, values, strict=True)]
    high = [max(p.upper, v) for p, v in zip(bounds, values, strict=True)]
    drawn = np.clip(drawn, low, high)
    _check_finite(fit, drawn)
    every = np.tile(list(fit.params.values()), (count, 1))
    every[:, free] = drawn
    return every


def _check_determined(fit: Fit) -> None:
    # an error that is infinite or NaN, and a covariance that is NaN beside finite errors
    lost = [
        name for name, row in zip(fit.free, np.isfinite(fit.cov), strict=True) if not row.any()
    ] or [name for name, row in zip(fit.free, np.isfinite(fit.cov), strict=True) if not row.all()]
    if lost:
        reasons = ", ".join(_reason(fit, name) for name in lost)
        raise ValueError(
            f"fit of law {fit.law.name!r}: no finite standard error for {reasons}, so nothing can "
            "be drawn; fixed= holds a parameter, draws=0 leaves intervals out"
        )


def _reason(fit: Fit, name: str) -> str:
    if name in fit.at_bounds:
        return f"{name!r} (at its {fit.at_bounds[name]} bound)"
    return f"{name!r} (undetermined)" if name in fit.undetermined else repr(name)


def _square_root(cov: Floats) -> Floats:
    """Return the symmetric square root of a covariance, which has no choice of sign in it."""
    errors = np.sqrt(np.diag(cov))
    unit = np.where(errors > 0, errors, 1.0)
    # Of the correlations: errors of A and alpha differ by orders of magnitude.
    values, vectors = np.linalg.eigh(cov / np.outer(unit, unit))
    root: Floats = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T * errors
    return root


def _check_finite(fit: Fit, drawn: Floats) -> None:
    for name, column in zip(fit.free, drawn.T, strict=True):
        if not np.all(np.isfinite(column)):
            raise ValueError(
                f"fit of law {fit.law.name!r}: {name!r} is {fit.params[name]:g} with a standard "
                f"error of {fit.stderr[name]:g}; its draws leave the range of floats"
            )
