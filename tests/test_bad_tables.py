"""Tables in files that are damaged, odd or hostile: read for what they are, or refused by place."""

import bz2
import gzip
import lzma
import os
import pickle
import resource
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from lawfit.io.tables import read_tables
from table_files import COLUMNS, refused

TABLE = "step,loss,lr\n0,5.5,1e-3\n1,4.5,2e-3\n2,4.0,1e-3\n"
LINES = '{"step": 0, "loss": 5.5}\n{"step": 1, "loss": 4.5}\n'


@pytest.fixture
def write(tmp_path):
    def write(content, name="run.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def holds(path, columns=COLUMNS, notes=()):
    (log,) = read_tables(path)
    assert list(log.columns) == list(columns)
    for name, values in columns.items():
        np.testing.assert_array_equal(log.columns[name], values)
    assert log.notes == notes
    return log


def long(rows):
    """A table whose blocks are parsed at once."""
    return "step,loss,lr\n" + "".join(f"{k},{5 - k / rows},1e-3\n" for k in range(rows))


# Places and encodings


def test_e01_missing_and_special_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_tables(tmp_path / "missing.csv")
    with pytest.raises(FileNotFoundError, match="no Parquet or Arrow file lies in this folder"):
        read_tables(tmp_path)
    refused(Path(os.devnull), "is no regular file")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        refused(tmp_path / "pipe", "is no regular file")


def test_e01_a_file_that_may_not_be_read(write):
    path = write(TABLE)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(PermissionError):
        read_tables(path)


def test_e02_byte_order_mark(write):
    holds(write("\ufeff" + TABLE))
    holds(write(gzip.compress(("\ufeff" + TABLE).encode())))
    holds(write("\ufeff" + LINES), {"step": [0, 1], "loss": [5.5, 4.5]})


def test_e03_utf_16(write):
    refused(write(TABLE.encode("utf-16")), "is UTF-16; expected UTF-8")
    refused(write(TABLE.encode("utf-16-be")), "line 1: byte 0 is a NUL byte; expected text")


def test_e04_latin_1(write):
    refused(write("step,größe\n1,2\n".encode("latin-1")), "line 1: byte 7 is no UTF-8")
    refused(write("step,loss\n1,2\n2,é\n".encode("latin-1")), "line 3: byte 2 is no UTF-8")
    holds(write("step,größe\n1,2\n"), {"step": [1], "größe": [2]})


# Headers


def test_e05_semicolons_and_decimal_commas(write):
    holds(write(TABLE.replace(",", ";")))
    refused(write("step;loss\n1;2.5\n2;2,5\n"), "line 3: loss is '2,5'; expected a number")
    refused(write("step loss lr\n1 2 3\n"), "line 1 has one column, 'step loss lr'; expected names")
    refused(write("step|loss\n1|2\n"), "line 1 has one column, 'step|loss'; expected names between")


def test_e06_a_name_twice(write):
    refused(write("step,loss,loss\n1,2,3\n"), "line 1: the column 'loss' is twice in the header")
    holds(write(",step,loss,\n0,1,2.5,\n"), {"step": [1], "loss": [2.5]})  # a frame's index


def test_e07_a_missing_column(write):
    message = "line 1: column 'los' is missing; did you mean 'loss'? (one of 'step', 'loss', 'lr')"
    refused(write(TABLE), message, columns=["step", "los"])
    refused(write("1,2\n3,4\n"), "line 1 has numbers; expected a header with the columns' names")


# Rows and cells


@pytest.mark.parametrize("rows", [5, 5_000, 40_000])
def test_e08_rows_too_short_or_too_long(write, rows):
    lines = long(rows).splitlines()
    for bad, count in (("1", 1), ("1,2,3,4", 4), ("1,2", 2)):
        changed = [*lines[: rows // 2], bad, *lines[rows // 2 :]]
        path = write("\n".join(changed) + "\n")
        refused(path, f"line {rows // 2 + 1} has {count} cells; the header has 3")
    # as many cells in all; and with the end of the first line as many as one line has
    for second in ("2,3,4,5,6", "2"):
        swapped = [*lines[: rows // 2], "1", second, *lines[rows // 2 :]]
        refused(write("\n".join(swapped) + "\n"), f"line {rows // 2 + 1} has 1 cells")


def test_e09_nothing_but_a_header(write):
    refused(write("step,loss\n"), "has 0 rows")
    refused(write("# a comment\nstep,loss\n\n"), "has 0 rows")
    refused(write(""), "is empty")
    refused(write(" \n\n"), "is empty")
    refused(write(gzip.compress(b"")), "is empty")
    refused(write("step,loss"), "has 0 rows; left out the last line, whose end is not there (9 b")
    refused(write("a,b\nx,y\n"), "has no column of numbers")


@pytest.mark.parametrize("rows", [5, 40_000])
@pytest.mark.parametrize("word", ["", "NA", "N/A", "<NA>", "null", "NULL", "None", "-", '"NA"'])
def test_e10_what_is_missing(write, word, rows):
    (log,) = read_tables(write(long(rows).replace(f"\n2,{5 - 2 / rows},", f"\n2,{word},")))
    assert np.flatnonzero(np.isnan(log.columns["loss"])).tolist() == [2]
    assert not log.nans


@pytest.mark.parametrize("rows", [5, 40_000])
@pytest.mark.parametrize("word", ["nan", "NaN", "inf", "-inf", "Infinity"])
def test_e10_what_is_not_finite(write, word, rows):
    (log,) = read_tables(write(long(rows).replace(f"\n2,{5 - 2 / rows},", f"\n2,{word},")))
    np.testing.assert_equal(log.columns["loss"][2], float(word))
    assert dict(log.nans) == ({"loss": 1} if "n" == word[-1].lower() else {})


@pytest.mark.parametrize("rows", [5, 40_000])
@pytest.mark.parametrize("word", ["x", "1.5x", "0x1p3", "1_000", '"1,000"', "1.2.3", "1e", "--1"])
def test_e11_what_is_no_number_among_numbers(write, word, rows):
    path = write(long(rows).replace(f"\n3,{5 - 3 / rows},", f"\n3,{word},"))
    message = f"line 5: loss is {word.strip(chr(34))!r}; expected a number"
    refused(path, message)
    (log,) = read_tables(path, columns=["step", "lr"])  # and it does not matter beside others
    assert len(log.columns["lr"]) == rows


def test_e12_nul_bytes(write):
    refused(write("step,loss\n1,2\0\n"), "line 2: byte 3 is a NUL byte; expected text")
    refused(write(long(40_000) + "1,\0,2\n"), "line 40002: byte 2 is a NUL byte; expected text")


@pytest.mark.parametrize(
    "content",
    [
        TABLE.replace("\n", "\r\n"),
        TABLE.replace("\n", "\r"),
        TABLE.replace("\n", "\n\n"),
        TABLE.replace("\n", "\r\n\r\n"),
        "\n\n# one\n" + TABLE.replace("\n1,", "\n  \n# two, 3, 4\n1,") + "# three\n\n",
    ],
)
def test_e13_line_ends_blank_lines_and_comments(write, content):
    holds(write(content))


def test_e13_a_carriage_return_among_line_feeds_is_no_line_end(write):
    refused(write("step,loss\n1,2\r3,4\n"), "line 2: new-line character seen in unquoted field")


def test_e14_quotes(write):
    quoted = "".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) + "\n" for line in TABLE.splitlines()
    )
    holds(write(quoted))
    refused(write('step,loss\n1,"2\n3,4\n'), "line 2: unexpected end of data")
    refused(write('step,loss\n1,2\n3,4"5\n'), "line 3: loss is '4\"5'; expected a number")
    refused(write('step,loss\n1,"2"5\n'), "line 2: ',' expected after '\"'")


@pytest.mark.parametrize("content", [TABLE, LINES])
def test_e15_a_last_line_cut_anywhere_is_left_out_and_told(write, content):
    (whole,) = read_tables(write(content))
    first = content.index("\n", content.index("\n") + 1) + 1  # the header and a row, or two rows
    for end in range(first, len(content)):
        (log,) = read_tables(write(content[:end]))
        rows = len(log.columns["step"])
        whole_line = content[end - 1] == "}"  # an object that is closed is whole without its end
        assert rows == content[:end].count("\n") - (content is TABLE) + whole_line
        for name, values in log.columns.items():
            assert values.tolist() == whole.columns[name].tolist()[:rows]
        assert len(log.notes) == (content[end - 1] not in "\n}")


@pytest.mark.parametrize("loss", ["4", "4.25", "NaN"])
def test_e15_a_last_line_of_quoted_cells_is_whole_without_its_end(write, loss):
    """As those of charts from Weights & Biases, which end without one."""
    content = f'"step","loss","lr"\n"0","5.5","1e-3"\n"1","{loss}","2e-3"'
    (log,) = read_tables(write(content))
    assert log.columns["step"].tolist() == [0, 1]
    assert log.notes == ()
    second = content.rindex("\n") + 1
    for end in range(second + 1, len(content)):
        (log,) = read_tables(write(content[:end]))
        assert log.columns["step"].tolist() == [0]
        assert "left out the last line" in log.notes[0]


def test_e15_a_last_line_of_other_bytes_is_left_out(write):
    for last in (b'{"step": 1, "loss": "\xc3', b"{}\0", b'{"step": 1}, ', b"[1]", b"3"):
        (log,) = read_tables(write(b'{"step": 0, "loss": 5.5}\n' + last))
        assert log.columns["step"].tolist() == [0]
        assert "left out the last line" in log.notes[0]


def test_e16_a_repeated_header(write):
    again = TABLE + "step,loss,lr\n1,4.25,2e-3\n"
    holds(write(again), {"step": [0, 1, 2, 1], "loss": [5.5, 4.5, 4, 4.25],
                         "lr": [1e-3, 2e-3, 1e-3, 2e-3]})  # fmt: skip
    refused(write(TABLE + "step,lr,loss\n1,2e-3,4.25\n"), "line 5: step is 'step'; expected a numb")
    with pytest.raises(ValueError, match="line 4: nan is 'x'; expected a number"):
        read_tables(write("step,nan\n1,2\nstep,nan\n1,x\n"), columns=["nan"])
    (log,) = read_tables(write("step,nan\n1,2\nstep,nan\n1,3\n"), columns=["nan"])
    assert log.columns["nan"].tolist() == [2, 3]  # a name may read as a value


# Compressed


KINDS = pytest.mark.parametrize("kind", ["gzip", "xz", "zstd"])


def packed(kind, *parts):
    """Text compressed part by part, as one stream where that can be done with little memory."""
    if kind == "zstd":
        codec = pytest.importorskip("pyarrow").Codec("zstd")
        return codec.compress(b"".join(parts), asbytes=True)
    packer = (
        zlib.compressobj(6, zlib.DEFLATED, 31) if kind == "gzip" else lzma.LZMACompressor(preset=0)
    )
    return b"".join([*map(packer.compress, parts), packer.flush()])


@KINDS
def test_e17_compressed_data_cut_off_or_damaged(write, kind):
    content = packed(kind, long(50_000).encode())
    for end in (len(content) - 1, len(content) // 2, 20):
        refused(write(content[:end]), f"the {kind} data are damaged or cut off after ")
    middle = len(content) // 2
    changed = bytes(255 - byte for byte in content[middle : middle + 8])
    refused(write(content[:middle] + changed + content[middle + 8 :]), f"the {kind} data are ")
    with pytest.raises(ValueError, match=r"bytes of text \(.*\), after [1-9]\d+ whole lines"):
        read_tables(write(content[: len(content) - 20]))


@KINDS
def test_e18_compression_is_by_content(write, kind):
    (log,) = read_tables(write(packed(kind, long(50_000).encode()), "run.csv"))
    assert (log.format, log.name) == (f"CSV ({kind})", "run")
    holds(write(TABLE, "run.csv.gz"))


def test_e19_several_members(write):
    parts = [part.encode() for part in TABLE.splitlines(keepends=True)]
    holds(write(b"".join(map(gzip.compress, parts))))
    holds(write(b"".join(map(lzma.compress, parts)) + bytes(8)))
    arrow = pytest.importorskip("pyarrow")
    holds(write(b"".join(arrow.Codec("zstd").compress(part, asbytes=True) for part in parts)))


@KINDS
def test_e20_text_that_grows_without_bounds(write, kind):
    line = b"1,2.00000000000000000000000000000000000000\n" * 2**14
    content = packed(kind, b"step,loss\n", *[line] * 150)
    assert len(content) * 200 < 150 * len(line)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(write(content), f"bytes of {kind} hold more than")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 256 * 1024


def test_e20_an_endless_line_and_a_dictionary_too_large(write):
    endless = b"step,loss\n1," + b"2" * 2**21
    refused(write(gzip.compress(endless)), "line 2 has more than 1048576 bytes")
    refused(write(endless + b"\n"), "line 2 has more than 1048576 bytes")
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 2**29}]
    refused(write(lzma.compress(TABLE.encode(), filters=filters)), "Memory usage limit exceeded")


def test_e20_parquet_that_grows_without_bounds(write, tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = arrow.table({"step": np.zeros(2**24), "loss": np.arange(2**24) % 7 + 0.0})
    parquet.write_table(table, tmp_path / "a", use_dictionary=False, compression="zstd")
    refused(tmp_path / "a", "bytes of Parquet hold ")
    rows = arrow.table({"step": np.zeros(2**20), "loss": np.zeros(2**20)})
    parquet.write_table(rows, tmp_path / "b")  # a run of a million zeros is a few bytes
    refused(tmp_path / "b", "more than 1000000 bytes of numbers", max_bytes=10**6)


# JSON lines


def test_e21_e22_e23_e24_e25_json_lines(write):
    refused(write('{"step": 0, "lo\n{"step": 1}\n'), "line 1: this is no JSON")
    (log,) = read_tables(write('{"step": 0, "loss": NaN}\n{"step": 1, "loss": -Infinity}\n'))
    assert dict(log.nans) == {"loss": 1}
    assert log.columns["loss"][1] == -np.inf
    for twice in (
        '"step": 1, "step": 2',
        '"step": 1, "step": 2, "x" : 3',
        '"y"\t: 1, "step" : 2, "y": 3',
    ):
        refused(write(f'{{"step": 0}}\n{{{twice}}}\n'), " comes twice in one object")
    holds(write('{"step": "0", "loss": "5.5"}\n\n{"step": "1", "loss": null}\n'),
          {"step": [0, 1], "loss": [5.5, np.nan]})  # fmt: skip
    refused(write('{"step": 0}\n{"step": true}\n'), "line 2: step is True; expected a number")
    refused(write('{"step": 0}\n[1]\n'), "line 2 is [1]; expected a JSON object")
    refused(write("[1, 2]\n"), "is a JSON list; expected an object a line")
    refused(write('{"a": ' + "[" * 10**5 + "\n"), "line 1")
    refused(write('{"step": ' + "9" * 5000 + "}\n"), "a number of 5000 characters")
    refused(write('{"step": 1e999}\n'), "is beyond float64")
    refused(write('{"step": 1}\n{"a": "' + "x" * 2**21), "line 2 has more than 1048576 bytes")
    refused(write('{"step": 0,\n"loss": 1},{"step": 1, "loss": 2}\n'), "line 1: this is no JSON")


# Exports, Parquet, and what is no table


WANDB = (
    '"Step","a - x - train/loss","a - x - train/loss__MIN","a - x - train/loss__MAX",'
    '"b - train/loss","b - train/loss__MIN","b - train/loss__MAX"\n'
    '"0","5.5","5.5","5.5","6","6","6"\n'
    '"1","","","","5","5","5"\n'
    '"2","4.5","4.5","4.5","NaN","NaN","NaN"\n'
)


def test_e29_charts_of_weights_and_biases(write):
    path = write(WANDB)
    a, b = read_tables(path)
    assert (a.name, b.name) == ("a - x", "b")
    assert {name: v.tolist() for name, v in a.columns.items()} == {
        "Step": [0, 2], "train/loss": [5.5, 4.5]
    }  # fmt: skip
    np.testing.assert_array_equal(b.columns["Step"], [0, 1])
    np.testing.assert_array_equal(b.columns["train/loss"], [6, 5])
    assert dict(b.nans) == {"train/loss": 1}
    told = "columns named 'run - metric' are 2 runs; passed over 4 of minima and maxima"
    assert a.notes == b.notes == (told + " (__MIN, __MAX)",)
    assert read_tables(path, columns=["Step", "train/loss"])[0].columns.keys() == a.columns.keys()
    refused(path, "line 1: column 'val' is missing; expected one of 'Step', 'train/loss'",
            columns=["val"])  # fmt: skip
    frame = pytest.importorskip("polars").read_csv(path)
    assert [(log.name, dict(log.nans)) for log in read_tables(frame)] == [
        ("a - x", {}), ("b", {"train/loss": 1})
    ]  # fmt: skip
    (alone,) = read_tables(write(WANDB.replace('"5.5","5.5","5.5"', '"","",""').replace("4.5", "")))
    assert alone.name == "b"
    assert alone.notes == (
        told + " (__MIN, __MAX)",
        "passed over the runs a - x: they have no value",
    )
    same = WANDB.replace("a - x", "b")
    refused(write(same), "line 1: the column 'b - train/loss' is twice in the header")


def test_e29_history_of_weights_and_biases(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {
        "_step": [0, 1, 2, 3],
        "_timestamp": [1.7e9, None, None, 1.7e9 + 1],
        "train/loss": ["5.5", None, "NaN", "4.5"],
        "val/loss": [None, 4.5, None, None],
        "gradients/layer": [None, {"bins": [1, 2]}, None, None],
    }
    parquet.write_table(arrow.table(columns), tmp_path / "0000.parquet")
    (log,) = read_tables(tmp_path / "0000.parquet")
    np.testing.assert_array_equal(log.columns["train/loss"], [5.5, np.nan, np.nan, 4.5])
    np.testing.assert_array_equal(log.columns["val/loss"], [np.nan, 4.5, np.nan, np.nan])
    assert dict(log.nans) == {"train/loss": 1}
    assert any(note.startswith("passed over gradients/layer: it has type") for note in log.notes)


def test_e31_what_is_no_table_is_never_loaded(write, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "canary",))

    for content in (pickle.dumps(Bomb()), pickle.dumps(Bomb(), protocol=0)):
        refused(write(content + b"\n"), "line 1")
    np.save(tmp_path / "run.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    refused(tmp_path / "run.npy", "line 1: byte ")
    with zipfile.ZipFile(tmp_path / "run.pt", "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(Bomb()))
    refused(tmp_path / "run.pt", "is a zip archive; expected a table")
    refused(write(bz2.compress(TABLE.encode())), "is compressed with bzip2; expected gzip, xz or")
    assert not (tmp_path / "canary").exists()


def test_e38_names_are_printed_on_one_line(write):
    refused(write("step,\x1b[2Jlo\u202ess\n1,2\n2,x\n"), r"line 3: \x1b[2Jlo\u202ess is 'x'")
    (log,) = read_tables(write("run\x1b]0;x,step,loss\na,1,2\n"), by="run\x1b]0;x")
    assert log.name == "a"
    assert all(note.isprintable() for note in log.notes)


def test_e42_what_is_appended_while_it_is_read_waits(write):
    path = write(long(40_000))
    expected = path.read_bytes()

    def choose(names):  # the file grows once its header is read
        with path.open("ab") as file:
            file.write(b"7,7,7\n" * 500_000)
        return names

    (log,) = read_tables(path, columns=choose)
    assert len(log.columns["loss"]) == expected.count(b"\n") - 1
