"""What a forecaster does with laws that the core has no streaming refitter for."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from lawfit._validate import LARGEST, ROOM, Floats, Ints
from lawfit.result import Fit

__all__ = ["REFITTED", "UNREAD", "WANTS_START", "FullSolve"]

# What update() returns.
REFITTED, WANTS_START, UNREAD = range(3)


class FullSolve:
    """Solves for all points anew at every point, from the solution before.

    It has the members of the core's `StreamingRefitter`.
    """

    gap = 0.0

    def __init__(
        self,
        parameters: int,
        schedule_steps: int,
        first_step: int,
        *,
        logarithmic: bool,
        delta: float,
        check: Callable[[int, float], None],
        solve: Callable[[Floats | None], Fit],
    ) -> None:
        self._schedule_steps = schedule_steps
        self._first_step = first_step
        self._logarithmic = logarithmic
        self._delta = delta
        self._check_row = check
        self._solve = solve
        self._steps: list[int] = []
        self._losses: list[float] = []
        self._found: Fit | None = None
        self._next_start = parameters
        self.theta: Floats = np.full(parameters, math.nan)
        self.last_step = -1
        self.skipped = 0

    def update(self, step: object, loss: object) -> int:
        """Take a point; returns what the core's refitter does."""
        if not isinstance(step, int) or isinstance(step, bool) or not isinstance(loss, float):
            return UNREAD
        self._check(step, loss)
        counts = step >= self._first_step and math.isfinite(loss)
        if counts:
            self._check_row(step, loss)
        self.last_step = step
        self.skipped += not math.isfinite(loss)
        if not counts:
            return REFITTED
        self._steps.append(step)
        self._losses.append(loss)
        if self.started:
            self.start(self.theta)
        return WANTS_START if self.n >= self._next_start else REFITTED

    def _check(self, step: int, loss: float) -> None:
        if step <= self.last_step:
            raise ValueError(f"step {step} does not come after step {self.last_step}")
        if step >= self._schedule_steps:
            last = self._schedule_steps - 1
            raise ValueError(f"step {step} is beyond the schedule, which ends at step {last}")
        if math.isfinite(loss):
            self._check_size(f"loss at step {step} is {loss}", abs(loss), positive=loss > 0)

    def _check_size(self, what: str, size: float, *, positive: bool) -> None:
        if self._logarithmic and not positive:
            raise ValueError(f"{what}; log residuals need it above 0")
        if size > LARGEST or 0 < size < 1 / LARGEST:
            raise ValueError(f"{what}; expected a size from {1 / LARGEST:g} to {LARGEST:g}")
        if not self._logarithmic and size > ROOM * self._delta:
            raise ValueError(f"{what}, more than {ROOM:g} times delta; expected delta in its unit")

    def start(self, theta: Floats | list[float]) -> None:
        """Solve from these parameters."""
        if self.n >= self._next_start:
            self.decline_start()
        self._found = self._solve(np.asarray(theta))
        found = np.array([self._found.params[name] for name in self._found.free])
        if np.all(np.isfinite(found)):
            self.theta = found

    def decline_start(self) -> None:
        """Ask for the next start when the points have doubled."""
        self._next_start = 2 * self.n

    @property
    def started(self) -> bool:
        """Whether there are parameters."""
        return self._found is not None

    @property
    def n(self) -> int:
        """Points taken."""
        return len(self._steps)

    @property
    def objective(self) -> float:
        """Sum of rho, or NaN."""
        return math.nan if self._found is None else self._found.objective

    @property
    def status(self) -> str:
        """As of a fit."""
        return "" if self._found is None else self._found.status

    @property
    def steps(self) -> Ints:
        """Steps of the points."""
        return np.array(self._steps, dtype=np.int64)

    @property
    def losses(self) -> Floats:
        """Losses of the points."""
        return np.array(self._losses)
