"""A picture of a run in plain characters: losses so far, the forecast and its interval."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from lawfit._validate import Floats, Ints
from lawfit.watch_state import State

__all__ = ["chart"]

LOGGED, FORECAST, EDGE, ABOVE = "*", "-", ".", "^"
_MARGIN: Final = 9  # columns of the losses at the side
_EARLY: Final = 0.1  # of the steps logged: the first fall is not what the picture is about


def chart(state: State, width: int, height: int) -> list[str]:
    """Return the lines of a picture, none without points or room for it.

    Losses of steps that share a column are averaged; those above the picture are marked at its
    top, as the first ones of a run are.
    """
    columns, rows = width - _MARGIN - 1, height - 2
    good = np.isfinite(state.losses)
    if not good.any():
        return []
    steps, losses = state.steps[good], state.losses[good]
    last = max(state.total - 1, int(steps[-1]), 1)
    if columns < max(10, len(str(last)) + 2) or rows < 3:
        return []
    low, high = _range(state, steps, losses)
    cells = [[" "] * columns for _ in range(rows)]

    def draw(at: Ints, values: Floats, mark: str) -> None:
        places = np.minimum((at * (columns - 1) / last).round().astype(int), columns - 1)
        for column in np.unique(places).tolist():
            value = float(values[places == column].mean())
            if not math.isfinite(value) or value < low:
                continue
            row = round((high - value) / (high - low) * (rows - 1))
            cells[max(row, 0)][column] = mark if row >= 0 else ABOVE if mark == LOGGED else " "

    ahead = state.ahead
    if ahead is not None:
        for values in (ahead.lower, ahead.upper):
            draw(ahead.steps, values, EDGE)
        draw(ahead.steps, ahead.loss, FORECAST)
    draw(steps, losses, LOGGED)
    return _framed(cells, low, high, last)


def _range(state: State, steps: Ints, losses: Floats) -> tuple[float, float]:
    """Return the lowest and the highest loss shown."""
    late = losses[steps >= _EARLY * steps[-1]]
    values = [float(late.min()), float(late.max())]
    if state.ahead is not None:
        room = values[1] - values[0]
        values += state.ahead.loss[np.isfinite(state.ahead.loss)].tolist()
        # An interval that is wider than all else would leave no room for it.
        if math.isfinite(state.ahead.upper[-1]) and math.isfinite(state.ahead.lower[-1]):
            values += [max(float(state.ahead.lower[-1]), min(values) - room)]
    low, high = min(values), max(values)
    if not high - low > 1e-9 * abs(high):
        pad = 0.5 * abs(high) or 1.0
        return low - pad, high + pad
    return low, high


def _framed(cells: list[list[str]], low: float, high: float, last: int) -> list[str]:
    lines = []
    rows = len(cells)
    labelled = {0, rows // 2, rows - 1}
    for k, row in enumerate(cells):
        value = high - k * (high - low) / (rows - 1)
        label = _short(value) if k in labelled else ""
        lines.append(f"{label:>{_MARGIN - 1}} |{''.join(row)}".rstrip())
    columns = len(cells[0])
    lines.append(" " * _MARGIN + "+" + "-" * columns)
    between = columns - 1 - len(str(last))
    name = "step" if between > len("step") else ""
    lines.append(" " * (_MARGIN + 1) + f"0{name:^{between}}{last}")
    return lines


def _short(value: float) -> str:
    """Return a number with as many of four digits as there is room for at the side."""
    texts = (f"{value:.{digits}g}" for digits in (4, 3, 2))
    return next((text for text in texts if len(text) < _MARGIN), f"{value:.1g}")
