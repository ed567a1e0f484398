"""Alarms where a loss is not what the points before led to expect, and none elsewhere."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lawfit as lf
from fit_data import ANNEALING
from forecast_data import SCHEDULE, ar1, known
from lawfit.schedule import Piece

EVERY = 10
STEPS = np.arange(100, 3000, EVERY)
N = 160  # while the rate is constant


def run(change=lambda loss: loss, *, n=N, noise=1e-3, seed=0, schedule=SCHEDULE, **options):
    """A run whose last losses are changed."""
    loss = lf.predict("annealing", ANNEALING, schedule, STEPS[:n])
    loss = change(loss * np.exp(noise * ar1(n, 0.0, seed)))
    return lf.Forecaster("annealing", schedule, **options).update_many(STEPS[:n], loss)


def last(n, factor):
    """Multiply the last n losses."""

    def change(loss):
        loss[-n:] *= factor
        return loss

    return change


PRIOR = known()
SETUPS = [{}, {"prior": PRIOR}, {"loss": "squared"}, {"space": "linear"}, {"mode": "anchored"}]


@pytest.mark.parametrize("options", SETUPS)
@pytest.mark.parametrize(
    ("kind", "change", "above"),
    [
        ("spike", last(1, 1.03), True),
        ("spike", last(1, 5.0), True),
        ("drift", last(16, 1.009), True),
        ("divergence", last(5, np.linspace(1.02, 1.2, 5)), True),
        ("divergence", last(3, [1.5, 3.0, 1e3]), True),
        ("too good", last(1, 0.97), False),
        ("too good", last(16, 0.991), False),
    ],
)
def test_what_is_wrong_is_named(kind, change, above, options):
    found = run(change, **options).anomaly
    assert found.kind == kind
    assert found.step == STEPS[N - 1]
    assert (found.score > 0) == above
    assert abs(found.score) > 5
    assert found.lower < found.expected < found.upper
    clean = lf.predict("annealing", ANNEALING, SCHEDULE, [found.step])[0]
    assert found.expected == pytest.approx(clean, rel=5e-3)
    if "spike" in kind:
        assert found.loss > found.upper
    assert str(found) == (
        f"{kind} at step {found.step}: loss {found.loss:.4g}, expected {found.expected:.4g} "
        f"({found.lower:.4g} to {found.upper:.4g})"
    )


@pytest.mark.parametrize("options", SETUPS)
def test_a_run_that_follows_its_law_rings_no_alarm(options):
    for seed in range(3):
        all_told = run(n=1, seed=seed, **options)
        loss = lf.predict("annealing", ANNEALING, SCHEDULE, STEPS)
        loss *= np.exp(1e-3 * ar1(STEPS.size, 0.5, seed))
        for step, value in zip(STEPS[1:], loss[1:], strict=True):
            all_told.update(step, value)
            if step % 50 == 0:
                assert all_told.anomaly is None


def test_a_spike_is_over_with_the_next_point():
    spiked = run(last(1, 1.2))
    assert spiked.anomaly.kind == "spike"
    after = lf.predict("annealing", ANNEALING, SCHEDULE, STEPS[N : N + 20])
    for step, loss in zip(STEPS[N:], after, strict=False):
        assert spiked.update(step, loss).anomaly is None


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(["linear", "exponential", "1-sqrt", "cosine"]),
    begin=st.integers(600, 2800),
    seed=st.integers(0, 2**31),
    noise=st.floats(1e-4, 1e-2),
)
def test_a_decay_that_begins_is_no_anomaly(kind, begin, seed, noise):
    rest = {"steps": 3000, "peak": 1e-3, "warmup": 100, "end": 1e-5}
    schedule = lf.schedules.wsd(decay_start=begin, shape=kind, **rest)
    for points in (3, 10, 30):
        n = min((begin - 100) // EVERY + points, STEPS.size)
        for prior in (None, PRIOR):
            assert run(n=n, seed=seed, noise=noise, schedule=schedule, prior=prior).anomaly is None


@pytest.mark.parametrize("size", lf.samples.sizes())
def test_real_runs_ring_no_alarm(size):
    smaller = [other for other in lf.samples.sizes() if other < size]
    priors = [None]
    if smaller:
        curves = lf.samples.curves(params=smaller[-1])[["constant_4000", "cosine_4000"]]
        priors.append(lf.fit("annealing", curves, profile={"lam": [0.99, 0.995, 0.998, 0.999]}))
    rung, asked = [], 0
    for curve in lf.samples.curves(params=size):
        for prior in priors:
            follows = lf.Forecaster("annealing", curve.schedule, prior=prior)
            for k, (step, loss) in enumerate(zip(curve.steps, curve.loss, strict=True)):
                follows.update(step, loss)
                if k % 10 == 9:
                    asked += 1
                    rung += [(curve.name, follows.anomaly)] if follows.anomaly else []
    assert rung == []
    assert asked >= 100


@pytest.mark.parametrize("n", [0, 4, 24])
def test_few_points_ring_none(n):
    assert run(last(1, 9.0), n=n).anomaly is None if n else run(n=0).anomaly is None


def test_with_25_points_the_first_alarm_may_ring():
    assert run(last(1, 9.0), n=25).anomaly.kind == "spike"


def jump(at, *, up):
    """A schedule whose rate jumps at a step, to a tenth or back up to its peak."""
    first, then = (1e-4, 1e-3) if up else (1e-3, 1e-4)
    pieces = [
        Piece("linear", 100, 0.0, first, span=100),
        Piece("constant", at - 100, first),
        Piece("constant", 3000 - at, then),
    ]
    return lf.Schedule.from_pieces(pieces, warmup=100)


@pytest.mark.parametrize(
    ("up", "factor", "rings"),
    [
        (True, 3.0, [True, False, False, True]),
        (True, 0.3, [True, False, False, True]),
        (False, 3.0, [True, True, True, True]),  # no loss rises with a rate that falls
        (False, 0.3, [True, False, False, True]),
    ],
)
def test_where_the_rate_jumps_the_law_is_judged_later(up, factor, rings):
    schedule = jump(1100, up=up)
    told = [run(last(1, factor), n=n, schedule=schedule).anomaly for n in (100, 105, 130, 160)]
    assert [each is not None for each in told] == rings
    assert {each.kind for each in told if each} == {"spike" if factor > 1 else "too good"}


@pytest.mark.parametrize("points", [2, 10, 30])
def test_a_decay_hides_no_spike(points):
    """Though nothing says yet how far the losses fall in it."""
    n = int(np.searchsorted(STEPS, 1800)) + points
    assert run(last(1, 1.1), n=n).anomaly.kind == "spike"
    assert run(last(3, [1.1, 1.2, 1.3]), n=n).anomaly.kind == "divergence"


def test_losses_without_a_value_are_not_its_business():
    follows = run()
    follows.update(2500, math.nan)
    assert follows.anomaly is None
    assert follows.skipped == 1
