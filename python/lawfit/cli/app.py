"""The commands of `lawfit`."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from lawfit import laws as catalogue
from lawfit import samples
from lawfit._extras import require
from lawfit._files import check_place
from lawfit._printable import printable
from lawfit.cli import tables
from lawfit.cli.watch import watch
from lawfit.demo import Demonstration, demonstrate

__all__ = ["app"]

# What the tables need. A narrower terminal wraps their lines, which keeps the numbers whole.
WIDTH: Final = 80

app = typer.Typer(
    help="Fit scaling laws to training runs and forecast losses.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _lawfit(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.")
    ] = False,
) -> None:
    if show_version:
        typer.echo(f"lawfit {version('lawfit')}")
        raise typer.Exit


@app.command()
def demo(
    size: Annotated[
        int, typer.Option(help="Model size the picture shows; the tables show every size.")
    ] = samples.sizes()[0],
    out: Annotated[Path, typer.Option(help="File the picture is written to, PNG.")] = Path(
        "lawfit_demo.png"
    ),
    plot: Annotated[bool, typer.Option(help="Draw the picture.")] = True,
) -> None:
    """Forecast six schedules from two real runs: tables and a picture.

    For each of three model sizes the annealing law is fitted to one run at
    constant and one at cosine learning rate, and forecasts the loss curve of
    every other schedule.
    """
    _check(size)
    if plot:
        check_place(out)
        require("matplotlib", extra="cli")
    console = _console()
    shown = {params: demonstrate(params) for params in samples.sizes()}
    console.print(tables.introduction())
    for demonstration in shown.values():
        console.print(tables.forecasts(demonstration), "")
    console.print(tables.parameters(shown.values()), "")
    console.print(tables.profile(shown.values()), "")
    if plot:
        _draw(shown[size], out)
        # plain text: a path is never wrapped, so that it can be copied
        typer.echo(f"Picture: {printable(str(out))} ({size} parameters)")


app.command()(watch)


@app.command()
def laws(
    name: Annotated[
        str | None, typer.Argument(help="A law to show in full; without it, all are listed.")
    ] = None,
) -> None:
    """List the laws that can be fitted, or show one in full."""
    console = _console()
    if name is None:
        for family, names in catalogue.families().items():
            console.print(tables.laws(family, map(catalogue.get, names)), "")
        return
    try:
        law = catalogue.get(name)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="NAME") from None
    for part in tables.law(law):
        console.print(part)


def _console() -> Console:
    console = Console(highlight=False)
    console.width = max(WIDTH, console.width)
    return console


def _check(size: int) -> None:
    """Refuse a size that there is none of."""
    if size not in samples.sizes():
        known = ", ".join(map(str, samples.sizes()))
        raise typer.BadParameter(f"{size} is none of {known}", param_hint="--size")


def _draw(demonstration: Demonstration, out: Path) -> None:
    from lawfit import plot  # noqa: PLC0415 - matplotlib takes longer to import than the fits take

    figure = plot.forecast_figure(
        demonstration.curves,
        demonstration.fit,
        fitted=[f.curve.name for f in demonstration.forecasts if f.fitted],
        title=f"Two runs forecast six: a model of {demonstration.params} parameters",
    )
    plot.save(figure, out)
