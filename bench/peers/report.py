"""The tables: printed, Markdown and JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import lawfit as lf
from bench.peers.plan import Plan
from bench.peers.problems import Floats
from bench.peers.timing import Skip, Timed

# A start or a problem counts as solved this close to the best objective that anyone reached.
SOLVED = 1e-6
PACKAGES = ("numpy", "scipy", "lmfit", "iminuit", "numba", "jax", "jaxlib", "optimistix")


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
    order = {"lawfit": 0}
    rows.sort(key=lambda row: (order.get(row.peer, 1), row.seconds_median * (row.peer != "lawfit")))
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


LEFT = ("solver", "setting")
TIMES = ("median", "min", "max", "p99", "processor")
RIGHT = ("objective", "solved", "x median", "x processor")
THREADS = 1.15  # processor seconds a wall second that more than one thread takes


def _remarks(row: Row) -> str:
    part = f"{row.ran} of {row.of}, scaled" if row.ran < row.of else ""
    many = (
        not row.parallel
        and row.seconds_min > 1e-3
        and row.seconds_processor > THREADS * row.seconds_median
    )
    threads = "MORE THREADS" if many else ""
    inexact = not row.exact and row.gap is not None
    above = f"objectives up to {row.gap:.1e} above the best" if inexact else ""
    return "; ".join(filter(None, (part, row.about, row.remark, above, threads)))


def _cells(row: Row, unit: str) -> tuple[str, ...]:
    def scaled(seconds: float | None) -> str:
        return "" if seconds is None else f"{UNITS[unit] * seconds:.4g}"

    def shown(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    return (
        row.peer,
        row.setting,
        scaled(row.seconds_median),
        scaled(row.seconds_min),
        scaled(row.seconds_max),
        scaled(row.seconds_p99),
        scaled(row.seconds_processor),
        shown(row.objective, ".10g"),
        shown(row.solved, ".1%"),
        shown(row.ratio_median, ".3g"),
        shown(row.ratio_processor, ".3g"),
        _remarks(row),
    )


CORRECT = 0.99


def fastest(table: Table) -> str:
    """The peer to beat: of those that solve 99 % at least, the one that takes the least."""
    correct = (
        r for r in table.rows if r.peer != "lawfit" and (r.solved is None or r.solved >= CORRECT)
    )
    row = min(correct, key=lambda r: r.seconds_processor, default=None)
    if row is None:
        return "no peer solves 99% of them"
    said = f"fastest peer that solves 99%: {row.peer} ({row.setting})"
    if row.ratio_median is None:
        return said
    clock, processor = f"{row.ratio_median:.3g}", f"{row.ratio_processor:.3g}"
    return f"{said}, {clock} times lawfit's first row by the clock and {processor} by the processor"


def _below(table: Table) -> list[str]:
    """What is said under a table."""
    lines = [fastest(table), *table.notes]
    if table.reference is not None:
        word = "at most" if table.at_most else "to reach"
        lines.insert(0, f"objective {word}: {table.reference:.10g}")
    return lines + [f"skipped: {s.peer} ({s.setting}): {s.reason}" for s in table.skipped]


def markdown(table: Table) -> str:
    """The table as Markdown."""
    head = [*LEFT, *(f"{h}, {table.unit}" for h in TIMES), *RIGHT, "remarks"]
    lines = [f"### {table.job}: {table.title}", ""]
    lines += ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cells(row, table.unit)) + " |" for row in table.rows]
    lines += ["", *(f"- {line}" for line in _below(table))]
    return "\n".join(lines) + "\n"


def text(table: Table) -> str:
    """The table for a terminal."""
    head = (*LEFT, *(f"{h} {table.unit}" for h in TIMES), *RIGHT, "remarks")
    cells = [head, *(_cells(row, table.unit) for row in table.rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head) - 1)]
    lines = [f"{table.job}: {table.title}"]
    for line in cells:
        left = "  ".join(s.ljust(w) for s, w in zip(line[:2], widths[:2], strict=True))
        right = "  ".join(s.rjust(w) for s, w in zip(line[2:-1], widths[2:], strict=True))
        lines.append(f"  {left}  {right}  {line[-1]}".rstrip())
    return "\n".join([*lines, *(f"  {line}" for line in _below(table))])


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    cpu = platform.processor() or "unknown"
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = (
            line.split(":", 1)[1]
            for line in info.read_text().splitlines()
            if line.startswith("model name")
        )
        cpu = next(found, cpu).strip()
    load = os.getloadavg() if hasattr(os, "getloadavg") else None
    return {
        "cpu": cpu,
        "cpus": os.cpu_count(),
        "system": platform.platform(),
        "load_average": load,
        "python": platform.python_version(),
        "versions": {"lawfit": lf.__version__, **_installed()},
        "build_info": dict(lf.build_info()),
    }


def _installed() -> dict[str, str]:
    here = {}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            here[name] = metadata.version(name)
    return here


def as_json(tables: Sequence[Table], about: dict[str, Any]) -> dict[str, Any]:
    """Tables and circumstances as plain JSON types."""
    return {"machine": about, "solved_within": SOLVED, "jobs": [asdict(t) for t in tables]}
