"""How a fit is made: the arguments of `lawfit.fit`, checked, and what a fit keeps of them."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lawfit import laws
from lawfit._record import Record
from lawfit._validate import (
    EPSILON,
    NAN_POLICIES,
    Floats,
    choose,
    closest,
    flag,
    float_array,
    integer,
    real,
)
from lawfit.callable_law import CallableLaw
from lawfit.conventions import DEFAULTS, LOSSES, SPACES, WARMUPS, Warmup, check_losses
from lawfit.formula import DECAY_AREAS, operands
from lawfit.law import Law
from lawfit.rows import Rows
from lawfit.starts import Bounds

__all__ = [
    "Options",
    "ProfilePoint",
    "read_bounds",
    "read_deadline",
    "read_grid",
    "read_held",
    "read_law",
    "read_options",
    "read_seed",
    "read_threads",
    "read_weights",
]

REDUCTIONS = ("sum", "mean")


@dataclass(frozen=True, slots=True)
class Options:
    """How a fit was made; the fields are the arguments of `lawfit.fit`."""

    loss: str
    delta: float
    space: str
    reduction: str
    warmup: Warmup
    skip_steps: int | None
    nan_policy: str
    exact: bool
    seed: int
    max_iterations: int
    tolerance: float

    def __post_init__(self) -> None:
        check_losses({"loss": self.loss, "space": self.space})

    @property
    def rho(self) -> str:
        """The loss as the core knows it: with delta infinite, a robust one is the squared one."""
        robust = self.loss in ("huber", "soft_l1")
        return "squared" if robust and math.isinf(self.delta) else self.loss

    @property
    def robust(self) -> bool:
        """Whether delta says anything."""
        return self.rho in ("huber", "soft_l1")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Options:
        """Return the options that a saved fit holds."""
        record = Record(data, "fit: options", [field.name for field in dataclasses.fields(cls)])
        return cls(
            loss=choose(record.text("loss"), LOSSES, field="fit: options: loss"),
            delta=real(
                record.real("delta"),
                field="fit: options: delta",
                lower=0,
                strict=True,
                allow_inf=True,
            ),
            space=choose(record.text("space"), SPACES, field="fit: options: space"),
            reduction=choose(record.text("reduction"), REDUCTIONS, field="fit: options: reduction"),
            warmup=choose(record.text("warmup"), WARMUPS, field="fit: options: warmup"),
            skip_steps=record.integer("skip_steps") if record.has("skip_steps") else None,
            nan_policy=choose(
                record.text("nan_policy"), NAN_POLICIES, field="fit: options: nan_policy"
            ),
            exact=record.flag("exact"),
            seed=record.integer("seed"),
            max_iterations=record.integer("max_iterations"),
            tolerance=record.real("tolerance"),
        )


class ProfilePoint(NamedTuple):
    """The best objective with some parameters kept at the values given."""

    values: Mapping[str, float]
    objective: float
    status: str


def read_options(
    law: Law,
    *,
    loss: str | None,
    delta: float | None,
    space: str | None,
    reduction: str,
    warmup: str | None,
    skip_steps: int | None,
    exact: bool,
    rng: Any,
    max_iterations: int,
    tolerance: float,
    nan_policy: str = "raise",
) -> Options:
    """Check the options that are kept; for None stands the law's convention."""
    usual = {**DEFAULTS, **law.conventions}
    options = Options(
        loss=choose(usual["loss"] if loss is None else loss, LOSSES, field="loss"),
        delta=_delta(usual["delta"] if delta is None else delta, "delta"),
        space=choose(usual["space"] if space is None else space, SPACES, field="space"),
        reduction=choose(reduction, REDUCTIONS, field="reduction"),
        warmup=choose(usual["warmup"] if warmup is None else warmup, WARMUPS, field="warmup"),
        skip_steps=None if skip_steps is None else integer(skip_steps, field="skip_steps", lower=0),
        nan_policy=choose(nan_policy, NAN_POLICIES, field="nan_policy"),
        exact=flag(exact, field="exact"),
        seed=read_seed(rng),
        max_iterations=integer(max_iterations, field="max_iterations", lower=1, upper=2**31 - 1),
        tolerance=real(tolerance, field="tolerance", lower=0),
    )
    if options.robust and options.space == "log" and options.delta < EPSILON:
        raise ValueError(
            f"delta is {options.delta!r}, below the rounding of log residuals; "
            f"expected at least {EPSILON:.2g}"
        )
    return options


def read_seed(rng: Any) -> int:
    """Return a seed, drawing it if a generator is given."""
    if isinstance(rng, np.random.Generator):
        rng = int(rng.integers(2**63))
    return integer(rng, field="rng", lower=0, upper=2**64 - 1)


def read_law(law: Law | str | Callable[..., Any]) -> Law:
    """Return a law, found by name or made of a function if need be."""
    if isinstance(law, str):
        return laws.get(law)
    if inspect.isfunction(law) and law.__module__.startswith(f"{laws.__name__}."):
        name = law.__name__
        raise TypeError(f"law is the function {name}, which makes laws; give {name}() or its name")
    if not isinstance(law, Law) and callable(law):
        return CallableLaw(law)
    if not isinstance(law, Law):
        raise TypeError(f"law is a {type(law).__name__}; expected a Law or the name of one")
    return law


def read_threads(threads: int | None, law: Law) -> int:
    """Return the number for the core, to which 0 means its default."""
    if isinstance(law, CallableLaw):  # Python runs on one thread at a time anyway
        return 1
    return 0 if threads is None else integer(threads, field="threads", lower=1, upper=2**31 - 1)


def read_deadline(timeout: float | None) -> float:
    """Return when the time is up, by `time.monotonic`; infinity for no limit."""
    if timeout is None:
        return math.inf
    return time.monotonic() + real(timeout, field="timeout", lower=0, strict=True, allow_inf=True)


def _delta(value: object, field: str) -> float:
    return real(value, field=field, lower=0, strict=True, allow_inf=True)


def known_names(law: Law, names: Any, field: str) -> None:
    """Refuse what is no mapping by parameters of the law."""
    if not isinstance(names, Mapping):
        raise TypeError(f"{field} is {names!r}; expected a mapping by parameter")
    for name in names:
        if name not in law.parameters:
            raise ValueError(
                f"{field}: law {law.name!r} has no parameter {name!r}"
                f"{closest(str(name), law.parameters)}"
            )


def read_bounds(law: Law, bounds: Mapping[str, tuple[float | None, float | None]] | None) -> Bounds:
    """Return the bounds of every parameter: the law's, or the caller's in their place."""
    own = {name: (p.lower, p.upper) for name, p in law.parameters.items()}
    bounds = {} if bounds is None else bounds
    known_names(law, bounds, "bounds")
    for name, pair in bounds.items():
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"bounds of {name!r} are {pair!r}; expected a pair (lower, upper)")
        low, high = (
            infinity
            if end is None
            else real(end, field=f"bounds of {name!r}: {side}", allow_inf=True)
            for end, side, infinity in zip(
                pair, ("lower", "upper"), (-math.inf, math.inf), strict=True
            )
        )
        if not low < high:
            raise ValueError(f"bounds of {name!r}: lower {low!r} must be below upper {high!r}")
        if name in decays(law) and not (low >= 0 and high <= 1):
            raise ValueError(
                f"bounds of {name!r}: [{low!r}, {high!r}] leave [0, 1], where S2({name}) is defined"
            )
        own[name] = (low, high)
    return own


def decays(law: Law) -> set[str]:
    """Return the parameters that are the decay of an area's momentum."""
    if not law.uses_schedule:
        return set()
    names = list(law.parameters)
    areas = {area.lower() for area in DECAY_AREAS}
    found = set()
    for instruction in law.instructions:
        if instruction[0] not in areas:
            continue
        for k in operands(instruction):
            op, index, _ = law.instructions[k]
            if op == "argument":
                op, index, _ = law.instructions[index]
            if op == "parameter":
                found.add(names[index])
    return found


def read_held(
    law: Law,
    fixed: Mapping[str, float | None] | None,
    bounds: Mapping[str, Any] | None,
    profile: Mapping[str, Any] | None,
) -> dict[str, float]:
    """Return the values of the parameters that are not free."""
    fixed = {} if fixed is None else fixed
    known_names(law, fixed, "fixed")
    for name in profile or {}:
        if fixed.get(name) is not None:
            raise ValueError(f"{name!r} is both fixed and profiled; expected one of the two")
    held = {name: p.held for name, p in law.parameters.items() if p.held is not None}
    for name, value in fixed.items():
        if value is None:
            held.pop(name, None)
        else:
            held[name] = real(value, field=f"fixed {name!r}")
    for name in bounds or {}:
        if name in held and name not in (profile or {}):
            raise ValueError(
                f"{name!r} has bounds but is held at {held[name]!r}; "
                f"fixed={{{name!r}: None}} frees it"
            )
    for name, value in held.items():
        lower, upper = law.parameters[name].lower, law.parameters[name].upper
        if not lower <= value <= upper:
            raise ValueError(f"fixed {name!r} is {value!r}, outside its bounds [{lower}, {upper}]")
    return held


def read_weights(weights: Any, rows: Rows) -> Floats:
    """Return the weights of the rows kept, or an empty array for none."""
    if weights is None:
        return np.zeros(0)
    values = float_array(weights, source="weights", field="weight")
    bad = np.flatnonzero(~(values > 0))
    if bad.size:
        raise ValueError(
            f"weights: weight at index {bad[0]} is {values[bad[0]]:.17g}; expected above 0"
        )
    if len(values) != rows.given:
        raise ValueError(f"weights: {len(values)} weights for {rows.given} rows")
    return values[rows.kept()]


def read_grid(
    law: Law, grid: Mapping[str, Sequence[float]], bounds: Bounds
) -> list[dict[str, float]]:
    """Return the points of a profile's grid, by parameter."""
    known_names(law, grid, "profile")
    axes = []
    for name, values in grid.items():
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise TypeError(f"profile of {name!r} is {values!r}; expected a sequence of values")
        axis = [real(value, field=f"profile of {name!r}") for value in values]
        lower, upper = bounds[name]
        for value in axis:
            if not lower <= value <= upper:
                raise ValueError(
                    f"profile of {name!r}: {value!r} is outside its bounds [{lower}, {upper}]"
                )
        if not axis:
            raise ValueError(f"profile of {name!r} is empty")
        axes.append(axis)
    if not axes:
        raise ValueError("profile is empty; expected a parameter and its grid")
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*axes)]
