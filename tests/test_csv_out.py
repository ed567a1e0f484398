"""Fits of many groups as CSV: every number comes back, and no cell is run by a spreadsheet."""

import csv
import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lawfit as lf
from grouped_data import table
from lawfit._csv import csv_text


def named(names):
    """A table of fits, a group for each name."""
    x = np.tile(np.linspace(1, 9, 12), len(names))
    sets = np.repeat(np.array(names, dtype=object), 12)
    noise = np.random.default_rng(0).normal(0, 1e-3, x.size)
    law = lf.Law("power", "a * x**-b", ["a", "b"], y="y")
    return lf.fit_many(law, {"x": x, "y": 3 * x**-0.5 * np.exp(noise), "=set": sets}, by="=set")


def cells(path):
    with path.open(newline="", encoding="utf-8") as file:
        return [*csv.reader(file)]


def test_all_columns_come_back(tmp_path):
    found = lf.fit_many("power", table(noise=1e-3), by="set", resamples=4)
    path = tmp_path / "fits.csv"
    found.to_csv(path)
    header, *rows = cells(path)
    columns = found.to_dict()
    assert header == [*columns]
    assert len(rows) == len(found)
    for name, written in zip(header, zip(*rows, strict=True), strict=True):
        if name in ("set", "status"):
            assert [*written] == [*columns[name]]
        else:
            np.testing.assert_array_equal([float(cell) for cell in written], columns[name])


def test_it_reads_as_other_libraries_read_csv(tmp_path):
    polars = pytest.importorskip("polars")
    found = lf.fit_many("power", table(noise=1e-3), by="set")
    path = tmp_path / "fits.csv"
    found.to_csv(path)
    frame = polars.read_csv(path)
    np.testing.assert_array_equal(frame["a"].to_numpy(), found.params["a"])


def test_e37_cells_that_a_spreadsheet_would_run(tmp_path):
    names = ["=1+1", "+cmd|' /C calc'!A0", "-2", "-x", "@SUM(A1)", "\t=1", "\r=1", "plain", 'a,"b"']
    path = tmp_path / "fits.csv"
    named(names).to_csv(path)
    header, *rows = cells(path)
    assert header[:2] == ["'=set", "n"]
    quoted = [name if name in ("-2", "plain", 'a,"b"') else f"'{name}" for name in names]
    assert [row[0] for row in rows] == quoted


def test_a_name_that_is_no_text_is_escaped(tmp_path):
    path = tmp_path / "fits.csv"
    named(["run\udcff"]).to_csv(path)
    assert cells(path)[1][0] == r"run\udcff"


def test_what_was_there_stays_if_it_can_not_be_written(tmp_path):
    with pytest.raises(FileNotFoundError):
        named(["a"]).to_csv(tmp_path / "missing" / "fits.csv")
    path = tmp_path / "fits.csv"
    path.write_text("before")
    with pytest.raises(ValueError, match="two columns would be named 'n'"):
        lf.fit_many("power", {**table(), "n": table()["set"]}, by="n").to_csv(path)
    assert path.read_text() == "before"


@given(st.lists(st.floats() | st.integers() | st.text(), min_size=1))
def test_nothing_is_lost(values):
    text = csv_text({"column": values, "k": range(len(values))})
    _, *rows = csv.reader(io.StringIO(text, newline=""))
    for value, (cell, _) in zip(values, rows, strict=True):
        if isinstance(value, str):
            assert cell in (value, f"'{value}")
            assert not cell.startswith(("=", "@", "\t", "\r"))
        elif isinstance(value, int):
            assert int(cell) == value
        else:
            assert float(cell) == value or math.isnan(value)
