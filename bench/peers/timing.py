"""Interleaved wall times of contestants at the same work, warm."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.peers.problems import Floats
from bench.peers.threads import on


@dataclass(frozen=True)
class Contestant:
    """Something that does a job, and how to score what it returned.

    `read` gives the result where `run` does not return it, and is not timed. `score` gives
    objectives, one a start or a problem, NaN where there is none; where one is not `exact`, only
    how far it is from the best is said. `ran` of `of` parts of the job are done by a call, and its
    time is scaled up. With `most` every call does the next piece of a stream, and all results are
    scored together.
    """

    peer: str
    setting: str
    about: str
    run: Callable[[], Any]
    score: Callable[[Any], Floats]
    ran: int = 1
    of: int = 1
    success: Callable[[Any], float] | None = None  # the share of starts, where it is counted
    remark: Callable[[Any], str] | None = None
    verify: Callable[[Any], None] | None = None  # raises if the result is wrong
    read: Callable[[], Any] | None = None
    exact: bool = True
    most: int | None = None
    cpus: int = 1

    @property
    def ours(self) -> bool:
        return self.peer == "lawfit"


@dataclass(frozen=True)
class Skip:
    """A contestant that is not here, and why."""

    peer: str
    setting: str
    reason: str


@dataclass
class Timed:
    """A contestant's calls: seconds each, and the last result or those of a stream.

    The processor's seconds say what a machine at rest would have taken, and whether there was more
    than one thread.
    """

    contestant: Contestant
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)

    def call(self) -> float:
        with on(self.contestant.cpus):
            return self._call()

    def _call(self) -> float:
        processor = time.process_time()
        begin = time.perf_counter()
        result = self.contestant.run()
        took = time.perf_counter() - begin
        self.seconds.append(took)
        self.processor.append(time.process_time() - processor)
        if self.contestant.read is not None:
            result = self.contestant.read()
        if self.contestant.most is None:
            self.results.clear()
        self.results.append(result)
        return took

    def lap(self, budget: float, most: int) -> None:
        """Call until the time is spent, once at least."""
        for _ in range(most):
            budget -= self.call()
            if budget <= 0:
                return

    @property
    def result(self) -> Any:
        return self.results if self.contestant.most is not None else self.results[-1]

    def scaled(self, seconds: list[float]) -> Floats:
        """Seconds of the whole job, one a call."""
        return np.array(seconds) * (self.contestant.of / self.contestant.ran)


LONG, VERY_LONG = 0.5, 20.0  # seconds of a call that is made in fewer rounds


def measure(
    contestants: Sequence[Contestant], *, rounds: int = 9, slice_seconds: float = 0.02
) -> list[Timed]:
    """Time all contestants in turn, for as many rounds.

    Each is called once before anything is timed (imports, compilation, caches), and called again
    in every round until its slice is spent. One whose call takes long has three rounds, or one.
    """
    times = [Timed(c) for c in contestants]
    first = [_warm(t) for t in times]
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for k in range(rounds):
            for t, seconds in zip(times, first, strict=True):
                wanted = 1 if seconds > VERY_LONG else min(rounds, 3) if seconds > LONG else rounds
                if k < wanted:
                    most = t.contestant.most
                    t.lap(slice_seconds, 10_000 if most is None else max(1, most // rounds))
    finally:
        if collecting:
            gc.enable()
    return times


def _warm(timed: Timed) -> float:
    """Call once outside the record, and say how long it took."""
    took = timed.call()
    timed.seconds.clear()
    timed.processor.clear()
    return took
