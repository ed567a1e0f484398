"""Where the logs of runs lie: files, patterns and folders, and how their runs are called."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

from lawfit._printable import shown
from lawfit.io.columns import is_nameless, is_run
from lawfit.io.sidecar import PACKED, RATES, sidecars_of, stem_of
from lawfit.io.tail import described

__all__ = ["TRAINER_STATE", "Place", "find_places", "keys_of", "logs_within"]

TRAINER_STATE: Final = "trainer_state.json"
_EVENTS: Final = "tfevents"
_CHECKPOINT: Final = re.compile(r"checkpoint-(\d+)")
# What a file's name ends with for a folder to give it, compressed or not.
_COLUMNAR: Final = (".parquet", ".arrow", ".feather")
_NO_VALUE: Final = "__HIVE_DEFAULT_PARTITION__"  # in a path that gives a column
_TABLES: Final = (".csv", ".tsv", ".jsonl", ".ndjson", *_COLUMNAR)
_ENDINGS: Final = tuple(table + packed for table in _TABLES for packed in ("", *PACKED))


class Place(NamedTuple):
    """A file, or the event files of one folder.

    Attributes
    ----------
    name : str
        How the run is called: after the file, or the folder where files are named alike.
    path : Path
        The file, or the folder of event files.
    events : tuple of Path
        The event files, in order.
    parts : tuple of Path
        Of the table in a folder, the files of one run, in order.
    """

    name: str
    path: Path
    events: tuple[Path, ...] = ()
    parts: tuple[Path, ...] = ()

    @property
    def source(self) -> str:
        """The path as messages show it."""
        return described(self.path)


def find_places(paths: Iterable[str | os.PathLike[str]], *, by: str | None = None) -> list[Place]:
    """Return where the runs lie that paths, patterns and folders mean, in order, each once.

    A folder gives what lies in it at any depth: files of tables by the end of their names, the
    event files of each folder as one run, and of trainer states the newest of each run. Hidden
    files and folders, links to folders, and what lies beside a log are passed over. A folder of
    Parquet or Arrow files is one table with `by`, or if it has folders named ``key=value``; where
    these tell the runs apart, each run is a place, so that one can be read at a time.

    Raises
    ------
    FileNotFoundError
        If a path is not there, or nothing matches a pattern or lies in a folder.
    """
    files: dict[Path, None] = {}
    for path in paths:
        files.update(dict.fromkeys(_expanded(path, by)))
    beside = {other for file in files for other in _beside(file) if other != file}
    kept = [f for f in files if f not in beside and not f.name.endswith(RATES)]
    return _named(list(_grouped(_newest_states(kept or list(files)), by)))


def _beside(file: Path) -> tuple[Path, Path]:
    events = _EVENTS in file.name
    return sidecars_of(file.parent if events else file, folder=events)


def _expanded(path: str | os.PathLike[str], by: str | None) -> list[Path]:
    text = os.fspath(path)
    if not text:  # pathlib would take it for the folder that is current
        raise FileNotFoundError("'' is no path")
    place = Path(text)
    if place.is_dir():
        found = list(logs_within(place))
        if not found:
            raise FileNotFoundError(f"{described(place)}: no log lies in this folder")
        return [place] if _is_dataset(place, found, by is not None) else found
    if os.path.lexists(place):
        return [place]
    if not glob.has_magic(text):
        raise FileNotFoundError(f"{described(place)}: there is no such file or folder")
    matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - patterns may be absolute
    if not matches:
        raise FileNotFoundError(f"nothing matches {shown(text)}")
    found = []
    for match in map(Path, matches):
        found += logs_within(match) if match.is_dir() else [match]
    return found


def _is_dataset(folder: Path, files: list[Path], asked: bool) -> bool:
    """Say whether the files of a folder are parts of one table."""
    if not all(file.suffix.lower() in _COLUMNAR for file in files):
        return False
    keys = {key for file in files for key, _ in keys_of(file.relative_to(folder).parent)}
    return asked or any(map(is_run, keys))


def keys_of(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the columns that a path gives, as ``run=a``."""
    for part in folder.parts:
        key, equals, value = part.partition("=")
        if equals:
            yield key, "" if value == _NO_VALUE else unquote(value)


def logs_within(folder: Path) -> Iterator[Path]:
    """Yield what lies in a folder at any depth and is a log by its name."""
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            known = name == TRAINER_STATE or _EVENTS in name or name.lower().endswith(_ENDINGS)
            if known and not name.startswith("."):
                yield Path(here, name)


def _newest_states(files: list[Path]) -> Iterator[Path]:
    """Leave out states of checkpoints where a later one of the run is there."""
    newest: dict[Path, tuple[float, Path]] = {}
    for file in files:
        if file.name == TRAINER_STATE:
            run, age = _run_of_state(file)
            newest[run] = max(newest.get(run, (-1.0, file)), (age, file))
    latest = {file for _, file in newest.values()}
    return (file for file in files if file.name != TRAINER_STATE or file in latest)


def _run_of_state(file: Path) -> tuple[Path, float]:
    """Return the folder of a trainer state's run, and which checkpoint it is of."""
    folder = file.absolute().parent
    checkpoint = _CHECKPOINT.fullmatch(folder.name)
    return (folder.parent, float(checkpoint[1])) if checkpoint else (folder, float("inf"))


def _grouped(files: Iterable[Path], by: str | None) -> Iterator[Place]:
    """Yield a place for each file or run of a dataset, with event files of one folder together."""
    by_folder: dict[Path, list[Path]] = {}
    order: list[Path] = []
    for file in files:
        if _EVENTS in file.name:
            if file.parent not in by_folder:
                order.append(file.parent)
            by_folder.setdefault(file.parent, []).append(file)
        else:
            order.append(file)
    for path in order:
        events = tuple(sorted(by_folder.get(path, ())))
        if events:
            yield Place(path.absolute().name, path, events)
        elif path.name == TRAINER_STATE:
            yield Place(_run_of_state(path)[0].name, path)
        elif path.is_dir():
            yield from _runs_of(path, by)
        else:
            yield Place(stem_of(path), path)


def _runs_of(folder: Path, by: str | None) -> Iterator[Place]:
    """Yield the runs of a dataset, or all of it where paths do not tell whose each file is."""
    runs: dict[str, list[Path]] = {}
    for file in logs_within(folder):
        keys = dict(keys_of(file.relative_to(folder).parent))
        run = keys.get(by or next(filter(is_run, keys), ""), "")
        if is_nameless(run):
            yield Place(folder.absolute().name, folder)
            return
        runs.setdefault(run.strip(), []).append(file)
    for run, files in runs.items():
        yield Place(run, folder, parts=tuple(files))


def _named(places: list[Place]) -> list[Place]:
    """Name places after more of their path where names clash."""
    names = Counter(place.name for place in places)
    if max(names.values(), default=0) < 2:
        return places
    root = os.path.commonpath([place.path.absolute().parent for place in places])
    found = []
    for place in places:
        if names[place.name] > 1:
            whole = place.path.absolute().relative_to(root)
            folder = whole.parent.as_posix()
            shorter = whole if place.events else whole.parent / place.name
            if place.path.name == TRAINER_STATE:
                shorter = whole.parent
            name = shorter.as_posix() if folder != "." or place.events else place.name
            if place.parts:
                name = (whole / place.name).as_posix()
            found.append(place._replace(name=name))
        else:
            found.append(place)
    again = Counter(place.name for place in found)
    return [
        p if again[p.name] < 2 else p._replace(name=p.path.absolute().relative_to(root).as_posix())
        for p in found
    ]
