"""Hugging Face's trainer states: where losses lie, and a file that is rewritten whole."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lawfit as lf
from lawfit.io import open_log
from lawfit.watch import Watch
from log_files import read_all, rows

HISTORY = [
    {"epoch": 0.1, "loss": 5.5, "learning_rate": 1e-3, "step": 10},
    {"epoch": 0.2, "loss": 4.5, "learning_rate": 2e-3, "step": 20},
    {"epoch": 0.2, "eval_loss": 4.75, "eval_runtime": 1.5, "step": 20},
    {"epoch": 0.3, "loss": 4.25, "learning_rate": 1e-3, "step": 25},
    {"epoch": 0.3, "train_loss": 4.9, "train_runtime": 9.0, "total_flos": 1e9, "step": 25},
]
ROWS = [
    (4, {"loss": 5.5}),
    (9, {"epoch": 0.1, "learning_rate": 1e-3}),
    (14, {"loss": 4.5}),
    (19, {"epoch": 0.2, "learning_rate": 2e-3}),
    (19, {"epoch": 0.2, "eval_loss": 4.75, "eval_runtime": 1.5}),
    (22, {"loss": 4.25}),
    (24, {"epoch": 0.3, "learning_rate": 1e-3}),
    (24, {}),
]


def text(history=HISTORY, **fields):
    state = {"best_metric": None, "global_step": 25, "max_steps": 100, "log_history": history}
    return json.dumps({**state, **fields}, indent=2, sort_keys=True) + "\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "trainer_state.json"


@pytest.mark.parametrize("compact", [False, True])
def test_losses_are_at_the_centre_of_their_window_and_all_else_at_its_end(path, compact):
    path.write_text(json.dumps(json.loads(text())) if compact else text())
    reader = open_log(path)
    assert reader.title == "trainer state"
    assert rows(reader) == ROWS
    assert reader.total == 100


def test_the_first_step_logged_alone(path):
    path.write_text(text([{"loss": 6.0, "step": 1}, {"loss": 5.0, "step": 11}]))
    assert read_all(path) == [(0, {"loss": 6.0}), (5, {"loss": 5.0})]


def test_what_is_logged_before_the_first_update_is_counted(path):
    path.write_text(text([{"eval_loss": 9.0, "step": 0}, {"loss": 5.0, "step": 10}]))
    reader = open_log(path)
    assert rows(reader) == [(4, {"loss": 5.0})]
    assert reader.notes() == ["passed over 1 entry logged before the first update"]
    (curve,) = lf.read_curves(path)
    assert "passed over 1 entry logged before the first update" in curve.notes


def test_a_run_has_ended_where_its_summary_is_logged(path):
    entries = [{"loss": 5 - k / 9, "learning_rate": 1e-3, "step": k} for k in range(2, 25, 2)]
    path.write_text(text(entries, max_steps=25))
    watched = Watch(path)
    assert not watched.refresh().finished
    path.write_text(text([*entries, HISTORY[-1]], max_steps=25))
    assert watched.refresh().finished


@given(st.lists(st.integers(1, 40), min_size=1, max_size=10))
def test_a_window_s_mean_of_a_line_is_its_value_there(tmp_path_factory, windows):
    path = tmp_path_factory.mktemp("state") / "log"
    history, begin = [], 0
    for window in windows:
        mean = sum(range(begin, begin + window)) / window  # the loss at step t is t
        begin += window
        history.append({"loss": mean, "step": begin})
    path.write_text(text(history))
    for step, values in read_all(path):
        assert 0 <= values["loss"] - step <= 0.5  # rounded down


def test_rows_come_once_as_the_file_is_rewritten(path):
    path.write_text(text(HISTORY[:1]))
    reader = open_log(path)
    assert rows(reader) == ROWS[:2]
    assert rows(reader) == []
    path.write_text(text())
    assert rows(reader) == ROWS[2:]
    moved = path.rename(path.with_name("moved"))
    assert rows(reader) == []
    assert reader.notes() == ["the file is gone; waiting for it"]
    moved.rename(path)  # the same file is back
    assert (rows(reader), reader.notes()) == ([], [])
    path.write_text(text())
    assert rows(reader) == []
    assert reader.restarts == 0


def test_a_resume_from_an_earlier_checkpoint_starts_over(path):
    path.write_text(text())
    reader = open_log(path)
    rows(reader)
    path.write_text(text([HISTORY[0], {"loss": 4.0, "step": 20}]))
    assert rows(reader) == [*ROWS[:2], (14, {"loss": 4.0})]
    assert reader.restarts == 1


def test_a_file_that_is_half_written_is_waited_for(path):
    whole = text()
    path.write_text(whole)
    reader = open_log(path)
    expected = rows(reader)
    for cut in range(0, len(whole.rstrip()), 7):
        path.write_text(whole[:cut])
        assert rows(reader) == []
        assert reader.notes() == ["the file is being written; waiting for its end"]
    path.write_text(whole)
    assert rows(reader) == []
    assert reader.notes() == []
    assert expected == ROWS
    assert reader.restarts == 0


def test_a_file_that_goes_away_while_it_is_looked_at_is_waited_for(path, monkeypatch):
    path.write_text(text())
    reader = open_log(path)

    def look(path):
        status = path.stat()
        path.unlink()
        return status

    with monkeypatch.context() as patch:
        patch.setattr("lawfit.io.trainer_state.check_regular", look)
        assert rows(reader) == []
    assert reader.notes() == ["the file is gone; waiting for it"]
    path.write_text(text())
    assert rows(reader) == ROWS


def test_losses_without_a_value(path):
    path.write_text(text([{"loss": math.nan, "step": 10}, {"loss": math.inf, "step": 20}]))
    (_, first), (_, second) = read_all(path)
    assert math.isnan(first["loss"])
    assert second["loss"] == math.inf


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{\n"log_history": 3}', "log_history is 3; expected a list"),
        ("{\n" + " " * 9 + "}", "log_history is None; expected a list"),
        ('{\n"log_history": [3]}', "log_history[0] is 3; expected an object"),
        ('{\n"log_history": [{"loss": 3}]}', "log_history[0]: step is None; expected a whole"),
        ('{\n"log_history": [{"step": 1.5}]}', "log_history[0]: step is 1.5; expected a whole"),
        ('{\n"log_history": [{"step": true}]}', "log_history[0]: step is True; expected a whole"),
        ('{\n"log_history": [], "max_steps": -1}', "max_steps is -1; expected a whole number"),
        ('{\n"log_history": [],}', "this is no JSON"),
        ('{\n"log_history": [{"step": 1, "loss": 1' + "0" * 400 + "}]}", "loss is an int of 1329"),
        ('{\n"a": ' + "[" * 40 + "]" * 40 + "}", "more than 32 levels of nesting"),
        ('{\n"log_history": []}}', "this is no JSON"),
    ],
)  # fmt: skip
def test_refusals_name_entry_and_value(path, content, message):
    path.write_text(content)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at
        read_all(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
