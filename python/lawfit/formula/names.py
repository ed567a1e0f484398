"""The vocabulary of formulas, and the rules for the names that are added to it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from lawfit._printable import shown
from lawfit.formula.scan import name_problem, normalise

__all__ = [
    "AREAS",
    "DECAY_AREAS",
    "DEFAULT_LAMBDA",
    "FUNCTIONS",
    "MAX_NAMES",
    "RESERVED",
    "check_name",
    "declared",
    "lookalike",
    "operands",
]

Instruction = tuple[str, int, int]
"""(operation, a, b), as the core has it."""

DEFAULT_LAMBDA = 0.999
"""The decay of the annealing area where a formula says S2 alone (arXiv 2408.11029)."""

FUNCTIONS = {
    "exp": 1, "log": 1, "log1p": 1, "expm1": 1, "sqrt": 1, "sin": 1, "cos": 1, "tan": 1,
    "atan": 1, "tanh": 1, "expit": 1, "abs": 1, "logaddexp": 2, "minimum": 2, "maximum": 2,
}  # fmt: skip
"""Functions a formula may call, with their number of arguments."""

AREAS = {"S1": 0, "S2": 1, "loss_drop": 3, "moment_area": 2, "bound_mean": 0, "bound_last": 0}
"""Areas of the learning-rate schedule, with their number of arguments; see `lawfit.Schedule`."""

DECAY_AREAS = {"S2": "lambda", "moment_area": "decays"}
"""Areas whose arguments lie in [0, 1), and what these are called."""

RESERVED = frozenset({*FUNCTIONS, *AREAS, "pi"})
MAX_NAMES = 100  # of parameters, and of columns


_LEAVES = frozenset({"constant", "parameter", "column", "unknown"})
_BINARY = frozenset(
    {"add", "sub", "mul", "div", "pow", *(f for f, n in FUNCTIONS.items() if n == 2)}
)
_ARITY = {area.lower(): arity for area, arity in AREAS.items()}


def operands(instruction: Instruction) -> range | tuple[int, ...]:
    """Return the earlier instructions that an instruction takes."""
    op, a, b = instruction
    if op in _LEAVES:
        return ()
    if op in _BINARY:
        return (a, b)
    # The arguments of a row function stand side by side.
    return range(a, a + (b if op == "external" else _ARITY.get(op, 1)))


def check_name(name: object, kind: str) -> str:
    """Return a declared name as formulas spell it, or refuse it.

    Raises
    ------
    TypeError, ValueError
        If it is not text, not a name, or means something else in a formula.
    """
    if not isinstance(name, str):
        raise TypeError(f"{kind} names must be text, got {shown(name)}")
    name = normalise(name)
    if problem := name_problem(name):
        raise ValueError(f"{kind} {name[:80]!r}: {problem}")
    if name in RESERVED:
        what = "a function" if name in FUNCTIONS else "an area" if name in AREAS else "a number"
        raise ValueError(f"{kind} {name!r}: the name is taken, {name} is {what} in formulas")
    return name


def lookalike(name: str, names: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the name most like the given one, one that differs only by case first."""
    known = list(names)
    for other in known:
        if other != name and other.casefold() == name.casefold():
            return other
    return next(iter(difflib.get_close_matches(name, known, 1, cutoff)), None)


def declared(names: Iterable[str], kind: str) -> tuple[str, ...]:
    """Return declared names in their order, each checked, none twice."""
    if isinstance(names, str):
        raise TypeError(f"{kind}s must be a list of names, got the text {shown(names)}")
    if isinstance(names, set | frozenset):
        raise TypeError(f"{kind}s must come in an order; a set has none")
    seen: dict[str, None] = {}
    for given in names:
        name = check_name(given, kind)
        if name in seen:
            raise ValueError(f"{kind} {name!r} is declared twice")
        seen[name] = None
        if len(seen) > MAX_NAMES:
            raise ValueError(f"more than {MAX_NAMES} {kind}s")
    return tuple(seen)
