"""scipy's least_squares and L-BFGS-B."""

from __future__ import annotations

from typing import Any

from bench.peers.problems import DELTA, Floats, Problem
from bench.peers.solver import Prepare, Run, Solver, each, importing

with importing("scipy"):
    from scipy.optimize import least_squares, minimize

ENOUGH = {"ftol": 1e-10, "xtol": 1e-10, "gtol": 1e-15, "max_nfev": 1000}
TIGHT = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15, "max_nfev": 1000}
# The objective is about 1e-3 and ftol is relative to max(|f|, 1).
SCALE = 1e6
STOP = {"ftol": 1e-14, "gtol": 1e-10, "maxiter": 15_000, "maxfun": 15_000, "maxcor": 30}


def squares(**options: Any) -> Prepare:
    """least_squares on residuals whose squares are the Huber terms."""

    def prepare(problem: Problem) -> Run:
        def solve(start: Floats) -> Floats:
            return least_squares(problem.residuals, start, problem.jacobian, **options).x

        return each(solve)

    return prepare


def own_huber(**options: Any) -> Prepare:
    """least_squares applying its own Huber loss."""

    def prepare(problem: Problem) -> Run:
        def solve(start: Floats) -> Floats:
            return least_squares(
                problem.raw, start, problem.log_f_jacobian, loss="huber", f_scale=DELTA, **options
            ).x

        return each(solve)

    return prepare


def lbfgsb(*, analytic: bool, scale: float = 1.0, **options: Any) -> Prepare:
    """minimize's L-BFGS-B with a gradient by differences or an exact one."""

    def prepare(problem: Problem) -> Run:
        value, gradient = problem.scaled(scale)

        def solve(start: Floats) -> Floats:
            jac = gradient if analytic else None
            return minimize(value, start, method="L-BFGS-B", jac=jac, options=options).x

        return each(solve)

    return prepare


def references() -> list[Prepare]:
    """Solvers at tight tolerance that say what the least objective is."""
    return [
        squares(method="lm", **TIGHT),
        own_huber(method="trf", x_scale="jac", **TIGHT),
        lbfgsb(analytic=True, scale=SCALE, **{**STOP, "ftol": 1e-15}),
    ]


def solvers() -> list[Solver]:
    exact, tuned = "exact Jacobian", "tolerances 1e-10"
    scaled = {"method": "trf", "x_scale": "jac", **ENOUGH}
    return [
        Solver("scipy lm", "default", exact, squares(method="lm")),
        Solver(
            "scipy lm", "tuned", f"{exact}, {tuned}", squares(method="lm", **ENOUGH), centred=True
        ),
        Solver("scipy trf", "default", exact, squares(method="trf")),
        Solver(
            "scipy trf",
            "tuned",
            f"{exact}, {tuned}, x_scale='jac'",
            squares(**scaled),
            centred=True,
        ),
        Solver(
            "scipy trf huber",
            "default",
            f"loss='huber', {exact}",
            own_huber(method="trf"),
            weights=False,
        ),
        Solver(
            "scipy trf huber",
            "tuned",
            f"loss='huber', {exact}, {tuned}, x_scale='jac'",
            own_huber(**scaled),
            centred=True,
            weights=False,
        ),
        Solver(
            "scipy L-BFGS-B",
            "default",
            "gradient by differences, as the papers run it",
            lbfgsb(analytic=False),
            slow=True,
        ),
        Solver(
            "scipy L-BFGS-B",
            "exact gradient",
            "default tolerances",
            lbfgsb(analytic=True),
        ),
        Solver(
            "scipy L-BFGS-B",
            "tuned",
            f"exact gradient, objective times {SCALE:.0e}, ftol {STOP['ftol']:.0e}",
            lbfgsb(analytic=True, scale=SCALE, **STOP),
            centred=True,
        ),
    ]
