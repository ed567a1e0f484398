"""Schedules without a form: none that never rises ends lower."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

import lawfit as lf
from design_data import CLOSE, PEAK, RUN, SIMPLE, STEPS, TRUE, WARMUP, final, fitted
from golden_data import MULTIPOWER_TRAIN, multipower_curves
from lawfit._free_form import _isotonic
from lawfit._last_loss import LastLoss
from lawfit.prediction import request


@pytest.fixture(scope="module", params=SIMPLE)
def fit(request):
    return fitted(request.param)


@pytest.fixture(scope="module")
def annealed():
    return fitted("annealing")


def test_the_annealing_laws_free_form_is_one_sudden_fall(annealed):
    found = lf.design_schedule(annealed, **RUN, form="free", end=3e-4)
    best = min(
        final(annealed, lf.schedules.two_stage(**RUN, switch=switch, second=3e-4))
        for switch in range(WARMUP + 1, STEPS)
    )
    assert found.loss == pytest.approx(best, abs=CLOSE)
    assert set(np.round(found.schedule.lr[WARMUP:] / PEAK, 9)) == {1.0, 0.1}
    assert any("too suddenly" in note for note in found.notes)


@given(st.lists(st.floats(0, 1), min_size=8, max_size=8), st.floats(0.05, 20))
def test_no_schedule_that_never_rises_ends_lower_by_the_annealing_law(levels, power):
    fit = _annealed()
    best = _free(end=3e-4)
    shape = np.interp(
        np.linspace(0, 1, STEPS - WARMUP) ** power, np.linspace(0, 1, 8), sorted(levels)[::-1]
    )
    rates = lf.schedules.constant(**RUN).lr.copy()
    rates[WARMUP:] = 3e-4 + (PEAK - 3e-4) * shape
    rates[WARMUP] = PEAK
    assert final(fit, lf.Schedule(rates, warmup=WARMUP)) >= best.loss - CLOSE


_cache = {}


def _annealed():
    return _cache.setdefault("fit", fitted("annealing"))


def _free(end):
    key = ("free", end)
    if key not in _cache:
        _cache[key] = lf.design_schedule(_annealed(), **RUN, form="free", end=end)
    return _cache[key]


def test_scipy_finds_no_lower_free_form_of_the_multi_power_law():
    run, floor = {"steps": 60, "peak": PEAK, "warmup": 5}, 3e-4
    fit = fitted("multi_power")
    found = lf.design_schedule(fit, **run, form="free", end=floor)
    held = lf.schedules.constant(**run).lr
    last = last_loss(fit, lf.Schedule(held, warmup=5))

    def loss(falls):
        rates = held.copy()
        rates[6:] -= np.cumsum(falls) * PEAK
        value, gradient = last(rates)
        return value, -np.cumsum(gradient[:5:-1])[::-1] * PEAK

    room = optimize.LinearConstraint(np.ones((1, 54)), 0, 1 - floor / PEAK)
    rng = np.random.default_rng(0)
    begun = [np.zeros(54), np.full(54, 0.9 / 54), *(rng.dirichlet(np.ones(54)) * 0.9 for _ in "ab")]
    for start in begun:
        other = optimize.minimize(
            loss, start, jac=True, method="SLSQP", bounds=[(0, 1)] * 54, constraints=[room],
            options={"maxiter": 300, "ftol": 1e-12},
        )  # fmt: skip
        assert found.loss <= other.fun + 1e-5
    assert found.schedule.lr[5:].min() >= floor * (1 - 1e-12)


@pytest.mark.parametrize("floor", [3e-4, 3e-5])
def test_a_free_form_never_rises_and_ends_no_higher_than_the_family(fit, floor):
    found = lf.design_schedule(fit, **RUN, form="free", end=floor)
    family = lf.design_schedule(fit, **RUN, end=floor)
    rates = found.schedule.lr[WARMUP:]
    assert np.all(np.diff(rates) <= 1e-15)
    assert rates[0] == PEAK
    assert rates.min() >= floor * (1 - 1e-12)
    assert found.loss <= family.loss + 1e-9
    assert found.loss == pytest.approx(final(fit, found.schedule), abs=1e-9)
    assert found.shape == "free"
    assert rates[found.start - WARMUP] == PEAK > rates[found.start - WARMUP + 1]


def test_no_two_sudden_falls_end_lower_than_a_free_form():
    """The best sudden fall, which the search begins at, is not lost between its knots."""
    run, end = {"steps": 400, "peak": PEAK, "warmup": WARMUP}, 3e-4
    steep = {"A": 0.1, "alpha": 0.37, "B": 530.0, "C": 0.1, "beta": 1.97, "gamma": 0.32}
    fit = fitted("multi_power", warmup="skip")
    fit = dataclasses.replace(fit, params={**fit.params, **steep})
    found = lf.design_schedule(fit, **run, form="free", end=end)
    last = last_loss(fit, found.schedule)
    held = lf.schedules.constant(**run).lr
    switches = np.linspace(WARMUP + 1, run["steps"], 20).astype(int)
    for first, second in itertools.combinations(switches, 2):
        for share, after in itertools.product((0.7, 0.35, 0.3), (0.3, 0.1)):
            rates = held.copy()
            rates[first:] = share * PEAK
            rates[second:] = after * PEAK
            assert found.loss <= last(rates)[0] + CLOSE


def test_no_lower_than_published_by_the_multi_power_law():
    """Its authors' optimum at 100M, 24000 steps: 2.79406, after 10000 iterations of Adam."""
    fit = lf.fit("multi_power", multipower_curves(100, MULTIPOWER_TRAIN), warmup="skip")
    values = (2.6514477, 0.60115152, 0.45295811, 437.9464276, 2.13245612, 0.59785199, 0.65523644)
    published = dataclasses.replace(fit, params=dict(zip(fit.params, values, strict=True)))
    run = {"steps": 24000, "peak": 3e-4, "warmup": 2160, "ramp": "closed", "end": 3e-6}
    found = lf.design_schedule(published, **run, form="free")
    assert 2.79 < found.loss < 2.792
    assert found.loss < lf.design_schedule(published, **run).loss


def last_loss(fit, schedule):
    sizes = {"params": None, "tokens_per_step": None}
    warmup = fit.options.warmup
    asked = request(fit.law, schedule, [schedule.steps - 1], warmup=warmup, sizes=sizes)
    return LastLoss(fit, schedule, asked)


BOTH = lf.Law(
    "both", "floor + a*S1**-0.5 - c*S2(decay/2) / (1 + S1) - b*loss_drop(10*c, 0.5, g)",
    ["floor", "a", "c", "decay", "b", "g"],
)  # fmt: skip
BOTH_AT = {"floor": 1.5, "a": 0.4, "c": 0.3, "decay": 1.9, "b": 5.0, "g": 0.6}


@pytest.mark.parametrize("warmup", ["actual", "peak", "skip"])
@pytest.mark.parametrize("law", [*SIMPLE, BOTH], ids=str)
def test_the_gradient_is_that_of_differences(law, warmup):
    params = BOTH_AT if law is BOTH else TRUE[law]
    schedule = lf.schedules.wsd(**RUN, decay_start=200, end=1e-4, shape="1-sqrt")
    known = fitted("annealing", warmup=warmup)
    law = lf.laws.get(law) if isinstance(law, str) else law
    fit = dataclasses.replace(known, law=law, params=params)
    last = last_loss(fit, schedule)
    value, gradient = last(schedule.lr)

    def at(rates):
        made = lf.Schedule(rates, warmup=WARMUP)
        return lf.predict(law, params, made, [STEPS - 1], warmup=warmup, exact=True)[0]

    assert value == pytest.approx(at(schedule.lr), rel=1e-12)
    for step in (WARMUP + 1, 100, 199, 200, 201, 250, STEPS - 2, STEPS - 1):
        h = 1e-4 * schedule.lr[step]
        up, down = schedule.lr.copy(), schedule.lr.copy()
        up[step] += h
        down[step] -= h
        slope = (at(up) - at(down)) / (2 * h)
        assert gradient[step] == pytest.approx(slope, rel=1e-5, abs=1e-6)


@given(
    st.lists(st.tuples(st.floats(-5, 5), st.floats(0.1, 10)), min_size=1, max_size=12),
)
def test_isotonic_regression(points):
    x, weights = (np.array(column) for column in zip(*points, strict=True))
    found = _isotonic(x, weights)
    assert np.all(np.diff(found) <= 0)
    # its optimality: x - found is orthogonal to found, and to no cone's ray positive
    off = weights * (x - found)
    assert np.sum(off) == pytest.approx(0, abs=1e-9)
    assert off @ found == pytest.approx(0, abs=1e-9)
    assert np.all(np.cumsum(off)[:-1] <= 1e-9)
