"""Parquet and Arrow that are damaged, or hold other things than numbers."""

import numpy as np
import pytest

from lawfit.io.tables import read_tables
from table_files import COLUMNS, refused


def test_e30_parquet_that_is_damaged(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "run.parquet"
    parquet.write_table(arrow.table(COLUMNS), path)
    content = path.read_bytes()
    for end in (5, 20, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:end])
        refused(path, "is Parquet that can't be read: ")
    for at in range(4, len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])
        try:
            read_tables(path)
        except (ValueError, TypeError) as error:
            assert str(error).startswith(str(path))  # noqa: PT017 - it may also be read
    path.write_bytes(b"PARE" + content[4:])
    refused(path, "is encrypted Parquet")


@pytest.mark.parametrize("stream", [False, True])
def test_e30_arrow_that_is_damaged(tmp_path, stream):
    arrow, ipc = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.ipc")
    path, table = tmp_path / "run.arrow", arrow.table({**COLUMNS, "tag": ["a", "b", "c"]})
    new = ipc.new_stream if stream else ipc.new_file
    with path.open("wb") as file, new(file, table.schema) as writer:
        writer.write_table(table)
    content = path.read_bytes()
    for at in range(8, len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])
        try:
            read_tables(path)
        except (ValueError, TypeError) as error:
            assert str(error).startswith(str(path))  # noqa: PT017 - it may also be read


def test_e30_parquet_of_all_types(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "run.parquet"
    table = arrow.table(
        {
            "step": arrow.array([0, 1, None], arrow.uint8()),
            "loss": arrow.array([5.5, None, 4.5], arrow.float32()),
            "half": arrow.array([1.5, None, 2.5], arrow.float16()),
            "lr": arrow.array(["0.1", None, "0.2"]).cast(arrow.decimal128(5, 2)),
            "coded": arrow.array([1, None, 2]).dictionary_encode(),
            "none": arrow.nulls(3),
            "time": arrow.array([0, None, 1], arrow.timestamp("us")),
            "done": arrow.array([True, None, False]),
            "list": arrow.array([[1], None, [2]]),
            "text": arrow.array(["a", None, "1"]).dictionary_encode(),
            "seed": arrow.array([1, None, 2**53 + 1]),
            "flops": arrow.array([5, None, 2**60]),
        }
    )
    parquet.write_table(table, path)
    (log,) = read_tables(path)
    nan = np.nan
    expected = {"step": [0, 1, nan], "loss": [5.5, nan, 4.5], "half": [1.5, nan, 2.5],
                "lr": [0.1, nan, 0.2], "coded": [1, nan, 2], "flops": [5, nan, 2**60]}  # fmt: skip
    assert list(log.columns) == list(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(log.columns[name], values)
    assert set(log.notes) == {
        "passed over time: it has type timestamp[us]",
        "passed over done: it has type bool",
        "passed over list: it has type list<element: int64>",
        "passed over seed: row 2 is 9007199254740993, which no float64 equals",
    }
    with pytest.raises(TypeError, match=r"column 'time' has type timestamp\[us\]; expected"):
        read_tables(path, columns=["time"])
    refused(path, "seed at row 2 is 9007199254740993, which no float64", columns=["seed"])
    refused(path, "row 0: text is 'a'; expected a number", columns=["text"])
    parquet.write_table(table[:0], path)
    refused(path, "has 0 rows")
