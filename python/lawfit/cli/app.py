"""The commands of `lawfit`."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from lawfit.cli.catalogue import laws
from lawfit.cli.compare import compare
from lawfit.cli.demo import demo
from lawfit.cli.design import design
from lawfit.cli.fit import fit
from lawfit.cli.plan import plan
from lawfit.cli.predict import predict
from lawfit.cli.report import report
from lawfit.cli.watch import watch

__all__ = ["app"]

app = typer.Typer(
    help="Fit scaling laws to training runs and forecast losses.",
    epilog="Exit codes: 0, 1 a file can't be read or written, or out of memory, 2 usage, "
    "3 bad data, 4 not converged, 130 interrupted.",
    no_args_is_help=True,
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


def _example(arguments: str) -> str:
    return f"Example: lawfit {arguments}"


app.command(epilog=_example("demo --size 149184"))(demo)
app.command(epilog=_example("fit runs/*.csv --law annealing --out fit.json"))(fit)
app.command(
    epilog=_example(
        'predict fit.json --schedule "wsd steps=8000 peak=3e-3 warmup=200 decay_start=6400"'
    )
)(predict)
app.command(epilog=_example("compare fit.json other_fit.json --held-out run.csv"))(compare)
app.add_typer(plan, name="plan")
app.command(epilog=_example("report fit.json runs/*.csv -o report.html"))(report)
app.command(epilog=_example('watch run.csv --schedule "cosine steps=8000 peak=3e-3"'))(watch)
app.command(
    epilog=_example("design fit.json --steps 8000 --peak 3e-3 --warmup 200 --out plan.json")
)(design)
app.command(epilog=_example("laws chinchilla"))(laws)
