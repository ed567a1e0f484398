"""What is known of one parameter before any data are seen."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import EllipsisType
from typing import Any

from lawfit._printable import shown
from lawfit._record import Record
from lawfit._validate import choose
from lawfit.formula import check_name, declared

__all__ = ["TINY", "Parameter", "check_text", "parameter_table", "set_fields"]

SCALES = ("linear", "log")
# A lower bound this small only says that the parameter is positive.
TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Parameter:
    """What is known of one parameter before any data are seen.

    Parameters
    ----------
    lower, upper : float
        Bounds, both included.
    held : float, optional
        Value at which the parameter is kept unless a fit frees it.
    typical : (float, float), optional
        Range that starts are drawn from. Leave it out where the range depends on the data's scale,
        as it does for amplitudes and floors.
    scale : {"linear", "log"}
        How it is sought. One of unknown magnitude (x0 of (x0/x)**alpha is anything from 1e-13 to
        1e48) is easier found by its logarithm: it is then positive, and `lower` 0 unless given.
        Values and errors are of the parameter itself all the same. What the law is linear in, and
        what its evaluator centres, is found as it is.
    meaning, unit : str
        What it stands for.

    Raises
    ------
    ValueError
        If a bound is NaN, the bounds are inverted or equal, `held` or `typical` lies outside, or
        a parameter of logarithmic scale may be negative.
    TypeError
        If a value is not a real number or a text not text.
    """

    lower: float = -math.inf
    upper: float = math.inf
    held: float | None = field(default=None, kw_only=True)
    typical: tuple[float, float] | None = field(default=None, kw_only=True)
    scale: str = field(default="linear", kw_only=True)
    meaning: str = field(default="", kw_only=True)
    unit: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        lower, upper = _real("lower", self.lower), _real("upper", self.upper)
        if choose(self.scale, SCALES, field="scale") == "log":
            lower = 0.0 if lower == -math.inf else lower
            if lower < 0:
                raise ValueError(f"scale='log' needs lower >= 0, got lower={lower!r}")
        if lower >= upper:
            raise ValueError(f"lower must be less than upper, got lower={lower!r}, upper={upper!r}")
        set_fields(self, lower=lower, upper=upper)
        if self.held is not None:
            set_fields(self, held=self._within("held", self.held))
        if self.typical is not None:
            set_fields(self, typical=self._range("typical", self.typical))
        for name in ("meaning", "unit"):
            check_text(name, getattr(self, name))

    def _within(self, name: str, value: object) -> float:
        number = _real(name, value)
        if not math.isfinite(number) or not self.lower <= number <= self.upper:
            raise ValueError(
                f"{name} must be finite and within [{self.lower!r}, {self.upper!r}], got {number!r}"
            )
        return number

    def _range(self, name: str, value: object) -> tuple[float, float]:
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise TypeError(f"{name} must be a pair (low, high), got {shown(value)}")
        low, high = (self._within(name, end) for end in value)
        if low > high:
            raise ValueError(f"{name} must be (low, high), got {low!r} above {high!r}")
        return low, high

    @property
    def domain(self) -> str:
        """Bounds, scale and the value it is held at, as text."""
        lower = "(-inf" if math.isinf(self.lower) else f"[{self.lower:g}"
        if 0 < self.lower <= TINY:
            lower = "(0"
        upper = "inf)" if math.isinf(self.upper) else f"{self.upper:g}]"
        scale = ", logarithmic" if self.scale == "log" else ""
        held = "" if self.held is None else f", held at {self.held:g}"
        return f"{lower}, {upper}{scale}{held}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; an infinite bound is None."""
        return {
            "lower": None if math.isinf(self.lower) else self.lower,
            "upper": None if math.isinf(self.upper) else self.upper,
            "held": self.held,
            "typical": None if self.typical is None else list(self.typical),
            "scale": self.scale,
            "meaning": self.meaning,
            "unit": self.unit,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Parameter:
        """Return the parameter that `to_dict` described; unknown keys are refused."""
        keys = ("lower", "upper", "held", "typical", "scale", "meaning", "unit")
        record = Record(data, "parameter", keys)
        lower, upper = record.number("lower"), record.number("upper")
        return cls(
            -math.inf if lower is None else lower,
            math.inf if upper is None else upper,
            held=record.number("held"),
            typical=record.pair("typical"),
            scale=record.text("scale", "linear"),
            meaning=record.text("meaning", ""),
            unit=record.text("unit", ""),
        )


def parameter_table(
    parameters: Mapping[str, Parameter | EllipsisType | None] | Iterable[str],
) -> dict[str, Parameter]:
    """Return declared parameters by name, each checked."""
    if not isinstance(parameters, Mapping):
        parameters = dict.fromkeys(declared(parameters, "parameter"))
    table: dict[str, Parameter] = {}
    for given, parameter in parameters.items():
        name = check_name(given, "parameter")
        if name in table:
            raise ValueError(f"parameter {name!r} is declared twice")
        if parameter is None or parameter is ...:
            table[name] = Parameter()
        elif isinstance(parameter, Parameter):
            table[name] = parameter
        else:
            raise TypeError(
                f"parameter {name!r} must be a Parameter or ..., got {shown(parameter)}"
            )
    if not table:
        raise ValueError("a law needs at least one parameter")
    return table


def set_fields(record: object, **values: object) -> None:
    """Set the fields of an immutable object while it is being made."""
    for name, value in values.items():
        object.__setattr__(record, name, value)


def _real(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{name} is too large for a float") from None
    if math.isnan(number):
        raise ValueError(f"{name} must not be NaN")
    return number


def check_text(name: str, value: object) -> str:
    """Return a text as it is, or refuse what is none by its name."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text, got {shown(value)}")
    return value
