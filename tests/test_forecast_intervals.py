"""Intervals of a forecast hold what they say, and are the delta method's."""

import contextlib
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

import lawfit as lf
from forecast_data import DECAYING, NAMES, SCHEDULE, STEPS, ar1, forecaster, known, losses


@pytest.mark.parametrize(
    ("noise", "memory", "options"),
    [
        (3e-4, 0.0, {}),
        (3e-3, 0.0, {}),
        (3e-3, 0.0, {"loss": "squared"}),
        (3e-3, 0.0, {"space": "linear"}),
        (3e-4, 0.5, {}),
        (3e-3, 0.8, {}),
        (3e-3, 0.8, {"loss": "squared"}),
    ],
)
def test_they_hold_nine_of_ten_final_losses(noise, memory, options):
    runs, held = 200, 0
    for seed in range(runs):
        loss = losses(noise=noise, memory=memory, seed=seed)
        found = forecaster(values=loss, law_error=0, **options).forecast()
        held += found.lower <= loss[-1] <= found.upper
    assert 0.85 <= held / runs <= 0.95


def alternating(n, scale):
    """Noise without memory: every residual has the other sign than the one before."""
    return scale * np.abs(ar1(n, 0.0, 4)) * (-1) ** np.arange(n)


def by_differences(run, steps, space):
    """The law and its derivatives by the free parameters, by central differences."""

    def law(params):
        return lf.predict(run.law, params, run.schedule, steps)

    columns = []
    for name in NAMES:
        h = 1e-5 * run.params[name]
        up, down = ({**run.params, name: run.params[name] + sign * h} for sign in (1, -1))
        columns.append((law(up) - law(down)) / (2 * h))
    value, jacobian = law(run.params), np.array(columns).T
    return value, jacobian / value[:, None] if space == "log" else jacobian


def robust(r, loss, delta):
    """Return rho' and the mean of rho''; Huber's by the density of residuals about delta."""
    if loss == "squared":
        return r, 1.0
    if loss == "soft_l1":
        root = np.sqrt(1 + (r / delta) ** 2)
        return r / root, np.mean(root**-3)
    within = math.ceil(1.295 * r.size**0.8)
    band = np.sort(np.abs(r))[within - 1]
    near = delta / band * within / r.size if band > delta else np.mean(np.abs(r) <= delta)
    return np.clip(r, -delta, delta), near


@pytest.mark.parametrize("space", ["log", "linear"])
@pytest.mark.parametrize("loss", ["squared", "huber", "soft_l1"])
def test_they_are_the_delta_methods(space, loss):
    delta = 2e-3
    values = losses(noise=0) * np.exp(alternating(STEPS.size, 2e-3))
    options = {"law_error": 0.3, "space": space, "loss": loss, "delta": delta}
    run = lf.Forecaster("annealing", SCHEDULE, **options)
    run.update_many(STEPS[:DECAYING], values[:DECAYING])
    at = np.array([1000, 2999, 2500])
    told = run.forecast(at, level=0.8)

    seen, jacobian = by_differences(run, run.curve.steps, space)
    r = np.log(seen / run.curve.loss) if space == "log" else seen - run.curve.loss
    n, p = jacobian.shape
    psi, slope = robust(r, loss, delta)
    covariance = np.linalg.inv(jacobian.T @ jacobian) * np.mean(psi**2) / slope**2 * n / (n - p)
    noise = 1.4826 * np.median(np.abs(r)) * math.sqrt(n / (n - p))
    value, towards = by_differences(run, at, space)
    spread = np.einsum("ij,jk,ik->i", towards, covariance, towards) + noise**2
    last = lf.predict(run.law, run.params, SCHEDULE, [run.curve.steps[-1]])
    change = np.where(at > run.curve.steps[-1], value - last, 0)
    change = change / value if space == "log" else change
    z, t = stats.norm.ppf(0.9), stats.t.ppf(0.9, n - p)
    half = np.sqrt(t**2 * spread + (z * 0.3 * change) ** 2)
    ends = (value - half, value + half)
    if space == "log":
        ends = (value * np.exp(-half), value * np.exp(half))
    assert told.loss == pytest.approx(value, rel=1e-12)
    assert told.lower == pytest.approx(ends[0], rel=1e-5)
    assert told.upper == pytest.approx(ends[1], rel=1e-5)
    assert told.undetermined == ()
    assert told.steps.tolist() == at.tolist()


def test_memory_widens_them():
    widths = []
    for memory in (0.0, 0.9):
        all_told = [
            forecaster(values=losses(memory=memory, seed=seed), law_error=0).forecast()
            for seed in range(20)
        ]
        widths.append(np.median([told.upper - told.lower for told in all_told]))
    assert widths[1] > 1.2 * widths[0]


def test_what_no_point_says_is_named_and_open():
    run = forecaster(40)  # of the stable phase alone, where S2 is 0
    told = run.forecast([1000, 1799, 2999])
    assert told.undetermined == ("C",)
    assert np.isfinite(told.upper).tolist() == [True, True, False]
    assert (told.lower[2], told.upper[2]) == (0, math.inf)
    assert math.isfinite(told.loss[2])
    linear = forecaster(40, space="linear").forecast()
    assert (linear.lower, linear.upper) == (-math.inf, math.inf)


def test_a_law_without_annealing_needs_no_decay():
    law = lf.Law("power", "a + b * S1**-c", {k: lf.Parameter(0) for k in "abc"}, y="loss")
    run = lf.Forecaster(law, SCHEDULE).update_many(STEPS[:40], losses()[:40])
    told = run.forecast()
    assert told.undetermined == ()
    assert told.lower < told.loss < told.upper < math.inf


@pytest.mark.parametrize("n", [0, 1, 3])
def test_fewer_points_than_parameters_say_nothing(n):
    told = forecaster(n).forecast()
    assert all(map(math.isnan, (told.loss, told.lower, told.upper)))
    assert (told.undetermined, told.points, told.prior_share) == (NAMES, n, 0)
    assert (told.steps, told.level) == (2999, 0.9)
    assert str(told) == "nan (90 %: nan to nan)"


def test_as_many_points_as_parameters_leave_no_noise_to_judge_by():
    told = forecaster(4).forecast()
    assert math.isfinite(told.loss)
    assert (told.lower, told.upper, told.undetermined) == (0, math.inf, NAMES)


@pytest.mark.parametrize("loss", ["huber", "squared", "soft_l1"])
@pytest.mark.parametrize("space", ["log", "linear"])
def test_losses_that_do_not_scatter(loss, space):
    run = lf.Forecaster("annealing", SCHEDULE, loss=loss, space=space)
    run.update_many(STEPS[:DECAYING], np.full(DECAYING, 2.0))
    told = run.forecast()
    assert told.loss == pytest.approx(2, abs=1e-6)
    assert told.lower <= told.loss <= told.upper
    assert run.anomaly is None


@pytest.mark.parametrize("n", [0, DECAYING])
@pytest.mark.parametrize(
    ("level", "error"),
    [(0, ValueError), (1, ValueError), (math.nan, ValueError), ("x", TypeError), (True, TypeError)],
)
def test_bad_levels_are_refused_whatever_is_known(n, level, error):
    with pytest.raises(error, match="level is"):
        forecaster(n).forecast(level=level)


def test_without_a_level_there_is_no_interval():
    told = forecaster().forecast(level=None)
    assert math.isfinite(told.loss)
    assert math.isnan(told.lower)
    assert math.isnan(told.upper)
    assert str(told) == f"{told.loss:.4g}"


@pytest.mark.parametrize("n", [0, DECAYING])
def test_steps_in_any_order_or_none(n):
    run = forecaster(n)
    assert run.forecast([]).loss.shape == run.forecast(np.array([], int)).upper.shape == (0,)
    there, back = run.forecast([1500, 2999]), run.forecast([2999, 1500])
    for field in ("steps", "loss", "lower", "upper", "prior_share"):
        assert np.array_equal(getattr(there, field), getattr(back, field)[::-1], equal_nan=True)
    last = run.forecast()
    assert np.array_equal([last.loss, last.upper], [back.loss[0], back.upper[0]], equal_nan=True)
    assert str(there) == "losses at 2 steps"


@pytest.mark.parametrize("bad", [[3000], [-1], [0.5], 5, [[1, 2]], ["a"]])
def test_steps_that_are_none_of_the_schedules(bad):
    with pytest.raises((ValueError, TypeError), match="at "):
        forecaster().forecast(bad)


def test_another_plan_is_asked_without_taking_it():
    run = forecaster()
    before = run.forecast()
    longer = lf.schedules.wsd(steps=6000, peak=1e-3, warmup=100, decay_start=1800, end=1e-5)
    told = run.forecast(schedule=longer)
    assert told.steps == 5999
    assert told.loss == pytest.approx(lf.predict("annealing", run.params, longer)[-1], rel=1e-12)
    assert run.forecast().loss == before.loss
    assert run.schedule == SCHEDULE
    past = run.forecast(schedule=lf.schedules.constant(steps=500, peak=1e-3, warmup=100))
    assert past.upper - past.lower < 0.02  # no law error in what is over
    with pytest.raises(TypeError, match="schedule is a list; expected a Schedule"):
        run.forecast(schedule=[1e-3])


def relative_half(found):
    """Half-widths as shares of the losses: of a positive loss on its logarithm."""
    positive = found.loss > 0
    ratio = found.upper / np.abs(found.loss)
    return np.where(positive, np.log(np.where(positive, ratio, 1)), ratio + 1)


@settings(max_examples=25, deadline=None)
@given(
    factor=st.floats(0.1, 10),
    n=st.integers(6, STEPS.size),
    seed=st.integers(0, 99),
    levels=st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 0.99)),
)
@example(factor=3.0, n=44, seed=1, levels=(0.5, 0.9))  # one point of annealing: a negative loss
def test_units_and_levels(factor, n, seed, levels):
    """In other units the same forecasts; and what is surer is wider."""
    loss = losses(seed=seed)
    here, there = forecaster(n, values=loss), forecaster(n, values=factor * loss)
    at = [2999, 1500]
    narrow, wide = (here.forecast(at, level=level) for level in sorted(levels))
    scaled = there.forecast(at, level=max(levels))
    assert scaled.loss == pytest.approx(factor * wide.loss, rel=1e-4)
    known = np.isfinite(wide.upper)
    assert relative_half(scaled)[known] == pytest.approx(relative_half(wide)[known], rel=1e-2)
    assert scaled.undetermined == wide.undetermined
    assert np.all(wide.lower <= narrow.lower)
    assert np.all(narrow.lower <= narrow.loss)
    assert np.all(narrow.loss <= narrow.upper)
    assert np.all(narrow.upper <= wide.upper)


RATES = {
    "constant": lambda n, rng: np.full(n, 1e-3),
    "random": lambda n, rng: rng.uniform(0, 1e-3, n),
    "falling": lambda n, rng: np.linspace(1e-3, 0, n),
    "wild": lambda n, rng: 10 ** rng.uniform(-12, 3, n),
    "ending": lambda n, rng: np.where(np.arange(n) < n // 2, 1e-3, 0),
}
LOGGED = {
    "scattered": lambda n, rng: rng.uniform(1, 5, n),
    "wild": lambda n, rng: 10 ** rng.uniform(-50, 50, n),
    "alike": lambda n, rng: np.full(n, 3.0),
    "rising": lambda n, rng: np.linspace(2, 9, n),
}


@settings(max_examples=60, deadline=None)
@given(
    rates=st.sampled_from(sorted(RATES)),
    logged=st.sampled_from(sorted(LOGGED)),
    total=st.sampled_from([1, 2, 5, 60, 500]),
    points=st.integers(0, 60),
    options=st.sampled_from(
        [{}, {"loss": "squared"}, {"space": "linear"}, {"mode": "anchored"}, {"fixed": {"C": 0.3}}]
    ),
    spread=st.sampled_from([None, 1e-5, 0.2, 1e5]),
    seed=st.integers(0, 2**31),
)
def test_any_run_has_an_answer_or_a_refusal(rates, logged, total, points, options, spread, seed):
    rng = np.random.default_rng(seed)
    if spread is not None and "space" not in options:
        options = {**options, "prior": known(), "prior_spread": spread}
    run = lf.Forecaster("annealing", RATES[rates](total, rng), **options)
    n = min(points, total)
    steps = np.sort(rng.choice(total, n, replace=False))
    for step, loss in zip(steps.tolist(), LOGGED[logged](n, rng).tolist(), strict=True):
        with contextlib.suppress(ValueError):  # a loss out of range, or an S1 of 0
            run.update(step, loss)
    told = run.forecast()
    assert math.isnan(told.lower) or told.lower <= told.loss <= told.upper
    assert 0 <= told.prior_share <= 1
    assert run.forecast(np.arange(total)).loss.shape == (total,)
    assert repr(run).startswith("<Forecaster 'annealing'")
    assert run.anomaly is None or run.anomaly.step == run.curve.steps[-1]
    for question in (lambda: run.eta(2.0), run.best_decay, lambda: run.best_decay(2 * total + 9)):
        with contextlib.suppress(ValueError):
            question()
