"""Tables and JSON lines: rows by names, what is missing, what is refused."""

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lawfit.io import open_log
from lawfit.io.rows import find_loss, find_lr, find_step
from log_files import read_all, read_in_pieces, rows

TABLE = "step,lr,train/loss\n0,1e-3,5.5\n25,2e-3,4.25\n50,,4.125\n"
ROWS = [
    (0, {"lr": 1e-3, "train/loss": 5.5}),
    (25, {"lr": 2e-3, "train/loss": 4.25}),
    (50, {"train/loss": 4.125}),
]
LINES = "".join(json.dumps({"step": step, **values}) + "\n" for step, values in ROWS)


@pytest.fixture
def write(tmp_path):
    def write(content, name="log"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def refused(path, message, **options):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at
        read_all(path, **options)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_names_of_steps_rates_and_losses():
    assert find_step(["epoch", "iter", "loss"]) == "iter"
    assert find_step(["_step", "trainer/global_step"]) == "trainer/global_step"
    assert find_step(["Step"]) == "Step"
    assert find_step(["time", "loss"]) is None
    assert find_lr(["lr-AdamW", "loss"]) == "lr-AdamW"
    assert find_lr(["train/learning_rate"]) == "train/learning_rate"
    for name in ("loss", "Loss", "train_loss", "train/loss", "val_loss", "Loss/train", "eval_loss",
                 "validation/loss", "train_loss_step", "training loss", "lm_loss"):  # fmt: skip
        assert find_loss(["step", name, "grad_norm"], "log") == name
    for name in ("loss_scale", "aux_loss_weight", "glossary", "lossless"):
        assert find_loss([name], "log") is None
    assert find_loss(["val_loss", "loss", "train_loss"], "log") == "loss"
    with pytest.raises(ValueError, match=r"log: several names .*: 'train_loss', 'val_loss'; choo"):
        find_loss(["train_loss", "lr", "val_loss"], "log")


@pytest.mark.parametrize(
    "content",
    [
        TABLE,
        TABLE.replace(",", "\t"),
        TABLE.replace(",", ";"),
        TABLE.replace("\n", "\r\n"),
        "\ufeff" + TABLE,
        "# made by a test\n\n" + TABLE.replace("25,", "# a comment\n\n25,"),
        TABLE.replace("50,", "step,lr,train/loss\n50,"),  # the header again
        TABLE.replace("lr", '"lr"').replace("4.25", '"4.25"'),
        TABLE.replace(",,", ",NA,").replace("25,", " 25 , "),
        TABLE.replace("\n25,", "\n25.0,"),
        LINES,
        LINES.replace('"train/loss": 4.25', '"train": {"loss": 4.25}'),
        LINES.replace("4.25", '"4.25"').replace('{"step": 50', '{"lr": null, "step": 50'),
        LINES.replace("\n", "\r\n\n"),
        LINES.replace("{", '{"msg": "x", "flags": [1, 2], "done": false, ', 1),
    ],
)
def test_the_same_rows_in_many_spellings(write, content):
    assert read_all(write(content)) == ROWS


def test_format_is_by_content_not_by_name(write):
    assert open_log(write(LINES, "log.csv")).title == "JSON lines"
    assert open_log(write(TABLE, "log.jsonl")).title == "CSV"


@pytest.mark.parametrize(
    "content",
    ["", "step,lo", "step,train/loss", "# only a comment", '{"step": 1, "lo', "  \n"],
)
def test_too_little_is_waited_for(write, content):
    assert open_log(write(content)) is None


def test_nothing_there_is_waited_for(tmp_path):
    assert open_log(tmp_path / "log") is None


def test_a_header_alone_has_no_rows(write):
    assert read_all(write("step,loss,lr\n")) == []


@pytest.mark.parametrize("word", ["nan", "NaN", "-inf", "Infinity"])
def test_losses_without_a_value_are_kept_as_such(write, word):
    (row,) = read_all(write(f"step,loss\n1,{word}\n"))
    assert not math.isfinite(row[1]["loss"])


def test_nan_and_infinity_as_python_writes_them_in_json(write):
    (first, second) = read_all(write('{"step": 1, "loss": NaN}\n{"step": 2, "loss": -Infinity}\n'))
    assert math.isnan(first[1]["loss"])
    assert second[1]["loss"] == -math.inf


@pytest.mark.parametrize("content", [TABLE, LINES])
def test_a_last_line_that_is_still_written_waits(write, content):
    path = write(content[:-1])
    reader = open_log(path)
    assert rows(reader) == ROWS[:-1]
    assert any("the last line has no end yet" in note for note in reader.notes())
    path.write_text(content + content.splitlines()[-1].replace("50", "75", 1))
    assert rows(reader) == ROWS[-1:]
    assert reader.restarts == 0


@given(
    cuts=st.lists(st.integers(0, len(TABLE)), min_size=1, max_size=4),
    content=st.sampled_from([TABLE, LINES]),
)
def test_a_file_cut_anywhere_gives_the_same_rows(tmp_path_factory, cuts, content):
    path = tmp_path_factory.mktemp("cut") / "log"
    assert read_in_pieces(path, content.encode(), sorted(cuts)) == ROWS


def test_a_log_that_is_written_anew_starts_over(write):
    path = write(TABLE)
    reader = open_log(path)
    assert rows(reader) == ROWS
    write("loss,step\n3.5,10\n")
    assert rows(reader) == [(10, {"loss": 3.5})]
    assert reader.restarts == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("step,loss\n1,2\n3\n", "line 3 has 1 cells; the header has 2"),
        ("step,loss\n1,2,3\n", "line 2 has 3 cells; the header has 2"),
        ("step,loss,loss\n1,2,3\n", "line 1: the column 'loss' is twice in the header"),
        ("time,loss\n1,2\n", "line 1: no column counts steps; the header has 'time', 'loss'"),
        ("1,2\n3,4\n5,6\n", "line 1 has numbers; expected a header"),
        ("step,loss\n1,2\n2,1.5x\n", "line 3: loss is '1.5x'; expected a number"),
        ("step;loss\n1;2.5\n2;2,5\n", "line 3: loss is '2,5'; expected a number"),
        ("step,loss\n1,2\n2,1_000\n", "line 3: loss is '1_000'; expected a number"),
        ("step,loss\n1,2\n2,0x1p3\n", "line 3: loss is '0x1p3'; expected a number"),
        ("step,loss\nx,2\n", "line 2: step is 'x'; expected a number"),
        ("step,loss\n1.5,2\n", "line 2: step is 1.5; expected a whole number from 0 to 2**53 - 1"),
        ("step,loss\n-1,2\n", "line 2: step is -1.0; expected a whole number"),
        ("step,loss\nnan,2\n", "line 2: step is nan; expected a whole number"),
        ("step,loss\n9007199254740992,2\n", "line 2: step is 9007199254740992.0; expected"),
        ('step,loss\n1,"2\n3,4\n', "line 2: unexpected end of data"),
        ("step,loss\n1,2\r3,4\n", "line 2: new-line character seen in unquoted field"),
        ("step,loss\n1,2\0\n", "line 2 has a NUL byte at 3"),
        (b"step,loss\n1,\xe9\n", "line 2: byte 2 is no UTF-8"),
        ("step," + ",".join(f"c{k}" for k in range(5000)) + "\n", "line 1 has 5001 columns"),
        ("step,\x1b[2Jloss\n1,2\n2,x\n", r"line 3: \x1b[2Jloss is 'x'; expected a number"),
        ('{"step": 1}\n[1]\n', "line 2 is [1]; expected a JSON object"),
        ('{"step": 1}\n{"step": 2,}\n', "line 2: this is no JSON"),
        ('{"step": 1, "step": 2}\n', "line 1: key 'step' comes twice"),
        ('{"step": 1, "loss": 2}\n{"step": 2, "loss": "x"}\n', "line 2: loss is 'x'; expected a n"),
        ('{"step": true}\n', "line 1: step is True; expected a number"),
        ('{"step": 1, "x": ' + "[" * 40 + "]" * 40 + "}\n", "more than 32 levels of nesting"),
        ('{"step": 1, "x": ' + "9" * 5000 + "}\n", "a number of 5000 characters"),
    ],
)
def test_refusals_name_file_line_field_and_value(write, content, message):
    path = write(content)
    refused(path, f"{path}: {message}" if message.startswith("line") else message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TABLE.encode("utf-16"), "is UTF-16; expected UTF-8"),
        (TABLE.encode("utf-16-be"), "NUL"),
        (b"\x1f\x8b\x08\x00", "is compressed with gzip"),
        (b"PK\x03\x04", "is a zip archive"),
        (b"PAR1....", "is Parquet"),
        (b"[1, 2, 3, 4, 5]\n", "is a JSON list"),
        (b"step,loss\r1,2\r2,3\r", "has carriage returns alone; expected line feeds"),
        (b"\x80\x04\x95" + b"x" * 20 + b"\n", "is no UTF-8"),  # a pickle
    ],
)
def test_what_is_no_log_is_refused_by_what_it_is(write, content, message):
    refused(write(content + bytes(0 if content[-1:] in b"\r\n" else 20)), message)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs")
def test_pipes_and_devices_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(ValueError, match="is no regular file; expected a log file"):
            open_log(path)


def test_another_name_may_count_steps(write):
    path = write("batch,loss\n1,2\n")
    assert read_all(path, step="batch") == [(1, {"loss": 2.0})]
    refused(path, "line 1: there is no 'batches'; did you mean 'batch'?", step="batches")
    assert read_all(write('{"n": 3, "loss": 2}\n'), step="n") == [(3, {"loss": 2.0})]


def test_columns_of_text_are_passed_over_from_their_first_value_on(write):
    path = write("step,split,loss\n1,train,2\n2,7,1\n")
    assert read_all(path) == [(1, {"loss": 2.0}), (2, {"loss": 1.0})]


def test_a_loss_that_is_text_is_told(write):
    reader = open_log(write("step,loss\n1,np.float64(2.5)\n"))
    assert rows(reader) == [(1, {})]
    assert reader.notes() == ["passed over loss: its first value is no number"]


def test_lines_without_a_step_are_counted(write):
    reader = open_log(write('{"config": 1}\n{"step": 1, "loss": 2}\n{"summary": 1}\n'))
    assert rows(reader) == [(1, {"loss": 2.0})]
    assert reader.notes() == ["passed over 2 lines without a step"]


def test_names_are_bounded(write):
    lines = "".join(json.dumps({"step": k, **{f"{k}_{i}": 1 for i in range(500)}}) + "\n"
                    for k in range(9))  # fmt: skip
    refused(write(lines), "line 9: more than 4096 names")


numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(st.integers(0, 2**53 - 1), numbers), min_size=1, max_size=20))
def test_numbers_come_back_exactly(tmp_path_factory, pairs):
    path = tmp_path_factory.mktemp("numbers") / "log"
    expected = [(step, {"loss": loss}) for step, loss in pairs]
    path.write_text("step,loss\n" + "".join(f"{step},{loss!r}\n" for step, loss in pairs))
    assert read_all(path) == expected
    path.write_text("".join(f'{{"step": {step}, "loss": {loss!r}}}\n' for step, loss in pairs))
    assert read_all(path) == expected
