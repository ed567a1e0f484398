"""A law's rows: its columns, schedules and target, out of curves or a table, all checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lawfit import _core
from lawfit._validate import Floats, Ints, closest
from lawfit.curve import Curve, Curves, as_curves
from lawfit.law import Law
from lawfit.schedule import Schedule, Warmup
from lawfit.table import table_columns

__all__ = ["Group", "Rows", "curve_rows", "is_curves", "rows_of", "table_rows"]

_NO_STEPS: Ints = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows `begin` … `end` - 1 come from one source: its rows `index`, of `given`."""

    source: str
    begin: int
    end: int
    index: Ints
    given: int
    schedule: Schedule | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """Columns of a law at every row, ready for the core.

    Parameters
    ----------
    law : Law
        The law the columns are for.
    columns : tuple of ndarray, shape (n,) each
        In the order of `law.columns`.
    steps : ndarray of int64, shape (n,) or (0,)
        Steps at which the schedules' areas are taken.
    groups : tuple of Group
        Where the rows come from.
    warmup : str
        What the warm-up counts for in the areas.
    y : ndarray, shape (n,), optional
        The target.
    """

    law: Law
    columns: tuple[Floats, ...]
    steps: Ints
    groups: tuple[Group, ...]
    warmup: Warmup
    y: Floats | None = None

    def __len__(self) -> int:
        return self.groups[-1].end

    @property
    def given(self) -> int:
        """Rows of the sources, those that were skipped included."""
        return sum(group.given for group in self.groups)

    @property
    def sources(self) -> str:
        """The sources by name, for messages."""
        return ", ".join(group.source for group in self.groups)

    def kept(self) -> Ints:
        """Return which of the sources' rows, counted through, these are."""
        before = np.cumsum([0, *(group.given for group in self.groups)])
        return np.concatenate([g.index + b for g, b in zip(self.groups, before, strict=False)])

    def core(self) -> _core.Data:
        """Hand the rows to the core, which copies them."""
        tracks = [(g.schedule._native, g.begin, g.end) for g in self.groups if g.schedule]
        steps = self.steps if tracks else _NO_STEPS
        return _core.Data(len(self), self.columns, steps, tracks, self.warmup)

    def place(self, row: int) -> str:
        """Say where a row comes from, for messages: "curve 'a': … index 7"."""
        group = next(g for g in self.groups if g.begin <= row < g.end)
        return f"{group.source}: {{}} at index {group.index[row - group.begin]}"

    def refuse(self, bad: Any, field: str, values: Floats, wanted: str) -> None:
        """Raise ValueError for the first row marked in `bad`, if any."""
        rows = np.flatnonzero(bad)
        if rows.size:
            where = self.place(int(rows[0])).format(field)
            raise ValueError(f"{where} is {values[rows[0]]:.17g}; {wanted}")

    def check_columns(self) -> None:
        """Refuse columns for which the law has no value, naming source, index, field and value."""
        for name, values in zip(self.law.columns, self.columns, strict=True):
            if name in self.law.positive_columns:
                wanted = f"law {self.law.name!r} needs it above 0"
                self.refuse(values <= 0, name, values, wanted)
            elif name in self.law.nonzero_columns:
                self.refuse(values == 0, name, values, f"law {self.law.name!r} divides by it")

    def check_areas(self) -> None:
        """Refuse schedules whose forward area is 0 where the law needs it above 0."""
        if not self.law.positive_s1:
            return
        for group in self.groups:
            if group.schedule is None or group.begin == group.end:
                continue
            first = self.steps[group.begin]  # S1 never falls
            if not group.schedule.areas(0.0, at=[first], warmup=self.warmup)[0][0] > 0:
                raise ValueError(
                    f"{group.source}: S1 is 0 at step {first}: law {self.law.name!r} is undefined "
                    "before the first step with a learning rate above 0"
                )


def curve_rows(
    law: Law, data: object, *, warmup: Warmup, skip_steps: int | None, target: bool = True
) -> Rows:
    """Take a law's rows from curves.

    Columns are the curve's own or, by these names, `step`, `lr`, `N` (its `params`) and `D` (tokens
    seen, from `tokens_per_step`). `skip_steps` as in `lawfit.fit`.
    """
    curves = as_curves(data)
    groups: list[Group] = []
    parts: list[list[Floats]] = [[] for _ in law.columns]
    steps: list[Ints] = []
    targets: list[Floats] = []
    end = 0
    for curve in curves:
        source = f"curve {curve.name!r}"
        if law.uses_schedule and curve.schedule is None:
            raise ValueError(f"{source} has no schedule, which law {law.name!r} needs")
        kept = np.flatnonzero(curve.steps >= first_step(curve, skip_steps))
        if not kept.size:
            raise ValueError(
                f"{source} has 0 points after the first {first_step(curve, skip_steps)} steps, "
                "which skip_steps drops"
            )
        begin, end = end, end + kept.size
        schedule = curve.schedule if law.uses_schedule else None
        groups.append(Group(source, begin, end, kept, len(curve), schedule))
        steps.append(curve.steps[kept])
        for part, name in zip(parts, law.columns, strict=True):
            part.append(_curve_column(curve, name, source)[kept])
        if target:
            targets.append(_target(curve, law.y, source)[kept])
    columns = tuple(np.concatenate(part) for part in parts)
    y = np.concatenate(targets) if target else None
    return Rows(law, columns, np.concatenate(steps), tuple(groups), warmup, y)


def first_step(curve: Curve, skip_steps: int | None) -> int:
    """Return the first step that counts: `skip_steps`, or by default the end of the warm-up."""
    if skip_steps is not None:
        return skip_steps
    return 0 if curve.schedule is None else curve.schedule.warmup


def _curve_column(curve: Curve, name: str, source: str) -> Floats:
    if name in curve.columns:
        return curve.columns[name]
    if name == "step":
        return curve.steps.astype(np.float64)
    if name == "lr" and curve.schedule is not None:
        return curve.schedule.at(curve.steps)
    if name == "N" and curve.params is not None:
        return np.full(len(curve), curve.params)
    if name == "D" and curve.tokens_per_step is not None:
        return curve.tokens
    meant = {"lr": "a schedule", "N": "params", "D": "tokens_per_step"}
    if name in meant:
        raise ValueError(f"{source}: column {name!r} needs the curve's {meant[name]}")
    known = [*curve.columns, "step", *meant]
    raise ValueError(f"{source}: column {name!r} is missing{closest(name, known)}")


def _target(curve: Curve, y: str, source: str) -> Floats:
    if y in curve.columns:
        return curve.columns[y]
    if y == "loss":
        return curve.loss
    raise ValueError(f"{source}: column {y!r} is missing{closest(y, [*curve.columns, 'loss'])}")


def table_rows(law: Law, data: Any, *, target: bool = True, source: str = "data") -> Rows:
    """Take a law's rows from a mapping of columns or a data frame."""
    if law.uses_schedule:
        raise TypeError(
            f"law {law.name!r} needs schedules: give a Curve, Curves or a list of Curve, "
            f"not a {type(data).__name__}"
        )
    names = [*law.columns, law.y] if target else list(law.columns)
    columns = table_columns(data, names, source=source)
    y = columns.pop(law.y) if target else None
    n = len(y) if y is not None else len(next(iter(columns.values()), ()))
    group = Group(source, 0, n, np.arange(n), n)
    return Rows(law, tuple(columns.values()), _NO_STEPS, (group,), "actual", y)


def is_curves(data: object) -> bool:
    """Say whether `data` is a curve or curves rather than a table."""
    if isinstance(data, Curve | Curves):
        return True
    return isinstance(data, list | tuple) and all(isinstance(item, Curve) for item in data)


def rows_of(law: Law, data: object, *, warmup: Warmup, skip_steps: int | None) -> Rows:
    """Take a law's rows and target from curves or a table."""
    if is_curves(data):
        return curve_rows(law, data, warmup=warmup, skip_steps=skip_steps)
    if skip_steps is not None:
        raise TypeError(f"skip_steps: a {type(data).__name__} has no steps to skip")
    return table_rows(law, data)
