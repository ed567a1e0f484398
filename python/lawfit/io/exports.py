"""Tables that a tracker exports with a column for each run: Weights & Biases' CSV of a chart."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from lawfit._printable import printable
from lawfit.io.logs import Log
from lawfit.io.rows import is_loss

__all__ = ["WandbExport"]

_BETWEEN: Final = " - "
_EXTREMES: Final = ("__MIN", "__MAX")


@dataclass(frozen=True)
class WandbExport:
    """The header of a chart's export: what is counted, then ``run - metric`` for each run.

    A run's name may hold `` - `` itself; what follows the last one is the metric. Beside each
    there are the smallest and the largest value of the points that a thinned export drew together,
    ``run - metric__MIN`` and ``run - metric__MAX``, which are passed over.

    Attributes
    ----------
    common : tuple of str
        The columns that belong to all runs.
    series : dict of str to (str, str)
        Run and metric of the other columns.
    extremes : tuple of str
        The columns that are passed over.
    """

    common: tuple[str, ...]
    series: dict[str, tuple[str, str]]
    extremes: tuple[str, ...]

    @classmethod
    def of(cls, names: Sequence[str]) -> WandbExport | None:
        """Return what a header says, or None if it is no such export's."""
        there = set(names)
        extremes = tuple(
            name
            for name in names
            for end in _EXTREMES
            if name.endswith(end) and _BETWEEN in name and name.removesuffix(end) in there
        )
        rest = [name for name in names if name not in extremes]
        series = {name: _parted(name) for name in rest if _BETWEEN in name}
        if not series:
            return None
        known = any(is_loss(metric) for _, metric in series.values()) and len(series) > 1
        if not (extremes or known):  # where no extremes say so, "loss - train" may be a name
            return None
        return cls(tuple(name for name in rest if name not in series), series, extremes)

    def note(self) -> str:
        """Say how the header was read."""
        runs = len({run for run, _ in self.series.values()})
        text = f"columns named 'run - metric' are {runs} run{'s' if runs > 1 else ''}"
        if self.extremes:
            text += f"; passed over {len(self.extremes)} of minima and maxima (__MIN, __MAX)"
        return text

    def choose(self, choose: Callable[[Sequence[str]], Collection[str]]) -> list[str]:
        """Return the columns to keep, where `choose` says which of the runs' names are."""
        metrics = dict.fromkeys(metric for _, metric in self.series.values())
        kept = set(choose([*(name for name in self.common if name), *metrics]))
        return [
            *(name for name in self.common if name in kept),
            *(name for name, (_, metric) in self.series.items() if metric in kept),
        ]

    def split(self, log: Log) -> list[Log]:
        """Return the log of each run, with the rows that have anything of it."""
        runs: dict[str, dict[str, str]] = {}
        for name, (run, metric) in self.series.items():
            if name in log.columns:
                runs.setdefault(run, {})[metric] = name
        known = dict.fromkeys(run for run, _ in self.series.values())
        empty = ", ".join(printable(run) for run in known if run not in runs)
        if empty:
            told = f"passed over the runs {empty}: they have no value"
            log = replace(log, notes=(*log.notes, told))
        return [self._log(log, run, names) for run, names in runs.items()]

    def _log(self, log: Log, run: str, names: dict[str, str]) -> Log:
        there = np.zeros(len(next(iter(log.columns.values()))), dtype=bool)
        for name in names.values():
            there |= ~np.isnan(log.columns[name])
        columns = {name: log.columns[name][there] for name in self.common if name in log.columns}
        # where a run's own count has the name of what all count, it is the same
        columns |= {m: log.columns[n][there] for m, n in names.items() if m not in columns}
        nans = {metric: log.nans[name] for metric, name in names.items() if name in log.nans}
        return replace(log, name=run, columns=columns, nans=nans)


def _parted(name: str) -> tuple[str, str]:
    run, _, metric = name.rpartition(_BETWEEN)
    return run.strip(), metric.strip()
