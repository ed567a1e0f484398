"""Correlations of one variable with many, column by column; ties and constants counted honestly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lawfit._validate import Floats

__all__ = ["MOST_ROWS", "kendall", "pearson", "ranks", "spearman"]

# Ranks and Kendall's tau compare all pairs of rows: O(n²) for each column, n being a number of
# models or of grid points. Beyond this it would be an honest mistake to call it.
MOST_ROWS = 5000


def pearson(x: Floats, ys: Floats) -> Floats:
    """Return the linear correlation of `x`, shape (n,), with each column of `ys`, shape (n, m).

    NaN for a column that is constant.
    """
    a, b = _centred(x[:, None]), _centred(ys)
    with np.errstate(invalid="ignore", divide="ignore"):
        result = (a * b).sum(0) / np.sqrt((a * a).sum(0) * (b * b).sum(0))
    return np.where(_varies(ys) & _varies(x), np.clip(result, -1, 1), np.nan)


def spearman(x: Floats, ys: Floats) -> Floats:
    """Return the correlation of ranks, tied values sharing their mean rank; shapes as `pearson`."""
    return pearson(ranks(x[:, None])[:, 0], ranks(ys))


def kendall(x: Floats, ys: Floats) -> Floats:
    """Return Kendall's tau-b, which counts ties out of the pairs; shapes as of `pearson`."""
    _check_rows(len(x))
    agreeing, untied_x, untied_y = np.zeros((3, ys.shape[1]))
    for i in range(1, len(x)):
        sign_x, sign_y = _signs(x[:i], x[i]), _signs(ys[:i], ys[i])
        agreeing += sign_x @ sign_y
        untied_x += np.count_nonzero(sign_x)
        untied_y += np.count_nonzero(sign_y, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Floats = agreeing / np.sqrt(untied_x * untied_y)
    return result


def ranks(ys: Floats) -> Floats:
    """Return the rank within its column of every value of `ys`, shape (n, m), from 1 to n."""
    n = len(ys)
    _check_rows(n)
    return np.array([(n + 1.0 - _signs(ys, row).sum(0, dtype=np.float64)) / 2 for row in ys])


def _signs(ys: Floats, row: Floats | float) -> NDArray[np.float32]:
    # Compared, for the difference of close or large values under- or overflows; in float32, which
    # is exact for sums over so few rows and half the memory.
    return np.subtract(ys > row, ys < row, dtype=np.float32)


def _centred(ys: Floats) -> Floats:
    scale = np.abs(ys).max(0)
    scaled = ys / np.where(scale > 0, scale, 1)
    centred: Floats = scaled - scaled.mean(0)
    return centred


def _varies(ys: Floats) -> NDArray[np.bool_]:
    return np.asarray(ys.max(0) > ys.min(0))


def _check_rows(n: int) -> None:
    if n > MOST_ROWS:
        raise ValueError(f"rank correlations compare all pairs of rows: {n} are over {MOST_ROWS}")
