"""When a loss is reached, and when to decay, against every step and every start."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lawfit as lf
from fit_data import ANNEALING
from forecast_data import DECAYING, SCHEDULE, STEPS, forecaster, known

RUN = forecaster()
PRIOR = known()
LAST = int(STEPS[DECAYING - 1])
AHEAD = np.arange(LAST + 1, SCHEDULE.steps)


@settings(max_examples=40, deadline=None)
@given(target=st.floats(2.5, 2.9), level=st.floats(0.05, 0.99))
def test_eta_is_the_first_step_that_is_low_enough(target, level):
    found = RUN.eta(target, level)
    every = RUN.forecast(AHEAD, level)
    for step, loss in (
        (found.step, every.loss),
        (found.earliest, every.lower),
        (found.latest, every.upper),
    ):
        below = AHEAD[loss <= target]
        assert step == (below[0] if below.size else None)
    assert (found.target, found.level) == (target, level)


def test_eta_in_words():
    at_end = RUN.forecast()
    assert str(RUN.eta(99.0)) == f"99 at step {LAST + 1} (step {LAST + 1} to step {LAST + 1})"
    assert str(RUN.eta(0.1)) == "0.1 is never reached"
    between = (at_end.lower + at_end.loss) / 2
    assert str(RUN.eta(between)).startswith(f"{between:g} is never reached; at the earliest at")
    # One step alone and among others may differ by rounding.
    assert str(RUN.eta(at_end.loss * (1 + 1e-12))).endswith(" to never)")


def test_eta_is_of_a_step_to_come():
    run = forecaster().update(2800, math.nan)
    assert run.eta(99.0).step == 2801
    assert run.best_decay().start >= 2801
    over = forecaster(STEPS.size)
    assert over.eta(99.0).step is None


@pytest.mark.parametrize("target", [2.55, 2.5, 2.45])
def test_eta_over_a_long_run_is_found_to_the_step(target):
    schedule = lf.schedules.wsd(steps=150_000, peak=1e-3, warmup=100, decay_start=120_000, end=0)
    run = lf.Forecaster("annealing", schedule, prior=PRIOR)
    ahead = np.arange(1000, 150_000)
    run.update(999, 2.9)
    found, every = run.eta(target), run.forecast(ahead)
    expected = [ahead[loss <= target][:1].tolist() for loss in (every.loss, every.lower)]
    assert [[step] if step else [] for step in (found.step, found.earliest)] == expected
    endless = lf.schedules.wsd(steps=10**12, peak=1e-3, warmup=100, decay_start=10**11, end=0)
    assert lf.Forecaster("annealing", endless, prior=PRIOR).eta(2.55).step < 10**7


def test_eta_where_nothing_is_determined():
    found = forecaster(40).eta(2.6)  # no decay yet
    assert found.latest is None
    with pytest.raises(ValueError, match="eta: nothing is known yet with 3 points; expected 4"):
        forecaster(3).eta(2.6)
    assert forecaster(0, prior=PRIOR).eta(2.7).step > 100


@pytest.mark.parametrize(
    ("loss", "level", "message", "error"),
    [
        (math.nan, 0.9, "loss is nan", ValueError),
        (math.inf, 0.9, "loss is inf", ValueError),
        ("2", 0.9, "loss is '2'", TypeError),
        (2.0, 1.0, "level is 1.0", ValueError),
        (2.0, None, "level is None", TypeError),
    ],
)
def test_bad_targets(loss, level, message, error):
    with pytest.raises(error, match=message):
        RUN.eta(loss, level)


SHORT = lf.schedules.wsd(steps=420, peak=5e-3, warmup=20, decay_start=400, end=0)


def short_run(schedule=SHORT, n=40, noise=1e-4, **params):
    """A run of few steps, so that all starts of a decay can be tried."""
    steps = np.arange(20, 400, 4)[:n]
    prior = {**ANNEALING, "C": 0.1, **params}
    loss = lf.predict("annealing", prior, schedule, steps)
    loss *= np.exp(np.random.default_rng(0).normal(0, noise, steps.size))
    curves = [
        lf.Curve(np.arange(20, 420), lf.predict("annealing", prior, s, np.arange(20, 420)), s)
        for s in (SHORT, lf.schedules.cosine(steps=420, peak=5e-3, warmup=20))
    ]
    fit = lf.fit("annealing", curves, fixed={"lam": params.get("lam", 0.999)})
    return lf.Forecaster("annealing", schedule, prior=fit).update_many(steps, loss)


def final(run, start, *, total=420, shape="linear", end=0.0):
    rest = {"steps": total, "peak": 5e-3, "warmup": 20, "decay_start": start}
    plan = lf.schedules.wsd(**rest, shape=shape, end=end)
    return run.forecast(level=None, schedule=plan).loss


@pytest.mark.parametrize("lam", [0.9, 0.97, 0.999])
@pytest.mark.parametrize("shape", ["linear", "1-sqrt", "cosine"])
def test_the_best_decay_is_the_best_of_all(shape, lam):
    run = short_run(lam=lam)
    first = int(run.curve.steps[-1]) + 1
    every = {start: final(run, start, shape=shape) for start in range(first, 420)}
    best = min(every, key=every.get)
    found = run.best_decay(shape=shape, end=0)
    assert found.loss == pytest.approx(every[best], rel=1e-9)
    assert abs(found.start - best) <= 1
    assert found.loss == pytest.approx(every[found.start], rel=1e-12)
    assert found.lower < found.loss < found.upper
    low, high = found.window
    assert first <= low <= found.start <= high < 420


def test_the_plan_is_the_runs_past_and_a_decay():
    run = short_run()
    found = run.best_decay(total_steps=800, shape="exponential", end=1e-4)
    plan, seen = found.schedule, int(run.curve.steps[-1]) + 1
    assert (plan.steps, plan.warmup) == (800, 20)
    assert np.array_equal(plan.lr[:seen], SHORT.lr[:seen])
    assert np.all(plan.lr[seen : found.start + 1] == 5e-3)
    assert np.all(np.diff(plan.lr[found.start :]) < 0)
    assert plan.lr[-1] > 1e-4
    told = run.forecast(schedule=plan)
    assert (told.loss, told.lower, told.upper) == (found.loss, found.lower, found.upper)
    assert run.schedule == SHORT
    assert str(found).startswith(f"decay from step {found.start} (anywhere from ")


def test_a_schedule_that_is_an_array_has_the_same_best_decay():
    # An array is summed step by step, pieces by closed forms.
    pieces, array = short_run(), short_run(lf.Schedule(SHORT.lr))
    there, here = pieces.best_decay(total_steps=600), array.best_decay(total_steps=600)
    assert abs(there.start - here.start) <= 1
    assert there.loss == pytest.approx(here.loss, rel=1e-7)
    assert np.allclose(there.schedule.lr[:160], here.schedule.lr[:160], rtol=1e-12)
    assert here.window == there.window


def test_a_long_run_is_planned_at_once():
    assert forecaster(prior=PRIOR).best_decay(total_steps=10**12).schedule.steps == 10**12


def test_a_decay_within_the_warm_up_begins_after_it():
    run = lf.Forecaster("annealing", SCHEDULE, prior=PRIOR)
    assert run.best_decay().start > SCHEDULE.warmup
    run.update(50, 5.0)
    found = run.best_decay()
    assert np.array_equal(found.schedule.lr[:100], SCHEDULE.lr[:100])


def test_the_window_holds_what_a_measurement_cannot_tell_apart():
    widths = []
    for noise in (1e-3, 1e-2):
        run = short_run(noise=noise)
        found = run.best_decay(end=0)
        for start in found.window:
            assert final(run, start) <= found.loss + 2 * noise * found.loss
        widths.append(found.window[1] - found.window[0])
    assert widths[1] > 1.5 * widths[0]


def test_a_decay_that_no_point_speaks_of():
    with pytest.raises(ValueError, match="best_decay: the points so far do not determine C; a pri"):
        forecaster(40).best_decay()
    with pytest.raises(ValueError, match="best_decay: nothing is known yet with 2 points"):
        forecaster(2).best_decay()
    zero = lf.Forecaster("annealing", [0.0] * 50, prior=PRIOR)
    with pytest.raises(ValueError, match="the learning rate is 0 already at step 0"):
        zero.best_decay()


@pytest.mark.parametrize(
    ("options", "message", "error"),
    [
        ({"total_steps": 100}, f"total_steps is 100; expected a whole number >= {LAST + 2}", 0),
        ({"total_steps": 1e4 + 0.5}, "total_steps is 10000.5", 0),
        ({"total_steps": "9"}, "total_steps is '9'", TypeError),
        ({"shape": "line"}, "shape 'line' is unknown; did you mean 'linear'", 0),
        ({"end": 1.0}, "end is 1.0; expected a finite number >= 0 and <= ", 0),
        ({"end": 0.0, "shape": "exponential"}, "end is 0.0; an exponential decay needs end > 0", 0),
        ({"level": 0}, "level is 0", 0),
        ({"level": None}, "level is None", TypeError),
    ],
)
def test_bad_decays(options, message, error):
    with pytest.raises(error or ValueError, match=message):
        RUN.best_decay(**options)


def test_an_array_has_a_longest_plan():
    run = short_run(lf.Schedule(SHORT.lr))
    with pytest.raises(ValueError, match=r"total_steps is 1000000000; .* <= 100000000"):
        run.best_decay(total_steps=10**9)
