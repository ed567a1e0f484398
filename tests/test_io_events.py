"""Event files: framing, checksums, scalars of all kinds, and what is corrupt.

They are read as they grow, and whole: both ways give the same rows and refusals.
"""

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import event_file as ev
from lawfit.io import events as module
from lawfit.io import open_log
from lawfit.io.crc32c import crc32c
from lawfit.io.event_scalars import read_events
from lawfit.io.logs import Log, log_of_rows
from lawfit.io.rows import Row
from log_files import read_all as read_growing
from log_files import read_in_pieces, rows

ROWS = [
    (0, {"train/loss": 5.5, "lr": 0.125}),
    (25, {"train/loss": 4.25}),
    (2**40, {"train/loss": math.inf}),
]
FILE = ev.scalars(ROWS)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.out.tfevents.1"


def read_whole(*paths) -> Log:
    return read_events(paths, name="run", source=str(paths[0]))


def columns(log):
    """All of a log as plain values."""
    return {name: column.tolist() for name, column in log.columns.items()}


def logged(found):
    """The same of rows as they were read one by one."""
    return columns(log_of_rows(map(Row._make, found), name="run", source="", format=""))


def read_all(path):
    """The rows of a file or folder, that both ways agree on."""
    files = sorted(path.rglob("*tfevents*")) if path.is_dir() else [path]
    refusals, found, whole = [], [], {}
    try:
        found = read_growing(path)
    except ValueError as error:
        refusals.append(str(error))
    try:
        whole = columns(read_whole(*files))
    except ValueError as error:
        refusals.append(str(error))
    if refusals:
        assert len(refusals) == 2
        assert refusals[0] == refusals[1]
        raise ValueError(refusals[0])
    assert str(whole) == str(logged(found))  # NaN as itself
    return found


def test_crc_of_published_vectors():
    # RFC 3720, section B.4
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(b"123456789") == 0xE3069283


@settings(max_examples=20)
@given(seed=st.binary(min_size=1, max_size=50), length=st.integers(0, 6000))
def test_crc_of_long_data_is_that_of_bits(seed, length):
    data = (seed * (length // len(seed) + 1))[:length]
    assert crc32c(data) == ev.crc32c(data)


def test_e28_scalars_are_read(path):
    path.write_bytes(FILE)
    assert open_log(path).title == "TensorBoard events"
    assert read_all(path) == ROWS


@given(cuts=st.lists(st.integers(0, len(FILE)), min_size=1, max_size=4))
def test_a_file_cut_anywhere_gives_the_same_rows(tmp_path_factory, cuts):
    path = tmp_path_factory.mktemp("cut") / "events"
    assert read_in_pieces(path, FILE, sorted(cuts)) == ROWS


@pytest.mark.parametrize(
    "value",
    [
        ev.simple("loss", 1.5),
        ev.tensor("loss", 1, ev.field(5, 1.5)),
        ev.tensor("loss", 1, ev.field(5, struct.pack("<f", 1.5))),  # packed
        ev.tensor("loss", 1, ev.field(4, struct.pack("<f", 1.5))),  # tensor_content
        ev.tensor("loss", 2, ev.field(6, struct.pack("<d", 1.5))),
        ev.tensor("loss", 2, ev.field(4, struct.pack("<d", 1.5))),
        ev.tensor("loss", 2, bytes([6 << 3 | 1]) + struct.pack("<d", 1.5)),  # fixed64
    ],
)
def test_e28_a_scalar_in_all_its_forms(path, value):
    path.write_bytes(ev.version() + ev.framed(ev.event(7, value)))
    assert read_all(path) == [(7, {"loss": 1.5})]


@pytest.mark.parametrize(
    "value",
    [
        ev.tensor("n", 3, ev.field(7, -3)),
        ev.tensor("n", 9, ev.field(10, -3)),
        ev.tensor("n", 9, ev.field(10, ev.varint(-3))),
        ev.tensor("n", 3, ev.field(4, struct.pack("<i", -3))),
    ],
)
def test_whole_numbers(path, value):
    path.write_bytes(ev.version() + ev.framed(ev.event(7, value)))
    assert read_all(path) == [(7, {"n": -3.0})]


@pytest.mark.parametrize(
    "value",
    [
        ev.tensor("n", 1, ev.field(5, struct.pack("<ff", 1, 2))),  # a vector
        ev.tensor("n", 9, ev.field(10, ev.varint(1) + ev.varint(2))),
        ev.tensor("n", 1),
        ev.tensor("n", 7, ev.field(8, b"text")),
        ev.field(1, b"n") + ev.field(5, b"a histogram"),
        ev.field(1, b"n") + ev.field(4, b"\x0a\x03png"),
    ],
)
def test_e28_what_is_no_scalar_is_passed_over(path, value):
    record = ev.event(7, value, ev.simple("loss", 1.5), ev.field(9, b"metadata"))
    path.write_bytes(ev.version() + ev.framed(record) + ev.framed(ev.field(4, b"a graph")))
    assert read_all(path) == [(7, {"loss": 1.5})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (ev.framed(b"")[:8] + b"1234" + b"12345", "record 2 at byte {at}: the length differs"),
        (bytes(64), "record 2 at byte {at}: the length differs from its checksum"),
        (ev.framed(b"\x08\x01")[:-1] + b"\0", "record 2 at byte {at}: the data differ from their"),
        (struct.pack("<Q", 2**60) + ev.masked(struct.pack("<Q", 2**60)), "length is 1152921504606"),
        (ev.framed(b"\x2a\x7f"), "record 2 at byte {at}: field 5 is longer than its message"),
        (ev.framed(b"\x2a"), "record 2 at byte {at}: a number that does not end"),
        (ev.framed(b"\xff" * 11), "a number that does not end"),
        (ev.framed(b"\x0b"), "field 1 has the wire type 3"),
        (ev.framed(ev.event(-1, ev.simple("a", 1))), "step is -1; expected a whole number"),
        (ev.framed(ev.event(2**62, ev.simple("a", 1))), "step is 4611686018427387904; expected"),
        (ev.framed(ev.event(1, ev.field(1, b"\xff") + ev.field(2, 1.0))), "the tag b'\\xff' is "),
        (ev.framed(ev.event(1, ev.tensor("a", 1, ev.field(5, b"123")))), "a tensor has 3 bytes"),
    ],
)  # fmt: skip
def test_e27_what_is_corrupt_is_refused_at_its_record(path, content, message):
    whole = ev.scalars(ROWS[:1])
    path.write_bytes(whole + content)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at
        read_all(path)
    assert str(caught.value).startswith(f"{path}: record 2 at byte {len(whole)}: ")
    assert message.format(at=len(whole)) in str(caught.value)


def test_e27_every_flipped_bit_is_noticed(path):
    record = ev.framed(ev.event(3, ev.simple("loss", 1.5)))
    for bit in range(8 * len(record)):
        changed = bytearray(record)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(ev.version() + bytes(changed))
        with pytest.raises(ValueError, match="differ"):
            read_all(path)


def test_large_records_are_passed_over_and_counted(path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_READ", 1000)
    picture = ev.framed(bytes(5000))
    content = ev.scalars(ROWS[:1]) + picture + ev.framed(ev.event(9, ev.simple("loss", 1.0)))
    expected = [ROWS[0], (9, {"loss": 1.0})]
    path.write_bytes(content)
    reader = open_log(path)
    assert rows(reader) == expected
    assert reader.notes() == ["passed over 1 records of more than 1000 bytes"]
    for cut in (100, len(content) - 3000, len(content) - 10):
        assert read_in_pieces(path, content, [cut]) == expected


def test_a_record_of_several_blocks(path):
    # A merged summary: a picture beside the scalar.
    large = ev.field(1, b"picture") + ev.field(4, bytes(range(256)) * 400)
    path.write_bytes(ev.version() + ev.framed(ev.event(7, large, ev.simple("loss", 1.5))))
    assert read_all(path) == [(7, {"loss": 1.5})]


# Folders


def write(folder, name, content):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def test_a_folder_is_read_in_order_and_files_may_come_later(tmp_path):
    (tmp_path / "notes.txt").write_text("not a log")
    reader = open_log(tmp_path)
    assert rows(reader) == []
    assert reader.notes() == ["no event file yet; waiting for one"]
    write(tmp_path, "events.out.tfevents.2", ev.scalars(ROWS[:1]))
    assert rows(reader) == ROWS[:1]
    write(tmp_path, "events.out.tfevents.3", ev.scalars(ROWS[1:]))
    assert rows(reader) == ROWS[1:]
    assert read_all(tmp_path) == ROWS


def test_a_file_written_anew_has_the_folder_read_again(tmp_path):
    write(tmp_path, "a.tfevents.1", ev.scalars(ROWS[:1]))
    write(tmp_path, "a.tfevents.2", ev.scalars(ROWS[1:]))
    reader = open_log(tmp_path)
    rows(reader)
    write(tmp_path, "a.tfevents.2", ev.scalars(ROWS[1:2]))
    assert rows(reader) == ROWS[:2]
    assert reader.restarts == 1


def test_a_folder_that_goes_away_is_waited_for(tmp_path):
    (tmp_path / "run").mkdir()
    reader = open_log(tmp_path / "run")
    assert rows(reader) == []
    (tmp_path / "run").rmdir()
    assert rows(reader) == []
    write(tmp_path / "run", "a.tfevents.1", FILE)
    assert rows(reader) == ROWS


def test_an_older_file_that_comes_later_is_read_first(tmp_path):
    write(tmp_path, "a.tfevents.2", ev.scalars(ROWS[1:2]))
    reader = open_log(tmp_path)
    assert rows(reader) == ROWS[1:2]
    write(tmp_path, "a.tfevents.1", ev.scalars(ROWS[:1]))
    assert rows(reader) == ROWS[:2]
    assert reader.restarts == 1
    write(tmp_path, "a.tfevents.3", ev.scalars(ROWS[2:]))
    assert rows(reader) == ROWS[2:]
    assert reader.restarts == 1


def test_what_is_hidden_is_passed_over(tmp_path):
    write(tmp_path / ".trash", "a.tfevents.1", ev.scalars(ROWS[1:]))
    write(tmp_path / "run", "a.tfevents.1", ev.scalars(ROWS[:1]))
    reader = open_log(tmp_path)
    assert rows(reader) == ROWS[:1]
    write(tmp_path / "run", ".a.tfevents.2.Xy12Zw", ev.scalars(ROWS[1:2]))  # as rsync names it
    assert rows(reader) == []
    (tmp_path / "run" / ".a.tfevents.2.Xy12Zw").rename(tmp_path / "run" / "a.tfevents.2")
    assert rows(reader) == ROWS[1:2]
    assert (reader.restarts, reader.notes()) == (0, [])


def test_one_run_below_a_folder_is_found_and_several_are_listed(tmp_path):
    write(tmp_path / "runs" / "one", "a.tfevents.1", FILE)
    assert read_all(tmp_path) == ROWS
    write(tmp_path / "runs" / "t\x1b[2Jwo", "a.tfevents.1", FILE)
    with pytest.raises(ValueError, match=r"2 folders have event files; choose one of ") as caught:
        read_growing(tmp_path)
    assert str(caught.value).isprintable()
    assert read_all(tmp_path / "runs" / "one") == ROWS


# Written by others


def test_files_of_torch(tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    with tensorboard.SummaryWriter(tmp_path) as writer:
        for step in range(20):
            writer.add_scalar("train/loss", 3 - step / 8, step)
            writer.add_scalar("lr", 2**-10, step, new_style=True)
        writer.add_text("config", "text", 3)
        writer.add_histogram("weights", np.array([1.0, 2.0, 4.0]), 3)
    expected = {(k, "train/loss", 3 - k / 8) for k in range(20)}
    expected |= {(k, "lr", 2**-10) for k in range(20)}
    found = {(step, *item) for step, values in read_all(tmp_path) for item in values.items()}
    assert found == expected
