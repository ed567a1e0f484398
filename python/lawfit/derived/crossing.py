"""Where two fitted laws meet."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lawfit._validate import Floats, integer, real
from lawfit.derived._answer import Answer
from lawfit.derived._line import Line, quantiles, read_level, read_lines, read_rng, vectors
from lawfit.derived._search import GRID, crossings
from lawfit.result import Fit

__all__ = ["Crossover", "crossover"]

_NAME = "crossover"
ROUNDING: Final = 8 * float(np.finfo(np.float64).eps)  # of a law's value, relative


@dataclass(frozen=True, slots=True, eq=False)
class Crossover(Answer):
    """Where two fitted laws meet.

    Attributes
    ----------
    column : str
        What varies.
    x : float or None
        The first crossing; None if the fitted laws do not cross in range.
    value : float or None
        What both laws predict there.
    crossings : tuple of float
        All crossings of the fitted laws, ascending.
    interval : (float, float) or None
        Of the first crossing, over those draws that cross; None if `x` is or there were no draws.
    share : float
        Share of draws that cross in range; NaN without draws.
    level : float
        Of the interval.
    message : str
        The answer as a sentence.
    """

    column: str
    x: float | None
    value: float | None
    crossings: tuple[float, ...]
    interval: tuple[float, float] | None
    share: float
    level: float
    message: str

    def __str__(self) -> str:
        return self.message


def crossover(
    fit1: Fit,
    fit2: Fit,
    column: str,
    *,
    low: float,
    high: float,
    at: Mapping[str, float] | None = None,
    level: float = 0.95,
    draws: int = 1000,
    rng: Any = 0,
) -> Crossover:
    """Find where two fitted laws meet, with an interval.

    Parameters
    ----------
    fit1, fit2 : Fit
        Fits to different data: their errors are taken as independent.
    column : str
        The column that varies; both laws have it.
    low, high : float
        Range to look in, both ends included. Above 0 it is searched along the logarithm.
    at : mapping of str to float, optional
        Values of the laws' other columns.
    level : float
        Level of the interval, between 0 and 1.
    draws : int
        Pairs of parameter vectors drawn by `fit_draws`; 0 for no interval.
    rng : int or numpy.random.Generator
        Seed of the draws.

    Returns
    -------
    Crossover
        That there is no crossing in range is an answer: `x` is None then. Crossings nearer to each
        other than 1/512 of the range, laws that touch without crossing and laws that meet just at
        an end of the range are not seen.

    Raises
    ------
    TypeError, ValueError
        Naming the argument and value; for draws, the parameters that the data do not determine.

    Notes
    -----
    The crossover of scaling laws is described in arXiv:2409.15156. The interval is that of the
    draws that cross: read it together with their share.
    """
    lines = read_lines(_NAME, (column,), at, fit1, fit2)
    level = read_level(level, _NAME)
    draws = integer(draws, field="draws", source=_NAME, lower=0)
    generator = read_rng(rng, _NAME)
    first, second = (vectors(fit, draws, generator) for fit in (fit1, fit2))
    pair = _Pair(lines[0], lines[1], *_read_range(low, high, lines))
    found, above = pair.examined(first[0], second[0])
    drawn = [pair.crossings(a, b, rounds=1) for a, b in zip(first[1:], second[1:], strict=True)]
    starts = np.array([each[0] for each in drawn if each])
    answer = Crossover(
        column=column,
        x=found[0] if found else None,
        value=float(lines[0].values(first[0], np.array(found[:1]))[0]) if found else None,
        crossings=tuple(found),
        interval=tuple(quantiles(starts, level).tolist()) if found and starts.size else None,
        share=starts.size / draws if draws else math.nan,
        level=level,
        message="",
    )
    return dataclasses.replace(answer, message=_sentence(answer, above, pair.low, pair.high))


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two laws along one column, from low to high."""

    first: Line
    second: Line
    low: float
    high: float

    def ends(self) -> tuple[float, float]:
        """Return the range on the axis that is searched: the logarithm, if it is above 0."""
        return (math.log(self.low), math.log(self.high)) if self.low > 0 else (self.low, self.high)

    def column(self, t: Floats) -> Floats:
        """Return the column at places on that axis."""
        return np.clip(np.exp(t) if self.low > 0 else t, self.low, self.high)

    def crossings(self, a: Floats, b: Floats, *, rounds: int) -> list[float]:
        """Find where the laws with parameters a and b cross."""

        def difference(t: Floats) -> Floats:
            x = self.column(t)
            return _gap(self.first.values(a, x), self.second.values(b, x))

        found = crossings(difference, *self.ends(), rounds=rounds)
        values: list[float] = self.column(np.array(found)).tolist()
        return values

    def examined(self, a: Floats, b: Floats) -> tuple[list[float], float]:
        """Find crossings to rounding, and the sign of first - second at its first that is not 0."""
        x = self.column(np.linspace(*self.ends(), GRID + 1))
        gap = _gap(self.first.finite_values(a, x), self.second.finite_values(b, x))
        signs = np.sign(gap[gap != 0])
        return self.crossings(a, b, rounds=8), float(signs[0]) if signs.size else 0.0


def _gap(first: Floats, second: Floats) -> Floats:
    """Subtract, and take what rounding alone may leave for 0."""
    with np.errstate(invalid="ignore"):  # of two infinite values
        gap = first - second
    gap[np.abs(gap) <= ROUNDING * (np.abs(first) + np.abs(second))] = 0.0
    return gap


def _read_range(low: float, high: float, lines: list[Line]) -> tuple[float, float]:
    begin = real(low, field="low", source=_NAME)
    end = real(high, field="high", source=_NAME, lower=begin, strict=True)
    for line in lines:
        (column,) = line.along
        if begin <= 0 and column in line.law.positive_columns:
            raise ValueError(
                f"{_NAME}: low is {begin}; law {line.law.name!r} needs {column!r} above 0"
            )
        if begin <= 0 <= end and column in line.law.nonzero_columns:
            raise ValueError(
                f"{_NAME}: the range {begin} to {end} holds 0; law {line.law.name!r} divides by "
                f"{column!r}"
            )
    return begin, end


def _sentence(found: Crossover, above: float, low: float, high: float) -> str:
    within = f"for {found.column} from {low:.4g} to {high:.4g}"
    drawn = "" if math.isnan(found.share) else f"; {found.share:.1%} of draws cross there"
    if not above:
        return f"none in range: the laws are equal {within}{drawn}"
    word = "above" if above > 0 else "below"
    if found.x is None:
        return f"none in range: the first law lies {word} the second {within}{drawn}"
    text = f"the laws cross at {found.column} = {found.x:.4g}"
    if found.interval is not None:
        text += " ({:g} interval {:.4g} to {:.4g})".format(found.level, *found.interval)
    text += f", the first {word} the second before it"
    if len(found.crossings) > 1:
        text += f"; they cross {len(found.crossings)} times {within}"
    return text + drawn
