"""The command `lawfit compare`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from lawfit import compare as compare_fits
from lawfit.cli.common import (
    AsJson,
    check_usable,
    print_json,
    read_any_fit,
    refusing,
    say,
    values_of,
)
from lawfit.cli.progress import working
from lawfit.cli.reading import Reading, reads_runs
from lawfit.comparison import Comparison
from lawfit.grouped import GroupedFit
from lawfit.result import Fit

__all__ = ["compare"]


@reads_runs
def compare(
    fits: Annotated[list[str], typer.Argument(help="Saved fits to the same data.", metavar="FIT")],
    *,
    reading: Reading,
    runs: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            help="What all were fitted to, a folder or a pattern in quotes: each run is left out "
            "in turn.",
        ),
    ] = None,
    held_out: Annotated[
        list[str] | None,
        typer.Option(help="Runs, or tables, that none was fitted to, as of --data."),
    ] = None,
    folds: Annotated[
        int | None, typer.Option(min=2, help="Parts of a table that are left out; 10.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the parts.")] = 0,
    threads: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    as_json: AsJson = False,
) -> None:
    """Hold saved fits against each other, by their data or by others.

    The best is that on held-out runs, or on runs left out in turn (--data), or
    by AIC where there are neither.
    """
    if len(fits) < 2:
        raise typer.BadParameter("one fit; expected at least two", param_hint="FIT")
    if not (runs or held_out):
        reading.refuse_but(beside="saved fits alone")
    with refusing():
        found = {name: read_any_fit(path) for name, path in _names(fits).items()}
    for path, fit in zip(fits, found.values(), strict=True):
        check_usable(fit, path)
    data = _read(reading, found, runs)
    others = _read(reading, found, held_out)
    if others is not None:
        with refusing():
            others, notes = reading.without_gaps(others, *(fit.law for fit in found.values()))
        for note in notes:
            say(f"held out: {note}")
    with refusing(), working("Comparing"):
        answer = compare_fits(found, data, held_out=others, folds=folds, rng=seed, threads=threads)
    if as_json:
        print_json(_plain(answer))
    else:
        typer.echo(str(answer))


def _names(paths: list[str]) -> dict[str, str]:
    """Return paths by what tells them apart: the file's name, or all of it."""
    if len({*paths}) < len(paths):
        raise typer.BadParameter("one fit twice", param_hint="FIT")
    stems = Counter(Path(path).stem for path in paths)
    names = {path if stems[Path(path).stem] > 1 else Path(path).stem: path for path in paths}
    return names if len(names) == len(paths) else {path: path for path in paths}


def _read(reading: Reading, fits: dict[str, Fit | GroupedFit], sources: list[str] | None) -> Any:
    """Read data with the columns of all laws."""
    if not sources:
        return None
    first, *others = (fit.law for fit in fits.values())
    more = (name for law in others for name in (*law.columns, law.y))
    return reading.data(first, sources, *more)


def _plain(answer: Comparison) -> dict[str, Any]:
    """Return a comparison as plain values."""
    rows = []
    for row in answer.rows:
        scored = {name: getattr(row, name) for name in ("cross_validated", "held_out")}
        scores = {
            name: None if found is None else {key: one._asdict() for key, one in found.items()}
            for name, found in scored.items()
        }
        rows.append({**values_of(row), "training": row.training._asdict(), **scores})
    return {**values_of(answer), "rows": rows}
