"""Learning-rate schedules and their areas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, NoReturn, Self, overload

import numpy as np

from lawfit import _core
from lawfit._areas import MoreAreas
from lawfit._from_frameworks import FromFrameworks
from lawfit._record import Record
from lawfit._validate import (
    Floats,
    Ints,
    choose,
    float_array,
    integer,
    real,
    same_length,
    step_array,
)
from lawfit.conventions import WARMUPS, Warmup
from lawfit.pieces import (
    MAX_RATE,
    MAX_STEPS,
    Piece,
    piece_from_dict,
    read_pieces,
    top_of_rise,
)

__all__ = ["WARMUPS", "Piece", "Schedule", "Warmup", "read_rates"]

_BLOCK: Final = 65536  # steps looked at together where a schedule is read from end to end
_SHOWN: Final = 6  # pieces a repr lists


class Schedule(MoreAreas, FromFrameworks):
    """The learning rate of every step of a run; immutable.

    Parameters
    ----------
    lr : array-like, shape (T,)
        LR of every step 0 … T - 1, from 0 to 1e100, as it is (not scaled).
    warmup : int, optional
        Steps of warm-up, 0 … T. By default the steps before the highest LR that is reached before
        the LR first falls, so step `warmup` is the ramp's top, whatever plateaus are on the way; 0
        if the LR is constant or falls at once.

    Raises
    ------
    TypeError, ValueError
        If a value is no number, not finite, negative or above 1e100; the message names its step.

    See Also
    --------
    lawfit.schedules : the usual schedules by name.
    Schedule.from_points : a schedule logged at some steps only.
    Schedule.from_torch, from_transformers, from_optax, from_keras : what a framework will do.
    """

    __slots__ = ("_lr", "_native", "_pieces")
    _lr: Floats | None
    _pieces: tuple[Piece, ...] | None

    def __init__(self, lr: object, *, warmup: int | None = None) -> None:
        rates = read_rates(lr)
        if warmup is None:
            last = _last_before_fall(rates)
            warmup = int(np.searchsorted(rates[: last + 1], rates[last]))
        self._set(None, lambda w: _core.Schedule.dense(rates, w), rates.size, warmup)

    @classmethod
    def from_pieces(cls, pieces: Iterable[Piece], *, warmup: int | None = None) -> Self:
        """Build a schedule of stretches that follow one another.

        Memory does not grow with the number of steps. Areas of constant and linear pieces have
        closed forms: 10**9 steps cost microseconds.

        Parameters
        ----------
        pieces : iterable of Piece
            At most 2**53 steps together.
        warmup : int, optional
            As in `Schedule`.

        Raises
        ------
        TypeError, ValueError
            If a piece has an unknown shape, no steps, a negative LR or runs past its end; the
            message names it.
        """
        parts = read_pieces(pieces)
        total = integer(
            sum(part.steps for part in parts),
            source="schedule",
            field="steps",
            lower=1,
            upper=MAX_STEPS,
        )
        if warmup is None:
            warmup = top_of_rise(parts, _core.Schedule.from_pieces(parts, 0))
        schedule = cls.__new__(cls)
        schedule._set(parts, lambda w: _core.Schedule.from_pieces(parts, w), total, warmup)
        return schedule

    @classmethod
    def from_points(
        cls, steps: object, lr: object, *, total: int | None = None, warmup: int | None = None
    ) -> Self:
        """Build a schedule from the LR logged at some steps.

        The LR is a straight line between points; before the first point it is held at the first
        point's LR, after the last at the last's.

        Parameters
        ----------
        steps : array-like, shape (n,)
            0-based steps, strictly increasing.
        lr : array-like, shape (n,)
            LR of those steps.
        total : int, optional
            Steps of the schedule; by default the last point is the last step.
        warmup : int, optional
            As in `Schedule`.
        """
        at = step_array(steps, source="schedule", field="steps")
        rates = read_rates(lr, at)
        back = np.flatnonzero(np.diff(at) <= 0)
        if back.size:
            i = int(back[0]) + 1
            raise ValueError(
                f"schedule: steps at index {i} is {at[i]}, after {at[i - 1]}; "
                "expected strictly increasing steps"
            )
        last = int(at[-1])
        if total is None:
            total = last + 1
        total = integer(total, source="schedule", field="total", lower=last + 1, upper=MAX_STEPS)
        gaps = np.diff(at).tolist()
        values = rates.tolist()
        pieces = [
            Piece("linear", gap, start, end, span=gap)
            for gap, start, end in zip(gaps, values, values[1:], strict=False)
        ]
        if at[0] > 0:
            pieces.insert(0, Piece("constant", int(at[0]), values[0]))
        pieces.append(Piece("constant", total - last, values[-1]))
        return cls.from_pieces(pieces, warmup=warmup)

    def _set(
        self,
        pieces: tuple[Piece, ...] | None,
        make: Callable[[int], _core.Schedule],
        steps: int,
        warmup: int,
    ) -> None:
        """Fill the slots; `make` builds the core's schedule with so many steps of warm-up."""
        warmup = integer(warmup, source="schedule", field="warmup", lower=0, upper=steps)
        object.__setattr__(self, "_native", make(warmup))
        object.__setattr__(self, "_pieces", pieces)
        object.__setattr__(self, "_lr", None)

    @property
    def steps(self) -> int:
        """Number of steps T."""
        return self._native.steps

    @property
    def warmup(self) -> int:
        """Steps of warm-up, given or detected."""
        return self._native.warmup

    @property
    def lr(self) -> Floats:
        """LR of every step, shape (T,), read-only. Made on first use: 8 bytes a step."""
        if self._lr is None:
            rates = self._native.lr(0, self.steps)
            rates.setflags(write=False)
            object.__setattr__(self, "_lr", rates)
            return rates
        return self._lr

    @property
    def peak(self) -> float:
        """The highest LR."""
        if self._pieces is None:
            return float(self.lr.max())
        ends = np.cumsum([piece.steps for piece in self._pieces])
        edges = {0, *(ends - 1).tolist(), *ends[:-1].tolist()}  # every shape is monotone
        return max(float(self._native.lr(edge, 1)[0]) for edge in edges)

    def at(self, steps: object) -> Floats:
        """LR at some steps.

        Parameters
        ----------
        steps : array-like, shape (n,)
            Steps in 0 … T - 1, in any order.

        Returns
        -------
        ndarray, shape (n,)
        """
        asked = self._asked(steps)
        if self._pieces is None or self._lr is not None:
            return self.lr[asked]
        return np.array([self._native.lr(step, 1)[0] for step in asked.tolist()], dtype=np.float64)

    @overload
    def areas(
        self,
        lam: float = ...,
        at: object = ...,
        warmup: Warmup = ...,
        derivative: Literal[False] = ...,
    ) -> tuple[Floats, Floats]: ...
    @overload
    def areas(
        self,
        lam: float = ...,
        at: object = ...,
        warmup: Warmup = ...,
        *,
        derivative: Literal[True],
    ) -> tuple[Floats, Floats, Floats]: ...
    def areas(
        self,
        lam: float = 0.999,
        at: object = None,
        warmup: Warmup = "actual",
        derivative: bool = False,
    ) -> tuple[Floats, ...]:
        """Forward area S1 and annealing area S2 (arXiv 2408.11029).

        S1(t) = Σ_{i≤t} η_i and S2(t) = Σ_{i≤t} m_i, with m_0 = 0 and
        m_i = λ·m_{i-1} + (η_{i-1} - η_i). A rising LR counts negative, unclipped. Every step
        counts, whichever steps are asked for. Rounding stays at a few ulp of S1 and of Σ|m|
        whatever the length (√(1/(1 - λ)) ulp if the LR jumps at random at every step); a constant
        or linear piece is integrated as the real line it is.

        Parameters
        ----------
        lam : float
            λ in [0, 1]; at 1, m_t is η_0 - η_t.
        at : array-like of int, shape (n,), optional
            Steps in 0 … T - 1, in any order; by default every step.
        warmup : {"actual", "peak", "skip"}
            The warm-up's LR as it is; or replaced by the LR of step `warmup` for both areas (what
            the paper's authors do); or as it is in S1 and left out of S2, so that m and S2 are 0
            up to and including step `warmup` (what the multi-power data use, arXiv 2503.12811).
        derivative : bool
            Return dS2/dλ too.

        Returns
        -------
        s1, s2 : ndarray, shape (n,)
        ds2_dlam : ndarray, shape (n,)
            If `derivative`.

        Raises
        ------
        TypeError, ValueError
            If a step is outside the schedule, λ outside [0, 1] or `warmup` unknown.
        """
        lam = real(lam, field="lam", lower=0.0, upper=1.0)
        mode = choose(warmup, WARMUPS, field="warmup")
        if not isinstance(derivative, bool | np.bool_):
            raise TypeError(f"derivative is {derivative!r}; expected True or False")
        order = int(derivative)
        if at is None:
            return self._native.areas(lam, mode, None, order)
        asked = self._asked(at)
        if np.all(asked[1:] >= asked[:-1]):
            return self._native.areas(lam, mode, asked, order)
        ascending, place = np.unique(asked, return_inverse=True)
        return tuple(area[place] for area in self._native.areas(lam, mode, ascending, order))

    def to_dict(self) -> dict[str, Any]:
        """Return the schedule as plain JSON types; `from_dict` reads them back."""
        if self._pieces is None:
            return {"warmup": self.warmup, "lr": self.lr.tolist()}
        return {"warmup": self.warmup, "pieces": [piece._asdict() for piece in self._pieces]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build a schedule from what `to_dict` returned.

        Raises
        ------
        TypeError, ValueError
            Naming the key that is unknown, missing or has a bad value.
        """
        record = Record(data, "schedule", ("warmup", "lr", "pieces"))
        if ("lr" in data) == ("pieces" in data):
            raise ValueError(
                f"schedule: has the keys {sorted(data)}; expected 'warmup' and 'lr' or 'pieces'"
            )
        if "lr" in data:
            return cls(data["lr"], warmup=data.get("warmup"))
        pieces = [piece_from_dict(piece, i) for i, piece in enumerate(record.items("pieces"))]
        return cls.from_pieces(pieces, warmup=data.get("warmup"))

    def __len__(self) -> int:
        return self.steps

    def __eq__(self, other: object) -> bool:
        """Say whether warm-up and the LR of every step are the same."""
        if not isinstance(other, Schedule):
            return NotImplemented
        if (self.steps, self.warmup) != (other.steps, other.warmup):
            return False
        if self._pieces is not None and self._pieces == other._pieces:
            return True
        return all(
            np.array_equal(self._native.lr(first, n), other._native.lr(first, n))
            for first, n in _blocks(self.steps)
        )

    def __hash__(self) -> int:
        first, last = self._native.lr(0, 1)[0], self._native.lr(self.steps - 1, 1)[0]
        return hash((self.steps, self.warmup, first, last))

    def __repr__(self) -> str:
        final = float(self._native.lr(self.steps - 1, 1)[0])
        text = (
            f"Schedule(steps={self.steps}, warmup={self.warmup}, peak={self.peak:g}, end={final:g}"
        )
        if self._pieces is not None:
            shown = [f"{piece.shape} {piece.steps}" for piece in self._pieces[:_SHOWN]]
            if len(self._pieces) > _SHOWN:
                shown.append(f"… {len(self._pieces)} pieces")
            text += ": " + ", ".join(shown)
        return text + ")"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Schedule is immutable: can't set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Schedule is immutable: can't delete {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        if self._pieces is None:
            return _restore, (type(self), None, self.lr, self.warmup)
        return _restore, (type(self), self._pieces, None, self.warmup)


def _restore(
    cls: type[Schedule], pieces: tuple[Piece, ...] | None, lr: Floats | None, warmup: int
) -> Schedule:
    if pieces is None:
        return cls(lr, warmup=warmup)
    return cls.from_pieces(pieces, warmup=warmup)


def read_rates(lr: object, steps: Ints | None = None, *, source: str = "schedule") -> Floats:
    """Check LR values, of every step or of `steps`; `source` is what messages call them."""
    rates = float_array(lr, source=source, field="lr")
    if steps is not None:
        same_length(source, steps=steps, lr=rates)
    if rates.size == 0:
        raise ValueError(f"{source}: lr has 0 steps; expected at least 1")
    if rates.min() < 0 or rates.max() > MAX_RATE:
        i = int(np.argmax((rates < 0) | (rates > MAX_RATE)))
        step = i if steps is None else int(steps[i])
        expected = "lr >= 0" if rates[i] < 0 else f"lr <= {MAX_RATE}, whose areas are finite"
        raise ValueError(f"{source}: lr at step {step} is {rates[i]}; expected {expected}")
    return rates


def _last_before_fall(rates: Floats) -> int:
    """Return the step before the LR first falls, or the last one."""
    for first, n in _blocks(rates.size - 1):
        falls = rates[first + 1 : first + n + 1] < rates[first : first + n]
        if falls.any():
            return first + int(np.argmax(falls))
    return rates.size - 1


def _blocks(steps: int) -> Iterable[tuple[int, int]]:
    return ((first, min(_BLOCK, steps - first)) for first in range(0, steps, _BLOCK))
