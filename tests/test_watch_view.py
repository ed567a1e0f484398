"""The picture and the lines of `lawfit watch`, without a terminal."""

import io
from dataclasses import replace

import numpy as np
import pytest

from lawfit.io.schedule_text import read_schedule
from lawfit.watch import Watch
from watched_runs import PLANS, lines

pytest.importorskip("typer")
from rich.console import Console

from lawfit.cli import watching
from lawfit.cli.chart import chart

PLAN = PLANS["wsd_4000"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.csv"


def state_of(path, **options):
    return Watch(path, schedule=read_schedule(PLAN), **options).refresh()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 10), (100, 5), (200, 60)])
@pytest.mark.parametrize("until", [49, 249, 3500, 4000])
def test_a_picture_keeps_to_its_size_and_shows_every_part(path, width, height, until):
    path.write_text("".join(lines(until=until)))
    state = state_of(path)
    drawn = chart(state, width, height)
    assert len(drawn) == height
    assert max(map(len, drawn)) <= width
    text = "\n".join(line.partition("|")[2] for line in drawn[:-2])
    assert "*" in text
    assert ("-" in text) == (state.ahead is not None)
    assert drawn[-1].split() == ["0", "step", "3999"]


def test_a_picture_has_its_points_where_they_belong(path):
    path.write_text("step,loss\n0,4\n1000,3\n2000,2\n3000,1\n3999,0.5\n")
    drawn = chart(state_of(path), 50, 12)
    rows = [line.partition("|")[2] for line in drawn[:-2]]
    places = sorted(
        (row.index(mark), k) for k, row in enumerate(rows) for mark in "*^" if mark in row
    )
    assert [column for column, _ in places] == [0, 10, 20, 29, 39]
    assert [row for _, row in places] == sorted(row for _, row in places)
    assert rows[0][0] == "^"  # the first one is above


@pytest.mark.parametrize("width", [20, 22, 24, 30, 60])
def test_a_picture_of_many_steps_keeps_to_a_narrow_terminal(path, width):
    path.write_text("step,loss\n0,4\n1000000000,3\n2000000000,2\n")
    state = Watch(path, schedule=read_schedule("constant steps=3000000000 peak=1")).refresh()
    drawn = chart(state, width, 8)
    assert all(len(line) <= width for line in drawn)
    assert len(drawn) == (8 if width > 20 else 0)
    assert all(line.endswith("2999999999") for line in drawn[-1:])


@pytest.mark.parametrize("scale", [1e5, 1e300, 1e-5, -1e5, -1e-5])
def test_labels_leave_a_picture_as_it_is(path, scale):
    path.write_text("step,loss\n0,4\n1000,3.21\n2000,2.61\n3000,1.82\n3999,1.24\n")
    state = state_of(path)
    want = [line[9:] for line in chart(state, 50, 12)]
    scaled = replace(state, losses=state.losses * scale, ahead=None)
    drawn = chart(scaled, 50, 12)
    assert all(line[9] in "|+" for line in drawn[:-1])
    if scale > 0:
        assert [line[9:] for line in drawn] == want
    values = [float(line[:9]) for line in drawn if line[:9].strip()]
    assert values[0] > values[1] > values[2]


def test_a_forecast_that_is_not_finite_leaves_the_points(path):
    path.write_text("".join(lines(until=3500)))
    state = state_of(path)
    for bad in (np.inf, np.nan):
        nothing = np.full(len(state.ahead.steps), bad)
        ahead = replace(state.ahead, loss=nothing, lower=nothing, upper=nothing)
        drawn = chart(replace(state, ahead=ahead), 80, 24)
        assert drawn == chart(replace(state, ahead=None), 80, 24)
        ahead = replace(state.ahead, loss=nothing)
        assert "*" in "".join(chart(replace(state, ahead=ahead), 80, 24)[:-2])


def test_no_room_or_no_points_no_picture(path):
    path.write_text("".join(lines(until=3500)))
    assert chart(state_of(path), 15, 20) == []
    assert chart(state_of(path), 80, 4) == []
    path.write_text("step,loss\n1,nan\n")
    assert chart(state_of(path), 80, 20) == []


def test_the_view_fits_its_terminal(path):
    path.write_text("".join(lines(until=2999, scale={2774: 1.5})))
    state = state_of(path, target=1.6)
    assert state.alarms
    console = Console(width=90, height=30, record=True, file=io.StringIO())
    for line in watching.view(state, 90, 30):
        console.print(line.text, markup=False, highlight=False)
    text = console.export_text()
    assert text.count("\n") <= 30
    assert "ALARM spike at step 2774: loss" in text
    assert max(map(len, text.splitlines())) <= 90
