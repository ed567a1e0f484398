"""Measured losses, the law's losses, and the learning rate below."""

from __future__ import annotations

import io
import math
from collections.abc import Collection, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from lawfit._extras import require
from lawfit._files import write_atomically
from lawfit._printable import printable
from lawfit._validate import Floats
from lawfit.curve import Curve
from lawfit.curves import Curves, as_curves
from lawfit.outlook import Forecast
from lawfit.plot.style import FITTED, FORECAST, MEASURED, fill, spread
from lawfit.result import Fit
from lawfit.schedule import Schedule

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["curve_and_forecast", "final_loss", "forecast_figure", "learning_rate", "save"]

COLUMNS: Final = 4
# Inches: a panel with the space that belongs to it, and the figure's margins.
PANEL: Final = (2.45, 2.9)
LEFT, RIGHT, TOP, BOTTOM = 0.75, 0.25, 0.65, 0.5
HEAD: Final = 0.25  # a row more above, where title and legend have no room beside each other
TITLE: Final = 26  # letters above a panel


def curve_and_forecast(
    axes: Axes,
    curve: Curve,
    steps: Sequence[int],
    loss: Floats,
    *,
    fitted: bool = False,
    band: tuple[Floats, Floats] | None = None,
) -> Axes:
    """Draw a curve's measured losses as dots and the law's as a line.

    Parameters
    ----------
    axes : Axes
        What to draw into.
    curve : Curve
        The measured losses.
    steps, loss : sequence of int and ndarray, shape (n,)
        The law's losses and their steps.
    fitted : bool
        Whether the fit has seen the curve: a solid line, not a dashed one.
    band : (ndarray, ndarray), optional
        Ends of an interval at the same steps, as of `Fit.interval`; infinite ones are left out.
    """
    axes.plot(curve.steps, curve.loss, label="measured", **cast(Any, MEASURED))
    label, style = ("fitted", FITTED) if fitted else ("forecast", FORECAST)
    if band is not None:
        fill(axes, steps, *band, color=style["color"])
    axes.plot(steps, loss, label=label, **cast(Any, style))
    axes.set_ylabel(f"loss ({printable(curve.loss_unit)})", parse_math=False)
    return axes


def final_loss(
    axes: Axes,
    steps: Sequence[int],
    forecasts: Sequence[Forecast],
    *,
    label: str = "forecast",
    prior: bool = False,
    truth: float | None = None,
) -> Axes:
    """Draw what was forecast of one run's end over its training, with intervals as a band.

    Parameters
    ----------
    axes : Axes
        What to draw into.
    steps : sequence of int
        When each forecast was made.
    forecasts : sequence of Forecast
        Of a single step each; infinite intervals are left out of the band.
    label : str
        Of the line, in a legend.
    prior : bool
        Whether they had a prior: a solid line, not a dashed one.
    truth : float, optional
        What the final loss turned out to be: a dotted line.
    """
    style = FITTED if prior else FORECAST
    loss, lower, upper = (
        np.array([getattr(forecast, end) for forecast in forecasts], dtype=np.float64)
        for end in ("loss", "lower", "upper")
    )
    fill(axes, steps, lower, upper, color=style["color"])
    axes.plot(steps, loss, label=label, **cast(Any, style))
    if truth is not None:
        axes.axhline(truth, color="0.2", linewidth=1, linestyle=":", label="measured")
    axes.set_xlabel("step at which it was asked")
    axes.set_ylabel("final loss")
    return axes


def learning_rate(axes: Axes, schedule: Schedule) -> Axes:
    """Draw the learning rate of a schedule over its steps, filled down to zero."""
    steps = spread(0, schedule.steps)
    rates = schedule.at(steps)
    axes.fill_between(steps, rates, color="0.85", linewidth=0)
    axes.plot(steps, rates, color="0.25", linewidth=1)
    axes.set_ylim(0, 1.15 * schedule.peak or 1)
    axes.set_xlim(0, schedule.steps)
    axes.set_xlabel("step")
    axes.set_ylabel("LR")
    return axes


def forecast_figure(
    curves: Curves,
    fit: Fit,
    *,
    fitted: Collection[str] = (),
    title: str = "",
    level: float | None = None,
) -> Figure:
    """Make a figure with one panel a curve: losses above, learning rate below.

    All panels have one scale of loss and one of learning rate.

    Parameters
    ----------
    curves : Curves
        The measured curves, each with its schedule; drawn from each curve's first point on.
    fit : Fit
        Predicts the lines.
    fitted : collection of str
        Names of the curves the fit has seen.
    title : str
        Title of the figure.
    level : float, optional
        Draw bands: confidence intervals of the law, of this level.

    Raises
    ------
    TypeError, ValueError
        For no curves, or one without a schedule, and as `Fit.predict`.
    MissingExtra
        If matplotlib is not installed.
    """
    curves = as_curves(curves)
    if isinstance(fitted, str):
        raise TypeError(f"fitted is {fitted!r}; expected a collection of names")
    columns = min(COLUMNS, len(curves))
    rows = math.ceil(len(curves) / columns)
    top = TOP + (HEAD if title and columns < COLUMNS - 1 else 0)
    width, height = columns * PANEL[0] + LEFT + RIGHT, rows * PANEL[1] + top + BOTTOM
    figure: Figure = require("matplotlib.figure", extra="cli").Figure(figsize=(width, height))
    grid = figure.add_gridspec(
        rows,
        columns,
        left=LEFT / width,
        right=1 - RIGHT / width,
        top=1 - top / height,
        bottom=BOTTOM / height,
        wspace=0.12,
        hspace=0.26,
    )
    pairs = []
    for place, curve in enumerate(curves):
        cell = grid[place // columns, place % columns]
        inner = cell.subgridspec(2, 1, height_ratios=(3.2, 1), hspace=0.08)
        pair = figure.add_subplot(inner[0]), figure.add_subplot(inner[1])
        _panel(*pair, curve, fit, seen=curve.name in fitted, level=level)
        pairs.append(pair)
    _share_scales(pairs, curves, columns)
    _head(figure, [above for above, _ in pairs], title, beneath=top > TOP)
    return figure


def save(figure: Figure, path: str | PathLike[str]) -> None:
    """Write a figure as a PNG file, whole or not at all.

    Raises
    ------
    OSError
        If the file can't be written, or is a symbolic link, a folder or a device.
    """
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    write_atomically(path, content.getvalue())


def _panel(
    above: Axes, below: Axes, curve: Curve, fit: Fit, *, seen: bool, level: float | None
) -> None:
    """Draw one curve, its line and its schedule."""
    schedule = curve.schedule
    if schedule is None:
        raise ValueError(f"curve {curve.name!r} has no schedule, so nothing can be forecast")
    steps = spread(int(curve.steps[0]), schedule.steps)
    loss = fit.predict(curve, at=steps)
    own = curve.columns.get(fit.law.y)
    shown = curve if own is None else Curve(curve.steps, own, name=curve.name)
    band = None if level is None else fit.interval(curve, level, at=steps)
    curve_and_forecast(above, shown, steps, loss, fitted=seen, band=band)
    if own is not None:
        above.set_ylabel(fit.law.y)
    learning_rate(below, schedule)
    above.set_xlim(below.get_xlim())
    above.tick_params(labelbottom=False)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
        axes.set_xticks([0, schedule.steps // 2, schedule.steps])
    word = "fitted" if seen else "forecast"
    weight = "normal" if seen else "bold"
    title = f"{_cut(printable(curve.name), TITLE - len(word) - 3)} · {word}"
    above.set_title(title, fontsize=10, loc="left", fontweight=weight, parse_math=False)
    ends = fit.predict(curve)[-1], shown.loss[-1]
    above.text(
        0.98,
        0.97,
        f"ends at {ends[1]:.4f}\n{word} {ends[0]:.4f}\nMAE {fit.score(curve)[curve.name].MAE:.4f}",
        transform=above.transAxes,
        ha="right",
        va="top",
        fontsize=8.5,
        linespacing=1.3,
    )


def _cut(name: str, most: int) -> str:
    """Leave the middle out of a name that is too long: its ends tell runs apart."""
    half = (most - 1) // 2
    return name if len(name) <= most else f"{name[: most - 1 - half]}…{name[-half:]}"


def _share_scales(pairs: Sequence[tuple[Axes, Axes]], curves: Curves, columns: int) -> None:
    """Give all panels the same limits, and labels on the left only."""
    lines = [line.get_ydata() for above, _ in pairs for line in above.get_lines()]
    low = np.min(np.concatenate(lines))
    high = max(np.max(above.get_lines()[0].get_ydata()) for above, _ in pairs)  # measured
    margin = 0.04 * (high - low)
    peak = max(curve.schedule.peak for curve in curves if curve.schedule is not None)
    for place, (above, below) in enumerate(pairs):
        above.set_ylim(low - margin, high + margin)
        below.set_ylim(0, 1.15 * peak or 1)
        below.set_yticks([0, peak])
        if place % columns:
            for axes in (above, below):
                axes.set_ylabel("")
                axes.tick_params(labelleft=False)
        else:
            for axes in (above, below):
                axes.yaxis.set_label_coords(-0.2, 0.5)
        if place + columns < len(pairs):
            below.set_xlabel("")


def _head(figure: Figure, panels: Sequence[Axes], title: str, *, beneath: bool) -> None:
    """Put the title and one legend for all panels above them, the legend beside it or beneath."""
    if title:
        left = LEFT / figure.get_figwidth()
        figure.suptitle(
            title,
            fontsize=12,
            fontweight="bold",
            x=left,
            y=0.985,
            ha="left",
            parse_math=False,
        )
    entries: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="upper right",
        bbox_to_anchor=(1, 1 - HEAD / figure.get_figheight() if beneath else 1),
        ncols=3,
        frameon=False,
        fontsize=9,
        markerscale=1.3,
    )
