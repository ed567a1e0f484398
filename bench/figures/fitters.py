"""Other fitters at one interface, as their documentation has it and tuned."""

from __future__ import annotations

import contextlib
import io
import logging
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import Any

import numpy as np

from bench.figures import gsl
from bench.figures.least_squares import Floats, LeastSquares

TIGHT = 1e-15
MANY = 10_000

Solved = tuple[Floats, Floats | None]  # parameters, and their standard errors where it has any


@dataclass(frozen=True)
class Fitter:
    """A peer in one setting; `robust` says that it takes Huber's loss."""

    name: str
    module: str
    solve: Callable[[LeastSquares], Solved]
    robust: bool = False

    def try_at(self, problem: LeastSquares) -> Solved:
        """Solve; an exception counts as an answer of nan."""
        nothing = np.full(problem.parameters, np.nan)
        with warnings.catch_warnings(), np.errstate(all="ignore"), _quiet():
            warnings.simplefilter("ignore")
            try:
                found, stderr = self.solve(problem)
            except Exception:  # whatever a peer throws is its answer
                return nothing, nothing
        return np.asarray(found, dtype=np.float64), stderr


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)


def _errors(covariance: Any) -> Floats:
    return np.sqrt(np.diag(np.asarray(covariance, dtype=np.float64)))


def curve_fit(problem: LeastSquares, **options: Any) -> Solved:
    fit = import_module("scipy.optimize").curve_fit

    x = np.arange(problem.y.size, dtype=np.float64)
    found, covariance = fit(
        lambda _, *b: problem.model(np.array(b)), x, problem.y, problem.start, **options
    )
    return found, _errors(covariance)


def curve_fit_tuned(problem: LeastSquares) -> Solved:
    return curve_fit(
        problem,
        jac=lambda _, *b: problem.jacobian(np.array(b)),
        ftol=TIGHT,
        xtol=TIGHT,
        gtol=TIGHT,
        maxfev=MANY,
    )


def least_squares(problem: LeastSquares, **options: Any) -> Solved:
    fit = import_module("scipy.optimize").least_squares

    if problem.delta is not None:
        options |= {"loss": "huber", "f_scale": problem.delta}
    done = fit(problem.residuals, problem.start, **options)
    return done.x, None


def least_squares_tuned(problem: LeastSquares) -> Solved:
    tight = dict.fromkeys(("ftol", "xtol", "gtol"), TIGHT)
    return least_squares(problem, jac=problem.jacobian, x_scale="jac", max_nfev=MANY, **tight)


def lmfit(problem: LeastSquares) -> Solved:
    library = import_module("lmfit")

    names = [f"b{k + 1}" for k in range(problem.parameters)]
    parameters = library.Parameters()
    for name, value in zip(names, problem.start, strict=True):
        parameters.add(name, value=value)

    def values(parameters: Any) -> Floats:
        return np.array([parameters[name].value for name in names])

    done = library.minimize(lambda p: problem.residuals(values(p)), parameters)
    errors = [done.params[n].stderr for n in names]
    return values(done.params), np.array([math.nan if e is None else e for e in errors])


def iminuit(problem: LeastSquares) -> Solved:
    library = import_module("iminuit")

    minuit = library.Minuit(lambda b: 2 * problem.cost(b), problem.start)
    minuit.errordef = library.Minuit.LEAST_SQUARES
    minuit.migrad()
    minuit.hesse()
    n, p = problem.y.size, problem.parameters
    found = np.array(minuit.values)
    scale = math.sqrt(2 * problem.cost(found) / (n - p)) if n > p else math.nan
    return found, np.array(minuit.errors) * scale


def odrpack(problem: LeastSquares, **options: Any) -> Solved:
    fit = import_module("odrpack").odr_fit

    x = np.arange(problem.y.size, dtype=np.float64)
    done = fit(
        lambda _, b: np.array(problem.model(b)), x, problem.y, problem.start, task="OLS", **options
    )
    return done.beta, done.sd_beta


def odrpack_tuned(problem: LeastSquares) -> Solved:
    return odrpack(
        problem,
        jac_beta=lambda _, b: problem.jacobian(b).T,
        maxit=MANY,
        sstol=TIGHT,
        partol=TIGHT,
    )


def ceres(problem: LeastSquares) -> Solved:
    """Its loss takes the square of a residual block, so Huber's needs a block a residual."""
    pyceres = import_module("pyceres")
    found, n = problem.start.copy(), problem.y.size
    whole = problem.delta is None
    loss = pyceres.TrivialLoss() if whole else pyceres.HuberLoss(problem.delta)
    blocks = [slice(0, n)] if whole else [slice(i, i + 1) for i in range(n)]
    system = pyceres.Problem()
    for rows in blocks:
        system.add_residual_block(_ceres_cost(pyceres, problem, rows), loss, [found])
    options = pyceres.SolverOptions()
    options.linear_solver_type = pyceres.LinearSolverType.DENSE_QR
    options.max_num_iterations = MANY
    options.function_tolerance = options.parameter_tolerance = options.gradient_tolerance = 1e-16
    options.minimizer_progress_to_stdout = False
    options.logging_type = pyceres.LoggingType.SILENT
    pyceres.solve(options, system, pyceres.SolverSummary())
    return found, None


def _ceres_cost(pyceres: Any, problem: LeastSquares, rows: slice) -> Any:
    class Cost(pyceres.CostFunction):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.set_num_residuals(rows.stop - rows.start)
            self.set_parameter_block_sizes([problem.parameters])

        def Evaluate(self, parameters: Any, residuals: Any, jacobians: Any) -> bool:  # noqa: N802
            b = np.array(parameters[0])
            residuals[:] = problem.residuals(b)[rows]
            if jacobians is not None and jacobians[0] is not None:
                jacobians[0][:] = problem.jacobian(b)[rows].ravel()
            return bool(np.isfinite(residuals).all())

    return Cost()


def nlsq(problem: LeastSquares) -> Solved:
    jnp, fit = import_module("jax.numpy"), import_module("nlsq").curve_fit

    if not problem.source:
        raise ValueError("nlsq needs a model that JAX can trace")
    code = compile(problem.source, problem.name, "eval")
    x = np.arange(problem.y.size, dtype=np.float64)

    def model(_: Any, *b: Any) -> Any:
        return eval(code, {"np": jnp, **problem.columns}, {"b": b}) + 0 * _

    found, covariance = fit(model, x, problem.y, p0=problem.start)
    return np.asarray(found), _errors(covariance)


def gsl_default(problem: LeastSquares) -> Solved:
    return gsl.fit(problem, exact=False, tolerance=1e-8)


def gsl_tuned(problem: LeastSquares) -> Solved:
    return gsl.fit(problem, exact=True, tolerance=TIGHT)


FITTERS = (
    Fitter("scipy curve_fit", "scipy", curve_fit),
    Fitter("scipy curve_fit, tuned", "scipy", curve_fit_tuned),
    Fitter("scipy least_squares", "scipy", least_squares, robust=True),
    Fitter("scipy least_squares, tuned", "scipy", least_squares_tuned, robust=True),
    Fitter("lmfit", "lmfit", lmfit),
    Fitter("iminuit", "iminuit", iminuit, robust=True),
    Fitter("odrpack", "odrpack", odrpack),
    Fitter("odrpack, tuned", "odrpack", odrpack_tuned),
    Fitter("Ceres, tuned", "pyceres", ceres, robust=True),
    Fitter("GSL", "", gsl_default),
    Fitter("GSL, tuned", "", gsl_tuned),
    Fitter("nlsq", "nlsq", nlsq),
)


def version(fitter: Fitter) -> str:
    """Its version, or an empty string where it is not installed."""
    try:
        if not fitter.module:
            return str(gsl.version())
        import_module(fitter.module)
        return metadata.version(fitter.module)
    except (ImportError, OSError):
        return ""
