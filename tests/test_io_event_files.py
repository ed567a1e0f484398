"""Whole event files: any mixture of events, cut anywhere, and as tensorboard itself reads them."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import event_file as ev
from lawfit.io import event_frames
from lawfit.io.event_proto import read_event
from lawfit.io.event_scalars import read_events
from lawfit.io.event_shape import distinct_rows
from lawfit.io.logs import log_of_rows
from lawfit.io.rows import Row

ROWS = [(k * 7, {"train/loss": 5.5 - k, "lr": 0.125 * k}) for k in range(30)]


def read(*paths):
    return read_events(paths, name="run", source=str(paths[0]))


def columns(log):
    return {name: column.tolist() for name, column in log.columns.items()}


def series(log):
    """Steps and values of each tag."""
    found = {}
    for name in set(log.columns) - {"step"}:
        there = ~np.isnan(log.columns[name])
        steps, values = log.columns["step"][there], log.columns[name][there]
        found[name] = list(zip(steps.tolist(), values.tolist(), strict=True))
    return found


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.out.tfevents.1"


TAGS = st.sampled_from(["loss", "lr", "a", "b", "é", "eval/loss", "x" * 130])
NUMBERS = st.floats(width=32, allow_nan=False)
VALUES = st.one_of(
    st.builds(ev.simple, TAGS, NUMBERS),
    st.builds(lambda tag, x: ev.tensor(tag, 1, ev.field(5, x)), TAGS, NUMBERS),
    st.builds(lambda tag, x: ev.tensor(tag, 1, ev.field(4, struct.pack("<f", x))), TAGS, NUMBERS),
    st.builds(lambda tag, x: ev.tensor(tag, 2, ev.field(6, struct.pack("<d", x))), TAGS, NUMBERS),
    st.builds(lambda tag, n: ev.tensor(tag, 9, ev.field(10, n)), TAGS, st.integers(-9, 2**40)),
    st.builds(lambda tag: ev.tensor(tag, 1, ev.field(5, struct.pack("<ff", 1, 2))), TAGS),
    st.just(ev.field(1, b"n") + ev.field(5, b"a histogram")),
    st.builds(lambda x: ev.field(2, x), NUMBERS),  # no tag
)
EVENTS = st.builds(
    ev.event,
    st.one_of(st.integers(0, 300), st.integers(0, 2**53 - 1)),
    wall=st.floats(0, 2e9),
) | st.builds(
    lambda step, values: ev.event(step, *values),
    st.integers(0, 2**40),
    st.lists(VALUES, max_size=3),
)


@settings(max_examples=60)
@given(events=st.lists(EVENTS, max_size=12), copies=st.integers(1, 3))
def test_e28_any_mixture_is_read_as_one_by_one(tmp_path_factory, events, copies):
    path = tmp_path_factory.mktemp("mixed") / "events"
    path.write_bytes(ev.version() + b"".join(map(ev.framed, events * copies)))
    each = [read_event(event, "") for event in events * copies]
    rows = [Row(event.step, {tag: x}) for event in each for tag, x in event.scalars]
    expected = columns(log_of_rows(rows, name="", source="", format=""))
    assert str(columns(read(path))) == str(expected)  # NaN as itself


@given(rows=st.lists(st.binary(min_size=3, max_size=3), min_size=1), width=st.integers(1, 20))
def test_rows_are_told_apart(rows, width):
    cells = np.frombuffer(b"".join((row * width)[:width] for row in rows), np.uint8)
    cells = cells.reshape(-1, width)
    first, kind = distinct_rows(cells)
    assert np.array_equal(cells[first][kind], cells)
    assert len(first) == len(np.unique(cells, axis=0))


def test_rows_whose_sums_are_equal_are_told_apart():
    words = np.array([[0, 0x9E3779B97F4A7C15], [1, 0]], np.uint64)
    first, kind = distinct_rows(np.repeat(words, 3, axis=0).view(np.uint8))
    assert len(first) == 2
    assert kind.tolist() in ([0] * 3 + [1] * 3, [1] * 3 + [0] * 3)


@pytest.mark.parametrize("block", [1, 13, 100, 5000])
def test_blocks_of_any_size_give_the_same(path, monkeypatch, block):
    picture = ev.framed(bytes(3000))
    path.write_bytes(ev.scalars(ROWS[:9]) + picture + picture + ev.scalars(ROWS[9:]))
    monkeypatch.setattr(event_frames, "_BLOCK", block)
    monkeypatch.setattr(event_frames, "LARGEST_READ", 1000)
    log = read(path)
    assert series(log)["lr"] == [(step, values["lr"]) for step, values in ROWS]
    assert log.notes == (f"{path}: passed over 2 records of more than 16777216 bytes",)


def test_e26_cut_at_every_byte(path):
    content = ev.scalars(ROWS[:4])
    ends, at = [0], 0
    while at < len(content):
        at += 16 + struct.unpack_from("<Q", content, at)[0]
        ends.append(at)
    for cut in range(len(content)):
        path.write_bytes(content[:cut])
        log = read(path)
        whole = sum(end <= cut for end in ends[1:])
        rest = cut - ends[whole]
        assert len(log.columns["step"]) == max(0, whole - 1)
        said = f"{path}: the last record is not whole: its {rest} bytes are left out"
        assert log.notes == ((said,) if rest else ())


def test_e26_cut_within_a_large_record(path, monkeypatch):
    monkeypatch.setattr(event_frames, "LARGEST_READ", 1000)
    path.write_bytes(ev.scalars(ROWS[:2]) + ev.framed(bytes(3000))[:-5])
    assert read(path).notes[-1].endswith("its 3011 bytes are left out")


def test_e27_a_flipped_bit_in_the_middle_names_its_record(path):
    content = ev.scalars(ROWS)
    second = len(ev.version()) + len(ev.framed(ev.event(*_event(ROWS[0]))))
    for bit in range(8 * 30):
        changed = bytearray(content)
        changed[second + bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(changed))
        with pytest.raises(ValueError, match=f"record 2 at byte {second}: the .* checksum"):
            read(path)


def _event(row):
    step, values = row
    return step, *(ev.simple(tag, value) for tag, value in values.items())


def test_e28_several_files_of_a_run_are_one_log(path):
    later = path.with_name("events.out.tfevents.2")
    path.write_bytes(ev.scalars(ROWS[:20]))
    later.write_bytes(ev.scalars(ROWS[10:]))  # resumed from a checkpoint
    log = read(path, later)
    steps = [step for step, _ in ROWS]
    assert log.columns["step"].tolist() == steps[:20] + steps[10:]


def test_e28_a_session_that_starts_over_voids_what_came_after(path):
    start = ev.framed(ev.field(2, 70) + ev.field(7, ev.field(1, 1)))
    stop = ev.framed(ev.field(2, 0) + ev.field(7, ev.field(1, 2)))
    again = [(80, {"lr": 9.0})]
    path.write_bytes(ev.scalars(ROWS) + start + ev.scalars(again) + stop)
    log = read(path)
    kept = [(step, values["lr"]) for step, values in ROWS if step < 70]
    assert series(log)["lr"] == [*kept, (80, 9.0)]
    assert log.notes == ("a session starts over at step 70: dropped 40 values",)


def starts(step):
    return ev.framed(ev.field(2, step) + ev.field(7, ev.field(1, 1)))


@given(
    logged=st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=30),
    block=st.sampled_from([30, 200, 5000]),
)
def test_e28_sessions_that_start_over_void_as_one_by_one(tmp_path_factory, logged, block):
    path = tmp_path_factory.mktemp("sessions") / "events"
    records, kept = [ev.version()], []
    for k, (start, step) in enumerate(logged):
        kept = [row for row in kept if not start or row[0] < step]
        if not start:
            kept.append((step, float(k)))
        records.append(starts(step) if start else ev.scalars([(step, {"a": float(k)})]))
    path.write_bytes(b"".join(records))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_frames, "_BLOCK", block)
        log = read(path)
    assert series(log) == ({"a": kept} if kept else {})
    assert bool(log.notes) == (len(kept) < sum(not start for start, _ in logged))


def test_e28_any_number_of_sessions_is_read_in_one_pass(path):
    again = starts(10) + ev.framed(ev.event(10, ev.simple("a", 1.0)))
    path.write_bytes(ev.scalars([(5, {"a": 2.0})]) + again * 30_000)
    log = read(path)
    assert series(log) == {"a": [(5, 2.0), (10, 1.0)]}
    assert log.notes == ("sessions start over at step 10, 10, 10, 10, …: dropped 29999 values",)


def test_tags_at_steps_of_their_own_and_the_same_tag_twice(path):
    rows = [(1, {"a": 1.0}), (1, {"b": 2.0}), (1, {"a": 3.0}), (0, {"a": 4.0, "step": 1.0})]
    path.write_bytes(ev.scalars(rows))
    log = read(path)
    assert columns(log)["step"] == [1, 1, 0]
    assert series(log) == {"a": [(1, 1), (1, 3), (0, 4)], "b": [(1, 2)]}
    assert log.notes == ("passed over values named 'step', as the steps are",)


def test_nans_that_were_logged_are_counted(path):
    path.write_bytes(ev.scalars([(0, {"a": 1.0, "b": 1.0}), (1, {"a": math.nan}), (2, {"b": 2.0})]))
    assert read(path).nans == {"a": 1}


def test_a_nan_that_signals_is_one(path):
    value = ev.field(1, b"a") + bytes([2 << 3 | 5]) + bytes.fromhex("0100807f")
    path.write_bytes(ev.version() + ev.framed(ev.event(0, value)))
    assert math.isnan(read(path).columns["a"][0])


def test_too_many_tags_are_refused(path, monkeypatch):
    monkeypatch.setattr("lawfit.io.event_scalars.MAX_NAMES", 1)
    path.write_bytes(ev.scalars(ROWS[:2]))
    with pytest.raises(ValueError, match="more than 1 names"):
        read(path)


# As tensorboard reads them


def accumulated(folder):
    """Every scalar of a folder's event files, by tensorboard itself."""
    module = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = module.EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    found.Reload()
    scalars = {
        tag: [(event.step, event.value) for event in found.Scalars(tag)]
        for tag in found.Tags()["scalars"]
    }
    for tag in found.Tags()["tensors"]:
        values = [(e.step, e.tensor_proto.float_val[0]) for e in found.Tensors(tag)]
        scalars[tag] = values
    return scalars


@pytest.mark.filterwarnings("default")  # its dependencies'
def test_e26_e28_agrees_with_tensorboard_at_every_truncation(tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    with tensorboard.SummaryWriter(tmp_path / "whole") as writer:
        for step in range(6):
            writer.add_scalar("train/loss", 3 - step / 7, 40 * step)
            writer.add_scalar("lr", 2**-10 / (1 + step), 40 * step, new_style=True)
        writer.add_histogram("weights", np.array([1.0, 2.0, 4.0]), 3)
        writer.add_scalars("both", {"a": 1.0, "b": 2.0}, 7)
    for whole in (tmp_path / "whole").rglob("*tfevents*"):
        content = whole.read_bytes()
        for cut in range(1, len(content) + 1):
            folder = tmp_path / f"{whole.parent.name}.{cut}"
            folder.mkdir()
            (folder / whole.name).write_bytes(content[:cut])
            assert series(read(folder / whole.name)) == accumulated(folder), cut


@pytest.mark.filterwarnings("default")
def test_e28_agrees_with_tensorboard_on_a_resumed_run(tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    for first, purge in ((0, None), (12, 12)):
        suffix = f".{first}"
        with tensorboard.SummaryWriter(tmp_path, purge_step=purge, filename_suffix=suffix) as w:
            for step in range(first, first + 20):
                w.add_scalar("loss", 3 - step / 7 + first, step)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2
    assert series(read(*files)) == accumulated(tmp_path)
