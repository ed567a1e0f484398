"""A tracker follows a run from inside its loop and never gets in its way."""

import json
import math
import warnings

import numpy as np
import pytest

import lawfit as lf
from lawfit.integrations import Tracker
from loop_data import FINAL, LOSSES, SCHEDULE, STEPS, Clock, follow

ALWAYS = {"every": 1, "share": 1.0}


def begun(**options):
    return Tracker("annealing", SCHEDULE, **(ALWAYS | options)).begin()


def broken(tracker, error=None):
    """Let the tracker's forecaster fail from here on."""

    def update(*_):
        raise error or RuntimeError("no fit today")

    tracker.forecaster.update = update
    return tracker


def test_it_reports_what_a_forecaster_forecasts():
    tracker, forecaster = begun(), lf.Forecaster("annealing", SCHEDULE)
    reports = follow(tracker)
    forecaster.update_many(np.arange(STEPS), LOSSES)
    assert tracker.forecaster.params == forecaster.params
    assert tracker.forecaster.n == STEPS - 10
    assert set(reports) == set(range(13, STEPS))  # 10 steps of warm-up, 4 parameters
    assert set(reports[STEPS - 1]) == {*FINAL, "lawfit/anomaly"}
    assert reports[STEPS - 1]["lawfit/final_loss"] == tracker.forecast.loss
    assert tracker.finish() == reports[STEPS - 1]


def test_the_framework_brings_the_schedule_unless_the_user_did():
    theirs = lf.schedules.constant(steps=50, peak=1e-3)
    assert Tracker("annealing").begin(theirs).forecaster.schedule == theirs
    assert begun().begin(theirs).forecaster.schedule == SCHEDULE
    assert Tracker("annealing").begin([1e-3] * 7).forecaster.schedule.steps == 7


def test_reports_keep_to_their_cadence():
    assert list(follow(begun(every=25))) == [24, 49, 74, 99, 124, 149, 174, 199]
    tracker = Tracker("annealing", lf.schedules.constant(steps=50_000, peak=1e-3), share=1.0)
    reports = follow(tracker.begin(), range(STEPS))
    assert list(reports) == [49, 99, 149, 199]  # a thousandth of the run


def test_reports_are_left_out_while_they_cost_too_much(monkeypatch):
    clock = Clock(monkeypatch)
    tracker = begun(share=0.01)
    update = tracker.forecaster.update
    tracker.forecaster.update = lambda *point: (clock.pass_by(0.01), update(*point))
    reported = []
    for step in range(20, STEPS):
        clock.pass_by(1.0)
        tracker.observe(step, LOSSES[step])
        reported += [step] if tracker.report() else []
        assert tracker.seconds <= 0.0101 * clock.now + 0.01
    # A point costs a hundredth of what its step takes: all that the share allows.
    assert len(reported) > 10
    assert reported[-1] > STEPS - 40
    assert tracker.finish()
    assert tracker.forecaster.n == STEPS - 20


def test_what_is_too_slow_to_fit_is_thinned(monkeypatch):
    clock = Clock(monkeypatch)
    tracker = begun(time_budget=0.05, share=1.0, every=40)
    update = tracker.forecaster.update
    tracker.forecaster.update = lambda *point: (clock.pass_by(0.01), update(*point))
    clock.pass_by(100.0)
    calls = []
    for step in range(20, STEPS):
        tracker.observe(step, LOSSES[step])
        before = clock.now
        tracker.report()
        calls.append(clock.now - before)
    assert max(calls) <= 0.061  # the budget and the point that goes beyond it
    assert tracker.forecaster.n < 30
    assert tracker.forecaster.curve.steps[-1] == STEPS - 1


def test_tensors_are_not_read_when_they_are_observed():
    class Scalar:
        """A tensor on a device, of no framework that is known."""

        read = 0

        def __init__(self, value):
            self.value = value

        def detach(self):
            return self

        clone = detach

        def reshape(self, shape):
            assert shape == ()
            return self

        def item(self):
            Scalar.read += 1
            return self.value

    tracker = begun(every=50)
    for step in range(20, 69):
        tracker.observe(step, Scalar(LOSSES[step]))
    assert Scalar.read == 0
    assert tracker.report(69)
    assert Scalar.read == 49


def test_losses_that_are_none_are_left_out_and_counted():
    losses = LOSSES.copy()
    losses[[30, 40, 50]] = math.nan, math.inf, -math.inf
    tracker = begun()
    follow(tracker, losses=losses)
    assert tracker.forecaster.skipped == 3
    assert tracker.error is None
    assert all(math.isfinite(value) for value in tracker.finish().values())


def test_an_error_is_one_warning_and_the_run_goes_on():
    tracker = begun()
    follow(tracker, range(50))
    broken(tracker)
    with pytest.warns(RuntimeWarning, match="no more forecasts of this run: RuntimeError: no fit"):
        follow(tracker, range(50, 60))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert follow(tracker, range(60, STEPS)) == {}
        assert tracker.finish() == {}
        assert tracker.state_dict() == {}
    assert isinstance(tracker.error, RuntimeError)
    assert "off: no fit today" in repr(tracker)
    assert tracker.forecast is not None


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([(5, 2.0), (4, 2.0)], "step 4 does not come after step 5"),
        ([(STEPS, 2.0)], f"step {STEPS} is beyond the schedule"),
        ([(20, -1.0)], "loss at step 20 is -1"),
        ([(20, "low")], "loss is 'low'"),
        ([("20", 2.0)], "step is '20'|unsupported operand"),
    ],
)
def test_points_that_are_refused_are_errors_of_that_kind(points, message):
    def give(tracker):
        for step, loss in points:
            tracker.observe(step, loss)
        tracker.finish()

    with pytest.warns(RuntimeWarning, match=message):
        give(begun())
    with pytest.raises((TypeError, ValueError), match=message):
        give(begun(on_error="raise"))


def test_a_run_without_a_schedule_is_an_error_of_that_kind():
    with pytest.warns(RuntimeWarning, match="the tracker has no schedule"):
        tracker = Tracker("annealing").begin()
    assert follow(tracker) == {}
    with pytest.warns(RuntimeWarning, match="lr at step 1 is -1"):
        Tracker("annealing").begin([1.0, -1.0])
    with pytest.warns(RuntimeWarning, match="call `begin`"):
        assert Tracker("annealing", SCHEDULE).finish() == {}
    with pytest.raises(ValueError, match="the tracker has no schedule"):
        Tracker("annealing", on_error="raise").begin()


def test_an_interrupt_is_not_held_back():
    tracker = broken(begun(), KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        follow(tracker)
    assert tracker.error is None


def test_other_processes_do_nothing():
    tracker = broken(begun(main_process=True))
    tracker.main_process = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert follow(tracker) == {}
        assert tracker.finish() == {}
        assert tracker.state_dict() == {}
    tracker = begun(main_process=False)
    assert follow(tracker) == {}
    assert tracker.forecaster is None
    assert repr(tracker) == "<Tracker: not the main process>"


@pytest.mark.parametrize("begins_first", [True, False])
def test_a_saved_state_goes_on(begins_first):
    whole, first, second = begun(every=10), begun(every=10), begun(every=10)
    expected = follow(whole)
    reports = follow(first, range(105))
    state = json.loads(json.dumps(first.state_dict(), allow_nan=False))
    if not begins_first:
        second = Tracker("annealing", SCHEDULE, every=10, share=1.0)
    second.load_state_dict(state)
    if not begins_first:
        assert second.state_dict() == state
        second.begin()
    reports |= follow(second, range(105, STEPS))
    assert list(reports) == list(expected)
    assert second.forecaster.curve == whole.forecaster.curve
    assert second.finish()["lawfit/final_loss"] == pytest.approx(
        expected[STEPS - 1]["lawfit/final_loss"], rel=1e-9
    )


def test_a_state_takes_along_what_waits():
    tracker = begun(every=10**6)
    follow(tracker, range(40))
    tracker.observe(40, math.nan)
    state = json.loads(json.dumps(tracker.state_dict(), allow_nan=False))
    other = begun(every=10**6)
    other.load_state_dict(state)
    other.finish()
    assert other.forecaster.n == 30
    assert other.forecaster.skipped == 1


def test_a_state_that_is_none_is_an_error_of_that_kind():
    with pytest.warns(RuntimeWarning, match="'format' is 'x'; expected 1"):
        begun().load_state_dict({"format": "x"})
    tracker = begun()
    tracker.load_state_dict({})
    assert tracker.error is None


@pytest.mark.parametrize(
    ("options", "message", "error"),
    [
        ({"law": "anealing"}, "did you mean 'annealing'", ValueError),
        ({"law": "chinchilla"}, "needs the column 'N'", ValueError),
        ({"schedule": [1.0, -1.0]}, "lr at step 1 is -1", ValueError),
        ({"every": 0}, "every is 0", ValueError),
        ({"target": "3"}, "target is '3'", TypeError),
        ({"on_error": "ignore"}, "on_error 'ignore' is unknown", ValueError),
        ({"time_budget": 0}, "time_budget is 0", ValueError),
        ({"share": 2}, "share is 2", ValueError),
        ({"prefix": None}, "prefix is None", TypeError),
        ({"main_process": 0}, "main_process is 0", TypeError),
        ({"fixd": {}}, "did you mean 'fixed'", TypeError),
        ({"delta": 0}, "delta is 0", ValueError),
    ],
)
def test_options_without_a_meaning_are_refused_before_the_run(options, message, error):
    with pytest.raises(error, match=message):
        Tracker(**options)
