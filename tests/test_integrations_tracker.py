"""A tracker follows a run from inside its loop and never gets in its way."""

import json
import math
import warnings

import numpy as np
import pytest

import lawfit as lf
from lawfit.integrations import Tracker
from loop_data import FINAL, LOSSES, SCHEDULE, STEPS, Clock, follow
from runtime_script import run

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
    assert max(calls) <= 0.071  # the budget, the point that goes beyond it and the newest
    assert tracker.forecaster.n < 35
    tracker.finish()
    assert tracker.forecaster.curve.steps[-1] == STEPS - 1


def test_a_whole_run_read_at_its_end_is_thinned_evenly(monkeypatch):
    clock = Clock(monkeypatch)
    schedule = lf.schedules.constant(steps=20_000, peak=1e-3)
    tracker = Tracker("annealing", schedule, every=20_000).begin()
    update = tracker.forecaster.update
    tracker.forecaster.update = lambda *point: (clock.pass_by(1e-4), update(*point))
    for step in range(20_000):
        tracker.observe(step, 2.0 + (step + 1) ** -0.5)
    before = clock.now
    tracker.finish()
    assert clock.now - before <= 0.0502
    steps = tracker.forecaster.curve.steps
    assert 200 < steps.size < 520
    assert steps[-1] == 19_999
    assert np.diff(steps).max() < 200


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


def test_arrays_of_jax_are_read_together(monkeypatch):
    jax = pytest.importorskip("jax", reason="needs JAX")
    read, get = [], jax.device_get
    monkeypatch.setattr(
        jax, "device_get", lambda losses: (read.append(len(losses)), get(losses))[1]
    )
    tracker = begun(every=50)
    for step in range(20, 70):
        tracker.observe(step, jax.numpy.asarray(LOSSES[step]))
    assert tracker.report()
    assert read == [50]
    assert tracker.forecaster.curve.loss == pytest.approx(LOSSES[20:70], rel=1e-6)


def test_no_more_than_a_thousand_wait_on_the_device():
    schedule = lf.schedules.constant(steps=10_000, peak=1e-3)
    tracker = Tracker("annealing", schedule, every=10_000).begin()
    waiting = []
    for step in range(3000):
        tracker.observe(step, 2.0 + (step + 1) ** -0.5)
        waiting.append(len(tracker._kept))
    assert max(waiting) == 1023
    tracker.finish()
    assert tracker.forecaster.n == 3000


def test_a_prior_tells_what_a_decay_will_bring_before_it_begins():
    """Points of a constant LR alone do not; a forecast they leave open is not reported."""
    open_ended = follow(begun(), range(100))
    assert set(open_ended[99]) == {"lawfit/anomaly"}
    prior = lf.fit("annealing", lf.Curve(range(10, STEPS), LOSSES[10:], SCHEDULE))
    reports = follow(begun(prior=prior, target=3.6), range(100))
    assert set(reports[99]) == {*FINAL, "lawfit/anomaly", "lawfit/eta_step"}
    low, high = (reports[99][f"lawfit/final_loss_{end}"] for end in ("lower", "upper"))
    assert low < LOSSES[-1] < high
    eta = reports[99]["lawfit/eta_step"]
    assert 99 < eta < STEPS
    assert eta == pytest.approx(int(np.argmax(LOSSES < 3.6)), abs=20)


def test_a_target_out_of_reach_is_counted():
    tracker = begun(target=3.4)
    reports = follow(tracker)
    assert "lawfit/eta_step" not in reports[STEPS - 1]
    in_a_row = 0
    for found in reports.values():
        in_a_row = in_a_row + 1 if found.get("lawfit/final_loss_lower", 0.0) > 3.4 else 0
    assert tracker.out_of_reach == in_a_row > 10
    assert begun(target=3.6).out_of_reach == 0


def test_an_alarm_has_its_code():
    losses = LOSSES.copy()
    losses[120] *= 1.5
    tracker = begun()
    reports = follow(tracker, range(121), losses=losses)
    assert reports[119]["lawfit/anomaly"] == 0.0
    assert reports[120]["lawfit/anomaly"] == 1.0
    assert tracker.alarm.kind == "spike"
    assert tracker.alarm.step == 120


def test_another_plan_is_gone_on_with():
    tracker = begun()
    follow(tracker, range(160))
    longer = lf.schedules.wsd(steps=400, peak=1e-3, warmup=10, decay_start=150, end=1e-5)
    tracker.replan(lambda: longer)
    found = tracker.finish()
    assert tracker.forecaster.schedule == longer
    assert found["lawfit/final_loss"] == tracker.forecaster.forecast().loss
    tracker.replan([1e-3] * 100)
    with pytest.warns(RuntimeWarning, match="the schedule ends at step 99, before"):
        tracker.finish()


def test_floating_point_errors_of_the_loop_are_its_own():
    with np.errstate(all="raise"):
        assert follow(begun())


def test_no_framework_is_imported():
    code = """
        from lawfit.integrations import Tracker
        import lawfit.integrations.schedules
        frameworks = {"torch", "transformers", "lightning", "keras", "jax", "optax"}
        print(frameworks & set(sys.modules) or "none")
    """
    assert run(code) == ["none"]


def test_names_are_found_where_they_are():
    assert "Tracker" in dir(lf.integrations)
    with pytest.raises(AttributeError, match="no attribute 'Trackr'"):
        lf.integrations.Trackr  # noqa: B018


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
        ({"share": 0}, "share is 0", ValueError),
        ({"prefix": None}, "prefix is None", TypeError),
        ({"main_process": 0}, "main_process is 0", TypeError),
        ({"fixd": {}}, "did you mean 'fixed'", TypeError),
        ({"delta": 0}, "delta is 0", ValueError),
    ],
)
def test_options_without_a_meaning_are_refused_before_the_run(options, message, error):
    with pytest.raises(error, match=message):
        Tracker(**options)
