"""How well predictions meet measurements."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from lawfit._printable import printable
from lawfit._validate import Floats

__all__ = ["MEASURES", "Score", "Scores", "score"]


class Score(NamedTuple):
    """Errors of a prediction, in the target's own units (raw loss, never its logarithm).

    Attributes
    ----------
    R2 : float
        1 - Σ(y - f)²/Σ(y - mean y)²; NaN where y does not vary.
    MAE, RMSE : float
        Mean of |f - y|, root of the mean of (f - y)².
    PredE, WorstE : float
        Mean and largest of |f - y|/|y|, as in Multi-Power Law, arXiv:2503.12811; infinite where y
        is 0.
    n : int
        Points scored.
    """

    R2: float
    MAE: float
    RMSE: float
    PredE: float
    WorstE: float
    n: int


MEASURES = tuple(name for name in Score._fields if name != "n")


def score(measured: Floats, predicted: Floats) -> Score:
    """Score predictions of n points."""
    with np.errstate(all="ignore"):  # beyond 1e154 squares are infinite
        error = np.abs(predicted - measured)
        n = error.size
        about_mean = measured - measured.sum() / n
        spread = float((about_mean * about_mean).sum())
        squares = float((error * error).sum())
        relative = error / np.abs(measured)
        return Score(
            R2=1 - squares / spread if spread > 0 else np.nan,
            MAE=float(error.sum()) / n,
            RMSE=math.sqrt(squares / n),
            PredE=float(relative.sum()) / n,
            WorstE=float(relative.max()),
            n=n,
        )


class Scores(Mapping[str, Score]):
    """The score of each curve by its name; `str()` is a table."""

    def __init__(self, scores: Mapping[str, Score]) -> None:
        self._scores = dict(scores)

    def __getitem__(self, name: str) -> Score:
        return self._scores[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._scores)

    def __len__(self) -> int:
        return len(self._scores)

    def mean(self) -> Score:
        """Return each measure averaged over curves, every curve counting the same."""
        every = list(self._scores.values())
        if not every:
            raise ValueError("there are no scores to average")
        means = {name: float(np.mean([getattr(s, name) for s in every])) for name in MEASURES}
        return Score(**means, n=sum(s.n for s in every))

    def __repr__(self) -> str:
        names = list(map(printable, self._scores))
        width = max(map(len, names), default=0)
        head = f"{'':{width}} " + "".join(f"{name:>10}" for name in Score._fields)
        lines = [
            f"{name:{width}} " + "".join(f"{_short(value):>10}" for value in row)
            for name, row in zip(names, self._scores.values(), strict=True)
        ]
        return "\n".join([head, *lines])


def _short(value: float) -> str:
    text = f"{value:.5g}"
    return text if len(text) < 10 else f"{value:.3g}"
