"""Events of one layout, whose scalars are read out of all of them at once.

A writer gives the same bytes again and again, but for time, step, tag and value. So an event is
read once, and those that differ from it nowhere else need not be.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lawfit._validate import Floats, Ints, Rows
from lawfit.io.event_frames import Bytes
from lawfit.io.event_proto import (
    BYTES,
    CONTENT,
    FIXED32,
    FIXED64,
    TENSORS,
    VARINT,
    Span,
    read_varint,
    spans,
)

__all__ = ["Shape", "distinct_rows", "shape_of"]

_TYPES: Final = {1: "<f4", 2: "<f8"}  # tensors of floats and doubles


class _Place(NamedTuple):
    """Where an event has a scalar's tag and value, and the value's type."""

    tag: slice
    value: slice
    kind: str


class Shape(NamedTuple):
    """The layout of an event that holds scalars and nothing else.

    Attributes
    ----------
    mask : ndarray of uint8, shape (length,)
        The bits that events of this layout have in common.
    step : slice or None
    scalars : list of _Place
    """

    mask: Bytes
    step: slice | None
    scalars: list[_Place]

    def matches(self, events: Bytes, like: Bytes) -> NDArray[np.bool_]:
        """Say which events, rows of bytes, have the layout of the one that it was taken from."""
        return np.asarray(((events & self.mask) == (like & self.mask)).all(axis=1))

    def steps(self, events: Bytes) -> Ints:
        """Return the step of each event."""
        found = np.zeros(len(events), np.uint64)
        if self.step is not None:
            for k, column in enumerate(events[:, self.step].T):
                found |= (column & 127).astype(np.uint64) << np.uint64(7 * k)
        return found.view(np.int64)

    def values(self, events: Bytes, k: int) -> Floats:
        """Return the value of each event's scalar `k`."""
        place = self.scalars[k]
        cells = np.ascontiguousarray(events[:, place.value])
        with np.errstate(invalid="ignore"):  # a NaN that signals
            return cells.view(place.kind)[:, 0].astype(np.float64)


def shape_of(event: bytes, where: str) -> Shape | None:
    """Return the layout of an event, or None if it is not of scalars alone.

    Raises
    ------
    ValueError
        If it is no event.
    """
    mask = np.full(len(event), 255, np.uint8)
    step, scalars = None, []
    for field, wire, start, stop in spans(event, 0, len(event), where):
        if (field, wire) == (1, FIXED64):
            mask[start:stop] = 0
        elif (field, wire) == (2, VARINT) and step is None:
            step = slice(start, stop)
            mask[step] = 128  # whether another byte follows
        elif (field, wire) == (5, BYTES):
            for value in spans(event, start, stop, where):
                place = _place(event, value, where)
                if place is None:
                    return None
                mask[place.tag] = mask[place.value] = 0
                scalars.append(place)
        else:
            return None
    return Shape(mask, step, scalars) if scalars else None


def _place(event: bytes, value: Span, where: str) -> _Place | None:
    """Return where a summary's value has its tag and number, if it is of a usual kind."""
    if (value.field, value.wire) != (1, BYTES):
        return None
    tags, numbers = [], []
    for field, wire, start, stop in spans(event, value.start, value.stop, where):
        if (field, wire) == (1, BYTES):
            tags.append(slice(start, stop))
        elif (field, wire) == (2, FIXED32):
            numbers.append((slice(start, stop), "<f4"))
        elif (field, wire) == (8, BYTES):
            numbers += _numbers(event, start, stop, where)
        elif field not in (7, 9):  # the node's name, and what plugin it is for
            return None
    if len(tags) != 1 or len(numbers) != 1:
        return None
    return _Place(tags[0], *numbers[0])


def _numbers(event: bytes, begin: int, end: int, where: str) -> list[tuple[slice, str]]:
    """Return where a tensor has its number, if it is one of floats or doubles."""
    fields = list(spans(event, begin, end, where))
    kinds = [read_varint(event, s.start, where)[0] for s in fields if s[:2] == (1, VARINT)]
    if len(kinds) != 1 or kinds[0] not in _TYPES:
        return []
    kind, number = _TYPES[kinds[0]], TENSORS[kinds[0]][0]
    places = [
        slice(start, stop)
        for field, wire, start, stop in fields
        if (field == number and wire != VARINT) or (field, wire) == (CONTENT, BYTES)
    ]
    if len(places) != 1 or places[0].stop - places[0].start != np.dtype(kind).itemsize:
        return []
    return [(places[0], kind)]


def distinct_rows(rows: Bytes) -> tuple[Rows, Rows]:
    """Return the first of each kind of row, and of what kind each is.

    As `numpy.unique` along an axis, by a sum of eight bytes at a time, which is looked at after.
    """
    words = -(-rows.shape[1] // 8)
    padded = np.zeros((len(rows), 8 * words), np.uint8)
    padded[:, : rows.shape[1]] = rows
    numbers = padded.view(np.uint64)
    if (numbers == numbers[0]).all():
        return np.zeros(1, np.intp), np.zeros(len(rows), np.intp)
    keys = numbers[:, 0].copy()
    for column in numbers.T[1:]:
        keys = keys * np.uint64(0x9E3779B97F4A7C15) + column
    _, first, kind = np.unique(keys, return_index=True, return_inverse=True)
    if not (numbers == numbers[first][kind]).all():
        _, first, kind = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return first, kind
