"""How pictures look: readable in grey, and for colour-blind readers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "FITTED",
    "FORECAST",
    "HATCHES",
    "MEASURED",
    "POINTS",
    "fill",
    "legend",
    "run_style",
    "spread",
]

# Fitted and forecast differ in dash and shade as well as in hue, so that a grey print tells them
# apart; the hues are two of Okabe and Ito's, which colour-blind readers tell apart.
FITTED: Final = {"color": "#0072B2", "linestyle": "-", "linewidth": 1.2}
FORECAST: Final = {"color": "#D55E00", "linestyle": (0, (5, 1.2)), "linewidth": 1.5}
MEASURED: Final = {"color": "0.68", "linestyle": "none", "marker": "o", "markersize": 3.2}
POINTS: Final = 2000  # a line has no more points than this
HATCHES: Final = ("", "///", "...", "\\\\\\", "xxx", "---", "++")
_COLORS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "0.25")
_MARKERS: Final = ("o", "s", "^", "v", "D", "x", "+", "P")


def run_style(place: int) -> Mapping[str, Any]:
    """Return the colour and marker of the run at a place: 56 that differ."""
    return {
        "color": _COLORS[place % len(_COLORS)],
        "marker": _MARKERS[place % len(_MARKERS)],
        "markersize": 3.5,
        "linestyle": "none",
    }


def fill(axes: Axes, x: Any, low: Any, high: Any, *, color: Any) -> None:
    """Draw a band, where it is finite."""
    known = np.isfinite(low) & np.isfinite(high)
    style = {"color": color, "alpha": 0.18, "linewidth": 0}
    axes.fill_between(x, low, high, where=known.tolist(), **cast(Any, style))


def legend(axes: Axes, **options: Any) -> None:
    """Put a legend in which names are shown as they are: no dollar begins a formula."""
    for text in axes.legend(frameon=False, fontsize=8, **options).get_texts():
        text.set_parse_math(False)


def spread(first: int, stop: int) -> list[int]:
    """Choose steps from `first` to the one before `stop`, both included, at most POINTS."""
    count = min(POINTS, stop - first)
    return cast("list[int]", np.linspace(first, stop - 1, count).round().astype(int).tolist())
