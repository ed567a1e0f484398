"""The tables: printed, Markdown and JSON."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import lawfit as lf
from bench.peers.cminpack import compiler
from bench.peers.results import SOLVED, UNITS, Row, Table
from bench.peers.solver import MissingPeerError

PACKAGES = ("numpy", "scipy", "lmfit", "iminuit", "numba", "jax", "jaxlib", "optimistix")

LEFT = ("solver", "setting")
TIMES = ("median", "min", "max", "p99", "processor")
RIGHT = ("objective", "solved", "x median", "x processor")
BUSY = 1.2  # wall seconds a processor second where others had the processor too
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


def fastest(table: Table) -> list[str]:
    """The peer to beat: of those that solve 99 % at least, the one that takes the least."""
    peers = [row for row in table.rows if row.peer != "lawfit"]
    correct = [row for row in peers if row.solved is None or row.solved >= CORRECT]
    if not correct:
        return ["no peer solves 99%"] if peers else []
    row = min(correct, key=lambda r: r.seconds_processor)
    which = "fastest peer" if row.solved is None else "fastest peer that solves 99%"
    said = f"{which}: {row.peer} ({row.setting})"
    if row.ratio_median is None:
        return [said]
    clock, processor = f"{row.ratio_median:.3g}", f"{row.ratio_processor:.3g}"
    return [f"{said}, {clock} times lawfit's first row by the clock, {processor} by the processor"]


def _below(table: Table) -> list[str]:
    """What is said under a table."""
    lines = [*fastest(table), *table.notes]
    if any(row.seconds_median > BUSY * row.seconds_processor for row in table.rows):
        lines.append("the machine was busy: compare the processor's time, not the clock's")
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
    """What the figures depend on, but for the peers that are missing."""
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
        "c_compiler": _c_compiler(),
        "build_info": dict(lf.build_info()),
    }


def _installed() -> dict[str, str]:
    here = {}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            here[name] = metadata.version(name)
    return here


def _c_compiler() -> str | None:
    """What cminpack's objective is built with; cminpack itself comes as the system has it."""
    try:
        command = [*compiler(), "--version"]
    except MissingPeerError:
        return None
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return next(iter(said.splitlines()), None)


def preface(about: dict[str, Any]) -> list[str]:
    """Machine, compilers and versions, a line each."""
    load = about["load_average"]
    busy = "" if load is None else ", load " + " ".join(f"{x:.1f}" for x in load)
    lines = [
        f"{about['cpu']}, {about['cpus']} CPUs{busy}; {about['system']}, Python {about['python']}",
        ", ".join(f"{name} {version}" for name, version in about["versions"].items()),
        "lawfit: " + ", ".join(f"{name} {value}" for name, value in about["build_info"].items()),
        f"cminpack's objective: {about['c_compiler']}",
    ]
    return [*lines, *(f"skipped: {name}: {why}" for name, why in about["missing"].items())]


def as_markdown(tables: Sequence[Table], about: dict[str, Any], intro: str) -> str:
    """Everything on a page."""
    head = ["# lawfit beside other solvers", "", intro, "", *(f"- {x}" for x in preface(about)), ""]
    return "\n".join([*head, *(markdown(table) for table in tables)])


def as_json(tables: Sequence[Table], about: dict[str, Any]) -> dict[str, Any]:
    """Tables and circumstances as plain JSON types."""
    return {"machine": about, "solved_within": SOLVED, "jobs": [asdict(t) for t in tables]}
