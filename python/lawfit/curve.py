"""Loss curves: validated, immutable records of training runs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from lawfit._keywords import known_keywords
from lawfit._log_order import OnDuplicate, count, curve_rows
from lawfit._printable import printable
from lawfit._validate import (
    NAN_POLICIES,
    Floats,
    Ints,
    all_finite,
    choose,
    float_array,
    integer,
    real,
    same_length,
    step_array,
)
from lawfit.schedule import Schedule

__all__ = ["Curve"]


class Curve:
    """The losses of one training run, its learning-rate schedule and its size.

    Steps are 0-based: step t is the update made with the schedule's rate t, and the loss at t is
    measured after it. Spacing is free, because areas are summed over every step of the schedule.

    Parameters
    ----------
    steps : array-like of int, shape (n,)
        Whole numbers from 0, increasing strictly unless `sort` or `on_duplicate` say otherwise.
    loss : array-like of float, shape (n,)
        Any sign: a fit in log space is what refuses a loss that isn't positive.
    schedule : Schedule or array-like of float, optional
        The learning rate of every step, logged or not.
    name : str
        How messages, results and `Curves` call the run.
    params, tokens_per_step : float, optional
        Model parameters, and tokens in one update; positive.
    loss_unit : str
        Unit of the loss.
    sort : bool
        Sort the points by step, stably.
    on_duplicate : {"error", "last", "first"}
        What to do when a step comes twice or steps go back, as in the log of a resumed run: refuse,
        keep what was logged last (a restart supersedes everything at its step or later logged
        before it), or keep what was logged first.
    nan_policy : {"raise", "omit"}
        Refuse a loss or column value that is NaN, missing or infinite, or drop its point.
    columns : mapping of str to array-like, shape (n,), optional
        Further columns of the log.

    Attributes
    ----------
    steps : ndarray of int64, shape (m,)
    loss : ndarray of float64, shape (m,)
    columns : mapping of str to ndarray of float64, shape (m,)
        These arrays are copies and read-only.
    schedule, name, params, tokens_per_step, loss_unit
        As given; a schedule is always a `Schedule`, sizes are floats.
    notes : tuple of str
        What was done to the log: points sorted or dropped, and why.
    lr_source : str
        Where `read_curves` has the learning rate of every step from; "" for other curves.

    Raises
    ------
    TypeError, ValueError
        Naming the curve, field, index and value.
    """

    __slots__ = (
        "columns",
        "loss",
        "loss_unit",
        "lr_source",
        "name",
        "notes",
        "params",
        "schedule",
        "steps",
        "tokens_per_step",
    )

    steps: Ints
    loss: Floats
    schedule: Schedule | None
    name: str
    params: float | None
    tokens_per_step: float | None
    loss_unit: str
    columns: Mapping[str, Floats]
    notes: tuple[str, ...]
    lr_source: str

    @known_keywords
    def __init__(
        self,
        steps: object,
        loss: object,
        schedule: object = None,
        *,
        name: str = "",
        params: float | None = None,
        tokens_per_step: float | None = None,
        loss_unit: str = "nats",
        sort: bool = False,
        on_duplicate: OnDuplicate = "error",
        nan_policy: str = "raise",
        columns: Mapping[str, object] | None = None,
    ) -> None:
        source = f"curve {name!r}" if _text(name, "name") else "curve"
        choose(on_duplicate, ("error", "last", "first"), field="on_duplicate")
        choose(nan_policy, NAN_POLICIES, field="nan_policy")
        logged = step_array(steps, source=source)
        fields = _fields(loss, {} if columns is None else columns, source)
        same_length(source, step=logged, **fields)
        if not len(logged):
            raise ValueError(f"{source} has 0 points")

        rows, notes = curve_rows(logged, sort=sort, on_duplicate=on_duplicate, source=source)
        finite = np.all([np.isfinite(values[rows]) for values in fields.values()], axis=0)
        if nan_policy == "raise":
            hint = "; nan_policy='omit' drops such points"
            for field, values in fields.items():
                all_finite(values[rows], source=source, field=field, rows=rows, hint=hint)
        elif not finite.all():
            rows = rows[finite]
            notes.append(
                f"dropped {count(int(np.sum(~finite)))} with {' or '.join(fields)} not finite"
            )
        if not rows.size:
            raise ValueError(f"{source} has 0 points: {notes[-1]}")

        kept = {field: values[rows] for field, values in fields.items()}
        self._set(
            steps=logged[rows],
            loss=kept.pop("loss"),
            columns=kept,
            schedule=_schedule_for(logged[rows], schedule, source),
            name=name,
            params=_size(params, "params", source),
            tokens_per_step=_size(tokens_per_step, "tokens_per_step", source),
            loss_unit=_text(loss_unit, f"{source}: loss_unit"),
            notes=tuple(notes),
            lr_source="",
        )

    @property
    def tokens(self) -> Floats:
        """Tokens seen when each loss was measured, (steps + 1) · tokens_per_step; shape (m,)."""
        if self.tokens_per_step is None:
            raise ValueError(f"curve {self.name!r}: tokens_per_step is None, so tokens are unknown")
        return (self.steps.astype(np.float64) + 1) * self.tokens_per_step

    def skip(self, steps: int) -> Curve:
        """Return the curve without the first `steps` steps of the run: points at `steps` or later.

        Raises
        ------
        ValueError
            If no point is left.
        """
        first = integer(steps, field="steps", source=f"curve {self.name!r}", lower=0)
        keep = self.steps >= first
        if not keep.any():
            last = f"its last is {self.steps[-1]}"
            raise ValueError(f"curve {self.name!r} has 0 points at step {first} or later; {last}")
        return self._where(keep, f"before step {first}")

    def after(self, step: int) -> Curve:
        """Return the curve without the points at `step` or earlier."""
        last = integer(step, field="step", source=f"curve {self.name!r}", lower=-1)
        return self.skip(last + 1)

    def until(self, step: int) -> Curve:
        """Return the curve as it was after `step`: the points at `step` or earlier.

        Raises
        ------
        ValueError
            If no point is left.
        """
        last = integer(step, field="step", source=f"curve {self.name!r}", lower=0)
        keep = self.steps <= last
        if not keep.any():
            first = f"its first is {self.steps[0]}"
            raise ValueError(f"curve {self.name!r} has 0 points at step {last} or before; {first}")
        return self._where(keep, f"after step {last}")

    def renamed(self, name: str) -> Curve:
        """Return the curve under another name."""
        return self._with(name=_text(name, "name"))

    def __len__(self) -> int:
        return len(self.steps)

    def __eq__(self, other: object) -> bool:
        """Compare data and description; `notes` and `lr_source`, how it came about, don't count."""
        if not isinstance(other, Curve):
            return NotImplemented
        return (
            np.array_equal(self.steps, other.steps)
            and np.array_equal(self.loss, other.loss)
            and self.columns.keys() == other.columns.keys()
            and all(np.array_equal(self.columns[key], other.columns[key]) for key in self.columns)
            and (self.name, self.params, self.tokens_per_step, self.loss_unit)
            == (other.name, other.params, other.tokens_per_step, other.loss_unit)
            and self.schedule == other.schedule
        )

    def __hash__(self) -> int:
        return hash((self.name, len(self), self.params))

    def __repr__(self) -> str:
        return f"<Curve {self.name!r}: {self.described()}>"

    def __getstate__(self) -> dict[str, Any]:
        state = {slot: getattr(self, slot) for slot in self.__slots__}
        return state | {"columns": dict(self.columns)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._set(**state)

    def __setattr__(self, attribute: str, value: object) -> NoReturn:
        raise AttributeError(f"a Curve is immutable: can't set {attribute!r}")

    def __delattr__(self, attribute: str) -> NoReturn:
        raise AttributeError(f"a Curve is immutable: can't delete {attribute!r}")

    def _set(self, *, columns: dict[str, Floats], **values: Any) -> None:
        # copies and pickles of arrays come back writeable, so they are frozen here, not earlier
        for array in (values["steps"], values["loss"], *columns.values()):
            array.setflags(write=False)
        for slot, value in (values | {"columns": MappingProxyType(columns)}).items():
            object.__setattr__(self, slot, value)

    def _where(self, keep: NDArray[np.bool_], which: str) -> Curve:
        dropped = len(self) - int(keep.sum())
        note = f"skipped {count(dropped)} {which}"
        return self._with(
            steps=self.steps[keep],
            loss=self.loss[keep],
            columns={field: values[keep] for field, values in self.columns.items()},
            notes=(*self.notes, note) if dropped else self.notes,
        )

    def _with(self, **changes: Any) -> Curve:
        other = object.__new__(Curve)
        other._set(**(self.__getstate__() | changes))
        return other

    def described(self) -> str:
        """Say what the curve holds, on one line."""
        total = "" if self.schedule is None else f" of {self.schedule.steps}"
        size = "" if self.params is None else f", {self.params:.6g} params"
        source = f"; LR: {self.lr_source.partition(': ')[0]}" if self.lr_source else ""
        return (
            f"{count(len(self))}, steps {self.steps[0]} to {self.steps[-1]}{total}, loss "
            f"{self.loss[0]:.4g} to {self.loss[-1]:.4g} {printable(self.loss_unit)}{size}{source}"
        )


def _fields(loss: object, columns: Mapping[str, object], source: str) -> dict[str, Floats]:
    if not hasattr(columns, "keys"):  # a data frame is no Mapping, but has keys
        raise TypeError(f"{source}: columns is {columns!r}; expected a mapping of names to arrays")
    for field in ("step", "loss"):
        if field in columns:
            raise ValueError(f"{source}: columns has {field!r}, which is a field of its own")
    return {
        _text(field, f"{source}: column name"): float_array(
            values, source=source, field=field, finite=False
        )
        for field, values in {"loss": loss, **columns}.items()
    }


def _schedule_for(steps: Ints, schedule: object, source: str) -> Schedule | None:
    if schedule is None:
        return None
    if not isinstance(schedule, Schedule):
        try:
            schedule = Schedule(schedule)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{source}: {error}") from None
    if steps[-1] >= schedule.steps:
        total = f"{schedule.steps} step{'s' if schedule.steps > 1 else ''}"
        end = f"the schedule ends at step {schedule.steps - 1} (0-based, {total})"
        raise ValueError(f"{source}: step {steps[-1]} is beyond the schedule: {end}")
    return schedule


def _size(value: object, field: str, source: str) -> float | None:
    return None if value is None else real(value, field=field, source=source, lower=0, strict=True)


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{field} is {value!r}; expected a string")
    return value
