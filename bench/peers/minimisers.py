"""lmfit's leastsq and iminuit's MIGRAD."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.peers.problems import Floats, Problem
from bench.peers.solver import Prepare, Run, Solver, each, importing

with importing("lmfit"):
    import lmfit
with importing("iminuit"):
    import iminuit

TUNED = {"ftol": 1e-10, "xtol": 1e-10, "gtol": 0.0, "max_nfev": 1000}
MOST_CALLS = 20_000


def by_lmfit(*, exact: bool, **options: Any) -> Prepare:
    """lmfit.minimize over its Parameters, by leastsq."""

    def prepare(problem: Problem) -> Run:
        names = problem.NAMES

        def values(parameters: Any) -> Floats:
            held = parameters.valuesdict()
            return np.array([held[name] for name in names])

        def of_values(function: Callable[[Floats], Floats]) -> Callable[[Any], Floats]:
            return lambda parameters: function(values(parameters))

        residuals = of_values(problem.residuals)
        extra = {"Dfun": of_values(problem.jacobian), "col_deriv": False} if exact else {}

        def solve(start: Floats) -> Floats:
            parameters = lmfit.create_params(**dict(zip(names, start.tolist(), strict=True)))
            found = lmfit.minimize(
                residuals, parameters, method="leastsq", calc_covar=False, **extra, **options
            )
            return values(found.params)

        return each(solve)

    return prepare


def by_migrad(*, exact: bool, scale: float, tolerance: float) -> Prepare:
    """MIGRAD of the objective times `scale`."""

    def prepare(problem: Problem) -> Run:
        value, gradient = problem.scaled(scale)

        def solve(start: Floats) -> Floats:
            minuit = iminuit.Minuit(value, start, grad=gradient if exact else None)
            minuit.errordef = 0.5
            minuit.tol = tolerance
            minuit.print_level = -1
            minuit.migrad(ncall=MOST_CALLS)
            return np.array(minuit.values)

        return each(solve)

    return prepare


def solvers() -> list[Solver]:
    exact = "exact Jacobian"
    return [
        Solver("lmfit", "default", "leastsq, Jacobian by differences", by_lmfit(exact=False)),
        Solver(
            "lmfit",
            "tuned",
            f"leastsq, {exact}, tolerances 1e-10",
            by_lmfit(exact=True, **TUNED),
            centred=True,
        ),
        Solver(
            "iminuit",
            "default",
            "MIGRAD, gradient by differences",
            by_migrad(exact=False, scale=1.0, tolerance=0.1),
        ),
        Solver(
            "iminuit",
            "tuned",
            "MIGRAD, exact gradient, objective times 1e6, tol 1e-3",
            by_migrad(exact=True, scale=1e6, tolerance=1e-3),
            centred=True,
            slow=True,
        ),
    ]
