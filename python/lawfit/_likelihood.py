"""Likelihoods of residuals under a loss, for information criteria.

A loss rho says nothing of how likely residuals are until it is a density: exp(-rho(r)/tau)/Z(tau),
which is Huber's least favourable distribution for his loss and the normal one for the squared. tau
has no part in where the minimum is, so it is fitted too, and counts as a parameter.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from lawfit._validate import Floats
from lawfit.options import Options

__all__ = ["log_likelihood", "rho"]

# Of log(delta²/tau), where the mean of rho is to be met: from nearly Laplace's to the normal.
LOW, HIGH = -500.0, 60.0
NORMAL = 1e-20  # a mean of rho, in units of delta², at which a robust loss is the squared one
ROUNDS = 100
POINTS = 2001  # of a trapezoid rule, which converges exponentially here
NOTHING = 800.0  # exp(-this) is 0


def rho(residuals: Floats, options: Options) -> Floats:
    """Return the loss of every residual."""
    size, delta = np.abs(residuals), options.delta
    square: Floats = size**2 / 2
    if options.rho == "huber":
        return np.where(size <= delta, square, delta * (size - delta / 2))
    if options.rho == "soft_l1":  # delta²·(√(1 + x²) - 1), without cancellation
        square = 2 * square / (1 + np.sqrt(1 + (size / delta) ** 2))
    return square


def log_likelihood(total: float, n: int, options: Options) -> float:
    """Return the greatest log likelihood of `n` residuals whose losses sum to `total`.

    Infinite for a total of 0.
    """
    if total <= 0:
        return math.inf
    mean = total / n / options.delta / options.delta  # whose square may be beyond any float
    if not options.robust or mean < NORMAL:
        return -n / 2 * (math.log(4 * math.pi * total / n) + 1)
    moments = _huber if options.rho == "huber" else _soft_l1
    s = math.exp(_where_falls_to(mean, lambda u: moments(math.exp(u))[1]))
    return -n * (math.log(options.delta) + moments(s)[0] + s * mean)


def _where_falls_to(level: float, falling: Callable[[float], float]) -> float:
    low, high = LOW, HIGH
    for _ in range(ROUNDS):
        middle = (low + high) / 2
        if falling(middle) > level:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _huber(s: float) -> tuple[float, float]:
    """Return log z(s), z = ∫ exp(-s·rho(x)) dx with delta 1, and the mean of rho then, -z'/z."""
    tails = 2 * math.exp(-s / 2) / s
    centre = math.sqrt(2 * math.pi / s) * math.erf(math.sqrt(s / 2))
    return math.log(centre + tails), (centre / 2 + tails) / s / (centre + tails)


def _soft_l1(s: float) -> tuple[float, float]:
    """Return the same for rho = √(1 + x²) - 1, which at x = sinh u is 2·sinh²(u/2)."""
    u = np.linspace(0, 2 * math.asinh(math.sqrt(NOTHING / (2 * s))), POINTS)
    loss = 2 * np.sinh(u / 2) ** 2
    density = np.exp(-s * loss) * np.cosh(u)
    density[0] /= 2  # the other half is that of negative u
    whole = float(density.sum())
    return math.log(2 * whole * float(u[1])), float(density @ loss) / whole
