"""Logs become curves: which columns, what steps mean, the rate of every step, what is dropped."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lawfit._log_order import OnDuplicate, count, curve_rows
from lawfit._printable import printable, shown
from lawfit._validate import EXACT_LIMIT, Floats, Ints, Rows, real
from lawfit.curve import Curve
from lawfit.io.logs import Log
from lawfit.io.rates import disagreement, schedule_of_rates
from lawfit.io.rows import find_loss, find_lr, find_step, is_loss, unknown_name
from lawfit.io.sidecar import Sidecar
from lawfit.io.spikes import find_spikes
from lawfit.schedule import Schedule

__all__ = ["UNITS", "Choices", "counts", "curve_of"]

UNITS: Final = ("steps", "tokens", "samples")
# Names, as far as they matter here, that say what x counts, and that it counts updates done.
_TOKENS: Final = re.compile(r"tok(en)?s?(?![a-z])", re.IGNORECASE)
_SAMPLES: Final = re.compile(r"(sample|example|sequence)s?(?![a-z])", re.IGNORECASE)
_RATE: Final = re.compile(r"(?<![a-z])per(?![a-z])|/(s|sec|second|step)$", re.IGNORECASE)
_DONE: Final = re.compile(r"(train[_/])?(num_)?updates?|train[_/]global_step", re.IGNORECASE)
_BITS: Final = re.compile(r"(^|[_/.\s-])(bpb|bits_per_byte)$", re.IGNORECASE)
_OFF: Final = 1e-3  # of a step: from here on a rounded count is told


@dataclass(frozen=True)
class Choices:
    """What `read_curves` was asked for; as there."""

    x: str | None = None
    y: str | None = None
    lr: str | None = None
    schedule: Schedule | Mapping[str, Schedule] | None = None
    params: float | str | Mapping[str, float] | None = None
    tokens_per_step: float | str | Mapping[str, float] | None = None
    samples_per_step: float | str | Mapping[str, float] | None = None
    one_based: bool | None = None
    unit: str | None = None
    loss_unit: str | None = None
    by: str | None = None
    sort: bool = False
    on_duplicate: OnDuplicate = "last"
    nan_policy: str = "omit"
    despike: float | None = None


class _Rates(NamedTuple):
    """A schedule, where it came from, and what is to be noted of it."""

    schedule: Schedule | None
    source: str
    notes: tuple[str, ...] = ()


def counts(names: Collection[str], unit: str | None) -> str | None:
    """Return the name that counts steps, or tokens or samples, or None."""
    wanted = {"tokens": _TOKENS, "samples": _SAMPLES}.get(unit or "steps")
    if wanted is None:
        return find_step(names)
    counting = (name for name in names if not _RATE.search(name.strip()))
    return next(filter(wanted.search, counting), None)


def curve_of(log: Log, choices: Choices, beside: Sidecar | None = None) -> Curve:
    """Return the curve of a log.

    Parameters
    ----------
    log : Log
    choices : Choices
    beside : Sidecar, optional
        What lies beside the log; what was asked for goes before it.

    Raises
    ------
    ValueError, TypeError
        Naming the log, the column and what is wrong.
    """
    try:
        return _Reading(log, choices, beside or Sidecar("")).curve()
    except (ValueError, TypeError) as error:
        if str(error).startswith(log.source):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{log.source}: {error}") from None


class _Reading:
    """One log on its way to a curve; `notes` collects what is done."""

    def __init__(self, log: Log, choices: Choices, beside: Sidecar) -> None:
        self.log = log
        self.choices = choices
        self.beside = beside
        self.notes = [*log.notes, *beside.notes]
        self.x = ""  # the column that counts

    def curve(self) -> Curve:
        choices, log = self.choices, self.log
        y = self._named(choices.y) if choices.y else self._loss()
        params = self._size("params", self.beside.params)
        tokens = self._size("tokens_per_step", self.beside.tokens_per_step)
        steps = self._in_order(self._steps(tokens))
        points, loss = self._points(steps, y)
        last = int(points[self._kept(points)][-1])
        rates = self._rates(steps, last)
        if rates.schedule is not None:
            self._check_end(last, rates.schedule.steps, "the schedule has")
        curve = Curve(
            points,
            loss,
            rates.schedule,
            name=log.name,
            params=params,
            tokens_per_step=tokens,
            loss_unit=choices.loss_unit or self.beside.loss_unit or _unit_of(y),
            sort=choices.sort,
            on_duplicate=choices.on_duplicate,
            nan_policy=choices.nan_policy,
        )
        curve, spikes = find_spikes(curve, choices.despike)
        notes = (*self.notes, *curve.notes, *rates.notes, *spikes)
        return curve._with(notes=notes, lr_source=rates.source)

    def _named(self, name: str) -> str:
        if name not in self.log.columns:
            raise ValueError(unknown_name(name, list(self.log.columns)[:100]))
        return name

    def _loss(self) -> str:
        columns = self.log.columns
        named = list(filter(is_loss, columns))
        losses = [name for name in named if not np.isnan(columns[name]).all()]
        found = find_loss(losses, self.log.source)
        if found is None and named:
            raise ValueError(f"no row has a number as {' or '.join(map(shown, named))}")
        if found is None:
            listed = ", ".join(map(shown, list(columns)[:20]))
            raise ValueError(f"no column has a loss; choose y among {listed}")
        return found

    def _size(self, field: str, beside: float | None = None) -> float | None:
        """Return a number that was given for all runs or this one, or a constant column."""
        given = getattr(self.choices, field)
        if isinstance(given, Mapping):
            given = given.get(self.log.name)
        if not isinstance(given, str):
            value = beside if given is None else given
            return None if value is None else real(value, field=field, lower=0.0, strict=True)
        column = self.log.columns[self._named(given)]
        values = np.unique(column[~np.isnan(column)])
        if values.size != 1:
            several = f"{values.size} values" if values.size else "no value"
            raise ValueError(f"{field}: the column {shown(given)} has {several}; expected one")
        return real(float(values[0]), field=f"{field}: {given}", lower=0.0, strict=True)

    # Steps

    def _steps(self, tokens_per_step: float | None) -> Floats:
        """Return the 0-based step of every row; NaN where there is none."""
        self.x, unit = self._x()
        x, values = self.x, self.log.columns[self.x]
        if unit == "steps":
            return self._from_count(values, x)
        field = f"{unit}_per_step"
        each = tokens_per_step if unit == "tokens" else self._size(field)
        if each is None:
            raise ValueError(f"{shown(x)} counts {unit}, so {field} is needed")
        with np.errstate(over="ignore"):  # what is infinite is refused as no step
            exact = values / each - 1
        steps = np.round(exact)
        known = np.isfinite(exact)
        off = float(np.max(np.abs(exact[known] - steps[known]), initial=0.0))
        self.notes.append(f"steps are {printable(x)} / {each:g} - 1")
        if off > _OFF:
            self.notes.append(f"steps were rounded to whole ones, by up to {off:.3f}")
        return self._from_zero(steps)

    def _x(self) -> tuple[str, str]:
        choices, columns = self.choices, self.log.columns
        x, unit = choices.x, choices.unit
        if x is None:
            x = counts(columns, unit)
        if x is None:
            listed = ", ".join(map(shown, list(columns)[:20]))
            raise ValueError(f"no column counts {unit or 'steps'}; choose x among {listed}")
        x = self._named(x)
        if unit is None:
            tokens, samples = _TOKENS.search(x), _SAMPLES.search(x)
            unit = "tokens" if tokens else "samples" if samples else "steps"
        return x, unit

    def _from_count(self, values: Floats, x: str) -> Floats:
        one_based = self.choices.one_based
        if self.log.translated:
            self.notes.append(f"a {self.log.format} counts updates done: its step g is step g - 1")
            return values
        if one_based is None:
            one_based = _DONE.fullmatch(x.strip()) is not None
            if one_based:
                self.notes.append(f"{printable(x)} counts updates done: its step g is step g - 1")
            else:
                self.notes.append(
                    "steps are taken as 0-based; one_based=True if they count updates done"
                )
        elif one_based:
            self.notes.append("the log counts updates done: its step g is step g - 1")
        return self._from_zero(values - 1) if one_based else values

    def _from_zero(self, steps: Floats) -> Floats:
        """Return steps without those before the first update."""
        early = steps == -1
        if early.any():
            self.notes.append(f"dropped {count(int(early.sum()))} before the first update")
        return np.where(early, np.nan, steps)

    def _in_order(self, steps: Floats) -> Floats:
        """Put the rows of files that have no order in that of the steps where they begin.

        Between two rows where steps go back a part ends. One that begins within another is, as in
        one file, a restart.
        """
        if not self.log.unordered:
            return steps
        there = np.maximum.accumulate(np.where(np.isnan(steps), 0, np.arange(len(steps))))
        known = np.nan_to_num(steps[there], nan=-np.inf)
        parts = np.split(np.arange(len(steps)), np.flatnonzero(np.diff(known) < 0) + 1)
        order = np.argsort([known[part[0]] for part in parts], kind="stable")
        if np.all(np.diff(order) > 0):
            return steps
        self.notes.append(f"put {len(parts)} parts of files in the order of their steps")
        rows = np.concatenate([parts[k] for k in order])
        columns = {name: values[rows] for name, values in self.log.columns.items()}
        self.log = replace(self.log, columns=columns)
        ordered: Floats = steps[rows]
        return ordered

    # Points

    def _points(self, steps: Floats, y: str) -> tuple[Floats, Floats]:
        """Return steps and losses of the rows that have both."""
        loss = self.log.columns[y]
        has_loss, has_step = ~np.isnan(loss), ~np.isnan(steps)
        nans = self.log.nans.get(y, 0)
        if nans:
            if self.choices.nan_policy == "raise":
                where = f"{printable(y)} is NaN in {count(nans, 'row')}"
                raise ValueError(f"{where}; nan_policy='omit' drops them")
            self.notes.append(f"dropped {count(nans)} whose {printable(y)} is NaN")
        without = int((~has_loss & has_step).sum()) - nans
        if without > 0:
            self.notes.append(f"passed over {count(without, 'row')} without {printable(y)}")
        stepless = int((has_loss & np.isnan(self.log.columns[self.x])).sum())
        if stepless:
            self.notes.append(f"passed over {count(stepless, 'row')} with a loss and no step")
        rows = has_loss & has_step
        if not rows.any():
            raise ValueError(f"no row has both {printable(y)} and {printable(self.x)}")
        self._check_steps(steps, rows)
        self._check_order(steps[rows])
        return steps[rows], loss[rows]

    def _check_steps(self, steps: Floats, rows: NDArray[np.bool_]) -> None:
        """Refuse a step that is none, in rows that count."""
        good = (steps >= 0) & (steps < EXACT_LIMIT) & (steps == np.floor(steps))
        bad = np.flatnonzero(rows & ~good)
        if bad.size:
            value = self.log.columns[self.x][bad[0]]
            raise ValueError(
                f"{printable(self.x)} at index {bad[0]} is {value:.16g}; expected a whole number "
                "from 0 to 2**53 - 1"
            )

    def _check_order(self, steps: Floats) -> None:
        """Refuse a log in no order: it would be taken for one with very many restarts."""
        if self.choices.sort or self.choices.on_duplicate == "error":
            return
        back = int((np.diff(steps) < 0).sum())
        if back > len(steps) // 4 and len(np.unique(steps)) == len(steps):
            raise ValueError(
                f"steps go back {back} times and none comes twice: the rows are in no order; "
                "sort=True sorts them"
            )

    # The learning rate of every step

    def _rates(self, steps: Floats, last: int) -> _Rates:
        asked = self._asked_schedule()
        if asked is not None:
            return self._compared(_Rates(asked, "the schedule that was given"), steps)
        if self.choices.lr is not None:
            return self._logged(self._named(self.choices.lr), steps, last)
        if self.beside.schedule is not None:
            return self._compared(_Rates(self.beside.schedule, self.beside.source), steps)
        name = find_lr(self.log.columns)
        if name is None or np.isnan(self.log.columns[name]).all():
            return _Rates(None, "")
        return self._logged(name, steps, last)

    def _asked_schedule(self) -> Schedule | None:
        given = self.choices.schedule
        return given.get(self.log.name) if isinstance(given, Mapping) else given

    def _series(self, name: str, steps: Floats) -> tuple[Ints, Floats]:
        """Return the steps and values of a column as they count, restarts superseding."""
        values = self.log.columns[name]
        rows = ~np.isnan(values) & ~np.isnan(steps)
        self._check_steps(steps, rows)
        at, values = steps[rows], values[rows]
        kept = self._kept(at)
        return at[kept].astype(np.int64), values[kept]

    def _kept(self, steps: Floats) -> Rows:
        """Return the rows whose steps count, increasing."""
        policy: OnDuplicate = "first" if self.choices.on_duplicate == "first" else "last"
        at = steps.astype(np.int64)
        return curve_rows(at, sort=self.choices.sort, on_duplicate=policy, source="")[0]

    def _logged(self, name: str, steps: Floats, last: int) -> _Rates:
        at, values = self._series(name, steps)
        if not at.size:
            raise ValueError(f"{printable(name)} has no value")
        bad = np.flatnonzero(np.isinf(values))
        if bad.size:
            where = f"{printable(name)} at step {at[bad[0]]}"
            raise ValueError(f"{where} is {values[bad[0]]}; expected a finite number")
        known = self.beside.steps or self.log.total or 0
        if self.beside.steps is not None:
            says = f"{self.beside.source} says"
            self._check_end(last, known, says)
            if last >= known:
                raise ValueError(
                    f"the last step is {last} and {says} {known} steps, 0 to {known - 1}"
                )
        total = max(last, int(at[-1]), known - 1) + 1
        made, how = schedule_of_rates(at, values, total=total, warmup=self.beside.warmup)
        return _Rates(made, f"{printable(name)} in the log: {how}")

    def _check_end(self, last: int, total: int, says: str) -> None:
        if last == total and self.choices.one_based is None and not self.log.translated:
            raise ValueError(
                f"the last step is {last} and {says} {total} steps, 0 to {total - 1}; give "
                "one_based=True if the log counts updates done"
            )

    def _compared(self, rates: _Rates, steps: Floats) -> _Rates:
        """Note where the log's own rates contradict a schedule."""
        name = find_lr(self.log.columns)
        if name is None or rates.schedule is None:
            return rates
        at, values = self._series(name, steps)
        off = disagreement(rates.schedule, at, values)
        return rates._replace(notes=(f"{off}: the schedule's is used",)) if off else rates


def _unit_of(y: str) -> str:
    return "bits per byte" if _BITS.search(y) else "nats"
