"""Interpolation that never overshoots."""

from __future__ import annotations

import numpy as np

from lawfit._validate import Floats

__all__ = ["monotone_cubic"]


def monotone_cubic(x: Floats, y: Floats, at: Floats) -> Floats:
    """Interpolate by a cubic between any two points that is monotone where the points are.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Points, `x` strictly increasing, n >= 2.
    at : ndarray, shape (m,)
        Where to interpolate, within [x[0], x[-1]].

    Notes
    -----
    Slopes are weighted harmonic means of the neighbouring secants' (Fritsch and Butland 1984); at
    the ends a one-sided parabola's, limited so that the curve keeps its direction.
    """
    width = np.diff(x)
    secant = np.diff(y) / width
    slopes = _slopes(width, secant)
    k = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(width) - 1)
    t = (at - x[k]) / width[k]
    # written so that points of one height give that height to the last bit
    rise = (y[k + 1] - y[k]) * t**2 * (3 - 2 * t)
    bend = width[k] * t * (1 - t) * ((1 - t) * slopes[k] - t * slopes[k + 1])
    value: Floats = y[k] + rise + bend
    return value


def _slopes(width: Floats, secant: Floats) -> Floats:
    if len(secant) == 1:
        return np.repeat(secant, 2)
    slopes = np.zeros(len(secant) + 1)
    left, right = secant[:-1], secant[1:]
    toward_left, toward_right = width[:-1] + 2 * width[1:], 2 * width[:-1] + width[1:]
    same = np.sign(left) * np.sign(right) > 0  # a turning point is flat
    with np.errstate(over="ignore"):  # next to a secant of 1e-308 the slope is 0
        inverse = toward_right[same] / right[same] + toward_left[same] / left[same]
    slopes[1:-1][same] = (toward_left + toward_right)[same] / inverse
    slopes[0] = _end_slope(width[0], width[1], secant[0], secant[1])
    slopes[-1] = _end_slope(width[-1], width[-2], secant[-1], secant[-2])
    return slopes


def _end_slope(near: float, far: float, secant: float, beyond: float) -> float:
    slope = ((2 * near + far) * secant - near * beyond) / (near + far)
    if slope * secant <= 0:
        return 0.0
    if secant * beyond <= 0 and abs(slope) > 3 * abs(secant):
        return 3 * secant
    return slope
