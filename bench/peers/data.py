"""The data of the jobs: published points, and synthetic annealing curves with known truth."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import lawfit as lf
from bench.peers.problems import Annealing, Chinchilla, Floats

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from golden_data import MULTIPOWER_TRAIN, chinchilla_points, multipower_curves

__all__ = [
    "CHINCHILLA_BEST",
    "GOOD_START",
    "MULTIPOWER_TRAIN",
    "NEAR",
    "LongCurve",
    "chinchilla",
    "chinchilla_points",
    "hoffmann_grid",
    "long_curve",
    "multipower_curves",
    "random_starts",
    "small_curves",
]

CHINCHILLA_BEST = 1.018274018e-3
# Hoffmann et al.'s own fit (arXiv 2203.15556), a start near the answer.
GOOD_START = {"A": 406.4, "B": 410.7, "E": 1.69, "alpha": 0.34, "beta": 0.28}

TRUE = {"L0": 2.63, "A": 0.43, "alpha": 0.55, "C": 0.41, "lam": 0.999}
NEAR = {"L0": 2.5, "A": 0.5, "alpha": 0.5, "C": 0.3}


def chinchilla() -> Chinchilla:
    """The 240 points."""
    points = chinchilla_points()
    n, d, loss = (np.array(points[name], dtype=np.float64) for name in ("N", "D", "loss"))
    return Chinchilla(np.log(n), np.log(d), np.log(loss))


def hoffmann_grid() -> list[dict[str, float]]:
    """Hoffmann's 4500 starts, in natural parameters."""
    exponents, sizes = (0.0, 0.5, 1.0, 1.5, 2.0), range(0, 26, 5)
    return [
        {"alpha": alpha, "beta": beta, "E": np.exp(e), "A": np.exp(a), "B": np.exp(b)}
        for alpha, beta, e, a, b in product(
            exponents, exponents, (-1.0, -0.5, 0.0, 0.5, 1.0), sizes, sizes
        )
    ]


@dataclass(frozen=True)
class LongCurve:
    """A synthetic annealing curve, and its areas at the logged points."""

    schedule: lf.Schedule
    steps: NDArray[np.int64]
    loss: Floats
    s1: Floats
    s2: Floats

    def curve(self, n: int | None = None) -> lf.Curve:
        return lf.Curve(self.steps[:n], self.loss[:n], self.schedule)

    def problem(self) -> Annealing:
        return Annealing(np.log(self.s1), self.s2, np.log(self.loss))


def long_curve(n: int, *, more: int = 0, noise: float = 3e-3) -> LongCurve:
    """n points and `more`, evenly over a run of 100 000 steps or more.

    It warms up, is stable and decays, from four fifths of the n points on: without a decay among
    them C would be open, and lawfit's bound on it would bind.
    """
    warmup, total = 1000, n + more
    steps = max(100_000, 11 * total)
    every = (steps - warmup) // total
    decay = warmup + every * (n * 4 // 5)
    schedule = lf.schedules.wsd(steps=steps, peak=3e-4, warmup=warmup, decay_start=decay, end=3e-5)
    at = warmup - 1 + every * np.arange(1, total + 1)
    return _measured(schedule, at, noise, 0)


# Of the small curves in turn; the first, and the first five, are as long as all on average.
LENGTHS = (70, 40, 100, 55, 85)


def small_curves(count: int) -> list[LongCurve]:
    """Curves of 40 to 100 points over one schedule, each with losses of its own."""
    schedule = lf.schedules.cosine(steps=10_001, peak=3e-4, warmup=200, end=3e-5)
    places = [np.linspace(300, 10_000, n).astype(np.int64) for n in LENGTHS]
    return [_measured(schedule, places[i % len(places)], 3e-3, i) for i in range(count)]


def _measured(
    schedule: lf.Schedule, steps: NDArray[np.int64], noise: float, seed: int
) -> LongCurve:
    s1, s2 = schedule.areas(TRUE["lam"], at=steps, warmup="peak")
    clean = TRUE["L0"] + TRUE["A"] * s1 ** -TRUE["alpha"] - TRUE["C"] * s2
    rng = np.random.default_rng(seed)
    loss = clean * np.exp(noise * rng.standard_normal(steps.size))
    return LongCurve(schedule, steps, loss, s1, s2)


def random_starts(count: int) -> list[dict[str, float]]:
    """Starts of the annealing law that leave every prediction positive at first sight."""
    rng = np.random.default_rng(2)
    return [
        {
            "L0": float(rng.uniform(1.0, 4.0)),
            "A": float(np.exp(rng.uniform(-3.0, 1.5))),
            "alpha": float(rng.uniform(0.0, 1.5)),
            "C": float(rng.uniform(0.0, 1.0)),
        }
        for _ in range(count)
    ]
