"""The command `lawfit laws`."""

from __future__ import annotations

from typing import Annotated

import typer

from lawfit import laws as catalogue
from lawfit.cli import tables
from lawfit.cli.common import complete_law, console, given, print_json

__all__ = ["laws"]


def laws(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A law to show in full; without it, all are listed.", autocompletion=complete_law
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="A law as JSON, or a list of all.")
    ] = False,
) -> None:
    """List the laws that can be fitted, or show one in full."""
    chosen = None if name is None else given("NAME", lambda: catalogue.get(name))
    if as_json:
        every = [catalogue.get(each).to_dict() for each in catalogue.names()]
        print_json(every if chosen is None else chosen.to_dict())
    elif chosen is None:
        out = console()
        for family, names in catalogue.families().items():
            out.print(tables.laws(family, map(catalogue.get, names)), "")
    else:
        out = console()
        for part in tables.law(chosen):
            out.print(part)
