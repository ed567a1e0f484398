"""How well parameters are known: profiles of the objective, and resamples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from lawfit._extras import require
from lawfit._validate import Floats, choose
from lawfit.bootstrap import Bootstrap
from lawfit.plot.style import FITTED, POINTS
from lawfit.result import Fit
from lawfit.views import histogram, profile_edge, remembered

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["profile", "resample_figure", "resample_pair", "resamples"]

PANEL = 1.7  # inches
LOGARITHMIC = 30.0  # a grid that spans more than this factor is drawn along the logarithm


def profile(axes: Axes, fit: Fit, name: str | None = None) -> Axes:
    """Draw the objective over a parameter that was profiled, the others fitted at each value.

    Parameters
    ----------
    axes : Axes
        What to draw into.
    fit : Fit
        One made with ``profile={name: [...]}``. Of a grid over several parameters the lowest
        objective at each value is drawn.
    name : str, optional
        The parameter; by default the only one profiled. λ of the annealing law, whose useful values
        crowd towards 1, is drawn over the steps that it remembers, 1/(1 - λ).

    Raises
    ------
    ValueError
        If the fit has no profile, or none of this parameter.
    """
    known = list(dict.fromkeys(key for point in fit.profile for key in point.values))
    if not known:
        raise ValueError("the fit has no profile; fit(..., profile={name: values}) makes one")
    if name is None and len(known) > 1:
        raise ValueError(f"the fit profiled {', '.join(known)}; expected the name of one")
    chosen = known[0] if name is None else choose(name, known, field="name")
    values, objective = profile_edge(fit, chosen)
    label, x = remembered(chosen, values)
    best = int(np.argmin(objective))
    axes.plot(x, objective, marker="o", markersize=4, **cast(Any, FITTED))
    axes.plot(x[best], objective[best], marker="D", markersize=7, color="0", fillstyle="none")
    marked = f"{chosen} = {values[best]:g}"
    place: dict[str, Any] = {"xytext": (0, -16), "textcoords": "offset points", "ha": "center"}
    axes.annotate(marked, (x[best], objective[best]), fontsize=8.5, parse_math=False, **place)
    if x[0] > 0 and x[-1] / x[0] > LOGARITHMIC:
        axes.set_xscale("log")
    axes.margins(y=0.18)
    axes.set_xlabel(label, parse_math=False)
    axes.set_ylabel(f"objective ({fit.options.reduction} of {fit.options.loss})")
    return axes


def resamples(axes: Axes, found: Bootstrap, name: str, *, level: float = 0.95) -> Axes:
    """Draw how a parameter scatters over the replicates that converged: a histogram.

    Parameters
    ----------
    axes : Axes
        What to draw into.
    found : Bootstrap
        From `lawfit.bootstrap`.
    name : str
        A free parameter.
    level : float
        Of the percentile interval, between dashed lines; the fit's own value is a solid line.

    Raises
    ------
    ValueError
        If the parameter was not fitted, or no replicate converged.
    """
    ends = found.conf_int(level)[choose(name, found.fit.free, field="name")]
    values = found.params[name][found.converged]
    heights, edges = histogram(values)
    axes.stairs(heights, edges, fill=True, color="0.8", edgecolor="0.55", linewidth=0.4)
    axes.axvline(found.fit.params[name], color=str(FITTED["color"]), linewidth=1.5)
    for end in ends:
        axes.axvline(end, color="0.25", linewidth=1, linestyle="--")
    axes.set_xlabel(name, parse_math=False)
    axes.set_ylabel("replicates")
    return axes


def resample_pair(axes: Axes, found: Bootstrap, x: str, y: str) -> Axes:
    """Draw two parameters of the replicates that converged, one over the other, and the fit's.

    Parameters
    ----------
    axes : Axes
        What to draw into.
    found : Bootstrap
    x, y : str
        Free parameters.

    Raises
    ------
    ValueError
        If one was not fitted.
    """
    for field, name in (("x", x), ("y", y)):
        choose(name, found.fit.free, field=field)
    good = np.flatnonzero(found.converged)[:POINTS]
    pair = (found.params[x][good], found.params[y][good])
    axes.plot(*pair, linestyle="none", marker=".", markersize=2, color="0.45", rasterized=True)
    fitted = found.fit.params
    axes.plot(fitted[x], fitted[y], marker="D", markersize=5, color=str(FITTED["color"]))
    axes.set_xlabel(x, parse_math=False)
    axes.set_ylabel(y, parse_math=False)
    return axes


def resample_figure(found: Bootstrap) -> Figure:
    """Make a figure of all pairs of free parameters, with their histograms on the diagonal.

    Raises
    ------
    ValueError
        If no replicate converged.
    MissingExtra
        If matplotlib is not installed.
    """
    free = found.fit.free
    side = PANEL * len(free) + 0.6
    made = require("matplotlib.figure", extra="cli").Figure(
        figsize=(side, side), layout="constrained"
    )
    figure = cast("Figure", made)
    panels: Any = figure.subplots(len(free), len(free), squeeze=False)
    for row, y in enumerate(free):
        for column, x in enumerate(free):
            axes = panels[row][column]
            if column > row:
                axes.set_visible(False)
                continue
            _one(axes, found, x, y)
            if row < len(free) - 1:
                axes.tick_params(labelbottom=False)
                axes.set_xlabel("")
            if column:
                axes.tick_params(labelleft=False)
                axes.set_ylabel("")
    return figure


def _one(axes: Axes, found: Bootstrap, x: str, y: str) -> None:
    if x == y:
        resamples(axes, found, x)
        axes.set_yticks([])
        axes.set_ylabel(x if x == found.fit.free[0] else "")
    else:
        resample_pair(axes, found, x, y)
        axes.set_ylim(_range(found.params[y][found.converged]))
    axes.set_xlim(_range(found.params[x][found.converged]))
    axes.tick_params(labelsize=7)
    axes.locator_params(nbins=3)


def _range(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, [0.002, 0.998]).tolist()
    room = 0.06 * (high - low) or abs(low) or 1.0
    return low - room, high + room
