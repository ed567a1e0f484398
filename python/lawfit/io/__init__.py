"""Readers of logs: one a format, chosen by content, each giving the rows that are new."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from lawfit.io.events import SHORTEST, EventReader, is_event_file
from lawfit.io.folder import EventFolderReader
from lawfit.io.rows import Reader, Row, find_loss, find_lr
from lawfit.io.tail import MAX_LINE, check_regular, described
from lawfit.io.text import CsvReader, JsonLinesReader
from lawfit.io.trainer_state import TrainerStateReader

__all__ = ["Reader", "Row", "find_loss", "find_lr", "open_log"]

_BOM: Final = b"\xef\xbb\xbf"
# What a file begins with that is no log, and what to say of it.
_REFUSED: Final = {
    b"\xff\xfe": "is UTF-16; expected UTF-8",
    b"\xfe\xff": "is UTF-16; expected UTF-8",
    b"\x1f\x8b": "is compressed with gzip; a log that grows is not",
    b"PK\x03\x04": "is a zip archive; expected a log",
    b"PAR1": "is Parquet, which does not grow; expected a log",
    b"[": "is a JSON list; expected an object a line, or a trainer_state.json",
}


def open_log(path: str | os.PathLike[str], *, step: str | None = None) -> Reader | None:
    """Return a reader of a log, by what it holds, or None while too little of it is there.

    Parameters
    ----------
    path : path-like
        A table with a header (CSV, tabs or semicolons), JSON lines, a TensorBoard event file or a
        folder of them, or Hugging Face's ``trainer_state.json``. One that is not there is too
        little.
    step : str, optional
        Name of what counts steps, in a table or JSON lines whose names do not say so.

    Raises
    ------
    ValueError
        If it is something else, naming what.
    OSError
        If it can't be read.
    """
    place = Path(path)
    if place.is_dir():
        return EventFolderReader(place)
    try:
        check_regular(place)
        with place.open("rb") as file:
            head = file.read(MAX_LINE)
    except FileNotFoundError:
        return None
    if len(head) < SHORTEST:  # that of events and of text could not be told apart
        return None
    return EventReader(place) if is_event_file(head) else _open_text(place, head, step)


def _open_text(place: Path, head: bytes, step: str | None) -> Reader | None:
    """Return the reader of a file that begins so and should be text."""
    text = head.removeprefix(_BOM).lstrip()
    for start, what in _REFUSED.items():
        if (text if start == b"[" else head).startswith(start):
            raise ValueError(f"{described(place)} {what}")
    first, end, _ = _without_comments(text).partition(b"\n")
    if first.startswith(b"{") and b'"log_history"' in first:
        return TrainerStateReader(place)
    if not end and len(head) < MAX_LINE:
        if b"\r" in first.rstrip(b"\r") and not first.startswith(b"{"):
            raise ValueError(f"{described(place)} has carriage returns alone; expected line feeds")
        return None
    if first.startswith(b"{"):
        spans_lines = first.strip() == b"{"
        return TrainerStateReader(place) if spans_lines else JsonLinesReader(place, step)
    return CsvReader(place, step)


def _without_comments(text: bytes) -> bytes:
    while text.startswith(b"#"):
        text = text.partition(b"\n")[2].lstrip()
    return text
