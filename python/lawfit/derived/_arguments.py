"""Arguments of functions of a few numbers: each a number or a column of numbers."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from lawfit._validate import Floats, float_array, real, same_length

__all__ = ["Number", "log_ratio", "plain", "reals", "together"]

Number: TypeAlias = "float | Floats"


def reals(
    value: Any,
    field: str,
    source: str,
    *,
    lower: float | None = None,
    upper: float | None = None,
    strict: bool = False,
) -> Floats:
    """Return a number or a column of them as a new array of shape () or (n,).

    Raises
    ------
    TypeError, ValueError
        As `real` and `float_array` do; for a column the message names the index.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()

    def number(one: Any, field: str) -> float:
        return real(one, field=field, source=source, lower=lower, upper=upper, strict=strict)

    if isinstance(value, str | bytes) or not hasattr(value, "__len__"):
        return np.array(number(value, field))
    column = float_array(value, source=source, field=field)
    low, high = -np.inf if lower is None else lower, np.inf if upper is None else upper
    inside = (low < column) & (column < high) if strict else (low <= column) & (column <= high)
    outside = np.flatnonzero(~inside)
    if outside.size:
        number(float(column[outside[0]]), f"{field} at index {outside[0]}")
    return column


def together(source: str, **arrays: Floats) -> None:
    """Refuse columns that differ in length; numbers go with any."""
    same_length(source, **{field: values for field, values in arrays.items() if values.ndim})


def log_ratio(a: Floats, b: Floats) -> Floats:
    """Return log(a/b) of numbers above 0, also where the ratio is beyond any float."""
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        near, far = np.log(a / b), np.log(a) - np.log(b)
    result: Floats = np.where(np.isfinite(near), near, far)
    return result


def plain(values: Any) -> Number:
    """Return an array of shape () as a float, any other as it is."""
    array = np.asarray(values, dtype=np.float64)
    return float(array) if array.ndim == 0 else array
