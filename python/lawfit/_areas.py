"""Areas of a schedule that laws other than the annealing law are made of."""

from __future__ import annotations

from typing import Final

import numpy as np

from lawfit import _core
from lawfit._validate import Floats, Ints, choose, float_array, real, same_length, step_array
from lawfit.conventions import WARMUPS, Warmup

__all__ = ["MoreAreas"]

MAX_NORM: Final = 1e50  # whose bounds are finite for every LR


class MoreAreas:
    """What `lawfit.Schedule` has besides S1 and S2."""

    __slots__ = ()
    _native: _core.Schedule

    def loss_drop(
        self,
        C: float,
        beta: float,
        gamma: float,
        at: object = None,
        *,
        warmup: Warmup = "actual",
        exact: bool = False,
    ) -> Floats:
        """Loss drop of the multi-power law (arXiv 2503.12811).

        D(t) = Σ_{1≤k≤t} (η_{k-1} - η_k)·G(η_k^-γ·S_k(t)), with G(x) = 1 - (1 + C·x)^-β and
        S_k(t) = Σ_{k≤τ≤t} η_τ. A rising LR counts negative. Near-linear in the number of steps at
        which the LR changes: off by less than 1e-11 of Σ_k |η_{k-1} - η_k|·G for β ≤ 2 and
        -2 ≤ γ ≤ 2. An LR with more noise than single precision's takes quadratic time.

        Parameters
        ----------
        C, beta : float
            At least 0.
        gamma : float
            γ > 0 makes a step at which the LR falls to 0 drop whole.
        at : array-like of int, shape (n,), optional
            Steps in 0 … T - 1, in any order; by default every step.
        warmup : {"actual", "peak", "skip"}
            The warm-up's LR as it is; or as the LR of step `warmup`, so that it drops nothing and
            counts in S; or drops start after step `warmup`.
        exact : bool
            Take the sum as it is written, in quadratic time.

        Returns
        -------
        ndarray, shape (n,)
            In units of the LR.

        Raises
        ------
        TypeError, ValueError
            If a parameter or a step is out of range, `warmup` is unknown, or the LR changes at more
            than 2**27 steps.
        """
        C = real(C, field="C", lower=0.0)
        beta = real(beta, field="beta", lower=0.0)
        gamma = real(gamma, field="gamma")
        mode = choose(warmup, WARMUPS, field="warmup")
        if not isinstance(exact, bool | np.bool_):
            raise TypeError(f"exact is {exact!r}; expected True or False")
        steps, place = self._ascending(at)
        return self._native.loss_drop(C, beta, gamma, mode, steps, bool(exact))[place]

    def moment_area(
        self,
        beta1: float = 0.9,
        beta2: float = 0.999,
        at: object = None,
        *,
        warmup: Warmup = "actual",
    ) -> Floats:
        """Area M of the forward-momentum law (arXiv 2512.13705).

        With δ_i = η_{i-1} - η_i, i counted from 1 at the first of them,
        m_i = β1·m_{i-1} + (1 - β1)·δ_i, v_i = β2·v_{i-1} + (1 - β2)·1e5·δ_i²,
        M_i = M_{i-1} + m̂/(√(v̂ + 1e-8) + 1e-8), m̂ = m_i/(1 - β1^i), v̂ = v_i/(1 - β2^i).
        Every step is of length 1.

        Parameters
        ----------
        beta1, beta2 : float
            From 0 to below 1.
        at : array-like of int, shape (n,), optional
            Steps in 0 … T - 1, in any order; by default every step.
        warmup : {"actual", "peak", "skip"}
            The warm-up's LR as it is; or as the LR of step `warmup`; or the first δ is that into
            step `warmup` + 1.

        Returns
        -------
        ndarray, shape (n,)

        Raises
        ------
        TypeError, ValueError
            If a parameter or a step is out of range or `warmup` unknown.
        """
        beta1 = _momentum(beta1, "beta1")
        beta2 = _momentum(beta2, "beta2")
        mode = choose(warmup, WARMUPS, field="warmup")
        steps, place = self._ascending(at)
        return self._native.moment_area(beta1, beta2, mode, steps)[place]

    def bound_sums(
        self, at: object = None, *, gradient_norms: object = None
    ) -> tuple[Floats, Floats]:
        """Parts of a convex last-iterate bound (Schaipp et al., arXiv 2501.18965).

        After the updates 1 … T = t + 1,
        bound_mean = Σ_{k≤T} η_k²·G_k² / (2·Σ_{k≤T} η_k) and
        bound_last = ½·Σ_{k<T} [η_k / Σ_{j>k} η_j]·[Σ_{j≥k} η_j²·G_j² / Σ_{j≥k} η_j]; the bound
        itself is D²/(2·Σ η) more than their sum. Each step asked for costs a pass over the steps
        before it.

        Parameters
        ----------
        at : array-like of int, shape (n,), optional
            Steps in 0 … T - 1, in any order; by default every step.
        gradient_norms : array-like, shape (T,), optional
            Gradient norm G of every step, from 0 to 1e50; 1 by default.

        Returns
        -------
        bound_mean, bound_last : ndarray, shape (n,)
            0 while the LR has been 0 since step 0. `bound_last` is infinite at a step whose LR is 0
            after one above 0.

        Raises
        ------
        TypeError, ValueError
            If a step is outside the schedule or beyond 2**27, or a norm is missing or out of range.
        """
        steps, place = self._ascending(at)
        squares = None if gradient_norms is None else self._squares(gradient_norms)
        mean, last = self._native.bound_areas(steps, squares)
        return mean[place], last[place]

    def _squares(self, gradient_norms: object) -> Floats:
        norms = float_array(gradient_norms, source="schedule", field="gradient_norms")
        same_length("schedule", gradient_norms=norms, lr=range(self._native.steps))
        outside = np.flatnonzero((norms < 0) | (norms > MAX_NORM))
        if outside.size:
            i = int(outside[0])
            raise ValueError(
                f"schedule: gradient_norms at step {i} is {norms[i]}; "
                f"expected a norm from 0 to {MAX_NORM:g}"
            )
        return norms**2

    def _ascending(self, at: object) -> tuple[Ints, Ints | slice]:
        """Return the steps to answer in order, and where each answer goes."""
        if at is None:
            return np.arange(self._native.steps, dtype=np.int64), slice(None)
        asked = self._asked(at)
        if np.all(asked[1:] >= asked[:-1]):
            return asked, slice(None)
        return np.unique(asked, return_inverse=True)

    def _asked(self, steps: object) -> Ints:
        asked = step_array(steps, source="schedule", field="at")
        if asked.size and asked.max() >= self._native.steps:
            i = int(np.argmax(asked >= self._native.steps))
            raise ValueError(
                f"schedule: at at index {i} is {asked[i]}; expected a step from 0 to "
                f"{self._native.steps - 1}"
            )
        return asked


def _momentum(value: object, field: str) -> float:
    number = real(value, field=field, lower=0.0)
    if number >= 1.0:
        raise ValueError(f"{field} is {value}; expected a finite number >= 0 and < 1")
    return number
