"""A forecaster goes on from its state, and with another plan, as if nothing had been."""

import copy
import json
import math
import pickle
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lawfit as lf
from forecast_data import DECAYING, NAMES, SCHEDULE, STEPS, forecaster, known, losses

PRIOR = known()
LOSSES = losses()
KINDS = {
    "exact": {},
    "anchored": {"mode": "anchored"},
    "prior": {"prior": PRIOR},
    "full": {"loss": "soft_l1"},
    "linear": {"space": "linear"},
}


def alike(one, other, rel=1e-6):
    """Say whether two forecasters tell the same."""
    assert (one.n, one.skipped, one.status) == (other.n, other.skipped, other.status)
    if one.n:
        assert one.curve == other.curve
    assert dict(one.params) == pytest.approx(dict(other.params), rel=rel, nan_ok=True)
    assert one.objective == pytest.approx(other.objective, rel=1e-9, nan_ok=True)
    told, again = one.forecast(), other.forecast()
    for field in ("loss", "lower", "upper", "prior_share"):
        expected = pytest.approx(getattr(again, field), rel=rel, nan_ok=True)
        assert getattr(told, field) == expected
    assert told.undetermined == again.undetermined


@pytest.mark.parametrize("n", [0, 3, 4, 30, DECAYING])
@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_run_is_the_uninterrupted_one(kind, n):
    options = KINDS[kind]
    whole = forecaster(n, **options).update(int(STEPS[n]), math.nan)
    text = json.dumps(whole.state_dict(), allow_nan=False)
    resumed = lf.Forecaster("annealing", SCHEDULE, **options)
    assert resumed.load_state_dict(json.loads(text)) is resumed
    alike(resumed, whole)
    kept, again = whole.state_dict(), resumed.state_dict()
    assert again.pop("theta").keys() == kept.pop("theta").keys() == set(NAMES)
    assert again == kept
    for run in (whole, resumed):
        with pytest.raises(ValueError, match=f"does not come after step {STEPS[n]}"):
            run.update(int(STEPS[n]), 2.0)
        for step, loss in zip(STEPS[n + 1 :].tolist(), LOSSES[n + 1 :].tolist(), strict=True):
            run.update(step, loss)
    alike(resumed, whole, rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    cuts=st.lists(st.integers(0, STEPS.size), max_size=4),
    gone=st.sets(st.integers(0, STEPS.size - 1), max_size=20),
    early=st.booleans(),
)
def test_however_often_it_stops(cuts, gone, early):
    """And whatever has no value, within the warm-up or after."""
    loss = LOSSES.copy()
    loss[sorted(gone)] = math.nan
    whole, stopping = (lf.Forecaster("annealing", SCHEDULE) for _ in range(2))
    if early:
        for run in (whole, stopping):
            run.update(3, math.nan).update(7, 5.0)
    for k, (step, value) in enumerate(zip(STEPS, loss, strict=True)):
        for _ in range(cuts.count(k)):
            state = json.loads(json.dumps(stopping.state_dict()))
            stopping = lf.Forecaster("annealing", SCHEDULE).load_state_dict(state)
        whole.update(step, value)
        stopping.update(step, value)
    alike(stopping, whole, rel=1e-5)


def test_a_state_is_no_view():
    run = forecaster(30)
    state = run.state_dict()
    kept = copy.deepcopy(state)
    run.update_many(STEPS[30:], LOSSES[30:])
    assert state == kept
    state["losses"][0] = 99.0
    assert run.curve.loss[0] == LOSSES[0]


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_does_not_pickle(take):
    with pytest.raises(TypeError, match=r"a Forecaster does not pickle; keep its state_dict\(\)"):
        take(forecaster(5))


def test_what_was_there_is_replaced():
    here, there = forecaster(50), forecaster(10)
    alike(here.load_state_dict(there.state_dict()), there)


GOOD = forecaster(30).state_dict()
BAD = [
    ({"format": 2}, "'format' is 2; this reads 1", ValueError),
    ({"format": True}, "'format' must be a whole number", TypeError),
    ({"law": "L0 + A*S1**-alpha"}, "'law' is of another law; expected 'L0", ValueError),
    ({"law": None}, "'law' must be text", TypeError),
    ({"theta": [1.0] * 4}, "'theta' must be an object", TypeError),
    ({"theta": {"L0": 1.0}}, "'theta' has L0; expected L0, A, alpha, C", ValueError),
    ({"theta": dict.fromkeys(NAMES, "x")}, "'theta.L0' must be a number", TypeError),
    ({"theta": dict.fromkeys(NAMES, 10**400)}, "'theta.L0' is too large", ValueError),
    ({"steps": "abc"}, "'steps' must be a list", TypeError),
    ({"steps": GOOD["steps"][:-1]}, "columns differ in length", ValueError),
    ({"steps": [*GOOD["steps"][:-1], 0.5]}, "steps at index 29 is 0.5", ValueError),
    ({"steps": [*GOOD["steps"][:-1], 2**60]}, "steps at index 29 is", ValueError),
    ({"steps": [*GOOD["steps"][:-1], 100]}, "step 100 does not come after", ValueError),
    ({"steps": [*GOOD["steps"][:-1], 3000], "next_step": 3000}, "next_step|beyond", ValueError),
    ({"steps": [[1]] * 30}, "steps has shape", ValueError),
    ({"losses": [None] * 30}, "losses at index 0 is nan", ValueError),
    ({"losses": ["2"] * 30}, "losses at index 0 is '2'", TypeError),
    ({"losses": [True] * 30}, "losses", TypeError),
    ({"losses": [-1.0] * 30}, "log residuals need it above 0", ValueError),
    ({"losses": [1e300] * 30}, "expected a size", ValueError),
    ({"next_step": 2**70}, "'next_step' is .*; expected .* <= 3000", ValueError),
    ({"next_step": 5}, "'next_step' is 5; expected a whole number >= 1261", ValueError),
    ({"next_step": 1300.0}, "'next_step' must be a whole number", TypeError),
    ({"skipped": -1}, "'skipped' is -1", ValueError),
    ({"more": 1}, "unknown key 'more'", ValueError),
]


@pytest.mark.parametrize("kind", ["exact", "full"])
@pytest.mark.parametrize(("change", "message", "error"), BAD)
def test_a_bad_state_changes_nothing(change, message, error, kind):
    run = forecaster(20, **KINDS[kind])
    before = run.state_dict()
    with pytest.raises(error, match=message):
        run.load_state_dict({**GOOD, **change})
    assert run.state_dict() == before
    alike(run.update(int(STEPS[20]), LOSSES[20]), forecaster(21, **KINDS[kind]))


def test_a_state_without_a_key_or_no_state():
    run = forecaster(20)
    for key in GOOD:
        with pytest.raises(ValueError, match=f"state: key '{key}' is missing"):
            run.load_state_dict({name: value for name, value in GOOD.items() if name != key})
    for bad in (None, 3, "state", [GOOD]):
        with pytest.raises(TypeError, match="state: expected an object"):
            run.load_state_dict(bad)


def test_a_state_of_other_free_parameters():
    state = forecaster(30, fixed={"C": 0.4}).state_dict()
    with pytest.raises(ValueError, match="'theta' has L0, A, alpha; expected A, alpha, C"):
        lf.Forecaster("annealing", SCHEDULE, fixed={"L0": 2.5}).load_state_dict(state)


def test_parameters_that_are_lost_are_searched_anew():
    state = {**GOOD, "theta": dict.fromkeys(NAMES, "NaN")}
    run = lf.Forecaster("annealing", SCHEDULE).load_state_dict(state)
    assert run.status == "waiting"
    alike(run.update(int(STEPS[30]), LOSSES[30]), forecaster(31))


LONGER = lf.schedules.wsd(steps=6000, peak=1e-3, warmup=100, decay_start=5000, end=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [0, 2, 30])
def test_another_plan_keeps_the_points(kind, n):
    run = forecaster(n, **KINDS[kind]).update(1500, math.nan)
    what_if = run.forecast(schedule=LONGER)
    assert run.replan(LONGER) is run
    assert run.schedule == LONGER
    assert (run.n, run.skipped) == (n, 1)
    told = run.forecast()
    assert told.steps == 5999
    assert told.loss == pytest.approx(what_if.loss, rel=1e-7, nan_ok=True)
    assert told.upper == pytest.approx(what_if.upper, rel=1e-6, nan_ok=True)
    with pytest.raises(ValueError, match="1500 does not come after step 1500"):
        run.update(1500, 2.0)
    run.update(5500, 2.6)
    assert run.n == n + 1


def test_a_plan_may_be_an_array_and_end_at_the_last_point():
    run = forecaster(30)
    rates = SCHEDULE.lr[: STEPS[29] + 1]
    assert run.replan(rates).forecast().steps == STEPS[29]
    with pytest.raises(ValueError, match="beyond the schedule"):
        run.update(int(STEPS[29]) + 1, 2.0)


@pytest.mark.parametrize("kind", ["exact", "full"])
@pytest.mark.parametrize(
    ("plan", "message", "error"),
    [
        (SCHEDULE.lr[:500], "the schedule ends at step 499, before the last point's, 1260", 0),
        ([1.0, -1.0], "lr at step 1 is -1", 0),
        ("cosine", "lr", TypeError),
        (np.where(np.arange(3000) < 200, 0, SCHEDULE.lr), "S1 is 0 at step 100", 0),
    ],
)
def test_a_bad_plan_changes_nothing(plan, message, error, kind):
    # Half way through the points, in the last one.
    options = {"skip_steps": 0, "warmup": "actual", **KINDS[kind]}
    run = forecaster(30, **options)
    before = run.state_dict()
    with pytest.raises(error or ValueError, match=message):
        run.replan(plan)
    assert run.state_dict() == before
    assert run.schedule == SCHEDULE
    alike(run.update(int(STEPS[30]), LOSSES[30]), forecaster(31, **options))


@pytest.mark.parametrize("kind", KINDS)
def test_a_longer_warm_up_leaves_points_out(kind):
    run = forecaster(30, **KINDS[kind])
    run.replan(lf.schedules.wsd(steps=3000, peak=1e-3, warmup=300, decay_start=2000, end=1e-5))
    assert run.n == np.sum(STEPS[:30] >= 300)
    assert run.curve.steps[0] == 300
    run.replan(lf.schedules.constant(steps=9000, peak=1e-3, warmup=2000))
    assert (run.n, run.status) == (0, "waiting")
    assert run.update(2100, 2.9).n == 1
    kept = forecaster(30, skip_steps=200, **KINDS[kind]).replan(LONGER)
    assert kept.curve.steps[0] == 220


def test_an_interrupted_plan_changes_nothing(monkeypatch):
    run = forecaster(30, loss="soft_l1")
    before = run.state_dict()

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("lawfit._refit.fit", interrupt)
    for change in (lambda: run.replan(LONGER), lambda: run.load_state_dict(GOOD)):
        with pytest.raises(KeyboardInterrupt):
            change()
        assert run.state_dict() == before
        assert run.schedule == SCHEDULE


def test_threads_share_a_forecaster():
    run = forecaster(30, prior=PRIOR)
    wrong = []

    def ask():
        try:
            for _ in range(10):
                assert run.forecast().steps in (2999, 5999)
                run.eta(2.7)
                assert run.anomaly is None
                run.load_state_dict(run.state_dict())
                run.replan(LONGER if run.schedule.steps == 3000 else SCHEDULE)
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert run.n == 30


def test_a_budget():
    assert forecaster(budget=60.0).status == "converged"
    for bad in (0, -1, math.nan):
        with pytest.raises(ValueError, match="budget is"):
            forecaster(0, budget=bad)
    with pytest.raises(TypeError, match="budget is"):
        forecaster(0, budget="1")
    # Whatever is found in no time, points are taken and the next search comes.
    assert forecaster(30, budget=1e-9).n == 30
