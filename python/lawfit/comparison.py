"""What a comparison of fits says."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lawfit._html import fragment
from lawfit._validate import closest
from lawfit.saved import plain
from lawfit.scores import Score, Scores
from lawfit.text import aligned, joined

__all__ = ["CRITERIA", "SCORED", "Compared", "Comparison", "mean_mae"]

SCORED = ("held_out", "cross_validated")
CRITERIA = {
    "held_out": "mean MAE on held-out data",
    "cross_validated": "mean MAE of cross-validation",
    "AIC": "AIC",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """One fit of a comparison.

    Attributes
    ----------
    name, law, status : str
    n : int
        Points fitted.
    free : int
        Parameters fitted or profiled, of all groups.
    objective : float
    log_likelihood, AIC, BIC : float
        See `compare`; NaN where there is none.
    training : Score
        Of the points fitted; of groups R2 is NaN.
    cross_validated, held_out : Scores or None
        By curve, "fold 1", … or "data", as far as there are any.
    """

    name: str
    law: str
    status: str
    n: int
    free: int
    objective: float
    log_likelihood: float
    AIC: float
    BIC: float
    training: Score
    cross_validated: Scores | None = None
    held_out: Scores | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Fits side by side; `str()` is a table.

    ``comparison[name]`` is one of them.

    Attributes
    ----------
    rows : tuple of Compared
        In the order given.
    best : str or None
        Name of the best by `criterion`, the first of those that are alike; None where nothing
        decides.
    criterion : {"held_out", "cross_validated", "AIC"} or None
        What `best` goes by: the first of these that all fits have. Scores count by their mean MAE
        over the curves or folds that all fits were scored on.
    warnings : tuple of str
    """

    rows: tuple[Compared, ...]
    best: str | None
    criterion: str | None
    warnings: tuple[str, ...]

    def __getitem__(self, name: str) -> Compared:
        for row in self.rows:
            if row.name == name:
                return row
        names = [row.name for row in self.rows]
        raise ValueError(f"comparison: name {name!r} is unknown{closest(name, names)}")

    def __iter__(self) -> Iterator[Compared]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        parts = self._by_curve()
        scores = [line for title, rows in parts for line in ("", title, *aligned(rows))]
        return joined([*aligned(self._table()), *scores, "", *self._after()])

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        rows = [
            {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
            for row in self.rows
        ]
        found: dict[str, Any] = plain(
            {
                "rows": rows,
                "best": self.best,
                "criterion": self.criterion,
                "warnings": self.warnings,
            }
        )
        return found

    def _repr_html_(self) -> str:
        return fragment([], self._table(), self._after(), more=self._by_curve())

    def _table(self) -> list[tuple[str, ...]]:
        head = ("fit", "points", "free", "objective", "AIC", "BIC", "MAE")
        more = [n for n in SCORED[::-1] if any(getattr(r, n) for r in self.rows)]
        rows: list[tuple[str, ...]] = [(*head, *(_title(name) for name in more), "")]
        for row in self.rows:
            remark = "best" if row.name == self.best else ""
            rows.append(
                (
                    row.name,
                    str(row.n),
                    str(row.free),
                    f"{row.objective:.5g}",
                    f"{row.AIC:.1f}",
                    f"{row.BIC:.1f}",
                    f"{row.training.MAE:.3g}",
                    *(_mean(self.rows, row, name) for name in more),
                    remark if row.status == "converged" else f"{remark} {row.status}".strip(),
                )
            )
        return rows

    def _by_curve(self) -> list[tuple[str, list[tuple[str, ...]]]]:
        found = []
        for name in SCORED[::-1]:
            scored = [(row.name, getattr(row, name) or {}) for row in self.rows]
            keys = dict.fromkeys(key for _, scores in scored for key in scores)
            if len(keys) < 2:
                continue
            rows: list[tuple[str, ...]] = [("MAE", *(fit for fit, _ in scored), "")]
            for key in keys:
                cells = (f"{s[key].MAE:.3g}" if key in s else "" for _, s in scored)
                rows.append((key, *cells, ""))
            found.append((f"{_title(name)}, by {'fold' if 'fold 1' in keys else 'curve'}", rows))
        return found

    def _after(self) -> list[str]:
        decided = (
            "nothing decides between them"
            if self.best is None or self.criterion is None
            else f"best by {CRITERIA[self.criterion]}: {self.best}"
        )
        return [decided, *(f"warning: {text}" for text in self.warnings)]


def _title(name: str) -> str:
    return name.replace("_", "-")


def _common(rows: Sequence[Compared], name: str) -> list[str]:
    """Return the curves or folds that every fit with scores has one for."""
    scored = [scores for row in rows if (scores := getattr(row, name)) is not None]
    return [key for key in scored[0] if all(key in s for s in scored)] if scored else []


def mean_mae(rows: Sequence[Compared], row: Compared, name: str) -> float:
    """Return a row's MAE over the curves or folds that all were scored on; NaN without any."""
    scores, keys = getattr(row, name), _common(rows, name)
    if scores is None or not keys:
        return math.nan
    return float(np.mean([scores[key].MAE for key in keys]))


def _mean(rows: Sequence[Compared], row: Compared, name: str) -> str:
    value = mean_mae(rows, row, name)
    return "" if math.isnan(value) else f"{value:.3g}"
