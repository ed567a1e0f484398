"""A law: a formula a scientist can read, and what is known of its parameters."""

from __future__ import annotations

import importlib
import math
import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import EllipsisType, MappingProxyType
from typing import Any, NoReturn

import numpy as np

from lawfit._record import Record, to_json_number
from lawfit._validate import choose
from lawfit.conventions import read_conventions
from lawfit.formula import AREAS, check_name, declared, parse_formula

__all__ = ["Law", "Parameter"]

SCALES = ("linear", "log")
_REPR_LENGTH = 100
_KEYS = (
    "name", "formula", "parameters", "y", "columns", "where", "implicit", "conventions",
    "description", "source",
)  # fmt: skip


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
            _text(name, getattr(self, name))

    def _within(self, name: str, value: object) -> float:
        number = _real(name, value)
        if not math.isfinite(number) or not self.lower <= number <= self.upper:
            raise ValueError(
                f"{name} must be finite and within [{self.lower!r}, {self.upper!r}], got {number!r}"
            )
        return number

    def _range(self, name: str, value: object) -> tuple[float, float]:
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise TypeError(f"{name} must be a pair (low, high), got {value!r}")
        low, high = (self._within(name, end) for end in value)
        if low > high:
            raise ValueError(f"{name} must be (low, high), got {low!r} above {high!r}")
        return low, high

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


class Law:
    """A law as a formula: immutable, equal by value, saved as text.

    Parameters
    ----------
    name : str
        What the law is called.
    formula : str
        One expression; see `lawfit.formula.parse_formula` for what it may hold.
    parameters : mapping of str to Parameter, or iterable of str
        The names to be fitted, in order. `...` or None stands for a parameter without bounds.
    y : str
        The column the law predicts.
    columns : iterable of str, optional
        The data columns the formula uses. If None, every name that is nothing else, unless it looks
        like a misspelt parameter.
    where : mapping of str to str, optional
        Expressions by name, in order, that later ones and the formula may use.
    implicit : bool
        Whether `y` stands in the formula for the law's own value, which is then solved for at every
        row: the f > 0 at which f less the formula's value rises through 0, looked for from 1 on.
        Where there is none, the law has no value.
    conventions : mapping of str to str or float, optional
        What the law's source takes for the options `loss`, `delta`, `space` and `warmup` of
        `lawfit.fit`: their defaults in fits of this law.
    description, source : str
        What the law says and where it is from.

    Attributes
    ----------
    parameters : mapping of str to Parameter
        Read-only, in order.
    where : mapping of str to str
        Read-only, in order.
    conventions : mapping of str to str or float
        Read-only; only what was given.
    columns : tuple of str
        In order of appearance.
    positive_columns, nonzero_columns : tuple of str
        Columns that must be > 0 and, beyond these, columns that must not be 0.
    uses_schedule, positive_s1 : bool
        Whether an area of the schedule appears, and whether S1 must be > 0.
    instructions, constants : tuple
        The lowered program, as in `lawfit.formula.Formula`.

    Raises
    ------
    FormulaError
        If the formula is not a law; the message points at the place.
    ValueError, TypeError
        If a name or a parameter is not one.

    Examples
    --------
    >>> Law("mine", "a * x**-b + c", {"a": Parameter(lower=0), "b": ..., "c": ...}, y="y")
    Law('mine', 'a * x**-b + c', y='y')
    """

    name: str
    formula: str
    parameters: Mapping[str, Parameter]
    y: str
    columns: tuple[str, ...]
    where: Mapping[str, str]
    implicit: bool
    conventions: Mapping[str, Any]
    description: str
    source: str
    positive_columns: tuple[str, ...]
    nonzero_columns: tuple[str, ...]
    uses_schedule: bool
    positive_s1: bool
    instructions: tuple[tuple[str, int, int], ...]
    constants: tuple[float, ...]

    def __init__(
        self,
        name: str,
        formula: str,
        parameters: Mapping[str, Parameter | EllipsisType | None] | Iterable[str],
        *,
        y: str = "loss",
        columns: Iterable[str] | None = None,
        where: Mapping[str, str] | None = None,
        implicit: bool = False,
        conventions: Mapping[str, Any] | None = None,
        description: str = "",
        source: str = "",
    ) -> None:
        table = parameter_table(parameters)
        if not isinstance(implicit, bool):
            raise TypeError(f"implicit must be True or False, got {implicit!r}")
        parsed = parse_formula(formula, table, columns, where, y if implicit else None)
        check_labels(name=name, y=y)
        named = dict(parsed.where)
        if y in parsed.columns or y in table or y in named:
            hint = "" if y not in parsed.columns else "; implicit=True solves for it"
            raise ValueError(f"y={y!r} is what the law predicts; the formula cannot use it{hint}")
        set_fields(
            self,
            name=name,
            formula=formula,
            parameters=MappingProxyType(table),
            y=y,
            columns=parsed.columns,
            where=MappingProxyType(named),
            implicit=implicit,
            conventions=read_conventions(conventions),
            description=_text("description", description),
            source=_text("source", source),
            positive_columns=parsed.positive_columns,
            nonzero_columns=parsed.nonzero_columns,
            uses_schedule=parsed.uses_schedule,
            positive_s1=parsed.positive_s1,
            instructions=parsed.instructions,
            constants=parsed.constants,
        )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Law is immutable; cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Law is immutable; cannot delete {name!r}")

    def _key(self) -> tuple[object, ...]:
        parameters = tuple(self.parameters.items())  # their order is part of the law
        return (
            self.name, self.formula, parameters, self.y, self.columns, tuple(self.where.items()),
            self.implicit, tuple(self.conventions.items()), self.description, self.source,
        )  # fmt: skip

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Law) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[Any, ...]:
        return Law.from_dict, (self.to_dict(),)  # the compiled program is made again when needed

    def __repr__(self) -> str:
        formula = self.formula
        if len(formula) > _REPR_LENGTH:
            formula = formula[: _REPR_LENGTH - 1] + "…"
        where = ", ".join(f"{name!r}: …" for name in self.where)
        where = f", where={{{where}}}" if where else ""
        implicit = ", implicit=True" if self.implicit else ""
        kind = type(self).__name__
        return f"{kind}({self.name!r}, {formula!r}, y={self.y!r}{where}{implicit})"

    @property
    def _program(self) -> Any:
        """The compiled program, made on first use: a law is read without any compiled code."""
        # Not a cached_property: before Python 3.12 that holds a lock, and the child of a fork waits
        # for ever if another thread held it. Two threads may both compile; either result will do.
        if "_compiled" not in self.__dict__:
            self.__dict__["_compiled"] = self._compile()
        return self.__dict__["_compiled"]

    def _compile(self) -> Any:
        core = importlib.import_module("lawfit._core")
        code = [(core.OPCODES[op], a, b) for op, a, b in self.instructions]
        return core.Program(
            np.array(code, dtype=np.int32).reshape(-1, 3),
            np.array(self.constants, dtype=np.float64),
            len(self.parameters),
            len(self.columns),
        )

    def equations(self) -> list[str]:
        """Return the law, then each expression of `where`, as equations of one line each."""
        texts = {f"{self.name}: {self.y}": self.formula}
        texts |= {f"  where {name}": text for name, text in self.where.items()}
        return [f"{left} = {' '.join(text.split())}" for left, text in texts.items()]

    def summary(self) -> str:
        """Return the law on several lines: formula, parameters, columns, source."""
        lines = self.equations()
        if self.description:
            lines.append(f"  {self.description}")
        lines.append("parameters")
        rows = [(name, *_row(parameter)) for name, parameter in self.parameters.items()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines += [
            "  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        used = {op for op, _, _ in self.instructions}
        areas = [area for area in AREAS if area.lower() in used]
        if self.columns:
            lines.append("columns: " + ", ".join(self.columns))
        if self.implicit:
            lines.append(f"implicit: {self.y} is solved for at every row")
        if areas:
            lines.append("areas of the schedule: " + ", ".join(areas))
        if self.source:
            lines.append(f"source: {self.source}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the law as plain JSON values, from which `from_dict` makes an equal law."""
        return {
            "name": self.name,
            "formula": self.formula,
            # A list, not an object: JSON writers may sort keys, and the order is part of the law.
            "parameters": [{"name": n, **p.to_dict()} for n, p in self.parameters.items()],
            "y": self.y,
            "columns": list(self.columns),
            "where": [{"name": name, "expression": text} for name, text in self.where.items()],
            "implicit": self.implicit,
            "conventions": {
                key: to_json_number(value) if isinstance(value, float) else value
                for key, value in self.conventions.items()
            },
            "description": self.description,
            "source": self.source,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Law:
        """Return the law that `to_dict` described.

        Raises
        ------
        ValueError
            If a key is unknown or missing, or the law is refused.
        TypeError
            If a value has the wrong type. The message names the key.
        """
        record = Record(data, "law", [*_KEYS, "callable"])
        if record.has("callable"):
            name = record.text("name")
            raise ValueError(f"law {name!r} is a Python function, which is not saved with a fit")
        table = {
            name: Parameter.from_dict({k: v for k, v in entry.items() if k != "name"})
            for name, entry in _entries(record, "parameters", "parameter").items()
        }
        where = _entries(record, "where", "where") if record.has("where") else {}
        return cls(
            record.text("name"),
            record.text("formula"),
            table,
            y=record.text("y", "loss"),
            columns=record.items("columns") if record.has("columns") else None,
            where={
                name: Record(entry, f"where {name!r}", ("name", "expression")).text("expression")
                for name, entry in where.items()
            },
            implicit=record.flag("implicit", False),
            conventions=_conventions(record),
            description=record.text("description", ""),
            source=record.text("source", ""),
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
            raise TypeError(f"parameter {name!r} must be a Parameter or ..., got {parameter!r}")
    if not table:
        raise ValueError("a law needs at least one parameter")
    return table


def _entries(record: Record, key: str, kind: str) -> dict[str, Mapping[str, Any]]:
    """Return the objects of a list by their names, in order."""
    table: dict[str, Mapping[str, Any]] = {}
    for i, entry in enumerate(record.items(key)):
        if not isinstance(entry, Mapping):
            raise TypeError(f"law: '{key}[{i}]' must be an object, got {entry!r}")
        name = Record(entry, f"{key}[{i}]").text("name")
        if name in table:
            raise ValueError(f"law: {kind} {name!r} is listed twice")
        table[name] = entry
    return table


def check_labels(**labels: object) -> None:
    """Refuse what is no line of text."""
    for field_name, value in labels.items():
        label = _text(field_name, value)
        if not label.strip() or not label.isprintable():
            raise ValueError(f"{field_name} must be one line of text, got {value!r}")


def _conventions(record: Record) -> dict[str, Any]:
    if not record.has("conventions"):
        return {}
    given = Record(record.mapping("conventions"), "law: conventions")
    return {
        key: given.real(key) if key == "delta" else given.text(key)
        for key in record.mapping("conventions")
    }


def _row(parameter: Parameter) -> tuple[str, str, str]:
    lower = "(-inf" if math.isinf(parameter.lower) else f"[{parameter.lower:g}"
    upper = "inf)" if math.isinf(parameter.upper) else f"{parameter.upper:g}]"
    bounds = f"{lower}, {upper}"
    if parameter.scale == "log":
        bounds += ", logarithmic"
    if parameter.held is not None:
        bounds += f", held at {parameter.held:g}"
    return bounds, parameter.unit, parameter.meaning


def set_fields(record: object, **values: object) -> None:
    """Set the fields of an immutable object while it is being made."""
    for name, value in values.items():
        object.__setattr__(record, name, value)


def _real(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{name} is too large for a float") from None
    if math.isnan(number):
        raise ValueError(f"{name} must not be NaN")
    return number


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text, got {value!r}")
    return value
