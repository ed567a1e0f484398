"""A law: a formula a scientist can read, and what is known of its parameters."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from types import EllipsisType, MappingProxyType
from typing import Any, NoReturn

import numpy as np

from lawfit._printable import printable, shown
from lawfit._record import Record, to_json_number
from lawfit.conventions import read_conventions
from lawfit.formula import AREAS, parse_formula
from lawfit.parameter import Parameter, check_text, parameter_table, set_fields

__all__ = ["Law", "Parameter"]

_REPR_LENGTH = 100
_KEYS = (
    "name", "formula", "parameters", "y", "columns", "where", "implicit", "conventions",
    "description", "source",
)  # fmt: skip


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
            raise TypeError(f"implicit must be True or False, got {shown(implicit)}")
        parsed = parse_formula(formula, table, columns, where, y if implicit else None)
        check_labels(name=name, y=y)
        named = dict(parsed.where)
        if y in parsed.columns or y in table or y in named:
            hint = "" if y not in parsed.columns else "; implicit=True solves for it"
            raise ValueError(
                f"y={shown(y)} is what the law predicts; the formula cannot use it{hint}"
            )
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
            description=check_text("description", description),
            source=check_text("source", source),
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

    @property
    def inputs(self) -> tuple[str, ...]:
        """What the data must bring: a schedule, if the law takes its areas, and the columns."""
        return (*(["schedule"] if self.uses_schedule else []), *self.columns)

    def summary(self) -> str:
        """Return the law on several lines: formula, parameters, columns, source."""
        lines = self.equations()
        if self.description:
            lines.append(f"  {printable(self.description)}")
        lines.append("parameters")
        rows = [
            (name, p.domain, printable(p.unit), printable(p.meaning))
            for name, p in self.parameters.items()
        ]
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
        if self.conventions:
            told = ", ".join(f"{key} {value}" for key, value in self.conventions.items())
            lines.append(f"conventions: {told}")
        if self.source:
            lines.append(f"source: {printable(self.source)}")
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
            raise ValueError(
                f"law {shown(name)} is a Python function, which is not saved with a fit"
            )
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
                name: Record(entry, f"where {shown(name)}", ("name", "expression")).text(
                    "expression"
                )
                for name, entry in where.items()
            },
            implicit=record.flag("implicit", False),
            conventions=_conventions(record),
            description=record.text("description", ""),
            source=record.text("source", ""),
        )


def _entries(record: Record, key: str, kind: str) -> dict[str, Mapping[str, Any]]:
    """Return the objects of a list by their names, in order."""
    table: dict[str, Mapping[str, Any]] = {}
    for i, entry in enumerate(record.items(key)):
        if not isinstance(entry, Mapping):
            raise TypeError(f"law: '{key}[{i}]' must be an object, got {shown(entry)}")
        name = Record(entry, f"{key}[{i}]").text("name")
        if name in table:
            raise ValueError(f"law: {kind} {shown(name)} is listed twice")
        table[name] = entry
    return table


def check_labels(**labels: object) -> None:
    """Refuse what is no line of text."""
    for field_name, value in labels.items():
        label = check_text(field_name, value)
        if not label.strip() or not label.isprintable():
            raise ValueError(f"{field_name} must be one line of text, got {shown(value)}")


def _conventions(record: Record) -> dict[str, Any]:
    if not record.has("conventions"):
        return {}
    given = Record(record.mapping("conventions"), "law: conventions")
    return {
        key: given.real(key) if key == "delta" else given.text(key)
        for key in record.mapping("conventions")
    }
