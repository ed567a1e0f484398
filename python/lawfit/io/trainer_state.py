"""Hugging Face's ``trainer_state.json``: a Trainer's log, written whole at every checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from lawfit._json import MAX_TEXT, ends_inside, parse_json
from lawfit._printable import printable, shown
from lawfit.io.rows import Row, whole_step
from lawfit.io.tail import check_regular, described

__all__ = ["TrainerStateReader"]

_SUMMARY: Final = "train_runtime"  # of the entry at the end, whose train_loss is of the whole run


class TrainerStateReader:
    """The ``log_history`` of a trainer's state.

    A Trainer counts updates done and logs as `loss` the mean over the updates since it logged last,
    so a loss goes to the centre of these, rounded down, as a row of its own: logged after 10 and
    20 updates, it is that of the 0-based steps 4 and 14. (A run that is resumed between two of
    these begins its mean anew, which the state does not tell: that one is early by half of what is
    before the resume.) Whatever else an entry has, as `eval_loss` and `learning_rate`, is that of
    its last update. Of the entry that sums up the run, its step alone is taken. What is logged
    before the first update is passed over, and counted.

    The file is rewritten whole: what was read before and is unchanged is not given again, and where
    it changed, as after a resume from an earlier checkpoint, all is read anew.

    Parameters
    ----------
    path : path-like
    """

    title = "trainer state"
    more = False
    translated = True

    def __init__(self, path: Any) -> None:
        self._path = Path(path)
        self.source = described(path)
        self.restarts = 0
        self.total: int | None = None
        self._stamp: tuple[int, ...] | None = None
        self._history: list[Any] = []
        self._early = 0  # entries before the first update
        self.waiting = ""  # why the last read gave nothing

    def notes(self) -> list[str]:
        """Say what was passed over, and what waits."""
        found = [self.waiting] if self.waiting else []
        if self._early:
            entries = "1 entry" if self._early == 1 else f"{self._early} entries"
            found.append(f"passed over {entries} logged before the first update")
        return found

    def read(self) -> list[Row]:
        """Return the rows that came since the last read; none while the file is being written."""
        state = self._changed()
        if state is None:
            return []
        history = state.get("log_history")
        if not isinstance(history, list):
            raise ValueError(f"{self.source}: log_history is {shown(history)}; expected a list")
        self.total = self._total(state)
        before = len(self._history)
        if history[:before] != self._history:
            self.restarts += 1
            before = 0
        self._history = history
        return list(self._rows(before))

    def _changed(self) -> Mapping[str, Any] | None:
        """Return the state if it is another than before, and whole."""
        try:
            status = check_regular(self._path)
            stamp = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
            if stamp == self._stamp:
                self.waiting = ""
                return None
            with self._path.open("rb") as file:
                content = file.read(MAX_TEXT + 1)
        except FileNotFoundError:
            self.waiting = "the file is gone; waiting for it"
            return None
        try:
            state = parse_json(content, self.source, not_finite=True)
        except ValueError:
            if content.strip() and not ends_inside(content):
                raise
            self.waiting = "the file is being written; waiting for its end"
            return None
        if not isinstance(state, dict):
            raise ValueError(f"{self.source} is {shown(state)}; expected a JSON object")
        self._stamp, self.waiting = stamp, ""
        return state

    def _total(self, state: Mapping[str, Any]) -> int | None:
        total = state.get("max_steps")
        if total is None:
            return None
        return whole_step(total, f"{self.source}: max_steps") or None

    def _rows(self, first: int) -> Iterator[Row]:
        done = 0  # updates when a loss was logged last
        self._early = 0
        for k, entry in enumerate(self._history):
            where = f"{self.source}: log_history[{k}]"
            if not isinstance(entry, dict):
                raise ValueError(f"{where} is {shown(entry)}; expected an object")
            numbers = _numbers(entry, where)
            updates = whole_step(entry.get("step"), f"{where}: step")
            loss = numbers.pop("loss", None)
            begin, done = done, updates if loss is not None else done
            self._early += updates == 0
            if k < first or updates == 0:
                continue
            if _SUMMARY in entry:
                yield Row(updates - 1, {})
                continue
            if loss is not None:
                begin = min(begin, updates - 1)
                yield Row((begin + updates - 1) // 2, {"loss": loss})
            if numbers:
                yield Row(updates - 1, numbers)


def _numbers(entry: Mapping[str, Any], where: str) -> dict[str, float]:
    """Return the values of an entry that are numbers, but for its step."""
    found = {}
    for name, value in entry.items():
        if name == "step":
            continue
        if type(value) is float:  # what JSON gives is of no subclass
            found[name] = value
        elif type(value) is int:
            try:
                found[name] = float(value)
            except OverflowError:
                what = f"{where}: {printable(name[:100])} is {shown(value)}"
                raise ValueError(f"{what}, beyond float64") from None
    return found
