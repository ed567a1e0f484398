"""What was measured beside what a fit says of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from lawfit.curves import Curves
from lawfit.grouped import GroupedFit
from lawfit.result import Fit
from lawfit.scores import Score

__all__ = ["Measured", "measured"]


class Measured(NamedTuple):
    """One run, or all rows of a table: what was measured last and what the law says there."""

    run: str
    fitted: bool
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
            Measured(name, False, each.n, None, "", None, None, each, of_table)
            for name, each in fit.score(data).items()
        ]
    scores = fit.score(data)
    fitted = {name for name, _ in _sources(fit)}
    rows = []
    for curve in data:
        last = int(curve.steps[-1])
        rows.append(
            Measured(
                run=curve.name,
                fitted=f"curve {curve.name!r}" in fitted,
                points=len(curve),
                step=last,
                lr_source=getattr(curve, "lr_source", ""),
                measured=float(curve.loss[-1]),
                forecast=float(fit.predict(curve, [last])[0]),
                score=scores[curve.name],
                notes=tuple(f"curve {curve.name!r}: {note}" for note in curve.notes),
            )
        )
    return rows


def _sources(fit: Fit | GroupedFit) -> list[tuple[str, int]]:
    fits = fit.fits if isinstance(fit, GroupedFit) else (fit,)
    return [source for one in fits for source in one.sources]
