"""Alarms: a loss that the points before it did not lead to expect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
# fast losses follow: they are judged again when so large a share of the points before has come.
RISE, FALL, AFTER_A_JUMP = 1e-6, 0.2, 0.25
# Standard deviations. A run has thousands of points, and their noise has heavy tails.
FAR, FAR_TOGETHER = 5.0, 5.0
OF_A_MEDIAN = 1.5707963267948966  # its variance, as a multiple of the mean's
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


class Expected(NamedTuple):
    """Losses that are expected, and the variances of that beside noise, as residuals."""

    loss: Floats
    variance: Floats


def find_anomaly(setting: Setting, curve: Curve, start: Floats) -> Anomaly | None:
    """Hold the newest points against a forecast from those before; None where nothing is wrong."""
    n = len(curve)
    recent = min(max(n // 10, FEWEST), MOST)
    before = n - recent
    if before < max(POINTS_A_PARAMETER * len(setting.free), POINTS):
        return None
    rates = setting.schedule.at(curve.steps)
    if not _settled(before, rates[1:] > rates[:-1] * (1 + RISE)):
        return None
    earlier = curve.until(int(curve.steps[before - 1]))
    last_step = int(earlier.steps[-1])
    outlook = look(setting, earlier, [start], last_step=last_step, search=True)
    if outlook is None:
        return None
    newest = curve.steps[before:], curve.loss[before:]
    law = Expected(*outlook.expects(newest[0]))
    if _settled(before, rates[:-1] - rates[1:] > FALL * rates.max()):
        found = _judge(outlook, law, *newest)
        if found is not None:
            return found
    # Whatever a decay does that the points do not speak of yet: no rate has risen since, so no loss
    # should be above where they were, unless the law says so.
    now = outlook.expects(np.array([last_step]))
    rises = law.loss > now[0]
    found = _judge(outlook, Expected(*map(np.where, (rises, rises), law, now)), *newest)
    return None if found is None or found.score < 0 else found


def _settled(before: int, jumps: NDArray[np.bool_]) -> bool:
    """Return whether enough points have come since the last jump."""
    last = int(np.flatnonzero(jumps)[-1]) + 1 if jumps.any() else 0
    return not last or before - last >= max(POINTS, AFTER_A_JUMP * last)


def _judge(outlook: Outlook, expected: Expected, steps: Ints, losses: Floats) -> Anomaly | None:
    off = outlook.above(losses, expected.loss)
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(expected.variance + outlook.noise**2)
        scores = off / sd
        # Their noise averages out, as far as it has no memory; what is not known does not. The
        # median is nobody's spike.
        share = min(outlook.memory / off.size, 1.0) * OF_A_MEDIAN
        spread = np.median(expected.variance) + outlook.noise**2 * share
        together = float(np.median(off) / np.sqrt(spread))
    kind, score = _kind(scores, together, losses)
    if kind is None:
        return None
    about, half = float(expected.loss[-1]), FAR * float(sd[-1])
    lower, upper = outlook.ends(about, half)
    return Anomaly(kind, int(steps[-1]), float(losses[-1]), about, lower, upper, score)


def _kind(scores: Floats, together: float, losses: Floats) -> tuple[Kind | None, float]:
    newest = float(scores[-1])
    if newest > FAR:
        rising = np.all(scores[-IN_A_ROW:] > FAR) and np.all(np.diff(losses[-IN_A_ROW:]) > 0)
        return ("divergence" if rising else "spike"), newest
    if newest < -FAR:
        return "too good", newest
    if abs(together) > FAR_TOGETHER:
        return ("drift" if together > 0 else "too good"), together
    return None, newest
