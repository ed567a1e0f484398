"""What a job's timings and objectives come to: a row for each contestant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.peers.plan import Plan
from bench.peers.problems import Floats
from bench.peers.timing import Skip, Timed

# A start or a problem counts as solved this close to the best objective that anyone reached.
SOLVED = 1e-6


@dataclass(frozen=True)
class Row:
    """One contestant at one job; seconds are those of the whole job, and p99 of 100 calls or more.

    The ratios are to our first row. `scored` is how many objectives there are; `gap` is how far the
    worst that the solver must have reached is from the best of all, relative to it, or None if one
    is missing.
    """

    peer: str
    setting: str
    about: str
    seconds_median: float
    seconds_min: float
    seconds_max: float
    seconds_p99: float | None
    seconds_processor: float
    calls: int
    ran: int
    of: int
    scored: int
    exact: bool
    parallel: bool
    objective: float | None
    gap: float | None
    solved: float | None
    ratio_median: float | None
    ratio_processor: float | None
    remark: str


@dataclass(frozen=True)
class Table:
    """All contestants at one job."""

    job: str
    title: str
    unit: str
    reference: float | None
    at_most: bool
    paired: bool
    rows: tuple[Row, ...]
    skipped: tuple[Skip, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Scored:
    """A contestant's objectives, and what they are compared with."""

    timed: Timed
    scores: Floats
    best: Floats  # of the same problem each, or of all starts
    common: int | None  # how many problems all have done


def scored(times: Sequence[Timed], plan: Plan) -> list[Scored]:
    """Objectives beside the best ones.

    With `paired` the objectives are those of the same problems in the same order, so the best of
    each is taken apart. Otherwise they are of many starts at one problem.
    """
    all_scores = [np.atleast_1d(t.contestant.score(t.result)) for t in times]
    known = [s for s in all_scores if s.size]
    if plan.paired and known:
        width, common = max(s.size for s in known), min(s.size for s in known)
        padded = [np.pad(s, (0, width - s.size), constant_values=np.nan) for s in known]
        best = np.fmin.reduce(padded)
        return [
            Scored(t, s, best[: s.size], common) for t, s in zip(times, all_scores, strict=True)
        ]
    lowest = np.inf if plan.reference is None or plan.at_most else plan.reference
    best = np.fmin.reduce([lowest, *(x for s in known for x in s)])
    return [Scored(t, s, np.asarray(best), None) for t, s in zip(times, all_scores, strict=True)]


def tabulate(job: str, plan: Plan, times: Sequence[Timed]) -> Table:
    """Rows of a job, ours first and then from fast to slow."""
    ours = next((t for t in times if t.contestant.ours), None)
    rows = [_row(s, ours) for s in scored(times, plan)]
    rows.sort(key=lambda row: 0.0 if row.peer == "lawfit" else row.seconds_median)
    return Table(
        job,
        plan.title,
        _unit(rows),
        plan.reference,
        plan.at_most,
        plan.paired,
        tuple(rows),
        tuple(plan.skipped),
        tuple(plan.notes),
    )


def _row(scored: Scored, ours: Timed | None) -> Row:
    timed, scores = scored.timed, scored.scores
    c, seconds = timed.contestant, timed.scaled(timed.seconds)
    median, least = float(np.median(seconds)), float(np.min(seconds))
    processor = float(np.median(timed.scaled(timed.processor)))
    solved = gap = objective = None
    if scores.size:
        solved = float(np.mean(scores <= scored.best * (1 + SOLVED)))
        reached = np.fmin.reduce(scores, keepdims=True) if scored.common is None else scores
        gap = _finite(np.max(reached / scored.best - 1))
        objective = _finite(np.mean(reached[: scored.common]))
    if c.success is not None:
        solved = c.success(timed.result)
    return Row(
        c.peer,
        c.setting,
        c.about,
        median,
        least,
        float(np.max(seconds)),
        float(np.quantile(seconds, 0.99)) if seconds.size >= 100 else None,
        processor,
        seconds.size,
        c.ran,
        c.of,
        scores.size,
        c.exact,
        c.cpus > 1,
        objective,
        gap,
        solved,
        None if ours is None else median / float(np.median(ours.scaled(ours.seconds))),
        None if ours is None else processor / float(np.median(ours.scaled(ours.processor))),
        "" if c.remark is None else c.remark(timed.result),
    )


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


UNITS = {"s": 1.0, "ms": 1e3, "µs": 1e6, "ns": 1e9}


def _unit(rows: Sequence[Row]) -> str:
    least = min((row.seconds_median for row in rows), default=1.0)
    return next((u for u, scale in UNITS.items() if least * scale >= 0.1), "ns")
