"""What refits a growing run: the core's streaming refitter, or a full solve at every point."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np

from lawfit import _core
from lawfit._points import Setting
from lawfit._targets import check_rows
from lawfit._validate import LARGEST, ROOM, Floats, Ints
from lawfit.curve import Curve
from lawfit.fit import fit
from lawfit.result import Fit
from lawfit.rows import curve_rows

__all__ = ["REFITTED", "UNREAD", "WANTS_START", "Refitter", "fit_in_full", "refitter"]

# What update() returns.
REFITTED, WANTS_START, UNREAD = range(3)


def fit_in_full(
    setting: Setting, curve: Curve, start: Floats | None = None, timeout: float | None = None
) -> Fit:
    """Fit a run's points without the prior: from many starts, or from the one given."""
    options = setting.options
    return fit(
        setting.law,
        curve,
        loss=options.loss,
        delta=options.delta,
        space=options.space,
        warmup=options.warmup,
        skip_steps=setting.first_step,
        starts=None if start is None else [start],
        rng=options.seed,
        threads=None if start is None else 1,
        fixed=setting.fixed,
        bounds=setting.ranges,
        timeout=timeout,
    )


def refitter(setting: Setting) -> Refitter:
    """Return what refits a run of this setting.

    Raises
    ------
    ValueError
        If an anchored one is asked for where there is none.
    """
    options = setting.options
    bounds = [setting.bounds[name] for name in setting.free]
    core = None
    if options.rho in ("huber", "squared"):
        core = _core.StreamingRefitter.of(
            program=setting.law._program,
            theta=[setting.held.get(name, 0.0) for name in setting.law.parameters],
            free=[name not in setting.held for name in setting.law.parameters],
            schedule=setting.schedule._native,
            warmup=options.warmup,
            first_step=setting.first_step,
            delta=math.inf if options.rho == "squared" else options.delta,
            space=options.space,
            anchored=setting.anchored,
            lower=[low for low, _ in bounds],
            upper=[high for _, high in bounds],
            max_iterations=options.max_iterations,
        )
    if core is None and setting.anchored:
        raise ValueError(
            f"mode is 'anchored', which law {setting.law.name!r} with these options is not made "
            "for: a sum of powers of S1, with S2 or not, a held λ and the Huber or squared "
            "loss; mode='exact' solves it in full at every point"
        )
    return core or FullSolve(setting)


class FullSolve:
    """Solves for all points anew at every point, from the solution before.

    It has the members of the core's `StreamingRefitter`.
    """

    gap = 0.0

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._steps: list[int] = []
        self._losses: list[float] = []
        self._found: Fit | None = None
        self._lost = False
        self._next_start = len(setting.free)
        self.theta: Floats = np.full(len(setting.free), math.nan)
        self.last_step = -1
        self.skipped = 0

    def update(self, step: object, loss: object) -> int:
        """Take a point; returns what the core's refitter does."""
        if not isinstance(step, int) or isinstance(step, bool) or not isinstance(loss, float):
            return UNREAD
        self._check(step, loss)
        counts = step >= self._setting.first_step and math.isfinite(loss)
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
        last = self._setting.schedule.steps - 1
        if step > last:
            raise ValueError(f"step {step} is beyond the schedule, which ends at step {last}")
        if math.isfinite(loss):
            self._check_size(f"loss at step {step} is {loss}", abs(loss), positive=loss > 0)

    def _check_size(self, what: str, size: float, *, positive: bool) -> None:
        options = self._setting.options
        delta = options.delta if options.robust else math.inf
        if options.space == "log" and not positive:
            raise ValueError(f"{what}; log residuals need it above 0")
        if size > LARGEST or 0 < size < 1 / LARGEST:
            raise ValueError(f"{what}; expected a size from {1 / LARGEST:g} to {LARGEST:g}")
        if options.space == "linear" and size > ROOM * delta:
            raise ValueError(f"{what}, more than {ROOM:g} times delta; expected delta in its unit")

    def _check_row(self, step: int, loss: float) -> None:
        """Refuse a point that no fit would take, before it is among those fitted."""
        setting = self._setting
        point = Curve([step], [loss], setting.schedule, name=f"at step {step}")
        rows = curve_rows(setting.law, point, warmup=setting.options.warmup, skip_steps=0)
        check_rows(rows, setting.options)

    def start(self, theta: Floats | list[float]) -> None:
        """Solve from these parameters."""
        if self.n >= self._next_start:
            self.decline_start()
        curve = Curve(self._steps, self._losses, self._setting.schedule, name="so far")
        try:
            self._found = fit_in_full(self._setting, curve, np.asarray(theta))
        except ValueError:  # the points are checked: the law has no value at one from there
            self._lost, self._next_start = True, self.n
            return
        self._lost = False
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
        return math.nan if self._found is None or self._lost else self._found.objective

    @property
    def status(self) -> str:
        """As of a fit."""
        return "bad_start" if self._found is None or self._lost else self._found.status

    @property
    def steps(self) -> Ints:
        """Steps of the points."""
        return np.array(self._steps, dtype=np.int64)

    @property
    def losses(self) -> Floats:
        """Losses of the points."""
        return np.array(self._losses)


Refitter: TypeAlias = _core.StreamingRefitter | FullSolve
