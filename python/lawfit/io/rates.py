"""The learning rate of every step, out of what a log has of it."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from lawfit._log_order import count
from lawfit._validate import Floats, Ints
from lawfit.schedule import Schedule, read_rates

__all__ = ["LoggedRates", "disagreement", "schedule_of_rates"]

AGREES: Final = 0.01  # of the highest rate: by so much a log's may differ from the plan's
_JUMP: Final = 8.0  # times the change on either side makes a change a jump
_SMALLEST: Final = 0.02  # of the highest rate: less is no jump
_STRAIGHT: Final = 1e-6  # of the highest rate: points no further off a line are on it
_WHOLE: Final = 1e-3  # of a step: rounded rates let lines meet so far from a whole one
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

    Between points the rate is a straight line, but for jumps and corners. Where the rate changes by
    far more than before and after, the old one is held up to a step and the new one from there on;
    which step of the gap it was, the log can't tell: the roundest is taken, as people choose such.
    Where straight lines of three points on either side of a gap meet within it, they meet. Before
    the first point a ramp that points at 0 is continued to step 0. The last line is continued where
    no more steps than between points are left, and it is not as steep as a jump; otherwise the rate
    is held.

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
        said.append(f"{count(len(jumps), 'jump')} at step {listed}{more}")
    at, values, ends = _with_ends(steps, rates, total, gap)
    extra = _corners(at, values)
    for k, step in jumps:
        extra |= {step - 1: float(rates[k]), step: float(rates[k + 1])}
    made = _made(*_with(at, values, extra), total, warmup)
    return LoggedRates(made, "; ".join([*said, *ends]))


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


def _corners(steps: Ints, rates: Floats) -> dict[int, float]:
    """Return the rates on either side of where two straight lines meet between points."""
    if len(steps) < 6:
        return {}
    slopes = np.diff(rates) / np.diff(steps)
    # by how much each point is off the line through its neighbours
    off = np.abs(np.diff(slopes)) * np.minimum(np.diff(steps)[:-1], np.diff(steps)[1:])
    straight = off <= _STRAIGHT * rates.max()
    found = {}
    for k in np.flatnonzero(straight[:-3] & straight[3:] & ~(straight[1:-2] & straight[2:-1])) + 2:
        left, right = slopes[k - 1], slopes[k + 1]
        if left == right:
            continue
        # rates[k] + left·x = rates[k + 1] + right·(x - gap)
        gap = steps[k + 1] - steps[k]
        x = (rates[k + 1] - rates[k] - right * gap) / (left - right)
        if 0 < x < gap:
            before = math.ceil(x - _WHOLE) - 1  # the last step that is on the left line alone
            found[int(steps[k]) + before] = float(rates[k] + left * before)
            after = rates[k + 1] + right * (before + 1 - gap)
            if abs(x - before - 1) <= _WHOLE and abs(left) < abs(right):  # it is on both
                after = rates[k] + left * (before + 1)
            found[int(steps[k]) + before + 1] = float(after)
    return found


def _with(steps: Ints, rates: Floats, extra: dict[int, float]) -> tuple[Ints, Floats]:
    """Return the points with those between them."""
    logged = set(steps.tolist()) if extra else set()
    more = {step: rate for step, rate in extra.items() if step not in logged}
    at = np.concatenate([steps, np.array(list(more), dtype=np.int64)])
    values = np.concatenate([rates, np.array(list(more.values()), dtype=np.float64)])
    order = np.argsort(at)
    return at[order], values[order]


def _with_ends(steps: Ints, rates: Floats, total: int, gap: int) -> tuple[Ints, Floats, list[str]]:
    """Return the points with those at the schedule's ends that are known, and what is said."""
    at, values, said = steps, rates, []
    first, last = int(steps[0]), int(steps[-1])
    if first:
        start = _ramp_start(steps, rates)
        if start is None:
            said.append(f"steps before {first} are not in the log: {rates[0]:.4g} is held")
        else:
            said.append(f"the ramp is continued from step {first} back to 0")
            at, values = np.insert(at, 0, 0), np.insert(values, 0, start)
    left = total - 1 - last
    if 0 < left < gap and not _ends_steep(steps, rates):
        slope = (rates[-1] - rates[-2]) / (last - steps[-2])
        at, values = np.append(at, total - 1), np.append(values, max(0.0, rates[-1] + slope * left))
    elif left:
        said.append(f"{rates[-1]:.4g} is held from step {last} on")
    return at, values, said


def _ends_steep(steps: Ints, rates: Floats) -> bool:
    """Say whether the last line is what a jump would be, which nothing after it can tell."""
    slopes = np.abs(np.diff(rates[-3:]) / np.diff(steps[-3:]))
    return len(slopes) == 2 and bool(slopes[1] > _JUMP * slopes[0])


def _ramp_start(steps: Ints, rates: Floats) -> float | None:
    """Return the rate of step 0 if the first two points lie on a ramp that begins at 0."""
    if len(steps) < 2 or rates[1] <= rates[0]:
        return None
    slope = (rates[1] - rates[0]) / (steps[1] - steps[0])
    start = float(rates[0] - slope * steps[0])
    return max(start, 0.0) if -0.5 * slope <= start <= 1.5 * slope else None


def _made(at: Ints, values: Floats, total: int, warmup: int | None) -> Schedule:
    if warmup is None:  # by the points: a line between them may be off by its last bit
        falls = np.flatnonzero(np.diff(values) < 0)
        top = int(falls[0]) if falls.size else len(values) - 1
        begin = int(np.searchsorted(values[: top + 1], values[top]))
        warmup = int(at[begin]) if begin else 0
    bend = np.ones(len(at), dtype=bool)
    bend[1:-1] = (values[:-2] != values[1:-1]) | (values[1:-1] != values[2:])
    at, values = at[bend], values[bend]
    if total <= _DENSE * len(at):
        return Schedule(np.interp(np.arange(total), at, values), warmup=warmup)
    return Schedule.from_points(at, values, total=total, warmup=warmup)
