"""The learning rate that weights before a normalisation layer really see."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np

from lawfit._validate import Floats, real
from lawfit.derived._arguments import reals
from lawfit.schedule import Schedule

__all__ = ["effective_lr", "weight_norms"]


def weight_norms(
    schedule: Schedule, *, update_norms: Any, initial_norm: float, momentum: float = 0.9
) -> Floats:
    """Norm of scale-invariant weights along a run of momentum SGD.

    With w_{t+1} = w_t - η_t·p_t, p_t = β·p_{t-1} + g_t and gradients orthogonal to the weights,
    ‖w_{t+1}‖² = ‖w_t‖² + η_t²·‖p_t‖² + 2·η_t·Σ_{k<t} β^(t-k)·η_k·‖p_k‖².

    Parameters
    ----------
    schedule : Schedule
        LR η_t of every step, T of them.
    update_norms : float or array-like, shape (T,)
        ‖p_t‖ of every step, or one for all; at least 0.
    initial_norm : float
        ‖w_0‖; above 0.
    momentum : float
        β, from 0 to below 1.

    Returns
    -------
    ndarray, shape (T + 1,)
        ‖w_t‖ before step t, and after the last.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, index and value.

    Notes
    -----
    AdamP, arXiv:2006.08217, section 2, writes this for a constant η; here the sum is taken over
    η_k·‖p_k‖², exact for any schedule. At a constant LR and update norm the weights' ‖w‖² grows
    1 + 2β/(1 - β) times as fast as without momentum: 19 times at 0.9. There is no weight decay
    here.
    """
    return np.sqrt(_squares(schedule, update_norms, initial_norm, momentum, "weight_norms"))


def effective_lr(
    schedule: Schedule, *, update_norms: Any, initial_norm: float, momentum: float = 0.9
) -> Schedule:
    """Turn a schedule into that of the effective learning rate η_t/‖w_t‖².

    Weights followed by a normalisation are scale-invariant: only their direction matters, and it
    turns by the LR over the squared norm. The result is a schedule like any other, so its areas S1
    and S2 can be taken and laws fitted over it.

    Parameters
    ----------
    schedule : Schedule
        LR of every step, T of them.
    update_norms : float or array-like, shape (T,)
        ‖p_t‖ of every step, or one for all; at least 0.
    initial_norm : float
        ‖w_0‖; above 0.
    momentum : float
        β, from 0 to below 1.

    Returns
    -------
    Schedule
        Of T steps, its warm-up that of `schedule`.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, index and value.

    Notes
    -----
    AdamP, arXiv:2006.08217, section 2; the norms are those of `weight_norms`. Norms grow while the
    LR rises, so the peak may lie within the warm-up: take areas of it with ``warmup="actual"`` or
    "skip", which a fit's default "peak" would flatten.
    """
    squares = _squares(schedule, update_norms, initial_norm, momentum, "effective_lr")
    return Schedule(schedule.lr / squares[:-1], warmup=schedule.warmup)


def _squares(
    schedule: Schedule, update_norms: Any, initial_norm: float, momentum: float, name: str
) -> Floats:
    """Return ‖w_t‖² of every step and after the last."""
    if not isinstance(schedule, Schedule):
        raise TypeError(f"{name}: schedule is a {type(schedule).__name__}; expected a Schedule")
    beta = real(momentum, field="momentum", source=name, lower=0, upper=1)
    if beta == 1:
        raise ValueError(f"{name}: momentum is {momentum}; expected it below 1")
    start = real(initial_norm, field="initial_norm", source=name, lower=0, strict=True)
    norms = reals(update_norms, "update_norms", name, lower=0)
    if norms.ndim and norms.size != schedule.steps:
        raise ValueError(f"{name}: update_norms has {norms.size} values for {schedule.steps} steps")
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # judged below
        squares = _summed(schedule.lr, norms, start, beta)
    lost = np.flatnonzero(~(np.isfinite(squares) & (squares > 0)))
    if lost.size:
        raise ValueError(
            f"{name}: the squared norm before step {lost[0]} is {squares[lost[0]]:g}, beyond the "
            f"range of floats; initial_norm is {start:g}, update_norms are up to {norms.max():g}"
        )
    return squares


def _summed(lr: Floats, norms: Floats, start: float, beta: float) -> Floats:
    steps = lr * norms**2
    # faded[t] = Σ_{k≤t} β^(t-k)·η_k·‖p_k‖², one multiplication a step
    faded = np.fromiter(accumulate(steps, lambda sum_, new: beta * sum_ + new), float, steps.size)
    before = np.concatenate([[0.0], beta * faded[:-1]])
    growth = lr * (steps + 2 * before)
    first = np.square(start)
    return np.concatenate([[first], first + np.cumsum(growth)])
