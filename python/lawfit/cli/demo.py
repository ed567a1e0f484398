"""The command `lawfit demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lawfit import samples
from lawfit._extras import require
from lawfit._printable import printable
from lawfit.cli import tables
from lawfit.cli.common import check_out, console, print_json
from lawfit.cli.progress import working
from lawfit.demo import Demonstration, demonstrate

__all__ = ["demo"]


def demo(
    size: Annotated[
        int, typer.Option(help="Model size the picture shows; the tables show every size.")
    ] = samples.sizes()[0],
    out: Annotated[Path, typer.Option(help="File the picture is written to, PNG.")] = Path(
        "lawfit_demo.png"
    ),
    plot: Annotated[bool, typer.Option(help="Draw the picture.")] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="The numbers as JSON, on stdout.")
    ] = False,
) -> None:
    """Forecast six schedules from two real runs: tables and a picture.

    For each of three model sizes the annealing law is fitted to one run at
    constant and one at cosine learning rate, and forecasts the loss curve of
    every other schedule.
    """
    _check(size)
    if plot:
        check_out(out)
        require("matplotlib", extra="cli")
    with working("Fitting"):
        shown = {params: demonstrate(params) for params in samples.sizes()}
    if as_json:
        print_json([_plain(demonstration) for demonstration in shown.values()])
    else:
        _print(list(shown.values()))
    if plot:
        with working("Drawing"):
            _draw(shown[size], out)
        if not as_json:
            # plain text: a path is never wrapped, so that it can be copied
            typer.echo(f"Picture: {printable(str(out))} ({size} parameters)")


def _check(size: int) -> None:
    """Refuse a size that there is none of."""
    if size not in samples.sizes():
        known = ", ".join(map(str, samples.sizes()))
        raise typer.BadParameter(f"{size} is none of {known}", param_hint="--size")


def _print(shown: list[Demonstration]) -> None:
    out = console()
    out.print(tables.introduction())
    for demonstration in shown:
        out.print(tables.forecasts(demonstration), "")
    out.print(tables.parameters(shown), "")
    out.print(tables.profile(shown), "")


def _plain(demonstration: Demonstration) -> dict[str, Any]:
    """Return one model size as plain values."""
    return {
        "params": demonstration.params,
        "fit": demonstration.fit.to_dict(),
        "forecasts": [
            {
                "run": forecast.curve.name,
                "fitted": forecast.fitted,
                "measured": forecast.measured_final,
                "forecast": forecast.final,
                "score": forecast.score._asdict(),
            }
            for forecast in demonstration.forecasts
        ],
    }


def _draw(demonstration: Demonstration, out: Path) -> None:
    from lawfit import plot  # noqa: PLC0415 - matplotlib takes longer to import than the fits take

    figure = plot.forecast_figure(
        demonstration.curves,
        demonstration.fit,
        fitted=[f.curve.name for f in demonstration.forecasts if f.fitted],
        title=f"Two runs forecast six: a model of {demonstration.params} parameters",
    )
    plot.save(figure, out)
