"""Which group each curve or row belongs to, and the rows of every group."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from lawfit._printable import printable, shown
from lawfit._validate import EXACT_LIMIT, Ints, closest, integer, read_array, real
from lawfit.curve import Curve
from lawfit.curves import as_curves
from lawfit.law import Law
from lawfit.rows import Rows, is_table
from lawfit.table import column_names

__all__ = [
    "By",
    "Key",
    "curve_key",
    "group_rows",
    "label",
    "members",
    "nearest_keys",
    "number_of_grouped_starts",
    "read_key",
    "read_shared",
    "split_rows",
    "table_keys",
]

Key: TypeAlias = str | float
By: TypeAlias = str | Callable[[Curve], Any]

ATTRIBUTES = ("name", "params", "tokens_per_step")
# Starts beside the first, which begins at what single groups say of the shared parameters.
MORE_STARTS = 3
# Keys that a refusal names.
NAMED = 3


def read_shared(law: Law, shared: Any, by: Any, held: Iterable[str]) -> tuple[str, ...]:
    """Return the free parameters that all groups have in common, in the law's order."""
    if by is None:
        if shared is not None:
            raise ValueError("shared needs by, which says what the groups are")
        return ()
    if shared is None:
        return ()
    if isinstance(shared, str) or not isinstance(shared, Iterable):
        raise TypeError(f"shared is {shown(shared)}; expected the names of parameters")
    names = list(shared)
    for name in names:
        if not isinstance(name, str) or name not in law.parameters:
            raise ValueError(
                f"shared: law {law.name!r} has no parameter {name!r}{closest(name, law.parameters)}"
            )
    held = set(held)
    return tuple(name for name in law.parameters if name in names and name not in held)


def number_of_grouped_starts(starts: object, nonlinear: int) -> int:
    """Return how many sets of shared values to start from; `nonlinear` of them can be drawn."""
    if starts is None:
        return 1 + (MORE_STARTS if nonlinear else 0)
    if isinstance(starts, str | Mapping | Iterable):
        raise TypeError(
            "starts: a fit with shared parameters takes a number of starts, not values; "
            "each group has parameters of its own"
        )
    return integer(starts, field="starts", lower=1, upper=2**63 - 1)


def read_key(value: Any, where: str) -> Key:
    """Return a group's key: a text or a finite number, which is one that a float equals."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, str):
        return plain
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        raise TypeError(f"{where} is {shown(plain)}; expected a text or a number")
    number = real(plain, field=where)
    if number != plain:  # two such integers may be one float, and their groups one
        raise ValueError(f"{where} is {shown(plain)}, which no float64 equals; make it a text")
    return number


def label(key: Key) -> str:
    """Return a group's key as text: no two numbers look alike."""
    if isinstance(key, str):
        return key
    short = f"{key:g}"
    return short if float(short) == key else f"{key!r}"


def curve_key(curve: Curve, by: By) -> Key:
    """Return the group that a curve belongs to.

    Raises
    ------
    TypeError, ValueError
        If it has no such attribute or column, or one that varies; the message names the curve.
    """
    source = f"curve {curve.name!r}"
    if callable(by):
        return read_key(by(curve), f"{source}: its group")
    if by in ATTRIBUTES:
        value = getattr(curve, by)
        if value is None:
            raise ValueError(f"{source}: {printable(by)} is None, so its group is unknown")
        return read_key(value, f"{source}: {printable(by)}")
    if by not in curve.columns:
        known = [*ATTRIBUTES, *curve.columns]
        raise ValueError(f"{source}: by {by!r} is unknown{closest(by, known)}")
    column = curve.columns[by]
    other = np.flatnonzero(column != column[0])
    if other.size:
        raise ValueError(
            f"{source}: {printable(by)} at index {other[0]} is {column[other[0]]:.17g} and at "
            f"index 0 {column[0]:.17g}; expected one value, since a curve belongs to one group"
        )
    return read_key(column[0], f"{source}: {printable(by)}")


def table_keys(data: Any, by: By, source: str = "data") -> list[Key]:
    """Return the group of every row of a table."""
    if not isinstance(by, str):
        raise TypeError("by: the rows of a table are grouped by the name of a column")
    found = column_names(data, source)
    if by not in found:
        raise ValueError(f"{source}: by: column {by!r} is missing{closest(by, found)}")
    column = data[by]
    if isinstance(column, Sequence):  # numpy would turn numbers among texts into texts
        values = list(column)
    else:
        array, missing = read_array(column, f"{source}: {printable(by)}")
        if missing is not None:
            array = array.astype(object)
            array[missing] = None
        values = array.tolist()
    kinds = set(map(type, values))
    if kinds <= {str}:
        return values
    if kinds <= {int, float} and all(abs(value) <= EXACT_LIMIT for value in values):
        return list(map(float, values))
    where = f"{source}: {printable(by)} at index"
    return [read_key(value, f"{where} {i}") for i, value in enumerate(values)]


def group_rows(rows: Rows, data: Any, by: Any) -> dict[Key, Ints]:
    """Return which rows belong to each group, in the order in which groups appear."""
    if not isinstance(by, str) and not callable(by):
        raise TypeError(f"by is {by!r}; expected a name, or a function of a curve")
    if is_table(data):
        keys = table_keys(data, by)
        if len(keys) != rows.given:
            raise ValueError(f"data: {printable(by)} has {len(keys)} values for {rows.given} rows")
        whole = len(rows) == rows.given
        return members(keys if whole else (keys[row] for row in rows.kept().tolist()))
    found: dict[Key, list[Ints]] = {}
    for curve, group in zip(as_curves(data), rows.groups, strict=True):
        found.setdefault(curve_key(curve, by), []).append(np.arange(group.begin, group.end))
    return {key: np.concatenate(parts) for key, parts in found.items()}


def members(keys: Iterable[Key]) -> dict[Key, Ints]:
    """Return the indices at which each key stands, in the order of first appearance."""
    found: dict[Key, list[int]] = {}
    for index, key in enumerate(keys):
        found.setdefault(key, []).append(index)
    return {key: np.array(indices) for key, indices in found.items()}


def split_rows(rows: Rows, found: Mapping[Key, Ints]) -> dict[Key, Rows]:
    """Return each group's rows; `found` says which they are, ascending.

    A source that has rows of several groups, as a table does, is named with the group.
    """
    return {key: rows.take(index, f", group {key!r}") for key, index in found.items()}


def nearest_keys(key: object, keys: Sequence[Key]) -> str:
    """Say which groups there are near a key, as the tail of a message."""
    near: list[Key]
    if isinstance(key, int | float) and all(isinstance(known, float) for known in keys):
        near = sorted(keys, key=lambda known: abs(float(known) - key))[:NAMED]
    else:
        texts = {str(known): known for known in keys}
        near = [texts[text] for text in difflib.get_close_matches(str(key), texts, n=NAMED)]
        near = near or list(keys[:NAMED])
    listed = ", ".join(label(known) if isinstance(known, float) else repr(known) for known in near)
    more = f", of {len(keys)} groups" if len(near) < len(keys) else ""
    return f"; the nearest {'is' if len(near) == 1 else 'are'} {listed}{more}"
