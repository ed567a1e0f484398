"""optimistix on JAX in float64, jitted and compiled before it is timed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from bench.peers.problems import DELTA, Annealing, Floats, Problem
from bench.peers.solver import Prepare, Run, Solver, importing

with importing("jax"):
    import jax
    import jax.numpy as jnp
with importing("optimistix"):
    import optimistix as optx

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")

Columns = tuple[Any, Any, Any, Any]  # x1, x2, log y, the weights' roots


def chinchilla(theta: Any, columns: Columns) -> Any:
    a, b, e, alpha, beta = theta
    x1, x2, *_ = columns
    return jnp.logaddexp(jnp.logaddexp(a - alpha * x1, b - beta * x2), e)


def annealing(theta: Any, columns: Columns) -> Any:
    L0, A, C, alpha = theta
    x1, x2, *_ = columns
    return jnp.log(jnp.maximum(L0 + A * jnp.exp(-alpha * x1) - C * x2, Annealing.LEAST))


LAWS = {"chinchilla": chinchilla, "annealing": annealing}


def residuals(kind: str) -> Callable[[Any, Columns], Any]:
    def function(theta: Any, columns: Columns) -> Any:
        d = LAWS[kind](theta, columns) - columns[2]
        size = jnp.abs(d)
        tail = jnp.sqrt(2 * DELTA * jnp.maximum(size - 0.5 * DELTA, 0.5 * DELTA))
        return columns[3] * jnp.where(size <= DELTA, d, jnp.sign(d) * tail)

    return function


@cache
def compiled(kind: str, method: str, tolerance: float, batched: bool) -> Callable[..., Any]:
    """A jitted solve of one start, or of all at once."""
    solver = getattr(optx, method)(rtol=tolerance, atol=tolerance)
    function = residuals(kind)

    def solve(start: Any, columns: Columns) -> Any:
        found = optx.least_squares(function, solver, start, columns, max_steps=1000, throw=False)
        return found.value

    return jax.jit(jax.vmap(solve, in_axes=(0, None)) if batched else solve)


def by_optimistix(method: str, tolerance: float, *, batched: bool = False) -> Prepare:
    def prepare(problem: Problem) -> Run:
        root = np.ones(problem.n) if problem.weights is None else np.sqrt(problem.weights)
        columns = tuple(map(jnp.asarray, (problem.x1, problem.x2, problem.log_y, root)))
        solve = compiled(problem.KIND, method, tolerance, batched)

        def run(starts: Floats) -> Floats:
            if batched:
                return np.asarray(solve(jnp.asarray(starts), columns))
            return np.stack([np.asarray(solve(jnp.asarray(start), columns)) for start in starts])

        return run

    return prepare


def solvers() -> list[Solver]:
    jitted = "jitted, compiled before"
    return [
        Solver(
            "optimistix LM",
            "default",
            f"{jitted}, rtol = atol = 1e-8",
            by_optimistix("LevenbergMarquardt", 1e-8),
            grows=False,
        ),
        Solver(
            "optimistix LM",
            "tuned",
            f"{jitted}, rtol = atol = 1e-10",
            by_optimistix("LevenbergMarquardt", 1e-10),
            centred=True,
            grows=False,
        ),
        Solver(
            "optimistix LM",
            "tuned, vmap",
            f"all starts in one vmap, {jitted}, rtol = atol = 1e-10",
            by_optimistix("LevenbergMarquardt", 1e-10, batched=True),
            centred=True,
            grows=False,
        ),
        Solver(
            "optimistix dogleg",
            "tuned",
            f"{jitted}, rtol = atol = 1e-10",
            by_optimistix("Dogleg", 1e-10),
            centred=True,
            grows=False,
        ),
    ]
