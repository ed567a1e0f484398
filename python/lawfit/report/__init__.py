"""A fit as one HTML file that explains itself: pictures, parameters, warnings, and what if.

The file needs no network and no other file: it carries Plotly, 4.6 MB, which draws. The browser is
told to run nothing else: the content security policy names Plotly and the page's own script by
their hashes, and allows no `eval`.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from lawfit._files import check_place, write_atomically
from lawfit._keywords import known_keywords
from lawfit._validate import Floats, flag, float_array, real
from lawfit.bootstrap import Bootstrap
from lawfit.curves import as_curves
from lawfit.grouped import GroupedFit
from lawfit.law import Law
from lawfit.report.compute import Against
from lawfit.report.content import Content
from lawfit.report.page import page
from lawfit.result import Fit
from lawfit.rows import is_table

__all__ = ["Against", "write_report"]


@known_keywords
def write_report(
    fit: Fit,
    path: str | PathLike[str],
    curves: Any = None,
    *,
    title: str = "",
    level: float = 0.95,
    resamples: Bootstrap | None = None,
    against: Against | None = None,
    flops: Any = None,
    replay: bool = True,
) -> None:
    """Write a report of a fit: one HTML file that opens anywhere and loads nothing.

    Parameters
    ----------
    fit : Fit
    path : str or path-like
        The file, written whole or not at all.
    curves : Curve, Curves, sequence of Curve, mapping or data frame, optional
        What was measured: the data of the fit, and runs held out if there are any. Without it there
        are no pictures of points, and nothing to start a what-if from.
    title : str
        By default the law's name.
    level : float
        Of the intervals.
    resamples : Bootstrap, optional
        Of `fit`, from `lawfit.bootstrap`.
    against : Against, optional
        Another fit, to show where the two laws meet.
    flops : array-like, shape (n,), optional
        Compute budgets to draw, of a law with columns N and D; by default some within the data.
    replay : bool
        Show what each run would have told of its end as it trained; takes up to a second a run for
        laws other than the annealing law.

    Raises
    ------
    TypeError, ValueError
        For a fit that is none, data that the law cannot be evaluated on, or options without a
        meaning; the message names them.
    MissingExtra
        Without plotly, which the extra `cli` brings.
    OSError
        If the file can't be written, or is a symbolic link, a folder or a device.

    Notes
    -----
    Equal fits and data make equal bytes. Names are shown as text, whatever they hold.
    """
    check_place(Path(path))
    for value, kind, field in (
        (fit, Fit, "fit"),
        (title, str, "title"),
        (resamples, Bootstrap | None, "resamples"),
        (against, Against | None, "against"),
    ):
        if not isinstance(value, kind):
            hint = "; give the fit of one group, fit[key]" if isinstance(value, GroupedFit) else ""
            raise TypeError(f"{field} is a {type(value).__name__}{hint}")
    if resamples is not None and resamples.fit is not fit:
        raise ValueError("resamples are those of another fit")
    content = Content(
        fit=fit,
        data=_data(curves),
        title=title or fit.law.name,
        level=real(level, field="level", lower=0, upper=1, strict=True),
        resamples=resamples,
        against=against,
        flops=_budgets(flops, fit.law),
        replay=flag(replay, field="replay"),
    )
    write_atomically(path, page(content).encode("utf-8"))


def _data(curves: Any) -> Any:
    """Return columns as they are, and curves as Curves; None for no data."""
    return curves if curves is None or is_table(curves) else as_curves(curves)


def _budgets(flops: Any, law: Law) -> Floats | None:
    if flops is None:
        return None
    budgets = np.unique(float_array(np.atleast_1d(flops), source="report", field="flops"))
    if not budgets.size or not budgets[0] > 0:
        raise ValueError(f"flops: expected budgets above 0, got {flops!r}")
    if law.uses_schedule or {*law.columns} != {"N", "D"}:
        raise ValueError(f"flops: law {law.name!r} is not of N and D alone, so has no budgets")
    return budgets
