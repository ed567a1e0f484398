"""Alarms: a loss that the points before it did not lead to expect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lawfit._points import Setting
from lawfit._validate import Floats, Ints
from lawfit.curve import Curve
from lawfit.outlook import Outlook, look

__all__ = ["Anomaly", "find_anomaly"]

Kind = Literal["spike", "drift", "divergence", "too good"]

# The newest points are held against those before: a tenth of all, but within these.
FEWEST, MOST = 5, 200
# What they are held against: so many points a parameter, and in all.
POINTS_A_PARAMETER, POINTS = 3, 20
# A learning rate that rises by more than rounding, as where a cycle begins, or falls from one point
# to the next by so large a share of the highest, leads where no point has been, and laws err in how
# fast losses follow: they are judged again by so large a share of the points before, added to these.
RISE, FALL, AFTER_A_JUMP = 1e-6, 0.2, 0.25
# Standard deviations. A run has thousands of points, and their noise has heavy tails.
FAR, FAR_TOGETHER = 5.0, 5.0
# So many points far above in a row, and rising, are no spike any more.
IN_A_ROW = 3


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A logged loss that is far from what the points before it forecast.

    Attributes
    ----------
    kind : {"spike", "drift", "divergence", "too good"}
        The newest loss is far above its forecast; the newest ones together are above it; the last
        ones are far above it and rise; it, or they together, are far below: data seen before, or a
        law that does not hold.
    step : int
    loss, expected, lower, upper : float
        The newest loss, its forecast, and where 5 standard deviations about that end.
    score : float
        By how many standard deviations it is above, or they are.
    """

    kind: Kind
    step: int
    loss: float
    expected: float
    lower: float
    upper: float
    score: float

    def __str__(self) -> str:
        return (
            f"{self.kind} at step {self.step}: loss {self.loss:.4g}, expected {self.expected:.4g} "
            f"({self.lower:.4g} to {self.upper:.4g})"
        )


def find_anomaly(setting: Setting, curve: Curve, start: Floats) -> Anomaly | None:
    """Hold the newest points against a forecast from those before; None where nothing is wrong."""
    n = len(curve)
    recent = min(max(n // 10, FEWEST), MOST)
    before = n - recent
    enough = max(POINTS_A_PARAMETER * len(setting.free), POINTS)
    jump = _last_jump(setting.schedule.at(curve.steps))
    if before < enough or (jump and before - jump < max(POINTS, AFTER_A_JUMP * jump)):
        return None
    earlier = curve.until(int(curve.steps[before - 1]))
    last_step = int(earlier.steps[-1])
    outlook = look(setting, earlier, [start], last_step=last_step, search=True)
    if outlook is None:
        return None
    steps, losses = curve.steps[before:], curve.loss[before:]
    off, known = outlook.off(steps, losses)
    kind, score = _judge(outlook, off, known, losses)
    if kind is None:
        return None
    return _described(outlook, kind, score, steps[-1:], float(losses[-1]))


def _last_jump(rates: Floats) -> int:
    """Return the points before the rate last rose or fell at once, 0 if it never did."""
    before, after = rates[:-1], rates[1:]
    jumps = (after > before * (1 + RISE)) | (before - after > FALL * rates.max())
    return int(np.flatnonzero(jumps)[-1]) + 1 if jumps.any() else 0


def _judge(
    outlook: Outlook, off: Floats, known: Floats, losses: Floats
) -> tuple[Kind | None, float]:
    with np.errstate(invalid="ignore", divide="ignore"):
        scores = off / np.sqrt(known + outlook.noise**2)
        # Their noise averages out, as far as it has no memory; what is not known does not.
        share = min(outlook.memory / off.size, 1.0)
        together = np.mean(off) / np.sqrt(np.mean(known) + outlook.noise**2 * share)
    newest = float(scores[-1])
    if newest > FAR:
        last = losses[-IN_A_ROW:]
        rising = np.all(scores[-IN_A_ROW:] > FAR) and np.all(np.diff(last) > 0)
        return ("divergence" if rising else "spike"), newest
    if newest < -FAR:
        return "too good", newest
    if abs(together) > FAR_TOGETHER:
        return ("drift" if together > 0 else "too good"), float(together)
    return None, newest


def _described(outlook: Outlook, kind: Kind, score: float, step: Ints, loss: float) -> Anomaly:
    expected = outlook.at(step, None).last().loss
    assert isinstance(expected, float)
    _, known = outlook.off(step, np.array([loss]))
    half = FAR * float(np.sqrt(known + outlook.noise**2)[0])
    if outlook.setting.options.space == "log":
        lower, upper = expected * np.exp(-half), expected * np.exp(half)
    else:
        lower, upper = expected - half, expected + half
    return Anomaly(kind, int(step[0]), loss, expected, float(lower), float(upper), score)
