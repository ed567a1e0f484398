"""A log that is followed: its points, a forecast of the run, and what there is to say of it."""

from __future__ import annotations

import math
import os
from collections import deque
from dataclasses import replace
from typing import Final

import numpy as np

from lawfit import schedules
from lawfit.forecast import Forecaster
from lawfit.io.log import Log, Series
from lawfit.io.rates import disagreement, schedule_of_rates
from lawfit.law import Law
from lawfit.options import read_law
from lawfit.outlook import Forecast
from lawfit.plans import DecayPlan, Eta
from lawfit.result import Fit
from lawfit.schedule import Schedule
from lawfit.watch_state import Ahead, Alarm, State

__all__ = ["NoPlan", "Watch"]

AHEAD: Final = 200  # steps still to come that a picture shows
JUDGED: Final = 50  # newest points of a read that are each held against those before
ALARMS: Final = 100  # kept
HELD: Final = 1 - 1e-6  # of the highest rate counts as it: schedules are rounded
DECAY_AGAIN: Final = 1.05  # the best decay is sought again when there are so many times more points


class NoPlan(ValueError):  # noqa: N818 - read as a sentence where it is caught
    """How long the run will be is not known."""


class Watch:
    """Follows a log: every `refresh` reads what is new and forecasts anew.

    Parameters
    ----------
    log : path-like
        As of `lawfit.io.open_log`; it may come later.
    law : Law or str
    schedule : Schedule, optional
        The plan. Without it, the log's learning rate so far, as `read_curves` joins its points, and
        from there on its last value.
    total_steps : int, optional
        Length of the run without a schedule, where the log does not say it.
    loss, step : str, optional
        Names in the log, where they are not plain.
    one_based : bool
        The log counts updates done.
    target : float, optional
        A loss, to be told when it is reached.
    level : float
        Of the intervals.
    prior : Fit, optional
        As of `Forecaster`.

    Raises
    ------
    TypeError, ValueError
        For a law or a prior that a `Forecaster` refuses.
    """

    def __init__(
        self,
        log: str | os.PathLike[str],
        law: Law | str = "annealing",
        *,
        schedule: Schedule | None = None,
        total_steps: int | None = None,
        loss: str | None = None,
        step: str | None = None,
        one_based: bool = False,
        target: float | None = None,
        level: float = 0.9,
        prior: Fit | None = None,
    ) -> None:
        self._law = read_law(law)
        self._log = Log(log, step=step, loss=loss, one_based=one_based)
        self._given = schedule
        self._total = total_steps
        self._target = target
        self._level = level
        self._prior = prior
        self._last: State | None = None
        self._contradiction = ""
        self._rates_seen = 0
        # What can't be forecast by is refused before there is a log.
        Forecaster(self._law, schedule or schedules.constant(steps=2, peak=1.0), prior=prior)
        self._forget()

    def _forget(self) -> None:
        """Drop all that rests on the log's points."""
        self._forecaster: Forecaster | None = None
        self._taken = 0  # points the forecaster has
        self._alarms: deque[Alarm] = deque(maxlen=ALARMS)
        self._judged = False  # whether an alarm was looked for at the last point
        self._decay: DecayPlan | None = None
        self._decay_points = 0
        self._undecided = ""

    def refresh(self) -> State:
        """Read what is new, and say how things are.

        Raises
        ------
        NoPlan
            If there is neither a schedule nor a length of the run.
        ValueError
            For what no log holds, naming file, place and value.
        OSError
            If it can't be read.
        """
        restarts, title = self._log.restarts, self._log.title
        last, self._last = self._last, None  # what is refused below is refused again
        new = self._log.read()
        if self._log.restarts != restarts:
            self._forget()
        elif not new and last is not None and title == self._log.title:
            self._last = replace(last, notes=self._notes())
            return self._last
        self._follow()
        self._last = self._state()
        return self._last

    def check_whole(self) -> None:
        """Refuse a log without any loss, now that nothing more will come."""
        self._log.refuse_missing()

    def _plan(self) -> Schedule | None:
        """Return the plan as far as it is known: None while no learning rate above 0 is."""
        if self._given is not None:
            self._check_end("schedule", self._given.steps, self._log.losses)
            self._compare(self._given)
            return self._given
        total = self._total or self._log.total
        if total is None:
            if self._log.title is None or self._log.last_step < 0:
                return None
            raise NoPlan(f"{self._log.source}: how long the run will be is not known")
        self._check_end("run", total, self._log.losses, self._log.rates)
        if not self._needs_rates:
            return schedules.constant(steps=total, peak=1.0)
        rates = self._log.rates
        if not any(rates.values):  # as at the first step of a ramp
            return None
        forecaster = self._forecaster
        if forecaster is not None and rates.first_new == len(rates.steps) == self._rates_seen:
            return forecaster.schedule
        try:
            plan = schedule_of_rates(
                np.array(rates.steps, np.int64), np.array(rates.values, float), total=total
            ).schedule
        except ValueError as error:
            raise ValueError(f"{self._log.source}: {error}") from None
        self._see_rates()
        return plan

    def _see_rates(self) -> None:
        self._log.rates.seen()
        self._rates_seen = len(self._log.rates.steps)

    def _check_end(self, what: str, total: int, *logged: Series) -> None:
        """Refuse a log that goes on after the end."""
        last = max((series.steps[-1] for series in logged if series.steps), default=-1)
        if last >= total:
            hint = "; one_based=True if the log counts updates done" if last == total else ""
            raise ValueError(
                f"{self._log.source}: step {last} is beyond the {what}, which ends at step "
                f"{total - 1}{hint}"
            )

    @property
    def _needs_rates(self) -> bool:
        return self._law.uses_schedule or "lr" in self._law.columns

    def _compare(self, plan: Schedule) -> None:
        """Hold the log's learning rates against the plan's, give or take a step."""
        rates = self._log.rates
        first = rates.first_new
        if first < self._rates_seen:  # what was off may be superseded
            first, self._contradiction = 0, ""
        steps = np.array(rates.steps[first:], dtype=np.int64)
        logged = np.array(rates.values[first:])
        self._see_rates()
        off = "" if self._contradiction else disagreement(plan, steps, logged)
        if off:
            self._contradiction = f"{off}: forecasts are of the schedule"

    def _follow(self) -> None:
        """Hand the points that are new to the forecaster."""
        plan = self._plan()
        losses = self._log.losses
        forecaster = self._forecaster
        if plan is None or not losses.steps:
            self._forget()
            return
        first = losses.first_new
        if forecaster is None or first < self._taken or plan.warmup != forecaster.schedule.warmup:
            self._forget()
            forecaster = self._forecaster = Forecaster(self._law, plan, prior=self._prior)
            first = 0
        elif plan is not forecaster.schedule:
            forecaster.replan(plan)
        for k in range(first, len(losses.steps)):
            self._take(forecaster, losses.steps[k], losses.values[k], k + JUDGED)
        losses.seen()
        self._taken = len(losses.steps)
        self._advise(forecaster)

    def _take(self, forecaster: Forecaster, step: int, loss: float, until: int) -> None:
        try:
            forecaster.update(step, loss)
        except (TypeError, ValueError) as error:
            self._forget()
            raise ValueError(f"{self._log.source}: {error}") from None
        if until < len(self._log.losses.steps):
            self._judged = False
            return
        if not math.isfinite(loss):
            return
        anomaly = forecaster.anomaly
        newest = self._alarms[0] if self._alarms and self._judged else None
        self._judged = anomaly is not None
        if anomaly is None:
            return
        since = anomaly.step
        if newest is not None and newest.anomaly.kind == anomaly.kind:
            since = self._alarms.popleft().since
        self._alarms.appendleft(Alarm(since, anomaly))

    def _advise(self, forecaster: Forecaster) -> None:
        """Seek the best decay, while the learning rate is at its highest."""
        if forecaster.status == "waiting" or not self._law.uses_schedule:
            return
        plan = forecaster.schedule
        last = self._log.losses.steps[-1]
        if last + 2 >= plan.steps or plan.at([last])[0] < HELD * plan.peak:
            self._decay, self._undecided = None, ""
            return
        if forecaster.n < DECAY_AGAIN * self._decay_points:
            return
        self._decay_points, self._undecided = forecaster.n, ""
        try:
            self._decay = forecaster.best_decay(level=self._level)
        except ValueError as error:  # where the points leave it open
            self._decay, self._undecided = None, str(error)

    def _state(self) -> State:
        log, forecaster = self._log, self._forecaster
        plan = forecaster.schedule if forecaster else self._given
        total = plan.steps if plan else self._total or log.total or 0
        final, waiting = self._final()
        known = forecaster is not None and final is not None
        guessed = None
        if self._given is None and self._needs_rates and log.rates.steps:
            guessed = log.rates.steps[-1] if log.rates.steps[-1] + 1 < total else None
        reached = self._reached()
        return State(
            source=log.source,
            title=log.title or "",
            law=self._law.name,
            steps=np.array(log.losses.steps, dtype=np.int64),
            losses=np.array(log.losses.values, dtype=np.float64),
            skipped=forecaster.skipped if forecaster else 0,
            fitted=forecaster.n if forecaster else 0,
            step=log.last_step,
            total=total,
            guessed_from=guessed,
            final=final,
            ahead=self._ahead(forecaster) if forecaster and known else None,
            reached=reached,
            eta=self._eta(forecaster) if forecaster and known and reached is None else None,
            decay=self._decay,
            alarms=tuple(self._alarms),
            waiting=waiting,
            notes=self._notes(),
        )

    def _notes(self) -> tuple[str, ...]:
        return (*filter(None, (self._contradiction, self._undecided)), *self._log.notes())

    def _final(self) -> tuple[Forecast | None, str]:
        """Return the forecast of the end, or why there is none."""
        forecaster, log = self._forecaster, self._log
        if forecaster is None:
            if log.title is None:
                return None, "no log yet"
            if not log.losses.steps:
                return None, "no loss yet"
            has = "none above 0" if log.rates.steps else "none"
            return None, f"no learning rate yet: the log has {has} so far, and no schedule is given"
        forecast = forecaster.forecast(level=self._level)
        if math.isfinite(float(forecast.loss)):
            return forecast, ""
        needed = len([value for value in forecaster.params.values() if math.isnan(value)])
        if forecaster.n < needed:
            after = forecaster.schedule.warmup
            where = f" after the warm-up's {after} steps" if after else ""
            return None, f"{forecaster.n} of the {needed} points needed{where}"
        return None, "the law has no value there"

    def _ahead(self, forecaster: Forecaster) -> Ahead | None:
        last = forecaster.schedule.steps - 1
        begin = self._log.losses.steps[-1]
        if begin >= last:
            return None
        steps = np.unique(np.linspace(begin, last, AHEAD).astype(np.int64))
        found = forecaster.forecast(steps, self._level)
        return Ahead(steps, *(np.asarray(x) for x in (found.loss, found.lower, found.upper)))

    def _reached(self) -> int | None:
        """Return the first step whose loss was no higher than the target."""
        if self._target is None:
            return None
        losses = self._log.losses
        logged = zip(losses.steps, losses.values, strict=True)
        return next((step for step, loss in logged if -math.inf < loss <= self._target), None)

    def _eta(self, forecaster: Forecaster) -> Eta | None:
        return None if self._target is None else forecaster.eta(self._target, self._level)
