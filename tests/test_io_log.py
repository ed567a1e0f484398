"""The points of a log: which name is the loss, restarts, steps that go back; schedules as text."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import event_file as ev
import lawfit as lf
from lawfit.io.log import Log, Series
from lawfit.io.schedule_text import read_schedule


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log"


def table(rows, header="step,loss,lr"):
    return header + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)


def points(series):
    return dict(zip(series.steps, series.values, strict=True))


def test_losses_and_rates_by_step(path):
    path.write_text(table([(0, 5, 0.1), (10, 4, ""), (20, "", 0.3), (30, "nan", 0.2)]))
    log = Log(path)
    assert log.read()
    assert points(log.rates) == {0: 0.1, 20: 0.3, 30: 0.2}
    assert log.losses.steps == [0, 10, 30]
    assert (log.loss, log.last_step) == ("loss", 30)
    assert not log.read()


def test_counts_of_updates_done_are_shifted(path):
    path.write_text(table([(1, 5, 0.1), (10, 4, 0.2)]))
    log = Log(path, one_based=True)
    log.read()
    assert points(log.losses) == {0: 5.0, 9: 4.0}
    path.write_text(table([(0, 9, 0), (1, 5, 0.1), (10, 4, 0.2)]))  # with one before training
    log = Log(path, one_based=True)
    log.read()
    assert points(log.losses) == {0: 5.0, 9: 4.0}
    assert log.notes() == ["passed over 1 row logged before the first update"]


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 9)), max_size=40))
def test_a_step_that_goes_back_supersedes_what_came_after_it(pairs):
    series = Series()
    for step, value in pairs:
        series.add(step, value)
    # Kept is what no later point is at or before.
    kept = [(s, v) for k, (s, v) in enumerate(pairs) if all(s < t for t, _ in pairs[k + 1 :])]
    assert list(zip(series.steps, series.values, strict=True)) == kept
    assert series.dropped == len(pairs) - len(kept)


@given(st.lists(st.integers(0, 30), max_size=20), st.lists(st.integers(0, 30), max_size=20))
def test_the_first_new_entry_is_the_first_that_differs(before, after):
    series = Series()
    for step in before:
        series.add(step, 0.0)
    known = list(series.steps)
    series.seen()
    for step in after:
        series.add(step, 1.0)
    assert series.steps[: series.first_new] == known[: series.first_new]
    assert 1.0 not in series.values[: series.first_new]
    assert 0.0 not in series.values[series.first_new :]


def test_a_resumed_run_is_told(path):
    path.write_text(table([(0, 5, 0), (10, 4, 0), (20, 3, 0), (10, 3.5, 0)]))
    log = Log(path)
    log.read()
    assert points(log.losses) == {0: 5.0, 10: 3.5}
    assert "steps went back 1 times: 2 points logged before were superseded" in log.notes()


@pytest.mark.parametrize("one_based", [False, True])
@pytest.mark.parametrize("purge", [0, 20, 25])
def test_a_session_that_starts_over_voids_what_came_after(path, purge, one_based):
    rows = [(k, {"loss": 9.0 - k / 10, "lr": 0.5}) for k in range(10, 50, 10)]
    path.write_bytes(ev.scalars(rows))
    log = Log(path, one_based=one_based)
    log.read()
    start = ev.framed(ev.field(2, purge) + ev.field(7, ev.field(1, 1)))
    with path.open("ab") as file:
        file.write(start)
    log.read()
    kept = [step - one_based for step, _ in rows if step < purge]
    assert log.losses.steps == log.rates.steps == kept
    assert log.last_step == max(purge - one_based, 0) - 1
    with path.open("ab") as file:
        file.write(ev.framed(ev.event(39, ev.simple("loss", 1.0))))
    log.read()
    assert log.losses.steps == [*kept, 39 - one_based]
    assert log.last_step == 39 - one_based


def test_a_log_written_anew_drops_what_it_held(path):
    path.write_text(table([(0, 5, 0), (10, 4, 0)]))
    log = Log(path)
    log.read()
    path.write_text("train_loss,iter\n3,5\n")
    log.read()
    assert points(log.losses) == {5: 3.0}
    assert log.loss == "train_loss"
    assert "the log was replaced or cut and read anew (1 times)" in log.notes()


@pytest.mark.parametrize("write", ["table", "lines", "events"])
def test_several_losses_are_refused_unless_one_is_named(path, write):
    rows = [(0, {"train/loss": 5.0}), (0, {"val/loss": 6.0}), (10, {"train/loss": 4.0})]
    if write == "table":
        path.write_text("step,train/loss,val/loss\n0,5,\n0,,6\n10,4,\n")
    elif write == "lines":
        path.write_text("".join(json.dumps({"step": s, **v}) + "\n" for s, v in rows))
    else:
        path.write_bytes(ev.scalars(rows))
    log = Log(path)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"several names .* a loss: 'train/loss', 'val/loss"):
            log.read()
    log = Log(path, loss="val/loss")
    log.read()
    assert points(log.losses) == {0: 6.0}
    log = Log(path, loss="train/loss")
    log.read()
    assert points(log.losses) == {0: 5.0, 10: 4.0}


def test_another_loss_that_comes_later_is_told_and_not_taken(path):
    path.write_text('{"step": 0, "train_loss": 5}\n')
    log = Log(path)
    log.read()
    with path.open("a") as file:
        file.write('{"step": 9, "eval_loss": 6}\n{"step": 10, "train_loss": 4}\n')
    log.read()
    assert points(log.losses) == {0: 5.0, 10: 4.0}
    assert "the loss is train_loss; there are also eval_loss" in log.notes()


def test_a_plain_loss_goes_before_others(path):
    path.write_text("step,loss,eval_loss,lr\n0,5,6,0.1\n")
    log = Log(path)
    log.read()
    assert points(log.losses) == {0: 5.0}


@pytest.mark.parametrize("reads", [1, 2])
def test_a_plain_loss_goes_before_one_that_came_first(path, reads):
    lines = ['{"step": 0, "eval_loss": 6}\n', '{"step": 9, "loss": 5}\n{"step": 19, "loss": 4}\n']
    path.write_text("".join(lines) if reads == 1 else lines[0])
    log = Log(path)
    log.read()
    log.losses.seen()
    path.write_text("".join(lines))
    log.read()
    assert points(log.losses) == {9: 5.0, 19: 4.0}
    assert log.losses.first_new == (2 if reads == 1 else 0)
    assert log.notes() == ["the loss is loss; there are also eval_loss"]


def test_a_log_without_its_loss_is_refused_when_it_is_whole(path):
    path.write_text(table([(0, 5, 0)]))
    log = Log(path, loss="nll\x1b")
    log.read()
    told = r"no row has 'nll\x1b'; expected one of 'loss', 'lr'"
    assert log.notes() == [f"so far {told}"]
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at
        log.refuse_missing()
    assert str(caught.value) == f"{path}: {told}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("step;loss\n0;5,25\n", "no row has loss; passed over loss: its first value is no number"),
        ("step,perplexity\n0,5\n", "no row has loss; expected one of 'perplexity'"),
        ("step,losses\n0,5\n", "no row has loss; did you mean 'losses'? (one of 'losses')"),
    ],
)
def test_a_log_without_a_loss_is_told_what_it_has(path, content, message):
    path.write_text(content)
    log = Log(path)
    log.read()
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at
        log.refuse_missing()
    assert str(caught.value) == f"{path}: {message}"


def test_a_log_that_is_not_there_yet(path):
    log = Log(path)
    assert not log.read()
    assert log.notes() == [f"waiting for {path} to be there"]
    path.symlink_to(path.with_name("later"))
    assert not log.read()
    assert log.notes() == [f"waiting for {path} to be there"]
    path.write_text("")
    assert not log.read()
    assert log.notes() == [f"waiting for {path}: too short yet"]
    path.write_text(table([(0, 5, 0)]))
    assert log.read()


# Schedules


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "wsd steps=240 peak=3e-4 warmup=21 decay_start=200 end=3e-5 shape=1-sqrt endpoint=true",
            lf.schedules.wsd(steps=240, peak=3e-4, warmup=21, decay_start=200, end=3e-5,
                             shape="1-sqrt", endpoint=True),
        ),
        ("  constant   steps=9 peak=1 ", lf.schedules.constant(steps=9, peak=1)),
        (
            "multi_step steps=90 peak=1e-3 milestones=30,60 gamma=.5 ramp=shifted",
            lf.schedules.multi_step(steps=90, peak=1e-3, milestones=[30, 60], gamma=0.5,
                                    ramp="shifted"),
        ),
    ],
)  # fmt: skip
def test_schedules_by_name(text, expected):
    assert read_schedule(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "schedule '' is no file, and '' no schedule"),
        ("wds steps=3", "'wds' no schedule; did you mean 'wsd'?"),
        ("cosine steps=9", "schedule 'cosine': peak is missing"),
        ("cosine steps=9 peak=1 peak=2", "schedule 'cosine': peak is given twice"),
        ("cosine steps=9 peek=1", "schedule 'cosine': 'peek' is unknown; did you mean 'peak'?"),
        ("cosine steps=9 peak", "schedule 'cosine': 'peak' is no name=value"),
        ("cosine steps=9 peak=x", "peak is 'x'; expected a real number"),
        ("cosine steps=9.5 peak=1", "steps is 9.5; expected a whole number"),
        ("cosine steps=__import__('os') peak=1", "steps is \"__import__('os')\"; expected a whole"),
        ("Schedule steps=3", "'Schedule' no schedule"),
        ("__doc__ steps=3", "'__doc__' no schedule"),
        ("cosine steps=9 peak=1 __class__=3", "'__class__' is unknown"),
    ],
)
def test_refusals_of_schedules_name_the_argument(text, message):
    with pytest.raises((ValueError, TypeError)) as caught:
        read_schedule(text)
    assert message in str(caught.value)


def test_schedules_of_files(path):
    schedule = lf.schedules.cosine(steps=50, peak=1e-3, warmup=5)
    path.write_text(json.dumps(schedule.to_dict()))
    assert read_schedule(str(path)) == schedule
    rates = schedule.lr.tolist()
    path.write_text("step,lr\n" + "".join(f"{k},{lr!r}\n" for k, lr in enumerate(rates)))
    assert np.array_equal(read_schedule(str(path)).lr, schedule.lr)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("step,lr\n0,1\n2,1\n", "step 2 comes where 1 is expected"),
        ("step,lr\n0,1\n1,\n", "step 1 has no lr"),
        ("step,rate\n0,1\n", "no column is a learning rate; the header has 'step', 'rate'"),
        ("step,lr\n0,1\n1,-1\n", "schedule: lr at step 1 is -1.0; expected lr >= 0"),
        ("step,lr\n0,1\n1,2", "the last line has no end"),
        ("step,lr\n", "schedule: lr has 0 steps"),
        ("{}", "schedule: has the keys []"),
        ("{", "this is no JSON"),
    ],
)
def test_refusals_of_files_with_a_schedule_name_the_file(path, content, message):
    path.write_text(content)
    with pytest.raises(ValueError, match="log: ") as caught:
        read_schedule(str(path))
    assert message in str(caught.value)
