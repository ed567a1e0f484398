"""The command `lawfit fit`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from lawfit import fit as fit_law
from lawfit._files import write_atomically
from lawfit._printable import printable, shown
from lawfit._validate import Floats
from lawfit.cli import tables
from lawfit.cli.common import (
    NOT_CONVERGED,
    assigned,
    check_out,
    complete_law,
    console,
    given,
    has_values,
    number,
    numbers,
    print_json,
    read_law,
    refusing,
    say,
)
from lawfit.cli.measured import measured
from lawfit.cli.progress import working
from lawfit.cli.reading import Reading, Runs, reads_runs
from lawfit.curves import Curves
from lawfit.grouped import GroupedFit
from lawfit.groups import read_shared
from lawfit.law import Law
from lawfit.options import read_bounds, read_deadline, read_grid, read_held, read_options
from lawfit.result import Fit
from lawfit.table import table_columns

__all__ = ["fit"]

PANEL: Final = "How the law is fitted"
# What the fit keeps of `lawfit.fit`'s arguments that are no options here.
OTHERS: Final = ("reduction", "exact", "max_iterations", "tolerance")


def _option(help_: str, metavar: str | None = None, least: int | None = None) -> Any:
    return typer.Option(help=help_, metavar=metavar, min=least, rich_help_panel=PANEL)


@reads_runs
def fit(
    runs: Runs,
    *,
    reading: Reading,
    law: Annotated[
        str,
        typer.Option(
            help="One of `lawfit laws`, or a JSON file of one.", autocompletion=complete_law
        ),
    ] = "annealing",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File the fit is written to, JSON.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The fit as JSON, on stdout.")] = False,
    fix: Annotated[
        list[str] | None, _option("Keep a parameter at a value: lam=0.995.", "NAME=VALUE")
    ] = None,
    free: Annotated[
        list[str] | None, _option("Fit a parameter that the law holds: lam.", "NAME")
    ] = None,
    bounds: Annotated[
        list[str] | None, _option("Keep a parameter within: alpha=0.1,1.", "NAME=LOW,HIGH")
    ] = None,
    profile: Annotated[
        list[str] | None,
        _option("Try a parameter at each value: lam=0.99,0.995.", "NAME=VALUES"),
    ] = None,
    loss: Annotated[
        Literal["huber", "squared", "soft_l1", "binomial"] | None, _option("Of residuals.")
    ] = None,
    delta: Annotated[float | None, _option("Where it turns from square to linear.")] = None,
    space: Annotated[
        Literal["log", "linear"] | None, _option("Residuals of the loss's logarithm, or its own.")
    ] = None,
    warmup: Annotated[
        Literal["peak", "actual", "skip"] | None, _option("What it counts for in S1 and S2.")
    ] = None,
    skip_steps: Annotated[
        int | None, _option("Drop what was logged before; by default the warm-up.")
    ] = None,
    by: Annotated[
        str | None,
        _option("A fit for each of params, name, tokens_per_step, or a column.", "COLUMN"),
    ] = None,
    shared: Annotated[
        list[str] | None, _option("A parameter that all groups have in common: C.", "NAME")
    ] = None,
    weights: Annotated[
        str | None, _option("Column of a table: weights of the rows.", "COLUMN")
    ] = None,
    starts: Annotated[int | None, _option("How many starts to draw.", least=1)] = None,
    seed: Annotated[int, _option("Of the starts.", least=0)] = 0,
    threads: Annotated[int | None, _option("At most so many.", least=1)] = None,
    timeout: Annotated[float | None, _option("Seconds after which the search ends.")] = None,
) -> None:
    """Fit a law to runs, or to the rows of a table.

    A law over a schedule (or of step or lr) is fitted to the curves of runs; so
    is one of N and D where --tokens-per-step is given. Any other is fitted to
    the columns of a table, one row a run. A fit that has not converged is
    written all the same, and is exit code 4.
    """
    if out is not None:
        check_out(out)
    chosen = given("--law", lambda: read_law(law))
    settings: dict[str, Any] = {
        "loss": loss,
        "delta": delta,
        "space": space,
        "warmup": warmup,
        "skip_steps": skip_steps,
        "rng": seed,
    }
    search: dict[str, Any] = {"starts": starts, "threads": threads, "timeout": timeout}
    parameters = _parameters(chosen, fix or [], free or [], bounds or [], profile or [])
    groups: dict[str, Any] = {"by": by, "shared": shared}
    _check(chosen, settings, parameters, groups, timeout)
    data = reading.data(chosen, runs, weights, by)
    if not isinstance(data, Curves):
        settings["nan_policy"] = reading.nan_policy
    if weights is not None:
        settings["weights"] = _column(data, weights)
    with refusing(), working(f"Fitting {chosen.name}"):
        found: Fit | GroupedFit = fit_law(
            chosen, data, **groups, **settings, **search, **parameters
        )
    if out is not None:
        with refusing():  # a fit of too many rows is not written
            write_atomically(out, found.to_json().encode())
    _show(found, data, reading, out, as_json)
    if not found.success:
        say(f"{found.status}: {found.message}")
        raise typer.Exit(NOT_CONVERGED)


def _parameters(
    law: Law, fix: list[str], free: list[str], bounds: list[str], profile: list[str]
) -> dict[str, Any]:
    """Return what options say of single parameters, as `lawfit.fit` takes it."""

    def read(option: str, texts: list[str], each: Callable[[str, str], Any]) -> dict[str, Any]:
        def values() -> dict[str, Any]:
            found = assigned(texts, law.parameters, f"parameter of law {law.name!r}")
            return {name: each(name, text) for name, text in found.items()}

        return given(option, values)

    freed = read("--free", [f"{name}=" for name in free], _nothing)
    held = read("--fix", fix, number)
    grid = read("--profile", profile, numbers)
    for name in freed:
        if name in held or name in grid:
            beside = "fixed" if name in held else "profiled"
            raise typer.BadParameter(f"{name!r} is {beside} as well", param_hint="--free")
    ends = read("--bounds", bounds, _ends)
    return {"fixed": {**freed, **held}, "bounds": ends, "profile": grid or None}


def _nothing(name: str, text: str) -> None:
    """Refuse a value where a name alone has a meaning."""
    if text:
        raise ValueError(f"{name}: a parameter that is fitted has no value; --fix gives it one")


def _ends(name: str, text: str) -> tuple[float | None, float | None]:
    """Return two bounds, of which one may be left out."""
    low, comma, high = text.partition(",")
    if not comma:
        raise ValueError(f"{name}: {shown(text)} is no pair LOW,HIGH")
    return (number(name, low) if low else None, number(name, high) if high else None)


def _check(
    law: Law,
    settings: Mapping[str, Any],
    parameters: Mapping[str, Any],
    groups: Mapping[str, Any],
    timeout: float | None,
) -> None:
    """Refuse options that no data would give a meaning, before any are read."""
    usual = {n: p.default for n, p in inspect.signature(fit_law).parameters.items() if n in OTHERS}
    given(None, lambda: read_options(law, **usual, **settings))
    given("--timeout", lambda: read_deadline(timeout))
    allowed = given("--bounds", lambda: read_bounds(law, parameters["bounds"]))
    grid = parameters["profile"]
    held = given(None, lambda: read_held(law, parameters["fixed"], parameters["bounds"], grid))
    if grid is not None:
        given("--profile", lambda: read_grid(law, grid, allowed))
    given("--shared", lambda: read_shared(law, **groups, held={*held, *(grid or {})}))


def _column(data: Curves | Mapping[str, Floats], name: str) -> Floats:
    if isinstance(data, Curves):
        raise typer.BadParameter("only a table has weights", param_hint="--weights")
    with refusing():
        return table_columns(data, [name])[name]


def _show(
    found: Fit | GroupedFit, data: Any, reading: Reading, out: Path | None, as_json: bool
) -> None:
    if as_json:
        print_json(found.to_dict())
        return
    typer.echo(found.summary())
    if has_values(found):
        with refusing():
            rows = measured(found, *reading.without_gaps(data, found.law))
        console().print("", tables.measured(rows), *tables.rates(rows), sep="\n")
    if out is not None:
        # plain text: a path is never wrapped, so that it can be copied
        typer.echo(f"\nFit: {printable(str(out))}")
