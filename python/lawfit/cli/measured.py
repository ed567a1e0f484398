"""What was measured beside what a fit says of it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from lawfit.curves import Curves
from lawfit.grouped import GroupedFit
from lawfit.result import Fit
from lawfit.scores import Score

__all__ = ["Measured", "measured"]


class Measured(NamedTuple):
    """One run, or all rows of a table: what was measured last and what the law says there."""

    run: str
    fitted: bool | None  # None of a table: which one a fit was made to, its record does not tell
    points: int
    step: int | None  # the last one measured; None of a table, as are the two losses there
    lr_source: str
    measured: float | None
    forecast: float | None
    score: Score
    notes: tuple[str, ...]  # what was done to the run or table before, naming it

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        values = self._asdict()
        return {**values, "score": self.score._asdict()}


def measured(fit: Fit | GroupedFit, data: Any, of_table: tuple[str, ...] = ()) -> list[Measured]:
    """Return what a fit says of curves or of a table's rows; `of_table` is noted of these.

    Raises
    ------
    TypeError, ValueError
        As `Fit.predict` and `Fit.score` do.
    """
    if not isinstance(data, Curves):
        return [
            Measured(name, None, each.n, None, "", None, None, each, of_table)
            for name, each in fit.score(data).items()
        ]
    scores = fit.score(data)
    ends = _ends(fit)
    rows = []
    for curve in data:
        last = int(curve.steps[-1])
        loss, forecast = float(curve.loss[-1]), float(fit.predict(curve, [last])[0])
        score, end = scores[curve.name], ends.get(f"curve {curve.name!r}")
        rows.append(
            Measured(
                run=curve.name,
                fitted=_is_fitted(end, score.n, loss, forecast),
                points=len(curve),
                step=last,
                lr_source=getattr(curve, "lr_source", ""),
                measured=loss,
                forecast=forecast,
                score=score,
                notes=tuple(f"curve {curve.name!r}: {note}" for note in curve.notes),
            )
        )
    return rows


def _ends(fit: Fit | GroupedFit) -> dict[str, tuple[int, float, str]]:
    """Return of each curve fitted how many points it had, and the residual of its last."""
    found = {}
    for one in fit.fits if isinstance(fit, GroupedFit) else (fit,):
        ends = np.cumsum([n for _, n in one.sources]) - 1
        for (source, n), residual in zip(one.sources, one.residuals[ends].tolist(), strict=True):
            found[source] = (n, residual, one.options.space)
    return found


def _is_fitted(end: tuple[int, float, str] | None, n: int, loss: float, forecast: float) -> bool:
    """Say whether a curve is what was fitted, not another one of its name."""
    if end is None or end[0] != n:
        return False
    _, residual, space = end
    measured = forecast * math.exp(-residual) if space == "log" else forecast - residual
    return math.isclose(measured, loss, rel_tol=1e-9, abs_tol=1e-9)
