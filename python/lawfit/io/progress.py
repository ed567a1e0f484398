"""How far a long reading is: a bar on a terminal, or a function that is told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from lawfit._extras import require
from lawfit._printable import shown

__all__ = ["Progress", "reporting"]

Progress: TypeAlias = "bool | Callable[[int, int], object] | None"


@contextmanager
def reporting(progress: Progress, total: int) -> Iterator[Callable[[int], object]]:
    """Give a function to be called with how many are done.

    Raises
    ------
    TypeError
        If `progress` is neither a bool, None nor a function.
    MissingExtra
        If a bar is asked for on a terminal, and tqdm is not installed.
    """
    if callable(progress):
        told = progress
        yield lambda done: told(done, total)
        return
    if progress is not None and not isinstance(progress, bool):
        raise TypeError(f"progress is {shown(progress)}; expected a bool or a function")
    if not progress or not sys.stderr.isatty():
        yield lambda done: None
        return
    with require("tqdm", extra="io").tqdm(total=total, unit="log", file=sys.stderr) as bar:
        yield lambda done: bar.update(done - bar.n)
