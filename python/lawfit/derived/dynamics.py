"""Whether models of different sizes go through the same states: curves of checkpoints aligned."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lawfit._printable import printable
from lawfit._validate import Floats, choose, integer
from lawfit.derived._answer import Answer
from lawfit.derived._correlation import spearman
from lawfit.derived._interpolation import monotone_cubic
from lawfit.table import table_columns

__all__ = ["Agreement", "align_dynamics"]

SCALES = ("linear", "log")


@dataclass(frozen=True, eq=False, repr=False)
class Agreement(Answer):
    """Metric curves of several runs on one grid, and how well they agree.

    Attributes
    ----------
    on, metric : str
        The column that the runs are aligned on and the one compared.
    names : tuple of str
        The runs, in the order given.
    grid : ndarray, shape (points,)
        Increasing values of `on`, within what every run reaches.
    values : ndarray, shape (runs, points)
        The metric at the grid.
    rank_correlation : ndarray, shape (runs, runs)
        Spearman's, pair by pair: 1 where two runs rank the states alike. NaN where one is constant.
    difference : ndarray, shape (runs, runs)
        Mean of |difference| over the grid, in the metric's unit: 0 where two runs coincide.
    """

    on: str
    metric: str
    names: tuple[str, ...]
    grid: Floats
    values: Floats
    rank_correlation: Floats
    difference: Floats

    def pairs(self) -> Iterator[tuple[str, str, float, float]]:
        """Iterate over pairs of runs: both names, their rank correlation and difference."""
        for i, j in itertools.combinations(range(len(self.names)), 2):
            yield (
                self.names[i],
                self.names[j],
                float(self.rank_correlation[i, j]),
                float(self.difference[i, j]),
            )

    @property
    def mean_rank_correlation(self) -> float:
        """Mean over pairs in which both runs vary; NaN if there are none."""
        defined = [r for _, _, r, _ in self.pairs() if not np.isnan(r)]
        return float(np.mean(defined)) if defined else np.nan

    @property
    def mean_difference(self) -> float:
        """Mean over all pairs, in the metric's unit."""
        return float(np.mean([d for *_, d in self.pairs()]))

    @property
    def constant_pairs(self) -> int:
        """Pairs without a rank correlation, because the metric of one run is constant."""
        return sum(bool(np.isnan(r)) for _, _, r, _ in self.pairs())

    def __repr__(self) -> str:
        left_out = f", {self.constant_pairs} pairs constant" if self.constant_pairs else ""
        return (
            f"<Agreement of {printable(self.metric)} on {printable(self.on)} from "
            f"{self.grid[0]:.4g} to {self.grid[-1]:.4g}, {len(self.names)} runs: rank correlation "
            f"{self.mean_rank_correlation:.3f}, difference {self.mean_difference:.3g}{left_out}>"
        )


def align_dynamics(
    runs: Mapping[str, Mapping[str, Any]],
    *,
    on: str,
    metric: str,
    scale: str | None = None,
    points: int = 100,
) -> Agreement:
    """Align a metric's curves of different model sizes, and score their agreement.

    If models of all sizes go through the same states, a metric is a function of the loss alone and
    the curves coincide when aligned on it, however far apart they lie over tokens or compute.

    Parameters
    ----------
    runs : mapping of str to columns
        At least two runs by name: each a mapping or data frame that holds `on` and `metric`, a
        row a checkpoint, at least two of them.
    on : str
        The column to align on, such as "loss", "compute" or "tokens". Rows may come in any order;
        rows that share a value count as one, at their mean metric.
    metric : str
        The column to compare.
    scale : {"linear", "log"}, optional
        How the grid is spaced and the curves are interpolated; by default linear in a column
        called loss and logarithmic, which needs values above 0, in any other.
    points : int
        Of the grid.

    Returns
    -------
    Agreement
        On a grid over the range that all runs share, interpolated by monotone cubics (no over-
        shooting) and never extrapolated. Two monotone curves of one direction have rank
        correlation 1 wherever they lie: read it together with the difference.

    Raises
    ------
    TypeError, ValueError
        If there are fewer than two runs, columns are missing, differ in length or are not finite,
        or no range is shared; the message names the runs.

    Notes
    -----
    That some downstream metrics move alike across sizes is the finding of The Fine Line,
    arXiv:2404.01204.
    """
    if not isinstance(runs, Mapping) or len(runs) < 2:
        raise ValueError("runs: expected a mapping of at least two runs by name")
    usual = "linear" if on == "loss" else "log"
    spacing = choose(usual if scale is None else scale, SCALES, field="scale")
    count = integer(points, field="points", lower=2, upper=5000)
    curves = {str(name): _curve(name, run, on, metric, spacing) for name, run in runs.items()}
    grid = _shared_grid(curves, on, count)
    values = np.array([monotone_cubic(x, y, grid) for x, y in curves.values()])
    return Agreement(
        on=on,
        metric=metric,
        names=tuple(curves),
        grid=np.exp(grid) if spacing == "log" else grid,
        values=values,
        rank_correlation=np.array([spearman(row, values.T) for row in values]),
        difference=np.abs(values[:, None] - values[None]).mean(2),
    )


def _curve(name: object, run: Any, on: str, metric: str, scale: str) -> tuple[Floats, Floats]:
    """Return the positions of a run's checkpoints, strictly increasing, and their metric."""
    source = f"run {name!r}"
    columns = table_columns(run, (on, metric), source=source)
    x, y = columns[on], columns[metric]
    if scale == "log":
        bad = np.flatnonzero(x <= 0)
        if bad.size:
            raise ValueError(
                f"{source}: {on} at index {bad[0]} is {x[bad[0]]}; a logarithmic grid needs it "
                "above 0 (scale='linear' takes any)"
            )
        x = np.log(x)
    positions, groups = np.unique(x, return_inverse=True)
    if len(positions) < 2:
        raise ValueError(f"{source}: {on} has {len(positions)} different values; expected >= 2")
    return positions, np.bincount(groups, weights=y) / np.bincount(groups)


def _shared_grid(curves: Mapping[str, tuple[Floats, Floats]], on: str, points: int) -> Floats:
    first = max(curves, key=lambda name: curves[name][0][0])
    last = min(curves, key=lambda name: curves[name][0][-1])
    low, high = curves[first][0][0], curves[last][0][-1]
    if not low < high:
        raise ValueError(
            f"runs {first!r} and {last!r} share no range of {on}: one starts where the other ends"
        )
    return np.linspace(low, high, points)
