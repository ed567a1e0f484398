"""Columns out of mappings and data frames."""

import numpy as np
import pytest

import lawfit as lf
from lawfit.table import table_columns

COLUMNS = {"N": [1, 2, 3], "loss": [3.5, 3.0, 2.5], "tag": ["a", "b", "c"]}


def frames():
    yield pytest.param(lambda columns: columns, id="dict")
    yield pytest.param(
        lambda columns: pytest.importorskip("pandas").DataFrame(columns), id="pandas"
    )
    yield pytest.param(
        lambda columns: pytest.importorskip("polars").DataFrame(columns), id="polars"
    )
    yield pytest.param(lambda columns: pytest.importorskip("pyarrow").table(columns), id="pyarrow")


@pytest.fixture(params=frames())
def frame(request):
    return request.param


def test_named_columns_in_order(frame):
    got = table_columns(frame(COLUMNS), ["loss", "N"])
    assert list(got) == ["loss", "N"]
    assert got["N"].tolist() == [1.0, 2.0, 3.0]
    assert got["loss"].dtype == np.float64


def test_missing_column_comes_with_the_closest(frame):
    with pytest.raises(ValueError, match="runs: column 'Loss' is missing; did you mean 'loss'"):
        table_columns(frame(COLUMNS), ["Loss"], source="runs")
    with pytest.raises(ValueError, match="expected one of 'N', 'loss', 'tag'"):
        table_columns(frame(COLUMNS), ["quux"])


def test_a25_missing_value_is_named(frame):
    with pytest.raises(ValueError, match="data: loss at index 1 is nan"):
        table_columns(frame({"loss": [1.0, None]}), ["loss"])


def test_a19_text_column(frame):
    with pytest.raises(TypeError, match=r"data: tag at index 0 is '?a"):
        table_columns(frame(COLUMNS), ["N", "tag"])


def test_a01_no_rows(frame):
    with pytest.raises(ValueError, match="data has 0 rows"):
        table_columns(frame({"N": np.array([]), "loss": np.array([])}), ["N", "loss"])


def test_a15_a16_lengths(frame):
    del frame  # only a mapping can hold columns of different lengths
    for short in ([1.0], [1.0, 2.0]):
        with pytest.raises(ValueError, match=f"N has 3, loss has {len(short)}"):
            table_columns({"N": [1, 2, 3], "loss": short}, ["N", "loss"])


def test_a17_column_name_that_comes_twice():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame([[1.0, 2.0]], columns=["loss", "loss"])
    with pytest.raises(ValueError, match=r"data: loss has shape \(1, 2\)"):
        table_columns(frame, ["loss"])


@pytest.mark.parametrize("data", [None, 3.0, [1.0], "loss", np.ones((2, 2))])
def test_data_without_columns(data):
    with pytest.raises(TypeError, match=r"data is a .*; expected a mapping of columns"):
        table_columns(data, ["loss"])


def test_frame_is_not_modified(frame):
    data = frame(COLUMNS)
    table_columns(data, ["N", "loss"])["N"][:] = -1
    assert table_columns(data, ["N"])["N"].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("ask", [lf.envelope, lambda data: lf.fit("linear", data)])
def test_a_lazy_frame_is_refused(ask):
    frame = pytest.importorskip("polars").DataFrame({"x": [1.0], "y": [1.0]}).lazy()
    with pytest.raises(TypeError, match=r"is a LazyFrame, not read yet; give its collect\(\)"):
        ask(frame)
