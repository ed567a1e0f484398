"""Tables read once and whole: files of text, Parquet, Arrow, data frames and mappings of arrays."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np

from lawfit._printable import printable
from lawfit._validate import Floats, Ints, float_array, is_missing, read_array, same_length
from lawfit.io.arrow_table import STREAM, read_arrow, read_parquet
from lawfit.io.columns import MAX_BYTES, Choice, Columns, Piece
from lawfit.io.csv_table import CsvTable
from lawfit.io.json_table import JsonTable
from lawfit.io.lines import LineBlocks, compression_of, head_of
from lawfit.io.logs import Log
from lawfit.io.sidecar import stem_of
from lawfit.io.sources import keys_of, logs_within
from lawfit.io.tail import check_regular, described
from lawfit.table import column_names

__all__ = ["read_tables", "table_format"]

_BOM: Final = b"\xef\xbb\xbf"
_BINARY: Final = {b"PAR1": "Parquet", b"ARROW1": "Arrow", STREAM: "Arrow"}
_REFUSED: Final = {
    b"\xff\xfe": "is UTF-16; expected UTF-8",
    b"\xfe\xff": "is UTF-16; expected UTF-8",
    b"PK\x03\x04": "is a zip archive; expected a table",
    b"BZh": "is compressed with bzip2; expected gzip, xz or zstd",
    b"FEA1": "is Feather of version 1; expected version 2",
    b"PARE": "is encrypted Parquet",
}
_FOLDER: Final = {".parquet": read_parquet, ".arrow": read_arrow, ".feather": read_arrow}


def read_tables(
    source: Any,
    *,
    columns: Choice = None,
    by: str | None = None,
    name: str | None = None,
    max_bytes: int = MAX_BYTES,
    parts: Sequence[Path] = (),
) -> list[Log]:
    """Read a table, as one log or one for each run.

    Parameters
    ----------
    source : path-like, mapping of str to array-like, or data frame
        A file with CSV (commas, tabs or semicolons below a header), JSON lines, Parquet or Arrow,
        told by its content, text also compressed with gzip, xz or zstd; a folder of Parquet or
        Arrow files, read in the order of their paths as one table; a dict of arrays; a frame of
        pandas, polars, pyarrow or narwhals.
    columns : collection of str, or callable, optional
        The columns that are needed, or a function that is called with the names there are and
        returns those needed; no others are read. By default all that hold numbers.
    by : str, optional
        The column that tells runs apart. By default it is one called run, run_id or run_name. The
        columns ``run - metric`` of a chart that was exported from Weights & Biases are runs too, of
        which ``__MIN`` and ``__MAX`` are passed over. In a folder, ``by=value`` in a path is the
        value of all rows below. With an empty name the table is one log, whatever it has.
    name : str, optional
        How a single run is called; by default, as its file. Messages call a table in memory so.
    max_bytes : int
        How much may be kept: 8 bytes for each row of each column.
    parts : sequence of Path
        The files of a folder that are read; by default all of it.

    Returns
    -------
    list of Log
        Columns of float64 in the order of the table, NaN where nothing was logged, without rows
        and columns that have nothing at all; none if `columns` chose no column. A column is one of
        numbers or of text by its first value; text is passed over.

    Raises
    ------
    ValueError, TypeError
        Naming file, line or row, column and value: text or a cut-off line among numbers, a column
        that is missing or twice in a header, damaged or endless data, more than `max_bytes`.
    OSError
        If a file is not there or can't be read.
    MissingExtra
        If Parquet, Arrow or zstd needs pyarrow, and it is not installed.
    """
    if not isinstance(source, str | os.PathLike):
        table = Columns(name or "data", columns=columns, by=by, max_bytes=max_bytes)
        _read_frame(source, table)
        is_dict = isinstance(source, Mapping)
        return table.logs(name or "data", "arrays" if is_dict else "data frame")
    path = Path(source)
    table = Columns(described(path), columns=columns, by=by, max_bytes=max_bytes)
    if not path.is_dir():
        return table.logs(name or stem_of(path), _read_file(path, table))
    files = _read_folder(path, table, parts)
    title = "1 file" if files == 1 else f"{files} files"
    return table.logs(name or path.resolve().name, title, unordered=files > 1)


def table_format(path: str | os.PathLike[str]) -> str | None:
    """Return what table a file holds by its content, or None if it is empty.

    Raises
    ------
    ValueError
        If it is none, naming what it is.
    OSError
        If it is not there or can't be read.
    """
    place = Path(path)
    check_regular(place)
    with place.open("rb") as file:
        raw = file.read(8)
    for start, title in _BINARY.items():
        if raw.startswith(start):
            return title
    head = head_of(place)
    for start, what in _REFUSED.items():
        if head.startswith(start):
            raise ValueError(f"{described(place)} {what}")
    text = head.removeprefix(_BOM).lstrip()
    if text.startswith(b"["):
        raise ValueError(f"{described(place)} is a JSON list; expected an object a line")
    if not text:
        return None
    title = "JSON lines" if text.startswith(b"{") else "CSV"
    compressed = compression_of(raw)
    return f"{title} ({compressed})" if compressed else title


def _read_file(path: Path, table: Columns) -> str:
    """Read a file into columns, and return its format."""
    title = table_format(path)
    if title is None:
        raise ValueError(f"{described(path)} is empty")
    if title == "Parquet":
        read_parquet(path, table)
    elif title == "Arrow":
        read_arrow(path, table)
    else:
        lines = LineBlocks(path)
        reader = JsonTable if title.startswith("JSON") else CsvTable
        reader(lines, table).read()
        if lines.rest.strip():
            table.notes.append(
                f"left out the last line, whose end is not there ({len(lines.rest)} bytes): it may "
                "still be being written"
            )
    return title


def _read_folder(root: Path, table: Columns, parts: Sequence[Path]) -> int:
    """Read Parquet and Arrow files of a folder into columns, and return how many there are."""
    files = parts or sorted(path for path in logs_within(root) if path.suffix.lower() in _FOLDER)
    if not files:
        raise FileNotFoundError(f"{described(root)}: no Parquet or Arrow file lies in this folder")
    for path in files:
        keys = dict(keys_of(path.relative_to(root).parent))
        if not table.by:
            table.find_runs(keys)
        _FOLDER[path.suffix.lower()](path, table, run=keys.get(table.by or ""))
    return len(files)


def _read_frame(data: Any, table: Columns) -> None:
    """Read a data frame or a mapping of arrays into columns."""
    names = column_names(data, table.source)
    if not names:
        kind = type(data).__name__
        raise TypeError(
            f"{table.source} is a {kind} that names no columns; expected a mapping of columns or a "
            "data frame"
        )
    found: dict[str, Floats] = {}
    nans: dict[str, Ints] = {}
    for name in table.choose(names, table.source):
        numbers = _numbers(data[name], name, table)
        if numbers is not None:
            found[name], at = numbers
            if at.size:
                nans[name] = at
    runs = None
    if table.by is not None:
        where = f"{table.source}: {printable(table.by)}"
        cells, masked = read_array(data[table.by], where)
        if masked is not None:
            cells = np.ma.array(cells, mask=masked)
        runs = np.array([table.run(cell) for cell in cells.tolist()], dtype=np.int64)
        same_length(table.source, **found, **{table.by: runs})
    same_length(table.source, **found)
    lengths = [len(values) for values in found.values()]
    table.add(Piece(lengths[0] if lengths else 0, found, nans, runs))


def _numbers(values: Any, name: str, table: Columns) -> tuple[Floats, Ints] | None:
    """Return a column and where it is NaN as such; None where it holds something else."""
    where = f"{table.source}: {printable(name)}"
    try:
        found = float_array(values, source=table.source, field=name, finite=False)
        return found, _logged_nans(values, found)
    except (TypeError, ValueError) as error:
        array, _ = read_array(values, where)
        if array.ndim == 1 and array.dtype.kind in "OUT" and isinstance(error, TypeError):
            return _cells(array.tolist(), name, table)
        if table.needs(name):
            raise
        table.pass_over(name, str(error).removeprefix(f"{where} "))
        return None


def _cells(values: list[Any], name: str, table: Columns) -> tuple[Floats, Ints] | None:
    """Return numbers that may be written as text, as ``"NaN"`` is by Weights & Biases."""
    cells = [
        None if is_missing(cell) else table.number(name, _plain(cell), f"{table.source}: row {row}")
        for row, cell in enumerate(values)
    ]
    if table.is_text(name):
        return None
    found = np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64)
    nans = [row for row in np.flatnonzero(np.isnan(found)).tolist() if cells[row] is not None]
    return found, np.array(nans, dtype=np.int64)


def _plain(cell: Any) -> object:
    """Return a number of numpy's, or a decimal one of a database, as Python's."""
    if isinstance(cell, np.generic):
        return cell.item()
    return float(cell) if isinstance(cell, Decimal) and not cell.is_snan() else cell


def _logged_nans(column: Any, values: Floats) -> Ints:
    """Return the rows where NaN is a value, for columns that tell it from nothing."""
    at = np.flatnonzero(np.isnan(values))
    if not at.size or hasattr(column, "isna"):  # pandas has one NaN for both
        return at[:0]
    if hasattr(column, "is_null"):
        missing = np.asarray(column.is_null(), dtype=np.bool_)
        return at[~missing[at]]
    if isinstance(column, np.ma.MaskedArray):
        return at[~np.ma.getmaskarray(column)[at]]
    array, _ = read_array(column, "data")
    return at if array.dtype.kind != "O" else at[[not is_missing(array[k]) for k in at]]
