"""Parquet and Arrow files, batch by batch and only the columns that are kept, by pyarrow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from lawfit._extras import MissingExtra, require
from lawfit._printable import printable, shown
from lawfit._validate import Floats, Ints
from lawfit.io.columns import Columns, Piece
from lawfit.io.lines import GROWTH, LARGE
from lawfit.io.rows import MAX_NAMES
from lawfit.io.tail import described

__all__ = ["STREAM", "floats_of", "read_arrow", "read_parquet", "runs_of"]

_ROWS: Final = 2**16  # of a batch
STREAM: Final = b"\xff\xff\xff\xff"  # what an Arrow stream begins with, as a file does not


def read_parquet(path: Path, columns: Columns, *, run: str | None = None) -> None:
    """Read a Parquet file into columns; `run` is that of all rows, where the path says it.

    Raises
    ------
    MissingExtra
        Without pyarrow.
    ValueError, TypeError
        If it is damaged, expands without bounds, or a column that is needed holds no numbers.
    """
    source = described(path)
    arrow = _pyarrow(source, "Parquet")
    parquet = require("pyarrow.parquet", extra="io")
    with _located(arrow, source, "Parquet"), path.open("rb") as opened:
        file = parquet.ParquetFile(opened)
        wanted = _wanted(file.schema_arrow, columns, source, run)
        _check_size(file.metadata, path.stat().st_size, source)
        batches = file.iter_batches(batch_size=_ROWS, columns=[*wanted], use_threads=False)
        _take(batches, wanted, columns, source, run)


def read_arrow(path: Path, columns: Columns, *, run: str | None = None) -> None:
    """Read an Arrow file (Feather) or stream into columns, as `read_parquet` does."""
    source = described(path)
    arrow = _pyarrow(source, "Arrow")
    ipc = require("pyarrow.ipc", extra="io")
    with _located(arrow, source, "Arrow"), path.open("rb") as file:
        streams = file.read(4) == STREAM
        file.seek(0)
        schema = (ipc.open_stream(file) if streams else ipc.open_file(file)).schema
        wanted = _wanted(schema, columns, source, run)
        fields = [schema.names.index(name) for name in wanted]
        options = ipc.IpcReadOptions(included_fields=fields, use_threads=False)
        file.seek(0)
        if streams:
            batches: Iterable[Any] = ipc.open_stream(file, options=options)
        else:
            reader = ipc.open_file(file, options=options)
            batches = (reader.get_batch(k) for k in range(reader.num_record_batches))
        _take(_valid(batches), wanted, columns, source, run)


def _valid(batches: Iterable[Any]) -> Iterator[Any]:
    for batch in batches:
        batch.validate(full=True)  # or what a damaged file says of its buffers would be believed
        yield batch


def _pyarrow(source: str, title: str) -> Any:
    try:
        return require("pyarrow", extra="io")
    except MissingExtra as error:
        raise MissingExtra(f"{source} is {title}, and {error}", name=error.name) from None


@contextmanager
def _located(arrow: Any, source: str, title: str) -> Iterator[None]:
    """Say of which file pyarrow's refusals are."""
    try:
        yield
    except (arrow.ArrowException, OSError, UnicodeError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        problem = printable((str(error).splitlines() or [type(error).__name__])[0][:200])
        raise ValueError(f"{source}: is {title} that can't be read: {problem}") from None


def _wanted(schema: Any, columns: Columns, source: str, run: str | None) -> list[str]:
    """Return the columns to read."""
    if len(schema.names) > MAX_NAMES:
        raise ValueError(f"{source} has {len(schema.names)} columns; expected at most {MAX_NAMES}")
    twice = next((name for name, count in Counter(schema.names).items() if count > 1), None)
    if twice is not None:
        raise ValueError(f"{source}: the column {shown(twice)} is there twice")
    types = require("pyarrow.types", extra="io")
    names = schema.names if run is None else [*schema.names, str(columns.by)]
    wanted = []
    for name in columns.choose(names, source):
        kind = schema.field(name).type
        if types.is_dictionary(kind):
            kind = kind.value_type
        if _is_number(types, kind) or _is_text(types, kind) or types.is_null(kind):
            wanted.append(name)
        elif columns.needs(name):
            raise TypeError(f"{source}: column {shown(name)} has type {kind}; expected numbers")
        else:
            columns.pass_over(name, f"it has type {kind}")
    return wanted if run is not None or columns.by is None else [*wanted, columns.by]


def _is_number(types: Any, kind: Any) -> bool:
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def _is_text(types: Any, kind: Any) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _check_size(metadata: Any, size: int, source: str) -> None:
    """Refuse a file that says it expands without bounds.

    What row groups say is all that is looked at: pyarrow ends the process on the chunks of a column
    where these are damaged.
    """
    groups = range(metadata.num_row_groups)
    total = sum(metadata.row_group(group).total_byte_size for group in groups)
    if total > max(LARGE, GROWTH * size):
        raise ValueError(
            f"{source}: {size} bytes of Parquet hold {total}; expected at most {GROWTH} times as "
            "many"
        )


def _take(
    batches: Iterable[Any],
    wanted: Sequence[str],
    columns: Columns,
    source: str,
    run: str | None,
) -> None:
    begin = 0
    for batch in batches:
        piece = Piece(batch.num_rows, {})
        for name in wanted:
            if name == columns.by and run is None:
                piece.runs = runs_of([batch.column(name)], columns)
            elif not columns.is_text(name):
                _take_column(batch.column(name), name, piece, columns, (source, begin))
        if run is not None:
            piece.runs = np.full(batch.num_rows, columns.run(run), dtype=np.int64)
        columns.add(piece)
        begin += batch.num_rows


def _take_column(
    column: Any, name: str, piece: Piece, columns: Columns, at: tuple[str, int]
) -> None:
    """Put a column's numbers into a piece, unless it holds none."""
    arrow, types = require("pyarrow", extra="io"), require("pyarrow.types", extra="io")
    source, begin = at
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if _is_text(types, column.type):
        cells = zip(range(begin, begin + len(column)), column.to_pylist(), strict=True)
        numbers = [columns.number(name, cell, f"{source}: row {row}") for row, cell in cells]
        column = arrow.array(numbers, type=arrow.float64(), from_pandas=False)
    try:
        numbers = column.cast(arrow.float64())
    except arrow.ArrowInvalid:
        inexact = _inexact(column)
        if inexact:
            problem = f"row {begin + inexact[0]} is {inexact[1]}, which no float64 equals"
            if columns.needs(name):
                raise ValueError(f"{source}: {printable(name)} at {problem}") from None
            columns.pass_over(name, problem)
            return
        numbers = column.cast(arrow.float64(), safe=False)  # beyond 2**53, and exact all the same
    values, nans = floats_of(numbers)
    piece.numbers[name] = values
    if nans.size:
        piece.nans[name] = nans


def _inexact(column: Any) -> tuple[int, int] | None:
    """Return the first integer of a column that no float64 equals, after its row."""
    for row, value in enumerate(column.to_pylist()):
        if value is not None and int(float(value)) != value:
            return row, value
    return None


def floats_of(column: Any) -> tuple[Floats, Ints]:
    """Return an Arrow column of float64 with NaN for nulls, and the rows that are NaN as such."""
    values = column.to_numpy(zero_copy_only=False)
    if not values.flags.writeable:  # it lies in Arrow's memory, with whatever else is there
        values = values.copy()
    nans = np.isnan(values)
    if nans.sum() <= column.null_count:
        return values, np.empty(0, dtype=np.int64)
    return values, np.flatnonzero(nans & ~column.is_null().to_numpy(zero_copy_only=False))


def runs_of(chunks: Iterable[Any], columns: Columns) -> Ints:
    """Return the runs that an Arrow column names, as `Columns.run` counts them."""
    found = [np.empty(0, dtype=np.int64)]
    for chunk in chunks:
        coded = chunk if hasattr(chunk, "dictionary") else chunk.dictionary_encode()
        numbers = np.array([*map(columns.run, coded.dictionary.to_pylist()), -1], dtype=np.int64)
        codes = coded.indices.fill_null(len(numbers) - 1).to_numpy(zero_copy_only=False)
        found.append(numbers[codes])
    return np.concatenate(found)
