"""The report's pictures of laws over model size and data, and of two laws that meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lawfit._validate import Floats
from lawfit.derived import (
    compute_optimal,
    envelope,
    isoflop_profile,
)
from lawfit.derived import crossover as find_crossover
from lawfit.derived._line import read_lines
from lawfit.report.figures import Figure, panel, series
from lawfit.result import Fit

__all__ = ["Against", "compute_figures", "crossover_figure"]

BUDGETS = 5
DRAWS = 200


@dataclass(frozen=True, slots=True)
class Against:
    """Another fit to compare with along a column.

    Parameters
    ----------
    fit : Fit
        To other data; its law has the column too.
    column : str
        What varies.
    low, high : float
        Range of the column.
    at : mapping of str to float, optional
        Values of the laws' other columns.
    name : str
        What the other fit is called.
    """

    fit: Fit
    column: str
    low: float
    high: float
    at: Mapping[str, float] | None = None
    name: str = "the other fit"


def compute_figures(fit: Fit, budgets: Floats, table: Any, level: float) -> Iterator[Figure]:
    """Show the loss along compute budgets, and the lowest that each allows."""
    known = bool(np.isfinite(fit.cov).all())
    best = compute_optimal(fit, budgets, draws=0)
    parts = []
    for place, budget in enumerate(budgets.tolist()):
        line = isoflop_profile(fit, budget)
        parts.append(
            series(f"{budget:.2e} FLOPs", "line", line.N, line.loss, style=place, dashed=True)
        )
    parts.append(series("lowest", "spot", best.N, best.loss, style=6))
    yield {
        "title": "Along compute budgets (isoFLOP)",
        "panels": [panel("N (parameters)", fit.law.y, parts, logx=True)],
    }
    flops = np.geomspace(budgets[0], budgets[-1], 60)
    frontier = compute_optimal(fit, flops, level=level, draws=DRAWS if known else 0)
    parts = []
    if table is not None:
        runs = envelope(table)
        parts.append(series("measured envelope", "dots", runs.C, runs.loss, style=6))
    if frontier.loss_interval is not None:
        low, high = frontier.loss_interval.T
        parts.append(series("compute-optimal", "band", flops, high, low=low, style=0))
    parts.append(series("compute-optimal", "line", flops, frontier.loss, style=0))
    yield {
        "title": "Efficient frontier",
        "panels": [panel("compute (FLOPs)", fit.law.y, parts, logx=True)],
    }


def crossover_figure(fit: Fit, against: Against, level: float) -> tuple[Figure, str]:
    """Show two laws along a column, and return what is to be said of it too."""
    found = find_crossover(
        fit,
        against.fit,
        against.column,
        low=against.low,
        high=against.high,
        at=against.at,
        level=level,
    )
    lines = read_lines("report", (against.column,), against.at, fit, against.fit)
    logarithmic = against.low > 0
    space = np.geomspace if logarithmic else np.linspace
    x = space(against.low, against.high, 200)
    parts = []
    pairs = zip(lines, (fit, against.fit), ("this fit", against.name), strict=True)
    for place, (line, one, name) in enumerate(pairs):
        values = line.values(np.array(list(one.params.values())), x)
        parts.append(series(name, "dash" if place else "line", x, values, style=place))
    if found.x is not None:
        parts.append(series("they meet", "spot", [found.x], [found.value], style=6))
    axes = panel(against.column, fit.law.y, parts, logx=logarithmic)
    return {
        "title": "Crossover",
        "panels": [axes],
    }, f"{found.message[0].upper()}{found.message[1:]}."
