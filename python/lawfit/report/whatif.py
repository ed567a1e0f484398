"""What the browser needs to draw a fitted law over schedules that nobody has run.

The law goes as its program: a list of operations and numbers that the page's script interprets.
No text becomes code.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain, product
from typing import Any, Final

import numpy as np

from lawfit import schedules
from lawfit._validate import Floats
from lawfit.callable_law import CallableLaw
from lawfit.curve import Curve
from lawfit.law import Law
from lawfit.plot.style import spread
from lawfit.result import Fit
from lawfit.schedule import Schedule
from lawfit.uncertainty import quantile

__all__ = ["telling", "unanswered", "whatif"]

SHAPES: Final = ("linear", "cosine", "1-sqrt", "exponential")
LONGEST: Final = 2**22  # steps that the browser goes through at every move of a slider
MEASURED: Final = 250  # points of a run, as drawn
SIZES: Final = frozenset({"N", "D", "step", "lr"})


def unanswered(fit: Fit, runs: Sequence[Curve]) -> str | None:
    """Say why there is no panel for a fit, or None if there is one."""
    return next(chain(_of_the_law(fit), _of_the_runs(fit.law, runs)), None)


def _of_the_law(fit: Fit) -> Iterator[str]:
    law = fit.law
    if isinstance(law, CallableLaw):
        yield "The law is a Python function, which does not run in a browser."
    if not law.uses_schedule:
        yield "The law does not depend on the learning-rate schedule."
    if law.implicit:
        yield "The law is solved for at every step, which this page does not do."
    if not np.isfinite([*fit.params.values()]).all():
        yield "The fit has no solution."
    if other := [name for name in law.columns if name not in SIZES]:
        yield f"The law needs {other[0]}, which no schedule says."


def _of_the_runs(law: Law, runs: Sequence[Curve]) -> Iterator[str]:
    if not runs:
        yield "There is no run with a schedule to start from."
    for name, size in (("N", "params"), ("D", "tokens_per_step")):
        if name in law.columns and any(getattr(run, size) is None for run in runs):
            yield f"The law needs {name}, and a curve does not say its {size}."
    planned = [run.schedule for run in runs if run.schedule is not None]
    if any(schedule.peak == 0 for schedule in planned):
        yield "A run's learning rate is 0 throughout."
    if any(schedule.steps > LONGEST for schedule in planned):
        yield f"A run is longer than the {LONGEST} steps that a page can go through."


def whatif(
    fit: Fit, runs: Sequence[Curve], fitted: Collection[str], level: float
) -> dict[str, Any]:
    """Return the law's program and parameters, and plans to start from, as plain JSON values.

    Parameters
    ----------
    fit : Fit
    runs : sequence of Curve
        With schedules; each is a plan to start from.
    fitted : collection of str
        Names of those that the fit was made to.
    level : float
        Of the intervals.
    """
    law, names = fit.law, list(fit.params)
    variances = np.diag(fit.cov)
    known = np.isfinite(variances)
    free = [name for name, k in zip(fit.free, known, strict=True) if k]
    return {
        "y": law.y,
        "columns": law.columns,
        "code": law.instructions,
        "constants": law.constants,
        "theta": [fit.params[name] for name in names],
        "free": [names.index(name) for name in free],
        "lower": [law.parameters[name].lower for name in free],
        "upper": [law.parameters[name].upper for name in free],
        "cov": fit.cov[np.ix_(known, known)],
        "lost": [name for name, v in zip(fit.free, variances, strict=True) if np.isposinf(v)],
        "quantile": quantile(fit, level),
        "level": level,
        "log": fit.options.space == "log",
        "warmup": fit.options.warmup,
        "skip": fit.options.skip_steps or 0,
        "shapes": SHAPES,
        "longest": LONGEST,
        "plans": [plan(run, law.y) for run in runs],
        "first": telling(runs),
        "seen": _seen([run for run in runs if run.name in fitted] or runs),
    }


def telling(runs: Sequence[Curve]) -> int:
    """Return the place of the first run whose learning rate falls clearly, or 0."""
    for place, run in enumerate(runs):
        if run.schedule is not None and last_rate(run.schedule) < 0.5 * run.schedule.peak:
            return place
    return 0


def last_rate(schedule: Schedule) -> float:
    """Return the learning rate of the last step."""
    return float(schedule.at([schedule.steps - 1])[0])


def _seen(runs: Sequence[Curve]) -> dict[str, Any]:
    """Return how far the plans of runs went: beyond, the law is a guess."""
    planned = [run.schedule for run in runs if run.schedule is not None]
    return {
        "peak": max(schedule.peak for schedule in planned),
        "least": min(last_rate(schedule) / schedule.peak for schedule in planned),
        "steps": max(schedule.steps for schedule in planned),
        "falls": any(last_rate(schedule) < schedule.peak for schedule in planned),
    }


def plan(run: Curve, y: str) -> dict[str, Any]:
    """Return the arguments of `schedules.wsd` whose learning rates are nearest to a run's.

    And how far off they are at most, as a share of the peak, and what was measured of `y`.
    """
    schedule = run.schedule
    assert schedule is not None
    at = spread(0, schedule.steps)
    rates = schedule.at(at)
    peak = schedule.peak
    start = _leaves(schedule, at, rates)
    common: dict[str, Any] = {
        "steps": schedule.steps,
        "peak": peak,
        "warmup": min(schedule.warmup, schedule.steps),
        "decay_start": start,
    }
    best: tuple[float, dict[str, Any]] | None = None
    for shape, ramp, endpoint in product(SHAPES, schedules.RAMPS, (False, True)):
        end = last_rate(schedule) if endpoint or shape == "exponential" else _extended(schedule)
        tried = common | {"end": end, "shape": shape, "ramp": ramp, "endpoint": endpoint}
        if shape == "exponential" and not (end > 0 and peak > 0):
            continue
        off = float(np.abs(schedules.wsd(**tried).at(at) - rates).max())
        if best is None or off < best[0]:
            best = off, tried
    assert best is not None
    pick = np.unique(np.linspace(0, len(run) - 1, MEASURED).astype(int))
    return {
        "name": run.name,
        "params": run.params,
        "tokens_per_step": run.tokens_per_step,
        **best[1],
        "off": best[0] / peak,
        "at": run.steps[pick],
        "measured": run.columns.get(y, run.loss)[pick],
    }


def _leaves(schedule: Schedule, at: Sequence[int], rates: Floats) -> int:
    """Return the last step at the peak, where a decay starts; the length if there is none.

    `rates` are those `at` some steps.
    """
    least = schedule.peak * (1 - 1e-12)
    held = np.flatnonzero(rates >= least)
    if not held.size:  # the peak is between steps looked at
        return schedule.warmup
    place = int(held[-1])
    if place == len(at) - 1:
        return schedule.steps
    between = np.arange(at[place], at[place + 1])
    last = int(between[np.flatnonzero(schedule.at(between) >= least)[-1]])
    return max(last, schedule.warmup)


def _extended(schedule: Schedule) -> float:
    """Return the learning rate one step after the last, if it went on falling as it did."""
    if schedule.steps < 3:
        return last_rate(schedule)
    before, last = schedule.at([schedule.steps - 2, schedule.steps - 1]).tolist()
    return float(max(2 * last - before, 0.0))
