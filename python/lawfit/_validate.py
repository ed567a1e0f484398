"""Checks of what callers hand in: every refusal names source, field, index and value.

Arrays are read into fresh float64 copies, so nothing lawfit holds is a view of a caller's memory.
A conversion is exact or refused, with two exceptions: a Python int (a count such as ``10**25``)
and a long double go to the nearest float64, because neither type promises a width.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable, Sequence, Sized
from typing import Any, NoReturn, TypeAlias, TypeGuard, TypeVar

import numpy as np
from numpy.typing import NDArray

from lawfit._printable import printable, shown

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Rows = NDArray[np.intp]
Name = TypeVar("Name", bound=str)
Real: TypeAlias = "int | float | np.integer[Any] | np.floating[Any]"

EXACT_LIMIT = 2**53  # every integer up to here is a float64
# Standard errors take fourth powers: those of sizes beyond, or of their inverses, are no floats.
LARGEST = 1e60
# Beside a residual so many times delta, rounding hides what the others say to a robust loss.
ROOM = 1e12
EPSILON = 2.0**-52  # rounding of a float64, relative to it
NAN_POLICIES = ("raise", "omit")


def closest(name: object, names: Iterable[str]) -> str:
    """Say what `name` may have meant, as the tail of a message that starts at a semicolon."""
    known = {option.casefold(): option for option in names}
    listed = ", ".join(map(repr, known.values()))
    near = difflib.get_close_matches(str(name)[:100].casefold(), known, n=1)
    if near:
        return f"; did you mean {known[near[0]]!r}? (one of {listed})"
    return f"; expected one of {listed}" if known else "; there are none"


def choose(value: object, options: Collection[Name], *, field: str) -> Name:
    """Return the option that equals `value`.

    Raises
    ------
    TypeError
        If `value` is not a string.
    ValueError
        If it is none of `options`; the message names the nearest.
    """
    if not isinstance(value, str):
        raise TypeError(f"{field} is {shown(value)}; expected a string{closest('', options)}")
    for option in options:
        if option == value:
            return option
    raise ValueError(f"{field} {shown(value)} is unknown{closest(value, options)}")


def float_array(
    values: object, *, source: str, field: str, finite: bool = True, dimensions: int = 1
) -> Floats:
    """Copy a column of real numbers into a new float64 array.

    Parameters
    ----------
    values : array-like, shape (n,)
        A sequence, an array of any layout, byte order or real dtype, a data frame's column, or a
        tensor. Masked, null and NA entries and None are missing and become NaN.
    source, field : str
        What the column belongs to and its name, for messages.
    finite : bool
        Refuse NaN, missing and infinite values.
    dimensions : int
        How many the values must have; nothing is broadcast or flattened.

    Returns
    -------
    ndarray of float64, shape (n,) or of so many dimensions
        C-contiguous, and never a view of `values`.

    Raises
    ------
    TypeError
        If an element is no real number: bool, complex, string, date or another object.
    ValueError
        If it has other dimensions, an integer above 2**53 or a long double doesn't fit a float64,
        or, with `finite`, a value is not finite.
    """
    where = f"{source}: {printable(field)}"
    array, missing = read_array(values, where)
    if array.dtype.kind not in "iufO" or (array.dtype.kind == "O" and array.ndim == 0):
        _refuse_type(array, values, where)
    if array.ndim != dimensions:
        expected = "one dimension, (n,)" if dimensions == 1 else f"{dimensions} dimensions"
        raise ValueError(f"{where} has shape {array.shape}; expected {expected}")
    result = _to_float64(array.reshape(-1), where).reshape(array.shape)
    if missing is not None:
        result[missing] = np.nan
    if finite:
        all_finite(result, source=source, field=field)
    return result


def all_finite(
    values: Floats, *, source: str, field: str, rows: Rows | None = None, hint: str = ""
) -> None:
    """Raise ValueError naming the first value that is NaN or infinite.

    `rows` are the values' indices in what the caller handed in, if some were dropped since.
    """
    finite = np.isfinite(values)
    if not finite.all():
        bad = np.flatnonzero(~finite)
        index = bad[0] if rows is None else rows[bad[0]]
        first = f"{source}: {printable(field)} at index {index} is {values[bad[0]]}"
        raise ValueError(f"{first}; expected a finite number{hint}")


def step_array(values: object, *, source: str, field: str = "step") -> Ints:
    """Copy a column of 0-based steps into a new int64 array.

    Takes what `float_array` takes, so long as every value is a whole number from 0 to 2**53 - 1
    (at 2**53 a rounded and an exact step can't be told apart).
    """
    if type(values) is np.ndarray and values.dtype.kind in "iu" and values.ndim == 1:
        whole = values.astype(np.int64)  # the usual case, at a fraction of the cost
        if whole.size == 0 or (whole.min() >= 0 and whole.max() < EXACT_LIMIT):
            return whole
    steps = float_array(values, source=source, field=field)
    allowed = (steps >= 0) & (steps < EXACT_LIMIT) & (steps == np.floor(steps))
    bad = np.flatnonzero(~allowed)
    if bad.size:
        first = f"{source}: {field} at index {bad[0]} is {steps[bad[0]]:.16g}"
        raise ValueError(f"{first}; expected a whole number from 0 to 2**53 - 1")
    return steps.astype(np.int64)


def same_length(source: str, /, **arrays: Sized) -> None:
    """Raise ValueError unless all columns are equally long; nothing is broadcast."""
    lengths = {field: len(values) for field, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{printable(field)} has {n}" for field, n in lengths.items())
        raise ValueError(f"{source}: columns differ in length: {listed}")


def real(
    value: object,
    *,
    field: str,
    source: str = "",
    lower: float | None = None,
    upper: float | None = None,
    strict: bool = False,
    allow_inf: bool = False,
) -> float:
    """Return a scalar as a float, within bounds that `strict` makes exclusive.

    Raises
    ------
    TypeError
        If `value` is not an int or a float (a bool is not).
    ValueError
        If it is NaN, infinite without `allow_inf`, or out of bounds.
    """
    where = f"{source}: {field}" if source else field
    if not _is_real(value):
        raise TypeError(f"{where} is {shown(value)}; expected a real number")
    number = _nearest(value, where)
    if (
        math.isnan(number)
        or (math.isinf(number) and not allow_inf)
        or _outside(number, lower, upper, strict)
    ):
        kind = "a number" if allow_inf else "a finite number"
        raise ValueError(f"{where} is {value}; expected {kind}{_range(lower, upper, strict)}")
    return number


def integer(
    value: object,
    *,
    field: str,
    source: str = "",
    lower: int | None = None,
    upper: int | None = None,
) -> int:
    """Return a whole number as an int, within inclusive bounds; ``2.4e4`` counts as whole.

    Raises
    ------
    TypeError
        If `value` is not an int or a float (a bool is not).
    ValueError
        If it is not whole or out of bounds.
    """
    where = f"{source}: {field}" if source else field
    if not _is_real(value):
        raise TypeError(f"{where} is {shown(value)}; expected a whole number")
    whole = isinstance(value, int | np.integer) or float(value).is_integer()
    if not whole or _outside(int(value), lower, upper, strict=False):
        expected = f"a whole number{_range(lower, upper, strict=False)}"
        raise ValueError(f"{where} is {shown(value)}; expected {expected}")
    return int(value)


def flag(value: object, *, field: str) -> bool:
    """Return a value that is True or False, or raise TypeError."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{field} is {shown(value)}; expected True or False")
    return bool(value)


def read_array(values: Any, where: str) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return `values` as an array of whatever dtype and shape, and its mask if it has one."""
    if isinstance(values, np.ma.MaskedArray):
        return values.filled(0), np.ma.getmaskarray(values)
    try:
        if callable(getattr(values, "detach", None)):  # a tensor: off the graph and the device
            values = values.detach().cpu()
        if callable(getattr(values, "to_native", None)):  # a column of narwhals
            values = values.to_native()
        if hasattr(getattr(values, "type", None), "index_type"):  # pyarrow's numbers of words,
            values = values.cast(values.type.value_type)  # where numpy takes a null for the last
        if isinstance(values, Sequence) and not isinstance(values, str | bytes):
            return _from_sequence(values), None
        return np.asarray(values), None
    except MemoryError:
        raise
    except Exception as error:  # libraries of frames have their own
        raise TypeError(f"{where} can't be read as an array: {error}") from error


def _from_sequence(values: Sequence[Any]) -> NDArray[Any]:
    # numpy would promote a bool or a numeric string among floats, so anything but plain numbers
    # is kept as objects and looked at one by one
    if set(map(type, values)) <= {float, int}:
        try:
            return np.array(values, dtype=np.float64)
        except OverflowError:
            pass  # an int beyond 1.8e308: the slow way names it
    return np.array(values, dtype=object)


def _refuse_type(array: NDArray[Any], values: object, where: str) -> NoReturn:
    if array.ndim == 0:
        kind = type(values).__name__
        raise TypeError(f"{where} is a {kind}; expected a one-dimensional array of numbers")
    first = f" at index 0 is {array.flat[0]!s}" if array.size else ""
    raise TypeError(f"{where}{first} has dtype {array.dtype}; expected real numbers")


def _to_float64(array: NDArray[Any], where: str) -> Floats:
    if array.dtype.kind == "O":
        elements = [_element(value, f"{where} at index {i}") for i, value in enumerate(array)]
        return np.array(elements, dtype=np.float64)
    with np.errstate(over="ignore"):  # judged below
        result = np.array(array, dtype=np.float64, order="C")
    if array.dtype.kind == "f":
        if array.dtype.itemsize <= result.itemsize:
            return result
        changed = np.flatnonzero(np.isinf(result) & np.isfinite(array))
    else:
        large = np.flatnonzero(np.abs(result) >= EXACT_LIMIT)
        changed = large[[int(result[i]) != int(array[i]) for i in large]]
    if changed.size:
        _refuse_inexact(array[changed[0]], f"{where} at index {changed[0]}")
    return result


def _element(value: Any, where: str) -> float:
    if is_missing(value):
        return math.nan
    if not _is_real(value):
        raise TypeError(
            f"{where} is {shown(value)}; expected a real number, not {type(value).__name__}"
        )
    number = _nearest(value, where)
    if isinstance(value, np.integer) and int(number) != int(value):
        _refuse_inexact(value, where)
    return number


def _nearest(value: Any, where: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number) and value not in (math.inf, -math.inf):
        _refuse_inexact(value, where)
    return number


def _refuse_inexact(value: object, where: str) -> NoReturn:
    text = str(value) if not isinstance(value, int) else f"an int of {value.bit_length()} bits"
    raise ValueError(f"{where} is {text}, which no float64 equals; convert it to float yourself")


def _is_real(value: object) -> TypeGuard[Real]:
    if isinstance(value, bool | np.timedelta64):  # subclasses of int and of numpy's integers
        return False
    return isinstance(value, int | float | np.integer | np.floating)


def is_missing(value: object) -> bool:
    # pandas' NA is known by name, so that pandas needn't be imported
    return value is None or value is np.ma.masked or type(value).__name__ in {"NAType", "NaTType"}


def _outside(number: float, lower: float | None, upper: float | None, strict: bool) -> bool:
    if strict and number in (lower, upper):
        return True
    return (lower is not None and number < lower) or (upper is not None and number > upper)


def _range(lower: float | None, upper: float | None, strict: bool) -> str:
    equal = "" if strict else "="
    bounds = [f"{sign}{equal} {b}" for sign, b in ((">", lower), ("<", upper)) if b is not None]
    return " " + " and ".join(bounds) if bounds else ""
