"""The options by which commands read runs, and the reading."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Annotated, Any, Final, Literal, get_type_hints

import numpy as np
import typer

from lawfit._validate import Floats
from lawfit.cli.common import above_0, given, refusing, say
from lawfit.cli.progress import working
from lawfit.curves import Curves
from lawfit.io.logs import Log
from lawfit.io.reading import passed_over, read_curves, warn_of_refused
from lawfit.io.schedule_text import read_schedule
from lawfit.io.sources import find_places
from lawfit.io.tables import read_tables
from lawfit.law import Law
from lawfit.rows import finite_rows

__all__ = ["RUNS", "Reading", "Runs", "reads_runs"]

PANEL: Final = "How runs are read"
RUNS: Final = (
    "Logs of runs, or folders or patterns of them: CSV, JSON lines, Parquet, TensorBoard event "
    "files, trainer_state.json."
)

Runs = Annotated[list[str], typer.Argument(help=RUNS, metavar="RUNS")]


def _option(help_: str, *names: str, metavar: str | None = None, callback: Any = None) -> Any:
    how: dict[str, Any] = {"metavar": metavar, "callback": callback, "rich_help_panel": PANEL}
    return typer.Option(*names, help=help_, **how)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How runs are read: `lawfit.read_curves` says what each option means."""

    schedule: Annotated[
        str | None,
        _option(
            'The LR of every step: "wsd steps=24000 peak=3e-4 warmup=2160 decay_start=20000 '
            "end=3e-5\", or a file, JSON or CSV. Else of a file beside the log, or the log's own."
        ),
    ] = None
    x: Annotated[str | None, _option("What counts steps.", "--x", "--step", metavar="COLUMN")] = (
        None
    )
    y: Annotated[str | None, _option("The loss.", "--y", metavar="COLUMN")] = None
    lr: Annotated[str | None, _option("The learning rate.", "--lr", metavar="COLUMN")] = None
    params: Annotated[float | None, _option("Parameters of the model.", callback=above_0)] = None
    tokens_per_step: Annotated[float | None, _option("Tokens in one update.", callback=above_0)] = (
        None
    )
    samples_per_step: Annotated[
        float | None, _option("Samples in one update.", callback=above_0)
    ] = None
    one_based: Annotated[bool, _option("The logs count updates done, from 1.", "--one-based")] = (
        False
    )
    unit: Annotated[Literal["steps", "tokens", "samples"] | None, _option("What --x counts.")] = (
        None
    )
    on_duplicate: Annotated[
        Literal["error", "first", "last"], _option("Which loss counts where a step comes twice.")
    ] = "last"
    nan_policy: Annotated[
        Literal["omit", "raise"], _option("A point without a finite value: left out, or refused.")
    ] = "omit"
    despike: Annotated[
        float | None,
        _option("Drop losses so many deviations above their neighbours.", callback=above_0),
    ] = None
    keep_going: Annotated[
        bool, _option("Say which logs can't be read, and go on with the others.", "--keep-going")
    ] = False

    def data(
        self, law: Law, sources: Sequence[str], *more: str | None
    ) -> Curves | dict[str, Floats]:
        """Read what a law is fitted to, of a table also the columns `more`.

        What is refused ends the command with code 3.
        """
        of_curves = self._is_of_curves(law)
        if not of_curves:
            self.refuse_but("y", "nan_policy", "keep_going", beside="a table")
        with refusing():
            if of_curves:
                return self._curves(sources)
            named = {law.y: self.y or law.y}
            columns = [named.get(n, n) for n in (*law.columns, law.y, *more) if n is not None]
            table = _table(sources, list(dict.fromkeys(columns)), self.keep_going)
        if self.y is not None:
            table[law.y] = table[self.y]
        return table

    def refuse_but(self, *used: str, beside: str) -> None:
        """Refuse options that are given and have no meaning beside another, all but some."""
        for field in fields(self):
            if field.name not in used and getattr(self, field.name) != field.default:
                option = f"--{field.name.replace('_', '-')}"
                raise typer.BadParameter(f"has no meaning beside {beside}", param_hint=option)

    def without_gaps(self, data: Any, *laws: Law) -> tuple[Any, tuple[str, ...]]:
        """Return data less the rows of a table that `nan_policy` leaves out, and a note of them.

        Raises
        ------
        ValueError
            If none is left.
        """
        if isinstance(data, Curves) or self.nan_policy == "raise":
            return data, ()
        names = [name for law in laws for name in (*law.columns, law.y)]
        kept, notes = finite_rows({name: data[name] for name in names}, "data")
        return {name: values[kept] for name, values in data.items()}, notes

    def _is_of_curves(self, law: Law) -> bool:
        of_runs = law.uses_schedule or not {"step", "lr"}.isdisjoint(law.columns)
        return of_runs or self.tokens_per_step is not None

    def _curves(self, sources: Sequence[str]) -> Curves:
        text = self.schedule
        plan = None if text is None else given("--schedule", lambda: read_schedule(text))
        options = {field.name: getattr(self, field.name) for field in fields(self)}
        options |= {"schedule": plan, "one_based": self.one_based or None}
        with _saying(), working("Reading") as report:
            return read_curves(list(sources), progress=report, **options)


@contextmanager
def _saying() -> Iterator[None]:
    """Say what is warned of meanwhile, a line each."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            for warning in told:
                for line in str(warning.message).splitlines():
                    say(line)


def _table(sources: Sequence[str], columns: Sequence[str], keep_going: bool) -> dict[str, Floats]:
    """Read columns of tables, their rows one after the other, and say what is noted of them."""
    logs: list[Log] = []
    refused: list[str] = []
    with _saying(), working("Reading") as report:
        paths = dict.fromkeys(place.path for place in find_places(sources))
        for done, path in enumerate(paths, 1):
            with passed_over(refused, keep_going):
                # by="": a column that is called run is one like others here
                logs += read_tables(path, columns=columns, by="")
            if report is not None:
                report(done, len(paths))
        warn_of_refused(refused, len(paths), bool(logs))
    for log in logs:
        for note in log.notes:
            say(f"{log.source}: {note}")
    return {name: np.concatenate([_column(log, name) for log in logs]) for name in columns}


def _column(log: Log, name: str) -> Floats:
    """Return a column of a table, of which there is none where it has no value."""
    rows = len(next(iter(log.columns.values())))
    return log.columns.get(name, np.full(rows, np.nan))


def reads_runs(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `Reading`, which it gets as one argument, `reading`."""
    own = inspect.signature(command, eval_str=True)
    hints = get_type_hints(Reading, include_extras=True)
    more = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )
        for field in fields(Reading)
    ]
    kept = [p.replace(kind=p.KEYWORD_ONLY) for p in own.parameters.values() if p.name != "reading"]

    @functools.wraps(command)
    def run(**options: Any) -> None:
        names = [field.name for field in fields(Reading)]
        command(reading=Reading(**{name: options.pop(name) for name in names}), **options)

    del run.__wrapped__  # its signature is another
    run.__signature__ = own.replace(parameters=[*kept, *more])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in (*kept, *more)}
    return run
