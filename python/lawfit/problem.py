"""A law over data, read once and fitted again and again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, TypedDict, Unpack

from lawfit import _core
from lawfit._targets import check_rows
from lawfit._validate import closest
from lawfit.law import Law
from lawfit.options import (
    read_bounds,
    read_deadline,
    read_held,
    read_law,
    read_options,
    read_seed,
    read_threads,
    read_weights,
)
from lawfit.result import Fit
from lawfit.rows import rows_of
from lawfit.schedule import Warmup
from lawfit.solve import Job, fit_trained, free_parameters, train
from lawfit.starts import given_starts

__all__ = ["Minimum", "Problem", "read_job"]


class Minimum(NamedTuple):
    """Where a search from one start ended.

    Attributes
    ----------
    params : dict of str to float
        All parameters in natural units, those held included; the start where the law has no value
        there.
    objective : float
        Sum of rho over the rows, or its mean if asked; NaN where the law has no value at the start.
    status : str
        "converged", "stalled", "max_iterations" or "bad_start". What the data do not determine is
        not looked for: `Fit.status` has it.
    iterations, evaluations : int
    """

    params: dict[str, float]
    objective: float
    status: str
    iterations: int
    evaluations: int


class ProblemOptions(TypedDict, total=False):
    """What a `Problem` takes of the options of `lawfit.fit`."""

    loss: str | None
    delta: float | None
    space: str | None
    reduction: str
    fixed: Mapping[str, float | None] | None
    bounds: Mapping[str, tuple[float | None, float | None]] | None
    weights: Any
    warmup: Warmup | None
    skip_steps: int | None
    nan_policy: str
    exact: bool
    max_iterations: int
    tolerance: float


class Problem:
    """A law over data, read and checked once, for who fits it again and again.

    Threads may share it. It does not pickle: each process makes its own.

    Parameters
    ----------
    law, data
        As `lawfit.fit` takes them; what the data say later is not seen.
    **options
        `loss`, `delta`, `space`, `reduction`, `fixed`, `bounds`, `weights`, `warmup`, `skip_steps`,
        `nan_policy`, `exact`, `max_iterations` and `tolerance` of `lawfit.fit`.

    Raises
    ------
    TypeError, ValueError
        As `lawfit.fit` does.

    Examples
    --------
    >>> import lawfit as lf
    >>> table = {"x": [1.0, 2.0, 4.0, 8.0], "y": [3.0, 2.0, 1.5, 1.25]}
    >>> problem = lf.Problem(lf.Law("power", "a * x**-b + c", y="y"), table)
    >>> problem.minimise({"a": 1, "b": 0.5, "c": 0.5}).status
    'converged'
    """

    def __init__(
        self, law: Law | str | Callable[..., Any], data: Any, **options: Unpack[ProblemOptions]
    ) -> None:
        for name in options:
            if name not in ProblemOptions.__annotations__:
                raise TypeError(
                    f"Problem: {name!r} is no option of it"
                    f"{closest(name, ProblemOptions.__annotations__)}"
                )
        self._job, self._held = read_job(law, data, **options)
        self._trained = train(self._job, self._held)
        self._minimiser = _core.Minimiser(
            problem=self._trained.problem,
            lower=self._trained.lower,
            upper=self._trained.upper,
            max_iterations=self._job.options.max_iterations,
            tolerance=self._job.options.tolerance,
        )
        self._free = tuple(free_parameters(self._job, self._held))
        self._inner = {name: self._job.bounds[name] for name in self._free}
        mean = self._job.options.reduction == "mean"
        self._scale = 1 / self.n if mean else 1.0

    @property
    def law(self) -> Law:
        """The law that is fitted."""
        return self._job.rows.law

    @property
    def free(self) -> tuple[str, ...]:
        """The parameters that are fitted."""
        return self._free

    @property
    def n(self) -> int:
        """Rows fitted."""
        return len(self._job.rows)

    def fit(
        self,
        starts: Any = None,
        *,
        rng: Any = 0,
        threads: int | None = None,
        timeout: float | None = None,
    ) -> Fit:
        """Fit the law as `lawfit.fit` does, with its `starts`, `rng`, `threads` and `timeout`."""
        begin = time.perf_counter()
        job = replace(
            self._job,
            starts=starts,
            threads=read_threads(threads, self.law),
            options=replace(self._job.options, seed=read_seed(rng)),
            deadline=read_deadline(timeout),
        )
        found = fit_trained(job, self._held, self._trained)
        return found.with_seconds(time.perf_counter() - begin)

    def minimise(self, start: Mapping[str, float]) -> Minimum:
        """Search from one start, on the calling thread, and say where that ended.

        No errors of parameters, no scores, nothing of the rows: what is left takes microseconds
        for some hundred rows.

        Parameters
        ----------
        start : mapping of str to float
            A value of every free parameter, within its bounds; one on a bound is moved inside by
            1e-8, relatively.

        Raises
        ------
        TypeError, ValueError
            Naming the parameter and its value.
        KeyboardInterrupt
            Within 100 ms of Ctrl-C.
        """
        found, objective, status, iterations, evaluations = self._minimiser.solve(
            self._values(start)
        )
        params = dict(zip(self._free, found, strict=True))
        name = _core.STATUSES[status]
        return Minimum(
            {k: params[k] if k in params else self._held[k] for k in self.law.parameters}
            if self._held
            else params,
            math.nan if name == "bad_start" else self._scale * objective,
            name,
            iterations,
            evaluations,
        )

    def _values(self, start: Mapping[str, float]) -> list[float]:
        """Return the start in order; where anything is unusual, the reader of starts has a look."""
        if type(start) is dict and len(start) == len(self._free):
            values = []
            for name, (lower, upper) in self._inner.items():
                value = start.get(name)
                if type(value) is not float or not lower < value < upper:
                    break
                values.append(value)
            else:
                return values
        if not isinstance(start, Mapping):
            raise TypeError(f"start is {start!r}; expected a mapping of the free parameters")
        return given_starts(start, self._free, self._job.bounds)[0][0]

    def __repr__(self) -> str:
        free = ", ".join(self._free)
        return f"<Problem {self.law.name!r} over {self.n} rows: {free}>"


def read_job(
    law: Law | str | Callable[..., Any],
    data: Any,
    *,
    loss: str | None = None,
    delta: float | None = None,
    space: str | None = None,
    reduction: str = "sum",
    fixed: Mapping[str, float | None] | None = None,
    bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
    starts: Any = None,
    weights: Any = None,
    rng: Any = 0,
    threads: int | None = None,
    profile: Mapping[str, Any] | None = None,
    warmup: Warmup | None = None,
    skip_steps: int | None = None,
    nan_policy: str = "raise",
    exact: bool = False,
    max_iterations: int = 1000,
    tolerance: float = 1e-14,
    timeout: float | None = None,
) -> tuple[Job, dict[str, float]]:
    """Read and check what `lawfit.fit` is given; return it with the parameters that are held."""
    deadline = read_deadline(timeout)
    chosen = read_law(law)
    options = read_options(
        chosen,
        loss=loss,
        delta=delta,
        space=space,
        reduction=reduction,
        warmup=warmup,
        skip_steps=skip_steps,
        nan_policy=nan_policy,
        exact=exact,
        rng=rng,
        max_iterations=max_iterations,
        tolerance=tolerance,
    )
    rows = rows_of(
        chosen,
        data,
        warmup=options.warmup,
        skip_steps=options.skip_steps,
        nan_policy=options.nan_policy,
    )
    check_rows(rows, options)
    job = Job(
        rows=rows,
        options=options,
        bounds=read_bounds(chosen, bounds),
        weights=read_weights(weights, rows),
        starts=starts,
        threads=read_threads(threads, chosen),
        core=rows.core(exact=options.exact),
        profile=profile,
        deadline=deadline,
    )
    return job, dict(read_held(chosen, fixed, bounds, profile))
