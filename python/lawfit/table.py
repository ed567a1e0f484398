"""Columns of numbers out of a mapping or any data frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lawfit._validate import Floats, closest, float_array, same_length

__all__ = ["column_names", "is_lazy", "table_columns"]


def table_columns(
    data: Any, names: Iterable[str], *, source: str = "data", finite: bool = True
) -> dict[str, Floats]:
    """Copy named columns into float64 arrays.

    Parameters
    ----------
    data : mapping of str to array-like, or data frame
        Anything with column names whose ``data[name]`` is a column: a dict, a pandas or polars
        DataFrame, a pyarrow Table. Columns that aren't named are not looked at.
    names : iterable of str
        The columns to take.
    source : str
        What messages call `data`.
    finite : bool
        Refuse values that are missing or not finite.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        In the order of `names`.

    Raises
    ------
    TypeError
        If `data` has no named columns, or a column holds something else than real numbers.
    ValueError
        If a column is missing, differs in length from another or, with `finite`, holds a value that
        is missing or not finite; or if there are 0 rows.
    """
    found = column_names(data, source)
    columns = {}
    for name in names:
        if name not in found:
            raise ValueError(f"{source}: column {name!r} is missing{closest(name, found)}")
        columns[name] = float_array(data[name], source=source, field=name, finite=finite)
    same_length(source, **columns)
    if any(not len(column) for column in columns.values()):
        raise ValueError(f"{source} has 0 rows")
    return columns


def column_names(data: Any, source: str) -> list[str]:
    """Return the names of a table's columns."""
    # a pyarrow Table's `columns` are its data and `column_names` its names; frames have names in
    # `columns`, mappings in keys()
    if is_lazy(data):
        raise TypeError(f"{source} is a {type(data).__name__}, not read yet; give its collect()")
    for attribute in ("column_names", "columns", "keys"):
        names = getattr(data, attribute, None)
        if names is not None:
            listed = names() if callable(names) else names
            return [name for name in listed if isinstance(name, str)]
    kind = type(data).__name__
    raise TypeError(f"{source} is a {kind}; expected a mapping of columns or a data frame")


def is_lazy(data: object) -> bool:
    """Say whether a table is a plan to read one, as those of polars and Spark are."""
    return hasattr(data, "collect")
