"""Forecasts inside a training loop: a law refitted at every point that is logged."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal, Self

import numpy as np

from lawfit._keywords import known_keywords
from lawfit._points import Setting, read_setting
from lawfit._record import Record
from lawfit._refit import UNREAD, WANTS_START, Refitter, refitter, replayed
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
from lawfit.alarms import Anomaly, find_anomaly
from lawfit.conventions import Warmup
from lawfit.curve import Curve
from lawfit.fit import fit
from lawfit.law import Law
from lawfit.outlook import Forecast, Outlook, look
from lawfit.plans import DecayPlan, Eta, best_decay, eta
from lawfit.result import Fit
from lawfit.saved import plain
from lawfit.schedule import Schedule
from lawfit.schedules import Decay

__all__ = ["Forecaster"]

MODES = ("exact", "anchored")
# An objective lower by less than this share is the same minimum.
SAME = 1e-9
# Standard deviation of the law's own error, as a share of the change still to come, and how far
# another run's parameters may be off, as a share of them: with these, intervals hold over replays
# of real runs (bench/replay.py).
LAW_ERROR = 0.2
SPREAD = 0.2
STATE = 1  # format of a saved state, counted up when it changes
STATE_KEYS = ("format", "law", "steps", "losses", "theta", "last_step", "skipped")


class Forecaster:
    """A law fitted to a run that is still training, refitted at every point it logs.

    The parameters are followed from point to point, so they stay in the minimum they are in. To
    leave a wrong one that early points led to, a full fit from many starts is made with as many
    points as free parameters and again whenever the points have doubled; where it is lower, it is
    followed from there on.

    Laws that are sums of powers of S1, with S2 or not and λ held, as annealing is, take
    microseconds a point. Others are solved in full at every point, which takes milliseconds. What
    is asked of the points (`forecast`, `eta`, `best_decay`, `anomaly`) takes a millisecond for a
    thousand of them. Threads may share a forecaster: a call waits for one that another thread is
    at. It does not pickle: a checkpoint keeps its `state_dict`.

    Parameters
    ----------
    law : Law or str
        A law of the schedule, or of `step` and `lr`, alone: a run's size is not known here.
    schedule : Schedule or array-like of float, shape (T,)
        The learning rate of every step, to the planned end.
    prior : Fit, optional
        An earlier fit of the same law, say to runs of a smaller model. Its parameters, give or take
        `prior_spread` of each and their own errors, are one more piece of evidence beside the
        points: forecasts rest on it where these say little, and `Forecast.prior_share` says how
        much. `params` and `objective` are the points' alone.
    prior_spread : float or mapping of str to float
        Standard deviation of a parameter from one run to another, as a share of it; of all, or by
        name.
    law_error : float
        Standard deviation of the law's own error, as a share of the change still to come; 0 takes
        the law at its word.
    mode : {"exact", "anchored"}
        "exact": the objective is within 1e-12, relatively, of that of a full solve from there.
        "anchored": an update takes time that does not grow with the points. Points near a kink of
        Huber's function stay on the side where an earlier update, the anchor, had them; `gap`
        bounds what that costs, and is really far below the bound. Where it exceeds 1e-4 of the
        objective there is a new anchor, but only every 128 points and every 1/64 of them.
        Only for laws that take microseconds.
    budget : float, optional
        Seconds that a full fit within an update may take; what it found by then is judged.
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
        prior: Fit | None = None,
        prior_spread: float | Mapping[str, float] = SPREAD,
        law_error: float = LAW_ERROR,
        mode: Literal["exact", "anchored"] = "exact",
        budget: float | None = None,
        loss: str | None = None,
        delta: float | None = None,
        space: str | None = None,
        fixed: Mapping[str, float | None] | None = None,
        bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
        warmup: Warmup | None = None,
        skip_steps: int | None = None,
        rng: Any = 0,
    ) -> None:
        self._setting = read_setting(
            law,
            schedule,
            prior=prior,
            prior_spread=prior_spread,
            law_error=law_error,
            fixed=fixed,
            bounds=bounds,
            loss=loss,
            delta=delta,
            space=space,
            warmup=warmup,
            skip_steps=skip_steps,
            rng=rng,
        )
        self._mode = choose(mode, MODES, field="mode")
        self._budget = None if budget is None else real(budget, field="budget", lower=0)
        self._given = dict(fixed or {}), dict(bounds or {})
        self._lock = threading.RLock()  # of the core, which is one thread's at a time
        self._core = self._refitter(self._setting)
        self._miscounted = 0  # losses that the core counts as skipped, and were none of the run's

    def _refitter(self, setting: Setting) -> Refitter:
        return refitter(
            setting,
            anchored=self._mode == "anchored",
            first_step=_first_step(setting),
            solve=self._fit_from,
        )

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
        last = self.schedule.steps - 1
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
        found = self._fit_from(None, self._budget)
        here = self._core.objective
        lower = not found.objective >= here * (1 - SAME)  # also where nothing is followed: NaN
        if math.isfinite(found.objective) and lower:
            self._core.start([found.params[name] for name in self._setting.free])
        else:
            self._core.decline_start()

    @property
    def law(self) -> Law:
        """The law."""
        return self._setting.law

    @property
    def schedule(self) -> Schedule:
        """The schedule of the whole run."""
        return self._setting.schedule

    @property
    def n(self) -> int:
        """Points that the parameters are fitted to."""
        with self._lock:
            return self._core.n

    @property
    def skipped(self) -> int:
        """Points left out because their loss was NaN or infinite."""
        with self._lock:
            return self._core.skipped - self._miscounted

    @property
    def params(self) -> Mapping[str, float]:
        """All parameters by name; the free ones are NaN while there are too few points."""
        with self._lock:
            theta = self._core.theta
        return MappingProxyType(self._setting.with_free(theta))

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
        return Curve(steps, losses, self.schedule, name="so far")

    def fit(self) -> Fit:
        """Return a full fit to the points so far, from many starts, without the prior.

        Raises
        ------
        ValueError
            If there are fewer points than free parameters.
        """
        return self._fit_from(None)

    def _fit_from(self, start: Floats | None, timeout: float | None = None) -> Fit:
        options, (fixed, bounds) = self._setting.options, self._given
        return fit(
            self.law,
            self.curve,
            loss=options.loss,
            delta=options.delta,
            space=options.space,
            warmup=options.warmup,
            skip_steps=_first_step(self._setting),
            starts=None if start is None else [start],
            rng=options.seed,
            threads=None if start is None else 1,
            fixed=fixed,
            bounds=bounds,
            timeout=timeout,
        )

    def forecast(
        self,
        at: object = None,
        level: float | None = 0.9,
        *,
        schedule: Schedule | None = None,
    ) -> Forecast:
        """Forecast losses that the run will log.

        The interval is the delta method's, of Student's t, for the parameters' covariance, noise
        that remembers (AR(1)) and the law's own error (`law_error`).

        Parameters
        ----------
        at : array-like of int, shape (n,), optional
            Steps of the schedule, in any order; by default the last.
        level : float, optional
            Share of such intervals that hold what will be logged; None asks for none.
        schedule : Schedule, optional
            Another plan than the run's own, which stays as it is: what if?

        Returns
        -------
        Forecast
            Of numbers, or of arrays of shape (n,) with `at`.

        Raises
        ------
        TypeError, ValueError
            For a step outside the schedule, or a level not within (0, 1).
        """
        plan = self.schedule if schedule is None else schedule
        if not isinstance(plan, Schedule):
            raise TypeError(f"schedule is a {type(plan).__name__}; expected a Schedule")
        steps = np.array([plan.steps - 1]) if at is None else plan._asked(at)
        outlook = self._outlook()
        if outlook is None:
            nothing = np.full(len(steps), math.nan)
            free, n = self._setting.free, self.n
            whole = Forecast(steps, nothing, nothing, nothing, level, np.zeros(len(steps)), free, n)
        else:
            whole = outlook.at(steps, level, plan)
        return whole.last() if at is None else whole

    def _outlook(self) -> Outlook | None:
        """Return what there is to say, or None where that is nothing."""
        with self._lock:
            curve = self.curve if self._core.n else None
            theta, last = self._core.theta, self._core.last_step
        setting = self._setting
        if setting.prior is None and not (curve and np.all(np.isfinite(theta))):
            return None
        start = theta if setting.prior is None else setting.prior.mean
        return look(setting, curve, start, last if curve is None else int(curve.steps[-1]))

    def eta(self, loss: float, level: float = 0.9) -> Eta:
        """Return when the forecast reaches a loss, or that it never does.

        Parameters
        ----------
        loss : float
        level : float
            Of the interval of the forecast: its lower end gets there first, its upper end last.

        Raises
        ------
        TypeError, ValueError
            For a loss that is no number, or while there are too few points.
        """
        return eta(self._known("eta"), loss, level)

    def best_decay(
        self,
        total_steps: int | None = None,
        *,
        shape: Decay = "linear",
        end: float | None = None,
        level: float = 0.9,
    ) -> DecayPlan:
        """Return from which step on to decay the learning rate for the lowest final loss.

        Until then it stays as it is at the next step.

        Parameters
        ----------
        total_steps : int, optional
            Steps of the run; by default the schedule's.
        shape : {"linear", "exponential", "1-sqrt", "cosine"}
            Of the decay, as of `lawfit.schedules.wsd`.
        end : float, optional
            Rate it ends at; by default the schedule's last one where that is lower, else 0.
        level : float
            Of the final loss's interval.

        Raises
        ------
        TypeError, ValueError
            Where the points and the prior leave open what a decay does, naming the parameters;
            where the rate is 0 already; for options without a meaning.
        """
        return best_decay(self._known("best_decay"), total_steps, shape=shape, end=end, level=level)

    def _known(self, asked: str) -> Outlook:
        outlook = self._outlook()
        if outlook is None:
            wanted = len(self._setting.free)
            raise ValueError(
                f"{asked}: nothing is known yet with {self.n} points; expected {wanted} or a prior"
            )
        return outlook

    @property
    def anomaly(self) -> Anomaly | None:
        """What is wrong with the newest points, by a forecast from those before; None if nothing.

        The newest are a tenth of all, from 5 to 200; before them there must be 20, and 3 a
        parameter. Losses without a value are in `skipped`.
        """
        with self._lock:
            if not self._core.n:
                return None
            curve, theta = self.curve, self._core.theta
        if not np.all(np.isfinite(theta)):
            return None
        return find_anomaly(self._setting, curve, theta)

    def replan(self, schedule: object) -> Self:
        """Go on with another schedule: a longer run, or another decay.

        The points stay, and so do the parameters where the schedules agree so far.

        Raises
        ------
        TypeError, ValueError
            For a schedule that ends before the last point; nothing has changed then.
        """
        plan = schedule if isinstance(schedule, Schedule) else Schedule(schedule)
        with self._lock:
            last = self._core.last_step
            if last >= plan.steps:
                raise ValueError(
                    f"the schedule ends at step {plan.steps - 1}, before the last point's, {last}"
                )
            setting = replace(self._setting, schedule=plan)
            core = self._refitter(setting)
            skipped = self.skipped
            found = self._core.steps, self._core.losses, self._core.theta
            self._setting, before = setting, self._setting
            try:
                counted = replayed(core, *found, last_step=last)
            except ValueError:
                self._setting = before
                raise
            self._core, self._miscounted = core, counted - skipped
        return self

    def state_dict(self) -> dict[str, Any]:
        """Return the points and the parameters as plain JSON values, for a checkpoint."""
        with self._lock:
            core = self._core
            state = {
                "format": STATE,
                "law": self.law.name,
                "steps": core.steps,
                "losses": core.losses,
                "theta": core.theta,
                "last_step": core.last_step + 1,  # a count, as a whole number from 0
                "skipped": self.skipped,
            }
        return {name: plain(value) for name, value in state.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> Self:
        """Take the points and parameters that `state_dict` gave, instead of those there are.

        Raises
        ------
        TypeError, ValueError
            For what is no such state, or one of another law, naming the key; nothing has changed
            then.
        """
        record = Record(state, "state", STATE_KEYS)
        if record.integer("format") != STATE:
            raise ValueError(f"state: 'format' is {record.integer('format')}; this reads {STATE}")
        if record.text("law") != self.law.name:
            raise ValueError(f"state: 'law' is {record.text('law')!r}; expected {self.law.name!r}")
        theta = record.reals("theta")
        if theta.size != len(self._setting.free):
            raise ValueError(f"state: 'theta' has {theta.size}; expected {self._setting.free}")
        steps = step_array(record.items("steps"), source="state")
        losses = record.reals("losses")
        same_length("state", step=steps, loss=losses)
        last = record.integer("last_step") - 1
        with self._lock:
            core = self._refitter(self._setting)
            previous, self._core = self._core, core
            try:
                counted = replayed(core, steps, losses, theta, last_step=last)
            except ValueError:
                self._core = previous
                raise
            self._miscounted = counted - record.integer("skipped")
        return self

    def __repr__(self) -> str:
        with self._lock:
            fitted = f"{self.n} points, {self.status}"
            if self._core.started:
                shown = ", ".join(f"{name}={value:.6g}" for name, value in self.params.items())
                fitted += f": {shown}; final loss {self.forecast(level=None)}"
        return f"<Forecaster {self.law.name!r}: {fitted}>"


def _first_step(setting: Setting) -> int:
    skip = setting.options.skip_steps
    return setting.schedule.warmup if skip is None else skip


def _number(loss: Any) -> float:
    """Return a loss that is no Python float: another number, missing, or a tensor of one."""
    if loss is None:
        return math.nan
    item = getattr(loss, "item", None)
    value = item() if callable(item) and getattr(loss, "ndim", 0) == 0 else loss
    if isinstance(value, float) and not math.isfinite(value):
        return value
    return real(value, field="loss")
