"""From rows to a fit: one solve, a grid of them, or one across groups."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import numpy as np

from lawfit import _core
from lawfit._validate import Floats, Ints
from lawfit.callable_law import CallableLaw
from lawfit.grouped import GroupedFit
from lawfit.groups import By, Key, number_of_grouped_starts, split_rows
from lawfit.options import Options, ProfilePoint, decays, read_grid
from lawfit.parameter import TINY
from lawfit.result import Fit, Trained
from lawfit.rows import Rows
from lawfit.scores import score
from lawfit.starts import Bounds, given_starts, in_order, number_of_starts, start_ranges
from lawfit.ties import tie_notes

__all__ = [
    "COARSE",
    "Job",
    "check_enough",
    "description",
    "fit_groups",
    "fit_once",
    "fit_trained",
    "free_parameters",
    "train",
]

# Starts are run on every k-th row first, where there are this many of them and of rows a parameter.
COARSE_STARTS = 4
COARSE_ROWS = 8
COARSE_STRIDE = 3
COARSE = (COARSE_STARTS, COARSE_ROWS, COARSE_STRIDE)


@dataclass(frozen=True, slots=True)
class Job:
    """What all points of a profile share."""

    rows: Rows
    options: Options
    bounds: Bounds
    weights: Floats
    starts: Any
    threads: int
    core: _core.Data
    profile: Mapping[str, Sequence[float]] | None
    deadline: float = math.inf  # by time.monotonic

    @property
    def seconds_left(self) -> float:
        """Until the time is up."""
        return max(self.deadline - time.monotonic(), 0.0)

    def part(self, rows: Rows, index: Ints, *, coarse: bool = False) -> Job:
        """Return the same of some of the rows; `coarse` is for a search."""
        weights = self.weights[index] if self.weights.size else self.weights
        core = rows.core(exact=self.options.exact, coarse=coarse)
        return dataclasses.replace(self, rows=rows, weights=weights, core=core)


def fit_once(job: Job, held: Mapping[str, float]) -> Fit:
    """Fit all rows with one set of parameters."""
    return _over_grid(job, held, lambda values: fit_trained(job, values, train(job, values)))


def fit_groups(
    job: Job,
    held: Mapping[str, float],
    *,
    members: Mapping[Key, Ints],
    shared: Sequence[str],
    by: By,
) -> GroupedFit:
    """Fit groups of rows, together where they share parameters."""
    parts = {
        key: job.part(rows, members[key]) for key, rows in split_rows(job.rows, members).items()
    }
    if shared:
        return _over_grid(job, held, lambda values: _solve_groups(job, parts, values, shared, by))
    fits = {key: fit_once(part, held) for key, part in parts.items()}
    weights = [f.n / len(job.rows) if job.options.reduction == "mean" else 1 for f in fits.values()]
    return GroupedFit.alone(fits, by=by, weights=weights)


Found = TypeVar("Found", Fit, GroupedFit)


def _over_grid(
    job: Job, held: Mapping[str, float], solve: Callable[[Mapping[str, float]], Found]
) -> Found:
    """Solve at every point of the profile's grid, if there is one, and return the best."""
    if job.profile is None:
        return solve(held)
    points = read_grid(job.rows.law, job.profile, job.bounds)
    fits: list[Found] = []
    for point in points:
        fits.append(solve({**held, **point}))
        if fits[-1].status == "timeout":
            break
    best = min(fits, key=lambda f: f.objective if not math.isnan(f.objective) else math.inf)
    ends = [(f.objective, f.status) for f in fits]
    ends += [(math.nan, "timeout")] * (len(points) - len(fits))
    profile = (ProfilePoint(point, *end) for point, end in zip(points, ends, strict=True))
    best, last = best.with_profile(tuple(profile)), fits[-1]
    return best.with_end(last.status, last.message) if last.status == "timeout" else best


def free_parameters(job: Job, held: Mapping[str, float]) -> list[str]:
    """Return the parameters to be fitted."""
    law = job.rows.law
    free = [name for name in law.parameters if name not in held]
    if not free:
        raise ValueError(
            f"law {law.name!r}: every parameter is fixed or profiled, so there is nothing to fit"
        )
    return free


def check_enough(rows: Rows, parameters: int, kind: str = "") -> None:
    """Refuse fewer rows than parameters."""
    if len(rows) < parameters:
        raise ValueError(
            f"{rows.sources}: {parameters} {kind}parameters need >= {parameters} points, "
            f"got {len(rows)}"
        )


def _ends(job: Job, free: Sequence[str]) -> tuple[list[float], list[float]]:
    return [job.bounds[name][0] for name in free], [job.bounds[name][1] for name in free]


def _problem(job: Job, held: Mapping[str, float], shared: Sequence[str] = ()) -> _core.Problem:
    return _core.Problem(**description(job, held, shared))


def description(job: Job, held: Mapping[str, float], shared: Sequence[str] = ()) -> dict[str, Any]:
    """Return what the core's problems are made of."""
    rows, options, law = job.rows, job.options, job.rows.law
    assert rows.y is not None
    free = [name for name in law.parameters if name not in held]
    return {
        "program": law._program,
        "data": job.core,
        "y": rows.y,
        "weights": job.weights,
        "loss": options.rho,
        "delta": options.delta,
        "space": options.space,
        "theta": [held.get(name, 0.0) for name in law.parameters],
        "free": [name not in held for name in law.parameters],
        "may_centre": [
            name not in shared and (low == -math.inf or 0 <= low <= TINY) and high == math.inf
            for name, low, high in zip(free, *_ends(job, free), strict=True)
        ],
        "logarithmic": [  # the caller's bounds may let it be negative
            law.parameters[name].scale == "log" and job.bounds[name][0] >= 0 and name not in shared
            for name in free
        ],
    }


def fit_trained(job: Job, held: Mapping[str, float], trained: Trained) -> Fit:
    """Fit rows that the core has been made a problem of."""
    rows, options, problem = job.rows, job.options, trained.problem
    free = free_parameters(job, held)
    linear = problem.linear
    given: list[list[float]] = []
    notes: list[str] = []
    if job.starts is not None and not isinstance(job.starts, int | float | np.number):
        given, notes = given_starts(job.starts, free, job.bounds, linear)
    starts = 1 if given else number_of_starts(job.starts, linear.count(False))
    solution = _core.solve(
        problem=problem,
        coarse=None if given else _coarse(job, held, starts),
        lower=trained.lower,
        upper=trained.upper,
        max_iterations=options.max_iterations,
        tolerance=options.tolerance,
        starts=starts,
        seed=options.seed,
        threads=job.threads,
        ranges=start_ranges(rows, free, job.bounds, linear),
        given=in_order(given),
        timeout=job.seconds_left,
        program=rows.law._program,
        data=job.core,
        theta=[held.get(name, 0.0) for name in rows.law.parameters],
        free=[name not in held for name in rows.law.parameters],
    )
    if given and solution.status == "bad_start":
        _refuse_starts(job, free, problem, given)
    found = _result(job, held, free, problem=problem, solution=solution, notes=notes)
    return found._holding(trained)


def _refuse_starts(
    job: Job, free: Sequence[str], problem: _core.Problem, given: Sequence[Sequence[float]]
) -> NoReturn:
    """Refuse the caller's own starts, which are input, where none has an objective."""
    law, start = job.rows.law, given[0]
    known = {name: x for name, x in zip(free, start, strict=True) if not math.isnan(x)}
    place = ", ".join(f"{name}={x:.6g}" for name, x in known.items())
    source = f"start 0 ({place})" if len(given) == 1 else f"{len(given)} starts, the first {place}"
    if len(known) == len(free):
        values, derivatives = problem.jacobian(start)
        found = {f"predicted {law.y}": values}
        found |= {f"derivative by {n}": d for n, d in zip(free, derivatives.T, strict=True)}
        for what, numbers in found.items():
            bad, wanted = ~np.isfinite(numbers), f"law {law.name!r} has no finite one there"
            job.rows.refuse(bad, f"{source}: {what}", numbers, wanted)
    raise ValueError(
        f"{job.rows.sources}: {source}: the objective of law {law.name!r} is not finite"
    )


def train(job: Job, held: Mapping[str, float]) -> Trained:
    """Return what a fit of these rows is made to."""
    free = free_parameters(job, held)
    check_enough(job.rows, len(free))
    lower, upper = _ends(job, free)
    curves = job.rows.steps.size > 0  # a table has none
    return Trained(_problem(job, held), job.core, tuple(lower), tuple(upper), curves)


def _coarse(job: Job, held: Mapping[str, float], starts: int) -> _core.Problem | None:
    """Return the law over every k-th row, for the starts, where that leaves rows enough."""
    # A Python function may make more of its rows than their number.
    if starts < COARSE_STARTS or isinstance(job.rows.law, CallableLaw):
        return None
    enough = COARSE_ROWS * len(free_parameters(job, held))
    every = len(job.rows) // enough
    if every < COARSE_STRIDE:
        return None
    index = np.arange(every // 2, len(job.rows), every)
    return _problem(job.part(job.rows.take(index), index, coarse=True), held)


def _solve_groups(
    job: Job,
    parts: Mapping[Key, Job],
    held: Mapping[str, float],
    shared: Sequence[str],
    by: By,
) -> GroupedFit:
    options, free = job.options, free_parameters(job, held)
    own = [name for name in free if name not in shared]
    check_enough(job.rows, len(shared) + len(own) * len(parts))
    for part in parts.values():
        check_enough(part.rows, len(own), "own ")
    problems = [_problem(part, held, shared) for part in parts.values()]
    linear = problems[0].linear
    drawn = [name for name, easy in zip(free, linear, strict=True) if name in shared and not easy]
    # What is shared is drawn on the scale of all rows, what is a group's own on that of its rows.
    common = start_ranges(job.rows, free, job.bounds, linear)
    ranges = [
        [
            of_all if name in shared else of_group
            for name, of_all, of_group in zip(
                free, common, start_ranges(part.rows, free, job.bounds, linear), strict=True
            )
        ]
        for part in parts.values()
    ]
    lower, upper = _ends(job, free)
    whole, solutions = _core.solve_grouped(
        problems=problems,
        shared=[name in shared for name in free],
        lower=lower,
        upper=upper,
        max_iterations=options.max_iterations,
        tolerance=options.tolerance,
        starts=number_of_grouped_starts(job.starts, len(drawn)),
        seed=options.seed,
        threads=job.threads,
        ranges=ranges,
        timeout=job.seconds_left,
    )
    fits = {
        key: _result(part, held, free, problem=problem, solution=solution, notes=[])
        for (key, part), problem, solution in zip(parts.items(), problems, solutions, strict=True)
    }
    scale = 1 / len(job.rows) if options.reduction == "mean" else 1.0
    return GroupedFit.together(fits, by=by, shared=shared, solution=whole, scale=scale)


def _result(
    job: Job,
    held: Mapping[str, float],
    free: list[str],
    *,
    problem: _core.Problem,
    solution: _core.Solution,
    notes: list[str],
) -> Fit:
    rows, law, y = job.rows, job.rows.law, job.rows.y
    assert y is not None
    solved = solution.theta.size > 0
    found = dict(
        zip(free, solution.theta.tolist() if solved else [math.nan] * len(free), strict=True)
    )
    params = {name: found.get(name, held.get(name, math.nan)) for name in law.parameters}
    predicted = problem.predict([params[name] for name in free])
    with np.errstate(invalid="ignore", divide="ignore"):
        residuals = np.log(predicted) - np.log(y) if job.options.space == "log" else predicted - y
    if solution.residuals.size:
        residuals = solution.residuals
    p, bounds = len(free), ("lower", "upper")
    at = zip(free, zip(solution.at_lower, solution.at_upper, strict=True), strict=False)
    objective = solution.objective if solved else math.nan
    return Fit(
        law=law,
        params=params,
        free=tuple(free),
        cov=solution.covariance.reshape(p, p) if solved else np.full((p, p), np.nan),
        objective=objective / len(rows) if job.options.reduction == "mean" else objective,
        residuals=residuals,
        status=solution.status,
        message=solution.message,
        at_bounds={
            n: side for n, sides in at for side, here in zip(bounds, sides, strict=True) if here
        },
        undetermined=tuple(n for n, lost in zip(free, solution.undetermined, strict=False) if lost),
        rank=solution.rank,
        freedom=max(len(rows) - solution.rank, 0),
        condition=solution.condition,
        precision=dict(zip(free, solution.precision.tolist() or [math.nan] * p, strict=True)),
        training=score(y, predicted),
        sources=tuple((g.source, g.end - g.begin) for g in rows.groups),
        options=job.options,
        starts_asked=solution.starts_asked,
        starts_run=solution.starts_run,
        starts_merged=solution.starts_merged,
        starts_failed=solution.starts_failed,
        starts_agreed=solution.starts_agreed,
        iterations=solution.iterations,
        evaluations=solution.evaluations,
        notes=(*rows.notes, *notes, *_caveats(job, free, solution)),
    )


def _caveats(job: Job, free: list[str], solution: _core.Solution) -> list[str]:
    """Say what the numbers of a fit do not show."""
    factors = decays(job.rows.law)
    notes = [
        f"{lam} is free: it and the factor of S2({lam}) are hard to tell apart, the factor being "
        f"nearly proportional to 1 - {lam}; compare forecasts, not their values"
        for lam in free
        if lam in factors
    ]
    notes += tie_notes(job.rows.law, job.rows.columns, free)
    if isinstance(job.rows.law, CallableLaw):
        how = "differences" if job.rows.law.jacobian is None else "its own jacobian"
        notes.append(f"the law is a Python function: slow, on one thread, derivatives by {how}")
    if job.options.loss == "binomial" and not job.weights.size:
        notes.append(
            "every rate counts as one trial: standard errors need the numbers of trials as weights"
        )
    if job.options.robust and solution.theta.size and not solution.from_hessian:
        notes.append(
            "standard errors rest on the Gauss-Newton matrix: the Hessian is not positive definite"
        )
    return notes
