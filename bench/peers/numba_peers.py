"""Annealing areas by numba: the loop as one writes it, and the fastest one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.peers.problems import Floats
from bench.peers.solver import importing

with importing("numba"):
    import numba

Areas = tuple[Floats, Floats]


@numba.njit
def dense(lr: Floats, lam: float) -> Areas:
    """S1 and S2 at every step."""
    s1, s2 = np.empty_like(lr), np.empty_like(lr)
    forward, annealing, m, before = 0.0, 0.0, 0.0, lr[0]
    for i in range(lr.size):
        m = lam * m + (before - lr[i])
        before = lr[i]
        forward += lr[i]
        annealing += m
        s1[i] = forward
        s2[i] = annealing
    return s1, s2


@numba.njit(fastmath=True)
def dense_fast(lr: Floats, lam: float) -> Areas:
    """The same, S2 from m alone: S2_i = (lr_0 - lr_i - lam·m_i)/(1 - lam)."""
    s1, s2 = np.empty_like(lr), np.empty_like(lr)
    forward, m, first, scale = 0.0, 0.0, lr[0], 1 / (1 - lam)
    before = first
    for i in range(lr.size):
        m = lam * m + (before - lr[i])
        before = lr[i]
        forward += lr[i]
        s1[i] = forward
        s2[i] = (first - before - lam * m) * scale
    return s1, s2


@numba.njit(fastmath=True)
def logged(lr: Floats, lam: float, at: NDArray[np.int64]) -> Areas:
    """S1 and S2 at ascending steps only."""
    s1, s2 = np.empty(at.size), np.empty(at.size)
    forward, m, first, scale = 0.0, 0.0, lr[0], 1 / (1 - lam)
    before, i = first, 0
    for k in range(at.size):
        while i <= at[k]:
            m = lam * m + (before - lr[i])
            before = lr[i]
            forward += lr[i]
            i += 1
        s1[k] = forward
        s2[k] = (first - before - lam * m) * scale
    return s1, s2


@numba.njit
def loss_drop(  # noqa: PLR0917  (numba takes positional arguments)
    lr: Floats, total: Floats, at: NDArray[np.int64], C: float, beta: float, gamma: float
) -> Floats:
    """The multi-power law's D at some steps and dD by C, beta and gamma, summed as written."""
    out = np.zeros((4, at.size))
    for k in range(1, at[-1] + 1):
        fall = lr[k - 1] - lr[k]
        if fall == 0:
            continue
        log_rate = np.log(lr[k])
        rate = C * np.exp(-gamma * log_rate)
        for j in range(np.searchsorted(at, k), at.size):
            x = rate * (total[at[j]] - total[k - 1])
            log_base = np.log1p(x)
            left = np.exp(-beta * log_base)
            slope = fall * beta * left * x / (1 + x)
            out[0, j] += fall * (1 - left)
            out[1, j] += slope / C
            out[2, j] += fall * left * log_base
            out[3, j] -= slope * log_rate
    return out
