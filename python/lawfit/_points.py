"""What a forecaster is made with, and the points of its run as the core's problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lawfit import _core
from lawfit._validate import Floats, choose, real
from lawfit.curve import Curve
from lawfit.law import Law
from lawfit.options import Options, read_bounds, read_held, read_law, read_options
from lawfit.prior import Prior, check_same, held_by, read_prior
from lawfit.rows import curve_rows
from lawfit.schedule import Schedule
from lawfit.starts import Bounds

__all__ = ["Points", "Setting", "read_setting"]

MODES = ("exact", "anchored")
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Setting:
    """What a forecaster is made with.

    Parameters
    ----------
    held : mapping of str to float
        Parameters that are not fitted.
    fixed, ranges : mapping
        What a fit is given as `fixed` and `bounds` for these and the others.
    law_error : float
        Standard deviation of the law's own error, as a share of the change still to come.
    budget : float or None
        Seconds for a full fit.
    """

    law: Law
    schedule: Schedule
    options: Options
    held: Mapping[str, float]
    bounds: Bounds
    fixed: Mapping[str, float | None]
    ranges: Mapping[str, tuple[float | None, float | None]]
    prior: Prior | None
    law_error: float
    anchored: bool
    budget: float | None

    @property
    def free(self) -> tuple[str, ...]:
        """The parameters that are fitted."""
        return tuple(name for name in self.law.parameters if name not in self.held)

    @property
    def first_step(self) -> int:
        """The first step whose loss counts."""
        skip = self.options.skip_steps
        return self.schedule.warmup if skip is None else skip

    def within(self, theta: Floats) -> Floats:
        """Return the free parameters, each moved to its bound if it is beyond."""
        low, high = np.array([self.bounds[name] for name in self.free]).T
        return np.clip(theta, low, high)

    def with_free(self, theta: Floats) -> dict[str, float]:
        """Return all parameters by name."""
        found = {**self.held, **dict(zip(self.free, theta.tolist(), strict=True))}
        return {name: found[name] for name in self.law.parameters}


def read_setting(
    law: Law | str,
    schedule: object,
    *,
    prior: Any,
    prior_spread: Any,
    law_error: Any,
    mode: Any,
    budget: Any,
    fixed: Mapping[str, float | None] | None,
    bounds: Mapping[str, tuple[float | None, float | None]] | None,
    **options: Any,
) -> Setting:
    """Check what a forecaster is given; `options` as `read_options` takes them."""
    chosen = read_law(law)
    read = read_options(
        chosen,
        reduction="sum",
        exact=False,
        max_iterations=1000,
        tolerance=1e-14,
        **options,
    )
    _check_columns(chosen)
    fixed = {**held_by(prior, chosen, bounds), **(fixed or {})}
    setting = Setting(
        law=chosen,
        schedule=schedule if isinstance(schedule, Schedule) else Schedule(schedule),
        options=read,
        held=read_held(chosen, fixed, bounds, None),
        bounds=read_bounds(chosen, bounds),
        fixed=fixed,
        ranges=dict(bounds or {}),
        prior=None,
        law_error=real(law_error, field="law_error", lower=0),
        anchored=choose(mode, MODES, field="mode") == "anchored",
        budget=None if budget is None else real(budget, field="budget", lower=0, strict=True),
    )
    if not setting.free:
        raise ValueError(f"law {chosen.name!r}: every parameter is fixed")
    known = read_prior(prior, prior_spread, chosen, setting.free)
    if known is not None:
        check_same(prior, setting.held, read)
    return replace(setting, prior=known)


def _check_columns(law: Law) -> None:
    if law.y != "loss":
        raise ValueError(f"law {law.name!r} predicts {law.y!r}; expected a law of the loss")
    for name in law.columns:
        if name not in ("step", "lr"):
            raise ValueError(
                f"law {law.name!r} needs the column {name!r}; a Forecaster knows its schedule "
                "alone, so hold the term's parameters in a law without it"
            )


class Points:
    """The points of a run, however few, about any parameters."""

    def __init__(self, setting: Setting, curve: Curve) -> None:
        self.setting = setting
        options, law = setting.options, setting.law
        rows = curve_rows(law, curve, warmup=options.warmup, skip_steps=0)
        assert rows.y is not None
        self.n = len(rows)
        self._y = rows.y
        # Of a residual: less than a loss is rounded by.
        self.rounding = ROUNDING * (1.0 if options.space == "log" else float(np.abs(rows.y).max()))
        self._data = rows.core(exact=False)  # alive as long as the problem
        self._problem = _core.Problem(
            program=law._program,
            data=self._data,
            y=rows.y,
            weights=np.zeros(0),
            loss=options.rho,
            delta=options.delta,
            space=options.space,
            theta=[setting.held.get(name, 0.0) for name in law.parameters],
            free=[name not in setting.held for name in law.parameters],
            may_centre=[False] * len(setting.free),
        )

    def residuals(self, theta: Floats) -> tuple[Floats, Floats]:
        """Return residuals at free parameters, and their derivatives by these, shape (n, p)."""
        values, derivatives = self._problem.jacobian(theta.tolist())
        if self.setting.options.space == "linear":
            return values - self._y, derivatives
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log(values / self._y), derivatives / values[:, np.newaxis]

    def minimum(self, start: Floats, weight: float = 0.0) -> Floats:
        """Return the minimum from `start` of the objective and `weight` times the prior's term."""
        options, prior = self.setting.options, self.setting.prior
        bounds = [self.setting.bounds[name] for name in self.setting.free]
        with_prior = {}
        if prior is not None and weight:
            with_prior["mean"] = prior.mean.tolist()
            with_prior["precision"] = (weight * prior.precision).ravel().tolist()
        minimiser = _core.Minimiser(
            problem=self._problem,
            lower=[low for low, _ in bounds],
            upper=[high for _, high in bounds],
            max_iterations=options.max_iterations,
            tolerance=options.tolerance,
            **with_prior,
        )
        return np.array(minimiser.solve(start.tolist())[0])
