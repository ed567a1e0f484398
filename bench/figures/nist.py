"""F1 to F3: NIST's 27 sets from two starts each, by formula and by function; standard errors."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

import lawfit as lf
from bench.figures import Figure, Peer, Plan
from bench.figures.fitters import FITTERS, Fitter, version
from bench.figures.least_squares import Floats, LeastSquares, from_formula

# least_squares puts tests/ on the path.
from nist_data import FORMULAS, NistSet, nist, nist_names

PASSED = 4  # digits
# Its residuals are those of rounding: nobody gets its standard errors in double precision.
APART = "Lanczos1"


@dataclass(frozen=True)
class Run:
    """What one fitter made of one start, in digits; -inf where there is no answer."""

    set: str
    start: int
    certified: float
    solution: float
    stderr: float
    status: str = ""

    @property
    def passed(self) -> bool:
        return self.certified >= PASSED


def cases() -> Iterator[tuple[NistSet, int]]:
    for name in nist_names():
        for start in (0, 1):
            yield nist(name), start


def as_least_squares(case: NistSet, start: int, delta: float | None = None) -> LeastSquares:
    return from_formula(
        FORMULAS[case.name],
        case.columns,
        name=case.name,
        y=case.y,
        start=case.starts[start],
        delta=delta,
    )


def judged(case: NistSet, start: int, found: Floats, stderr: Floats | None, status: str) -> Run:
    known = stderr is not None and np.all(np.isfinite(stderr.astype(float)))
    return Run(
        case.name,
        start + 1,
        case.digits(found, case.certified),
        case.digits(found, case.solution),
        case.digits(stderr, case.stderr) if known else -math.inf,
        status,
    )


def formula_law(case: NistSet, start: int) -> lf.Law:
    return case.law


def function_law(case: NistSet, start: int) -> lf.CallableLaw:
    """The same, opaque: a Python function of columns and parameters."""
    problem = as_least_squares(case, start)

    def model(*_: Floats, **parameters: float) -> Floats:
        return np.array(problem.model(np.array([parameters[name] for name in case.names])))

    return lf.CallableLaw(model, case.names, tuple(case.columns), y="y")


def ours(law_of: Callable[[NistSet, int], lf.Law]) -> list[Run]:
    runs = []
    for case, start in cases():
        fit = lf.fit(
            law_of(case, start),
            case.data,
            loss="squared",
            space="linear",
            starts=case.start(start),
        )
        found, stderr = np.array([*fit.params.values()]), np.array([*fit.stderr.values()])
        runs.append(judged(case, start, found, stderr, fit.status))
    return runs


def theirs(fitter: Fitter) -> list[Run]:
    runs = []
    for case, start in cases():
        found, stderr = fitter.try_at(as_least_squares(case, start))
        runs.append(judged(case, start, found, stderr, ""))
    return runs


def least(values: list[float]) -> float:
    return min(values, default=-math.inf)


def accuracy(runs: list[Run]) -> str:
    passed = [run for run in runs if run.passed]
    return (
        f"{len(passed)}/{len(runs)} pass, least {least([r.certified for r in passed]):.1f} digits "
        f"certified, {least([r.solution for r in passed]):.1f} of 25"
    )


def errors(runs: list[Run]) -> str:
    digits = [r.stderr for r in runs if r.set != APART and r.passed]
    sets = {r.set for r in runs if r.set != APART}
    good = sum(
        all(r.stderr >= 9 for r in runs if r.set == name and r.passed)
        and any(r.passed for r in runs if r.set == name)
        for name in sets
    )
    middle = statistics.median(digits) if digits else -math.inf
    apart = least([r.stderr for r in runs if r.set == APART])
    return (
        f"{good}/{len(sets)} sets with 9 digits, median {middle:.1f}, "
        f"least {least(digits):.1f}; {APART} {apart:.1f}"
    )


def measure(plan: Plan) -> list[Figure]:
    formula, function = ours(formula_law), ours(function_law)
    others = {f.name: theirs(f) for f in FITTERS if version(f)} if plan.peers else {}
    with_errors = {name: runs for name, runs in others.items() if any(r.stderr > 0 for r in runs)}
    sets = {r.set for r in formula} - {APART}
    return [
        Figure(
            "F1",
            "NIST, 27 sets x 2 starts, one start each, the law a formula",
            "54/54 pass, at least 10 digits of the certified values and 13 of the solutions",
            accuracy(formula),
            all(r.certified >= 10 and r.solution >= 13 for r in formula),
            tuple(Peer(name, accuracy(runs)) for name, runs in others.items()),
            {"runs": [vars(r) for r in formula]},
        ),
        Figure(
            "F2",
            "NIST, the law an opaque Python function",
            "54/54 pass, at least 6 digits",
            accuracy(function),
            all(r.certified >= 6 for r in function),
            tuple(Peer(n, accuracy(runs)) for n, runs in others.items() if "tuned" not in n),
            {"runs": [vars(r) for r in function]},
        ),
        Figure(
            "F3",
            "NIST, standard errors, the law a formula",
            "26 of 27 sets with at least 9 digits, Lanczos1 apart",
            errors(formula),
            all(r.stderr >= 9 for r in formula if r.set in sets),
            tuple(Peer(name, errors(runs)) for name, runs in with_errors.items()),
        ),
    ]
