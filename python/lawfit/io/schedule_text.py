"""Schedules as a command line gives them: a name with arguments, or a file."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from lawfit import schedules
from lawfit._json import MAX_TEXT, parse_json
from lawfit._printable import printable, shown
from lawfit._validate import closest
from lawfit.io.rows import find_lr
from lawfit.io.tail import check_regular, described
from lawfit.io.text import CsvReader
from lawfit.schedule import Schedule

__all__ = ["made_schedule", "rates_from_table", "read_schedule"]

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_WORDS: Final = {"true": True, "false": False}


def read_schedule(text: str) -> Schedule:
    """Return the schedule that a text describes.

    Parameters
    ----------
    text : str
        A name of `lawfit.schedules` and its arguments, as ``wsd steps=24000 peak=3e-4 warmup=2160
        decay_start=20000 end=3e-5`` (lists as ``milestones=100,200``), or the path of a file: what
        `Schedule.to_dict` gives, as JSON, or a table with the LR of every step from 0 on.

    Raises
    ------
    ValueError, TypeError
        If it is neither, or an argument is unknown, missing or has a bad value, naming it.
    OSError
        If the file can't be read.
    """
    name = (text.split() or [""])[0]
    if name in schedules.__all__:
        return made_schedule(text)
    path = Path(text)
    is_file = False
    with suppress(OSError):  # a text that is too long for a path
        is_file = path.is_file()
    if is_file:
        return _from_file(path)
    hint = closest(name, schedules.__all__)
    raise ValueError(f"schedule {shown(text)} is no file, and {shown(name)} no schedule{hint}")


def made_schedule(text: str) -> Schedule:
    """Return the schedule of a name and its arguments; no file is looked for.

    Raises
    ------
    ValueError, TypeError
        As of `read_schedule`.
    """
    name, *arguments = text.split() or [""]
    if name not in schedules.__all__:
        raise ValueError(f"schedule {shown(name)} is unknown{closest(name, schedules.__all__)}")
    make: Callable[..., Schedule] = getattr(schedules, name)
    known = inspect.signature(make).parameters
    given: dict[str, Any] = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals:
            raise ValueError(f"schedule {name!r}: {shown(argument)} is no name=value")
        if key not in known:
            raise ValueError(f"schedule {name!r}: {shown(key)} is unknown{closest(key, known)}")
        if key in given:
            raise ValueError(f"schedule {name!r}: {key} is given twice")
        several = key == "milestones"
        given[key] = [_value(item) for item in value.split(",")] if several else _value(value)
    for key, parameter in known.items():
        if key not in given and parameter.default is parameter.empty:
            raise ValueError(f"schedule {name!r}: {key} is missing")
    return make(**given)


def _value(text: str) -> Any:
    if len(text) < 400 and _NUMBER.fullmatch(text):
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    return _WORDS.get(text.casefold(), text)


def _from_file(path: Path) -> Schedule:
    check_regular(path)
    with path.open("rb") as file:
        content = file.read(MAX_TEXT + 1)
    if content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        try:
            return Schedule.from_dict(parse_json(content, described(path)))
        except (TypeError, ValueError) as error:
            named = str(error).startswith(described(path))
            raise ValueError(f"{'' if named else described(path) + ': '}{error}") from None
    return rates_from_table(path)


def rates_from_table(path: Path) -> Schedule:
    """Return the schedule of a table with the LR of every step from 0 on.

    Raises
    ------
    ValueError
        If it is something else, naming file and step.
    OSError
        If it can't be read.
    """
    source = described(path)
    reader = CsvReader(path)
    rates: list[float] = []
    while True:
        for step, values in reader.read():
            name = find_lr(reader.names)
            if name is None:
                listed = ", ".join(map(shown, reader.names[:20]))
                raise ValueError(f"{source}: no column is a learning rate; the header has {listed}")
            if step != len(rates):
                raise ValueError(f"{source}: step {step} comes where {len(rates)} is expected")
            if name not in values:
                raise ValueError(f"{source}: step {step} has no {printable(name)}")
            rates.append(values[name])
        if not reader.more:
            break
    if reader.waiting:
        raise ValueError(f"{source}: the last line has no end")
    try:
        return Schedule(rates)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{source}: {error}") from None
