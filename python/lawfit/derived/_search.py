"""Crossings and minima on an interval: a grid first, so that no single guess decides."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Final

import numpy as np

from lawfit._validate import Floats

__all__ = ["GRID", "crossings", "minima"]

GRID: Final = 512
_FINER: Final = 64  # cells that a bracket is divided into
_CELL: Final = 1e-4  # cells this wide in log N leave a parabola's vertex good to about 1e-9


def crossings(
    difference: Callable[[Floats], Floats], low: float, high: float, *, rounds: int
) -> list[float]:
    """Find where a function changes sign within [low, high].

    Looks at `GRID` cells, then `rounds` times at 64 cells of each that has a change of sign, and at
    the chord of the last. Eight rounds end at rounding. A pair of crossings within one cell of the
    grid, a touch and a zero at an end change no sign and aren't found.
    """
    grid = np.linspace(low, high, GRID + 1)
    return [_narrowed(difference, *cell, rounds) for cell in _changes(grid, difference(grid))]


def _changes(grid: Floats, values: Floats) -> list[tuple[float, float]]:
    """Return the cells between neighbours of opposite sign; zeros between them belong to them."""
    signs = np.sign(np.nan_to_num(values, nan=0.0))
    held = np.flatnonzero(signs)
    return [(float(grid[i]), float(grid[j])) for i, j in pairwise(held) if signs[i] != signs[j]]


def _narrowed(
    difference: Callable[[Floats], Floats], low: float, high: float, rounds: int
) -> float:
    for _ in range(rounds):
        finer = np.linspace(low, high, _FINER + 1)
        if not (np.diff(finer) > 0).all():
            break  # at rounding
        cells = _changes(finer, difference(finer))
        if not cells:
            break
        low, high = cells[0]
    ends = difference(np.array([low, high]))
    fall = ends[0] - ends[1]
    share = ends[0] / fall if np.isfinite(fall) and fall != 0 else 0.5
    return float(low + (high - low) * min(max(share, 0.0), 1.0))


def minima(f: Callable[[Floats], Floats], low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Minimise a function of each row on the row's own interval.

    Parameters
    ----------
    f : callable
        Takes and returns an array of shape (m, k), row by row.
    low, high : ndarray, shape (m,)
        Ends of the intervals.

    Returns
    -------
    where : ndarray, shape (m,)
        Lowest of a grid of 512 cells, refined within its two neighbours; a second minimum that is
        narrower than a cell may be missed.
    at_end : ndarray of bool, shape (m,)
        Whether the function still falls at an end of its interval.
    """
    first, last, rows = low, high, np.arange(low.size)
    cells = GRID
    while True:
        points = first[:, None] + (last - first)[:, None] * np.linspace(0, 1, cells + 1)
        values = f(points)
        lowest = np.argmin(np.where(np.isnan(values), np.inf, values), axis=1)
        width = (last - first) / cells
        if np.all(width <= _CELL):
            break
        first = points[rows, np.maximum(lowest - 1, 0)]
        last = points[rows, np.minimum(lowest + 1, cells)]
        cells = _FINER
    where = points[rows, lowest]
    at_low, at_high = where - low <= 2 * width, high - where <= 2 * width
    where = _vertex(f, where)
    return np.where(at_low, low, np.where(at_high, high, where)), at_low | at_high


def _vertex(f: Callable[[Floats], Floats], middle: Floats) -> Floats:
    """Move to the lowest point of the parabola through three points a cell apart."""
    before, here, after = f(middle[:, None] + _CELL * np.array([-1.0, 0.0, 1.0])).T
    with np.errstate(invalid="ignore", divide="ignore"):
        step = _CELL / 2 * (before - after) / (before - 2 * here + after)
    bent = np.isfinite(step) & (before - 2 * here + after > 0)
    return middle + np.where(bent, np.clip(step, -_CELL, _CELL), 0.0)
