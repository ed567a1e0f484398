"""Rows that are refused before a fit: those without a residual, or without room for one."""

from __future__ import annotations

import numpy as np

from lawfit._validate import EPSILON, LARGEST, ROOM, Floats
from lawfit.options import Options
from lawfit.rows import Rows

__all__ = ["check_rows"]

# A row this many times the median size may lie beyond what a robust loss has room for.
OUTLYING = 1e6


def check_rows(rows: Rows, options: Options) -> None:
    """Refuse rows at which the law or the residual has no value."""
    rows.check_columns()
    rows.check_areas()
    assert rows.y is not None
    if options.loss == "binomial":
        wanted = "loss='binomial' needs a rate from 0 to 1"
        rows.refuse((rows.y < 0) | (rows.y > 1), rows.law.y, rows.y, wanted)
    if options.space == "log":
        wanted = "log residuals need it above 0 (space='linear' takes any)"
        rows.refuse(rows.y <= 0, rows.law.y, rows.y, wanted)
    _check_sizes(rows, rows.y, options)


def _check_sizes(rows: Rows, y: Floats, options: Options) -> None:
    """Refuse a target that floating point has no room for, or none beside delta."""
    sizes = np.abs(y)
    unit = f"expected a size from {1 / LARGEST:g} to {LARGEST:g}, so give it in another unit"
    small = sizes < 1 / LARGEST  # among larger ones they do no harm but in log space
    if options.space == "linear" and small.any() and not 0 < np.median(sizes) < 1 / LARGEST:
        small[:] = False
    rows.refuse((sizes > LARGEST) | small, rows.law.y, y, unit)
    if not options.robust or options.space == "log" or sizes.max() <= ROOM * options.delta:
        return
    size = float(np.median(sizes))
    if options.delta < EPSILON * size:
        raise ValueError(
            f"delta is {options.delta!r}, below the rounding of {rows.law.y}, whose median size in "
            f"{rows.sources} is {size:.3g}; expected it in the unit of {rows.law.y}"
        )
    wanted = (
        f"beside it rounding hides the other rows from the loss {options.loss!r} with delta "
        f"{options.delta:g}; leave the row out or take space='log'"
    )
    rows.refuse(sizes > max(ROOM * options.delta, OUTLYING * size), rows.law.y, y, wanted)
