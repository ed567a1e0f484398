"""What derived quantities are answered with: records of numbers and arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["Answer"]


class Answer:
    """A frozen dataclass of numbers and arrays: its arrays are read-only, and it is equal by value.

    As arrays are, it is not hashable.
    """

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        for value in self._values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    def __eq__(self, other: object) -> bool:
        """Compare every field; NaN equals NaN."""
        if not isinstance(other, type(self)):
            return NotImplemented
        return _same(self._values(), other._values())

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._values()  # arrays are read-only in a copy too

    def _values(self) -> tuple[Any, ...]:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return tuple(getattr(self, field.name) for field in fields)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, float | np.ndarray) and isinstance(b, float | np.ndarray):
        return np.array_equal(a, b, equal_nan=True)
    return bool(a == b)
