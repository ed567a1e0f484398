"""One place read whole, by what it holds: event files, a trainer's state, or a table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from lawfit._printable import shown
from lawfit.io import open_log
from lawfit.io.curves import Choices, counts
from lawfit.io.event_scalars import read_events
from lawfit.io.events import SHORTEST, is_event_file
from lawfit.io.logs import Log, log_of_rows
from lawfit.io.rows import find_lr, is_loss
from lawfit.io.sources import Place
from lawfit.io.tables import read_tables
from lawfit.io.tail import check_regular, described
from lawfit.io.trainer_state import TrainerStateReader

__all__ = ["read_logs", "read_place"]

_HEAD: Final = 1024
_BOM: Final = b"\xef\xbb\xbf"
_LISTED: Final = 20


def read_place(place: Place, choices: Choices) -> list[Log]:
    """Return the logs of a file, of a folder's event files, or of a folder with a table's parts.

    Raises
    ------
    ValueError
        For what no log holds, naming file, place and value.
    OSError
        If it can't be read.
    """
    path = place.path
    if place.events:
        return [read_events(place.events, name=place.name, source=place.source)]
    if path.is_dir():
        return read_logs(path, choices, parts=place.parts)
    check_regular(path)
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if len(head) >= SHORTEST and is_event_file(head):
        return [read_events([path], name=place.name, source=place.source)]
    if head.removeprefix(_BOM).lstrip().startswith(b"{"):
        reader = open_log(path)
        if isinstance(reader, TrainerStateReader):
            return [_state(reader, place)]
    return read_logs(path, choices, name=place.name)


def read_logs(
    source: Any, choices: Choices, *, name: str | None = None, parts: Sequence[Path] = ()
) -> list[Log]:
    """Return the logs of a table in a file or in memory, with the columns that may be needed."""
    needed = _Needed(choices)
    logs = read_tables(source, columns=needed, by=choices.by, name=name, parts=parts)
    missing = ""
    if choices.y is None and not any(map(is_loss, needed.seen)):
        missing = "is a loss; choose y"
    elif choices.x is None and counts(needed.seen, choices.unit) is None:
        missing = f"counts {choices.unit or 'steps'}; choose x"
    elif not logs:
        missing = "chosen but what tells runs apart,"
    if missing:
        where = described(source) if isinstance(source, str | os.PathLike) else name or "data"
        listed = ", ".join(map(shown, list(needed.seen)[:_LISTED]))
        raise ValueError(f"{where}: no column {missing} among {listed}")
    return logs


class _Needed:
    """Chooses the columns of a table that may matter, and remembers all there are."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self.seen: dict[str, None] = {}

    def __call__(self, names: Sequence[str]) -> list[str]:
        self.seen.update(dict.fromkeys(names))
        choices = self._choices
        sizes = (choices.params, choices.tokens_per_step, choices.samples_per_step)
        asked = (choices.x, choices.y, choices.lr, *sizes)
        found = [name for name in asked if isinstance(name, str)]
        if choices.x is None:
            found += filter(None, [counts(names, choices.unit)])
        if choices.y is None:
            found += filter(is_loss, names)
        if choices.lr is None:
            found += filter(None, [find_lr(names)])
        return list(dict.fromkeys(found))


def _state(reader: TrainerStateReader, place: Place) -> Log:
    rows = reader.read()
    if reader.waiting:
        raise ValueError(
            f"{place.source} ends within its JSON: it is being written, or was cut off"
        )
    return log_of_rows(
        rows,
        name=place.name,
        source=place.source,
        format=reader.title,
        notes=tuple(reader.notes()),
        translated=True,
        total=reader.total,
    )
