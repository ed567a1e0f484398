"""What a batch size costs in steps and in tokens, of the Kaplan family."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lawfit.derived._arguments import Number, plain, reals, together

__all__ = ["BatchCost", "batch_cost", "critical_batch"]


class BatchCost(NamedTuple):
    """The least that reaching a loss takes, whatever the batch; see `batch_cost`."""

    steps: Number
    tokens: Number


def critical_batch(loss: Any, Bstar: Any, alpha_B: Any) -> Number:
    """Batch size at which a run takes twice the least steps, and twice the least tokens.

    Bcrit(L) = Bstar / L^(1/alpha_B).

    Parameters
    ----------
    loss : float or array-like, shape (n,)
        Loss to be reached, nats per token; above 0.
    Bstar : float or array-like, shape (n,)
        Critical batch size at a loss of 1, tokens; above 0.
    alpha_B : float or array-like, shape (n,)
        Its exponent; above 0.

    Returns
    -------
    float or ndarray, shape (n,)
        Tokens.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, index and value.

    Notes
    -----
    Kaplan et al. 2020, arXiv:2001.08361; estimated anew in arXiv:2403.06563. The parameters are
    those of the law "kaplan_nsb".
    """
    name = "critical_batch"
    reached = reals(loss, "loss", name, lower=0, strict=True)
    scale = reals(Bstar, "Bstar", name, lower=0, strict=True)
    power = reals(alpha_B, "alpha_B", name, lower=0, strict=True)
    together(name, loss=reached, Bstar=scale, alpha_B=power)
    with np.errstate(over="ignore", under="ignore"):
        return plain(np.exp(np.log(scale) - np.log(reached) / power))


def batch_cost(steps: Any, batch: Any, critical: Any) -> BatchCost:
    """Least steps and least tokens that would have reached the loss of a run.

    Smin = S / (1 + Bcrit/B) and Emin = E / (1 + B/Bcrit) with E = B·S tokens, so that
    (S/Smin - 1)·(E/Emin - 1) = 1.

    Parameters
    ----------
    steps : float or array-like, shape (n,)
        Steps S of the run; above 0.
    batch : float or array-like, shape (n,)
        Batch size B, tokens; above 0.
    critical : float or array-like, shape (n,)
        Critical batch size at the run's loss, tokens; above 0. See `critical_batch`.

    Returns
    -------
    BatchCost
        `steps`, at a batch that is very large, and `tokens`, at one that is very small.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, index and value.

    Notes
    -----
    Kaplan et al. 2020, arXiv:2001.08361; estimated anew in arXiv:2403.06563.
    """
    name = "batch_cost"
    taken = reals(steps, "steps", name, lower=0, strict=True)
    size = reals(batch, "batch", name, lower=0, strict=True)
    at = reals(critical, "critical", name, lower=0, strict=True)
    together(name, steps=taken, batch=size, critical=at)
    with np.errstate(over="ignore", under="ignore"):
        return BatchCost(plain(taken / (1 + at / size)), plain(taken * size / (1 + size / at)))
