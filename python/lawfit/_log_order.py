"""Which rows of a training log make the curve: sorting, duplicates and restarts."""

from __future__ import annotations

from typing import Literal, NoReturn

import numpy as np

from lawfit._validate import Ints, Rows

OnDuplicate = Literal["error", "first", "last"]
SHOWN = 4  # segments and restarts listed in a message


def curve_rows(
    steps: Ints, *, sort: bool, on_duplicate: OnDuplicate, source: str
) -> tuple[Rows, list[str]]:
    """Choose rows whose steps increase strictly.

    A log that goes back from step 1000 to 500 was restarted there. With ``"last"`` everything
    logged before the restart at step 500 or later is superseded and dropped, logged again or not;
    with ``"first"`` the restarted run counts from where the log hadn't been. After sorting only
    the order of duplicates is left to tell first from last.

    Returns
    -------
    rows : ndarray, shape (m,)
        Indices into `steps`, in increasing order of step.
    notes : list of str
        What was done to the log, empty if nothing.
    """
    rows = np.argsort(steps, kind="stable") if sort else np.arange(len(steps))
    ordered = steps[rows]
    notes = [f"sorted {count(len(rows))}"] if np.any(np.diff(rows) < 0) else []
    if np.all(np.diff(ordered) > 0):
        return rows, notes
    if on_duplicate == "error":
        _refuse(ordered, rows, source)
    keep = np.ones(len(ordered), dtype=bool)
    if on_duplicate == "last":
        least_after = np.minimum.accumulate(ordered[::-1])[::-1]
        keep[:-1] = ordered[:-1] < least_after[1:]
    else:
        keep[1:] = ordered[1:] > np.maximum.accumulate(ordered)[:-1]
    notes.append(_note(ordered, on_duplicate, dropped=len(keep) - int(keep.sum())))
    return rows[keep], notes


def count(number: int, of: str = "point") -> str:
    """Say how many there are of something, in words that agree."""
    return f"{number} {of}" if number == 1 else f"{number} {of}s"


def _refuse(ordered: Ints, rows: Rows, source: str) -> NoReturn:
    problems = []
    backwards = np.flatnonzero(np.diff(ordered) < 0) + 1
    if backwards.size:
        at = backwards[0]
        fall = f"step at index {at} goes back from {ordered[at - 1]} to {ordered[at]}"
        problems.append(f"{fall} ({_segments(ordered, backwards)}); sort=True sorts the points")
    by_step = np.argsort(ordered, kind="stable")
    repeats = by_step[1:][np.diff(ordered[by_step]) == 0]
    if repeats.size:
        second = repeats.min()
        first = np.flatnonzero(ordered == ordered[second])[0]
        problems.append(
            f"step {ordered[second]} at index {rows[second]} is a duplicate of index {rows[first]}"
            f", the first of {repeats.size}; on_duplicate='last' keeps what was logged last"
        )
    raise ValueError(f"{source}: {'; '.join(problems)}")


def _segments(ordered: Ints, backwards: Rows) -> str:
    parts = np.split(ordered, backwards)
    shown = ", ".join(f"{part[0]} to {part[-1]}" for part in parts[:SHOWN])
    return f"{len(parts)} segments: {shown}{', …' if len(parts) > SHOWN else ''}"


def _note(ordered: Ints, on_duplicate: OnDuplicate, dropped: int) -> str:
    restarts = ordered[1:][np.diff(ordered) < 0]
    kept = f"dropped {count(dropped)} and kept what was logged {on_duplicate}"
    if not restarts.size:
        return f"duplicate steps: {kept}"
    shown = ", ".join(map(str, restarts[:SHOWN])) + (", …" if restarts.size > SHOWN else "")
    return f"restarted at step {shown}: {kept}"
