"""Whether a function's own derivatives are those of its values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lawfit._validate import EPSILON, Floats

__all__ = ["Wrong", "wrong_derivative"]

_TINY = float(np.finfo(np.float64).tiny)
# A derivative that is right to this, relatively, is not questioned.
TOLERANCE = 1e-4
# Steps of the differences: the first as a part of the parameter, each next a part of the last. They
# go down to where rounding, or the function's own noise, shows.
FIRST_STEP = 1e-2
SHRINK = 0.25
STEPS = 10
# Differences contradict a derivative that is this many of their errors away.
ERRORS = 10.0
# A derivative does not matter that is this part of the greatest of all rows, nor one by which the
# law's value changes by that part, relatively, when the parameter doubles: a law computed in single
# precision has none.
NEGLIGIBLE = 1e-10
FLAT = 1e-5
# Roundings of its value's size that a function's value is taken to be off by.
ROUNDINGS = 16.0


class Wrong(NamedTuple):
    """A derivative that the function's values contradict."""

    row: int
    given: float
    found: float
    error: float


def wrong_derivative(
    function: Callable[[float], Floats],
    at: float,
    value: Floats,
    given: Floats,
    bounds: tuple[float, float],
) -> Wrong | None:
    """Compare derivatives by one parameter with symmetric differences; None where all agree.

    The differences of smaller and smaller steps are extrapolated to a step of 0 (Richardson), with
    the error that neighbours in the table show (Ridders 1982, doi:10.1016/S0141-1195(82)80057-0). A
    derivative is wrong if it is far from the best of them, which the least step still shows and on
    both sides, and beyond all slopes seen at any step: so one of a kink, or of a function with
    noise, of single precision or with waves or poles too narrow for the steps, is not.

    Parameters
    ----------
    function : callable
        The law's values, shape (n,), at a value of the parameter.
    at : float
        Where the parameter is.
    value, given : ndarray, shape (n,)
        The law's value there, and the derivative that was given.
    bounds : (float, float)
        What the parameter may be: the function is not called beyond.
    """
    room = min(at - bounds[0], bounds[1] - at)
    step = min(FIRST_STEP * (abs(at) or 1.0), room)
    if not step > math.sqrt(EPSILON) * abs(at):
        return None  # on a bound
    judged = np.isfinite(value) & np.isfinite(given)
    table = _Table(at, value)
    with np.errstate(all="ignore"):
        for k in range(STEPS):
            table.add(function, step * SHRINK**k)
            judged &= ~table.agrees(given)
            if not judged.any():
                return None
        wrong = judged & table.contradicts(given, step / FIRST_STEP)
        if not wrong.any():
            return None
        away = np.where(wrong, np.abs(given - table.found) / table.size(given), 0)
    row = int(np.argmax(away))
    return Wrong(row, float(given[row]), float(table.found[row]), float(table.error[row]))


class _Table:
    """Derivatives extrapolated from ever smaller steps: of each row the best, and its error."""

    def __init__(self, at: float, value: Floats) -> None:
        self.at = at
        self.value = value
        self.found = np.full(value.shape, np.nan)
        self.error = np.full(value.shape, np.inf)
        self._noise = self._least = self._greatest = self._bend = self.found
        self._before: list[Floats] = []

    def add(self, function: Callable[[float], Floats], step: float) -> None:
        """Add differences of one step, smaller than those before."""
        up, down = self.at + step, self.at - step
        above, below = function(up), function(down)
        row = [(above - below) / (up - down)]
        sides = (above - self.value) / (up - self.at), (self.value - below) / (self.at - down)
        for slope in (*row, *sides):
            self._least = np.fmin(self._least, slope)
            self._greatest = np.fmax(self._greatest, slope)
        self._bend = np.abs(sides[0] - sides[1])
        sizes = np.maximum(np.abs(above), np.abs(below))
        self._noise = (ROUNDINGS * EPSILON * sizes + _TINY) / step
        for order, coarser in enumerate(self._before, start=1):
            row.append(row[-1] + (row[-1] - coarser) / (SHRINK ** (-2 * order) - 1))
            apart = np.maximum(np.abs(row[-1] - row[-2]), np.abs(row[-1] - coarser)) + self._noise
            better = apart < self.error
            self.found = np.where(better, row[-1], self.found)
            self.error = np.where(better, apart, self.error)
        self._before = row

    def size(self, given: Floats) -> Floats:
        """Return what a difference from `given` is measured by."""
        larger: Floats = np.maximum(np.abs(given), np.abs(self.found))
        return larger

    def agrees(self, given: Floats) -> NDArray[np.bool_]:
        """Return the rows of which `given` is known to be right."""
        close: NDArray[np.bool_] = (
            np.abs(given - self.found) <= TOLERANCE * self.size(given) + self._noise
        )
        return close

    def contradicts(self, given: Floats, span: float) -> NDArray[np.bool_]:
        """Return the rows of which `given` can be no derivative; `span` is the parameter's size."""
        allowed = np.maximum(ERRORS * self.error, TOLERANCE * self.size(given))
        away = np.abs(given - self.found)
        settled = np.abs(self._before[0] - self.found) <= away / ERRORS
        settled &= self._bend <= np.maximum(np.abs(self.found) / ERRORS, self._noise)
        beyond = (given < self._least - allowed) | (given > self._greatest + allowed)
        largest = np.max(np.abs(given), where=np.isfinite(given), initial=0)
        matters = self.size(given) > NEGLIGIBLE * largest
        matters &= away * span > FLAT * np.abs(self.value)
        wrong: NDArray[np.bool_] = (away > allowed) & settled & beyond & matters
        return wrong
