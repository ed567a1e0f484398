"""What the residuals of a run say of its noise: their size, their robust weight, their memory."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from lawfit._points import Points
from lawfit._validate import Floats
from lawfit.options import Options
from lawfit.prior import BY_MEDIAN, Prior

__all__ = ["Noise", "memory", "noise_about", "noise_of"]

# A prior's noise counts as so many points beside those of the run.
PRIOR_POINTS = 10
# Fewer residuals than this say nothing of their memory.
FEWEST = 8
# Correlation from one residual to the next is not believed beyond this.
MOST_CORRELATED = 0.98
# Residuals count as at most so many standard deviations there.
CLIPPED_AT = 3.0


class Noise(NamedTuple):
    """The points' information on the parameters is `slope`/`scale`·`squares`.

    Attributes
    ----------
    sd : float
        Standard deviation of a residual, by the median of their sizes.
    slope : float
        Mean of rho''.
    scale : float
        Variance of a sum of rho' beside its slope, correlation from point to point included: what
        an objective is divided by to be minus a logarithmic likelihood.
    freedom : float
        Points, as many as independent ones would be worth, less parameters, or with those that a
        prior is worth; at least 1.
    memory : float
        How many points in a row are worth one independent one.
    squares : ndarray, shape (p, p)
        JᵀJ of the residuals.
    """

    sd: float
    slope: float
    scale: float
    freedom: float
    memory: float
    squares: Floats


def noise_about(points: Points, theta: Floats, prior: Prior | None) -> Noise | None:
    """Look at the residuals about parameters `theta`, shape (p,); None where one has no value."""
    r, jacobian = points.residuals(theta)
    if not (np.all(np.isfinite(r)) and np.all(np.isfinite(jacobian))):
        return None
    n, p = jacobian.shape
    spent = 0 if prior is not None else p
    correction = n / max(n - spent, 1)
    psi, slope = _rho(r, points.setting.options)
    repeats = memory(r)
    variance = float(np.mean(psi**2)) * correction / slope * repeats
    sd2 = (BY_MEDIAN * float(np.median(np.abs(r)))) ** 2 * correction
    freedom = max(n / repeats - p, 1.0)
    if prior is not None:
        freedom = n / repeats + PRIOR_POINTS
        worth = 1 - PRIOR_POINTS / freedom
        variance = worth * variance + (1 - worth) * prior.noise**2
        sd2 = worth * sd2 + (1 - worth) * prior.noise**2
    sd2, variance = (max(square, points.rounding**2) for square in (sd2, variance))
    return Noise(math.sqrt(sd2), slope, variance, freedom, repeats, jacobian.T @ jacobian)


def noise_of(prior: Prior) -> Noise:
    """Return what a prior alone says of noise."""
    nothing = np.zeros_like(prior.precision)
    return Noise(prior.noise, 1.0, 1.0, float(PRIOR_POINTS), 1.0, nothing)


def memory(r: Floats) -> float:
    """Return how many residuals in a row are worth one independent one.

    By their correlation from one to the next, (1 + c)/(1 - c), as of an AR(1) process.
    """
    if r.size < FEWEST:
        return 1.0
    off = r - np.median(r)
    most = CLIPPED_AT * BY_MEDIAN * float(np.median(np.abs(off)))
    off = np.clip(off, -most, most)
    square = float(off @ off)
    if square == 0:
        return 1.0
    correlation = min(max(float(off[1:] @ off[:-1]) / square, 0.0), MOST_CORRELATED)
    return (1 + correlation) / (1 - correlation)


def _rho(r: Floats, options: Options) -> tuple[Floats, float]:
    """Return rho' of every residual, and the mean of rho''."""
    delta = options.delta
    if options.rho == "soft_l1":
        root = np.sqrt(1 + (r / delta) ** 2)
        return r / root, float(np.mean(root**-3))
    if options.rho != "huber":
        return r, 1.0
    # Few residuals may be within delta: their density there is that of a wider band of them, as in
    # the covariance of a fit.
    n = r.size
    within = min(n, math.ceil(1.295 * n**0.8))
    band = float(np.partition(np.abs(r), within - 1)[within - 1])
    slope = delta / band * within / n if band > delta else float(np.mean(np.abs(r) <= delta))
    return np.clip(r, -delta, delta), slope
