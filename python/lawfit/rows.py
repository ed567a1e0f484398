"""A law's rows: its columns, schedules and target, out of curves or a table, all checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from lawfit import _core
from lawfit._printable import printable
from lawfit._validate import Floats, Ints, closest
from lawfit.callable_law import CallableLaw
from lawfit.curve import Curve
from lawfit.curves import Curves, as_curves
from lawfit.law import Law
from lawfit.schedule import Schedule, Warmup
from lawfit.table import is_lazy, table_columns

__all__ = [
    "Group",
    "Rows",
    "curve_rows",
    "finite_rows",
    "is_table",
    "rows_of",
    "schedule_rows",
    "table_rows",
]

_NO_STEPS: Ints = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows `begin` … `end` - 1 come from one source: its rows `index`, of `given`.

    `notes` say what was done to it before it became rows, naming it.
    """

    source: str
    begin: int
    end: int
    index: Ints
    given: int
    schedule: Schedule | None = None
    notes: tuple[str, ...] = ()


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

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the sources before they became rows."""
        return tuple(dict.fromkeys(note for group in self.groups for note in group.notes))

    def kept(self) -> Ints:
        """Return which of the sources' rows, counted through, these are."""
        before = np.cumsum([0, *(group.given for group in self.groups)])
        return np.concatenate([g.index + b for g, b in zip(self.groups, before, strict=False)])

    def take(self, index: Ints, label: str = "") -> Rows:
        """Return some of the rows; `index` ascends, `label` is added to sources not taken whole."""
        groups: list[Group] = []
        begins = np.array([group.begin for group in self.groups])
        which = np.searchsorted(begins, index, side="right") - 1
        for position in np.unique(which):
            group, here = self.groups[position], index[which == position]
            whole = here.size == group.end - group.begin
            begin = groups[-1].end if groups else 0
            part = replace(
                group,
                source=group.source if whole else group.source + label,
                begin=begin,
                end=begin + here.size,
                index=group.index[here - group.begin],
            )
            groups.append(part)
        return replace(
            self,
            columns=tuple(column[index] for column in self.columns),
            steps=self.steps[index] if self.steps.size else self.steps,
            groups=tuple(groups),
            y=None if self.y is None else self.y[index],
        )

    def core(self, *, exact: bool = False, coarse: bool = False) -> _core.Data:
        """Hand the rows to the core, which copies them.

        `exact` sums loss drops step by step, `coarse` only closely enough for a search.
        """
        detail = "exact" if exact else "coarse" if coarse else "fine"
        tracks = [(g.schedule._native, g.begin, g.end) for g in self.groups if g.schedule]
        steps = self.steps if tracks else _NO_STEPS
        data = _core.Data(len(self), self.columns, steps, tracks, self.warmup, detail)
        if isinstance(self.law, CallableLaw):
            function = self.law.bind(self.columns)
            data.set_external(function, len(self.law.parameters), self.law.noise)
        return data

    def place(self, row: int) -> str:
        """Say where a row comes from, for messages: "curve 'a': … index 7"."""
        group = next(g for g in self.groups if g.begin <= row < g.end)
        return f"{group.source}: {{}} at index {group.index[row - group.begin]}"

    def refuse(self, bad: Any, field: str, values: Floats, wanted: str) -> None:
        """Raise ValueError for the first row marked in `bad`, if any."""
        if not bad.any():
            return
        row = int(np.argmax(bad))
        raise ValueError(f"{self.place(row).format(field)} is {values[row]:.17g}; {wanted}")

    def check_columns(self) -> None:
        """Refuse columns for which the law has no value, naming source, index, field and value."""
        for name, values in zip(self.law.columns, self.columns, strict=True):
            if name in self.law.positive_columns:
                wanted = f"law {self.law.name!r} needs it above 0"
                self.refuse(values <= 0, name, values, wanted)
            elif name in self.law.nonzero_columns:
                self.refuse(values == 0, name, values, f"law {self.law.name!r} divides by it")

    def check_values(self, values: Floats) -> None:
        """Refuse rows at which the fitted law has no finite value."""
        wanted = f"law {self.law.name!r} has no finite value there"
        self.refuse(~np.isfinite(values), f"predicted {self.law.y}", values, wanted)

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
    if target:
        _one_unit(curves)
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
        notes = tuple(f"{source}: {note}" for note in curve.notes)
        groups.append(Group(source, begin, end, kept, len(curve), schedule, notes))
        steps.append(curve.steps[kept])
        run = _Run(
            source,
            curve.steps,
            curve.schedule,
            curve.params,
            curve.tokens_per_step,
            curve.columns,
        )
        for part, name in zip(parts, law.columns, strict=True):
            part.append(run.column(name)[kept])
        if target:
            targets.append(_target(curve, law.y, source)[kept])
    columns = tuple(np.concatenate(part) for part in parts)
    y = np.concatenate(targets) if target else None
    return Rows(law, columns, np.concatenate(steps), tuple(groups), warmup, y)


def _one_unit(curves: Curves) -> None:
    first = curves[0]
    for curve in curves:
        if curve.loss_unit != first.loss_unit:
            raise ValueError(
                f"curve {curve.name!r}: loss_unit is {curve.loss_unit!r}, but curve "
                f"{first.name!r} has {first.loss_unit!r}; expected one unit"
            )


def first_step(curve: Curve, skip_steps: int | None) -> int:
    """Return the first step that counts: `skip_steps`, or by default the end of the warm-up."""
    if skip_steps is not None:
        return skip_steps
    return 0 if curve.schedule is None else curve.schedule.warmup


def schedule_rows(
    law: Law,
    schedule: Schedule,
    steps: Ints,
    *,
    warmup: Warmup,
    params: float | None,
    tokens_per_step: float | None,
    size: str = "params",
) -> Rows:
    """Take a law's rows at non-decreasing steps of one schedule; sizes as of a `Curve`.

    `size` is what messages call `params`.
    """
    run = _Run("schedule", steps, schedule, params, tokens_per_step, {}, size)
    areas = schedule if law.uses_schedule else None
    group = Group("schedule", 0, steps.size, steps, steps.size, areas)
    return Rows(law, tuple(map(run.column, law.columns)), steps, (group,), warmup)


class _Run(NamedTuple):
    """What columns by name are taken from."""

    source: str
    steps: Ints
    schedule: Schedule | None
    params: float | None
    tokens_per_step: float | None
    own: Mapping[str, Floats]
    size: str = "params"

    def column(self, name: str) -> Floats:
        if name in self.own:
            return self.own[name]
        if name == "step":
            return self.steps.astype(np.float64)
        if name == "lr" and self.schedule is not None:
            return self.schedule.at(self.steps)
        if name == "N" and self.params is not None:
            return np.full(self.steps.size, self.params)
        if name == "D" and self.tokens_per_step is not None:
            return (self.steps.astype(np.float64) + 1) * self.tokens_per_step
        meant = {"lr": "a schedule", "N": self.size, "D": "tokens_per_step"}
        if name in meant:
            raise ValueError(f"{self.source}: column {name!r} needs {meant[name]}")
        known = [*self.own, "step", *meant]
        raise ValueError(f"{self.source}: column {name!r} is missing{closest(name, known)}")


def _target(curve: Curve, y: str, source: str) -> Floats:
    if y in curve.columns:
        return curve.columns[y]
    if y == "loss":
        return curve.loss
    raise ValueError(f"{source}: column {y!r} is missing{closest(y, [*curve.columns, 'loss'])}")


def table_rows(
    law: Law, data: Any, *, target: bool = True, source: str = "data", nan_policy: str = "raise"
) -> Rows:
    """Take a law's rows from a mapping of columns or a data frame.

    `nan_policy` "omit" drops rows in which a column that the law or the target takes is missing or
    not finite.
    """
    if law.uses_schedule:
        raise TypeError(
            f"law {law.name!r} needs schedules: give a Curve, Curves or a list of Curve, "
            f"not a {type(data).__name__}"
        )
    names = [*law.columns, law.y] if target else list(law.columns)
    omit = nan_policy == "omit"
    columns = table_columns(data, names, source=source, finite=not omit)
    given = len(next(iter(columns.values()))) if columns else 0
    kept = np.arange(given)
    notes: tuple[str, ...] = ()
    if omit:
        kept, notes = finite_rows(columns, source)
        columns = {name: values[kept] for name, values in columns.items()}
    y = columns.pop(law.y) if target else None
    if y is None and not columns:
        raise ValueError(f"law {law.name!r} has no columns, so {source} says nothing of its rows")
    group = Group(source, 0, kept.size, kept, given, notes=notes)
    return Rows(law, tuple(columns.values()), _NO_STEPS, (group,), "actual", y)


def finite_rows(columns: Mapping[str, Floats], source: str) -> tuple[Ints, tuple[str, ...]]:
    """Return the rows in which every column is finite, and a note if there are others."""
    finite = np.all([np.isfinite(values) for values in columns.values()], axis=0)
    kept = np.flatnonzero(finite)
    if kept.size == finite.size:
        return kept, ()
    which = f"{finite.size} rows with {' or '.join(map(printable, columns))} not finite"
    if not kept.size:
        raise ValueError(f"{source} has 0 rows: dropped all {which}")
    return kept, (f"{source}: dropped {finite.size - kept.size} of {which}",)


def is_table(data: object) -> bool:
    """Say whether `data` has columns by name, as mappings and data frames do, and is no curve."""
    if isinstance(data, Curve | Curves):
        return False
    # a lazy frame warns where its columns are asked for
    return is_lazy(data) or any(hasattr(data, n) for n in ("column_names", "columns", "keys"))


def rows_of(
    law: Law,
    data: object,
    *,
    warmup: Warmup,
    skip_steps: int | None,
    nan_policy: str = "raise",
) -> Rows:
    """Take a law's rows and target from curves or a table."""
    if not isinstance(data, Iterable) and not is_table(data) and not isinstance(data, Curve):
        kind = type(data).__name__
        raise TypeError(f"data is a {kind}; expected curves, a mapping of columns or a data frame")
    if not is_table(data):
        if nan_policy == "omit":
            raise TypeError("nan_policy is for columns; curves have their own, Curve(nan_policy=…)")
        return curve_rows(law, data, warmup=warmup, skip_steps=skip_steps)
    if skip_steps is not None:
        raise TypeError(f"skip_steps: a {type(data).__name__} has no steps to skip")
    return table_rows(law, data, nan_policy=nan_policy)
