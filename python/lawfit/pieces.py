"""The stretches a schedule is made of."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from lawfit import _core
from lawfit._printable import shown
from lawfit._record import Record
from lawfit._validate import choose, integer, real

__all__ = ["MAX_RATE", "MAX_STEPS", "Piece", "piece_from_dict", "read_pieces", "top_of_rise"]

SHAPES: Final = (
    "constant",
    "linear",
    "exponential",
    "cosine",
    "1-sqrt",
    "polynomial",
    "inverse_sqrt",
)
MAX_STEPS: Final = 2**53
MAX_RATE: Final = 1e100  # areas of so many such steps, and their derivatives, stay finite


class Piece(NamedTuple):
    """A stretch of a schedule, as a formula.

    The LR of its step j = 0 … steps - 1 is ``start·w + end·(1 - w)`` at x = (offset + j) / span:
    w = 1 - x for "linear", (1 + cos πx)/2 for "cosine", 1 - √x for "1-sqrt", (1 - x)^power for
    "polynomial", 1/√(1 + x) for "inverse_sqrt", 1 for "constant"; an "exponential" is
    ``start**(1 - x) * end**x``.
    """

    shape: str
    steps: int
    start: float
    end: float = 0.0
    offset: int = 0
    span: int = 1
    power: float = 1.0


def read_pieces(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Check pieces, every one on its own.

    Raises
    ------
    TypeError, ValueError
        Naming the piece, field and value.
    """
    if not isinstance(pieces, Iterable):
        raise TypeError(f"schedule: pieces is {shown(pieces)}; expected an iterable of Piece")
    checked: list[Piece] = []
    last = None
    for index, piece in enumerate(pieces):
        # cycles repeat one object, up to millions of times
        checked.append(checked[-1] if checked and piece is last else _checked(piece, index))
        last = piece
    return tuple(checked)


def piece_from_dict(data: Mapping[str, Any], index: int) -> Piece:
    """Build a piece from its fields by name, unchecked; those with a default may be absent."""
    what = f"schedule: piece {index}"
    Record(data, what, Piece._fields)
    for key in Piece._fields:
        if key not in data and key not in Piece._field_defaults:
            raise ValueError(f"{what}: key {key!r} is missing")
    return Piece(**data)


def top_of_rise(pieces: Iterable[Piece], core: _core.Schedule) -> int:
    """Find the first step at the highest LR reached before the LR first falls."""
    best = first = 0
    peak = before = 0.0

    def rate(step: int) -> float:
        return float(core.lr(step, 1)[0])

    for piece in pieces:
        last = first + piece.steps - 1
        begin, end = rate(first), rate(last)
        if begin < before:
            break
        if begin > peak:
            peak, best = begin, first
        if end < begin:
            break
        if end > peak:  # every shape is monotone; near its top it may be flat to rounding
            peak, best = end, first + bisect_left(range(first, last), end, key=rate)
        before, first = end, last + 1
    return best


def _checked(piece: Piece, index: int) -> Piece:
    source = f"schedule: piece {index}"
    if not isinstance(piece, Piece):
        raise TypeError(f"{source} is {shown(piece)}; expected a Piece")
    checked = Piece(
        shape=choose(piece.shape, SHAPES, field=f"{source}: shape"),
        steps=integer(piece.steps, source=source, field="steps", lower=1, upper=MAX_STEPS),
        start=real(piece.start, source=source, field="start", lower=0.0, upper=MAX_RATE),
        end=real(piece.end, source=source, field="end", lower=0.0, upper=MAX_RATE),
        offset=integer(piece.offset, source=source, field="offset", lower=0, upper=MAX_STEPS),
        span=integer(piece.span, source=source, field="span", lower=1, upper=MAX_STEPS),
        power=real(piece.power, source=source, field="power", lower=0.0, strict=True),
    )
    _, steps, start, end, offset, span, _ = checked
    if checked.shape not in ("constant", "inverse_sqrt") and offset + steps - 1 > span:
        raise ValueError(
            f"{source}: runs past its end: offset {offset} + steps {steps} - 1 exceeds span {span}"
        )
    if checked.shape == "exponential" and not (start > 0 and end > 0):
        raise ValueError(
            f"{source}: goes from start {start} to end {end}; an exponential needs both above 0"
        )
    return checked
