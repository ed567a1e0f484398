"""What there is to say of a run that is followed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from lawfit._validate import Floats, Ints
from lawfit.alarms import Anomaly
from lawfit.outlook import Forecast
from lawfit.plans import DecayPlan, Eta

__all__ = ["Ahead", "Alarm", "State"]


@dataclass(frozen=True, slots=True)
class Alarm:
    """An anomaly, and the step since which every point was one of its kind."""

    since: int
    anomaly: Anomaly

    def __str__(self) -> str:
        first = self.since != self.anomaly.step
        return f"{self.anomaly}{f', since step {self.since}' if first else ''}"


@dataclass(frozen=True, slots=True, eq=False)
class Ahead:
    """The forecast of steps still to come, and its interval; arrays of shape (n,)."""

    steps: Ints
    loss: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What there is to say of a run now.

    Attributes
    ----------
    source, title, law : str
        The log's path and format, and the law; no format while there is no log.
    steps, losses : ndarray, shape (n,)
        The points logged, 0-based.
    skipped, fitted : int
        Points without a finite loss, and those the law is fitted to.
    step, total : int
        The last step logged, -1 before the first, and the steps planned, 0 while not known.
    guessed_from : int or None
        The step after which the learning rate is a guess.
    final : Forecast or None
        Of the last step planned.
    ahead : Ahead or None
    reached : int or None
        The first step whose loss was no higher than the target, if there is one.
    eta : Eta or None
        Of the target, while it is not reached.
    decay : DecayPlan or None
        When to decay, while the learning rate is at its highest.
    alarms : tuple of Alarm
        The newest first.
    waiting : str
        Why there is no forecast, empty if there is one.
    notes : tuple of str
    """

    source: str
    title: str
    law: str
    steps: Ints
    losses: Floats
    skipped: int
    fitted: int
    step: int
    total: int
    guessed_from: int | None
    final: Forecast | None
    ahead: Ahead | None
    reached: int | None
    eta: Eta | None
    decay: DecayPlan | None
    alarms: tuple[Alarm, ...]
    waiting: str
    notes: tuple[str, ...]

    @property
    def finished(self) -> bool:
        """Whether the last step planned is logged."""
        return 0 < self.total <= self.step + 1

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, without the points; what is not finite is null."""
        eta, decay = self.eta, self.decay
        return {
            "log": self.source,
            "law": self.law,
            "step": self.step,
            "total_steps": self.total,
            "points": len(self.steps),
            "fitted": self.fitted,
            "skipped": self.skipped,
            "loss": _finite(float(self.losses[-1])) if self.losses.size else None,
            "lr_guessed_from": self.guessed_from,
            "final": self.final and _fields(self.final, "loss", "lower", "upper", "level")
            | _fields(self.final, "prior_share", "undetermined"),
            "reached": self.reached,
            "eta": eta and _fields(eta, "target", "step", "earliest", "latest"),
            "decay": decay and _fields(decay, "start", "loss", "lower", "upper", "window"),
            "alarms": [
                {"since": a.since} | _fields(a.anomaly, "kind", "step", "loss", "expected")
                for a in self.alarms
            ],
            "waiting": self.waiting,
            "notes": list(self.notes),
        }  # fmt: skip


def _finite(value: Any) -> Any:
    """Return a value for JSON: None for a number that is not finite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _fields(record: object, *names: str) -> dict[str, Any]:
    return {name: _finite(getattr(record, name)) for name in names}
