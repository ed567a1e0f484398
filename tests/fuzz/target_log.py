"""Logs: any file is read the same at once as in pieces, or refused; no rows but of numbers."""

import atexit
import json
import shutil
import struct
import tempfile
from pathlib import Path

from mutations import Bytes, mutated
from promises import may_refuse

from lawfit.io import open_log
from lawfit.io.crc32c import masked_crc32c
from lawfit.io.event_scalars import read_events
from lawfit.io.events import SHORTEST, is_event_file

_FOLDER = Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)

_TABLE = b"step,lr,train/loss\n0,1e-3,5.5\n25,,nan\n50,2e-3,4\n"
_LINES = b'{"step": 0, "loss": 5.5}\n{"step": 25, "train": {"loss": NaN}, "lr": null}\n'
_EVENT = (
    bytes.fromhex("0900000000008dd741") + b"\x10\x19\x2a\x0d\x0a\x0b\x0a\x04loss\x15\0\0\x90\x40"
)
_TENSOR = b"\x10\x07\x2a\x13\x0a\x11\x0a\x01a\x42\x0c\x08\x01\x2a\x08\0\0\x80\x3f\0\0\0\x40"
_STATE = {
    "max_steps": 100,
    "log_history": [
        {"loss": 5.5, "learning_rate": 1e-3, "step": 10},
        {"eval_loss": 4.5, "step": 10},
        {"train_loss": 5.0, "train_runtime": 3.0, "step": 20},
    ],
}


def seeds():
    """A log of each format: as it is, events without their frames, and a changed state."""
    yield "table", b"\x00\x80" + _TABLE
    yield "lines", b"\x00\x80" + _LINES
    yield "state", b"\x00\x80" + json.dumps(_STATE).encode()
    yield "changed_state", bytes([1, 100, 1, 3, 5, 4, 2, 9])
    yield "events", b"\x02\x80" + b"".join(bytes([len(r)]) + r for r in (_EVENT, _TENSOR))
    yield "framed", b"\x00\x80" + _framed(_EVENT) + _framed(_TENSOR)[:-1]


def _framed(record):
    length = struct.pack("<Q", len(record))
    crcs = (struct.pack("<I", masked_crc32c(part)) for part in (length, record))
    return length + next(crcs) + record + next(crcs)


def _content(kind, data):
    """The file that some bytes stand for; frames get their checksums, which no fuzzer finds."""
    if kind == 1:
        return mutated(_STATE, data).encode("utf-8", "surrogatepass")
    if kind == 2:
        found, at = b"", 0
        while at < len(data):
            end = at + 1 + data[at]
            found += _framed(data[at + 1 : end])
            at = end
        return found
    return data


def _read(path, content, cut):
    """Return the rows of a file that is written in two pieces, None where it is refused."""
    path.unlink(missing_ok=True)
    reader, found = None, []
    for piece in (content[:cut], content[cut:]):
        with path.open("ab") as file:
            file.write(piece)
        with may_refuse():
            reader = reader or open_log(path)
            while reader is not None:
                found += reader.read()
                if not reader.more:
                    assert all(note.isprintable() for note in reader.notes())
                    break
            continue
        return None
    return found


def _read_at_once(path, rows):
    """Read events by layout: what one way refuses or gives, the other does."""
    log = None
    with may_refuse():
        log = read_events([path], name="log", source=str(path))
    assert (log is None) == (rows is None)
    if log is None or any("starts over" in note for note in log.notes):
        return
    steps = log.columns["step"].tolist()
    found = {
        (int(step), name, repr(value))
        for name in set(log.columns) - {"step"}
        for step, value in zip(steps, log.columns[name].tolist(), strict=True)
    }
    for step, values in rows:
        for name, value in values.items():
            assert name == "step" or (step, name, repr(value)) in found


def target(data):
    """Read a log whole, in two pieces and, if it is of events, at once."""
    bytes_ = Bytes(data)
    kind, cut = bytes_.below(3), bytes_.below(256)
    content = _content(kind, bytes_.rest())
    path = _FOLDER / "log"
    whole = _read(path, content, len(content))
    pieces = _read(path, content, cut * len(content) // 256)
    assert repr(whole) == repr(pieces)
    if len(content) >= SHORTEST and is_event_file(content):
        _read_at_once(path, whole)
    for step, values in whole or ():
        assert 0 <= step < 2**53
        assert all(type(value) is float for value in values.values())
