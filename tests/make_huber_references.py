"""NIST's sets under Huber's loss in 100 digits, into tests/golden/nist_huber.json.

Each set's delta is its certified residual standard deviation. The minimum kept is the lowest that
searches in double precision lead to, from NIST's starts, its solution and points about that; it is
then brought to 40 digits by Newton's method with mpmath, its residuals staying on their side of
delta, and none is at it.

python tests/make_huber_references.py
"""

import json
from pathlib import Path

import mpmath
import numpy as np
from scipy.optimize import least_squares

import lawfit as lf
from nist_data import FORMULAS, nist, nist_names

GOLDEN = Path(__file__).with_name("golden") / "nist_huber.json"
FUNCTIONS = {name: getattr(mpmath, name) for name in ("exp", "cos", "sin", "atan")}
SHIFTS = (0.7, 0.9, 0.99, 1.01, 1.1, 1.3)
mpmath.mp.dps = 100
STEP = mpmath.mpf(10) ** -45  # along the imaginary axis
DIFFERENCE = mpmath.mpf(10) ** -20


class Huber:
    """The objective of a set and its derivatives."""

    def __init__(self, case):
        self.code = compile(FORMULAS[case.name], case.name, "eval")
        self.delta = mpmath.mpf(case.residual_sd)
        self.y = [mpmath.mpf(float(y)) for y in case.y]
        columns = {name: [mpmath.mpf(float(x)) for x in xs] for name, xs in case.columns.items()}
        self.rows = [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]

    def residuals(self, b):
        names = {f"b{k + 1}": value for k, value in enumerate(b)}
        scope = {**FUNCTIONS, "pi": mpmath.pi, **names}
        return [
            eval(self.code, {**scope, **row}) - y for row, y in zip(self.rows, self.y, strict=True)
        ]

    def cost(self, b):
        sizes = [abs(r) for r in self.residuals(b)]
        d = self.delta
        return sum(r * r / 2 if r <= d else d * (r - d / 2) for r in sizes)

    def gradient(self, b):
        scores = [min(max(r, -self.delta), self.delta) for r in self.residuals(b)]
        out = []
        for k in range(len(b)):
            moved = [mpmath.mpc(x, STEP if j == k else 0) for j, x in enumerate(b)]
            slopes = [mpmath.im(r) / STEP for r in self.residuals(moved)]
            out.append(mpmath.fdot(scores, slopes))
        return out

    def newton(self, b):
        here, rows = self.gradient(b), []
        for k, x in enumerate(b):
            h = DIFFERENCE * (abs(x) or 1)
            moved = [*b[:k], x + h, *b[k + 1 :]]
            rows.append([(g - f) / h for g, f in zip(self.gradient(moved), here, strict=True)])
        step = mpmath.lu_solve(mpmath.matrix(rows), -mpmath.matrix(here))
        return [x + s for x, s in zip(b, step, strict=True)], [
            abs(s / x) for s, x in zip(step, b, strict=True)
        ]

    def sides(self, b):
        return [(r > self.delta) - (r < -self.delta) for r in self.residuals(b)]


def candidates(case):
    """Where searches in double precision end."""
    solution = case.solution
    shifted = [
        [*solution[:k], c * x, *solution[k + 1 :]] for k, x in enumerate(solution) for c in SHIFTS
    ]
    for start in (*case.starts, solution, *shifted):
        given = dict(zip(case.names, start, strict=True))
        fit = lf.fit(
            case.law,
            case.data,
            loss="huber",
            delta=case.residual_sd,
            space="linear",
            starts=given,
        )
        if np.isfinite(fit.objective):
            yield list(fit.params.values())

        def residuals(b):
            with np.errstate(all="ignore"):
                return (
                    lf.predict(case.law, dict(zip(case.names, b, strict=True)), case.columns)
                    - case.y
                )

        try:
            yield least_squares(
                residuals, start, loss="huber", f_scale=case.residual_sd, x_scale="jac"
            ).x.tolist()
        except ValueError:
            continue  # no value on its way


def reference(case):
    problem = Huber(case)
    ends = [[mpmath.mpf(x) for x in end] for end in candidates(case)]
    best = min(ends, key=problem.cost)
    sides = problem.sides(best)
    for _ in range(60):
        best, change = problem.newton(best)
        if max(change) < mpmath.mpf(10) ** -38:
            break
    else:
        raise ArithmeticError(f"{case.name}: Newton's method does not converge: {change}")
    if problem.sides(best) != sides:
        print(f"{case.name}: residuals changed side on the way")
    near = min(abs(abs(r) / problem.delta - 1) for r in problem.residuals(best))
    print(case.name, mpmath.nstr(problem.cost(best), 15), "nearest to delta", mpmath.nstr(near, 3))
    return {
        "delta": case.residual_sd,
        "cost": mpmath.nstr(problem.cost(best), 25),
        "b": [mpmath.nstr(x, 25) for x in best],
    }


if __name__ == "__main__":
    found = {name: reference(nist(name)) for name in nist_names()}
    GOLDEN.write_text(json.dumps(found, indent=1) + "\n")
