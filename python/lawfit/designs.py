"""What a search for a schedule found, beside the usual schedules."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from lawfit._html import fragment
from lawfit.saved import plain
from lawfit.schedule import Schedule
from lawfit.text import aligned, joined

__all__ = ["Baseline", "ScheduleDesign"]


@dataclass(frozen=True, slots=True)
class Baseline:
    """A usual schedule beside a design.

    Attributes
    ----------
    name : str
    schedule : Schedule
        Of the same steps, peak and warm-up, to the same last rate.
    loss, lower, upper : float
        Forecast of the last step's loss, with its interval.
    gain, gain_lower, gain_upper : float
        How much lower the design's loss is, with an interval of that: narrower than those of the
        losses, since what both depend on alike cancels.
    """

    name: str
    schedule: Schedule
    loss: float
    lower: float
    upper: float
    gain: float
    gain_lower: float
    gain_upper: float


@dataclass(frozen=True, slots=True)
class ScheduleDesign:
    """A schedule that ends at the lowest loss, by a fitted law.

    `str()` is a table, with the usual schedules beside it.

    Attributes
    ----------
    schedule : Schedule
        The whole run's.
    shape : {"linear", "exponential", "1-sqrt", "cosine", "free"}
        Of the decay.
    start : int
        First step of the decay, still at the peak; for a free form the last step there.
    end : float
        Rate that the decay ends at, or the lowest that a free form may take.
    loss, lower, upper : float
        The law's value at the last step, with an interval of it: a measured loss scatters more, and
        the law's own error is not in it.
    level : float
    window : (int, int)
        Starts from which the decay of the same shape and end ends within the fit's RMSE of the
        lowest loss; (start, start) for a free form.
    baselines : tuple of Baseline
    notes : tuple of str
        What else to know before it is trusted.
    """

    schedule: Schedule
    shape: str
    start: int
    end: float
    loss: float
    lower: float
    upper: float
    level: float
    window: tuple[int, int]
    baselines: tuple[Baseline, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        notes = [f"note: {note}" for note in self.notes]
        return joined([*self._head(), *aligned(self._rows()), *notes])

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        values["schedule"] = self.schedule.to_dict()
        values["baselines"] = [
            {**dataclasses.asdict(other), "schedule": other.schedule.to_dict()}
            for other in self.baselines
        ]
        found: dict[str, Any] = plain(values)
        return found

    def _repr_html_(self) -> str:
        return fragment(self._head(), self._rows(), [f"note: {note}" for note in self.notes])

    def _head(self) -> list[str]:
        if self.shape == "free":
            return [f"free form, falling from step {self.start} on, to {self.end:g} at the lowest"]
        near = f"(anywhere from {self.window[0]} to {self.window[1]} does)"
        return [f"{self.shape} decay to {self.end:g} from step {self.start} on {near}"]

    def _rows(self) -> list[tuple[str, ...]]:
        wide = f"{100 * self.level:g} %"
        rows: list[tuple[str, ...]] = [("schedule", "final loss", wide, "gain", wide, "")]
        ends = f"{self.lower:.4g} to {self.upper:.4g}"
        rows.append(("this design", f"{self.loss:.5g}", ends, "", "", ""))
        for other in self.baselines:
            ends = f"{other.lower:.4g} to {other.upper:.4g}"
            gains = f"{other.gain_lower:.2g} to {other.gain_upper:.2g}"
            rows.append((other.name, f"{other.loss:.5g}", ends, f"{other.gain:.2g}", gains, ""))
        return rows
