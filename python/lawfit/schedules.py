"""The usual learning-rate schedules.

All arguments are by keyword. `steps` is the length of the run, `peak` the highest LR and `warmup`
the length of a linear ramp up to it. Codebases differ in two conventions, so both are options:

ramp : {"open", "shifted", "closed"}
    LR of step t of a warm-up of W steps: ``peak·t/W`` (transformers), ``peak·(t + 1)/W``, or
    ``peak·t/(W - 1)``, both ends included (the multi-power data, arXiv 2503.12811).
endpoint : bool
    How far a decay that starts at step s of T has come at step t: (t - s)/(T - s), so that `end`
    would be reached one step after the last (False, as in `numpy.linspace`), or
    (t - s)/(T - 1 - s), so that the last step is at `end` (True).

A bad value raises TypeError or ValueError naming the argument.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, Literal

from lawfit._keywords import known_keywords
from lawfit._validate import choose, integer, real
from lawfit.pieces import MAX_RATE, MAX_STEPS, Piece
from lawfit.schedule import Schedule

__all__ = [
    "constant",
    "cosine",
    "cyclic",
    "inverse_sqrt",
    "linear",
    "multi_step",
    "polynomial",
    "two_stage",
    "wsd",
]

Ramp = Literal["open", "shifted", "closed"]
Decay = Literal["linear", "exponential", "1-sqrt", "cosine"]
RAMPS: Final = ("open", "shifted", "closed")
DECAYS: Final = ("linear", "exponential", "1-sqrt", "cosine")


class _Run:
    """A schedule being laid out: checked common arguments, the ramp, then one piece at a time."""

    def __init__(self, steps: int, peak: float, warmup: int, ramp: str) -> None:
        self.steps = integer(steps, field="steps", lower=1, upper=MAX_STEPS)
        self.peak = self.lr(peak, "peak")
        self.warmup = integer(warmup, field="warmup", lower=0, upper=self.steps)
        kind = choose(ramp, RAMPS, field="ramp")
        self.now = 0
        self.pieces: list[Piece] = []
        self.add(
            "linear",
            until=self.warmup,
            start=0.0,
            end=self.peak,
            offset=1 if kind == "shifted" else 0,
            span=self.warmup - 1 if kind == "closed" else self.warmup,
        )

    def lr(self, value: float, field: str) -> float:
        return real(value, field=field, lower=0.0, upper=MAX_RATE)

    def step(self, value: int, field: str) -> int:
        """Check a step at which something changes after the warm-up."""
        return integer(value, field=field, lower=self.warmup, upper=self.steps)

    def add(
        self,
        shape: str,
        *,
        until: int,
        start: float,
        end: float = 0.0,
        offset: int = 0,
        span: int = 1,
        power: float = 1.0,
    ) -> None:
        if until > self.now:
            length = until - self.now
            self.pieces.append(Piece(shape, length, start, end, offset, max(span, 1), power))
            self.now = until

    def hold(self, lr: float, until: int) -> None:
        self.add("constant", until=until, start=lr)

    def decay(
        self, shape: str, *, until: int, end: float, endpoint: bool, power: float = 1.0
    ) -> None:
        """Go from the peak to `end` by step `until`."""
        end = self.lr(end, "end")
        for field, lr in (("peak", self.peak), ("end", end)):
            if shape == "exponential" and lr == 0.0:
                raise ValueError(f"{field} is {lr}; an exponential decay needs {field} > 0")
        span = until - self.now - bool(endpoint)
        self.add(shape, until=until, start=self.peak, end=end, span=span, power=power)

    def done(self) -> Schedule:
        return Schedule.from_pieces(self.pieces, warmup=self.warmup)


@known_keywords
def constant(*, steps: int, peak: float, warmup: int = 0, ramp: Ramp = "open") -> Schedule:
    """Stay at `peak` after the warm-up."""
    run = _Run(steps, peak, warmup, ramp)
    run.hold(run.peak, run.steps)
    return run.done()


@known_keywords
def cosine(
    *,
    steps: int,
    peak: float,
    warmup: int = 0,
    end: float = 0.0,
    endpoint: bool = False,
    ramp: Ramp = "open",
) -> Schedule:
    """Follow half a cosine from `peak` to `end` after the warm-up."""
    run = _Run(steps, peak, warmup, ramp)
    run.decay("cosine", until=run.steps, end=end, endpoint=endpoint)
    return run.done()


@known_keywords
def linear(
    *,
    steps: int,
    peak: float,
    warmup: int = 0,
    end: float = 0.0,
    endpoint: bool = False,
    ramp: Ramp = "open",
) -> Schedule:
    """Fall along a line from `peak` to `end` after the warm-up."""
    run = _Run(steps, peak, warmup, ramp)
    run.decay("linear", until=run.steps, end=end, endpoint=endpoint)
    return run.done()


@known_keywords
def polynomial(
    *,
    steps: int,
    peak: float,
    power: float,
    warmup: int = 0,
    end: float = 0.0,
    endpoint: bool = False,
    ramp: Ramp = "open",
) -> Schedule:
    """Fall as ``end + (peak - end)·(1 - x)**power`` after the warm-up; `power` above 0."""
    run = _Run(steps, peak, warmup, ramp)
    power = real(power, field="power", lower=0.0, strict=True)
    run.decay("polynomial", until=run.steps, end=end, endpoint=endpoint, power=power)
    return run.done()


@known_keywords
def inverse_sqrt(
    *,
    steps: int,
    peak: float,
    warmup: int = 0,
    timescale: int | None = None,
    ramp: Ramp = "open",
) -> Schedule:
    """Fall as ``peak / sqrt(1 + (t - warmup) / timescale)`` after the warm-up.

    `timescale` is `warmup` by default, or 10000 without one, as in transformers.
    """
    run = _Run(steps, peak, warmup, ramp)
    if timescale is None:
        timescale = run.warmup or 10_000
    span = integer(timescale, field="timescale", lower=1, upper=MAX_STEPS)
    run.add("inverse_sqrt", until=run.steps, start=run.peak, span=span)
    return run.done()


@known_keywords
def wsd(
    *,
    steps: int,
    peak: float,
    decay_start: int,
    warmup: int = 0,
    end: float = 0.0,
    shape: Decay = "linear",
    endpoint: bool = False,
    ramp: Ramp = "open",
) -> Schedule:
    """Warm up, stay at `peak`, and decay to `end` from step `decay_start` on.

    Parameters
    ----------
    decay_start : int
        First step of the decay, still at `peak`; from `warmup` to `steps`.
    shape : {"linear", "exponential", "1-sqrt", "cosine"}
        Of the decay; "exponential" needs `end` above 0.
    """
    run = _Run(steps, peak, warmup, ramp)
    kind = choose(shape, DECAYS, field="shape")
    run.hold(run.peak, run.step(decay_start, "decay_start"))
    run.decay(kind, until=run.steps, end=end, endpoint=endpoint)
    return run.done()


@known_keywords
def two_stage(
    *,
    steps: int,
    peak: float,
    switch: int,
    second: float,
    warmup: int = 0,
    ramp: Ramp = "open",
) -> Schedule:
    """Stay at `peak`, and from step `switch` on at the LR `second`."""
    run = _Run(steps, peak, warmup, ramp)
    run.hold(run.peak, run.step(switch, "switch"))
    run.hold(run.lr(second, "second"), run.steps)
    return run.done()


@known_keywords
def multi_step(
    *,
    steps: int,
    peak: float,
    milestones: Iterable[int],
    gamma: float,
    warmup: int = 0,
    ramp: Ramp = "open",
) -> Schedule:
    """Multiply the LR by `gamma` at each of `milestones`, strictly increasing steps."""
    run = _Run(steps, peak, warmup, ramp)
    gamma = real(gamma, field="gamma", lower=0.0)
    if not isinstance(milestones, Iterable):
        raise TypeError(f"milestones is {milestones!r}; expected an iterable of steps")
    lr, last = run.peak, -1
    for k, milestone in enumerate(milestones):
        step = run.step(milestone, f"milestones[{k}]")
        if step <= last:
            raise ValueError(
                f"milestones[{k}] is {step}, after {last}; expected strictly increasing steps"
            )
        run.hold(lr, step)
        lr, last = _scaled(run.peak, gamma, k + 1), step
    run.hold(lr, run.steps)
    return run.done()


@known_keywords
def cyclic(
    *,
    steps: int,
    peak: float,
    cycle: int,
    end: float = 0.0,
    shape: Decay = "cosine",
    warmup: int = 0,
    endpoint: bool = False,
    ramp: Ramp = "open",
) -> Schedule:
    """Decay from `peak` to `end` again and again, every `cycle` steps after the warm-up.

    The last cycle is cut off where the run ends. `endpoint` is about each cycle's last step.
    """
    run = _Run(steps, peak, warmup, ramp)
    kind = choose(shape, DECAYS, field="shape")
    length = integer(cycle, field="cycle", lower=1, upper=MAX_STEPS)
    cycles, rest = divmod(run.steps - run.now, length)
    run.decay(kind, until=run.now + length, end=end, endpoint=endpoint)
    whole = run.pieces.pop()
    run.pieces += [whole] * cycles  # one object, so it is checked once
    if rest:
        run.pieces.append(whole._replace(steps=rest))
    return run.done()


def _scaled(peak: float, gamma: float, times: int) -> float:
    try:
        lr = peak * gamma**times
    except OverflowError:
        lr = math.inf
    if lr > MAX_RATE:
        raise ValueError(
            f"gamma is {gamma}; milestones[{times - 1}] would take the LR to {lr}; "
            f"expected at most {MAX_RATE}"
        )
    return lr
