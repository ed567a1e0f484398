"""F4 and F5: Moré, Garbow and Hillstrom's problems, and NIST's sets under Huber's loss."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

import lawfit as lf
from bench.figures import TESTS, Figure, Peer, Plan
from bench.figures.fitters import FITTERS, Fitter, version
from bench.figures.least_squares import Floats, LeastSquares
from bench.figures.nist import as_least_squares, nist
from mgh_problems import PROBLEMS, MghProblem

# A sum of squares this close to one that the paper states, to six digits, or as small, is it.
SAME, NOTHING = 1e-5, 1e-12
STARTS = 64  # of a search from many: the paper's own and others around it
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
    many = mgh_kinds(lambda p: 2 * fitted(p, p.starts_around(STARTS)).objective)
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


def measure_huber(plan: Plan) -> list[Figure]:
    references = json.loads(HUBER.read_text())

    def told_costs(solve: Callable[[LeastSquares], Floats]) -> tuple[str, list[float]]:
        above = []
        for name, reference in references.items():
            for start in (0, 1):
                case = as_least_squares(nist(name), start, reference["delta"])
                above.append(case.cost(solve(case)) / float(reference["objective"]) - 1)
        good = sum(excess <= AT_COST for excess in above)
        lower = sum(excess < -AT_COST for excess in above)
        return f"{good}/{len(above)} at the cost" + (f", {lower} below it" * bool(lower)), above

    ours, above = told_costs(fitted_robustly)
    peers = [f for f in FITTERS if plan.peers and f.robust and version(f)]
    return [
        Figure(
            "F5",
            "NIST's sets under Huber's loss, delta the certified residual standard deviation",
            "every run at the cost of the reference",
            ours,
            all(abs(excess) <= AT_COST for excess in above),
            tuple(Peer(f.name, told_costs(lambda c, f=f: f.try_at(c)[0])[0]) for f in peers),
            {
                "above": dict(
                    zip([f"{n} {k}" for n in references for k in (1, 2)], above, strict=True)
                )
            },
        )
    ]


def fitted_robustly(case: LeastSquares) -> Floats:
    of = nist(case.name)
    fit = lf.fit(
        of.law,
        of.data,
        loss="huber",
        delta=case.delta,
        space="linear",
        starts=dict(zip(of.names, case.start.tolist(), strict=True)),
    )
    return np.array([*fit.params.values()])
