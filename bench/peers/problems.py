"""Objectives that every solver minimises: Σ w·Huber(log f - log y), in the papers' parameters.

A least-squares solver gets residuals r with r²/2 = w·rho, which is the same objective, and their
exact Jacobian. `centred` is the one reparametrisation that helps solvers, logarithms relative to
their mean; each kind of peer is measured with and without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DELTA = 1e-3


@dataclass(frozen=True)
class Problem:
    """Rows of a law with two columns; theta is in the papers' parameters."""

    x1: Floats
    x2: Floats
    log_y: Floats
    weights: Floats | None = None
    shift1: float = 0.0
    shift2: float = 0.0

    KIND: ClassVar[str]
    NAMES: ClassVar[tuple[str, ...]]

    @property
    def n(self) -> int:
        return self.log_y.size

    def centred(self) -> Self:
        """The same problem with the mean taken off the logarithms, where that helps."""
        return self

    def weighted(self, weights: Floats) -> Self:
        return replace(self, weights=weights)

    def taken(self, rows: Any) -> Self:
        """The rows of a mask, slice or array of indices."""
        return replace(self, x1=self.x1[rows], x2=self.x2[rows], log_y=self.log_y[rows])

    def first(self, n: int) -> Self:
        return self.taken(slice(n))

    def log_f(self, theta: Floats) -> Floats:
        raise NotImplementedError

    def log_f_jacobian(self, theta: Floats) -> Floats:
        """d log f / d theta, shape (n, parameters)."""
        raise NotImplementedError

    def encode(self, params: Mapping[str, float]) -> Floats:
        """Theta of natural parameters."""
        raise NotImplementedError

    def decode(self, theta: Floats) -> dict[str, float]:
        """Natural parameters of theta."""
        raise NotImplementedError

    def objective(self, theta: Floats) -> float:
        size = np.abs(self.log_f(theta) - self.log_y)
        rho = np.where(size <= DELTA, 0.5 * size**2, DELTA * (size - 0.5 * DELTA))
        return float(np.sum(rho if self.weights is None else self.weights * rho))

    def gradient(self, theta: Floats) -> Floats:
        psi = np.clip(self.log_f(theta) - self.log_y, -DELTA, DELTA)
        if self.weights is not None:
            psi = self.weights * psi
        return psi @ self.log_f_jacobian(theta)

    def scaled(self, scale: float) -> tuple[Callable[[Floats], float], Callable[[Floats], Floats]]:
        """The objective times `scale`, and its gradient, for who takes functions."""
        return (
            lambda theta: scale * self.objective(theta),
            lambda theta: scale * self.gradient(theta),
        )

    def raw(self, theta: Floats) -> Floats:
        """Residuals before the Huber loss, for a solver that applies it."""
        return self.log_f(theta) - self.log_y

    def residuals(self, theta: Floats) -> Floats:
        d = self.log_f(theta) - self.log_y
        size = np.abs(d)
        tail = np.sqrt(2 * DELTA * np.maximum(size - 0.5 * DELTA, 0.5 * DELTA))
        r = np.where(size <= DELTA, d, np.copysign(tail, d))
        return r if self.weights is None else np.sqrt(self.weights) * r

    def jacobian(self, theta: Floats) -> Floats:
        d = self.log_f(theta) - self.log_y
        size = np.abs(d)
        tail = np.sqrt(2 * DELTA * np.maximum(size - 0.5 * DELTA, 0.5 * DELTA))
        slope = np.where(size <= DELTA, 1.0, DELTA / tail)
        if self.weights is not None:
            slope = np.sqrt(self.weights) * slope
        return slope[:, None] * self.log_f_jacobian(theta)


@dataclass(frozen=True)
class Chinchilla(Problem):
    """log(e^(a - alpha·x1) + e^(b - beta·x2) + e^e), with x1 = log N and x2 = log D."""

    KIND: ClassVar[str] = "chinchilla"
    NAMES: ClassVar[tuple[str, ...]] = ("a", "b", "e", "alpha", "beta")

    def centred(self) -> Self:
        m1, m2 = float(np.mean(self.x1)), float(np.mean(self.x2))
        return replace(self, x1=self.x1 - m1, x2=self.x2 - m2, shift1=m1, shift2=m2)

    def log_f(self, theta: Floats) -> Floats:
        a, b, e, alpha, beta = theta
        return np.asarray(np.logaddexp(np.logaddexp(a - alpha * self.x1, b - beta * self.x2), e))

    def log_f_jacobian(self, theta: Floats) -> Floats:
        a, b, e, alpha, beta = theta
        log_f = self.log_f(theta)
        p1 = np.exp(a - alpha * self.x1 - log_f)
        p2 = np.exp(b - beta * self.x2 - log_f)
        return np.stack((p1, p2, np.exp(e - log_f), -self.x1 * p1, -self.x2 * p2), axis=1)

    def encode(self, params: Mapping[str, float]) -> Floats:
        alpha, beta = params["alpha"], params["beta"]
        a = np.log(params["A"]) - alpha * self.shift1
        b = np.log(params["B"]) - beta * self.shift2
        return np.array([a, b, np.log(params["E"]), alpha, beta])

    def decode(self, theta: Floats) -> dict[str, float]:
        a, b, e, alpha, beta = map(float, theta)
        with np.errstate(over="ignore"):
            A, B = np.exp(a + alpha * self.shift1), np.exp(b + beta * self.shift2)
            return {
                "A": float(A),
                "B": float(B),
                "E": float(np.exp(e)),
                "alpha": alpha,
                "beta": beta,
            }


@dataclass(frozen=True)
class Annealing(Problem):
    """log(L0 + A·e^(-alpha·x1) - C·x2), with x1 = log S1 and x2 = S2.

    Centring does not help here: no solver is faster, and ten times as many starts end on a plateau.
    """

    KIND: ClassVar[str] = "annealing"
    NAMES: ClassVar[tuple[str, ...]] = ("L0", "A", "C", "alpha")
    LEAST: ClassVar[float] = 1e-8  # a prediction below is cut off there, its derivative 0

    def _f(self, theta: Floats) -> tuple[Floats, Floats]:
        L0, A, C, alpha = theta
        power = np.exp(-alpha * self.x1)
        return power, L0 + A * power - C * self.x2

    def log_f(self, theta: Floats) -> Floats:
        return np.asarray(np.log(np.maximum(self._f(theta)[1], self.LEAST)))

    def log_f_jacobian(self, theta: Floats) -> Floats:
        power, f = self._f(theta)
        inverse = np.where(f > self.LEAST, 1 / np.maximum(f, self.LEAST), 0.0)
        scaled = power * inverse
        columns = (inverse, scaled, -self.x2 * inverse, -theta[1] * self.x1 * scaled)
        return np.stack(columns, axis=1)

    def encode(self, params: Mapping[str, float]) -> Floats:
        alpha = params["alpha"]
        A = params["A"] * np.exp(-alpha * self.shift1)
        return np.array([params["L0"], A, params["C"], alpha])

    def decode(self, theta: Floats) -> dict[str, float]:
        L0, A, C, alpha = map(float, theta)
        A *= float(np.exp(alpha * self.shift1))
        return {"L0": L0, "A": A, "C": C, "alpha": alpha}
