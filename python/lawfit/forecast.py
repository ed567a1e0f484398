"""Forecasts inside a training loop: a law refitted at every point that is logged."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, Self, overload

import numpy as np

from lawfit import _core
from lawfit._keywords import known_keywords
from lawfit._refit import UNREAD, WANTS_START, FullSolve
from lawfit._targets import check_rows
from lawfit._validate import (
    Floats,
    Ints,
    choose,
    float_array,
    integer,
    real,
    same_length,
    step_array,
)
from lawfit.conventions import Warmup
from lawfit.curve import Curve
from lawfit.fit import fit
from lawfit.law import Law
from lawfit.options import read_bounds, read_held, read_law, read_options
from lawfit.prediction import predict
from lawfit.result import Fit
from lawfit.rows import curve_rows
from lawfit.schedule import Schedule

__all__ = ["Forecaster"]

MODES = ("exact", "anchored")
# An objective lower by less than this share is the same minimum.
SAME = 1e-9


class Forecaster:
    """A law fitted to a run that is still training, refitted at every point it logs.

    The parameters are followed from point to point, so they stay in the minimum they are in. To
    leave a wrong one that early points led to, a full fit from many starts is made with as many
    points as free parameters and again whenever the points have doubled; where it is lower, it is
    followed from there on.

    Laws that are sums of powers of S1, with S2 or not and λ held, as annealing is, take
    microseconds a point. Others are solved in full at every point, which takes milliseconds.
    Threads may share a forecaster: a call waits for one that another thread is at. It does not
    pickle: what a checkpoint needs of it is its `curve`, whose points a new one takes by
    `update_many`.

    Parameters
    ----------
    law : Law or str
        A law of the schedule, or of `step` and `lr`, alone: a run's size is not known here.
    schedule : Schedule or array-like of float, shape (T,)
        The learning rate of every step, to the planned end.
    mode : {"exact", "anchored"}
        "exact": the objective is within 1e-12, relatively, of that of a full solve from there.
        "anchored": an update takes time that does not grow with the points. Points near a kink of
        Huber's function stay on the side where an earlier update, the anchor, had them; `gap`
        bounds what that costs, and is really far below the bound. Where it exceeds 1e-4 of the
        objective there is a new anchor, but only every 64 points and every 1/64 of them.
        Only for laws that take microseconds.
    loss, delta, space, fixed, bounds, warmup, skip_steps, rng
        As of `lawfit.fit`.

    Raises
    ------
    TypeError, ValueError
        For options without a meaning, naming field and value, and a law that needs other columns.
    """

    @known_keywords
    def __init__(
        self,
        law: Law | str,
        schedule: object,
        *,
        mode: Literal["exact", "anchored"] = "exact",
        loss: str | None = None,
        delta: float | None = None,
        space: str | None = None,
        fixed: Mapping[str, float | None] | None = None,
        bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
        warmup: Warmup | None = None,
        skip_steps: int | None = None,
        rng: Any = 0,
    ) -> None:
        self._law = read_law(law)
        self._schedule = schedule if isinstance(schedule, Schedule) else Schedule(schedule)
        self._mode = choose(mode, MODES, field="mode")
        self._options = read_options(
            self._law,
            loss=loss,
            delta=delta,
            space=space,
            reduction="sum",
            warmup=warmup,
            skip_steps=skip_steps,
            exact=False,
            rng=rng,
            max_iterations=1000,
            tolerance=1e-14,
        )
        _check_columns(self._law)
        self._held = read_held(self._law, fixed, bounds, None)
        self._bounds = read_bounds(self._law, bounds)
        self._given = dict(fixed or {}), dict(bounds or {})
        self._free = [name for name in self._law.parameters if name not in self._held]
        if not self._free:
            raise ValueError(f"law {self._law.name!r}: every parameter is fixed")
        self._core = self._streaming() or self._full()
        self._lock = threading.RLock()  # of the core, which is one thread's at a time

    def _streaming(self) -> _core.StreamingRefitter | None:
        """Return the core's refitter, or None for a law or a loss that it does not know."""
        options = self._options
        if options.rho not in ("huber", "squared"):
            return None
        return _core.StreamingRefitter.of(
            program=self._law._program,
            theta=[self._held.get(name, 0.0) for name in self._law.parameters],
            free=[name not in self._held for name in self._law.parameters],
            schedule=self._schedule._native,
            warmup=options.warmup,
            first_step=self._first_step,
            delta=math.inf if options.rho == "squared" else options.delta,
            space=options.space,
            anchored=self._mode == "anchored",
            lower=[self._bounds[name][0] for name in self._free],
            upper=[self._bounds[name][1] for name in self._free],
            max_iterations=options.max_iterations,
        )

    def _full(self) -> FullSolve:
        if self._mode == "anchored":
            raise ValueError(
                f"mode is 'anchored', which law {self._law.name!r} with these options is not made "
                "for: a sum of powers of S1, with S2 or not, a held λ and the Huber or squared "
                "loss; mode='exact' solves it in full at every point"
            )
        return FullSolve(
            len(self._free),
            self._schedule.steps,
            self._first_step,
            logarithmic=self._options.space == "log",
            delta=self._options.delta if self._options.robust else math.inf,
            check=self._check_row,
            solve=self._fit_from,
        )

    def _check_row(self, step: int, loss: float) -> None:
        """Refuse a point that no fit would take, before it is among those fitted."""
        point = Curve([step], [loss], self._schedule, name=f"at step {step}")
        rows = curve_rows(self._law, point, warmup=self._options.warmup, skip_steps=0)
        check_rows(rows, self._options)

    @property
    def _first_step(self) -> int:
        skip = self._options.skip_steps
        return self._schedule.warmup if skip is None else skip

    def update(self, step: int, loss: float) -> Self:
        """Take the loss logged at a step and refit.

        Parameters
        ----------
        step : int
            0-based, later than any before, within the schedule. Steps before `skip_steps` (by
            default the warm-up's) are left out.
        loss : float
            Left out and counted in `skipped` if it is NaN or infinite.

        Returns
        -------
        Forecaster
            Itself.

        Raises
        ------
        TypeError, ValueError
            For a step that does not come later, naming both, or is beyond the schedule; for a loss
            that log residuals have no value at, or beyond 1e±60 in size. The point is then not
            taken.
        """
        with self._lock:
            taken = self._core.update(step, loss)
            if taken == UNREAD:
                at = integer(step, field="step", lower=0, upper=2**53)
                taken = self._core.update(at, _number(loss))
            if taken == WANTS_START:
                self._search()
        return self

    def update_many(self, steps: object, losses: object) -> Self:
        """Take several points in a row, as `update` does one by one.

        Parameters
        ----------
        steps : array-like of int, shape (n,)
        losses : array-like of float, shape (n,)

        Raises
        ------
        TypeError, ValueError
            As `update`, with nothing taken where the steps are refused.
        """
        at = step_array(steps, source="update_many")
        values = float_array(losses, source="update_many", field="loss", finite=False)
        same_length("update_many", step=at, loss=values)
        with self._lock:
            self._take(at, values)
        return self

    def _take(self, at: Ints, values: Floats) -> None:
        before = np.concatenate([[self._core.last_step], at[:-1]])
        back = np.flatnonzero(at <= before)
        if back.size:
            i = int(back[0])
            raise ValueError(
                f"update_many: step at index {i} is {at[i]}, which does not come after step "
                f"{before[i]}"
            )
        last = self._schedule.steps - 1
        if at.size and at[-1] > last:  # they ascend
            i = int(np.argmax(at > last))
            raise ValueError(
                f"update_many: step at index {i} is {at[i]}, beyond the schedule, which ends at "
                f"step {last}"
            )
        for step, loss in zip(at.tolist(), values.tolist(), strict=True):
            self.update(step, loss)

    def _search(self) -> None:
        """Follow the minimum that many starts find, where it is lower."""
        found = self.fit()
        here = self._core.objective
        lower = not found.objective >= here * (1 - SAME)  # also where nothing is followed: NaN
        if math.isfinite(found.objective) and lower:
            self._core.start([found.params[name] for name in self._free])
        else:
            self._core.decline_start()

    @property
    def law(self) -> Law:
        """The law."""
        return self._law

    @property
    def schedule(self) -> Schedule:
        """The schedule of the whole run."""
        return self._schedule

    @property
    def n(self) -> int:
        """Points that the parameters are fitted to."""
        with self._lock:
            return self._core.n

    @property
    def skipped(self) -> int:
        """Points left out because their loss was NaN or infinite."""
        with self._lock:
            return self._core.skipped

    @property
    def params(self) -> Mapping[str, float]:
        """All parameters by name; the free ones are NaN while there are too few points."""
        with self._lock:
            theta = self._core.theta.tolist()
        found = dict(zip(self._free, theta, strict=True))
        return MappingProxyType(
            {name: found.get(name, self._held.get(name, math.nan)) for name in self._law.parameters}
        )

    @property
    def objective(self) -> float:
        """Sum of rho over the points; NaN while there are too few or the law has no value."""
        with self._lock:
            return self._core.objective

    @property
    def gap(self) -> float:
        """Bound on how far `objective` is above the minimum nearby, for what sums over points lose.

        To leading order in the last step; 0 where every point is evaluated.
        """
        with self._lock:
            return self._core.gap

    @property
    def status(self) -> str:
        """As `Fit.status`, or "waiting" while there are fewer points than free parameters.

        Whether the points determine every parameter is for `fit` to say.
        """
        with self._lock:
            return self._core.status if self._core.started else "waiting"

    @property
    def curve(self) -> Curve:
        """The points so far, those left out excepted.

        Raises
        ------
        ValueError
            If there are none.
        """
        with self._lock:
            steps, losses = self._core.steps, self._core.losses
        return Curve(steps, losses, self._schedule, name="so far")

    def fit(self) -> Fit:
        """Return a full fit to the points so far, from many starts.

        Raises
        ------
        ValueError
            If there are fewer points than free parameters.
        """
        return self._fit_from(None)

    def _fit_from(self, start: Floats | None) -> Fit:
        options, (fixed, bounds) = self._options, self._given
        return fit(
            self._law,
            self.curve,
            loss=options.loss,
            delta=options.delta,
            space=options.space,
            warmup=options.warmup,
            skip_steps=self._first_step,
            starts=None if start is None else [start],
            rng=options.seed,
            threads=None if start is None else 1,
            fixed=fixed,
            bounds=bounds,
        )

    @overload
    def forecast(self, at: None = None) -> float: ...
    @overload
    def forecast(self, at: object) -> Floats: ...
    def forecast(self, at: object = None) -> float | Floats:
        """Forecast by the law with the parameters so far.

        Parameters
        ----------
        at : array-like of int, shape (n,), optional
            Steps of the schedule, in any order; by default the last.

        Returns
        -------
        float, or ndarray of shape (n,) with `at`
            NaN while there are too few points.

        Raises
        ------
        TypeError, ValueError
            For a step outside the schedule.
        """
        steps = [self._schedule.steps - 1] if at is None else self._schedule._asked(at)
        with self._lock:
            params = self.params if self._core.started else None
        if params is not None:
            warmup = self._options.warmup
            losses = predict(self._law, params, self._schedule, steps, warmup=warmup)
        else:
            losses = np.full(len(steps), math.nan)
        return float(losses[0]) if at is None else losses

    def __repr__(self) -> str:
        with self._lock:
            fitted = f"{self.n} points, {self.status}"
            if self._core.started:
                shown = ", ".join(f"{name}={value:.6g}" for name, value in self.params.items())
                fitted += f": {shown}; final loss {self.forecast():.4g}"
        return f"<Forecaster {self._law.name!r}: {fitted}>"


def _number(loss: Any) -> float:
    """Return a loss that is no Python float: another number, missing, or a tensor of one."""
    if loss is None:
        return math.nan
    item = getattr(loss, "item", None)
    value = item() if callable(item) and getattr(loss, "ndim", 0) == 0 else loss
    if isinstance(value, float) and not math.isfinite(value):
        return value
    return real(value, field="loss")


def _check_columns(law: Law) -> None:
    if law.y != "loss":
        raise ValueError(f"law {law.name!r} predicts {law.y!r}; expected a law of the loss")
    for name in law.columns:
        if name not in ("step", "lr"):
            raise ValueError(
                f"law {law.name!r} needs the column {name!r}; a Forecaster knows its schedule "
                "alone, so hold the term's parameters in a law without it"
            )
