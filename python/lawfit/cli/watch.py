"""The command `lawfit watch`: a log in a live view, plain lines or JSON."""

from __future__ import annotations

import errno
import json
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from lawfit import laws as catalogue
from lawfit._validate import real
from lawfit.cli import watching
from lawfit.cli.chart import chart
from lawfit.cli.common import INTERRUPTED, Level, complete_law, given, read_fit, refusing
from lawfit.io.schedule_text import read_schedule
from lawfit.watch import NoPlan, Watch
from lawfit.watch_state import State

__all__ = ["watch"]

DAY: Final = 86400  # seconds
STYLES: Final = {"title": "bold", "alarm": "bold red", "warning": "yellow", "note": "dim"}


def watch(  # noqa: PLR0917 - a command's options
    log: Annotated[
        str,
        typer.Argument(
            help="CSV, JSON lines, TensorBoard event file or folder, trainer_state.json."
        ),
    ],
    schedule: Annotated[
        str | None,
        typer.Option(
            help='The plan: "wsd steps=24000 peak=3e-4 warmup=2160 decay_start=20000 end=3e-5", '
            "or a file, JSON or CSV with the LR of every step. Else the log's own LR, held."
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Length of the run where no schedule tells it.")
    ] = None,
    loss: Annotated[str | None, typer.Option(help="Name of the loss in the log.")] = None,
    step: Annotated[str | None, typer.Option(help="Name of what counts steps.")] = None,
    one_based: Annotated[
        bool, typer.Option("--one-based", help="The log counts updates done, from 1.")
    ] = False,
    law: Annotated[
        str, typer.Option(help="One of `lawfit laws`.", autocompletion=complete_law)
    ] = "annealing",
    target: Annotated[float | None, typer.Option(help="A loss: when is it reached?")] = None,
    prior: Annotated[
        Path | None, typer.Option(help="A saved fit, JSON, of an earlier run of the same law.")
    ] = None,
    level: Level = 0.9,
    every: Annotated[
        float, typer.Option(min=0.05, max=DAY, help="Seconds between two looks.")
    ] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Say how things are, and exit.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON object a line, each time something is new.")
    ] = False,
) -> None:
    """Follow a growing log: where the run will end, when to decay, what is wrong.

    Ends with the run, or with Ctrl-C, which prints the summary (exit code 130).
    A log that cannot be read for what it holds is exit code 3.
    """
    plan = None if schedule is None else given("--schedule", lambda: read_schedule(schedule))
    earlier = None if prior is None else given("--prior", lambda: read_fit(str(prior)))
    chosen = given("--law", lambda: catalogue.get(law))
    if plan is not None and steps not in {None, plan.steps}:
        raise typer.BadParameter(
            f"{steps} are not the schedule's {plan.steps}", param_hint="--steps"
        )
    if target is not None:
        given("--target", lambda: real(target, field="target"))
    watched = given(
        "--prior" if earlier else "--law",
        lambda: Watch(
            log,
            chosen,
            schedule=plan,
            total_steps=steps,
            loss=loss,
            step=step,
            one_based=one_based,
            target=target,
            level=level,
            prior=earlier,
        ),
    )
    with refusing():
        try:
            if once:
                _once(watched, as_json)
            else:
                _follow(watched, every, as_json)
        except NoPlan as error:
            raise typer.BadParameter(
                f"{error}: say it, or give --schedule", param_hint="--steps"
            ) from None


def _once(watched: Watch, as_json: bool) -> None:
    state = watched.refresh()
    if not state.title:
        raise FileNotFoundError(errno.ENOENT, "no log there, or too little of one", state.source)
    watched.check_whole()
    if as_json:
        typer.echo(json.dumps(state.to_dict(), ensure_ascii=False))
        return
    console = Console(highlight=False)
    picture = chart(state, min(max(console.width, 60), 100), 16)
    head, *rest = watching.summary(state)
    for text in (head.text, *picture, *(line.text for line in rest)):
        typer.echo(text)


def _follow(watched: Watch, every: float, as_json: bool) -> None:
    """Look again and again until the run ends."""
    state = None
    try:
        with _display(as_json) as show:
            while state is None or not state.finished:
                if state is not None:
                    time.sleep(every)
                state = watched.refresh()
                show(state)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    finally:
        if state is not None and not as_json:
            for line in watching.summary(state):
                typer.echo(line.text)


@contextmanager
def _display(as_json: bool) -> Iterator[Callable[[State], None]]:
    """Give what shows a state: to a machine, on a terminal, or where lines go."""
    console = Console(highlight=False)
    if as_json:
        yield _printed(watching.Objects().lines)
    elif not sys.stdout.isatty() or console.is_dumb_terminal:
        yield _printed(watching.News().lines)
    else:
        # The other screen: what was there comes back at the end, also where it is terminated.
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
        with Live(console=console, screen=True, auto_refresh=False) as live:
            yield lambda state: live.update(_rendered(state, console), refresh=True)


def _printed(lines: Callable[[State], Iterable[str]]) -> Callable[[State], None]:
    def show(state: State) -> None:
        for line in lines(state):
            typer.echo(line)

    return show


def _rendered(state: State, console: Console) -> Text:
    lines = watching.view(state, console.width, console.height)
    return Text("\n").join(Text(line.text, STYLES.get(line.kind, "")) for line in lines)
