"""Plain JSON values: writing numbers that JSON lacks, reading with refusals that name the key."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from lawfit._printable import shown
from lawfit._validate import Floats, closest

__all__ = ["Record", "to_json_number"]

# JSON has no such numbers; these are the names JavaScript and Python's json give them.
_NAMED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def to_json_number(value: float) -> float | str:
    """Return a finite number as it is, any other as its name."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


class Record:
    """A JSON object of known keys.

    Parameters
    ----------
    data : mapping
        The object.
    what : str
        What it describes, for messages.
    keys : iterable of str, optional
        All keys it may have; None lets any pass.
    """

    def __init__(
        self, data: Mapping[str, Any], what: str, keys: Iterable[str] | None = None
    ) -> None:
        if not isinstance(data, Mapping):
            raise TypeError(f"{what}: expected an object, got {type(data).__name__}")
        known = tuple(keys) if keys is not None else tuple(data)
        for key in data:
            if key not in known:
                shown = str(key)[:100]
                raise ValueError(f"{what}: unknown key {shown!r}{closest(shown, known)}")
        self._data = data
        self.what = what

    def has(self, key: str) -> bool:
        """Return whether the key is there and not null."""
        return self._data.get(key) is not None

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text; without a default the key is required."""
        value = self._get(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "text", value)
        return value

    def flag(self, key: str, default: bool | None = None) -> bool:
        """Return whether something is so; without a default the key is required."""
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return value

    def number(self, key: str) -> float | None:
        """Return a number, or None when it is null or absent."""
        value = self._data.get(key)
        return None if value is None else self._number(key, value)

    def pair(self, key: str) -> tuple[float, float] | None:
        """Return two numbers, or None when they are null or absent."""
        value = self._data.get(key)
        if value is None:
            return None
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise self._wrong(key, "a pair of numbers", value)
        return self._number(key, value[0]), self._number(key, value[1])

    def real(self, key: str) -> float:
        """Return a number that may be infinite or NaN; the key is required."""
        return self._real(key, self._get(key, None))

    def integer(self, key: str) -> int:
        """Return a whole number from 0; the key is required."""
        value = self._get(key, None)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(key, "a whole number", value)
        if value < 0:
            raise ValueError(
                f"{self.what}: {key!r} is {shown(value)}; expected a whole number from 0"
            )
        return value

    def reals(self, key: str) -> Floats:
        """Return an array of numbers that may be infinite or NaN; the key is required."""
        return np.array([self._real(key, value) for value in self.items(key)], dtype=np.float64)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return texts; the key is required."""
        values = self.items(key)
        for value in values:
            if not isinstance(value, str):
                raise self._wrong(key, "a list of texts", value)
        return tuple(values)

    def mapping(self, key: str) -> Mapping[str, Any]:
        """Return an object; the key is required."""
        value = self._get(key, None)
        if not isinstance(value, Mapping):
            raise self._wrong(key, "an object", value)
        return value

    def table(self, key: str) -> dict[str, float]:
        """Return numbers by name; the key is required."""
        numbers = self.mapping(key).items()
        return {str(name): self._real(f"{key}.{name}", number) for name, number in numbers}

    def items(self, key: str) -> list[Any]:
        """Return a list; the key is required."""
        value = self._get(key, None)
        if not isinstance(value, list | tuple):
            raise self._wrong(key, "a list", value)
        return list(value)

    def _get(self, key: str, default: object) -> object:
        if key not in self._data and default is None:
            raise ValueError(f"{self.what}: key {key!r} is missing")
        return self._data.get(key, default)

    def _real(self, key: str, value: object) -> float:
        if isinstance(value, str) and value in _NAMED:
            return _NAMED[value]
        return self._number(key, value)

    def _number(self, key: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(key, "a number", value)
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"{self.what}: {key!r} is too large for a float") from None

    def _wrong(self, key: str, expected: str, value: object) -> TypeError:
        return TypeError(f"{self.what}: {key!r} must be {expected}, got {shown(value)}")
