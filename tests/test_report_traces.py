"""What Plotly is given for a picture: traces, and a layout of panels."""

import math

import numpy as np
import pytest

from lawfit.report.figures import panel, series
from lawfit.report.traces import as_plotly


def test_drawn_numbers_keep_what_tells_them_apart():
    steps = np.arange(12345678, 12345698)
    found = series("run", "line", steps, 0.999 + 1e-7 * np.arange(20))
    assert found["x"] == steps.tolist()
    np.testing.assert_allclose(np.diff(found["y"]), 1e-7, rtol=1e-4)
    assert series("run", "line", [0, 1], [1 / 3, 2 / 3])["y"] == [0.3333333, 0.6666667]
    assert series("run", "line", [1.5], [math.nan])["y"] == [None]


def drawn(*parts, **axes):
    """What Plotly is given for a panel of series."""
    return as_plotly({"panels": [panel("x", "y", parts, **axes)]})


def test_bands_have_gaps_where_there_is_no_number():
    high, low = [3, 4, math.nan, 6, 7], [1, 2, 3, 4, math.nan]
    (band,) = drawn(series("a", "band", range(5), high, low=low))["data"]
    assert band["x"] == [0, 1, 1, 0, None, 3, 3, None]
    assert band["y"] == [3, 4, 2, 1, None, 6, 4, None]
    assert band["hoverinfo"] == "skip"


def test_areas_tell_how_high_they_are():
    _, edge = drawn(series("a", "area", [0, 1], [3, 5], low=[1, 2]))["data"]
    assert (edge["y"], edge["customdata"]) == ([3, 5], [2, 3])


def test_bars_lie_between_their_edges():
    (bars,) = drawn(series("a", "bars", [0, 2, 6], [5, 7], low=[0, 0]))["data"]
    assert (bars["x"], bars["width"], bars["y"]) == ([1, 4], [2, 4], [5, 7])


def test_names_are_text_and_shown_once():
    parts = [
        series(name, kind, [0], [0]) for name in ("<b>&", "b" * 50) for kind in ("dots", "line")
    ]
    data = drawn(*parts, series("c", "line", [0], [0], quiet=True))["data"]
    assert [trace["name"] for trace in data[::2]] == ["&lt;b&gt;&amp;", "b" * 39 + "…", "c"]
    assert [trace["showlegend"] for trace in data] == [False, True, False, True, False]
    assert len({trace["legendgroup"] for trace in data}) == 3


def test_the_range_of_y_is_that_of_lines_from_where_they_begin():
    parts = [
        series("a", "line", [0, 1, 2], [9, 2, 1]),
        series("a", "band", [1, 2], [50, 50], low=[-50, -50]),
    ]
    axis = drawn(*parts, fits="line", begin=1)["layout"]["yaxis"]
    assert axis["range"] == pytest.approx([0.95, 2.05])
    assert "range" not in drawn(*parts)["layout"]["yaxis"]


def test_panels_share_the_space(tmp_path):
    parts = [series("a", "line", [0, 1], [0, 1])]
    panels = [panel("x", "y", parts, height=300), panel("x", "z", parts, height=100, floor=0)]
    layout = as_plotly({"panels": panels})["layout"]
    upper, lower = (layout[name]["domain"] for name in ("yaxis", "yaxis2"))
    assert lower[0] == 0 < lower[1] < upper[0] < upper[1] == 1
    assert (upper[1] - upper[0]) / (lower[1] - lower[0]) == pytest.approx(3)
    assert layout["xaxis"]["anchor"] == "y2"
