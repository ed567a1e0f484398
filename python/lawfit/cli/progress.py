"""A bar on stderr for what takes its time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

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
    counted = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    bar = Progress(*counted, TimeElapsedColumn(), console=console, transient=True)
    task = bar.add_task(what, total=None)
    later = threading.Timer(PATIENCE, bar.start)
    later.daemon = True
    later.start()
    try:
        yield lambda done, total: bar.update(task, completed=done, total=total)
    finally:
        later.cancel()
        later.join()
        bar.stop()
