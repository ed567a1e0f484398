"""The learning rate of every step, out of what a log has of it."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from lawfit._validate import Floats, Ints
from lawfit.schedule import Schedule, read_rates

__all__ = ["LoggedRates", "disagreement", "schedule_of_rates"]

AGREES: Final = 0.01  # of the highest rate: by so much a log's may differ from the plan's
_JUMP: Final = 8.0  # times the change on either side makes a change a jump
_SMALLEST: Final = 0.02  # of the highest rate: less is no jump
_SHOWN: Final = 4  # jumps listed
_DENSE: Final = 32  # steps a point that take no less memory than a piece does


class LoggedRates(NamedTuple):
    """A schedule made of logged rates, and how."""

    schedule: Schedule
    how: str


def schedule_of_rates(
    steps: Ints, rates: Floats, *, total: int, warmup: int | None = None
) -> LoggedRates:
    """Return the schedule that goes through logged rates.

    Between points the rate is a straight line, but for jumps: where it changes by far more than
    before and after, the old rate is held up to a step and the new one from there on. Which step
    of the gap it was, the log can't tell: the roundest is taken, as people choose such. Before the
    first point a ramp that points at 0 is continued to step 0; otherwise, and after the last point,
    the rate is held.

    Parameters
    ----------
    steps : ndarray of int64, shape (n,)
        Strictly increasing.
    rates : ndarray of float64, shape (n,)
    total : int
        Steps of the schedule.
    warmup : int, optional
        As of `Schedule`.

    Raises
    ------
    ValueError
        If a rate is negative or above 1e100, naming its step.
    """
    read_rates(rates, steps)
    said = [f"{len(steps)} logged rates"]
    if len(steps) == total:
        return LoggedRates(Schedule(rates, warmup=warmup), "the log has that of every step")
    gap = int(np.diff(steps).max(initial=1))
    if gap > 1:
        said.append(f"straight lines over up to {gap} steps between them")
    jumps = _jumps(steps, rates)
    if jumps:
        listed = ", ".join(
            f"{step} ({rates[k]:.4g} to {rates[k + 1]:.4g})" for k, step in jumps[:_SHOWN]
        )
        more = ", …" if len(jumps) > _SHOWN else ""
        said.append(f"{_jump_count(len(jumps))} at step {listed}{more}")
    at, values = _with_jumps(steps, rates, jumps)
    first = int(steps[0])
    if first:
        start = _ramp_start(steps, rates)
        if start is None:
            said.append(f"steps before {first} are not in the log: {rates[0]:.4g} is held")
        else:
            said.append(f"the ramp is continued from step {first} back to 0")
            at, values = np.insert(at, 0, 0), np.insert(values, 0, start)
    if steps[-1] + 1 < total:
        said.append(f"{rates[-1]:.4g} is held from step {steps[-1]} on")
    return LoggedRates(_made(at, values, total, warmup), "; ".join(said))


def disagreement(plan: Schedule, steps: Ints, logged: Floats) -> str:
    """Say where logged rates differ from a schedule, give or take a step; "" if nowhere."""
    inside = steps < plan.steps
    steps, logged = steps[inside], logged[inside]
    if not steps.size:
        return ""
    around = np.clip(steps[:, None] + [-1, 0, 1], 0, plan.steps - 1)
    planned = plan.at(around.ravel()).reshape(around.shape)
    slack = AGREES * plan.peak
    off = (logged < planned.min(axis=1) - slack) | (logged > planned.max(axis=1) + slack)
    if not off.any():
        return ""
    k = int(np.argmax(off))
    return (
        f"the log's learning rate at step {steps[k]} is {logged[k]:.4g}, the schedule's "
        f"{planned[k, 1]:.4g}"
    )


def _jumps(steps: Ints, rates: Floats) -> list[tuple[int, int]]:
    """Return each gap with a jump, by the point before it, and the step the jump is put at."""
    if len(steps) < 4:
        return []
    gaps, changes = np.diff(steps), np.abs(np.diff(rates))
    slopes = changes / gaps
    around = np.maximum(slopes[:-2], slopes[2:])
    inner = slice(1, -1)
    found = (
        (gaps[inner] > 1)
        & (slopes[inner] > _JUMP * around)
        & (changes[inner] > _SMALLEST * rates.max())
    )
    return [
        (int(k), _roundest(int(steps[k]) + 1, int(steps[k + 1]))) for k in np.flatnonzero(found) + 1
    ]


def _jump_count(jumps: int) -> str:
    return "1 jump" if jumps == 1 else f"{jumps} jumps"


def _roundest(first: int, last: int) -> int:
    """Return the number with the most zeros at its end from `first` to `last`."""
    unit = 1
    while -(-first // (10 * unit)) * 10 * unit <= last:
        unit *= 10
    for part in (5 * unit, 2 * unit):
        if -(-first // part) * part <= last:
            unit = part
            break
    return -(-first // unit) * unit


def _with_jumps(steps: Ints, rates: Floats, jumps: list[tuple[int, int]]) -> tuple[Ints, Floats]:
    """Return the points with two more around each jump."""
    extra: dict[int, float] = {}
    for k, step in jumps:
        extra[step - 1] = float(rates[k])
        extra[step] = float(rates[k + 1])
    for step in steps[np.isin(steps, list(extra))].tolist():
        del extra[step]
    at = np.concatenate([steps, np.array(list(extra), dtype=np.int64)])
    values = np.concatenate([rates, np.array(list(extra.values()), dtype=np.float64)])
    order = np.argsort(at)
    return at[order], values[order]


def _ramp_start(steps: Ints, rates: Floats) -> float | None:
    """Return the rate of step 0 if the first two points lie on a ramp that begins at 0."""
    if len(steps) < 2 or rates[1] <= rates[0]:
        return None
    slope = (rates[1] - rates[0]) / (steps[1] - steps[0])
    start = float(rates[0] - slope * steps[0])
    return max(start, 0.0) if -0.5 * slope <= start <= 1.5 * slope else None


def _made(at: Ints, values: Floats, total: int, warmup: int | None) -> Schedule:
    bend = np.ones(len(at), dtype=bool)
    bend[1:-1] = (values[:-2] != values[1:-1]) | (values[1:-1] != values[2:])
    at, values = at[bend], values[bend]
    if total <= _DENSE * len(at):
        return Schedule(np.interp(np.arange(total), at, values), warmup=warmup)
    return Schedule.from_points(at, values, total=total, warmup=warmup)
