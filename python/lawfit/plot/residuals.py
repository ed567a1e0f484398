"""What a law leaves of the points: over training, against the normal distribution, and in time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from lawfit._printable import printable
from lawfit._validate import integer
from lawfit.plot.style import POINTS, legend, run_style
from lawfit.result import Fit
from lawfit.rows import is_table
from lawfit.views import autocorrelation, quantiles, residual_unit
from lawfit.views import residuals as residuals_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["residual_autocorrelation", "residual_quantiles", "residuals"]

NAMED = 8  # runs that a legend lists


def residuals(axes: Axes, fit: Fit, data: Any) -> Axes:
    """Draw residuals over the steps of each curve, or over the rows of columns.

    Parameters
    ----------
    axes : Axes
        What to draw into.
    fit : Fit
    data : Curve, Curves, sequence of Curve, mapping or data frame
        Measured points, those that the fit was made to or others; steps that it skipped are left
        out.

    Raises
    ------
    TypeError, ValueError
        As `lawfit.fit` does of data.
    """
    runs = residuals_of(fit, data)
    axes.axhline(0, color="0.4", linewidth=0.8)
    for place, run in enumerate(runs):
        pick = np.unique(np.linspace(0, run.at.size - 1, POINTS).astype(int))
        label = printable(run.name)
        axes.plot(run.at[pick], run.values[pick], label=label, **run_style(place))
    axes.set_xlabel("row" if is_table(data) else "step")
    axes.set_ylabel(residual_unit(fit))
    _legend(axes, len(runs))
    return axes


def residual_quantiles(axes: Axes, fit: Fit, data: Any) -> Axes:
    """Draw the residuals' quantiles over the normal distribution's, all runs together.

    Normal residuals lie on the line, which has their mean and standard deviation; ends that bend
    away are heavier tails. Parameters as of `residuals`.
    """
    scores, values, normal = quantiles(residuals_of(fit, data), POINTS)
    axes.plot(scores, normal, color="0.4", linewidth=1, label="normal")
    axes.plot(scores, values, **run_style(0))
    axes.set_xlabel("normal quantile (standard deviations)")
    axes.set_ylabel(residual_unit(fit))
    legend(axes, loc="upper left")
    return axes


def residual_autocorrelation(axes: Axes, fit: Fit, data: Any, *, lags: int = 40) -> Axes:
    """Draw the autocorrelation of each curve's residuals over lags, in logged points.

    The grey band is where 95 % of lags of independent residuals would lie, ±1.96/√n of the shortest
    curve. Beyond it neighbours err together, and intervals that take rows for independent are too
    narrow. Parameters as of `residuals`, and `lags`, the longest.
    """
    longest = integer(lags, field="lags", lower=1)
    runs = [run for run in residuals_of(fit, data) if run.values.size > 1]
    if not runs:
        raise ValueError("no curve has 2 points, so residuals have no autocorrelation")
    half = 1.96 / math.sqrt(min(run.values.size for run in runs))
    axes.axhspan(-half, half, color="0.9", linewidth=0)
    axes.axhline(0, color="0.4", linewidth=0.8)
    for place, run in enumerate(runs):
        r = autocorrelation(run.values, longest)[1:]
        style = {**run_style(place), "linestyle": "-", "linewidth": 0.8}
        axes.plot(np.arange(1, r.size + 1), r, label=printable(run.name), **style)
    axes.set_xlabel("lag (logged points)")
    axes.set_ylabel("autocorrelation of residuals")
    axes.set_ylim(-1.05, 1.05)
    _legend(axes, len(runs))
    return axes


def _legend(axes: Axes, runs: int) -> None:
    if 1 < runs <= NAMED:
        legend(axes)
