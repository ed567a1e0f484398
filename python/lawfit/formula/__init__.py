"""Laws as text: a formula is parsed against a whitelist and lowered to a straight-line program.

Nothing in a formula is ever executed. The text is scanned, parsed by Python's `ast`, and every node
that is not arithmetic, a known function, a number or a name is refused at its place.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lawfit._printable import shown
from lawfit.formula.domain import domain_of
from lawfit.formula.lowering import Expression, Lowering
from lawfit.formula.names import (
    AREAS,
    DECAY_AREAS,
    DEFAULT_LAMBDA,
    FUNCTIONS,
    RESERVED,
    Instruction,
    check_name,
    declared,
    operands,
)
from lawfit.formula.scan import MAX_LENGTH, FormulaError, scan

__all__ = [
    "AREAS",
    "DECAY_AREAS",
    "DEFAULT_LAMBDA",
    "FUNCTIONS",
    "RESERVED",
    "Formula",
    "FormulaError",
    "check_name",
    "declared",
    "operands",
    "parse_formula",
    "parse_tree",
]


_AREA_OPS = frozenset(area.lower() for area in AREAS)


@dataclass(frozen=True, slots=True)
class Formula:
    """A parsed formula: its names, its program, and what it asks of its columns.

    Attributes
    ----------
    text : str
        The formula as given.
    where : tuple of (str, str)
        Named expressions, in order.
    parameters, columns : tuple of str
        Parameters as declared; columns in order of appearance.
    instructions : tuple of (str, int, int)
        (operation, a, b) in order; a and b are earlier instructions, or for `constant`,
        `parameter` and `column` a is an index into that list; `unknown` is the law's own value,
        as every s1 is the row's. The last one is the law's value.
    constants : tuple of float
        Literals of the formula.
    positive_columns, nonzero_columns : tuple of str
        Columns that must be > 0 and, beyond these, columns that must not be 0.
    uses_schedule : bool
        Whether an area of the schedule appears.
    positive_s1 : bool
        Whether S1 must be > 0.
    """

    text: str
    where: tuple[tuple[str, str], ...]
    parameters: tuple[str, ...]
    columns: tuple[str, ...]
    instructions: tuple[Instruction, ...]
    constants: tuple[float, ...]
    positive_columns: tuple[str, ...]
    nonzero_columns: tuple[str, ...]
    uses_schedule: bool
    positive_s1: bool


def parse_formula(
    text: str,
    parameters: Iterable[str],
    columns: Iterable[str] | None = None,
    where: Mapping[str, str] | None = None,
    unknown: str | None = None,
) -> Formula:
    """Parse a formula and lower it to instructions.

    Parameters
    ----------
    text : str
        One expression of + - * / **, the functions in `FUNCTIONS`, pi, numbers, parameters,
        columns, and the schedule's areas in `AREAS`; S2 alone has lambda 0.999.
    parameters : iterable of str
        Names to be fitted; each must occur.
    columns : iterable of str, optional
        Names of data columns; each must occur. If None, every name that is nothing else is a
        column, unless it looks like a misspelt parameter, area or constant.
    where : mapping of str to str, optional
        Expressions by name, which later ones and the formula may use; each must occur. One is
        computed once, however often its name stands.
    unknown : str, optional
        A name that stands for the formula's own value, which is then to be solved for.

    Returns
    -------
    Formula

    Raises
    ------
    FormulaError
        If the text is no such expression. The message points at the place.
    ValueError
        If a declared name is reserved, repeated or not a name.
    TypeError
        If the text or a name is not a string.
    """
    if not isinstance(text, str):
        raise TypeError(f"formula must be text, got {type(text).__name__}")
    fitted = declared(parameters, "parameter")
    listed = None if columns is None else declared(columns, "column")
    for name in listed or ():
        if name in fitted:
            raise ValueError(f"{name!r} is declared both as a parameter and as a column")
    named = _named({} if where is None else where, fitted, listed or ())
    if unknown is not None and check_name(unknown, "unknown") in (*fitted, *(listed or ()), *named):
        raise ValueError(f"{unknown!r} stands for the law's own value and can be nothing else")
    lowering = Lowering(fitted, listed, tuple(named), unknown)
    left = MAX_LENGTH  # for all of them together: what they cost grows with their whole length
    for name, part in named.items():
        try:
            lowering.define(name, _expression(part, left))
        except FormulaError as error:
            problem = f"where {name!r}: {error.problem}"
            raise FormulaError(problem, error.formula, error.position) from None
        left -= len(part)
    lowering.finish(_expression(text, left))
    code, constants = tuple(lowering.code), tuple(lowering.constants)
    found = tuple(lowering.columns)
    domain = domain_of(code, constants)
    return Formula(
        text,
        tuple(named.items()),
        fitted,
        found,
        code,
        constants,
        tuple(name for i, name in enumerate(found) if i in domain.positive),
        tuple(name for i, name in enumerate(found) if i in domain.nonzero),
        any(op in _AREA_OPS for op, _, _ in code),
        domain.positive_s1,
    )


def _named(
    where: Mapping[str, str], parameters: Iterable[str], columns: Iterable[str]
) -> dict[str, str]:
    if not isinstance(where, Mapping):
        raise TypeError(f"where must be a mapping of names to expressions, got {shown(where)}")
    names = declared(where, "where")
    for kind, taken in (("parameter", parameters), ("column", columns)):
        for name in names:
            if name in taken:
                raise ValueError(f"{name!r} is declared both as a {kind} and in where")
    for name, text in zip(names, where.values(), strict=True):
        if not isinstance(text, str):
            raise TypeError(f"where {name!r}: expected text, got {shown(text)}")
    return dict(zip(names, where.values(), strict=True))


def parse_tree(text: str) -> tuple[str, ast.expr]:
    """Return a formula on one line, which its tree's offsets count in, and its tree, unchecked.

    Raises
    ------
    FormulaError
        If the text is no expression. The message points at the place.
    """
    line = scan(text).strip()
    return line, _tree(text, line)


def _expression(text: str, longest: int) -> Expression:
    line = scan(text, longest)
    return Expression(text, line, _tree(text, line))


def _tree(text: str, line: str) -> ast.expr:
    start = len(line) - len(line.lstrip())  # the parser takes leading blanks for an indent
    try:
        return ast.parse(line[start:].rstrip(), mode="eval").body
    except SyntaxError as error:
        position = min(start + max((error.offset or 1) - 1, 0), len(text) - 1)
        raise FormulaError(_syntax_problem(error), text, position) from None
    except (RecursionError, MemoryError, ValueError):
        raise FormulaError("the formula is nested too deeply to be read", text) from None


def _syntax_problem(error: SyntaxError) -> str:
    message = error.msg or "invalid syntax"
    if message.startswith("invalid"):
        return "this cannot be read; is an operator such as * missing?"
    return f"this cannot be read: {message}"
