"""Columns that rise and fall together, so that data cannot say which of them a term follows."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from lawfit._validate import Floats
from lawfit.formula import operands
from lawfit.law import Law

__all__ = ["tie_notes"]

# Two logarithms lie on a line when they leave it by less than this, relative to their range.
STRAIGHT = 1e-9
# Rows looked at before all are.
FIRST = 4


def tie_notes(law: Law, columns: Sequence[Floats], free: Collection[str]) -> list[str]:
    """Name the parameters that a power of one column lends to another.

    Where D = 20·N in every row, A·N^-alpha and B·D^-beta are two powers of one variable: only their
    exponents tell them apart, and those scarcely do.

    Parameters
    ----------
    law : Law
    columns : sequence of ndarray, shape (n,) each
        As of `law.columns`.
    free : collection of str
        The parameters that are fitted.

    Returns
    -------
    list of str
        A sentence for each pair of columns, both above 0 and varying, of which one is a constant
        times a power above 0 of the other, if each has parameters of its own. Nothing is
        known of the terms of a Python function.
    """
    named = zip(law.columns, columns, strict=True)
    notes = []
    for (a, x), (b, y) in itertools.combinations(named, 2):
        power = _power(x, y)
        own = {} if power is None else _own_parameters(law, free)
        if power is None or not own[a] or not own[b]:
            continue
        shown = f"{y[0] / x[0]:.6g}*{a}" if power == 1 else f"a constant times {a}**{power:.6g}"
        notes.append(
            f"{b} is {shown} in every row, so the data scarcely tell {', '.join(own[a])} of {a} "
            f"from {', '.join(own[b])} of {b}: vary {a} and {b} by themselves, or fix some of them"
        )
    return notes


def _power(x: Floats, y: Floats) -> float | None:
    """Return k if y is a constant times x^k, both above 0 and varying, and k is above 0."""
    if x.size < FIRST or not (_straight(x[:FIRST], y[:FIRST]) and _straight(x, y)):
        return None
    u, v = np.log(x), np.log(y)
    low, high = int(np.argmin(u)), int(np.argmax(u))
    if u[high] - u[low] < STRAIGHT or v[high] - v[low] < STRAIGHT:
        return None
    power = float((v[high] - v[low]) / (u[high] - u[low]))
    return 1.0 if abs(power - 1) < STRAIGHT else power


def _straight(x: Floats, y: Floats) -> bool:
    if not (x.min() > 0 and y.min() > 0):
        return False
    u, v = np.log(x), np.log(y)
    u, v = u - u[0], v - v[0]
    far = int(np.argmax(np.abs(u)))
    return bool(np.max(np.abs(v * u[far] - u * v[far])) <= STRAIGHT * max(u[far] ** 2, v[far] ** 2))


def _own_parameters(law: Law, free: Collection[str]) -> Mapping[str, list[str]]:
    """Return by column the free parameters that stand in terms of it and of no other column."""
    names, columns = list(law.parameters), list(law.columns)
    inside: list[tuple[frozenset[str], frozenset[str]]] = []  # columns and parameters
    for instruction in law.instructions:
        op, index, _ = instruction
        parts = [inside[k] for k in operands(instruction)]
        found = (
            frozenset({columns[index]} if op == "column" else ()).union(*(c for c, _ in parts)),
            frozenset({names[index]} if op == "parameter" else ()).union(*(p for _, p in parts)),
        )
        inside.append(found)
    terms = [inside[k] for k in _terms(law, len(law.instructions) - 1)]
    return {
        column: [
            name
            for name in names
            if name in free
            and any(of == {column} and name in p for of, p in terms)
            and not any(of != {column} and name in p for of, p in terms)
        ]
        for column in columns
    }


def _terms(law: Law, result: int) -> list[int]:
    """Return the instructions whose values are added up to the law's."""
    terms, left = [], [result]
    while left:
        k = left.pop()
        op = law.instructions[k][0]
        if op in ("add", "sub", "neg"):
            left.extend(operands(law.instructions[k]))
        else:
            terms.append(k)
    return terms
