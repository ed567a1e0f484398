"""What a training loop's callback stands on: when to read, refit and report, at what cost."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from statistics import median
from typing import Any, Literal

from lawfit._printable import shown
from lawfit._validate import integer, real
from lawfit.alarms import Anomaly
from lawfit.forecast import Forecaster
from lawfit.integrations._guard import Guarded
from lawfit.integrations._losses import keep, read
from lawfit.law import Law
from lawfit.outlook import Forecast
from lawfit.result import Fit
from lawfit.schedule import Schedule

__all__ = ["ANOMALIES", "Tracker"]

# Codes of `lawfit/anomaly`; 0 is none.
ANOMALIES = {"spike": 1, "drift": 2, "divergence": 3, "too good": 4}
# Steps between reports, as a share of the run, unless said otherwise.
REPORTS = 1000
# Losses that wait on a device: beyond, they are read without a report, so that they take no memory.
MOST_KEPT = 1024
# Points that are fitted before it is looked at again how many the time allows.
TAKEN = 16
FORMAT = 1  # of a saved state, counted up when it changes


class Tracker(Guarded):
    """Follows a run from inside its training loop and says, now and then, what loss it ends at.

    It is what the callbacks for frameworks stand on, and serves loops of any other kind: `begin`
    before the first step, `observe` at every step, `report` wherever the loop logs, `finish` after
    the last one.

    The run comes first. A loss on a device is not read when it is observed, which would make the
    loop wait for the device: all since the last report are read in one transfer. What the tracker
    takes is measured (`seconds`), waiting for that transfer included, and it rests while this is
    above its `share` of the time since `begin`. An error inside it becomes one RuntimeWarning and
    ends its work (`error`), not the run. In any process but the main one it does nothing.

    What waits is thinned evenly to what `time_budget` pays for. Then it is the clock that says
    which points are fitted, as with a law that takes milliseconds a point, or with tens of
    thousands of them; annealing and its like take microseconds and get them all until then.

    Parameters
    ----------
    law : Law or str
        As of `lawfit.Forecaster`.
    schedule : Schedule or array-like of float, shape (T,), optional
        The learning rate of every step, to the planned end; by default what `begin` gets.
    every : int, optional
        Steps from one report to the next; by default a thousandth of the schedule.
    target : float, optional
        A loss to forecast the step of, and to compare the final loss with (`out_of_reach`).
    level : float or None
        Of the forecast's interval; None for no interval.
    prior : Fit, optional
        An earlier fit, of a smaller model of the same project say.
    on_error : {"warn", "raise"}
        What an error does, once the tracker is made.
    time_budget : float
        Seconds that one report may take, about.
    share : float
        Of the wall time since `begin`, what the tracker may take in all; 1 for no limit.
    prefix : str
        Of the names of what is reported.
    main_process : bool
        Whether this process is the one that reports.
    **options
        More options of `lawfit.Forecaster`: `fixed`, `bounds`, `skip_steps`, ….

    Raises
    ------
    TypeError, ValueError
        For options without a meaning, a law that is unknown or needs other columns, and a schedule
        that is none. This is before the run, so whatever `on_error` says.

    Examples
    --------
    >>> import lawfit as lf
    >>> from lawfit.integrations import Tracker
    >>> schedule = lf.schedules.cosine(steps=1000, peak=1e-3, warmup=50)
    >>> tracker = Tracker("annealing", schedule, every=100, share=1.0).begin()
    >>> for step in range(1000):
    ...     tracker.observe(step, 2.5 + (step + 1.0) ** -0.5)
    ...     for name, value in tracker.report().items():
    ...         pass  # log it
    >>> sorted(tracker.finish())
    ['lawfit/anomaly', 'lawfit/final_loss', 'lawfit/final_loss_lower', 'lawfit/final_loss_upper']
    """

    def __init__(
        self,
        law: Law | str = "annealing",
        schedule: object = None,
        *,
        every: int | None = None,
        target: float | None = None,
        level: float | None = 0.9,
        prior: Fit | None = None,
        on_error: Literal["warn", "raise"] = "warn",
        time_budget: float = 0.05,
        share: float = 0.01,
        prefix: str = "lawfit/",
        main_process: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(on_error, main_process)
        self.every = None if every is None else integer(every, field="every", lower=1)
        self.target = None if target is None else real(target, field="target")
        self.level = level
        self._time_budget = real(time_budget, field="time_budget", lower=0, strict=True)
        self._share = _share(share)
        self._prefix = _text(prefix)
        self._law = law
        self._options = {"prior": prior, "budget": self._time_budget, **options}
        self._given = schedule if schedule is None else _schedule(schedule)
        self._forecaster_of(self._given or Schedule([1e-3]))  # refuses what makes no sense, now
        self._restart()

    def _forecaster_of(self, schedule: Schedule) -> Forecaster:
        return Forecaster(self._law, schedule, **self._options)

    def _restart(self) -> None:
        super()._restart()
        self.forecaster: Forecaster | None = None
        self.forecast: Forecast | None = None  # the last one that was made
        self.alarm: Anomaly | None = None  # the last anomaly there was
        self.out_of_reach = 0  # reports in a row whose interval is wholly above `target`
        self._began = time.perf_counter()
        self._kept: list[tuple[int, Any]] = []  # observed, perhaps on a device
        self._waiting: list[tuple[int, Any]] = []  # read, not yet fitted
        self._state: Mapping[str, Any] = {}  # loaded before the run began
        self._plan: object = None  # a schedule to go on with
        self._reported = -1  # the step of the last report
        self._per_point = 0.0  # seconds, of the last ones
        self._per_report = 0.0  # seconds of the last report
        self._last: dict[str, float] = {}

    def _give_up(self) -> None:
        self._kept, self._waiting = [], []

    def begin(self, schedule: object = None) -> Tracker:
        """Start with a run's first step, or the first after it was resumed.

        Parameters
        ----------
        schedule : Schedule or array-like of float, shape (T,), or callable, optional
            The framework's; the one that the tracker was made with comes first. A function that
            returns one is called on the tracker's own time, and its errors are the tracker's.

        Returns
        -------
        Tracker
            Itself.
        """
        state = self._state
        self._restart()
        self.guard(lambda: self._begin(schedule, state), None)
        return self

    def _begin(self, schedule: object, state: Mapping[str, Any]) -> None:
        if self._given is None and schedule is None:
            raise ValueError("the tracker has no schedule; give it one, or give `begin` one")
        self.forecaster = self._forecaster_of(self._given or _schedule(schedule))
        if state:
            self._load(state)

    def observe(self, step: int, loss: Any) -> None:
        """Take the loss of a step, to be read later.

        Parameters
        ----------
        step : int
            0-based: t is the update made with the schedule's LR of t, g - 1 where a framework has
            counted g updates.
        loss : float, or a tensor of one element
            A tensor is copied on its device; it is read at the next report, or as one of 1024. NaN
            and infinite losses are left out and counted in `forecaster.skipped`.
        """
        self.guard(lambda: self._observe(step, loss), None)

    def _observe(self, step: int, loss: Any) -> None:
        self._kept.append((step, keep(loss)))
        if len(self._kept) >= MOST_KEPT:
            self._read()

    def report(self, step: int | None = None) -> dict[str, float]:
        """Read, refit and forecast, if that is due.

        Parameters
        ----------
        step : int, optional
            The present one; by default the last observed.

        Returns
        -------
        dict of str to float
            Finite values of

            - ``lawfit/final_loss``, ``lawfit/final_loss_lower``, ``lawfit/final_loss_upper``:
              of the schedule's last step;
            - ``lawfit/eta_step``: the first step to come that reaches `target`, if one does;
            - ``lawfit/anomaly``: 0, or what is wrong with the newest points: 1 for a spike, 2 for a
              drift, 3 for a divergence and 4 for losses that are too good.

            Final loss and step only where points and prior determine them, with finite intervals:
            while the LR is constant they do not tell what a decay will bring, unless there is a
            prior. Nothing at all while nothing is due, there are too few points or an error ended
            the tracker's work, and in any process but the main one.
        """
        return self.guard(lambda: self._report(step), {})

    def finish(self) -> dict[str, float]:
        """Report whatever the cadence and the share say, at the run's end."""
        return self.guard(self._finish, {})

    def _finish(self) -> dict[str, float]:
        self._running()
        self._read()
        news = self._waiting or self._plan is not None or not self._last
        return self._refit() if news else dict(self._last)

    def _report(self, step: int | None) -> dict[str, float]:
        newest = (self._kept or self._waiting or [(self._reported, None)])[-1][0]
        now = newest if step is None else step
        if not self._due(now) or not (self._kept or self._waiting):
            return {}
        self._reported = now
        start = time.perf_counter()
        self._read()
        found = self._refit()
        self._per_report = time.perf_counter() - start
        return found

    def due(self, step: int) -> bool:
        """Say whether a report at a step would be made, so far as cadence and share go."""
        return self.guard(lambda: self._due(step), False)

    def _due(self, step: int) -> bool:
        every = self.every or max(1, self._running().schedule.steps // REPORTS)
        return step - self._reported >= every and self._rested()

    def _rested(self) -> bool:
        """Say whether a report like the last keeps to the share."""
        if self._share == 1:
            return True
        elapsed = time.perf_counter() - self._began
        return self.seconds + self._per_report <= self._share * elapsed

    def _running(self) -> Forecaster:
        if self.forecaster is None:
            raise ValueError("the tracker has not begun; call `begin` before the first step")
        return self.forecaster

    def _read(self) -> None:
        kept, self._kept = self._kept, []
        losses = read([loss for _, loss in kept])
        self._waiting += [(step, loss) for (step, _), loss in zip(kept, losses, strict=True)]

    def _refit(self) -> dict[str, float]:
        forecaster = self._running()
        if self._plan is not None:
            plan, self._plan = self._plan, None
            forecaster.replan(_schedule(plan))
        self._take(forecaster)
        forecast = forecaster.forecast(level=self.level)
        if not math.isfinite(forecast.loss):
            return {}
        self.forecast = forecast
        values: dict[str, Any] = {"final_loss": forecast.loss}
        if self.level is not None:
            ends = {"final_loss_lower": forecast.lower, "final_loss_upper": forecast.upper}
            known = all(map(math.isfinite, ends.values()))
            values = values | ends if known else {}
        if self.target is not None:
            values["eta_step"] = self._reached(forecaster, self.target)
            beyond = self.level is not None and forecast.lower > self.target
            self.out_of_reach = self.out_of_reach + 1 if beyond else 0
        anomaly = forecaster.anomaly
        self.alarm = anomaly or self.alarm
        values["anomaly"] = 0 if anomaly is None else ANOMALIES[anomaly.kind]
        self._last = {
            self._prefix + name: float(value)
            for name, value in values.items()
            if math.isfinite(value)
        }
        return dict(self._last)

    def _reached(self, forecaster: Forecaster, target: float) -> float:
        """Return the step that reaches a loss; NaN for none, or where the forecast is open."""
        step = forecaster.eta(target, self.level or 0.9).step
        if step is None:
            return math.nan
        there = forecaster.forecast([step], self.level).last()
        known = self.level is None or math.isfinite(there.upper)
        return step if known else math.nan

    def _take(self, forecaster: Forecaster) -> None:
        """Fit to what waits: all of it, or evenly what the budget pays for, the newest included."""
        points, self._waiting = self._waiting, []
        ends = time.perf_counter() + self._time_budget
        while points:
            left = ends - time.perf_counter()
            paid = left / self._per_point if self._per_point else math.inf
            stride = math.ceil(len(points) / max(paid, 1.0)) or 1
            points = points[::-1][::stride][::-1]
            took: list[float] = []
            for step, loss in points[:TAKEN]:
                start = time.perf_counter()
                if took and start > ends:
                    break
                forecaster.update(step, loss)
                took.append(time.perf_counter() - start)
            points = points[len(took) :]
            self._per_point = median(took)  # few updates search from many starts

    def replan(self, schedule: object) -> None:
        """Go on with another schedule for the same run, its steps so far included.

        As `begin` takes one; it is looked at when losses are read the next time.
        """
        self._plan = schedule

    def state_dict(self) -> dict[str, Any]:
        """Return the points and the fit so far as plain JSON values, for a checkpoint.

        Reads what is on a device. Empty in any process but the main one, and after an error.
        """
        return self.guard(self._save, {})

    def _save(self) -> dict[str, Any]:
        if self.forecaster is None:
            return dict(self._state)
        self._read()
        return {
            "format": FORMAT,
            "forecaster": self.forecaster.state_dict(),
            "waiting": [[int(step), _json_loss(loss)] for step, loss in self._waiting],
            "reported": self._reported,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned; the run may begin before or after.

        Whatever was observed up to now is forgotten.
        """
        self.guard(lambda: self._load(state), None)

    def _load(self, state: Mapping[str, Any]) -> None:
        if state and state.get("format") != FORMAT:
            raise ValueError(
                f"state of a tracker: 'format' is {shown(state.get('format'))}; expected {FORMAT}"
            )
        if not state or self.forecaster is None:
            self._state = dict(state)
            return
        self.forecaster = self._forecaster_of(self.forecaster.schedule)
        self.forecaster.load_state_dict(state["forecaster"])
        self._kept = []
        self._waiting = [(step, loss) for step, loss in state["waiting"]]
        self._reported = integer(state["reported"], field="reported", lower=-1)

    def __repr__(self) -> str:
        if not self.main_process:
            state = "not the main process"
        elif self.error is not None:
            state = f"off: {self.error}"
        elif self.forecaster is None:
            state = "not begun"
        else:
            state = f"{self.forecaster!r}, {self.seconds:.3g} s"
        return f"<Tracker: {state}>"


def _schedule(schedule: object) -> Schedule:
    schedule = schedule() if callable(schedule) else schedule
    return schedule if isinstance(schedule, Schedule) else Schedule(schedule)


def _share(share: object) -> float:
    part = real(share, field="share", lower=0, strict=True)
    return real(part, field="share", upper=1)


def _text(prefix: object) -> str:
    if not isinstance(prefix, str):
        raise TypeError(f"prefix is {shown(prefix)}; expected a string")
    return prefix


def _json_loss(loss: Any) -> float | None:
    number = math.nan if loss is None else float(loss)
    return number if math.isfinite(number) else None
