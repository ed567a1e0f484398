"""Where compute is best spent, and where two laws meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from lawfit._validate import float_array, real
from lawfit.derived import Crossover, Envelope, compute_optimal, isoflop_profile
from lawfit.derived._line import read_lines
from lawfit.plot.style import FITTED, FORECAST, MEASURED, fill, legend, run_style
from lawfit.result import Fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["crossover", "frontier", "isoflop"]

DASHES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (4, 1.2, 1, 1.2)))
GRID = 200


def isoflop(
    axes: Axes,
    fit: Fit,
    flops: Any,
    *,
    flops_per_param_token: float = 6.0,
    at: Mapping[str, float] | None = None,
) -> Axes:
    """Draw a law's loss over model size along compute budgets, and each budget's best size.

    Parameters
    ----------
    axes : Axes
        What to draw into.
    fit : Fit
        Of a law with columns N and D.
    flops : float or array-like, shape (n,)
        Budgets C in FLOPs.
    flops_per_param_token, at
        As of `lawfit.isoflop_profile`.

    Raises
    ------
    TypeError, ValueError
        As `lawfit.isoflop_profile`.
    """
    budgets = float_array(np.atleast_1d(flops), source="isoflop", field="flops").tolist()
    best = compute_optimal(
        fit, budgets, flops_per_param_token=flops_per_param_token, at=at, draws=0
    )
    for place, budget in enumerate(budgets):
        line = isoflop_profile(fit, budget, flops_per_param_token=flops_per_param_token, at=at)
        style = {
            "color": run_style(place)["color"],
            "linestyle": DASHES[place % len(DASHES)],
            "linewidth": 1.3,
        }
        axes.plot(line.N, line.loss, label=f"{budget:.3g} FLOPs", **cast(Any, style))
    axes.plot(
        best.N, best.loss, linestyle="none", marker="D", color="0", markersize=5, label="lowest"
    )
    return _labelled(axes, "N (parameters)", fit, logarithmic=True)


def frontier(
    axes: Axes,
    fit: Fit,
    *,
    low: float,
    high: float,
    measured: Envelope | None = None,
    flops_per_param_token: float = 6.0,
    at: Mapping[str, float] | None = None,
    level: float = 0.95,
    draws: int = 200,
    rng: Any = 0,
) -> Axes:
    """Draw the lowest loss that a law allows with so much compute: the efficient frontier.

    Parameters
    ----------
    axes : Axes
        What to draw into.
    fit : Fit
        Of a law with columns N and D.
    low, high : float
        Ends in FLOPs.
    measured : Envelope, optional
        Points of runs that none beats with as much compute, from `lawfit.envelope`.
    flops_per_param_token, at, level, draws, rng
        As of `lawfit.compute_optimal`; the band is its interval, with `draws` of 0 there is none.

    Raises
    ------
    TypeError, ValueError
        As `lawfit.compute_optimal`.
    """
    begin = real(low, field="low", source="frontier", lower=0, strict=True)
    end = real(high, field="high", source="frontier", lower=begin, strict=True)
    flops = np.geomspace(begin, end, 60)
    best = compute_optimal(
        fit,
        flops,
        flops_per_param_token=flops_per_param_token,
        at=at,
        level=level,
        draws=draws,
        rng=rng,
    )
    if measured is not None:
        axes.plot(measured.C, measured.loss, label="measured", **cast(Any, MEASURED))
    if best.loss_interval is not None:
        fill(axes, flops, *best.loss_interval.T, color=FITTED["color"])
    axes.plot(flops, best.loss, label="compute-optimal", **cast(Any, FITTED))
    return _labelled(axes, "compute (FLOPs)", fit, logarithmic=True)


def crossover(
    axes: Axes,
    fit1: Fit,
    fit2: Fit,
    found: Crossover,
    *,
    low: float,
    high: float,
    at: Mapping[str, float] | None = None,
    labels: tuple[str, str] | None = None,
) -> Axes:
    """Draw two laws along a column, and where they meet.

    Parameters
    ----------
    axes : Axes
        What to draw into.
    fit1, fit2 : Fit
    found : Crossover
        From `lawfit.crossover`, of the same fits; its interval is a grey band.
    low, high : float
        Range drawn; along the logarithm above 0.
    at : mapping of str to float, optional
        Values of the laws' other columns.
    labels : (str, str), optional
        What the two are called; by default their laws' names.

    Raises
    ------
    TypeError, ValueError
        Naming the argument and value.
    """
    begin = real(low, field="low", source="crossover")
    end = real(high, field="high", source="crossover", lower=begin, strict=True)
    lines = read_lines("crossover", (found.column,), at, fit1, fit2)
    x = np.geomspace(begin, end, GRID) if begin > 0 else np.linspace(begin, end, GRID)
    if found.interval is not None:
        axes.axvspan(*found.interval, color="0.88", linewidth=0, label=f"{found.level:g} interval")
    names = (fit1.law.name, fit2.law.name) if labels is None else labels
    if isinstance(names, str) or len(names) != len(lines):
        raise ValueError(f"labels: expected one for each of 2 fits, got {names!r}")
    pairs = zip(lines, (fit1, fit2), names, (FITTED, FORECAST), strict=True)
    for line, fit, name, style in pairs:
        values = line.values(np.array(list(fit.params.values())), x)
        axes.plot(x, values, label=name, **cast(Any, style))
    if found.x is not None and found.value is not None:
        style = {"marker": "D", "color": "0", "linestyle": "none", "markersize": 5}
        met = f"they meet at {found.x:.3g}"
        axes.plot([found.x], [found.value], label=met, **cast(Any, style))
    return _labelled(axes, found.column, fit1, logarithmic=begin > 0)


def _labelled(axes: Axes, x: str, fit: Fit, *, logarithmic: bool) -> Axes:
    if logarithmic:
        axes.set_xscale("log")
    axes.set_xlabel(x)
    axes.set_ylabel(fit.law.y)
    legend(axes)
    return axes
