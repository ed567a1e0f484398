"""The report's pictures as Plotly's: traces, and a layout of panels one above another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

from lawfit._printable import printable
from lawfit.report.figures import Figure

__all__ = ["as_plotly"]

# Hues of Okabe and Ito's, darkened or lightened until they stand out from white and from black.
COLORS: Final = ("#0072b2", "#d55e00", "#00875f", "#b3478a", "#3d9fd6", "#b87800", "#6b7682")
DASHES: Final = ("solid", "dash", "dot", "dashdot")
PATTERNS: Final = ("", "|", "/", "-")
UP, DOWN = "triangle-up", "triangle-down"
MARKS: Final = ("circle", "square", UP, DOWN, "diamond", "x-thin", "cross-thin")
KINDS: Final = ("line", "dash", "dots", "area", "spot", "bars", "band")  # the first is the legend's
GAP: Final = 22  # pixels between panels
MARGIN: Final = {"t": 34, "b": 46, "l": 62, "r": 16}
WORDS: Final = {"size": 12}  # of labels, in pixels
NAME: Final = 40  # letters of a name in a legend
ROOM: Final = 0.05  # of the range of y that is left above and below
LEAST_SPAN: Final = 1e-9  # of an axis, as a share of its largest number

Values = Sequence[float | None]
Trace = dict[str, Any]


def as_plotly(figure: Figure) -> Figure:
    """Return a figure of panels, or one with choices of them, with Plotly's `data` and `layout`.

    Names are text there, whatever they hold: what Plotly would take for markup is escaped.
    """
    if "choices" in figure:
        return figure | {"choices": [as_plotly(choice) for choice in figure["choices"]]}
    panels = figure["panels"]
    shown = _in_legend([part for panel in panels for part in panel["series"]])
    data: list[Trace] = []
    for place, panel in enumerate(panels):
        common = {"yaxis": "y" if place == 0 else f"y{place + 1}"}
        for part in panel["series"]:
            data += _traces(part, common, any(part is one for one in shown))
    rest = {key: value for key, value in figure.items() if key != "panels"}
    return rest | {"data": data, "layout": _layout(panels)}


def _in_legend(parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one of the series of each name, where there is more than one name."""
    named: dict[str, dict[str, Any]] = {}
    for part in parts:
        first = named.get(part["name"], part)
        if not part.get("quiet"):
            named[part["name"]] = min(first, part, key=lambda one: KINDS.index(one["kind"]))
    return list(named.values()) if len(named) > 1 else []


def _traces(part: dict[str, Any], common: Trace, shown: bool) -> Iterator[Trace]:
    """Yield what draws a series; the first is in the legend, if it is shown there."""
    kind, style = part["kind"], part.get("style", 0)
    color = COLORS[style % len(COLORS)]
    about = {"name": _text(part["name"], NAME), "legendgroup": _text(part["name"])}
    common = {"type": "scatter", **common, **about, "showlegend": shown}
    points = {"x": part["x"], "y": part["y"]}
    if kind in ("line", "dash"):
        dash = "dash" if kind == "dash" else DASHES[style % 4 if part.get("dashed") else 0]
        line = {"color": color, "width": 1.8, "dash": dash}
        yield common | points | {"mode": "lines", "line": line}
    elif kind in ("dots", "spot"):
        mark = MARKS[style % len(MARKS)]
        look = {"symbol": f"{mark}-open", "size": 5.5, "color": color, "opacity": 0.7}
        if kind == "spot":
            look = {"symbol": "diamond", "size": 11, "color": color}
        yield common | points | {"mode": "markers", "marker": look}
    elif kind == "bars":
        pairs = list(pairwise(part["x"]))
        bars = {"x": [(a + b) / 2 for a, b in pairs], "width": [b - a for a, b in pairs]}
        yield common | {
            "type": "bar",
            **bars,
            "y": part["y"],
            "marker": {"color": color, "opacity": 0.5},
        }
    else:
        fill: Trace = {"mode": "lines", "fill": "toself", "line": {"width": 0}, "hoverinfo": "skip"}
        fill |= {"fillcolor": _see_through(color, 0.18 if kind == "band" else 0.4)}
        if kind == "area" and style % len(PATTERNS):
            fill |= {"fillpattern": {"shape": PATTERNS[style % len(PATTERNS)], "size": 7}}
        yield common | fill | _outline(part["x"], part["low"], part["y"])
        if kind == "area":  # its upper edge tells how high it is
            own = [_difference(*ends) for ends in zip(part["y"], part["low"], strict=True)]
            edge = {"mode": "lines", "line": {"width": 0.6, "color": color}, "customdata": own}
            told = {"hovertemplate": "%{x}: %{customdata:.5~g}", "showlegend": False}
            yield common | points | edge | told


def _outline(x: Values, low: Values, high: Values) -> dict[str, list[float | None]]:
    """Return the outlines of a band's pieces, between which there are gaps."""
    outline: dict[str, list[float | None]] = {"x": [], "y": []}
    piece: list[tuple[float | None, float | None, float | None]] = []
    for point in [*zip(x, low, high, strict=True), (None, None, None)]:
        if None not in point:
            piece.append(point)
        elif piece:
            there, below, above = (list(values) for values in zip(*piece, strict=True))
            outline["x"] += [*there, *there[::-1], None]
            outline["y"] += [*above, *below[::-1], None]
            piece = []
    return outline


def _difference(high: float | None, low: float | None) -> float | None:
    return None if high is None or low is None else high - low


def _see_through(color: str, share: float) -> str:
    red, green, blue = (int(color[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"


def _text(text: str, most: int | None = None) -> str:
    """Return text that Plotly shows as it is."""
    plain = printable(text)
    if most is not None and len(plain) > most:
        plain = plain[: most - 1] + "…"
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _layout(panels: Sequence[dict[str, Any]]) -> dict[str, Any]:
    heights = [panel.get("height", 240) for panel in panels]
    whole = sum(heights) + GAP * (len(panels) - 1)
    last = "y" if len(panels) == 1 else f"y{len(panels)}"
    lowest = panels[-1]
    layout: dict[str, Any] = {
        "height": whole + MARGIN["t"] + MARGIN["b"],
        "margin": MARGIN,
        "hovermode": "closest",
        "barmode": "overlay",
        "xaxis": {
            "title": {"text": _text(lowest["x"]), "standoff": 8, "font": WORDS},
            "type": "log" if lowest.get("logx") else "linear",
            "anchor": last,
            "hoverformat": "d" if lowest["x"] == "step" else "",
            "zeroline": False,
        },
    }
    top = 1.0
    for place, (panel, height) in enumerate(zip(panels, heights, strict=True)):
        bottom = 0.0 if place == len(panels) - 1 else top - height / whole
        layout["yaxis" if place == 0 else f"yaxis{place + 1}"] = {
            "title": {"text": _text(panel["y"]), "standoff": 6, "font": WORDS},
            "type": "log" if panel.get("logy") else "linear",
            "domain": [bottom, top],
            "automargin": True,
            "exponentformat": "e",
            "zeroline": panel.get("level") == 0,
            **_range(panel),
        }
        top = bottom - GAP / whole
    return layout


def _range(panel: dict[str, Any]) -> dict[str, Any]:
    """Return the range of y where it is not simply that of all there is."""
    if "low" in panel:
        return {"range": [panel["low"], panel["high"]]}
    if "floor" in panel:
        return {"rangemode": "tozero"}
    if panel.get("fits") != "line":
        return {}
    begin = panel.get("begin", -math.inf)
    seen = [
        y
        for part in panel["series"]
        if part["kind"] != "band"
        for x, y in zip(part["x"], part["y"], strict=True)
        if x is not None and y is not None and x >= begin
    ]
    if not seen:
        return {}
    low, high = min(seen), max(seen)
    room = ROOM * (max(high - low, LEAST_SPAN * abs(high)) or 1.0)
    return {"range": [low - room, high + room]}
