"""J1a, J1b, J2b, J2c: one problem, from one start or from many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

import lawfit as lf
from bench.peers import data, ours
from bench.peers.plan import Params, Plan, Scale, from_starts, optimum
from bench.peers.problems import Problem
from bench.peers.solver import Solver


def j1a(scale: Scale, solvers: Sequence[Solver]) -> Iterator[Plan]:
    problem, start = data.chinchilla(), data.GOOD_START
    plan = Plan("Chinchilla, 240 points, one fit from a good start", reference=data.CHINCHILLA_BEST)
    plan.add(*ours.single("chinchilla", data.chinchilla_points(), start, problem))
    plan.add(*(from_starts(s, problem, [start]) for s in solvers))
    yield plan


def j2b(scale: Scale, solvers: Sequence[Solver]) -> Iterator[Plan]:
    for n in (1000,) if scale.quick else (1000, 10_000, 100_000):
        long = data.long_curve(n)
        problem, start = long.problem(), data.NEAR
        plan = Plan(f"annealing, one curve of {n} points, one fit from a good start")
        plan.reference, _ = optimum(problem, start)
        plan.notes.append(
            "the peers are given the areas; lawfit computes them, but for the row that says so"
        )
        plan.add(*ours.single("annealing", long.curve(), start, problem))
        plan.add(ours.with_areas(long, start, problem))
        plan.add(*(from_starts(s, problem, [start]) for s in solvers))
        yield plan


def j1b(scale: Scale, solvers: Sequence[Solver]) -> Iterator[Plan]:
    problem, grid = data.chinchilla(), data.hoffmann_grid()
    plan = Plan("Chinchilla, Hoffmann's grid of 4500 starts", reference=data.CHINCHILLA_BEST)
    points, law = data.chinchilla_points(), lf.laws.chinchilla
    plan.add(ours.many(law, points, grid, problem))
    plan.add(ours.eliminated(law, points, grid, problem))
    counts = (30, 30) if scale.quick else (90, 360)
    yield add_peers(plan, scale, problem, grid, solvers=solvers, counts=counts)


def j2c(scale: Scale, solvers: Sequence[Solver]) -> Iterator[Plan]:
    starts = data.random_starts(1000)
    sizes = {1000: (10, 50)} if scale.quick else {1000: (20, 100), 10_000: (5, 20)}
    for n, counts in sizes.items():
        long = data.long_curve(n)
        problem = long.problem()
        plan = Plan(f"annealing, one curve of {n} points, 1000 random starts")
        plan.reference, _ = optimum(problem, data.NEAR)
        plan.add(ours.many(lf.laws.annealing, long.curve(), starts, problem))
        plan.add(ours.drawn(lf.laws.annealing, long.curve(), len(starts), problem))
        yield add_peers(plan, scale, problem, starts, solvers=solvers, counts=counts)


def add_peers(
    plan: Plan,
    scale: Scale,
    problem: Problem,
    starts: Sequence[Params],
    *,
    solvers: Sequence[Solver],
    counts: tuple[int, int],
) -> Plan:
    """Add peers that run every start by itself; `counts` are how many for slow and other ones."""
    if scale.full:
        counts = (len(starts), len(starts))
    for solver in solvers:
        part = subset(starts, counts[0] if solver.slow else counts[1])
        plan.add(from_starts(solver, problem, part, of=len(starts)))
    return plan


def subset(starts: Sequence[Params], count: int) -> list[Params]:
    """The first of one fixed shuffle, so that a smaller subset is part of a larger."""
    order = np.random.default_rng(0).permutation(len(starts))
    return [starts[i] for i in order[:count]]
