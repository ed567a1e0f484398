"""What each term of a law gives to the loss, over the steps of a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lawfit._validate import integer
from lawfit.curve import Curve
from lawfit.plot.style import HATCHES, legend, run_style, spread
from lawfit.result import Fit
from lawfit.schedule import Schedule
from lawfit.views import terms_along

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["law_terms"]

ROOM = 0.12  # below the lowest value, as a share of what is drawn


def law_terms(
    axes: Axes,
    fit: Fit,
    schedule: Schedule | Curve,
    *,
    first: int | None = None,
    params: float | None = None,
    tokens_per_step: float | None = None,
) -> Axes:
    """Draw a law's terms over a schedule: what they add, stacked, and what they take away.

    Terms that add lie on one another, those that take away hang from their top, hatched; what is
    left is the law, a black line. Areas are told apart by hatching as well as by colour. The axis
    of losses does not begin at 0, so that the floor does not hide the rest.

    Parameters
    ----------
    axes : Axes
        What to draw into.
    fit : Fit
        Of a law over a schedule.
    schedule : Schedule or Curve
    first : int, optional
        The first step drawn; by default the end of the warm-up.
    params, tokens_per_step : float, optional
        As of `Fit.predict`, for a bare schedule.

    Raises
    ------
    TypeError, ValueError
        For a law without terms, such as a Python function, or as `Fit.predict`.
    """
    if isinstance(schedule, Curve):
        params, tokens_per_step = schedule.params, schedule.tokens_per_step
        if schedule.schedule is None:
            raise ValueError(f"curve {schedule.name!r} has no schedule to draw terms over")
        schedule = schedule.schedule
    if not isinstance(schedule, Schedule):
        raise TypeError(f"schedule is a {type(schedule).__name__}; expected a Schedule or a Curve")
    last = schedule.steps - 1
    start = min(schedule.warmup, last) if first is None else first
    steps = spread(integer(start, field="first", lower=0, upper=last), schedule.steps)
    found = terms_along(fit, schedule, steps, params=params, tokens_per_step=tokens_per_step)
    # a term may change its sign along a run: it is drawn as what it mostly does
    adding = [(term, values) for term, values in found if np.nansum(values) >= 0]
    taking = [(term, values) for term, values in found if np.nansum(values) < 0]
    top = np.zeros(len(steps))
    for place, (term, values) in enumerate([*adding, *taking]):
        style = run_style(place)["color"]
        hatch = HATCHES[place % len(HATCHES)]
        area: dict[str, Any] = {"facecolor": style, "alpha": 0.35, "hatch": hatch}
        axes.fill_between(
            steps, top, top + values, label=term.label, edgecolor="0.3", linewidth=0.3, **area
        )
        top = top + values
    axes.plot(steps, top, color="0", linewidth=1.3, label=f"{fit.law.y}: their sum")
    heights = np.sum([values for _, values in adding], axis=0) if adding else np.zeros(1)
    finite = [*top[np.isfinite(top)], *heights[np.isfinite(heights)]]
    low, high = min(finite), max(finite)
    axes.set_ylim(low - ROOM * (high - low), high + 0.02 * (high - low))
    axes.set_xlim(steps[0], steps[-1])
    axes.set_xlabel("step")
    axes.set_ylabel(f"{fit.law.y} (axis cut off below)")
    legend(axes, loc="upper right")
    return axes
