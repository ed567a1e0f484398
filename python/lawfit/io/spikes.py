"""Points that stand far above their neighbours, as after a bad batch."""

from __future__ import annotations

from typing import Final

import numpy as np

from lawfit._log_order import count
from lawfit._validate import Floats
from lawfit.curve import Curve

__all__ = ["USUAL", "find_spikes"]

USUAL: Final = 10.0  # standard deviations
_AROUND: Final = 5  # neighbours on either side
_LEAST: Final = 0.02  # of the loss: less is no spike, however smooth the rest
_SHOWN: Final = 4
_CHUNK: Final = 2**13  # points whose windows are looked at together: few enough for a cache


def find_spikes(curve: Curve, threshold: float | None) -> tuple[Curve, tuple[str, ...]]:
    """Find the points above the median of their neighbours, and drop them if asked to.

    Parameters
    ----------
    curve : Curve
    threshold : float or None
        How far above, in robust standard deviations of all distances to that median; and by 2 % of
        the loss at least. None finds those above `USUAL`, and keeps them.

    Returns
    -------
    curve : Curve
    notes : tuple of str
    """
    spikes = _is_spike(curve.loss, USUAL if threshold is None else threshold)
    found = int(spikes.sum())
    if not found:
        return curve, ()
    steps = curve.steps[spikes]
    listed = ", ".join(map(str, steps[:_SHOWN])) + (", …" if found > _SHOWN else "")
    if threshold is None:
        which = f"{count(found, 'spike')} at step {listed}"
        kept = f"{which}: kept; a robust loss is little moved by them"
        return curve, (f"{kept}, despike={USUAL:g} drops them",)
    keep = ~spikes
    dropped = curve._with(
        steps=curve.steps[keep],
        loss=curve.loss[keep],
        columns={name: values[keep] for name, values in curve.columns.items()},
    )
    what = "is a spike" if found == 1 else "are spikes"
    return dropped, (f"dropped {count(found)} that {what}, at step {listed}",)


def _is_spike(loss: Floats, threshold: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    if len(loss) <= 2 * _AROUND:
        return np.zeros(len(loss), dtype=bool)
    # Beyond the ends the curve is turned about its end points, so that its slope goes on.
    before = 2 * loss[0] - loss[_AROUND:0:-1]
    after = 2 * loss[-1] - loss[-2 : -_AROUND - 2 : -1]
    middle = _medians(np.concatenate([before, loss, after]))
    above = loss - middle
    scale = 1.4826 * np.median(np.abs(above))
    return np.asarray(above > np.maximum(threshold * scale, _LEAST * np.abs(middle)))


def _medians(values: Floats) -> Floats:
    """Return the median of each value and its neighbours, of those that have all of them.

    As many values as are sure to hold the median are compared, whole arrays at a time; the least
    and the greatest of them are forgotten, and the next one is taken.
    """
    size = len(values) - 2 * _AROUND
    middle = np.empty(size)
    for begin in range(0, size, _CHUNK):
        end = min(begin + _CHUNK, size)
        shifted = [values[begin + k : end + k] for k in range(2 * _AROUND + 1)]
        held, others = shifted[: _AROUND + 2], shifted[_AROUND + 2 :]
        while len(held) > 1:
            held = _without(_without(held, np.minimum, np.maximum), np.maximum, np.minimum)
            if others:
                held.append(others.pop())
        middle[begin:end] = held[0]
    return middle


def _without(arrays: list[Floats], lost: np.ufunc, kept: np.ufunc) -> list[Floats]:
    """Return arrays without the least, or the greatest, of each place."""
    first, *rest = arrays
    for k, other in enumerate(rest):
        first, rest[k] = lost(first, other), kept(first, other)
    return rest
