"""How many bits of a model's activations it takes to steer one bit of its output."""

from __future__ import annotations

from typing import Any

import numpy as np

from lawfit.derived._arguments import Number, plain, reals, together

__all__ = ["attack_resistance"]


def attack_resistance(kappa: Any, *, dimension: Any, vocabulary: Any, bits: Any = 16.0) -> Number:
    """Attack resistance χ = d·b / (κ·log2 V).

    κ is the slope of t_max = κ·a: how many output tokens an attacker dictates for every token whose
    activations they control. A token's activations carry d·b bits, an output token log2 V.

    Parameters
    ----------
    kappa : float or array-like, shape (n,)
        Fitted slope κ, output tokens per attacked token; above 0.
    dimension : float or array-like, shape (n,)
        Width d of the residual stream; above 0.
    vocabulary : float or array-like, shape (n,)
        Size V of the vocabulary; above 1.
    bits : float or array-like, shape (n,)
        Bits b that hold one activation; above 0.

    Returns
    -------
    float or ndarray, shape (n,)
        Input bits per output bit: the higher, the harder the model is to attack.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, index and value.

    Notes
    -----
    Scaling laws for adversarial attacks on language model activations, arXiv:2312.02780.
    """
    name = "attack_resistance"
    slope = reals(kappa, "kappa", name, lower=0, strict=True)
    width = reals(dimension, "dimension", name, lower=0, strict=True)
    size = reals(vocabulary, "vocabulary", name, lower=1, strict=True)
    precision = reals(bits, "bits", name, lower=0, strict=True)
    together(name, kappa=slope, dimension=width, vocabulary=size, bits=precision)
    with np.errstate(over="ignore"):  # beyond 1e308: infinite
        return plain(width / slope * (precision / np.log2(size)))
