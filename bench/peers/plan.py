"""What a job is made of: contestants at one piece of work, and the objective that must come out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.peers.problems import Floats, Problem
from bench.peers.scipy_peers import references
from bench.peers.solver import Solver
from bench.peers.timing import Contestant, Skip

Params = Mapping[str, float]
Side = Contestant | Skip


@dataclass(frozen=True)
class Scale:
    """How much of a job is run."""

    quick: bool = False
    full: bool = False


@dataclass
class Plan:
    """A job made ready.

    `reference` is the objective that lawfit must have, or with `at_most` the highest it may. With
    `paired` the objectives are of many problems in the same order, and lawfit must have the least
    of all at each.
    """

    title: str
    contestants: list[Contestant] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    reference: float | None = None
    at_most: bool = False
    paired: bool = False
    notes: list[str] = field(default_factory=list)

    def add(self, *sides: Side) -> None:
        for side in sides:
            if isinstance(side, Skip):
                self.skipped.append(side)
            else:
                self.contestants.append(side)


Build = Callable[[Scale, Sequence[Solver]], Iterable[Plan]]


def contestant(
    solver: Solver,
    run: Callable[[], Any],
    score: Callable[[Any], Floats],
    *,
    ran: int = 1,
    of: int = 1,
    most: int | None = None,
) -> Contestant:
    """A peer's solver at a job."""
    return Contestant(
        solver.peer, solver.setting, solver.about, run, score, ran=ran, of=of, most=most
    )


def from_starts(
    solver: Solver, problem: Problem, starts: Sequence[Params], of: int | None = None
) -> Contestant:
    """A peer at one problem from natural starts, scaled up to `of`."""
    view = solver.view(problem)
    run = solver.prepare(view)
    begin = np.array([view.encode(start) for start in starts])

    def score(ends: Floats) -> Floats:
        return np.array([view.objective(end) for end in ends])

    count = len(starts)
    return contestant(solver, lambda: run(begin), score, ran=count, of=of or count)


def optimum(problem: Problem, start: Params) -> tuple[float, Params]:
    """The least objective that scipy finds at tight tolerance, without lawfit, and where it is."""
    view = problem.centred()
    begin = view.encode(start)[None]
    ends = [prepare(view)(begin)[0] for prepare in references()]
    best = min(ends, key=view.objective)
    return view.objective(best), view.decode(best)


def draw(n: int, key: Sequence[int]) -> Floats:
    """How often each of n rows is drawn in a resample."""
    return np.bincount(np.random.default_rng(key).integers(n, size=n), minlength=n).astype(float)
