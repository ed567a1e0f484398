"""F4 and F5: Moré, Garbow and Hillstrom's problems, and NIST's sets under Huber's loss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

import lawfit as lf
from bench.figures import TESTS, Figure, Peer, Plan
from bench.figures.fitters import FITTERS, Fitter, version
from bench.figures.least_squares import LeastSquares
from mgh_problems import PROBLEMS, MghProblem

# A sum of squares this close to one that the paper states, to six digits, or as small, is it.
SAME, NOTHING = 1e-5, 1e-12
STARTS = 200  # of a search from many
HUBER = TESTS / "golden" / "nist_huber.json"
AT_COST = 1e-8


def as_sum_of_squares(problem: MghProblem) -> LeastSquares:
    zero = np.zeros(problem.at(problem.start).size)
    return LeastSquares(
        problem.name, problem.at, problem.jacobian, zero, np.array(problem.start, dtype=float)
    )


def kind(problem: MghProblem, found: float) -> str:
    """Which minimum a sum of squares is: global, local (one the paper states) or none."""
    if found <= problem.minimum * (1 + SAME) + NOTHING:
        return "global"
    return "local" if any(abs(found / k - 1) <= SAME for k in problem.local) else "none"


def told(kinds: Sequence[str]) -> str:
    counts = Counter(kinds)
    return (
        f"{counts['global']} of {len(kinds)} global, {counts['local']} at a local minimum that is "
        f"known, {counts['none']} elsewhere"
    )


def mgh_kinds(solve: Callable[[MghProblem], float]) -> list[str]:
    return [kind(problem, solve(problem)) for problem in PROBLEMS]


def fitted(problem: MghProblem, starts: object) -> lf.Fit:
    return lf.fit(problem.law, problem.data, loss="squared", space="linear", starts=starts)


def theirs(fitter: Fitter) -> Callable[[MghProblem], float]:
    def solve(problem: MghProblem) -> float:
        case = as_sum_of_squares(problem)
        return 2 * case.cost(fitter.try_at(case)[0])

    return solve


def measure_mgh(plan: Plan) -> list[Figure]:
    single = {p.name: fitted(p, p.starts(1)) for p in PROBLEMS}
    kinds = mgh_kinds(lambda p: 2 * single[p.name].objective)
    silent = [
        p.name
        for p, found in zip(PROBLEMS, kinds, strict=True)
        if found == "none" and single[p.name].status == "converged"
    ]
    many = mgh_kinds(lambda p: 2 * fitted(p, STARTS).objective)
    peers = [f for f in FITTERS if plan.peers and version(f) and f.name != "nlsq"]
    return [
        Figure(
            "F4",
            f"{len(PROBLEMS)} problems of Moré, Garbow and Hillstrom, from one start",
            "no undocumented failure, at least 34 global; all with many starts",
            f"{told(kinds)} ({', '.join(silent) or 'none'} of them called converged); "
            f"with {STARTS} starts {told(many)}",
            not silent and kinds.count("global") >= 34 and set(many) == {"global"},
            tuple(Peer(f.name, told(mgh_kinds(theirs(f)))) for f in peers),
            {
                "runs": [
                    {
                        "problem": p.name,
                        "minimum": one,
                        "many": more,
                        "status": single[p.name].status,
                    }
                    for p, one, more in zip(PROBLEMS, kinds, many, strict=True)
                ]
            },
        )
    ]
