"""`read_curves`: where logs lie, how runs are called, and what happens with many or bad ones."""

import json
import os
import sys
import tracemalloc

import numpy as np
import pytest

import event_file as ev
import lawfit as lf
from lawfit.io import event_frames
from lawfit.io.event_frames import EventFrames

HEADER = "step,lr,loss\n"


def write(folder, name, rows, header=HEADER):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(header + "".join(",".join(map(str, row)) + "\n" for row in rows))
    return path


def run(n=40, every=10, lr=1e-3):
    """Rows of a run whose loss tells its step."""
    return [(step, lr, 3 + 1 / (1 + step)) for step in range(every - 1, n * every, every)]


def test_a_file_a_pattern_a_folder_and_a_list_give_the_same(tmp_path):
    paths = [write(tmp_path / "runs", f"{name}.csv", run(n)) for name, n in (("a", 5), ("b", 6))]
    whole = lf.read_curves(tmp_path / "runs")
    assert whole.names == ("a", "b")
    assert whole == lf.read_curves(str(tmp_path / "runs" / "*.csv"))
    assert whole == lf.read_curves(paths)
    assert whole == lf.read_curves([str(path) for path in paths])
    assert lf.read_curves(paths[1]) == whole[["b"]]
    assert lf.read_curves([paths[1], tmp_path / "runs"]).names == ("b", "a")
    steps, rates, loss = np.array(run(5)).T
    assert whole["a"] == lf.Curve(steps, loss, np.full(50, rates[0]), name="a")


def test_settings_beside_a_log_say_its_sizes(tmp_path):
    path = write(tmp_path, "a.csv", run())
    settings = {"params": 25e6, "tokens_per_step": 1024, "steps": 1000, "warmup": 0}
    path.with_suffix(".json").write_text(json.dumps({**settings, "loss_unit": "nats per byte"}))
    (curve,) = lf.read_curves(tmp_path)
    assert (curve.params, curve.tokens_per_step, curve.loss_unit) == (25e6, 1024, "nats per byte")
    assert curve.schedule == lf.schedules.constant(steps=1000, peak=1e-3)
    assert "0.001 is held from step 399 on" in curve.lr_source
    (given,) = lf.read_curves(path, params=1e6)
    assert given.params == 1e6


def test_a_log_may_have_a_name_with_points_and_be_compressed(tmp_path):
    write(tmp_path, "lr3.5e-4.seed1.csv", run())
    (tmp_path / "lr3.5e-4.seed1.json").write_text('{"params": 5}')
    (curve,) = lf.read_curves(tmp_path)
    assert (curve.name, curve.params) == ("lr3.5e-4.seed1", 5)


# Where runs lie, and their names


def state(folder, *points, total=100):
    folder.mkdir(parents=True)
    history = [{"step": step, "loss": loss, "learning_rate": 1e-3} for step, loss in points]
    content = {"log_history": history, "max_steps": total}
    (folder / "trainer_state.json").write_text(json.dumps(content))


def events(folder, name="events.out.tfevents.1", rows=((0, {"loss": 3.0, "lr": 1e-3}),)):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(ev.scalars(rows))


def test_trainer_states_are_called_after_their_run(tmp_path):
    state(tmp_path / "out" / "checkpoint-20", (10, 3.0), (20, 2.5))
    state(tmp_path / "out" / "checkpoint-100", (10, 3.0), (20, 2.5), (30, 2.25))
    (curve,) = lf.read_curves(tmp_path / "out")
    assert curve.name == "out"
    # the mean of updates 11 to 20 is put at the 0-based step 14
    assert curve.steps.tolist() == [4, 14, 24]
    assert curve.schedule.steps == 100
    assert "a trainer state counts updates done: its step g is step g - 1" in curve.notes
    state(tmp_path / "other" / "deep", (10, 3.0))
    assert lf.read_curves(tmp_path).names == ("deep", "out")
    state(tmp_path / "third" / "deep", (10, 3.0))
    assert lf.read_curves(tmp_path).names == ("other/deep", "out", "third/deep")


def test_event_files_of_a_folder_are_one_run(tmp_path):
    events(tmp_path / "a" / "train")
    events(
        tmp_path / "a" / "train", "events.out.tfevents.2", [(5, {"loss": 2.0}), (9, {"lr": 0.0})]
    )
    events(tmp_path / "a" / "val")
    events(tmp_path / "b" / "train")
    curves = lf.read_curves(tmp_path)
    assert curves.names == ("a/train", "val", "b/train")
    assert curves["a/train"].loss.tolist() == [3.0, 2.0]
    assert curves["a/train"].schedule.steps == 10
    assert curves == lf.read_curves(str(tmp_path / "*" / "*" / "*tfevents*"))
    assert curves == lf.read_curves(str(tmp_path / "*"))
    (tmp_path / "b" / "train" / "settings.json").write_text('{"params": 9}')
    assert lf.read_curves(tmp_path)["b/train"].params == 9
    (tmp_path / "b" / "train" / "lr.csv").write_text("step,lr\n0,0.5\n")
    for source in (tmp_path, str(tmp_path / "*" / "*" / "*")):
        found = lf.read_curves(source)
        assert found.names == curves.names
        assert found["b/train"].schedule == lf.Schedule([0.5])


def test_event_files_may_have_any_name(tmp_path):
    events(tmp_path, "log.bin")
    assert lf.read_curves(tmp_path / "log.bin").names == ("log",)


def test_names_that_clash_get_more_of_their_paths(tmp_path):
    for folder in ("x", "y/z"):
        write(tmp_path / folder, "log.csv", run())
    write(tmp_path, "other.csv", run())
    assert set(lf.read_curves(tmp_path).names) == {"x/log", "y/z/log", "other"}
    write(tmp_path / "x", "log.tsv", run(), header="step\tlr\tloss\n".replace("\t", ","))
    assert {"x/log.csv", "x/log.tsv"} <= set(lf.read_curves(tmp_path).names)


def test_a_folder_gives_logs_alone(tmp_path):
    write(tmp_path, "a.csv", run())
    write(tmp_path, "a.lr.csv", [(0, 1.0)], header="step,lr\n")
    write(tmp_path / ".hidden", "b.csv", run())
    (tmp_path / "README.md").write_text("# notes")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "a.lr.csv").unlink()
    assert lf.read_curves(tmp_path).names == ("a",)


# What is not there, or no log


def test_e01_paths_that_are_missing(tmp_path):
    for source, said in [
        (tmp_path / "none.csv", "none.csv: there is no such file or folder"),
        (str(tmp_path / "*.csv"), "nothing matches "),
        (tmp_path, "no log lies in this folder"),
        ("", "'' is no path"),
    ]:
        with pytest.raises(FileNotFoundError, match=said.replace("*", ".")):
            lf.read_curves(source)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such files")
def test_e01_pipes_and_devices_are_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", "/dev/zero"):
        with pytest.raises(ValueError, match="is no regular file"):
            lf.read_curves(path)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such links")
def test_e33_links_to_folders_are_not_followed(tmp_path):
    write(tmp_path / "runs", "a.csv", run())
    write(tmp_path / "elsewhere", "b.csv", run())
    (tmp_path / "runs" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "runs" / "up").symlink_to(tmp_path / "runs")
    assert lf.read_curves(tmp_path / "runs").names == ("a",)


def test_other_sources_are_refused():
    for source in (3, None, [3], iter(["a.csv"])):
        with pytest.raises(TypeError, match="expected a mapping of columns or a data frame"):
            lf.read_curves(source)
    with pytest.raises(ValueError, match="source is empty; expected at least one log"):
        lf.read_curves([])


def test_a_refusal_names_the_file(tmp_path):
    path = write(tmp_path, "a.csv", [(0, 1e-3, 3.0), ("x", 1e-3, 2.0)])
    with pytest.raises(ValueError, match=r"a\.csv: line 3") as caught:
        lf.read_curves(tmp_path)
    assert str(caught.value).startswith(str(path))


# Many


def many(folder, n, bad=()):
    for k in range(n):
        write(folder, f"{k:03}.csv", [(0, 1e-3, "much")] if k in bad else run(3))


def test_e41_bad_logs_among_many_are_passed_over_and_listed(tmp_path):
    many(tmp_path, 30, bad=[7, *range(10, 22)])
    with pytest.raises(ValueError, match=r"007\.csv: "):
        lf.read_curves(tmp_path)
    with pytest.warns(UserWarning, match=r"13 of 30 logs were passed over:\n  .*007") as caught:
        curves = lf.read_curves(tmp_path, keep_going=True)
    assert len(curves) == 17
    assert "007" not in curves
    assert str(caught[0].message).count("\n") == 11
    assert "… and 3 more" in str(caught[0].message)
    assert caught[0].filename == __file__


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="all may be read")
def test_e41_a_file_that_may_not_be_read_among_others(tmp_path):
    many(tmp_path, 3)
    (tmp_path / "001.csv").chmod(0)
    with pytest.warns(UserWarning, match="1 of 3 logs"):
        assert lf.read_curves(tmp_path, keep_going=True).names == ("000", "002")


def test_e41_a_bad_run_of_a_table_is_named_and_passed_over_alone(tmp_path):
    rows = [("a", 0, 3.0), ("a", 1, 2.0), *(("b", 9 - k, 3.0) for k in range(8)), ("c", 0, 4.0)]
    path = write(tmp_path, "t.csv", rows, header="run,step,loss\n")
    said = r"t\.csv: run 'b': steps go back 7 times"
    with pytest.raises(ValueError, match=said):
        lf.read_curves(path)
    with pytest.warns(UserWarning, match=rf"1 of 3 logs were passed over:\n  .*{said}"):
        assert lf.read_curves(path, keep_going=True).names == ("a", "c")
    write(tmp_path, "u.csv", [(0, 1e-3, "much")])
    with pytest.warns(UserWarning, match=r"2 of 4 logs were passed over"):
        assert lf.read_curves(tmp_path, keep_going=True).names == ("t/a", "t/c")


def test_a_refusal_says_which_table_in_memory_it_is_of():
    good = {"step": [0, 1], "loss": [3.0, 2.0]}
    for bad in ({"loss": ["much", 2.0]}, {"loss": [2.0]}, {"loss": [2.0, 1j]}, {"y": [3.0, 2.0]},
                {"step": [0, -1], "loss": [3.0, 2.0]}):  # fmt: skip
        with pytest.raises((ValueError, TypeError), match=r"data 1: "):
            lf.read_curves([good, {"step": [0, 1], **bad}])
    with pytest.raises(TypeError, match=r"data 1 is a int"):
        lf.read_curves([good, 3])


def test_e41_a_file_that_goes_away_meanwhile(tmp_path):
    many(tmp_path, 3)
    curves = lf.iter_curves(tmp_path, keep_going=True)
    next(curves)
    (tmp_path / "001.csv").unlink()
    with pytest.warns(UserWarning, match=r"1 of 3 logs were passed over:\n  .*001\.csv"):
        assert [curve.name for curve in curves] == ["002"]


def test_none_that_can_be_read_is_refused(tmp_path):
    many(tmp_path, 2, bad=[0, 1])
    with (
        pytest.warns(UserWarning, match="2 of 2 logs"),
        pytest.raises(ValueError, match=r"none of 2 logs could be read; the first: .*000\.csv"),
    ):
        lf.read_curves(tmp_path, keep_going=True)


def test_e41_memory_is_that_of_one_log(tmp_path):
    many(tmp_path, 60)

    def peak(curves, n):
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(n):
            next(curves)
        return tracemalloc.get_traced_memory()[1] - before

    tracemalloc.start()
    try:
        curves = lf.iter_curves(tmp_path)
        peak(curves, 10)
        first, later = peak(curves, 10), peak(curves, 40)
    finally:
        tracemalloc.stop()
    assert later < first + 20_000


def test_progress_is_told(tmp_path, capsys):
    many(tmp_path, 3)
    told = []
    lf.read_curves(tmp_path, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    lf.read_curves(tmp_path, progress=True)  # no terminal
    assert capsys.readouterr() == ("", "")


def test_progress_draws_a_bar_on_a_terminal(tmp_path, capsys, monkeypatch):
    pytest.importorskip("tqdm")
    many(tmp_path, 3)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    lf.read_curves(tmp_path, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "3/3" in err


# Growing


def test_e42_what_is_written_while_events_are_read_is_left_for_later(tmp_path, monkeypatch):
    events(tmp_path, rows=[(k, {"loss": 3.0}) for k in range(20)])
    path = tmp_path / "events.out.tfevents.1"
    monkeypatch.setattr(event_frames, "_BLOCK", 100)
    blocks = iter(EventFrames(path))
    records = len(next(blocks).starts)
    with path.open("ab") as file:
        file.write(ev.scalars([(99, {"loss": 1.0})]) * 50)
    assert records + sum(len(block.starts) for block in blocks) == 21


def test_e42_a_file_cut_while_it_is_read_ends_there(tmp_path, monkeypatch):
    events(tmp_path, rows=[(k, {"loss": 3.0}) for k in range(20)])
    path = tmp_path / "events.out.tfevents.1"
    monkeypatch.setattr(event_frames, "_BLOCK", 100)
    blocks = iter(EventFrames(path))
    records = len(next(blocks).starts)
    os.truncate(path, 150)
    assert records + sum(len(block.starts) for block in blocks) < 21
