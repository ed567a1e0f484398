"""Floors read as entropy, and what a reducible loss takes."""

import math

import numpy as np
import pytest

import lawfit as lf
from derived_data import HOFFMANN, D, N, X, chinchilla_fit, chinchilla_loss, power_fit


def henighan_fit(noise=0.0):
    """Image 8x8 by model size, arXiv:2010.14701: 3.12 + (80/N)^0.24."""
    scatter = np.exp(np.random.default_rng(4).normal(0, noise, X.size))
    table = {"x": X, "loss": (3.12 + (80 / X) ** 0.24) * scatter}
    return lf.fit("henighan", table, loss="squared")


def test_the_floor_and_what_is_above_it():
    found = lf.entropy_reading(chinchilla_fit(), {"N": N, "D": D})
    assert (found.floor, found.level) == ("E", 0.95)
    assert found.entropy == pytest.approx(HOFFMANN["E"])
    np.testing.assert_allclose(found.divergence, chinchilla_loss(N, D) - 1.69, rtol=1e-9)


@pytest.mark.parametrize("level", [0.95, 0.5])
def test_interval_is_that_of_the_parameter(level):
    fit = henighan_fit(noise=1e-3)
    found = lf.entropy_reading(fit, level=level)
    assert found.floor == "Linf"
    assert found.divergence is None
    assert found.interval == fit.conf_int(level)["Linf"]
    assert found.interval[0] < found.entropy < found.interval[1]


def test_the_floor_can_be_named():
    assert lf.entropy_reading(power_fit(2.0, 0.3), floor="c").entropy == 0.0
    law = lf.Law("mine", "floor + a / x", ["floor", "a"])
    fit = lf.fit(law, {"x": X, "loss": 2 + 3 / X})
    assert lf.entropy_reading(fit, floor="floor").entropy == pytest.approx(2)
    with pytest.raises(ValueError, match="law 'mine' has none of Linf, E, L0, c"):
        lf.entropy_reading(fit)
    with pytest.raises(ValueError, match="has no parameter 'flor'; did you mean 'floor'"):
        lf.entropy_reading(fit, floor="flor")
    with pytest.raises(TypeError, match="fit is a Law"):
        lf.entropy_reading(law)


def test_needed_inverts_both_laws():
    reducible = np.array([0.5, 0.05, 0.005])
    found = lf.needed_for(henighan_fit(), reducible, draws=0)
    np.testing.assert_allclose(found.x, 80 * reducible ** (-1 / 0.24), rtol=1e-7)
    np.testing.assert_allclose(
        found.x, lf.power_law_inverse(reducible, x0=80, alpha=0.24), rtol=1e-7
    )
    assert found.interval is None
    power = power_fit(2.0, 0.3, 1.0, floor=True)
    needed = lf.needed_for(power, 0.05, draws=0).x
    assert power.predict({"x": [needed]})[0] == pytest.approx(1.05, rel=1e-10)


def test_needed_interval_is_that_of_the_delta_method():
    fit = power_fit(2.0, 0.3, noise=0.02)
    found = lf.needed_for(fit, [0.1, 0.01], draws=20000)
    a, b = fit.params["a"], fit.params["b"]
    for i, reducible in enumerate((0.1, 0.01)):
        slope = np.array([1 / (a * b), -math.log(a / reducible) / b**2])
        error = math.sqrt(slope @ fit.cov @ slope)
        reach = np.log(found.interval[i] / found.x[i])
        assert reach == pytest.approx([-1.96 * error, 1.96 * error], rel=0.06)
    single = lf.needed_for(fit, 0.1, draws=200)
    assert type(single.x) is float
    assert single.interval.shape == (2,)


def test_a_fit_that_found_no_power_law():
    fit = lf.fit("power", {"x": X, "y": 2 + 1e-4 * np.log(X)})
    assert fit.params["a"] == 0
    with pytest.raises(ValueError, match="law 'power' does not fall: its a is 0"):
        lf.needed_for(fit, 0.1, draws=0)


def test_more_than_any_float_is_infinite():
    fit = henighan_fit()
    found = lf.needed_for(fit, [1e-300, 0.1])
    assert found.x[0] == math.inf
    assert found.interval[0].tolist() == [math.inf, math.inf]
    assert np.isfinite(found.interval[1]).all()


def test_needed_refusals():
    with pytest.raises(ValueError, match=r"reducible at index 1 is 0\.0; expected"):
        lf.needed_for(henighan_fit(), [0.1, 0.0])
    law = lf.Law("mine", "c + a / x", ["c", "a"])
    with pytest.raises(ValueError, match="law 'mine' is none of 'henighan' and 'power'"):
        lf.needed_for(lf.fit(law, {"x": X, "loss": 2 + 3 / X}), 0.1)
    with pytest.raises(ValueError, match="law 'chinchilla' has no column 'x'"):
        lf.needed_for(chinchilla_fit(), 0.1)
    flat = lf.fit("power", {"x": X, "y": 2 + 0 * X}, fixed={"b": 0.0, "c": 0.0})
    with pytest.raises(ValueError, match="law 'power' does not fall"):
        lf.needed_for(flat, 0.1, draws=0)
