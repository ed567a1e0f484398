"""What `lawfit watch` says of a run: lines of plain text."""

from __future__ import annotations

import json
import math
import re
import textwrap
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from lawfit._printable import printable
from lawfit.cli.chart import chart
from lawfit.outlook import Forecast
from lawfit.watch_state import State

__all__ = ["Line", "News", "Objects", "summary", "view"]

Kind = Literal["title", "plain", "chart", "alarm", "warning", "note"]
TALLEST: Final = 24  # lines of the picture
_ALARMS: Final = 5  # that are listed
_DIGITS: Final = re.compile(r"\d+")


class Line(NamedTuple):
    """A line of text, and what it is."""

    kind: Kind
    text: str


def view(state: State, width: int, height: int) -> list[Line]:
    """Return the lines of the live view, which fit a terminal; a picture takes the room left."""
    head, said = list(_head(state)), list(_said(state))
    room = height - sum(_height(line, width) for line in (*head, *said))
    picture = [Line("chart", text) for text in chart(state, width, min(room, TALLEST))]
    return [*head, *picture, *said]


def summary(state: State) -> list[Line]:
    """Return the same without the picture, as it is printed at the end."""
    return [*_head(state), *_said(state)]


class News:
    """Lines where nothing can be drawn over: of each state, what was not said before."""

    def __init__(self) -> None:
        self._told: set[object] = set()
        self._last = ""

    def lines(self, state: State) -> list[str]:
        """Return what is new: alarms, notes, then how far the run is and where it ends."""
        found = [line.text for key, line in self._once(state) if self._is_new(key)]
        now = "; ".join([_progress(state), _loss(state), *(x.text for x in _forecast(state))])
        if now != self._last:
            self._last = now
            found.append(now)
        return found

    def _once(self, state: State) -> Iterator[tuple[object, Line]]:
        for line in list(_head(state))[:1]:
            yield line, line
        for line in (*_guess(state), *_notes(state)):
            yield _DIGITS.sub("", line.text), line  # one that counts is told once
        for alarm in reversed(state.alarms):
            yield (alarm.since, alarm.anomaly.kind), Line("alarm", f"ALARM {alarm}")

    def _is_new(self, key: object) -> bool:
        new = key not in self._told
        self._told.add(key)
        return new


class Objects:
    """A JSON object a state that differs from the one before."""

    def __init__(self) -> None:
        self._last = ""

    def lines(self, state: State) -> list[str]:
        """Return the object, or nothing."""
        before, self._last = self._last, json.dumps(state.to_dict(), ensure_ascii=False)
        return [] if self._last == before else [self._last]


def _height(line: Line, width: int) -> int:
    return max(1, len(textwrap.wrap(line.text, max(width, 1))))


def _head(state: State) -> Iterator[Line]:
    title = f"{state.source}  ({state.title})" if state.title else state.source
    yield Line("title", title)
    skipped = f", {state.skipped} skipped (loss not finite)" if state.skipped else ""
    yield Line(
        "plain",
        f"law {printable(state.law)}; {len(state.steps)} points, {state.fitted} fitted{skipped}; "
        + _progress(state),
    )


def _progress(state: State) -> str:
    if state.step < 0:
        return f"no step of {state.total} yet" if state.total else "no step yet"
    return f"step {state.step}/{state.total}" if state.total else f"step {state.step}"


def _loss(state: State) -> str:
    return f"loss {state.losses[-1]:.4g}" if state.losses.size else "no loss yet"


def _said(state: State) -> Iterator[Line]:
    yield from _forecast(state)
    yield from _guess(state)
    for alarm in state.alarms[:_ALARMS]:
        yield Line("alarm", f"ALARM {alarm}")
    if len(state.alarms) > _ALARMS:
        yield Line("alarm", f"… and {len(state.alarms) - _ALARMS} alarms before")
    yield from _notes(state)


def _forecast(state: State) -> Iterator[Line]:
    if state.final is None:
        yield Line("plain", f"no forecast yet: {state.waiting}")
    else:
        yield Line("plain", _end(state.final))
    if state.decay is not None:
        yield Line("plain", str(state.decay))
    if state.reached is not None:
        yield Line("plain", f"target reached at step {state.reached}")
    elif state.eta is not None:
        yield Line("plain", f"target {state.eta}")


def _guess(state: State) -> Iterator[Line]:
    if state.guessed_from is not None:
        yield Line(
            "warning",
            f"GUESSED: the learning rate after step {state.guessed_from} is held at its last value "
            "to the end; a decay to come is not in this forecast (--schedule tells it)",
        )


def _end(final: Forecast) -> str:
    open_ = ", ".join(final.undetermined)
    if not math.isfinite(float(final.upper)):
        return (
            f"where it ends is open: the points do not determine {open_} (--prior, or points of a "
            f"decay, would); by the parameters so far at {final.loss:.4g}"
        )
    text = f"ends at {final.loss:.4g} ({100 * (final.level or 0):g} %: "
    text += f"{final.lower:.4g}–{final.upper:.4g})"
    if open_:
        text += f"; the points do not determine {open_}, which the rest of the plan does not need"
    if float(final.prior_share) > 0.005:
        text += f"; {100 * float(final.prior_share):.0f} % of it from the prior"
    return text


def _notes(state: State) -> Iterator[Line]:
    for note in state.notes:
        yield Line("note", f"note: {note}")
