"""Forecasts inside a training loop: a law refitted at every point that is logged."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal, NoReturn, Self

import numpy as np

from lawfit._keywords import known_keywords
from lawfit._locks import renew_in_children
from lawfit._points import read_setting
from lawfit._refit import REFITTED, fit_in_full
from lawfit._run import Run, Seen, read_state
from lawfit.alarms import Anomaly
from lawfit.conventions import Warmup
from lawfit.curve import Curve
from lawfit.law import Law
from lawfit.outlook import Forecast, Outlook, nothing_known
from lawfit.plans import DecayPlan, Eta, best_decay, eta
from lawfit.result import Fit
from lawfit.schedule import Schedule
from lawfit.schedules import Decay

__all__ = ["Forecaster"]

# Standard deviation of the law's own error, as a share of the change still to come, and how far
# another run's parameters may be off, as a share of them: with these, intervals hold over replays
# of real runs (bench/replay.py).
LAW_ERROR = 0.2
SPREAD = 0.2


class Forecaster:
    """A law fitted to a run that is still training, refitted at every point it logs.

    The parameters are followed from point to point, so they stay in the minimum they are in. To
    leave a wrong one that early points led to, a full fit from many starts is made with as many
    points as free parameters and again whenever the points have doubled; where it is lower, it is
    followed from there on.

    Laws that are sums of powers of S1, with S2 or not and λ held, as annealing is, take
    microseconds a point. Others are solved in full at every point, which takes milliseconds. What
    is asked of the points (`forecast`, `eta`, `best_decay`, `anomaly`) takes a millisecond for a
    thousand of them. Threads may share a forecaster: an update waits for one that another thread is
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
        much. What the law holds, as λ, is held where the fit has it. `params` and `objective` are
        the points' alone.
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
        setting = read_setting(
            law,
            schedule,
            prior=prior,
            prior_spread=prior_spread,
            law_error=law_error,
            mode=mode,
            budget=budget,
            fixed=fixed,
            bounds=bounds,
            loss=loss,
            delta=delta,
            space=space,
            warmup=warmup,
            skip_steps=skip_steps,
            rng=rng,
        )
        self._run = Run(setting)
        self._lock: threading.RLock  # of the run, which is one thread's at a time
        renew_in_children(self)

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
            run = self._run
            taken = run.core.update(step, loss)  # at once: what is between counts
            if taken != REFITTED:
                run.settle(taken, step, loss)
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
        with self._lock:
            self._run.update_many(steps, losses)
        return self

    @property
    def law(self) -> Law:
        """The law."""
        return self._run.setting.law

    @property
    def schedule(self) -> Schedule:
        """The schedule of the whole run."""
        return self._run.setting.schedule

    @property
    def n(self) -> int:
        """Points that the parameters are fitted to."""
        with self._lock:
            return self._run.core.n

    @property
    def skipped(self) -> int:
        """Points left out because their loss was NaN or infinite."""
        with self._lock:
            return self._run.skipped

    @property
    def params(self) -> Mapping[str, float]:
        """All parameters by name; the free ones are NaN while there are too few points."""
        with self._lock:
            run = self._run
            return MappingProxyType(run.setting.with_free(run.core.theta))

    @property
    def objective(self) -> float:
        """Sum of rho over the points; NaN while there are too few or the law has no value."""
        with self._lock:
            return self._run.core.objective

    @property
    def gap(self) -> float:
        """Bound on how far `objective` is above the minimum nearby, for what sums over points lose.

        To leading order in the last step; 0 where every point is evaluated.
        """
        with self._lock:
            return self._run.core.gap

    @property
    def status(self) -> str:
        """As `Fit.status`, or "waiting" while there are fewer points than free parameters.

        Whether the points determine every parameter is for `fit` to say.
        """
        with self._lock:
            core = self._run.core
            return core.status if core.started else "waiting"

    @property
    def curve(self) -> Curve:
        """The points so far, those left out excepted.

        Raises
        ------
        ValueError
            If there are none.
        """
        with self._lock:
            return self._run.curve

    def fit(self) -> Fit:
        """Return a full fit to the points so far, from many starts, without the prior.

        Raises
        ------
        ValueError
            If there are fewer points than free parameters.
        """
        with self._lock:
            setting, curve = self._run.setting, self._run.curve
        return fit_in_full(setting, curve)

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
        if schedule is not None and not isinstance(schedule, Schedule):
            raise TypeError(f"schedule is a {type(schedule).__name__}; expected a Schedule")
        seen = self._seen
        plan = schedule or seen.setting.schedule
        steps = np.array([plan.steps - 1]) if at is None else plan._asked(at)
        outlook = seen.outlook()
        if outlook is None:
            whole = nothing_known(seen.setting.free, steps, level, seen.n)
        else:
            whole = outlook.at(steps, level, plan)
        return whole.last() if at is None else whole

    @property
    def _seen(self) -> Seen:
        with self._lock:
            return self._run.seen

    def eta(self, loss: float, level: float = 0.9) -> Eta:
        """Return when the forecast reaches a loss, or that it never does.

        Among more than 65536 steps to come, a dip shorter than such a share of them may be missed.

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

        Until then it stays as it is at the last step taken, or at the warm-up's end.

        Parameters
        ----------
        total_steps : int, optional
            Steps of the run; by default the schedule's. At most 1e8 for a schedule that is an
            array.
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
        seen = self._seen
        outlook = seen.outlook()
        if outlook is None:
            wanted = len(seen.setting.free)
            raise ValueError(
                f"{asked}: nothing is known yet with {seen.n} points; expected {wanted} or a prior"
            )
        return outlook

    @property
    def anomaly(self) -> Anomaly | None:
        """What is wrong with the newest points, by a forecast from those before; None if nothing.

        The newest are a tenth of all, from 5 to 200; before them there must be 20, and 3 a
        parameter. Where the learning rate rose again there must be 20 since, and a quarter of those
        before; where it fell at once, all but a loss above those before waits for as many. Losses
        without a value are in `skipped`.
        """
        return self._seen.anomaly()

    def replan(self, schedule: object) -> Self:
        """Go on with another schedule: a longer run, or another decay.

        The points stay, but for those within a longer warm-up, and so do the parameters where the
        schedules agree so far.

        Raises
        ------
        TypeError, ValueError
            For a schedule that ends before the last point, or with which the law has no value at
            one; nothing has changed then.
        """
        plan = schedule if isinstance(schedule, Schedule) else Schedule(schedule)
        with self._lock:
            last = self._run.core.last_step
            if last >= plan.steps:
                raise ValueError(
                    f"the schedule ends at step {plan.steps - 1}, before the last point's, {last}"
                )
            self._run = Run.resumed(replace(self._run.setting, schedule=plan), self._run.state)
        return self

    def state_dict(self) -> dict[str, Any]:
        """Return the points and the parameters as plain JSON values, for a checkpoint."""
        with self._lock:
            return self._run.state.to_dict(self._run.setting)

    def load_state_dict(self, state: Mapping[str, Any]) -> Self:
        """Take the points and parameters that `state_dict` gave, instead of those there are.

        The schedule and the options are not in it: they are this forecaster's.

        Raises
        ------
        TypeError, ValueError
            For what is no such state, or one of another law, naming the key; nothing has changed
            then.
        """
        with self._lock:
            setting = self._run.setting
            self._run = Run.resumed(setting, read_state(state, setting))
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Forecaster does not pickle; keep its state_dict()")

    def __repr__(self) -> str:
        with self._lock:
            fitted = f"{self.n} points, {self.status}"
            if self._run.core.started:
                shown = ", ".join(f"{name}={value:.6g}" for name, value in self.params.items())
                fitted += f": {shown}; final loss {self.forecast(level=None)}"
        return f"<Forecaster {self.law.name!r}: {fitted}>"
