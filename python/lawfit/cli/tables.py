"""What the commands print: tables, readable without colour, of 80 columns where numbers allow."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np
from rich import box
from rich.table import Table

from lawfit._printable import printable
from lawfit.cli.measured import Measured
from lawfit.demo import FITTED, SKIPPED, Demonstration
from lawfit.law import Law
from lawfit.text import note_lines

__all__ = [
    "forecasts",
    "introduction",
    "law",
    "laws",
    "measured",
    "notes",
    "parameters",
    "profile",
    "rates",
    "values",
]

LINES: Final = 40  # runs that are listed
_ARXIV: Final = re.compile(r"arXiv:(\d{4}\.\d{5})")


def introduction() -> str:
    """Say what the tables of the demonstration show."""
    return (
        f"Annealing law L = L0 + A·S1^-α - C·S2, fitted to {' and '.join(FITTED)}.\n"
        "Everything else is a forecast from the schedule alone. Losses in nats per byte,\n"
        f"errors over every point from step {SKIPPED} on.\n"
    )


def forecasts(demonstration: Demonstration) -> Table:
    """Show measured and forecast losses of one model size, a row a schedule."""
    table = _table(f"{demonstration.params} parameters")
    table.add_column("schedule")
    table.add_column("")
    for heading in ("measured", "forecast", "error", "MAE", "PredE", "WorstE"):
        table.add_column(heading, justify="right")
    for forecast in demonstration.forecasts:
        table.add_row(
            forecast.curve.name,
            "fitted" if forecast.fitted else "forecast",
            f"{forecast.measured_final:.4f}",
            f"{forecast.final:.4f}",
            f"{forecast.error:+.4f}",
            f"{forecast.score.MAE:.4f}",
            f"{forecast.score.PredE:.2%}",
            f"{forecast.score.WorstE:.2%}",
            end_section=forecast.curve.name == FITTED[-1],
        )
    return table


def parameters(demonstrations: Iterable[Demonstration]) -> Table:
    """Show the fitted parameters with their standard errors, a column a model size."""
    shown = list(demonstrations)
    table = _table("Parameters ± standard error, by model size")
    table.add_column("")
    for demonstration in shown:
        table.add_column(str(demonstration.params), justify="right")
    for name in shown[0].fit.params:
        table.add_row(name, *(_estimate(demonstration, name) for demonstration in shown))
    table.add_section()
    table.add_row("points", *(str(demonstration.fit.n) for demonstration in shown))
    table.add_row("time of the fit", *(f"{1e3 * d.fit.seconds:.1f} ms" for d in shown))
    return table


def profile(demonstrations: Iterable[Demonstration]) -> Table:
    """Show the objective of the fit at each λ tried, a column a model size."""
    shown = list(demonstrations)
    table = _table("Objective of the fit by λ, the lowest marked *")
    table.add_column("λ")
    for demonstration in shown:
        table.add_column(str(demonstration.params), justify="right")
    for points in zip(*(demonstration.fit.profile for demonstration in shown), strict=True):
        cells = (
            f"{'* ' if point.objective == d.fit.objective else ''}{point.objective:.4e}"
            for point, d in zip(points, shown, strict=True)
        )
        table.add_row(f"{points[0].values['lam']:g}", *cells)
    return table


def laws(family: str, members: Iterable[Law]) -> Table:
    """Show name, formula, inputs and source of a family's laws."""
    table = _table(family)
    for heading in ("law", "formula", "from", "arXiv"):
        table.add_column(heading, no_wrap=heading in ("law", "arXiv"))
    for law in members:
        number = _ARXIV.search(law.source)
        formula = f"{law.y} = {law.formula}"
        table.add_row(law.name, formula, ", ".join(law.inputs), number[1] if number else "")
    return table


def law(law: Law) -> Iterator[str | Table]:
    """Show all that is known of a law."""
    yield from law.equations()
    yield ""
    yield law.description
    yield ""
    table = _table(None)
    for heading in ("parameter", "bounds", "starts", "unit", "meaning"):
        table.add_column(heading, no_wrap=heading == "parameter")
    for name, parameter in law.parameters.items():
        typical = parameter.typical
        starts = f"{typical[0]:g} to {typical[1]:g}" if typical else "from the data"
        table.add_row(name, parameter.domain, starts, parameter.unit, parameter.meaning)
    yield table
    yield ""
    yield f"from: {', '.join(law.inputs)}"
    conventions = ", ".join(f"{key}={value!r}" for key, value in law.conventions.items())
    yield f"conventions: {conventions or 'the usual ones of fit()'}"
    yield f"source: {law.source}"


def measured(rows: Sequence[Measured]) -> Table:
    """Show what was measured beside what a law says, a row a run or table."""
    runs = any(row.step is not None for row in rows)
    table = _table(None)
    table.add_column("run" if runs else "rows of", overflow="fold")
    for heading in ("", "step", "measured", "law", "error") if runs else ("points",):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for heading in ("MAE", "WorstE"):
        table.add_column(heading, justify="right", no_wrap=True)
    places = _places(rows)
    for row in rows[:LINES]:
        cells = [str(row.points)]
        if row.measured is not None and row.forecast is not None:
            seen = "fitted" if row.fitted else "forecast"
            losses = (f"{row.measured:.{places}f}", f"{row.forecast:.{places}f}")
            error = f"{row.forecast - row.measured:+.{places}f}"
            cells = [seen, str(row.step), *losses, error]
        scores = (f"{row.score.MAE:.{places}f}", f"{row.score.WorstE:.2%}")
        table.add_row(printable(row.run), *cells, *scores)
    if len(rows) > LINES:
        table.add_row(f"… and {len(rows) - LINES} more")
    return table


def _places(rows: Sequence[Measured]) -> int:
    """Return how many decimal places show four digits of losses that are far below 1."""
    typical = [row.score.MAE / row.score.PredE for row in rows if row.score.PredE > 0]
    greatest = max(filter(math.isfinite, typical), default=1.0)
    return min(max(4, 3 - math.floor(math.log10(greatest))), 12) if greatest > 0 else 4


def rates(rows: Sequence[Measured]) -> Iterator[str]:
    """Say where the learning rates of runs come from, each way with its runs."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.step is not None:
            found.setdefault(row.lr_source or "unknown", []).append(row.run)
    for source, names in islice(found.items(), LINES):
        several = f"{len(names)} runs" if len(names) > 3 else ", ".join(map(printable, names))
        yield f"learning rate: {printable(source)} ({several})"
    if len(found) > LINES:
        yield f"… and in {len(found) - LINES} other ways"


def notes(rows: Sequence[Measured]) -> Iterator[str]:
    """Say what was done to runs or a table before, on one line what is noted of several alike."""
    sources = {f"curve {row.run!r}" for row in rows}
    return map(printable, note_lines((note for row in rows for note in row.notes), sources))


def values(columns: Mapping[str, Any], level: float) -> Table:
    """Show columns of numbers; `level` is that of the intervals among them."""
    share = f"{100 * level:g} %"
    heads = {"lower": f"{share} low", "upper": "high", "N low": f"N {share} low", "N high": "high"}
    table = _table(None)
    for name in columns:
        table.add_column(heads.get(name, name), justify="right")
    arrays = [np.atleast_1d(column) for column in columns.values()]
    for row in zip(*arrays, strict=True):
        table.add_row(*(_number(value) for value in row))
    return table


def _number(value: Any) -> str:
    return str(value) if isinstance(value, np.integer) else f"{value:.6g}"


def _table(title: str | None) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )


def _estimate(demonstration: Demonstration, name: str) -> str:
    fit = demonstration.fit
    if name not in fit.free:
        return f"{fit.params[name]:g} profiled"
    return f"{fit.params[name]:.4f} ± {fit.stderr[name]:.4f}"
