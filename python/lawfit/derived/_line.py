"""A law along some of its columns, the others held, for any parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lawfit._validate import Floats, closest, integer, real
from lawfit.derived.draws import fit_draws
from lawfit.law import Law
from lawfit.result import Fit
from lawfit.rows import Group, Rows

__all__ = ["Line", "quantiles", "read_level", "read_lines", "read_rng", "vectors"]


@dataclass(frozen=True, slots=True)
class Line:
    """A law along the columns `along`; the others are held."""

    law: Law
    along: tuple[str, ...]
    held: Mapping[str, float]

    def rows(self, *columns: Floats) -> Rows:
        """Return rows from flat columns of one length, in the order of `along`."""
        given = dict(zip(self.along, columns, strict=True))
        n = columns[0].size
        every = tuple(
            given[name] if name in given else np.full(n, self.held[name])
            for name in self.law.columns
        )
        group = Group("data", 0, n, np.arange(n), n)
        return Rows(self.law, every, np.zeros(0, np.int64), (group,), "actual")

    def values(self, params: Floats, *columns: Floats) -> Floats:
        """Evaluate at columns of one shape, and return that shape; not every value is finite."""
        core = self.rows(*(np.ravel(column) for column in columns)).core()
        values: Floats = self.law._program.evaluate(core, params.tolist())
        return values.reshape(columns[0].shape)

    def finite_values(self, params: Floats, *columns: Floats) -> Floats:
        """Evaluate at flat columns, and refuse where the law has no finite value."""
        values = self.values(params, *columns)
        self.rows(*columns).check_values(values)
        return values


def read_lines(
    name: str, along: tuple[str, ...], at: Mapping[str, float] | None, *fits: Fit
) -> list[Line]:
    """Check that the laws of fits run along columns, and that all others are given.

    Parameters
    ----------
    name : str
        Who asks, for messages.
    along : tuple of str
        Columns that will be passed in.
    at : mapping of str to float
        Values of the other columns of any of the laws.
    fits : Fit

    Raises
    ------
    TypeError, ValueError
        Naming the law and the column.
    """
    for fit in fits:
        if not isinstance(fit, Fit):
            raise TypeError(f"{name}: fit is a {type(fit).__name__}; expected a Fit")
    at = {} if at is None else at
    if not isinstance(at, Mapping):
        raise TypeError(f"{name}: at is {at!r}; expected a mapping of columns to numbers")
    others = {c: None for fit in fits for c in fit.law.columns if c not in along}
    for column in at:
        if column in along:
            raise ValueError(f"{name}: at has {column!r}, which is what varies")
        if column not in others:
            raise ValueError(f"{name}: at: column {column!r} is unknown{closest(column, others)}")
    for fit in fits:
        _check_columns(fit.law, along, at, name)
    return [Line(fit.law, along, _read_held(fit.law, at, name)) for fit in fits]


def _check_columns(law: Law, along: tuple[str, ...], at: Mapping[str, float], name: str) -> None:
    if law.uses_schedule:
        raise ValueError(f"{name}: law {law.name!r} runs over a schedule, not over columns alone")
    for column in along:
        if column not in law.columns:
            raise ValueError(
                f"{name}: law {law.name!r} has no column {column!r}{closest(column, law.columns)}"
            )
    missing = [column for column in law.columns if column not in along and column not in at]
    if missing:
        raise ValueError(f"{name}: law {law.name!r} needs {missing[0]!r} too; give it in at=")


def _read_held(law: Law, at: Mapping[str, float], name: str) -> dict[str, float]:
    held = {c: real(at[c], field=f"at[{c!r}]", source=name) for c in law.columns if c in at}
    for column, value in held.items():
        positive = column in law.positive_columns
        if (positive and value <= 0) or (column in law.nonzero_columns and value == 0):
            wanted = "above 0" if positive else "to differ from 0"
            raise ValueError(
                f"{name}: at[{column!r}] is {value}; law {law.name!r} needs it {wanted}"
            )
    return held


def read_level(level: float, name: str) -> float:
    """Check the level of an interval."""
    return real(level, field="level", source=name, lower=0, upper=1, strict=True)


def read_rng(rng: Any, name: str) -> np.random.Generator:
    """Return the generator given, or that of a seed."""
    if isinstance(rng, np.random.Generator):
        return rng
    return np.random.default_rng(integer(rng, field="rng", source=name, lower=0))


def vectors(fit: Fit, draws: int, rng: np.random.Generator) -> Floats:
    """Return the fitted parameters and, below them, `draws` drawn ones."""
    fitted = np.array([list(fit.params.values())])
    if not np.all(np.isfinite(fitted)):
        raise ValueError(f"fit of law {fit.law.name!r} ended without a value: {fit.message}")
    return fitted if draws == 0 else np.concatenate([fitted, fit_draws(fit, draws, rng)])


def quantiles(values: Floats, level: float) -> Any:
    """Return the central interval of draws (first axis) in a last axis of length 2."""
    return np.moveaxis(np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0), 0, -1)
