"""`read_curves`: logs of whatever format, wherever they lie, as curves."""

from __future__ import annotations

import inspect
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

from lawfit._keywords import check_keywords, known_keywords
from lawfit._log_order import OnDuplicate
from lawfit._printable import shown
from lawfit._validate import NAN_POLICIES, choose, flag, real
from lawfit.curve import Curve
from lawfit.curves import Curves
from lawfit.io.curves import UNITS, Choices, curve_of
from lawfit.io.logs import Log
from lawfit.io.progress import Progress, reporting
from lawfit.io.schedule_text import read_schedule
from lawfit.io.sidecar import Sidecar, read_sidecar
from lawfit.io.sources import Place, find_places
from lawfit.io.whole import read_logs, read_place
from lawfit.schedule import Schedule

__all__ = ["iter_curves", "passed_over", "read_curves", "warn_of_refused"]

_SHOWN = 10  # refusals listed


@known_keywords
def read_curves(
    source: Any,
    *,
    x: str | None = None,
    y: str | None = None,
    lr: str | None = None,
    schedule: object = None,
    params: float | str | Mapping[str, float] | None = None,
    tokens_per_step: float | str | Mapping[str, float] | None = None,
    samples_per_step: float | str | Mapping[str, float] | None = None,
    one_based: bool | None = None,
    unit: str | None = None,
    loss_unit: str | None = None,
    by: str | None = None,
    sort: bool = False,
    on_duplicate: OnDuplicate = "last",
    nan_policy: str = "omit",
    despike: float | None = None,
    keep_going: bool = False,
    progress: Progress = None,
) -> Curves:
    """Read the logs of runs.

    What a log is, is told by its content: a table (CSV, TSV, JSON lines, Parquet, Arrow; text may
    be compressed), TensorBoard event files, or a ``trainer_state.json``. Each curve's `notes` say
    what was chosen and dropped, and its `lr_source` where the learning rate of every step comes
    from. That is, in this order: `schedule`; the column `lr`; what lies beside the log; and the
    log's own learning rate. Beside
    ``run.csv`` may lie ``run.json`` with settings (``params``, ``tokens_per_step``, ``steps``,
    ``warmup``, ``loss_unit``, ``schedule``) or ``run.lr.csv`` with the rate of every step; in a
    folder of event files, ``settings.json`` or ``lr.csv``.

    Parameters
    ----------
    source : path-like, data frame, mapping of str to array-like, or list of these
        A file, a pattern such as ``"runs/*.csv"``, a folder, which gives all logs in it, or a table
        in memory.
    x, y, lr : str, optional
        Columns that count steps, hold the loss and the learning rate, where names are not plain.
    schedule : Schedule, str or mapping of run to either, optional
        The learning rate of every step; a text as ``"cosine steps=24000 peak=3e-4 warmup=2160"``,
        or the path of a file with it.
    params, tokens_per_step, samples_per_step : float, mapping of run to float, or str, optional
        Sizes of the runs; a text names a column that has one value.
    one_based : bool, optional
        Whether the log counts updates done, so that its step g is step g - 1. By default it is so
        for formats and names known to (a trainer's state, ``num_updates``), and noted.
    unit : {"steps", "tokens", "samples"}, optional
        What `x` counts; by default its name says it. Tokens need `tokens_per_step`, and samples
        `samples_per_step`.
    loss_unit : str, optional
        By default what lies beside the log says it, or nats.
    by : str, optional
        The column of a table that tells its runs apart; by default one called run, run_id or
        run_name. With it, or folders named ``run=a``, a folder of Parquet or Arrow files is one
        table, whose parts are put in the order of the steps where they begin.
    sort, on_duplicate
        As of `Curve`; a restart supersedes what was logged before at its step and later ones.
    nan_policy : {"omit", "raise"}
        Drop losses that are NaN or infinite and count them, or refuse them.
    despike : float, optional
        Drop the points that stand so many robust standard deviations, and 2 % at least, above the
        median of their neighbours. By default those above 10 are noted and kept.
    keep_going : bool
        Pass over logs that are refused, and runs of a table, with one warning that lists them.
    progress : bool or callable, optional
        True draws a bar on a terminal (with tqdm); a function is called with the logs read, and
        how many there are.

    Returns
    -------
    Curves
        Named after their files, or as much of their paths as tells them apart.

    Raises
    ------
    ValueError, TypeError
        Naming file, line or record, column and value.
    OSError
        If a file is not there or can't be read.
    """
    options = {name: value for name, value in locals().items() if name != "source"}
    return Curves(iter_curves(source, **options))


def iter_curves(source: Any, **options: Any) -> Iterator[Curve]:
    """Return an iterator of the curves of `read_curves`, which holds one log at a time.

    So ten thousand files are read in the memory of one, and so is a folder of Parquet files whose
    runs lie in folders ``run=a``; what is read of a table of several runs is held whole.

    Parameters
    ----------
    source, **options
        As of `read_curves`.

    Yields
    ------
    Curve

    Raises
    ------
    ValueError, TypeError, OSError
        As `read_curves`: for options and places that are not there at once, for what is in a log
        when its turn has come.
    """
    check_keywords("iter_curves", inspect.signature(read_curves).parameters, options)
    keep_going = flag(options.pop("keep_going", False), field="keep_going")
    progress = options.pop("progress", None)
    choices = _choices(_read_plan(options.pop("schedule", None)), options)
    return _iterate(_places(source, choices.by), choices, keep_going, progress)


def _iterate(
    places: list[Place | _Held], choices: Choices, keep_going: bool, progress: Progress
) -> Iterator[Curve]:
    refused: list[str] = []
    names: set[str] = set()
    read = 0
    with reporting(progress, len(places)) as report:
        for done, place in enumerate(places, 1):
            for curve in _curves_at(place, choices, refused, keep_going, alone=len(places) == 1):
                names.add(curve.name)
                read += 1
                yield curve
            report(done)
    warn_of_refused(refused, read + len(refused), bool(read))
    _check_names(choices, names)


@contextmanager
def passed_over(refused: list[str], keep_going: bool) -> Iterator[None]:
    """Add what is refused to a list, if reading is to go on."""
    try:
        yield
    except (ValueError, TypeError, OSError) as error:
        if not keep_going:
            raise
        refused.append(str(error))


def _check_names(choices: Choices, names: set[str]) -> None:
    """Refuse what was given by run, where none of the runs is there."""
    for field in ("schedule", "params", "tokens_per_step", "samples_per_step"):
        given = getattr(choices, field)
        if isinstance(given, Mapping) and not names & given.keys():
            asked = ", ".join(map(shown, list(given)[:_SHOWN]))
            there = ", ".join(map(shown, sorted(names)[:_SHOWN]))
            raise ValueError(f"{field} is for the runs {asked}; those read are {there}")


def warn_of_refused(refused: list[str], logs: int, any_read: bool) -> None:
    """Warn of logs that were passed over, if there are any, and refuse where none was read."""
    if not refused:
        return
    listed = "\n".join(f"  {text}" for text in refused[:_SHOWN])
    more = f"\n  … and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
    frame, level = sys._getframe(1), 2  # to the caller, past generators and wrappers
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("lawfit."):
        frame, level = frame.f_back, level + 1
    text = f"{len(refused)} of {logs} logs were passed over:\n{listed}{more}"
    warnings.warn(text, stacklevel=level)
    if not any_read:
        raise ValueError(f"none of {logs} logs could be read; the first: {refused[0]}")


def _choices(schedule: Any, options: dict[str, Any]) -> Choices:
    choices = Choices(schedule=schedule, **options)
    choose(choices.on_duplicate, ("error", "last", "first"), field="on_duplicate")
    choose(choices.nan_policy, NAN_POLICIES, field="nan_policy")
    if choices.unit is not None:
        choose(choices.unit, UNITS, field="unit")
    if choices.despike is not None:
        real(choices.despike, field="despike", lower=0.0, strict=True)
    flag(choices.sort, field="sort")
    if choices.one_based is not None:
        flag(choices.one_based, field="one_based")
    for field in ("x", "y", "lr", "by"):
        name = getattr(choices, field)
        if name is not None and not isinstance(name, str):
            raise TypeError(f"{field} is {shown(name)}; expected the name of a column")
    return choices


def _read_plan(schedule: object) -> Schedule | dict[str, Schedule] | None:
    if schedule is None or isinstance(schedule, Schedule):
        return schedule
    if isinstance(schedule, str):
        return read_schedule(schedule)
    if isinstance(schedule, Mapping):
        return {name: _one_plan(plan, f"schedule of {name!r}") for name, plan in schedule.items()}
    raise TypeError(f"schedule is {shown(schedule)}; expected a Schedule, a text or a mapping")


def _one_plan(plan: object, field: str) -> Schedule:
    if isinstance(plan, str):
        return read_schedule(plan)
    if not isinstance(plan, Schedule):
        raise TypeError(f"{field} is {shown(plan)}; expected a Schedule or a text")
    return plan


class _Held(NamedTuple):
    """A table that is in memory."""

    name: str
    data: Any


def _places(source: Any, by: str | None) -> list[Place | _Held]:
    if isinstance(source, str | os.PathLike):
        return list(find_places([source], by=by))
    if not isinstance(source, list | tuple):
        return [_Held("data", source)]
    if not source:
        raise ValueError("source is empty; expected at least one log")
    paths = [item for item in source if isinstance(item, str | os.PathLike)]
    tables = [item for item in source if not isinstance(item, str | os.PathLike)]
    held = [_Held(f"data {k}", data) for k, data in enumerate(tables)]
    return [*(find_places(paths, by=by) if paths else ()), *held]


def _curves_at(
    place: Place | _Held, choices: Choices, refused: list[str], keep_going: bool, *, alone: bool
) -> Iterator[Curve]:
    """Yield the curves of a place; what is refused is listed, if reading is to go on."""
    beside: Sidecar | None = None
    logs: list[Log] = []
    with passed_over(refused, keep_going):
        beside, logs = _logs_at(place, choices, alone=alone)
    for log in logs:
        curve = None
        with passed_over(refused, keep_going):
            curve = curve_of(log, choices, beside)
        if curve is not None:
            yield curve


def _logs_at(
    place: Place | _Held, choices: Choices, *, alone: bool
) -> tuple[Sidecar | None, list[Log]]:
    """Return what lies beside a place, and its logs, called so that those of all can be told."""
    if isinstance(place, _Held):
        beside, logs = None, read_logs(place.data, choices, name=place.name)
    else:
        beside = read_sidecar(place.path, folder=bool(place.events))
        logs = read_place(place, choices)
    of_one = isinstance(place, Place) and bool(place.parts)  # run of a folder
    if len(logs) > 1 or of_one:
        logs = [replace(log, source=f"{log.source}: run {shown(log.name)}") for log in logs]
    if of_one:
        return beside, [replace(log, name=place.name) for log in logs]
    if not alone:
        logs = [
            log if log.name == place.name else replace(log, name=f"{place.name}/{log.name}")
            for log in logs
        ]
    return beside, logs
