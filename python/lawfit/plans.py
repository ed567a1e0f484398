"""When a loss is reached, and when to decay: questions to an outlook about steps still to come."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lawfit._validate import Floats, Ints, integer, real
from lawfit.outlook import Forecast, Outlook, read_level
from lawfit.pieces import MAX_STEPS
from lawfit.schedule import Schedule
from lawfit.schedules import Decay, wsd

__all__ = ["DecayPlan", "Eta", "best_decay", "eta", "refined_start", "tried_starts", "window"]

BLOCK = 65536  # steps that are forecast together; of more to come, evenly spaced ones first
MOST_DENSE = 10**8  # steps of a schedule that is an array
STARTS = 33  # of the decay, tried first
FINEST = 1000  # the best one is found to this part of the steps


@dataclass(frozen=True, slots=True)
class Eta:
    """When a loss is reached.

    Attributes
    ----------
    target : float
    step : int or None
        The first step to come at which the forecast is no higher; None: never within the schedule.
    earliest, latest : int or None
        The same of the interval's lower and upper ends.
    level : float
    """

    target: float
    step: int | None
    earliest: int | None
    latest: int | None
    level: float

    def __str__(self) -> str:
        if self.step is None:
            least = "" if self.earliest is None else f"; at the earliest at step {self.earliest}"
            return f"{self.target:g} is never reached{least}"
        latest = "never" if self.latest is None else f"step {self.latest}"
        return f"{self.target:g} at step {self.step} (step {self.earliest} to {latest})"


@dataclass(frozen=True, slots=True)
class DecayPlan:
    """The decay of the learning rate that ends at the lowest loss.

    Attributes
    ----------
    start : int
        First step of the decay.
    loss, lower, upper : float
        Forecast of the last step's loss, with its interval.
    level : float
    window : (int, int)
        Starts from which the loss ends within the noise of one measurement of the lowest.
    schedule : Schedule
        The whole run's, past steps included.
    """

    start: int
    loss: float
    lower: float
    upper: float
    level: float
    window: tuple[int, int]
    schedule: Schedule

    def __str__(self) -> str:
        return (
            f"decay from step {self.start} (anywhere from {self.window[0]} to {self.window[1]} "
            f"does) to end at {self.loss:.4g} "
            f"({100 * self.level:g} %: {self.lower:.4g} to {self.upper:.4g})"
        )


def eta(outlook: Outlook, target: object, level: float) -> Eta:
    """Return when a loss is reached; see `Forecaster.eta`."""
    wanted, level = real(target, field="loss"), read_level(level)
    found = {
        name: _first_reached(outlook, wanted, level, end)
        for name, end in (("step", "loss"), ("earliest", "lower"), ("latest", "upper"))
    }
    return Eta(wanted, level=level, **found)


def _first_reached(outlook: Outlook, wanted: float, level: float, end: str) -> int | None:
    """Return the first step to come where this end of the forecast is no higher."""
    low, high = outlook.last_step + 1, outlook.setting.schedule.steps
    while low < high:
        steps = np.unique(np.linspace(low, high - 1, min(high - low, BLOCK)).astype(np.int64))
        reached = np.flatnonzero(getattr(outlook.at(steps, level), end) <= wanted)
        if not reached.size:
            return None
        k, every = int(reached[0]), steps.size == high - low
        if every or k == 0:
            return int(steps[k])
        low, high = int(steps[k - 1]) + 1, int(steps[k]) + 1
    return None


def best_decay(
    outlook: Outlook, total_steps: object, *, shape: Decay, end: object, level: float
) -> DecayPlan:
    """Return the decay with the lowest final loss; see `Forecaster.best_decay`."""
    level = read_level(level)
    plan = outlook.setting.schedule
    first = max(outlook.last_step + 1, plan.warmup + 1)
    total = plan.steps if total_steps is None else total_steps
    total = integer(
        total, field="total_steps", lower=first + 1, upper=MAX_STEPS if plan._pieces else MOST_DENSE
    )
    held = float(plan.at([min(first, plan.steps) - 1])[0])
    if held == 0:
        raise ValueError(f"best_decay: the learning rate is 0 already at step {first - 1}")
    lowest = float(plan.at([plan.steps - 1])[0])
    default = lowest if lowest < held else 0.0
    least = default if end is None else real(end, field="end", lower=0, upper=held)

    known = min(first, plan.steps)

    def decayed(start: int) -> Schedule:
        rest, begins = total - known, start - known
        later = wsd(steps=rest, peak=held, decay_start=begins, end=least, shape=shape)
        return _followed(plan, known, later)

    def final(start: int) -> float:
        loss = float(np.ravel(outlook.at(at_end, None, decayed(start)).loss)[0])
        return loss if math.isfinite(loss) else math.inf

    at_end = np.array([total - 1])
    _check_known(outlook.at(at_end, level, decayed((first + total) // 2)))
    starts, losses = tried_starts(final, first, total)
    start, loss = refined_start(starts, losses, final, total)
    forecast = outlook.at(at_end, level, decayed(start)).last()
    near = window(starts, losses, start, loss + outlook.noise_at(loss))
    assert isinstance(forecast.lower, float)
    assert isinstance(forecast.upper, float)
    return DecayPlan(start, loss, forecast.lower, forecast.upper, level, near, decayed(start))


def window(starts: Ints, losses: Floats, best: int, highest: float) -> tuple[int, int]:
    """Return the first and the last start about the best one between which all end no higher."""
    high = starts[~(losses <= highest)]
    before, after = high[high < best].max(initial=-1), high[high > best].min(initial=MAX_STEPS)
    near = starts[(losses <= highest) & (starts > before) & (starts < after)]
    return int(near.min(initial=best)), int(near.max(initial=best))


def _followed(plan: Schedule, known: int, later: Schedule) -> Schedule:
    """Return the first steps of a schedule, and another one after them."""
    if plan._pieces is None or later._pieces is None:
        return Schedule(np.concatenate([plan.lr[:known], later.lr]), warmup=plan.warmup)
    past, at = [], 0
    for piece in plan._pieces:
        if at == known:
            break
        past.append(piece._replace(steps=min(piece.steps, known - at)))
        at += past[-1].steps
    return Schedule.from_pieces([*past, *later._pieces], warmup=plan.warmup)


def tried_starts(final: Callable[[int], float], first: int, total: int) -> tuple[Ints, Floats]:
    """Return starts of a decay from step `first` to the end, and the losses they end at."""
    starts = np.unique(np.linspace(first, total - 1, STARTS).astype(np.int64))
    return starts, np.array([final(int(start)) for start in starts])


def refined_start(
    starts: Ints, losses: Floats, final: Callable[[int], float], total: int
) -> tuple[int, float]:
    """Halve the grid about its lowest loss until it is fine enough."""
    finest = max(1, total // FINEST)
    best = int(np.argmin(losses))
    start, loss = int(starts[best]), float(losses[best])
    low, high = int(starts[max(best - 1, 0)]), int(starts[min(best + 1, starts.size - 1)])
    while max(start - low, high - start) > finest:
        tried = [(final(s), s) for s in ((low + start) // 2, (start + high) // 2)]
        least, where = min(tried)
        if least < loss:
            low, high = (low, start) if where < start else (start, high)
            start, loss = where, least
        else:
            low, high = tried[0][1], tried[1][1]
    return start, loss


def _check_known(forecast: Forecast) -> None:
    if not math.isfinite(np.ravel(forecast.upper)[0]):
        unknown = ", ".join(forecast.undetermined) or "the final loss"
        raise ValueError(
            f"best_decay: the points so far do not determine {unknown}; a prior, or points of a "
            "decay, would"
        )
