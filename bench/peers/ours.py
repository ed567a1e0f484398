"""lawfit's side of every job, by its public entry points alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import lawfit as lf
from bench.peers.data import NEAR, LongCurve
from bench.peers.plan import Params, Side, draw
from bench.peers.problems import Floats, Problem
from bench.peers.timing import Contestant

AGREES = 1e-9  # how near a fit's own objective must be to the bench's, relative


def value(problem: Problem, params: Params, said: float) -> float:
    """The objective that the bench's own formula gives at a fit's parameters.

    NaN where the fit says another, which no reference agrees with.
    """
    found = problem.objective(problem.encode(params))
    return found if abs(said / found - 1) <= AGREES else np.nan


def of_fit(problem: Problem) -> Callable[[lf.Fit | lf.Minimum], Floats]:
    return lambda fit: np.array([value(problem, fit.params, fit.objective)])


def single(law: str, data: Any, start: Params, problem: Problem) -> list[Side]:
    """J1a, J2b: one search from a good start, with all read before; and a fit as it comes."""
    starts, first = [dict(start)], dict(start)
    ready = lf.Problem(law, data)

    def plain() -> lf.Fit:
        return lf.fit(law, data, starts=starts, threads=1)

    about = "lf.Problem made before, its minimise(start)"
    return [
        Contestant("lawfit", "prepared", about, lambda: ready.minimise(first), of_fit(problem)),
        Contestant("lawfit", "fit", "lf.fit, errors and scores included", plain, of_fit(problem)),
    ]


def with_areas(long: LongCurve, start: Params, problem: Problem) -> Side:
    """J2b: a fit of columns, with the areas computed before, as the peers have them."""
    law = lf.Law(
        "annealing_columns",
        "L0 + A * forward**-alpha - C * annealing",
        {name: lf.Parameter(0) for name in ("L0", "A", "alpha", "C")},
        y="loss",
    )
    columns = {"forward": long.s1, "annealing": long.s2, "loss": long.loss}
    starts = [dict(start)]
    return Contestant(
        "lawfit",
        "fit, areas given",
        "lf.fit of columns",
        lambda: lf.fit(law, columns, starts=starts, threads=1),
        of_fit(problem),
    )


def array_of(law: lf.Law, starts: Sequence[Mapping[str, float]]) -> Floats:
    """Starts as an array in the order of the law's free parameters."""
    names = [name for name, parameter in law.parameters.items() if parameter.held is None]
    return np.array([[start[name] for name in names] for start in starts])


def many(
    law: lf.Law,
    data: Any,
    starts: Sequence[Params],
    problem: Problem,
    *,
    setting: str = "fit",
    about: str = "starts as given; those that fall into a known basin are merged",
) -> Side:
    """J1b, J2c: one fit from many starts."""
    array = array_of(law, starts)
    return Contestant(
        "lawfit",
        setting,
        about,
        lambda: lf.fit(law, data, starts=array, threads=1),
        of_fit(problem),
        success=lambda fit: fit.starts_agreed / fit.starts_asked,
        remark=lambda fit: f"{fit.starts_run} run, {fit.starts_merged} merged",
    )


def drawn(law: lf.Law, data: Any, starts: int, problem: Problem) -> Side:
    """J2c: as many starts as lawfit draws them itself."""
    return Contestant(
        "lawfit",
        "starts of its own",
        f"starts={starts}: linear parameters eliminated, on every k-th row first",
        lambda: lf.fit(law, data, starts=starts, threads=1),
        of_fit(problem),
        success=lambda fit: fit.starts_agreed / fit.starts_asked,
        remark=lambda fit: f"{fit.starts_run} run, {fit.starts_merged} merged",
    )


def eliminated(law: lf.Law, data: Any, starts: Sequence[Params], problem: Problem) -> Side:
    """J1b: only the starts that differ in the exponents, as the rest is solved for."""
    distinct = {(start["alpha"], start["beta"]) for start in starts}
    ends = [{"alpha": alpha, "beta": beta} for alpha, beta in sorted(distinct)]
    about = f"the grid's {len(ends)} distinct exponents, linear parameters eliminated"
    return Contestant(
        "lawfit",
        "distinct starts",
        about,
        lambda: lf.fit(law, data, starts=ends, threads=1),
        of_fit(problem),
        success=lambda fit: fit.starts_agreed / fit.starts_asked,
        remark=lambda fit: f"{fit.starts_run} run, {fit.starts_merged} merged",
    )


def bootstrap(
    law: str, data: Any, start: Params, problem: Problem, *, part: int, of: int
) -> tuple[list[Side], list[Floats]]:
    """J1c: all resamples in one call, and the first ones by lf.fit; and how rows were drawn.

    The draws are those of lf.bootstrap, for the peers to have the same.
    """
    starts = [dict(start)]
    fit = lf.fit(law, data, starts=starts, threads=1)
    first = lf.bootstrap(fit, n=part, rng=0, threads=1)
    draws = [first.rows(k).astype(float) for k in range(part)]

    def score(found: Any) -> Floats:
        return np.array(
            [
                value(
                    problem.weighted(counts),
                    {name: values[k] for name, values in found.params.items()},
                    found.objective[k],
                )
                for k, counts in enumerate(draws)
            ]
        )

    at_once = Contestant(
        "lawfit",
        "bootstrap",
        f"lf.bootstrap of all {of}",
        lambda: lf.bootstrap(fit, n=of, rng=0, threads=1),
        score,
        remark=lambda found: f"{np.mean(found.converged):.1%} of all converged",
    )
    return [at_once, looped(law, data, starts, problem, draws=draws, of=of)], draws


def looped(
    law: str, data: Any, starts: list[Params], problem: Problem, *, draws: list[Floats], of: int
) -> Side:
    """Resamples one by one."""
    columns = {name: np.array(data[name]) for name in data}

    def loop() -> list[lf.Fit]:
        fits = []
        for counts in draws:
            kept = counts > 0
            rows = {name: column[kept] for name, column in columns.items()}
            fits.append(lf.fit(law, rows, starts=starts, weights=counts[kept], threads=1))
        return fits

    def score(fits: list[lf.Fit]) -> Floats:
        pairs = zip(fits, draws, strict=True)
        return np.array([value(problem.weighted(c), f.params, f.objective) for f, c in pairs])

    return Contestant("lawfit", "loop", "lf.fit in a loop", loop, score, ran=len(draws), of=of)


def growing(long: LongCurve, n: int, more: int, start: Params, problem: Problem) -> list[Side]:
    """J2d: a fit after each new point, warm from the one before; and the forecaster."""
    last, rows = dict(start), n

    def again() -> lf.Fit:
        nonlocal last, rows
        rows += 1
        fit = lf.fit("annealing", long.curve(rows), starts=[last], threads=1)
        last = {name: fit.params[name] for name in last}
        return fit

    def score(fits: list[lf.Fit]) -> Floats:
        return np.array([value(problem.first(f.n), f.params, f.objective) for f in fits])

    sides = [forecaster(long, n, more, problem, mode) for mode in ("exact", "anchored")]
    about = "lf.fit of a Curve, its areas included"
    return [*sides, Contestant("lawfit", "loop", about, again, score, most=more)]


def forecaster(long: LongCurve, n: int, more: int, problem: Problem, mode: str) -> Side:
    steps, losses = long.steps.tolist(), long.loss.tolist()
    made = lf.Forecaster("annealing", long.schedule, mode=mode)
    made.update_many(steps[:n], losses[:n])
    rows = n

    def run() -> None:
        nonlocal rows
        made.update(steps[rows], losses[rows])
        rows += 1

    def score(ends: list[tuple[int, float, Params]]) -> Floats:
        parts = [(problem.first(k), said, params) for k, said, params in ends]
        if mode == "exact":
            return np.array([value(part, params, said) for part, said, params in parts])
        return np.array([part.objective(part.encode(params)) for part, _, params in parts])

    return Contestant(
        "lawfit",
        f"forecaster, {mode}",
        f"lf.Forecaster(mode={mode!r}).update",
        run,
        score,
        read=lambda: (made.n, made.objective, made.params),
        exact=mode == "exact",
        most=more,
    )


def small_fits(runs: Sequence[LongCurve], part: int, resamples: int) -> list[Side]:
    """J4: all curves and their resamples in one call; and lf.fit in a loop, on some."""
    loop = one_by_one(runs[:part], resamples, len(runs))
    curves = [
        lf.Curve(run.steps, run.loss, run.schedule, name=f"{i}") for i, run in enumerate(runs)
    ]
    return [*(all_at_once(curves, runs[:part], resamples, threads) for threads in (1, 2)), loop]


def all_at_once(curves: Any, some: Sequence[LongCurve], resamples: int, threads: int) -> Side:
    how = {"by": "name", "resamples": resamples, "threads": threads}
    problems = [run.problem() for run in some]

    def score(table: Any) -> Floats:
        place = {key: g for g, key in enumerate(table.keys)}
        places = [place[f"{i}"] for i in range(len(problems))]
        return np.array(
            [
                value(
                    problem,
                    {name: values[g] for name, values in table.params.items()},
                    table.objective[g],
                )
                for problem, g in zip(problems, places, strict=True)
            ]
        )

    def remark(table: Any) -> str:
        done = np.mean(table.resampled_status == table.STATUSES.index("converged"))
        return f"{np.mean(table.converged):.1%} of fits and {done:.1%} of resamples converged"

    return Contestant(
        "lawfit",
        f"fit_many, {threads} thread{'s' * (threads > 1)}",
        "lf.fit_many from default starts",
        lambda: lf.fit_many("annealing", curves, **how),
        score,
        remark=remark,
        cpus=threads,
    )


def one_by_one(runs: Sequence[LongCurve], resamples: int, of: int) -> Side:
    """Curves and their resamples by lf.fit."""

    def run() -> list[lf.Fit]:
        fits = []
        for i, long in enumerate(runs):
            fit = lf.fit("annealing", long.curve(), starts=[NEAR], threads=1)
            start = [{name: fit.params[name] for name in NEAR}]
            for k in range(resamples):
                counts = draw(fit.n, (i, k))
                kept = counts > 0
                part = lf.Curve(long.steps[kept], long.loss[kept], long.schedule)
                lf.fit("annealing", part, starts=start, weights=counts[kept], threads=1)
            fits.append(fit)
        return fits

    def score(fits: list[lf.Fit]) -> Floats:
        pairs = zip(fits, runs, strict=True)
        return np.array([value(long.problem(), f.params, f.objective) for f, long in pairs])

    return Contestant("lawfit", "loop", "lf.fit in a loop", run, score, ran=len(runs), of=of)
