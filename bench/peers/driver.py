"""Run jobs with every solver that is here, interleaved, on one thread of one CPU.

`python -m bench.peers [JOB ...]` at the root of the checkout. Solvers are those of pyproject.toml's
group "bench" (`pip install --group bench`) and cminpack, which needs its headers and a C compiler
(Debian: libcminpack-dev); what is not installed is skipped and said so. J1a, J1b and J1c need the
published Chinchilla points, J3 the published multi-power curves, where the tests look for them.

Times are wall times in one process, warm: each contestant has done its job once before, so imports,
compilation and first calls are in none of them. On a busy machine short calls slip through where
long ones are interrupted, so there the processor's time is what to compare. All minimise the same
objective; see the column of objectives, and the share of starts or problems solved to within 1e-6
of the best of all. The ratios are to lawfit's first row.
"""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.peers import report
from bench.peers.jobs import JOBS
from bench.peers.plan import Plan, Scale
from bench.peers.results import Row, Table, tabulate
from bench.peers.solver import MissingPeerError, Solver
from bench.peers.timing import Skip, measure

SOLVERS = ("scipy_peers", "cminpack", "minimisers", "jax_peers")
AGREES = 1e-9  # how near lawfit's objective must be to the reference, relative


def load(modules: Sequence[str]) -> tuple[list[Solver], list[Skip]]:
    """Every solver that is here, and the others with the reason."""
    solvers: list[Solver] = []
    skipped: list[Skip] = []
    for name in modules:
        try:
            solvers += importlib.import_module(f"bench.peers.{name}").solvers()
        except (MissingPeerError, ImportError) as error:
            skipped.append(Skip(name, "all", str(error)))
    return solvers, skipped


def run(job: str, plan: Plan, scale: Scale) -> Table:
    """Time a job and check lawfit's results in it."""
    times = measure(plan.contestants, rounds=3 if scale.quick else 9)
    for timed in times:
        if timed.contestant.verify is not None:
            timed.contestant.verify(timed.result)
    table = tabulate(job, plan, times)
    check(table)
    return table


def check(table: Table) -> None:
    """Lawfit must reach the objective, or there is no time to speak of."""
    for row in table.rows:
        if row.peer == "lawfit" and row.scored and row.exact and not reaches(table, row):
            target = "the best of all" if table.reference is None else repr(table.reference)
            reached = f"{row.objective!r} (gap {row.gap})"
            raise AssertionError(
                f"{table.job}: lawfit ({row.setting}) reached {reached}, not {target}"
            )


def reaches(table: Table, row: Row) -> bool:
    if row.objective is None or row.gap is None:
        return False
    if table.reference is None:
        return row.gap <= AGREES
    ratio = row.objective / table.reference
    return ratio <= 1 if table.at_most else abs(ratio - 1) <= AGREES


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=f"of {', '.join(JOBS)}; all")
    parser.add_argument("--quick", action="store_true", help="small subsets and fewer rounds")
    parser.add_argument("--full", action="store_true", help="all starts, nothing scaled up")
    parser.add_argument(
        "--peers", nargs="*", choices=SOLVERS, default=SOLVERS, help=f"of {', '.join(SOLVERS)}"
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args(argv)
    unknown = [name for name in options.jobs if name not in JOBS]
    if unknown:
        parser.error(f"no such job: {', '.join(unknown)}; there are {', '.join(JOBS)}")
    return options


def main(argv: Sequence[str] | None = None) -> None:
    options = arguments(argv)
    scale = Scale(quick=options.quick, full=options.full)
    solvers, missing = load(options.peers)
    about = {**report.machine(), "missing": {skip.peer: skip.reason for skip in missing}}
    print("\n".join(report.preface(about)))
    tables: list[Table] = []
    with np.errstate(all="ignore"):
        for name in options.jobs or JOBS:
            try:
                for plan in JOBS[name](scale, solvers):
                    tables.append(run(name, plan, scale))
                    print("\n" + report.text(tables[-1]), flush=True)
                    write(options, tables, about)
            except pytest.skip.Exception as missing:  # as the tests of the same data do
                print(f"\n{name} is left out: {missing}", flush=True)


def write(options: argparse.Namespace, tables: list[Table], about: dict[str, Any]) -> None:
    """Write all tables so far, for a long run that ends early."""
    if options.json:
        options.json.write_text(json.dumps(report.as_json(tables, about), indent=1) + "\n")
    if options.markdown:
        options.markdown.write_text(report.as_markdown(tables, about, str(__doc__).strip()))
