"""The commands of `lawfit plan`: what follows from a saved fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

import numpy as np
import typer

from lawfit._validate import closest
from lawfit.cli import tables
from lawfit.cli.common import (
    AsJson,
    FitFile,
    Group,
    Level,
    assigned,
    check_usable,
    console,
    given,
    number,
    numbers,
    print_json,
    read_any_fit,
    read_fit,
    refusing,
    say,
    values_of,
)
from lawfit.cli.progress import working
from lawfit.derived import compute_optimal, crossover, needed_for
from lawfit.grouped import GroupedFit
from lawfit.law import Law
from lawfit.result import Fit

__all__ = ["plan"]

plan = typer.Typer(no_args_is_help=True, help="What follows from a fit: sizes, data, crossings.")

Draws = Annotated[
    int, typer.Option(min=0, help="Parameter vectors the intervals rest on; 0 for none.")
]
Others = Annotated[
    list[str] | None, typer.Option("--at", help="The law's other columns: --at U=1e9.")
]

OPTIMUM: Final = ("flops", "N", "D", "loss", "exponent")


@plan.command(
    "compute-optimal", epilog="Example: lawfit plan compute-optimal sizes.json --flops 1e21,1e24"
)
def compute_optimal_command(
    fit: FitFile,
    *,
    flops: Annotated[str, typer.Option(help="Budgets: --flops 1e21,1e24.")],
    flops_per_param_token: Annotated[
        float, typer.Option(help="What one token costs one parameter.")
    ] = 6.0,
    at: Others = None,
    level: Level = 0.95,
    draws: Draws = 1000,
    group: Group = None,
    as_json: AsJson = False,
) -> None:
    """Find the model size and the tokens that end at the lowest loss for a budget.

    Of a fit of a law of N and D, such as chinchilla.
    """
    budgets = given("--flops", lambda: _above_0(numbers("flops", flops)))
    found = _read(fit, group)
    options: dict[str, Any] = {
        "level": level,
        "draws": draws,
        "flops_per_param_token": flops_per_param_token,
    }
    answer = _answer(lambda: compute_optimal(found, budgets, at=_others(at, found.law), **options))
    if as_json:
        print_json(values_of(answer))
        return
    columns = {name: getattr(answer, name) for name in OPTIMUM}
    if answer.N_interval is not None:
        columns |= {f"N {end}": answer.N_interval[:, i] for i, end in enumerate(("low", "high"))}
    console().print(tables.values(columns, level))
    for budget in answer.flops[answer.at_end]:
        say(f"at {budget:g} FLOPs the law still falls at an end: no optimum")


@plan.command("needed-for", epilog="Example: lawfit plan needed-for power.json --reducible 0.1")
def needed_for_command(
    fit: FitFile,
    *,
    reducible: Annotated[
        str, typer.Option(help="Losses above the law's floor: --reducible 0.5,0.1.")
    ],
    level: Level = 0.95,
    draws: Draws = 1000,
    group: Group = None,
    as_json: AsJson = False,
) -> None:
    """Say how much x a power law takes to come so near to its floor.

    Of a fit of the laws power or henighan.
    """
    losses = given("--reducible", lambda: _above_0(numbers("reducible", reducible)))
    found = _read(fit, group)
    answer = _answer(lambda: needed_for(found, losses, level=level, draws=draws))
    columns = {"reducible": np.array(losses), "x": answer.x}
    if answer.interval is not None:
        columns |= {"low": answer.interval[:, 0], "high": answer.interval[:, 1]}
    if as_json:
        print_json({"level": level, **columns})
    else:
        console().print(tables.values(columns, level))


@plan.command(
    "crossover",
    epilog="Example: lawfit plan crossover power.json other.json --column x --low 1 --high 1e9",
)
def crossover_command(
    fit1: FitFile,
    fit2: FitFile,
    *,
    column: Annotated[str, typer.Option(help="The column that varies.")],
    low: Annotated[float, typer.Option(help="Where to begin to look.")],
    high: Annotated[float, typer.Option(help="Where to end.")],
    at: Others = None,
    level: Level = 0.95,
    draws: Draws = 1000,
    as_json: AsJson = False,
) -> None:
    """Find where two fitted laws meet; that they do not is an answer."""
    first, second = map(_read_single, (fit1, fit2))
    if column not in first.law.columns:
        hint = closest(column, first.law.columns)
        raise typer.BadParameter(f"law {first.law.name!r} has no such{hint}", param_hint="--column")
    options: dict[str, Any] = {"low": low, "high": high, "at": _others(at, first.law, second.law)}
    answer = _answer(lambda: crossover(first, second, column, level=level, draws=draws, **options))
    if as_json:
        print_json(values_of(answer))
    else:
        typer.echo(answer.message)


def _read(path: str, group: str | None = None) -> Fit:
    with refusing():
        found = read_fit(path, group)
    check_usable(found, path)
    return found


def _read_single(path: str) -> Fit:
    with refusing():
        if isinstance(read_any_fit(path), GroupedFit):
            raise ValueError(f"{path}: is a fit across groups; a crossover is of fits of one")
    return _read(path)


def _answer(ask: Callable[[], Any]) -> Any:
    with refusing(), working("Drawing"):
        return ask()


def _above_0(values: list[float]) -> list[float]:
    for value in values:
        if not value > 0:
            raise ValueError(f"{value:g} is not above 0")
    return values


def _others(texts: list[str] | None, *laws: Law) -> dict[str, float]:
    """Return values of the laws' other columns."""
    what = "column of " + " or ".join(dict.fromkeys(f"law {law.name!r}" for law in laws))
    columns = dict.fromkeys(name for law in laws for name in law.columns)

    def values() -> dict[str, float]:
        found = assigned(texts or [], columns, what)
        return {name: number(name, text) for name, text in found.items()}

    return given("--at", values)
