"""What was measured beside what a fit says of it."""

from __future__ import annotations

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
    ends = _Ends(fit)
    rows = []
    for curve in data:
        last = int(curve.steps[-1])
        loss, forecast = float(curve.loss[-1]), float(fit.predict(curve, [last])[0])
        score = scores[curve.name]
        rows.append(
            Measured(
                run=curve.name,
                fitted=ends.hold(score.n, loss, forecast),
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


class _Ends:
    """How many points each curve of a fit had, and what the law leaves of its last."""

    def __init__(self, fit: Fit | GroupedFit) -> None:
        fits = fit.fits if isinstance(fit, GroupedFit) else (fit,)
        points = [np.array([n for _, n in one.sources]) for one in fits]
        last = (one.residuals[n.cumsum() - 1] for one, n in zip(fits, points, strict=True))
        self._points = np.concatenate(points)
        self._residuals = np.concatenate([*last])
        self._log = fits[0].options.space == "log"

    def hold(self, points: int, loss: float, forecast: float) -> bool:
        """Say whether a curve is one that was fitted, whatever it is called."""
        with np.errstate(all="ignore"):  # a loss that has no logarithm was not fitted
            left = np.log(forecast) - np.log(loss) if self._log else forecast - loss
        near = 1e-9 if self._log else 1e-9 * abs(loss)
        found = (self._points == points) & (np.abs(self._residuals - left) <= near)
        return bool(found.any())
