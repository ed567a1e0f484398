"""A folder with the event files of one run, read as one log."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from lawfit._printable import shown
from lawfit.io.events import EventReader
from lawfit.io.rows import Row
from lawfit.io.tail import described

__all__ = ["EventFolderReader", "event_folders"]

_PATTERN: Final = "*tfevents*"
_MOST: Final = 10_000  # folders that are looked into
_LISTED: Final = 10


class EventFolderReader:
    """The scalars of the event files in a folder, oldest first by name, later ones as they come.

    A run that is resumed writes another file, whose steps may begin before the last one's end.
    Where an older file comes later, all are read anew.

    Parameters
    ----------
    path : path-like
        The folder, or one with a single folder of event files below it.

    Raises
    ------
    ValueError
        If there are several folders of event files below it, listing them.
    """

    title = "TensorBoard events"
    total: int | None = None
    translated = False

    def __init__(self, path: Any) -> None:
        self._root = Path(path)
        self._folder: Path | None = None
        self._readers: dict[Path, EventReader] = {}
        self.restarts = 0

    @property
    def more(self) -> bool:
        """Whether the last read left something."""
        return any(reader.more for reader in self._readers.values())

    def notes(self) -> list[str]:
        """Say what was passed over, and what waits."""
        if not self._readers:
            return ["no event file yet; waiting for one"]
        return [
            f"{described(path.name)}: {note}"
            for path, reader in self._readers.items()
            for note in reader.notes()
        ]

    def read(self) -> list[Row]:
        """Return the rows of the next block of each file, up to the first that has more."""
        self._find()
        rows: list[Row] = []
        for reader in self._readers.values():
            rows += reader.read()
            if reader.restarts:  # then what the others held is asked for again, too
                self.restarts += 1
                self._readers.clear()
                return self.read()
            if reader.more:
                break
        return rows

    def _find(self) -> None:
        if self._folder is None:
            found = event_folders(self._root)
            if len(found) > 1:
                listed = ", ".join(shown(str(f.relative_to(self._root))) for f in found[:_LISTED])
                raise ValueError(
                    f"{described(self._root)}: {len(found)} folders have event files; choose one "
                    f"of {listed}{' …' if len(found) > _LISTED else ''}"
                )
            if not found:
                return
            self._folder = found[0]
        paths = _event_files(self._folder)
        new = [path for path in paths if path not in self._readers]
        if new and any(path > new[0] for path in self._readers):  # as where files are copied
            self.restarts += 1
            self._readers.clear()
            new = paths
        self._readers |= {path: EventReader(path) for path in new}


def event_folders(root: Path) -> list[Path]:
    """Return the folder if it has event files, otherwise those below it that do.

    Hidden folders and links to folders are passed over.
    """
    folders, found = [root], []
    for k, folder in enumerate(folders):  # it grows on the way
        if k > _MOST:
            raise ValueError(f"{described(root)}: more than {_MOST} folders below it")
        if _event_files(folder):
            if folder == root:
                return [root]
            found.append(folder)
            continue
        with suppress(FileNotFoundError):  # it went away
            below = (path for path in folder.iterdir() if not path.name.startswith("."))
            folders += sorted(path for path in below if path.is_dir() and not path.is_symlink())
    return found


def _event_files(folder: Path) -> list[Path]:
    """Return a folder's event files in order; hidden ones are being copied to it."""
    paths = sorted(folder.glob(_PATTERN))
    return [path for path in paths if not path.name.startswith(".") and path.is_file()]
