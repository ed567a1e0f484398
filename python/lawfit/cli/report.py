"""The command `lawfit report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lawfit._printable import printable
from lawfit.cli.common import (
    AsJson,
    FitFile,
    Group,
    Level,
    check_out,
    check_usable,
    given,
    numbers_above_0,
    print_json,
    read_fit,
    refusing,
)
from lawfit.cli.progress import working
from lawfit.cli.reading import RUNS, Reading, reads_runs
from lawfit.report import write_report

__all__ = ["report"]


@reads_runs
def report(
    fit: FitFile,
    runs: Annotated[list[str] | None, typer.Argument(help=RUNS, metavar="RUNS")] = None,
    *,
    reading: Reading,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File the report is written to, HTML.")
    ] = Path("report.html"),
    title: Annotated[str, typer.Option(help="By default the law's name.")] = "",
    flops: Annotated[
        str | None, typer.Option(help="Budgets to draw, of a law of N and D: 1e21,1e24.")
    ] = None,
    replay: Annotated[
        bool, typer.Option(help="Show what each run would have told of its end as it trained.")
    ] = True,
    level: Level = 0.95,
    group: Group = None,
    as_json: AsJson = False,
) -> None:
    """Write a saved fit as one HTML file that opens anywhere and loads nothing.

    With the RUNS it was fitted to, or others, it shows points, residuals and
    what if the schedule were another.
    """
    check_out(out, fit)
    if not runs:
        reading.refuse_but(beside="a fit without RUNS")
    budgets = None if flops is None else given("--flops", lambda: numbers_above_0("flops", flops))
    with refusing():
        found = read_fit(fit, group, option="--group")
    check_usable(found, fit)
    if budgets is not None and not {"N", "D"} <= set(found.law.columns):
        raise typer.BadParameter(f"law {found.law.name!r} is not of N and D", param_hint="--flops")
    data: Any = reading.data(found.law, runs) if runs else None
    with refusing(), working("Writing"):
        write_report(found, out, data, title=title, level=level, flops=budgets, replay=replay)
    if as_json:
        print_json({"report": str(out), "bytes": out.stat().st_size})
    else:
        # plain text: a path is never wrapped, so that it can be copied
        typer.echo(f"Report: {printable(str(out))}")
