"""The schedule a loop's scheduler sets, or the rates it has set so far."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from typing import Any

from lawfit.integrations.schedules import from_torch
from lawfit.schedule import Piece, Schedule

__all__ = ["Rates", "planned", "unwrapped"]


class Rates:
    """Rates as they are met, each held until the next one and the last to the run's end.

    Parameters
    ----------
    steps : int
        Of the whole run.
    held : iterable of (int, float)
        A step and the rate from it on, by step; the first is step 0.
    """

    def __init__(self, steps: int, held: Iterable[tuple[int, float]]) -> None:
        self._steps = steps
        self.held = [(int(step), float(rate)) for step, rate in held]

    def add(self, step: int, rate: float) -> bool:
        """Take the rate of the updates from `step` on; return whether that is news."""
        last, now = self.held[-1]
        if rate == now or step >= self._steps:
            return False
        if step <= last:
            self.held.pop()
        self.held.append((max(step, last), float(rate)))
        return True

    def schedule(self) -> Schedule:
        """Return the schedule of the whole run, as far as it is known."""
        ends = [step for step, _ in self.held[1:]] + [self._steps]
        return Schedule.from_pieces(
            [
                Piece("constant", end - first, rate)
                for (first, rate), end in zip(self.held, ends, strict=True)
            ]
        )


def planned(scheduler: Any, steps: int, *, group: int = 0) -> Schedule | None:
    """Return what a scheduler of PyTorch will set, or None after a warning that it can't be told.

    One that accelerate has wrapped is known by its wrapping.
    """
    try:
        scheduler, calls = unwrapped(scheduler)
        plan = from_torch(scheduler, steps * calls, group=group)
        return plan if calls == 1 else Schedule(plan.lr[::calls])
    except Exception as error:
        warnings.warn(
            f"lawfit can't tell the schedule beforehand ({error}); it takes the rates as the run "
            "shows them, and forecasts as if the last one were held to the end",
            RuntimeWarning,
            stacklevel=2,
        )
    return None


def unwrapped(scheduler: Any) -> tuple[Any, int]:
    """Return what accelerate has wrapped, and how often that is stepped an update."""
    if type(scheduler).__name__ != "AcceleratedScheduler":
        return scheduler, 1
    if scheduler.split_batches or not scheduler.step_with_optimizer:
        return scheduler.scheduler, 1
    return scheduler.scheduler, sys.modules["accelerate"].state.AcceleratorState().num_processes
