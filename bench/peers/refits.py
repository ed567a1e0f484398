"""J1c, J2d, J4: problems that change a little and are solved again from where they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from bench.peers import data, ours
from bench.peers.plan import Params, Plan, Scale, contestant, draw, optimum
from bench.peers.problems import Floats, Problem
from bench.peers.solver import Solver
from bench.peers.timing import Contestant


def resampled(solver: Solver, problem: Problem, counts: Floats) -> Problem:
    """A resample in the form that suits a solver best.

    That is rows drawn with their counts as weights, rows repeated for one without weights, or all
    rows with weights for one that compiles for a number of rows.
    """
    if not solver.grows:
        return problem.weighted(counts)
    if solver.weights:
        kept = counts > 0
        return problem.taken(kept).weighted(counts[kept])
    return problem.taken(np.repeat(np.arange(problem.n), counts.astype(int)))


def j1c(scale: Scale, solvers: Sequence[Solver]) -> Iterator[Plan]:
    of = 4000
    fast, slow = (20, 10) if scale.quick else (of, of) if scale.full else (100, 30)
    problem, points = data.chinchilla(), data.chinchilla_points()
    _, solution = optimum(problem, data.GOOD_START)
    plan = Plan("Chinchilla, 240 points, 4000 bootstrap refits from the fit's solution")
    plan.paired = True
    plan.notes.append("the peers' resamples are drawn before; lawfit's are in its time")
    plan.notes.append("solved: of the resamples; objective: mean over the resamples all have done")
    sides, draws = ours.bootstrap("chinchilla", points, solution, problem, part=fast, of=of)
    plan.add(*sides)
    for solver in solvers:
        count = slow if solver.slow or not solver.grows else fast
        plan.add(bootstrapped(solver, problem, solution, draws[:count], of))
    yield plan


def bootstrapped(
    solver: Solver, problem: Problem, start: Params, draws: Sequence[Floats], of: int
) -> Contestant:
    view = solver.view(problem)
    begin = view.encode(start)[None]
    problems = [resampled(solver, view, counts) for counts in draws]

    def run() -> list[Floats]:
        return [solver.prepare(problem)(begin)[0] for problem in problems]

    def score(ends: list[Floats]) -> Floats:
        pairs = zip(ends, draws, strict=True)
        return np.array([view.weighted(counts).objective(end) for end, counts in pairs])

    return contestant(solver, run, score, ran=len(draws), of=of)


def j2d(scale: Scale, solvers: Sequence[Solver]) -> Iterator[Plan]:
    sizes = (1000,) if scale.quick else (1000, 10_000, 100_000)
    for n in sizes:
        more = 90 if scale.quick else 540
        long = data.long_curve(n, more=more + 1)
        problem = long.problem()
        _, solution = optimum(problem.first(n), data.NEAR)
        plan = Plan(f"annealing, a refit after each new point of a curve of {n}", paired=True)
        plan.notes.append("time of one refit; warm from the one before; median is p50")
        plan.notes.append("solved: of the refits; objective: mean over the refits all have done")
        plan.add(*ours.growing(long, n, more, solution, problem))
        plan.add(*(growing(s, problem, n, more, solution) for s in solvers))
        yield plan


def growing(solver: Solver, problem: Problem, n: int, more: int, start: Params) -> Contestant:
    """A solver that is called again with a row more; compiled ones get rows of weight 0."""
    view = solver.view(problem)
    theta, rows = view.encode(start)[None], n

    def now(count: int) -> Problem:
        if solver.grows:
            return view.first(count)
        return view.weighted((np.arange(view.n) < count).astype(float))

    def run() -> tuple[int, Floats]:
        nonlocal theta, rows
        rows += 1
        theta = solver.prepare(now(rows))(theta)
        return rows, theta[0]

    def score(ends: list[tuple[int, Floats]]) -> Floats:
        return np.array([view.first(count).objective(end) for count, end in ends])

    made = contestant(solver, run, score, most=more)
    return made if solver.grows else replace(made, about=f"{made.about}; later rows of weight 0")


def j4(scale: Scale, solvers: Sequence[Solver]) -> Iterator[Plan]:
    curves, resamples = (100 if scale.quick else 10_000), 100
    runs = data.small_curves(curves)
    plan = Plan(f"annealing, {curves} curves of 40 to 100 points, each with {resamples} resamples")
    plan.paired = True
    plan.notes.append(
        "solved and objective: of the curves' own fits; mean over those all have done"
    )
    plan.notes.append("the peers are given areas and resamples; lawfit computes and draws them")
    plan.notes.append("each fit of a peer is a call from Python")
    part = 1 if scale.quick else 5  # the same curves for all, as their lengths differ
    plan.add(*ours.small_fits(runs, part, resamples))
    for solver in solvers:
        if solver.grows and not solver.slow:
            plan.add(small(solver, runs[:part], resamples, curves))
    yield plan


def small(solver: Solver, runs: Sequence[data.LongCurve], resamples: int, of: int) -> Contestant:
    """A curve from a good start, and its resamples from there."""
    views = [solver.view(run.problem()) for run in runs]
    again = [
        [resampled(solver, view, draw(view.n, (i, k))) for k in range(resamples)]
        for i, view in enumerate(views)
    ]

    def run() -> list[Floats]:
        ends = []
        for view, problems in zip(views, again, strict=True):
            end = solver.prepare(view)(view.encode(data.NEAR)[None])
            for problem in problems:
                solver.prepare(problem)(end)
            ends.append(end[0])
        return ends

    def score(ends: list[Floats]) -> Floats:
        return np.array([v.objective(end) for v, end in zip(views, ends, strict=True)])

    return contestant(solver, run, score, ran=len(runs), of=of)
