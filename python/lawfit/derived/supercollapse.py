"""Loss curves of different sizes on one normalised curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lawfit._validate import Floats, integer, real
from lawfit.curve import Curve
from lawfit.curves import Curves, as_curves
from lawfit.derived._answer import Answer

__all__ = ["Collapse", "collapse"]

_NAME = "collapse"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Collapse(Answer):
    """Normalised loss curves on a common grid.

    Attributes
    ----------
    x : ndarray, shape (n,)
        Share of each run's own compute, ascending to 1.
    curves : ndarray, shape (runs, n)
        ℓ(x) of every run; 1 at the end.
    names : tuple of str
        Of the runs.
    deviation : ndarray, shape (n,)
        Standard deviation across runs over their mean, at every x; 0 at the end.
    spread : float
        Root mean square of the deviation over the grid: 0 if the runs collapse onto one curve.
    """

    x: Floats
    curves: Floats
    names: tuple[str, ...]
    deviation: Floats
    spread: float

    def __repr__(self) -> str:
        return (
            f"<Collapse of {len(self.names)} runs on {self.x.size} points "
            f"from x = {self.x[0]:.3g}: spread {self.spread:.3g}>"
        )


def collapse(
    curves: Any, floor: float | Mapping[str, float], *, n: int = 200, low: float | None = None
) -> Collapse:
    """Normalise loss curves to ℓ(x) = (L(x·c*) - L0) / (L(c*) - L0).

    Runs of one size and batch do equal work a step, so x is the share of steps done up to a run's
    last logged point, and c* that point.

    Parameters
    ----------
    curves : Curves or sequence of Curve
        At least 2 complete runs, in one unit of loss; they aren't changed.
    floor : float or mapping of str to float
        L0, below every run's final loss: one for all, or by name of the curve.
    n : int
        Points of the grid, evenly spaced, at least 2; losses are joined by straight lines.
    low : float, optional
        Where the grid starts, below 1; by default the latest first point of any run.

    Returns
    -------
    Collapse

    Raises
    ------
    TypeError, ValueError
        Naming the curve, argument and value.

    Notes
    -----
    Supercollapse, arXiv:2507.02119. Compare the spread with that of runs which differ in their seed
    alone: collapse is perfect when it is no larger.
    """
    runs = as_curves(curves)
    if len(runs) < 2:
        raise ValueError(f"{_NAME}: got 1 curve; expected at least 2")
    for curve in runs:
        if curve.loss_unit != runs[0].loss_unit:
            raise ValueError(
                f"{_NAME}: curve {curve.name!r}: loss_unit is {curve.loss_unit!r}, but curve "
                f"{runs[0].name!r} has {runs[0].loss_unit!r}; expected one unit"
            )
    points = integer(n, field="n", source=_NAME, lower=2)
    floors = _floors(runs, floor)
    shares = [(curve.steps + 1) / (curve.steps[-1] + 1) for curve in runs]
    latest = max(float(share[0]) for share in shares)
    begin = latest if low is None else real(low, field="low", source=_NAME, lower=0, strict=True)
    if not latest <= begin < 1:
        raise ValueError(
            f"{_NAME}: low is {begin}; expected it below 1 and not before {latest:.6g}, "
            "where the last run's first point is"
        )
    x = np.linspace(begin, 1.0, points)
    normal = np.array(
        [
            (np.interp(x, share, curve.loss) - at) / (curve.loss[-1] - at)
            for curve, share, at in zip(runs, shares, floors, strict=True)
        ]
    )
    deviation = normal.std(axis=0, ddof=1) / normal.mean(axis=0)
    spread = float(np.sqrt(np.mean(deviation**2)))
    return Collapse(x, normal, runs.names, deviation, spread)


def _floors(runs: Curves, floor: float | Mapping[str, float]) -> list[float]:
    if isinstance(floor, Mapping):
        for curve in runs:
            if curve.name not in floor:
                raise ValueError(f"{_NAME}: floor has none for curve {curve.name!r}")
        return [_below(curve, floor[curve.name]) for curve in runs]
    return [_below(curve, floor) for curve in runs]


def _below(curve: Curve, floor: float) -> float:
    value = real(floor, field="floor", source=_NAME)
    final = float(curve.loss[-1])
    if not value < final:
        raise ValueError(
            f"{_NAME}: floor is {value}; expected it below {final}, the final loss of curve "
            f"{curve.name!r}"
        )
    return value
