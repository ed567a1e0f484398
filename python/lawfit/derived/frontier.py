"""The lowest loss that any run reached with so much compute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lawfit._validate import Floats, Ints
from lawfit.curve import Curve
from lawfit.curves import as_curves
from lawfit.derived._answer import Answer
from lawfit.derived.budget import read_cost
from lawfit.rows import is_table
from lawfit.table import table_columns

__all__ = ["Envelope", "envelope"]

_NAME = "envelope"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Envelope(Answer):
    """Points that no run beats with the same compute or less.

    Attributes
    ----------
    C : ndarray, shape (m,)
        Compute in FLOPs, ascending.
    loss : ndarray, shape (m,)
        Loss, descending.
    run : ndarray of int, shape (m,)
        Position of the curve among those given, or the row of a table.
    names : tuple of str, length m
        Name of the curve; empty for a table.
    """

    C: Floats
    loss: Floats
    run: Ints
    names: tuple[str, ...]

    def __repr__(self) -> str:
        return (
            f"<Envelope: {self.C.size} points of {np.unique(self.run).size} runs, "
            f"C {self.C[0]:.4g} to {self.C[-1]:.4g}, "
            f"loss {self.loss[0]:.4g} to {self.loss[-1]:.4g}>"
        )


def envelope(data: Any, *, flops_per_param_token: float = 6.0) -> Envelope:
    """Take the lower envelope of loss against compute over runs.

    Parameters
    ----------
    data : Curve, Curves, sequence of Curve, mapping or data frame
        Curves with `params` and `tokens_per_step`: every logged point counts, at C = 6·N·D. Or
        columns C, in FLOPs and above 0, and loss.
    flops_per_param_token : float
        FLOPs that one token costs one parameter; of no use to a table.

    Returns
    -------
    Envelope
        The points measured, nothing in between: a law C → loss can be fitted to them.

    Raises
    ------
    TypeError, ValueError
        Naming the curve, column, index and value.

    Notes
    -----
    Hoffmann et al., arXiv:2203.15556, approach 1. Two cautions: the minimum over noisy losses lies
    below what a typical run reaches, and a run cut short stands higher than one whose learning rate
    was decayed for that length.
    """
    cost = read_cost(flops_per_param_token, _NAME)
    names: tuple[str, ...] = ()
    if is_table(data):
        columns = table_columns(data, ("C", "loss"), source=_NAME)
        C, loss = columns["C"], columns["loss"]
        run = np.arange(C.size)
        bad = np.flatnonzero(C <= 0)
        if bad.size:
            raise ValueError(f"{_NAME}: C at index {bad[0]} is {C[bad[0]]}; expected it above 0")
    else:
        curves = as_curves(data)
        names = curves.names
        C = np.concatenate([_compute(curve, cost) for curve in curves])
        loss = np.concatenate([curve.loss for curve in curves])
        run = np.repeat(np.arange(len(curves)), [len(curve) for curve in curves])
    kept = _lowest(C, loss)
    return Envelope(C[kept], loss[kept], run[kept], tuple(names[i] for i in run[kept] if names))


def _compute(curve: Curve, cost: float) -> Floats:
    if curve.params is None:
        raise ValueError(f"{_NAME}: curve {curve.name!r}: params is None, so compute is unknown")
    return cost * curve.params * curve.tokens


def _lowest(C: Floats, loss: Floats) -> Ints:
    """Return points below every point of less compute, and below others of the same."""
    order = np.lexsort((loss, C))
    lowest = np.minimum.accumulate(loss[order])
    falls = np.concatenate([[True], lowest[1:] < lowest[:-1]])
    kept: Ints = order[falls]
    return kept
