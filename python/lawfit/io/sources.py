"""Where the logs of runs lie: files, patterns and folders, and how their runs are called."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from lawfit._printable import shown
from lawfit.io.sidecar import PACKED, RATES, sidecars_of, stem_of
from lawfit.io.tail import described

__all__ = ["TRAINER_STATE", "Place", "find_places", "has_log_name"]

TRAINER_STATE: Final = "trainer_state.json"
_EVENTS: Final = "tfevents"
_CHECKPOINT: Final = re.compile(r"checkpoint-(\d+)")
# What a file's name ends with for a folder to give it, compressed or not.
_COLUMNAR: Final = (".parquet", ".arrow", ".feather")
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
    """

    name: str
    path: Path
    events: tuple[Path, ...] = ()

    @property
    def source(self) -> str:
        """The path as messages show it."""
        return described(self.path)


def find_places(paths: Iterable[str | os.PathLike[str]], *, dataset: bool = False) -> list[Place]:
    """Return where the runs lie that paths, patterns and folders mean, in order, each once.

    A folder gives what lies in it at any depth: files of tables by the end of their names, the
    event files of each folder as one run, and of trainer states the newest of each run. Hidden
    files and folders, links to folders, and what lies beside a log are passed over. A folder of
    Parquet or Arrow files is one place if it has folders named ``run=a``, or with `dataset`.

    Raises
    ------
    FileNotFoundError
        If a path is not there, or nothing matches a pattern or lies in a folder.
    """
    files: dict[Path, None] = {}
    for path in paths:
        files.update(dict.fromkeys(_expanded(path, dataset)))
    beside = {other for file in files for other in sidecars_of(file, folder=False) if other != file}
    kept = [f for f in files if f not in beside and not f.name.endswith(RATES)]
    return _named(list(_grouped(_newest_states(kept or list(files)))))


def _expanded(path: str | os.PathLike[str], dataset: bool) -> list[Path]:
    text = os.fspath(path)
    place = Path(text)
    if place.is_dir():
        found = list(_walked(place))
        if not found:
            raise FileNotFoundError(f"{described(place)}: no log lies in this folder")
        return [place] if _is_dataset(place, found, dataset) else found
    if os.path.lexists(place):
        return [place]
    if not glob.has_magic(text):
        raise FileNotFoundError(f"{described(place)}: there is no such file or folder")
    matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - patterns may be absolute
    if not matches:
        raise FileNotFoundError(f"nothing matches {shown(text)}")
    found = []
    for match in map(Path, matches):
        found += _walked(match) if match.is_dir() else [match]
    return found


def _is_dataset(folder: Path, files: list[Path], asked: bool) -> bool:
    """Say whether the files of a folder are parts of one table."""
    parts = [file.relative_to(folder).parent.parts for file in files]
    return all(file.suffix.lower() in _COLUMNAR for file in files) and (
        asked or any("=" in part for path in parts for part in path)
    )


def _walked(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if has_log_name(name) and not name.startswith("."):
                yield Path(here, name)


def has_log_name(name: str) -> bool:
    """Say whether a file called so is a log, which a folder gives."""
    return name == TRAINER_STATE or _EVENTS in name or name.lower().endswith(_ENDINGS)


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


def _grouped(files: Iterable[Path]) -> Iterator[Place]:
    """Yield a place for each file, with event files of one folder together."""
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
        else:
            yield Place(path.absolute().name if path.is_dir() else stem_of(path), path)


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
            found.append(place._replace(name=name))
        else:
            found.append(place)
    again = Counter(place.name for place in found)
    return [
        p if again[p.name] < 2 else p._replace(name=p.path.absolute().relative_to(root).as_posix())
        for p in found
    ]
