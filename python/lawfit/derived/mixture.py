"""Loss of a data mixture at a scale nobody has trained, from two that somebody has."""

from __future__ import annotations

from typing import Any

import numpy as np

from lawfit.derived._arguments import Number, log_ratio, plain, reals, together

__all__ = ["mixture_at_scale"]


def mixture_at_scale(N: Any, N0: float, loss0: Any, N1: float, loss1: Any) -> Number:
    """Extend a mixture's loss from two scales to another, along the logarithm of scale.

    L̂(N) = [log(N/N0)·L̂(N1) - log(N/N1)·L̂(N0)] / log(N1/N0).

    Parameters
    ----------
    N : float or array-like, shape (n,)
        Scale asked for, in the unit of N0 and N1; above 0.
    N0, N1 : float
        The two scales, above 0 and different.
    loss0, loss1 : float or array-like, shape (n,)
        Losses, or losses predicted for the mixture, at N0 and at N1.

    Returns
    -------
    float or ndarray, shape (n,)
        In the losses' unit. It is a straight line in log N, so it has no floor.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, index and value.

    Notes
    -----
    Second stage of projektor, arXiv:2307.02460.
    """
    name = "mixture_at_scale"
    asked = reals(N, "N", name, lower=0, strict=True)
    small = reals(N0, "N0", name, lower=0, strict=True)
    large = reals(N1, "N1", name, lower=0, strict=True)
    for field, scale in (("N0", small), ("N1", large)):
        if scale.ndim:
            raise TypeError(f"{name}: {field} is an array; expected one number")
    if small == large:
        raise ValueError(f"{name}: N1 is {float(large)}, as is N0; expected two scales")
    at_small, at_large = reals(loss0, "loss0", name), reals(loss1, "loss1", name)
    together(name, N=asked, loss0=at_small, loss1=at_large)
    whole = log_ratio(large, small)
    above, below = log_ratio(asked, small) / whole, log_ratio(asked, large) / whole
    with np.errstate(over="ignore"):  # beyond 1e308: infinite
        return plain(above * at_large - below * at_small)
