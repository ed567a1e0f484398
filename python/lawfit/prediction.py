"""Values of a law at given parameters: over a schedule, along a curve or for columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lawfit import laws
from lawfit._keywords import known_keywords
from lawfit._validate import Floats, Ints, choose, closest, flag, real
from lawfit.conventions import DEFAULTS, WARMUPS, Warmup
from lawfit.curve import Curve
from lawfit.curves import Curves
from lawfit.law import Law
from lawfit.rows import Rows, curve_rows, schedule_rows, table_rows
from lawfit.schedule import Schedule

__all__ = ["Request", "predict", "request"]


@known_keywords
def predict(
    law: Law | str,
    params: Mapping[str, float],
    data: Any,
    at: Any = None,
    *,
    warmup: Warmup | None = None,
    exact: bool = False,
    size: float | None = None,
    tokens_per_step: float | None = None,
) -> Floats:
    """Evaluate a law at given parameters, such as published ones, without a fit.

    Parameters
    ----------
    law : Law or str
        A law, or the name of one in the catalogue.
    params : mapping of str to float
        A value for every parameter; one that the law holds may be left out.
    data : Schedule, Curve, mapping or data frame
        A schedule: the loss at its every step. A curve: the loss at its steps. Columns: the law's
        value at every row.
    at : array-like of int, optional
        Steps of the schedule or curve, in any order.
    warmup : {"peak", "actual", "skip"}, optional
        What a schedule's warm-up counts for, as in `lawfit.fit`; by default the law's convention.
    exact : bool
        Sum loss drops step by step, as in `lawfit.fit`.
    size, tokens_per_step : float, optional
        Parameters of the model and tokens of a step, for a law of N or D over a bare schedule.

    Returns
    -------
    ndarray, shape (n,)
        In the target's unit; see `Fit.predict` for where a law has no value.

    Raises
    ------
    TypeError, ValueError
        Naming the field, index and value.
    """
    chosen = laws.get(law) if isinstance(law, str) else law
    if not isinstance(chosen, Law):
        raise TypeError(f"law is a {type(law).__name__}; expected a Law or the name of one")
    usual = chosen.conventions.get("warmup", DEFAULTS["warmup"])
    asked = request(
        chosen,
        data,
        at,
        warmup=choose(usual if warmup is None else warmup, WARMUPS, field="warmup"),
        sizes={"size": size, "tokens_per_step": tokens_per_step},
    )
    return asked.evaluate(_values(chosen, params), exact=flag(exact, field="exact"))


def _values(law: Law, params: object) -> list[float]:
    if not isinstance(params, Mapping):
        raise TypeError(f"params is {params!r}; expected a mapping by parameter")
    for name in params:
        if name not in law.parameters:
            near = closest(str(name), law.parameters)
            raise ValueError(f"params: law {law.name!r} has no parameter {name!r}{near}")
    values = []
    for name, parameter in law.parameters.items():
        value = params.get(name, parameter.held)
        if value is None:
            raise ValueError(f"params: {name!r} of law {law.name!r} is missing")
        values.append(
            real(
                value,
                field=f"params: {name!r}",
                lower=None if parameter.lower == -math.inf else parameter.lower,
                upper=None if parameter.upper == math.inf else parameter.upper,
            )
        )
    return values


@dataclass(frozen=True, slots=True)
class Request:
    """Where a law is asked for.

    Parameters
    ----------
    rows : Rows
        The rows, as the core takes them.
    order : ndarray of int, shape (n,), optional
        Which of the values asked for each row gives; None is the rows' own order.
    everywhere : bool
        Whether the law must have a value at every row.
    """

    rows: Rows
    order: Ints | None
    everywhere: bool

    def evaluate(self, theta: list[float], *, exact: bool) -> Floats:
        """Return the law's values with all its parameters at `theta`, in the order asked for."""
        if not len(self.rows):
            return np.zeros(0)
        self.rows.check_columns()
        values: Floats = self.rows.law._program.evaluate(self.rows.core(exact=exact), theta)
        if self.everywhere:
            self.rows.check_values(values)
        return self.as_asked(values)

    def as_asked(self, values: Floats) -> Floats:
        """Bring values of the rows, along the first axis, into the order asked for."""
        if self.order is None:
            return values
        asked = np.empty_like(values)
        asked[self.order] = values
        return asked


def request(
    law: Law, data: Any, at: Any, *, warmup: Warmup, sizes: Mapping[str, float | None]
) -> Request:
    """Read where a law is asked for.

    `sizes` are the parameters and the tokens of a step of a run over a bare schedule, under the
    names that messages use.

    Raises
    ------
    TypeError, ValueError
        Naming the field, index and value.
    """
    if isinstance(data, Curves):
        raise TypeError("predict takes one curve at a time; use predict(curve) for each")
    if not isinstance(data, Schedule) and any(size is not None for size in sizes.values()):
        raise TypeError(f"{' and '.join(sizes)}: only a bare schedule needs a size")
    if isinstance(data, Schedule):
        for name, size in sizes.items():
            if size is not None:
                real(size, field=name, lower=0, strict=True)
        params, tokens_per_step = sizes.values()
        return _at_steps(
            law,
            data,
            at,
            warmup=warmup,
            params=params,
            tokens_per_step=tokens_per_step,
            size=next(iter(sizes)),
        )
    if at is None:
        if isinstance(data, Curve):
            rows = curve_rows(law, data, warmup=warmup, skip_steps=0, target=False)
        else:
            rows = table_rows(law, data, target=False)
        return Request(rows, None, everywhere=True)
    if not isinstance(data, Curve):
        raise TypeError("at: only a schedule or a curve has steps")
    if data.schedule is None:
        raise ValueError(f"curve {data.name!r} has no schedule to predict other steps of")
    return _at_steps(
        law,
        data.schedule,
        at,
        warmup=warmup,
        params=data.params,
        tokens_per_step=data.tokens_per_step,
    )


def _at_steps(
    law: Law,
    schedule: Schedule,
    at: Any,
    *,
    warmup: Warmup,
    params: float | None,
    tokens_per_step: float | None,
    size: str = "params",
) -> Request:
    if at is None:
        steps, order = np.arange(schedule.steps), None
    else:
        steps = schedule._asked(at)
        order = np.argsort(steps, kind="stable")
        steps = steps[order]
    rows = schedule_rows(
        law,
        schedule,
        steps,
        warmup=warmup,
        params=params,
        tokens_per_step=tokens_per_step,
        size=size,
    )
    return Request(rows, order, everywhere=False)
