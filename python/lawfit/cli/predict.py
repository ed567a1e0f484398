"""The command `lawfit predict`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import numpy as np
import typer

from lawfit._validate import Floats, Ints
from lawfit.cli import tables
from lawfit.cli.common import (
    ANY_WIDTH,
    AsJson,
    FitFile,
    Group,
    Level,
    assigned,
    check_usable,
    console,
    given,
    numbers,
    print_json,
    read_fit,
    refusing,
)
from lawfit.cli.measured import measured
from lawfit.cli.progress import working
from lawfit.cli.reading import RUNS, Reading, reads_runs
from lawfit.io.schedule_text import read_schedule
from lawfit.result import Fit
from lawfit.schedule import Schedule

__all__ = ["predict"]

LEVEL: Final = 0.95
SIZES: Final = ("params", "tokens_per_step")
SHOWN: Final = 10  # steps of a schedule, where none are asked for


@reads_runs
def predict(
    fit: FitFile,
    runs: Annotated[list[str] | None, typer.Argument(help=RUNS, metavar="RUNS")] = None,
    *,
    reading: Reading,
    at: Annotated[
        str | None, typer.Option(help="Steps to forecast: --at 1000,2000. Else ten.")
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", help="A column of a law without a schedule: --set N=7e9,70e9."),
    ] = None,
    level: Level = LEVEL,
    group: Group = None,
    as_json: AsJson = False,
) -> None:
    """Forecast a schedule, measured runs, or the rows of a table from a saved fit.

    Of runs, what was measured last is held against the forecast. Intervals are
    those of the law's value: a measured loss scatters around it.
    """
    with refusing():
        found = read_fit(fit, group, option="--group")
    check_usable(found, fit)
    if runs:
        _refuse("RUNS", at=at, set=values, level=None if level == LEVEL else level)
        _predict_runs(found, runs, reading, as_json)
    elif values is not None or not found.law.uses_schedule:
        _refuse("--set", at=at)
        reading.refuse_but(beside="--set")
        _predict_rows(found, values or [], level, as_json)
    else:
        _predict_schedule(found, reading, at, level, as_json)


def _refuse(beside: str, **options: object) -> None:
    """Refuse options that have no meaning beside another."""
    for name, value in options.items():
        if value is not None:
            raise typer.BadParameter(f"has no meaning beside {beside}", param_hint=f"--{name}")


def _predict_runs(fit: Fit, runs: Sequence[str], reading: Reading, as_json: bool) -> None:
    data = reading.data(fit.law, runs)
    with refusing(), working("Forecasting"):
        rows = measured(fit, *reading.without_gaps(data, fit.law))
    if as_json:
        print_json([row.to_dict() for row in rows])
    else:
        parts = tables.measured(rows), *tables.rates(rows), *tables.notes(rows)
        console().print(*parts, sep="\n")


def _predict_rows(fit: Fit, values: list[str], level: float, as_json: bool) -> None:
    law = fit.law

    def columns() -> dict[str, Floats]:
        found = assigned(values, law.columns, f"column of law {law.name!r}")
        for name in law.columns:
            if name not in found:
                raise ValueError(f"{name} is missing: --set {name}=…")
        return {name: np.array(numbers(name, text)) for name, text in found.items()}

    given_ = given("--set", columns)
    rows = max(column.size for column in given_.values())
    for name, column in given_.items():
        if column.size not in {1, rows}:
            raise typer.BadParameter(
                f"{name} has {column.size} values; expected 1, or {rows} as another has",
                param_hint="--set",
            )
    data = {name: np.resize(column, rows) for name, column in given_.items()}
    with refusing():
        answer = {**data, law.y: fit.predict(data)}
        answer["lower"], answer["upper"] = fit.interval(data, level)
    _print(law.name, level, answer, as_json)


def _predict_schedule(
    fit: Fit, reading: Reading, at: str | None, level: float, as_json: bool
) -> None:
    text = reading.schedule
    if text is None:
        raise typer.BadParameter("say which to forecast, or give RUNS", param_hint="--schedule")
    reading.refuse_but("schedule", *SIZES, beside="a forecast of --schedule alone")
    schedule = given("--schedule", lambda: read_schedule(text))
    steps = given("--at", lambda: _steps(schedule, at))
    sizes = {name: getattr(reading, name) for name in SIZES}
    with refusing():
        loss = fit.predict(schedule, steps, **sizes)
        lower, upper = fit.interval(schedule, level, steps, **sizes)
    answer = {"step": steps, "lr": schedule.at(steps), fit.law.y: loss}
    _print(fit.law.name, level, {**answer, "lower": lower, "upper": upper}, as_json)


def _steps(schedule: Schedule, at: str | None) -> Ints:
    """Return the steps asked for, by default some evenly spaced ones up to the last."""
    if at is None:
        shown = min(SHOWN, schedule.steps)
        return np.linspace(0, schedule.steps, shown + 1).astype(np.int64)[1:] - 1
    steps = np.array(numbers("step", at))
    schedule.at(steps)  # which refuses what is no step of it
    return steps.astype(np.int64)


def _print(law: str, level: float, answer: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json({"law": law, "level": level, **{k: v.tolist() for k, v in answer.items()}})
    else:
        console(ANY_WIDTH).print(tables.values(answer, level))
