"""A log read whole: named columns of numbers, before anything is chosen or dropped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from lawfit._validate import Floats
from lawfit.io.rows import MAX_NAMES, Row

__all__ = ["STEP", "Log", "log_of_rows"]

STEP = "step"  # what the columns call the steps of formats that have them without a name


@dataclass(frozen=True)
class Log:
    """A log of one run, read whole.

    Attributes
    ----------
    name : str
        How the run is called.
    source : str
        The file or files, as messages show them.
    format : str
        For people: "CSV", "TensorBoard events", …
    columns : mapping of str to ndarray of float64, shape (rows,)
        In the order of the log; NaN where nothing was logged.
    notes : tuple of str
        What was passed over, and what is unusual.
    translated : bool
        Whether `step` is 0-based whatever the log counts, because the format says what it does.
    total : int or None
        Steps of the whole run, where the log says so.
    nans : mapping of str to int
        How often NaN was logged as such, where the format tells it from nothing.
    """

    name: str
    source: str
    format: str
    columns: Mapping[str, Floats]
    notes: tuple[str, ...] = ()
    translated: bool = False
    total: int | None = None
    nans: Mapping[str, int] = field(default_factory=dict)


def log_of_rows(
    rows: Iterable[Row],
    *,
    name: str,
    source: str,
    format: str,  # noqa: A002 - as the field
    notes: tuple[str, ...] = (),
    translated: bool = False,
    total: int | None = None,
) -> Log:
    """Return a log of rows in order; rows of one step that follow each other are one.

    Raises
    ------
    ValueError
        If the rows have more than `MAX_NAMES` names.
    """
    steps: list[int] = []
    cells: dict[str, tuple[list[int], list[float]]] = {}
    current: set[str] = set()
    for row in rows:
        if not steps or steps[-1] != row.step or not current.isdisjoint(row.values):
            steps.append(row.step)
            current.clear()
        current.update(row.values)
        for key, value in row.values.items():
            if key not in cells and len(cells) >= MAX_NAMES:
                raise ValueError(f"{source}: more than {MAX_NAMES} names")
            at, values = cells.setdefault(key, ([], []))
            at.append(len(steps) - 1)
            values.append(value)
    columns = {STEP: np.array(steps, dtype=np.float64)}
    nans = {}
    for key, (at, values) in cells.items():
        column = np.full(len(steps), np.nan)
        column[at] = values
        logged_nan = int(np.isnan(values).sum())
        if logged_nan:
            nans[key] = logged_nan
        if key == STEP:
            notes = (*notes, f"passed over values named {STEP!r}, as the steps are")
        else:
            columns[key] = column
    return Log(
        name=name,
        source=source,
        format=format,
        columns=columns,
        notes=notes,
        translated=translated,
        total=total,
        nans=nans,
    )
