"""Tables read whole: the same logs out of every format, and what is kept of them."""

import gzip
import json
import lzma
import sys
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lawfit as lf
from lawfit import _extras
from lawfit.io import csv_table, lines
from lawfit.io.tables import read_tables, table_format

TABLE = "step,lr,train/loss\n0,1e-3,5.5\n25,2e-3,4.25\n50,,4.125\n"
COLUMNS = {"step": [0, 25, 50], "lr": [1e-3, 2e-3, np.nan], "train/loss": [5.5, 4.25, 4.125]}
RECORDS = [
    {"step": 0, "lr": 1e-3, "train/loss": 5.5},
    {"step": 25, "lr": 2e-3, "train/loss": 4.25},
    {"step": 50, "train/loss": 4.125},
]
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS)
NULLS = {"step": [0, 25, 50], "lr": [1e-3, 2e-3, None], "train/loss": [5.5, 4.25, 4.125]}


def holds(log, columns=COLUMNS):
    assert list(log.columns) == list(columns)
    for name, values in columns.items():
        assert log.columns[name].dtype == np.float64
        np.testing.assert_array_equal(log.columns[name], np.array(values, dtype=float))


def write(path, content):
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def no_pyarrow(monkeypatch):
    def require(module, *, extra):
        if module.startswith("pyarrow"):
            raise _extras.MissingExtra(f"pyarrow is not installed ({extra})", name="pyarrow")
        return _extras.require(module, extra=extra)

    monkeypatch.setattr(csv_table, "require", require)
    monkeypatch.setattr(lines, "require", require)


@pytest.mark.parametrize("content", [TABLE, TABLE.replace(",", "\t"), TABLE.replace(",", ";")])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_text_plain_and_compressed(tmp_path, content, pack):
    (log,) = read_tables(write(tmp_path / "run.csv.gz", pack(content.encode())))
    assert (log.name, log.source) == ("run", str(tmp_path / "run.csv.gz"))
    assert log.format.startswith("CSV")
    assert log.notes == ()
    holds(log)


def test_zstd(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    content = arrow.Codec("zstd").compress(TABLE.encode(), asbytes=True)
    (log,) = read_tables(write(tmp_path / "run.csv.zst", content))
    assert log.format == "CSV (zstd)"
    holds(log)


def test_json_lines(tmp_path):
    (log,) = read_tables(write(tmp_path / "run", LINES))
    assert log.format == "JSON lines"
    holds(log)
    nested = LINES.replace('"train/loss": 4.25', '"train": {"loss": 4.25}')
    holds(read_tables(write(tmp_path / "run", nested))[0])


@pytest.mark.parametrize("kind", ["parquet", "arrow", "stream"])
def test_arrow_files(tmp_path, kind):
    arrow = pytest.importorskip("pyarrow")
    path = write_arrow(arrow.table(NULLS), tmp_path / "run", kind)
    (log,) = read_tables(path)
    assert log.format == ("Parquet" if kind == "parquet" else "Arrow")
    holds(log)
    holds(read_tables(path, columns=["train/loss"])[0], {"train/loss": COLUMNS["train/loss"]})


def write_arrow(table, path, kind):
    if kind == "parquet":
        pytest.importorskip("pyarrow.parquet").write_table(table, path, row_group_size=2)
        return path
    ipc = pytest.importorskip("pyarrow.ipc")
    new = ipc.new_stream if kind == "stream" else ipc.new_file
    with path.open("wb") as file, new(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return path


def frames():
    return [
        pytest.param(lambda: COLUMNS, id="dict"),
        pytest.param(lambda: {n: np.array(v) for n, v in COLUMNS.items()}, id="arrays"),
        pytest.param(lambda: pytest.importorskip("pandas").DataFrame(NULLS), id="pandas"),
        pytest.param(
            lambda: pytest.importorskip("pandas").DataFrame(NULLS).convert_dtypes(), id="nullable"
        ),
        pytest.param(lambda: pytest.importorskip("polars").DataFrame(NULLS), id="polars"),
        pytest.param(lambda: pytest.importorskip("pyarrow").table(NULLS), id="pyarrow"),
        pytest.param(
            lambda: pytest.importorskip("narwhals").from_native(
                pytest.importorskip("polars").DataFrame(NULLS)
            ),
            id="narwhals",
        ),
    ]


@pytest.mark.parametrize("make", frames())
def test_frames(make):
    frame = make()
    (log,) = read_tables(frame, name="a")
    assert (log.name, log.source) == ("a", "a")
    assert read_tables(frame)[0].source == "data"
    holds(log)
    holds(read_tables(frame, columns=["step"])[0], {"step": COLUMNS["step"]})


def test_numbers_of_other_types_stand_among_text():
    mixed = [np.float32(5.5), "NaN", np.int64(4), Decimal("3.5"), None]
    columns = {"step": np.arange(5), "loss": np.array(mixed, dtype=object)}
    (log,) = read_tables(columns, columns=["step", "loss"])
    np.testing.assert_array_equal(log.columns["loss"], [5.5, np.nan, 4, 3.5, np.nan])
    assert dict(log.nans) == {"loss": 1}
    polars = pytest.importorskip("polars")
    (log,) = read_tables(polars.DataFrame({"loss": [Decimal("5.5"), None, Decimal("4.25")]}))
    assert log.columns["loss"].tolist() == [5.5, 4.25]
    with pytest.raises(ValueError, match=r"data: row 0: loss is Decimal\('sNaN'\); expected a nu"):
        read_tables({"loss": [Decimal("sNaN")]}, columns=["loss"])
    with pytest.raises(ValueError, match=r"data: row 0: loss is True; expected a number"):
        read_tables({"loss": np.array([np.True_, "1"], dtype=object)}, columns=["loss"])


@pytest.mark.parametrize("kind", ["series", "unnamed", "empty", "curve"])
def test_a_table_without_named_columns_is_refused(kind):
    pandas = pytest.importorskip("pandas")
    source = {
        "series": lambda: pandas.Series([3.0, 2.0]),
        "unnamed": lambda: pandas.DataFrame([[0, 3.0], [1, 2.0]]),
        "empty": dict,
        "curve": lambda: lf.Curve([0, 1], [3.0, 2.0]),
    }[kind]()
    name = type(source).__name__
    with pytest.raises(TypeError, match=f"data is a {name} that names no columns; expected a ma"):
        read_tables(source)


def test_arrays_are_not_shared():
    loss = np.array([3.0, 2.0])
    (log,) = read_tables({"step": np.array([0.0, 1.0]), "loss": loss})
    log.columns["loss"][0] = 9.0
    assert loss[0] == 3.0


def test_a_plan_of_a_frame_is_refused():
    frame = pytest.importorskip("polars").LazyFrame(NULLS)
    with pytest.raises(TypeError, match=r"data is a LazyFrame, not read yet; give its collect\(\)"):
        read_tables(frame)


def test_formats_by_content(tmp_path):
    assert table_format(write(tmp_path / "a.parquet", TABLE)) == "CSV"
    assert table_format(write(tmp_path / "a.csv", LINES)) == "JSON lines"
    assert table_format(write(tmp_path / "a.csv", gzip.compress(LINES.encode()))) == (
        "JSON lines (gzip)"
    )
    assert table_format(write(tmp_path / "a.csv", " \n")) is None


# Which columns


def test_only_columns_that_are_needed(tmp_path):
    path = write(tmp_path / "run.csv", TABLE)
    names = []
    (log,) = read_tables(path, columns=lambda found: names.extend(found) or ["train/loss", "step"])
    assert names == ["step", "lr", "train/loss"]
    holds(log, {name: COLUMNS[name] for name in ("step", "train/loss")})


@pytest.mark.parametrize(
    "make",
    [
        lambda path: write(path, TABLE),
        lambda path: write(path, LINES),
        lambda path: COLUMNS,
        lambda path: write_arrow(pytest.importorskip("pyarrow").table(NULLS), path, "parquet"),
    ],
)
def test_a_column_that_is_not_there_is_refused(tmp_path, make):
    source = make(tmp_path / "run")
    with pytest.raises(ValueError, match="column 'setp' is missing; did you mean 'step'"):
        read_tables(source, columns=["step", "setp"])
    with pytest.raises(ValueError, match="column 'model' is missing; expected one of 'step'"):
        read_tables(source, columns=["step"], by="model")


def test_text_is_passed_over_and_a_loss_of_text_is_told(tmp_path):
    text = "step,split,loss,val_loss\n0,train,5.5,a\n1,7,4.5,b\n"
    for source in (write(tmp_path / "run.csv", text), {
        "step": [0, 1], "split": ["train", "7"], "loss": [5.5, 4.5], "val_loss": ["a", "b"]
    }):  # fmt: skip
        (log,) = read_tables(source)
        holds(log, {"step": [0, 1], "loss": [5.5, 4.5]})
        assert log.notes == ("passed over val_loss: its first value is no number",)


def test_rows_and_columns_with_nothing_are_left_out(tmp_path):
    (log,) = read_tables(write(tmp_path / "run.csv", "step,loss,x\n0,5,\n,,\n2,4,NA\n"))
    holds(log, {"step": [0, 2], "loss": [5, 4]})
    (log,) = read_tables(tmp_path / "run.csv", columns=["step", "x"])
    holds(log, {"step": [0, 2]})
    assert log.notes == ("x has no value",)


def test_columns_come_in_the_order_of_the_table(tmp_path):
    columns = {"b": [np.nan, 1], "a": [2, np.nan], "c": [3, 4]}
    for text in ("b,a,c\n,2,3\n1,,4\n", '{"b":null,"a":2,"c":3}\n{"b":1,"c":4}\n'):
        path = write(tmp_path / "t", text)
        holds(read_tables(path)[0], columns)
        (log,) = read_tables(path, columns=["c", "b"])
        assert list(log.columns) == ["b", "c"]


def test_nan_that_was_logged_is_told_from_nothing(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    values = [np.nan, None, 2.0]
    for source in (
        write(tmp_path / "a", "step,loss\n0,nan\n1,\n2,2.0\n"),
        write(tmp_path / "b", '{"step":0,"loss":NaN}\n{"step":1}\n{"step":2,"loss":2.0}\n'),
        write_arrow(arrow.table({"step": [0, 1, 2], "loss": values}), tmp_path / "c", "parquet"),
        {"step": [0, 1, 2], "loss": values},
        {"step": [0, 1, 2], "loss": np.ma.masked_equal([np.nan, -1, 2.0], -1)},
        pytest.importorskip("polars").DataFrame({"step": [0, 1, 2], "loss": values}, strict=False),
    ):
        (log,) = read_tables(source)
        assert dict(log.nans) == {"loss": 1}
        np.testing.assert_array_equal(log.columns["loss"], [np.nan, np.nan, 2.0])
    frame = pytest.importorskip("pandas").DataFrame({"step": [0, 1, 2], "loss": [np.nan, None, 2]})
    assert not read_tables(frame)[0].nans  # it has one NaN for both


# Several runs


LONG = "run,step,loss\nb,0,5.0\na,0,6.0\nb,1,4.0\n,1,9.0\na,1,nan\n"


def dictionary_encoded(columns, name):
    """An Arrow table in memory, with a column that is numbers of words."""
    arrow = pytest.importorskip("pyarrow")
    arrays = {key: arrow.array(values) for key, values in columns.items()}
    return arrow.table({**arrays, name: arrays[name].dictionary_encode()})


@pytest.mark.parametrize("by", [None, "run"])
@pytest.mark.parametrize(
    "kind", ["csv", "quoted", "jsonl", "parquet", "dict", "masked", "words", "narwhals"]
)
def test_runs_of_a_long_table(tmp_path, by, kind):
    columns = {"run": ["b", "a", "b", None, "a"], "step": [0, 0, 1, 1, 1],
               "loss": [5.0, 6.0, 4.0, 9.0, np.nan]}  # fmt: skip
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    source = {
        "csv": lambda: write(tmp_path / "t", LONG),
        "quoted": lambda: write(tmp_path / "t", LONG.replace("a,", '"a",').replace("b,", '"b",')),
        "jsonl": lambda: write(tmp_path / "t", "".join(json.dumps(row) + "\n" for row in rows)),
        "parquet": lambda: write_arrow(
            pytest.importorskip("pyarrow").table(columns), tmp_path / "t", "parquet"
        ),
        "dict": lambda: columns,
        "masked": lambda: {
            **columns,
            "run": np.ma.array(list("bab?a"), mask=[False, False, False, True, False]),
        },
        "words": lambda: dictionary_encoded(columns, "run"),
        "narwhals": lambda: pytest.importorskip("narwhals").from_native(
            dictionary_encoded(columns, "run")
        ),
    }[kind]()
    b, a = read_tables(source, by=by)
    assert (b.name, a.name) == ("b", "a")
    holds(b, {"step": [0, 1], "loss": [5, 4]})
    holds(a, {"step": [0, 1], "loss": [6, np.nan]})
    assert (dict(b.nans), dict(a.nans)) == ({}, {"loss": 1})
    told = ["passed over 1 row without run"]
    assert list(b.notes) == (told if by else ["one run for each value of run", *told])


def test_runs_by_a_column_of_numbers(tmp_path):
    path = write(tmp_path / "t", "seed,step,loss\n1,0,5.0\n2,0,6.0\n")
    assert [log.name for log in read_tables(path, by="seed")] == ["1", "2"]
    assert len(read_tables(path)) == 1


@pytest.mark.parametrize("kind", ["csv", "jsonl", "dict"])
def test_a_column_of_runs_with_nothing_in_it_tells_none_apart(tmp_path, kind):
    columns = {"run": [None, None], "step": [0, 1], "loss": [5.0, 4.0]}
    source = {
        "csv": lambda: write(tmp_path / "t", "run,step,loss\n,0,5.0\n,1,4.0\n"),
        "jsonl": lambda: write(
            tmp_path / "t",
            '{"run": null, "step": 0, "loss": 5.0}\n{"run": null, "step": 1, "loss": 4.0}\n',
        ),
        "dict": lambda: columns,
    }[kind]()
    (log,) = read_tables(source)
    holds(log, {"step": [0, 1], "loss": [5, 4]})
    assert log.notes == ("run has no value: all rows are one run",)
    with pytest.raises(ValueError, match="run has no value"):
        read_tables(source, by="run")


def test_a_folder_is_one_table(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    for run, part, begin in (("b", 0, 0), ("b", 1, 2), ("a", 0, 0)):
        folder = tmp_path / f"run={run}"
        folder.mkdir(exist_ok=True)
        table = arrow.table({"step": [begin, begin + 1], "loss": [5.0 - begin, 4.0 - begin]})
        write_arrow(table, folder / f"part-{part}.parquet", "parquet")
    a, b = read_tables(tmp_path)
    assert (a.name, b.name, a.format) == ("a", "b", "3 files")
    holds(a, {"step": [0, 1], "loss": [5, 4]})
    holds(b, {"step": [0, 1, 2, 3], "loss": [5, 4, 3, 2]})
    (b,) = read_tables(tmp_path / "run=b")
    holds(b, {"step": [0, 1, 2, 3], "loss": [5, 4, 3, 2]})
    part = arrow.table({"step": [9], "loss": [1.0]})
    for name, message in (("0.parquet", "run tells runs apart from row 1 on"),
                          ("z.parquet", r"z.parquet: column 'run' is missing")):  # fmt: skip
        stray = write_arrow(part, tmp_path / name, "parquet")
        with pytest.raises(ValueError, match=message):
            read_tables(tmp_path)
        stray.unlink()
    (tmp_path / "x").mkdir()
    with pytest.raises(FileNotFoundError, match="no Parquet or Arrow file lies in this folder"):
        read_tables(tmp_path / "x")


# By pyarrow, by Python's floats and cell by cell


def table_of(rows, odd=()):
    """Lines of a table with text and holes, and what is unusual in places."""
    made = ["step,note,lr,loss"]
    for k in range(rows):
        loss = "" if k % 7 == 3 else "nan" if k % 11 == 5 else repr(5.0 - k / rows)
        made.append(f"{k},a_{k % 3},{1e-3 / (k + 1)!r},{loss}")
        made += odd if k % 1000 == 500 else []
    return "\n".join(made) + "\n"


ODD = [
    [],
    ["# a comment", ""],
    ["step,note,lr,loss"],
    ["  ", '7," x",None,nUlL'],
    ['8,"a,b",1e-3,2.5'],
    [" 9 , a , 1e-3 , 2.5 "],
]


@pytest.mark.parametrize("odd", ODD)
def test_all_ways_to_read_a_table_agree(tmp_path, monkeypatch, odd):
    pytest.importorskip("pyarrow")
    path = write(tmp_path / "t.csv", table_of(30_000, odd))
    (fast,) = read_tables(path)
    no_pyarrow(monkeypatch)
    (plain,) = read_tables(path)
    monkeypatch.setattr(csv_table.CsvTable, "_read_fast", lambda self, text: None)
    (exact,) = read_tables(path)
    for log in (fast, plain):
        holds(log, exact.columns)
        assert dict(log.nans) == dict(exact.nans)
    assert exact.nans["loss"] > 1000
    assert len(exact.columns["step"]) >= 30_000


def test_a_column_of_text_stays_one_whatever_is_read_ahead(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(csv_table, "_MANY", 0)
    monkeypatch.setattr(lines, "_BLOCK", 2**15)
    notes = [""] * 5_000 + ["text"] * 10 + ["7"] * 10_000
    rows = "".join(f"{k},{note},5.5\n" for k, note in enumerate(notes))
    (log,) = read_tables(write(tmp_path / "t.csv", "step,note,loss\n" + rows))
    assert list(log.columns) == ["step", "loss"]


@pytest.mark.parametrize("odd", ['{"step": 3, "a": 1, "step": 4}', '{"step": 3', "[3]"])
def test_json_lines_are_parsed_together_and_refused_one_by_one(tmp_path, odd):
    made = [json.dumps({"step": k, "loss": 5 - k / 1e5}) for k in range(20_000)]
    path = write(tmp_path / "t", "\n".join(made) + "\n")
    (log,) = read_tables(path)
    holds(log, {"step": range(20_000), "loss": [5 - k / 1e5 for k in range(20_000)]})
    made[12_345] = odd
    with pytest.raises(ValueError, match=r"t: line 12346"):
        read_tables(write(path, "\n".join(made) + "\n"))


numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(st.integers(0, 2**53 - 1), numbers), min_size=1, max_size=20))
def test_numbers_come_back_exactly(tmp_path_factory, pairs):
    path = tmp_path_factory.mktemp("numbers") / "log"
    columns = dict(zip(("step", "loss"), map(list, zip(*pairs, strict=True)), strict=True))
    for text in (
        "step,loss\n" + "".join(f"{step},{loss!r}\n" for step, loss in pairs),
        "".join(f'{{"step": {step}, "loss": {loss!r}}}\n' for step, loss in pairs),
    ):
        holds(read_tables(write(path, text))[0], columns)


# Limits


def test_what_is_kept_is_bounded(tmp_path):
    path = write(tmp_path / "run.csv", "step,loss\n" + "1,2\n" * 1000)
    message = "more than 16000 bytes of numbers; name the columns that are needed"
    with pytest.raises(ValueError, match=message):
        read_tables(path, max_bytes=16_000)
    assert len(read_tables(path, max_bytes=24_000)[0].columns["loss"]) == 1000


def test_without_pyarrow_text_is_read_and_parquet_is_refused(tmp_path, monkeypatch):
    holds(read_tables(write(tmp_path / "a", TABLE))[0])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(_extras.MissingExtra, match=r"b is Parquet, and pyarrow is not installed"):
        read_tables(write(tmp_path / "b", b"PAR1...."))
    with pytest.raises(_extras.MissingExtra, match=r"c is compressed with zstd, and pyarrow is n"):
        read_tables(write(tmp_path / "c", b"\x28\xb5\x2f\xfd...."))
