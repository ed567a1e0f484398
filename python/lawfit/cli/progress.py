"""A bar on stderr for what takes its time."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

__all__ = ["Report", "working"]

PATIENCE: Final = 1.0  # seconds before a bar appears

Report = Callable[[int, int], None]  # how many are done, and of how many


@contextmanager
def working(what: str) -> Iterator[Report | None]:
    """Show a bar while something goes on that takes over a second.

    Gives what tells it how far things are; untold, it only says for how long. There is none, and
    nothing is written, where stderr is no terminal.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    console = Console(stderr=True, markup=False)
    if console.is_dumb_terminal:
        yield None
        return
    said = TextColumn("{task.description} {task.fields[count]}", markup=False)
    columns = said, BarColumn(), TimeElapsedColumn()
    # What is printed meanwhile is for stdout: rich would take it to its own console, on stderr.
    bar = Progress(*columns, console=console, transient=True, redirect_stdout=False)
    task = bar.add_task(what, total=None, count="")

    def report(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total, count=f"{done}/{total}")

    later = threading.Timer(PATIENCE, bar.start)
    later.daemon = True
    later.start()
    # Terminated, it would leave the terminal without its cursor.
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield report
    finally:
        signal.signal(signal.SIGTERM, before)
        later.cancel()
        later.join()
        bar.stop()
