"""The scalars of whole event files, a million in a second or so."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lawfit._log_order import SHOWN
from lawfit._validate import EXACT_LIMIT, Floats, Ints, Rows
from lawfit.io.event_frames import Bytes, EventFrames, Frames
from lawfit.io.event_proto import read_event, read_tag
from lawfit.io.event_shape import Shape, distinct_rows, shape_of
from lawfit.io.events import LARGEST_READ
from lawfit.io.logs import Log, Scalars
from lawfit.io.rows import MAX_NAMES, whole_step

__all__ = ["read_events"]

_POOR: Final = 64  # a layout that fewer than one event in so many has
_MOST_POOR: Final = 8  # layouts like that, after which events are read one by one


def read_events(paths: Iterable[Path], *, name: str, source: str) -> Log:
    """Return the scalars of a run's event files, in the order of the files.

    Where a session says that it starts over at a step, what was logged at that step and later is
    left out, and so is a last record that is not whole; the log's notes say so.

    Raises
    ------
    ValueError
        For what is corrupt, naming file, record and byte.
    OSError
        If a file can't be read.
    """
    found = _Events(source)
    for path in paths:
        found.read(path)
    return found.log(name)


class _Events:
    """Scalars as they are read, block by block."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tags: dict[str, int] = {}
        self._blocks: list[tuple[Ints, Rows, Floats]] = []
        self._taken = 0  # scalars
        self._starts: list[tuple[int, int]] = []  # of sessions: scalars before, and the step
        self._notes: list[str] = []

    def read(self, path: Path) -> None:
        """Take the scalars of a file."""
        frames = EventFrames(path)
        for block in frames:
            _Block(frames, block, self).read()
        if frames.large:
            self._notes.append(
                f"{frames.source}: passed over {frames.large} records of more than {LARGEST_READ} "
                "bytes"
            )
        if frames.cut:
            self._notes.append(
                f"{frames.source}: the last record is not whole: its {frames.cut} bytes are left "
                "out"
            )

    def tag(self, name: str) -> int:
        """Return a tag's number."""
        if name not in self._tags and len(self._tags) >= MAX_NAMES:
            raise ValueError(f"{self._source}: more than {MAX_NAMES} names")
        return self._tags.setdefault(name, len(self._tags))

    def take(self, steps: Ints, tags: Rows, values: Floats) -> None:
        """Take scalars in order."""
        self._blocks.append((steps, tags, values))
        self._taken += len(steps)

    def restart(self, after: int, step: int) -> None:
        """Note a session that starts over at a step, after so many scalars of those taken next."""
        self._starts.append((self._taken + after, step))

    def _kept(self, steps: Ints) -> NDArray[np.bool_]:
        """Say which scalars no session that starts later makes void."""
        places, starts = np.array(self._starts, np.int64).reshape(-1, 2).T
        lowest = np.full(len(steps) + 1, EXACT_LIMIT)  # of the sessions after so many scalars
        np.minimum.at(lowest, places, starts)
        lowest = np.minimum.accumulate(lowest[::-1])[::-1]
        keep = steps < lowest[1:]
        dropped = len(keep) - int(keep.sum())
        if dropped:
            highest = np.maximum.accumulate(np.concatenate([[-1], steps]))[places]
            back = starts[highest >= starts]
            listed = ", ".join(map(str, back[:SHOWN])) + (", …" if len(back) > SHOWN else "")
            start = "a session starts" if len(back) == 1 else "sessions start"
            self._notes.append(f"{start} over at step {listed}: dropped {dropped} values")
        return np.asarray(keep)

    def log(self, name: str) -> Log:
        """Return all as a log."""
        empty = np.empty(0, np.int64), np.empty(0, np.intp), np.empty(0)
        parts = zip(*(self._blocks or [empty]), strict=True)
        steps, tags, values = (np.concatenate(part) for part in parts)
        if self._starts:
            keep = self._kept(steps)
            steps, tags, values = steps[keep], tags[keep], values[keep]
        return Scalars(steps, tags, values, list(self._tags)).log(
            name=name,
            source=self._source,
            format="TensorBoard events",
            notes=tuple(self._notes),
        )


class _Block:
    """The records of a block on their way to scalars."""

    def __init__(self, frames: EventFrames, block: Frames, events: _Events) -> None:
        self._frames = frames
        self._block = block
        self._events = events
        # Of scalars: the record each is of, step, tag and value.
        self._found: list[tuple[Rows, Ints, Rows, Floats]] = []
        self._restarts: list[tuple[int, int]] = []

    def read(self) -> None:
        """Hand over the block's scalars in order."""
        for which, rows in self._block.of_length():
            self._read_length(which, rows)
        if not self._found and not self._restarts:
            return
        empty = (np.empty(0, np.intp), np.empty(0, np.int64), np.empty(0, np.intp), np.empty(0))
        parts = zip(*(self._found or [empty]), strict=True)
        records, *columns = (np.concatenate(part) for part in parts)
        order = np.argsort(records, kind="stable")
        records, (steps, tags, values) = records[order], (column[order] for column in columns)
        self._check_steps(records, steps)
        for record, step in sorted(self._restarts):
            self._events.restart(int(np.searchsorted(records, record)), step)
        self._events.take(steps, tags, values)

    def _where(self, record: int) -> str:
        return self._frames.where(record, int(self._block.starts[record]))

    def _read_length(self, which: Rows, rows: Bytes) -> None:
        """Read the records of one length."""
        poor = 0
        while len(which):
            where = self._where(int(which[0]))
            shape = shape_of(rows[0].tobytes(), where) if poor < _MOST_POOR else None
            if shape is None:
                self._read_one(int(which[0]), rows[0].tobytes(), where)
                which, rows = which[1:], rows[1:]
                continue
            alike = shape.matches(rows, rows[0])
            self._read_alike(shape, which[alike], rows[alike])
            poor += int(alike.sum()) * _POOR < len(which)
            which, rows = which[~alike], rows[~alike]

    def _read_one(self, record: int, event: bytes, where: str) -> None:
        step, scalars, restart = read_event(event, where)
        if restart:
            self._restarts.append((record, whole_step(step, f"{where}: step")))
        for tag, value in scalars:
            self._add(
                np.array([record]), np.array([step]), np.array([self._events.tag(tag)]), [value]
            )

    def _read_alike(self, shape: Shape, which: Rows, rows: Bytes) -> None:
        steps = shape.steps(rows)
        for k, place in enumerate(shape.scalars):
            names = np.ascontiguousarray(rows[:, place.tag])
            first, kind = distinct_rows(names) if names.shape[1] else (which[:1] * 0, which * 0)
            tags = [
                self._events.tag(read_tag(names[i].tobytes(), self._where(int(which[i]))))
                for i in first
            ]
            self._add(which, steps, np.array(tags, np.intp)[kind], shape.values(rows, k))

    def _add(self, records: Rows, steps: Ints, tags: Rows, values: Floats | list[float]) -> None:
        self._found.append((records, steps, tags, np.asarray(values, np.float64)))

    def _check_steps(self, records: Rows, steps: Ints) -> None:
        bad = (steps < 0) | (steps >= EXACT_LIMIT)
        if bad.any():
            k = int(np.argmax(bad))
            whole_step(int(steps[k]), f"{self._where(int(records[k]))}: step")
