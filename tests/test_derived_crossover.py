"""Where two fitted laws meet, against closed forms, scipy and the delta method."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

import lawfit as lf
from derived_data import X, chinchilla_fit, chinchilla_loss, power_fit

WIDE = {"low": 1e-6, "high": 1e18}


@pytest.mark.parametrize("draws", [0, 50])
def test_two_power_laws_cross_where_algebra_says(draws):
    found = lf.crossover(power_fit(2.0, 0.3), power_fit(9.0, 0.4), "x", **WIDE, draws=draws)
    x = 4.5 ** (1 / 0.1)
    assert found.x == pytest.approx(x, rel=1e-11)
    assert found.value == pytest.approx(2 * x**-0.3, rel=1e-11)
    assert found.crossings == (found.x,)
    if draws:
        assert found.interval == pytest.approx((x, x), rel=1e-4)
        assert found.share == 1
        assert "the first below the second before it; 100.0% of draws" in str(found)
    else:
        assert found.interval is None
        assert math.isnan(found.share)


@settings(max_examples=25, deadline=None)
@given(a=st.floats(0.5, 20), b=st.floats(0.15, 0.8), c=st.floats(0.01, 2), d=st.floats(0.01, 2))
def test_crossings_are_those_of_a_root_finder(a, b, c, d):
    first, second = power_fit(a, b, c, floor=True), power_fit(3.0, 0.45, d, floor=True)
    found = lf.crossover(first, second, "x", low=1e2, high=1e10, draws=0)

    def gap(t):
        p, q, x = first.params, second.params, np.exp(t)
        return p["a"] * x ** -p["b"] + p["c"] - q["a"] * x ** -q["b"] - q["c"]

    grid = np.linspace(math.log(1e2), math.log(1e10), 513)
    signs = np.sign(gap(grid))
    roots = [
        math.exp(brentq(gap, grid[i], grid[i + 1], xtol=1e-14))
        for i in range(512)
        if signs[i] * signs[i + 1] < 0
    ]
    assert len(found.crossings) == len(roots)
    slope = [abs(gap(math.log(x) + 1e-4) - gap(math.log(x) - 1e-4)) / 2e-4 for x in roots]
    for x, root, steep in zip(found.crossings, roots, slope, strict=True):
        assert math.log(x / root) == pytest.approx(0, abs=1e-12 + 1e-14 / steep)


def test_interval_is_that_of_the_delta_method():
    first, second = power_fit(2.0, 0.3, noise=0.02), power_fit(9.0, 0.4, noise=0.03, seed=2)
    found = lf.crossover(first, second, "x", **WIDE, draws=4000)
    a, b, c, d = (f.params[name] for f in (first, second) for name in ("a", "b"))
    log_x = math.log(c / a) / (d - b)
    assert found.x == pytest.approx(math.exp(log_x), rel=1e-10)
    by_first = np.array([-1 / a, log_x]) / (d - b)
    by_second = np.array([1 / c, -log_x]) / (d - b)
    error = math.sqrt(by_first @ first.cov @ by_first + by_second @ second.cov @ by_second)
    reach = np.log(found.interval) - log_x
    assert reach == pytest.approx([-1.96 * error, 1.96 * error], rel=0.1)


def test_none_in_range_is_an_answer():
    found = lf.crossover(
        power_fit(2.0, 0.3), power_fit(9.0, 0.4), "x", low=1e8, high=1e12, draws=20
    )
    assert (found.x, found.value, found.interval, found.crossings) == (None, None, None, ())
    assert found.share == 0
    assert str(found) == (
        "none in range: the first law lies above the second for x from 1e+08 to 1e+12; "
        "0.0% of draws cross there"
    )


def test_some_draws_cross_though_the_fits_do_not():
    first, second = power_fit(2.0, 0.3, noise=0.1), power_fit(9.0, 0.4, noise=0.1, seed=2)
    edge = lf.crossover(first, second, "x", **WIDE, draws=0).x * 1.02
    found = lf.crossover(first, second, "x", low=edge, high=1e18, draws=400)
    assert found.x is None
    assert found.interval is None
    assert 0.2 < found.share < 0.8


def test_equal_laws_do_not_cross():
    fit = power_fit(2.0, 0.3)
    found = lf.crossover(fit, fit, "x", **WIDE, draws=0)
    assert found.x is None
    assert "the laws are equal" in found.message


def test_rounding_is_no_crossing():
    law = lf.Law("other", "c + a * exp(-b * log(x))", lf.laws.power.parameters, y="y")
    first = power_fit(2.0, 0.3, 1.0, floor=True)
    second = lf.fit(law, {"x": X, "y": 2 * X**-0.3 + 1}, loss="squared", starts=[first.params])
    grid = np.geomspace(1e-2, 1e10, 513)
    values = [fit.predict({"x": grid}) for fit in (first, second)]
    assert 0 < np.abs(values[0] / values[1] - 1).max() < 1e-14
    found = lf.crossover(first, second, "x", low=1e2, high=1e9, draws=0)
    assert found.crossings == ()
    assert "the laws are equal" in found.message


def test_all_crossings_are_reported():
    wave = lf.Law("wave", "a * x**3 + b * x", ["a", "b"], y="y")
    x = np.linspace(-2, 2, 30)
    first = lf.fit(wave, {"x": x, "y": x**3 - x}, space="linear", loss="squared")
    second = lf.fit(wave, {"x": x, "y": 0 * x}, space="linear", loss="squared")
    found = lf.crossover(first, second, "x", low=-2, high=3, draws=0)
    assert found.crossings == pytest.approx((-1, 0, 1), abs=1e-12)
    assert found.x == found.crossings[0]
    assert "they cross 3 times for x from -2 to 3" in found.message


def test_other_columns_are_given():
    power = lf.Law("of N", "a * N**-b", ["a", "b"])
    first, second = chinchilla_fit(), lf.fit(power, {"N": X, "loss": 10 * X**-0.05})
    found = lf.crossover(first, second, "N", low=1e6, high=1e10, at={"D": 1e10}, draws=0)
    root = brentq(lambda t: chinchilla_loss(10**t, 1e10) - 10 * 10 ** (-0.05 * t), 6, 10)
    assert found.x == pytest.approx(10**root, rel=1e-8)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"column": "y"}, ValueError, "law 'power' has no column 'y'"),
        ({"column": 3}, ValueError, "law 'power' has no column 3; expected one of 'x'"),
        ({"at": {3: 1}}, ValueError, "at: column 3 is unknown"),
        ({"low": 0}, ValueError, "low is 0.0; law 'power' needs 'x' above 0"),
        ({"high": 1.0}, ValueError, "high is 1.0; expected a finite number > 1.0"),
        ({"low": math.nan}, ValueError, "low is nan"),
        ({"level": 1}, ValueError, "level is 1; expected"),
        ({"draws": -1}, ValueError, "draws is -1"),
        ({"rng": "x"}, TypeError, "rng is 'x'"),
        ({"at": {"D": 1}}, ValueError, "at: column 'D' is unknown"),
        ({"at": {"x": 1}}, ValueError, "at has 'x', which is what varies"),
        ({"at": 3}, TypeError, "at is 3; expected a mapping"),
        ({"fit2": None}, TypeError, "fit is a NoneType"),
    ],
)
def test_refusals(changes, error, message):
    fit = power_fit(2.0, 0.3)
    asked = {"fit1": fit, "fit2": fit, "column": "x", "low": 1.0, "high": 10.0, "draws": 5}
    with pytest.raises(error, match=message):
        lf.crossover(**(asked | changes))


def test_a_range_over_a_pole_is_refused():
    law = lf.Law("inverse", "a + b / x", ["a", "b"], y="y")
    fit = lf.fit(law, {"x": X, "y": 3 + 2 / X})
    with pytest.raises(ValueError, match=r"the range -2\.0 to 3\.0 holds 0; law 'inverse' divides"):
        lf.crossover(fit, fit, "x", low=-2, high=3)


def test_missing_columns_and_schedules_are_refused():
    chinchilla, annealing = chinchilla_fit(), lf.laws.annealing
    with pytest.raises(ValueError, match="law 'chinchilla' needs 'D' too; give it in at="):
        lf.crossover(chinchilla, chinchilla, "N", low=1e6, high=1e9)
    with pytest.raises(ValueError, match=r"at\['D'\] is -1.0; law 'chinchilla' needs it above 0"):
        lf.crossover(chinchilla, chinchilla, "N", low=1e6, high=1e9, at={"D": -1})
    steps = np.arange(0, 1000, 20)
    schedule = lf.schedules.cosine(steps=1000, peak=1e-3)
    loss = 2.5 + 0.4 * schedule.areas(at=steps)[0] ** -0.5
    fit = lf.fit(annealing, lf.Curve(steps, loss, schedule), fixed={"C": 0.0})
    with pytest.raises(ValueError, match="law 'annealing' runs over a schedule"):
        lf.crossover(fit, fit, "N", low=1, high=2)


def test_undetermined_parameters_are_refused_unless_nothing_is_drawn():
    law = lf.Law("twice", "a * b / x", {"a": lf.Parameter(0), "b": lf.Parameter(0)}, y="y")
    lost = lf.fit(law, {"x": X, "y": 3 / X})
    with pytest.raises(ValueError, match=r"no finite standard error for 'a' \(undetermined\)"):
        lf.crossover(lost, power_fit(2.0, 0.3), "x", **WIDE)
    assert lf.crossover(lost, power_fit(2.0, 0.3), "x", **WIDE, draws=0).x == pytest.approx(
        1.5 ** (1 / 0.7), rel=1e-9
    )
