"""Where a fit starts: the caller's own points, or ranges scaled from the data."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lawfit._validate import closest, integer, real
from lawfit.formula import operands
from lawfit.law import Law
from lawfit.rows import Rows

__all__ = [
    "STARTS_PER_PARAMETER",
    "Bounds",
    "Range",
    "given_starts",
    "needs_sizes",
    "number_of_starts",
    "ranges_of",
    "start_ranges",
]

Bounds = Mapping[str, tuple[float, float]]
Range = tuple[str, float, float]

# Starts a nonlinear parameter adds by default. Linear ones are solved for and need none.
STARTS_PER_PARAMETER = 8
# Factors below and above a parameter's scale between which starts are drawn.
AROUND = (1e-2, 1e2)
# The same of an exponent, whatever the data: those of scaling laws are seldom beyond.
EXPONENTS = (0.03, 3.0)
# How far inside its bound a start on it is moved, relative to the bound or to the width.
INSIDE = 1e-8


def number_of_starts(starts: object, nonlinear: int) -> int:
    """Return how many starts to draw."""
    if starts is None:
        return STARTS_PER_PARAMETER * (1 + nonlinear) if nonlinear else 1
    return integer(starts, field="starts", lower=1, upper=2**63 - 1)


def start_ranges(
    rows: Rows, free: Sequence[str], bounds: Bounds, linear: list[bool]
) -> list[Range]:
    """Return the range from which each free parameter's starts are drawn, for the core."""
    unknown = [name for name, is_linear in zip(free, linear, strict=True) if not is_linear]
    sizes: list[float] = []
    if needs_sizes(rows.law, unknown):
        sizes = [float(np.median(np.abs(column))) for column in rows.columns]
    drawn = iter(ranges_of(rows.law, unknown, bounds, sizes))
    return [next(drawn) if name in unknown else ("eliminated", 0.0, 0.0) for name in free]


def needs_sizes(law: Law, unknown: Iterable[str]) -> bool:
    """Whether the range of a parameter depends on the size of the columns."""
    return any(law.parameters[name].typical is None for name in unknown)


def ranges_of(
    law: Law, unknown: Iterable[str], bounds: Bounds, sizes: Sequence[float]
) -> list[Range]:
    """Return the same of parameters to be drawn, from the columns' median sizes if need be."""
    scales = _scales(law, sizes) if len(sizes) else {}
    return [_range(law, name, bounds, scales) for name in unknown]


def _range(law: Law, name: str, bounds: Bounds, scales: Mapping[str, float]) -> Range:
    lower, upper = bounds[name]
    typical = law.parameters[name].typical
    if typical is not None:
        low, high = max(lower, typical[0]), min(upper, typical[1])
        if low <= high:
            return ("log" if low > 0 and high > 10 * low else "uniform", low, high)
    scale = scales.get(name, 1.0)
    small, large = EXPONENTS if name in _exponents(law) else (scale * AROUND[0], scale * AROUND[1])
    if lower >= 0:
        low, high = max(small, lower), min(large, upper)
        return ("log", low, high) if 0 < low < high else _between(lower, upper, scale)
    if upper <= 0:
        return _between(max(lower, -large), upper, scale)
    if -lower >= large and upper >= large:
        return ("mirrored", small, large)
    return _between(max(lower, -large), min(upper, large), scale)


def _between(lower: float, upper: float, scale: float) -> Range:
    """Return a uniform range within bounds of which one may be infinite."""
    width = max(scale, abs(lower) if math.isfinite(lower) else abs(upper))
    return (
        "uniform",
        lower if math.isfinite(lower) else upper - width,
        upper if math.isfinite(upper) else lower + width,
    )


def _exponents(law: Law) -> set[str]:
    """Return the parameters that stand in the exponent of a power."""
    names = list(law.parameters)
    inside: list[set[str]] = []  # parameters that each instruction depends on
    found: set[str] = set()
    for instruction in law.instructions:
        op, a, b = instruction
        own = {names[a]} if op == "parameter" else set()
        inside.append(own.union(*(inside[k] for k in operands(instruction))))
        if op == "pow":
            found |= inside[b]
    return found


def _scales(law: Law, medians: Sequence[float]) -> dict[str, float]:
    """Return the size of each parameter that makes its column matter.

    A parameter added to a column or dividing it has the column's size, one that multiplies it the
    inverse; any other is taken to be about 1.
    """
    names = list(law.parameters)
    sizes: list[float | None] = []  # of instructions that depend on data alone, by their median
    scales: dict[str, float] = {}
    for op, a, b in law.instructions:
        size: float | None = None
        if op == "column":
            size = medians[a] or None
        elif op in ("add", "sub", "mul", "div") and (sizes[a] is None) != (sizes[b] is None):
            data, other = (sizes[a], b) if sizes[a] is not None else (sizes[b], a)
            inner, parameter, _ = law.instructions[other]
            if inner == "neg":  # -b * x is (-b) * x
                inner, parameter, _ = law.instructions[parameter]
            if inner == "constant" or data is None:
                size = data
            elif inner == "parameter":
                scales.setdefault(names[parameter], 1 / data if op == "mul" else data)
        elif op == "neg":
            size = sizes[a]
        sizes.append(size)
    return scales


def given_starts(
    starts: Any, free: Sequence[str], bounds: Bounds, linear: Sequence[bool] = ()
) -> tuple[list[list[float]], list[str]]:
    """Read the caller's own starts: one mapping or several, or an array of shape (k, free).

    A mapping may leave out all parameters that are `linear`, which then are NaN.

    Returns the starts, and a note for each that was moved off its bound.

    Raises
    ------
    TypeError, ValueError
        Naming the start, the parameter and the value.
    """
    if isinstance(starts, Mapping):
        starts = [starts]
    if isinstance(starts, str) or not isinstance(starts, Iterable):
        raise TypeError(f"starts is {starts!r}; expected a number, mappings or an array")
    listed = list(starts)
    if not listed:
        raise ValueError("starts is empty; expected at least one start")
    solved = {name for name, easy in zip(free, linear, strict=False) if easy}
    notes: list[str] = []
    found = []
    for k, start in enumerate(listed):
        if isinstance(start, Mapping):
            values = _of_mapping(k, start, free, solved)
        else:
            values = _of_array(k, start, free)
        found.append(
            [
                math.nan if name not in values else _inside(k, name, values[name], bounds, notes)
                for name in free
            ]
        )
    return found, notes


def in_order(starts: list[list[float]]) -> list[list[float]]:
    """Sort starts, so that the order in which they were given changes no bit of a fit."""
    return sorted(starts, key=_place)


def _place(start: list[float]) -> list[tuple[bool, float, float]]:
    return [(math.isnan(x), 0.0 if math.isnan(x) else x, math.copysign(1, x)) for x in start]


def _of_mapping(
    k: int, start: Mapping[str, Any], free: Sequence[str], solved: Collection[str]
) -> Mapping[str, Any]:
    for name in start:
        if name not in free:
            raise ValueError(f"start {k}: {name!r} is no free parameter{closest(str(name), free)}")
    missing = [name for name in free if name not in start]
    if missing and set(missing) != solved:
        raise ValueError(f"start {k}: {missing[0]!r} is missing")
    return start


def _of_array(k: int, start: Any, free: Sequence[str]) -> Mapping[str, Any]:
    if isinstance(start, str) or not isinstance(start, Iterable):
        raise TypeError(f"start {k} is {start!r}; expected a mapping or an array of values")
    values = list(start)
    if len(values) != len(free):
        raise ValueError(
            f"start {k} has {len(values)} values; the free parameters are {', '.join(free)}"
        )
    return dict(zip(free, values, strict=True))


def _inside(k: int, name: str, value: Any, bounds: Bounds, notes: list[str]) -> float:
    number = real(value, field=f"start {k}: {name}")
    lower, upper = bounds[name]
    if not lower <= number <= upper:
        raise ValueError(f"start {k}: {name} is {number!r}, outside its bounds [{lower}, {upper}]")
    if number in (lower, upper):
        width = min(upper - lower, max(1.0, abs(number)))
        number += INSIDE * width if number == lower else -INSIDE * width
        notes.append(f"start {k}: {name} was on its bound and was moved to {number!r}")
    return number
