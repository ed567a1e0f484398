"""Pictures of fits and of what is derived from them.

Functions draw into the matplotlib `Axes` they are given and return them; those that make a figure
of several panels say so by their name. Figures are made without pyplot, so no window system is
needed and no global state is touched. Needs matplotlib, which the extra `cli` brings; it is
imported when the first figure is made.
"""

from lawfit.plot.compute import crossover, frontier, isoflop
from lawfit.plot.curves import (
    curve_and_forecast,
    final_loss,
    forecast_figure,
    learning_rate,
    save,
)
from lawfit.plot.parameters import profile, resample_figure, resample_pair, resamples
from lawfit.plot.residuals import residual_autocorrelation, residual_quantiles, residuals
from lawfit.plot.style import FITTED, FORECAST, MEASURED, POINTS
from lawfit.plot.terms import law_terms

__all__ = [
    "FITTED",
    "FORECAST",
    "MEASURED",
    "POINTS",
    "crossover",
    "curve_and_forecast",
    "final_loss",
    "forecast_figure",
    "frontier",
    "isoflop",
    "law_terms",
    "learning_rate",
    "profile",
    "resample_figure",
    "resample_pair",
    "resamples",
    "residual_autocorrelation",
    "residual_quantiles",
    "residuals",
    "save",
]
