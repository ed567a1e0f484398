"""The command `lawfit design`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lawfit import design_schedule, schedules
from lawfit._files import write_atomically
from lawfit._json import write_json
from lawfit._printable import printable
from lawfit._validate import choose
from lawfit.cli.common import (
    AsJson,
    FitFile,
    Group,
    Level,
    above_0,
    check_out,
    check_usable,
    given,
    numbers,
    print_json,
    read_fit,
    refusing,
    values_of,
)
from lawfit.cli.progress import working
from lawfit.designs import Baseline, ScheduleDesign
from lawfit.schedules import DECAYS, Decay, Ramp

__all__ = ["design"]


def design(
    fit: FitFile,
    *,
    steps: Annotated[int, typer.Option(help="Length of the run.")],
    peak: Annotated[float, typer.Option(help="The highest learning rate.")],
    warmup: Annotated[int, typer.Option(help="Steps of it.")] = 0,
    ramp: Annotated[Ramp, typer.Option(help="Where it starts and ends.")] = "open",
    shape: Annotated[
        str | None,
        typer.Option(
            help="Shapes of the decay to try: linear,1-sqrt. By default all.", metavar="NAMES"
        ),
    ] = None,
    end: Annotated[
        str | None, typer.Option(help="Rates the decay may end at: 0,3e-5.", metavar="VALUES")
    ] = None,
    free: Annotated[
        bool, typer.Option("--free", help="Any schedule that never rises, not a decay alone.")
    ] = False,
    params: Annotated[
        float | None, typer.Option(help="Parameters of the model.", callback=above_0)
    ] = None,
    tokens_per_step: Annotated[
        float | None, typer.Option(help="Tokens in one update.", callback=above_0)
    ] = None,
    level: Level = 0.95,
    group: Group = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File for the schedule, JSON; --schedule reads it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the schedule that ends at the lowest loss, by a saved fit.

    The law is taken at its word: ask about runs like those it was fitted to, of
    their peak above all. The usual schedules are shown beside it.
    """
    if out is not None:
        check_out(out, fit)
    held: dict[str, Any] = {"steps": steps, "peak": peak, "warmup": warmup, "ramp": ramp}
    given(None, lambda: schedules.constant(**held))
    options: dict[str, Any] = {
        **_of_form(shape, end, free, peak),
        "form": "free" if free else "family",
        "level": level,
        "params": params,
        "tokens_per_step": tokens_per_step,
    }
    with refusing():
        found = read_fit(fit, group, option="--group")
    check_usable(found, fit)
    with refusing(), working("Searching"):
        answer = design_schedule(found, **held, **options)
    if out is not None:
        text = write_json(answer.schedule.to_dict(), "schedule")
        write_atomically(out, text.encode())
    if as_json:
        print_json(_plain(answer))
        return
    typer.echo(str(answer))
    if out is not None:
        # plain text: a path is never wrapped, so that it can be copied
        typer.echo(f"\nSchedule: {printable(str(out))}")


def _shapes(text: str) -> list[Decay]:
    return [choose(name, DECAYS, field="shape") for name in text.split(",")]


def _ends(text: str, peak: float) -> list[float]:
    found = numbers("end", text)
    for end in found:
        if not 0 <= end <= peak:
            raise ValueError(f"{end:g} is not from 0 to the peak, {peak:g}")
    return found


def _of_form(
    shape: str | None, end: str | None, free: bool, peak: float
) -> dict[str, list[Decay] | list[float] | float | None]:
    """Return what is said of the decay; a free form has no shape, and one end."""
    if free and shape is not None:
        raise typer.BadParameter("has no meaning beside --free", param_hint="--shape")
    shapes = None if shape is None else given("--shape", lambda: _shapes(shape))
    ends = None if end is None else given("--end", lambda: _ends(end, peak))
    if not free or ends is None:
        return {"shape": shapes, "end": ends}
    if len(ends) > 1:
        raise typer.BadParameter("a free form has one", param_hint="--end")
    return {"end": ends[0]}


def _plain(design: ScheduleDesign) -> dict[str, Any]:
    """Return a design as plain values."""
    every: tuple[ScheduleDesign | Baseline, ...] = (design, *design.baselines)
    values, *others = ({**values_of(each), "schedule": each.schedule.to_dict()} for each in every)
    return {**values, "baselines": others}
