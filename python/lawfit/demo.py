"""The demonstration: two runs forecast the loss curves of the others.

Pure computation on the sample curves; printing and drawing are the business of others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lawfit import laws, samples
from lawfit._validate import Floats
from lawfit.curve import Curve
from lawfit.curves import Curves
from lawfit.fit import fit
from lawfit.result import Fit
from lawfit.scores import Score

__all__ = ["FITTED", "LAMBDAS", "SKIPPED", "Demonstration", "Forecast", "demonstrate"]

FITTED: Final = ("constant_4000", "cosine_4000")
# λ sets how many steps the annealing momentum remembers, 1 / (1 - λ): here from 50 to 2000.
LAMBDAS: Final = (0.98, 0.985, 0.99, 0.9925, 0.995, 0.9965, 0.998, 0.999, 0.9995)
# Three warm-ups. The law has no notion of a warm-up's aftermath, so neither the fit nor the errors
# look at it. Chosen on the two fitted curves alone: their first 2400 steps forecast their own rest
# best, over the three sizes, when that many are left out.
SKIPPED: Final = 600


@dataclass(frozen=True, slots=True)
class Forecast:
    """One schedule: what was measured and what the law says.

    Attributes
    ----------
    curve : Curve
        The measured curve from step `SKIPPED` on.
    fitted : bool
        Whether the fit has seen it.
    loss : ndarray, shape (n,)
        The law's losses at the curve's steps.
    score : Score
        Errors of `loss` over the curve.
    """

    curve: Curve
    fitted: bool
    loss: Floats
    score: Score

    @property
    def final(self) -> float:
        """The law's loss at the last step measured."""
        return float(self.loss[-1])

    @property
    def measured_final(self) -> float:
        """The loss measured last."""
        return float(self.curve.loss[-1])

    @property
    def error(self) -> float:
        """By how much the law's final loss is above the measured one."""
        return self.final - self.measured_final


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One model size: the fit, and a forecast for each of its schedules, fitted ones first."""

    params: int
    fit: Fit
    forecasts: tuple[Forecast, ...]

    @property
    def curves(self) -> Curves:
        """The measured curves, in the order of `forecasts`."""
        return Curves(forecast.curve for forecast in self.forecasts)


def demonstrate(params: int = 25152) -> Demonstration:
    """Fit the annealing law to two sample curves of one model size and forecast the others.

    λ is profiled on the two curves alone; nothing is chosen by the curves that are forecast.

    Parameters
    ----------
    params : int
        One of `samples.sizes()`.
    """
    curves = samples.curves(params)
    order = (*FITTED, *(name for name in curves.names if name not in FITTED))
    measured = Curves(curves[name].skip(SKIPPED) for name in order)
    fitted = fit(
        laws.annealing, measured[list(FITTED)], profile={"lam": LAMBDAS}, skip_steps=SKIPPED
    )
    scores = fitted.score(measured)
    forecasts = (
        Forecast(curve, curve.name in FITTED, fitted.predict(curve), scores[curve.name])
        for curve in measured
    )
    return Demonstration(params, fitted, tuple(forecasts))
