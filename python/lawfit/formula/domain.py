"""What a lowered formula asks of its columns: which must be positive, which must not be zero."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lawfit.formula.names import Instruction

__all__ = ["Domain", "domain_of"]


@dataclass(frozen=True, slots=True)
class Domain:
    """Columns (by index) that must be > 0 or != 0, and whether the forward area must be > 0.

    A column is listed once: what must be positive is not repeated among what must not be zero.
    """

    positive: frozenset[int]
    nonzero: frozenset[int]
    positive_s1: bool


def domain_of(code: Sequence[Instruction], constants: Sequence[float]) -> Domain:
    """Read off the domain of a law from its instructions.

    Only what holds for every value of the parameters is claimed: a column counts when it stands in
    the base of a non-integer power, or under a log or a root, through products, quotients and
    powers alone. `(b + x)**c` claims nothing, since b may make up for a negative x.
    """
    reader = _Reader(code, constants)
    positive: set[Instruction] = set()
    nonzero: set[Instruction] = set()
    for op, a, b in code:
        if op in ("log", "sqrt") or (op == "pow" and reader.integer(b) is None):
            positive.update(reader.factors(a, through_even_powers=False))
        elif op == "pow" and (reader.integer(b) or 0) < 0:
            nonzero.update(reader.factors(a, through_even_powers=True))
        elif op == "div":
            nonzero.update(reader.factors(b, through_even_powers=True))
    positive_columns = frozenset(a for op, a, _ in positive if op == "column")
    nonzero_columns = frozenset(a for op, a, _ in nonzero if op == "column")
    return Domain(
        positive_columns,
        nonzero_columns - positive_columns,
        # S1 is a sum of learning rates, never negative: not zero and positive are one.
        any(op == "s1" for op, _, _ in positive | nonzero),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    code: Sequence[Instruction]
    constants: Sequence[float]

    def integer(self, index: int) -> int | None:
        """Return the value of an instruction that is an integer literal, else None."""
        op, a, _ = self.code[index]
        if op == "constant" and self.constants[a].is_integer():
            return int(self.constants[a])
        return None

    def factors(self, root: int, *, through_even_powers: bool) -> Iterator[Instruction]:
        """Columns and areas that reach `root` through products, quotients and powers alone."""
        stack, seen = [root], set[int]()
        while stack:  # a stack, not recursion: a long product is a deep tree
            index = stack.pop()
            if index in seen:
                continue
            seen.add(index)
            op, a, b = self.code[index]
            if op in ("mul", "div"):
                stack += (a, b)
            elif op == "pow":
                exponent = self.integer(b)
                # x**2 is positive whatever the sign of x, but as zero as x is.
                if through_even_powers or exponent is None or exponent % 2:
                    stack.append(a)
            elif op in ("column", "s1"):
                yield self.code[index]
