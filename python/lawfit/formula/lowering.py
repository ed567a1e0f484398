"""From a formula's tree to instructions."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from typing import NamedTuple

from lawfit.formula.names import (
    AREAS,
    DECAY_AREAS,
    DEFAULT_LAMBDA,
    FUNCTIONS,
    MAX_NAMES,
    RESERVED,
    Instruction,
    lookalike,
)
from lawfit.formula.scan import MAX_DEPTH, FormulaError, normalise

__all__ = ["Expression", "Lowering"]

_TYPO = 0.8  # likeness (difflib's ratio) from which a name is taken for another one misspelt

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow",
}  # fmt: skip

# What an expression is worth while it is being lowered: a float is a literal not yet emitted
# (literals may still fold), an int is the index of an instruction.
_Value = float | int


class Expression(NamedTuple):
    """A text as given, the same on one line, and its tree."""

    text: str
    line: str
    tree: ast.expr

    def error(self, node: ast.expr | ast.keyword, problem: str) -> FormulaError:
        """Return the error that points at a node of the tree."""
        # The parser saw the line without its leading blanks, and counts in UTF-8 bytes.
        seen = self.line.lstrip()
        before = seen.encode()[: node.col_offset].decode()
        return FormulaError(problem, self.text, len(self.line) - len(seen) + len(before))


class Lowering:
    """One walk over the trees, emitting instructions; equal ones are emitted once."""

    def __init__(
        self,
        parameters: Sequence[str],
        listed: Sequence[str] | None,
        where: Sequence[str] = (),
        unknown: str | None = None,
    ) -> None:
        self.parameters = parameters
        self.listed = listed
        self.where = where  # names that `define` will be told of, in order
        self.unknown = unknown  # what stands for the law's own value
        self.columns: dict[str, int] = {}
        self.appeared: dict[str, tuple[Expression, ast.Name]] = {}  # where first
        self.code: list[Instruction] = []
        self.constants: list[float] = []
        self._emitted: dict[Instruction, int] = {}
        self._literals: dict[str, int] = {}
        self._areas: dict[tuple[str, tuple[int, ...]], int] = {}
        self._named: dict[str, _Value] = {}
        self._scalars = {*parameters, *FUNCTIONS, "pi"}  # names that are the same at every row
        if unknown is not None:
            self._named[unknown] = self._emit("unknown")

    def define(self, name: str, expression: Expression) -> None:
        """Lower an expression that later ones may use by name."""
        self._expression = expression
        self._named[name] = self.lower(expression.tree, 1)
        names = (n.id for n in ast.walk(expression.tree) if isinstance(n, ast.Name))
        if all(normalise(n) in self._scalars for n in names):
            self._scalars.add(name)

    def finish(self, expression: Expression) -> None:
        """Lower the law itself, and refuse it if a declared name does not occur."""
        self._expression = expression
        self.index(self.lower(expression.tree, 1))
        self._check_complete(expression.text)

    def lower(self, node: ast.expr, depth: int) -> _Value:
        """Emit what an expression needs and return its value."""
        if depth > MAX_DEPTH:
            raise self._error(node, f"the formula is nested more than {MAX_DEPTH} deep")
        match node:
            case ast.BinOp():
                return self._chain(node, depth)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.lower(operand, depth + 1)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                value = self.lower(operand, depth + 1)
                return -value if isinstance(value, float) else self._emit("neg", value)
            case ast.Call():
                return self._call(node, depth)
            case ast.Name(id=name):
                return self._name(node, normalise(name))
            case ast.Constant(value=value):
                return self._number(node, value)
        raise self._error(node, _FOREIGN.get(type(node), "this has no place in a formula"))

    def index(self, value: _Value) -> int:
        """Return the instruction that holds a value, emitting a literal now that it is needed."""
        if not isinstance(value, float):
            return value
        key = value.hex()  # tells -0.0 from 0.0
        if key not in self._literals:
            self._literals[key] = len(self.constants)
            self.constants.append(value)
        return self._emit("constant", self._literals[key])

    def _check_complete(self, text: str) -> None:
        for name in self.parameters:
            if name not in self.appeared:
                # Taken for a column so far: likeness that proves nothing by itself does now.
                close = lookalike(name, self.columns if self.listed is None else ())
                if close:
                    problem = f"unknown name {close!r}; did you mean {name!r}?"
                    expression, node = self.appeared[close]
                    raise expression.error(node, problem)
                raise FormulaError(f"parameter {name!r} does not appear in the formula", text)
        unknown = () if self.unknown is None else (self.unknown,)
        declared = (("column", self.listed or ()), ("where", self.where), ("unknown", unknown))
        for kind, names in declared:
            for name in names:
                if name not in self.appeared:
                    raise FormulaError(f"{kind} {name!r} does not appear in the formula", text)

    def _emit(self, op: str, a: int = 0, b: int = 0) -> int:
        instruction = (op, a, b)
        if instruction not in self._emitted:
            self._emitted[instruction] = len(self.code)
            self.code.append(instruction)
        return self._emitted[instruction]

    def _chain(self, node: ast.BinOp, depth: int) -> _Value:
        # A sum of many terms leans to the left: walked in a loop, so that it is long and not deep.
        spine: list[ast.BinOp] = []
        leftmost: ast.expr = node
        while isinstance(leftmost, ast.BinOp):
            spine.append(leftmost)
            leftmost = leftmost.left
        value = self.lower(leftmost, depth + 1)
        for link in reversed(spine):
            value = self._binary(link, value, self.lower(link.right, depth + 1))
        return value

    def _binary(self, node: ast.BinOp, left: _Value, right: _Value) -> _Value:
        op = _BINARY.get(type(node.op))
        if op is None:
            raise self._error(node, "this operator has no place in a formula")
        if op == "div" and isinstance(right, float) and right == 0.0:
            raise self._error(node.right, "division by zero")
        if isinstance(left, float) and isinstance(right, float):
            folded = _fold(op, left, right)
            if folded is None:
                raise self._error(node, "this is not a finite real number")
            return folded
        return self._emit(op, self.index(left), self.index(right))

    def _call(self, node: ast.Call, depth: int) -> int:
        if not isinstance(node.func, ast.Name):
            raise self._error(node.func, "only functions can be called; is a * missing?")
        name = normalise(node.func.id)
        if AREAS.get(name):
            return self._area(node, name, depth)
        self._check_callable(node, name)
        arguments = self._arguments(node, name, FUNCTIONS[name])
        values = [self.index(self.lower(argument, depth + 1)) for argument in arguments]
        return self._emit(name, *values)

    def _check_callable(self, node: ast.Call, name: str) -> None:
        if name in FUNCTIONS:
            return
        if name in AREAS:
            raise self._error(node, f"{name} takes no arguments; is a * missing?")
        if name in (*self._scalars, *self.where, self.unknown, *(self.listed or ())):
            raise self._error(node, f"{name!r} is not a function; is a * missing?")
        close = lookalike(name, (*FUNCTIONS, *(area for area, arity in AREAS.items() if arity)))
        hint = f"did you mean {close!r}?" if close else "known are " + ", ".join(FUNCTIONS)
        raise self._error(node, f"unknown function {name!r}; {hint}")

    def _arguments(self, node: ast.Call, name: str, arity: int) -> list[ast.expr]:
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                raise self._error(argument, "arguments cannot be unpacked in a formula")
        if node.keywords:
            raise self._error(node.keywords[0], "arguments have no names in a formula")
        if len(node.args) != arity:
            plural = "" if arity == 1 else "s"
            raise self._error(node, f"{name} takes {arity} argument{plural}, got {len(node.args)}")
        return node.args

    def _area(self, node: ast.Call, area: str, depth: int) -> int:
        arguments = self._arguments(node, area, AREAS[area])
        what = DECAY_AREAS.get(area)
        values = []
        for argument in arguments:
            self._check_scalar(argument, f"the {what or 'arguments'} of {area}")
            value = self.lower(argument, depth + 1)
            if what and isinstance(value, float) and not 0.0 <= value < 1.0:
                raise self._error(
                    argument, f"the {what} of {area} must lie in [0, 1), got {value:g}"
                )
            values.append(self.index(value))
        if len(values) == 1:
            return self._emit(area.lower(), values[0])
        key = (area, tuple(values))
        if key not in self._areas:
            first = len(self.code)  # arguments stand side by side, so they are emitted anew
            self.code += [("argument", value, 0) for value in values]
            self._areas[key] = self._emit(area, first)
        return self._areas[key]

    def _check_scalar(self, node: ast.expr, what: str) -> None:
        # An area is one number a step, so what it depends on is one too.
        for part in ast.walk(node):
            if isinstance(part, ast.Name):
                name = normalise(part.id)
                if name not in self._scalars:
                    close = lookalike(name, self.parameters)
                    hint = f"; did you mean {close!r}?" if close else ""
                    raise self._error(part, f"{what} takes parameters and numbers only{hint}")

    def _name(self, node: ast.Name, name: str) -> _Value:
        self.appeared.setdefault(name, (self._expression, node))
        if name == "pi":
            return math.pi
        if name in AREAS:
            return self._bare_area(node, name)
        if name in self.parameters:
            return self._emit("parameter", self.parameters.index(name))
        if name in self._named:
            return self._named[name]
        if name not in self.columns:
            self._check_column(node, name)
            self.columns[name] = len(self.columns)
        return self._emit("column", self.columns[name])

    def _bare_area(self, node: ast.Name, area: str) -> int:
        if area == "S2":
            return self._emit("s2", self.index(DEFAULT_LAMBDA))
        if arity := AREAS[area]:
            raise self._error(node, f"{area} takes {arity} arguments")
        return self._emit(area.lower())

    def _check_column(self, node: ast.Name, name: str) -> None:
        if name in self.where:
            raise self._error(node, f"{name!r} stands here before where defines it")
        if name in FUNCTIONS:
            raise self._error(node, f"{name} is a function; write {name}(...)")
        if self.listed is not None and name in self.listed:
            return
        problem = f"unknown name {name!r}"
        if self.listed is not None:
            close = lookalike(name, (*self.parameters, *self.where, *self.listed, *RESERVED))
            hint = f"; did you mean {close!r}?" if close else "; it is not listed in columns="
            raise self._error(node, problem + hint)
        # A function misspelt is seen where it is called: 'cost' alone is a column, not cos. Letters
        # are no typos of one another: c is a floor and C the compute in many a law.
        near = [p for p in (*self.parameters, *self.where) if len(p) > 1 or len(name) > 1]
        close = lookalike(name, (*near, *AREAS), cutoff=_TYPO) or lookalike(
            name, sorted(RESERVED), cutoff=1.0
        )
        if close:
            hint = f"; did you mean {close!r}? If it is a column, list it in columns="
            raise self._error(node, problem + hint)
        if len(self.columns) == MAX_NAMES:
            raise self._error(node, f"more than {MAX_NAMES} columns")

    def _number(self, node: ast.Constant, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._error(node, "only real numbers can stand in a formula")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isinf(number):
            raise self._error(node, "this number is too large for a float")
        return number

    def _error(self, node: ast.expr | ast.keyword, problem: str) -> FormulaError:
        return self._expression.error(node, problem)


_FOREIGN: dict[type[ast.expr], str] = {
    ast.Attribute: "attributes have no place in a formula; is a * missing?",
    ast.Tuple: "a comma has no place here",
    ast.Starred: "a stray * stands here",
}


def _fold(op: str, left: float, right: float) -> float | None:
    """Return a finite result of two literals, or None."""
    try:
        match op:
            case "add":
                value = left + right
            case "sub":
                value = left - right
            case "mul":
                value = left * right
            case "div":
                value = left / right
            case _:
                value = left**right
    except ArithmeticError:
        return None
    # A negative number to a fractional power is complex.
    return value if isinstance(value, float) and math.isfinite(value) else None
