"""The first look at a formula's text: what a formula may be written with, and where it goes wrong.

The scan runs before Python's parser sees the text, so that hostile input (deep nesting, endless
numbers, strings, brackets) is refused in time linear in its length, at its exact place.
"""

from __future__ import annotations

import keyword
import re
import unicodedata

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "FormulaError", "name_problem", "normalise", "scan"]

MAX_LENGTH = 10_000
MAX_DEPTH = 100
# Python's parser recurses on every sign and power; with these two bounds 256 KiB of stack will do.
MAX_OPERATORS = 1000
_MAX_NAME = 64
_MAX_DIGITS = 400  # the largest float has 309
_WINDOW = 76  # how much of a long formula an error shows

_TOKEN = re.compile(r"\w+|//|\*\*|.", re.DOTALL)
_OPERATORS = frozenset(("+", "-", "*", "/", "**"))
_DIGITS = re.compile(r"[0-9][0-9_]*(?:[eE][0-9_]*)?")
_HINTS = {
    "^": "'^' is not a power here; write **",
    "=": "a formula is one expression; '=' does not belong",
    "//": "'//' is not an operator of formulas; write /",
    "%": "'%' is not an operator of formulas",
    "@": "'@' is not an operator of formulas",
    "<": "a formula cannot compare; '<' does not belong",
    ">": "a formula cannot compare; '>' does not belong",
    "[": "a formula has no subscripts or lists; '[' does not belong",
    "{": "a formula has no braces; group with ( )",
    "'": "a formula has no text in quotes",
    '"': "a formula has no text in quotes",
    "#": "a formula has no comments",
    "−": "'−' is a typographic minus; write -",
    "–": "'–' is a dash; write -",
    "·": "'·' is not an operator of formulas; write *",
    "×": "'×' is not an operator of formulas; write *",
    "÷": "'÷' is not an operator of formulas; write /",
    "√": "'√' is not an operator of formulas; write sqrt(...)",
    "²": "'²' is not an operator of formulas; write **2",
    "³": "'³' is not an operator of formulas; write **3",
}  # fmt: skip


class FormulaError(ValueError):
    """A formula that is not a law: says what is wrong and points at the place.

    Parameters
    ----------
    problem : str
        What is wrong.
    formula : str
        The formula's text.
    position : int or None
        Index into `formula` of the place, or None when it is the whole that is wrong.

    Attributes
    ----------
    problem, formula, position
        As given.
    """

    def __init__(self, problem: str, formula: str = "", position: int | None = None) -> None:
        super().__init__(problem, formula, position)  # all of them, so that it pickles
        self.problem = problem
        self.formula = formula
        self.position = position

    def __str__(self) -> str:
        line = "".join(ch if ch.isprintable() else " " for ch in self.formula)
        if self.position is None:
            shown = line if len(line) <= _WINDOW else line[:_WINDOW] + "…"
            return f"{self.problem}\n    {shown}" if shown.strip() else self.problem
        start = max(0, self.position - _WINDOW // 2) if len(line) > _WINDOW else 0
        head = "…" if start else ""
        tail = "…" if start + _WINDOW < len(line) else ""
        caret = " " * (len(head) + self.position - start) + "^"
        return f"{self.problem}\n    {head}{line[start : start + _WINDOW]}{tail}\n    {caret}"


def normalise(name: str) -> str:
    """Return a name as Python's parser reads it (the micro sign is the letter mu)."""
    return unicodedata.normalize("NFKC", name)


def name_problem(name: str) -> str | None:
    """Say why a normalised name cannot stand in a formula, or None when it can."""
    if len(name) > _MAX_NAME:
        return f"a name of {len(name)} characters is too long (at most {_MAX_NAME})"
    if keyword.iskeyword(name):
        hint = "; call it 'lam'" if name == "lambda" else ""
        return f"{name!r} is a reserved word of Python and cannot stand in a formula{hint}"
    if name.startswith("__"):
        return f"names that begin with two underscores are not allowed: {name!r}"
    if not name.isidentifier():
        return f"{name!r} is not a name: use letters, digits and _, not beginning with a digit"
    return None


def scan(text: str, longest: int = MAX_LENGTH) -> str:
    """Return the formula on one line, character for character, or refuse it.

    `longest` is the length that a longer formula has left, whose part this is.

    Raises
    ------
    FormulaError
        If the text is empty, too long, too deeply nested, or holds something no formula holds.
    """
    if len(text) > longest:
        length = MAX_LENGTH - longest + len(text)
        raise FormulaError(
            f"a formula of {length} characters is too long (at most {MAX_LENGTH})", text
        )
    if not text.strip():
        raise FormulaError("the formula is empty", text)
    line = "".join(" " if ch.isspace() else ch for ch in text)
    depth = operators = 0
    for match in _TOKEN.finditer(line):
        token = match.group()
        depth += (token == "(") - (token == ")")
        operators += token in _OPERATORS
        problem = _token_problem(token)
        if depth > MAX_DEPTH:
            problem = f"parentheses are nested more than {MAX_DEPTH} deep"
        if operators > MAX_OPERATORS:
            problem = f"a formula may hold at most {MAX_OPERATORS} operators"
        if problem:
            raise FormulaError(problem, text, match.start())
    return line


def _token_problem(token: str) -> str | None:
    if token in _OPERATORS or token in "(),. ":
        return None
    if token in _HINTS:
        return _HINTS[token]
    if token[0].isdigit():
        return _number_problem(token)
    if token.isidentifier():
        return name_problem(normalise(token))
    # A mark that may follow a letter, but of its own is nothing.
    stray = next((ch for ch in token if not f"a{ch}".isidentifier()), token)
    shown = repr(stray) if stray.isprintable() else f"U+{ord(stray[0]):04X}"
    return _HINTS.get(stray, f"unexpected character {shown}")


def _number_problem(token: str) -> str | None:
    if len(token) > _MAX_DIGITS:
        return f"a number of {len(token)} digits is too long"
    if token[-1] in "jJ":
        return "complex numbers have no place in a formula"
    if not _DIGITS.fullmatch(token):
        return f"'{token}' is neither a number nor a name; is a * missing?"
    return None
