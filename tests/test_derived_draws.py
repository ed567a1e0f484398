"""Draws from a fit's asymptotic distribution."""

import numpy as np
import pytest

import lawfit as lf
from derived_data import X, chinchilla_fit, power_fit


def test_moments_are_those_of_the_covariance_on_the_log_of_what_is_positive():
    fit = chinchilla_fit(noise=2e-3)
    drawn = lf.fit_draws(fit, 40000, rng=3)
    values = np.array([fit.params[name] for name in fit.free])
    logs = np.log(drawn)
    relative = fit.cov / np.outer(values, values)
    assert logs.mean(axis=0) == pytest.approx(np.log(values), abs=5 * np.sqrt(relative.max() / 4e4))
    np.testing.assert_allclose(np.cov(logs.T), relative, rtol=0.06, atol=0.03 * relative.max())
    np.testing.assert_allclose(np.corrcoef(logs.T), _correlation(relative), atol=0.02)


def _correlation(cov):
    errors = np.sqrt(np.diag(cov))
    return cov / np.outer(errors, errors)


def test_parameters_of_any_sign_are_drawn_as_they_are():
    law = lf.Law("line", "a + b * x", ["a", "b"], y="y")
    x = np.linspace(-1, 2, 60)
    y = -0.2 + 0.05 * x + np.random.default_rng(0).normal(0, 1, 60)
    fit = lf.fit(law, {"x": x, "y": y}, loss="squared", space="linear")
    drawn = lf.fit_draws(fit, 40000)
    np.testing.assert_allclose(np.cov(drawn.T), fit.cov, rtol=0.05, atol=0.002)
    assert (drawn < 0).any(axis=0).all()
    assert (drawn > 0).any(axis=0).all()


def test_draws_repeat_for_a_seed_and_advance_a_generator():
    fit = power_fit(2.0, 0.3, noise=0.01)
    np.testing.assert_array_equal(lf.fit_draws(fit, 5, rng=7), lf.fit_draws(fit, 5, rng=7))
    rng = np.random.default_rng(7)
    first = lf.fit_draws(fit, 5, rng)
    np.testing.assert_array_equal(first, lf.fit_draws(fit, 5, rng=7))
    assert (first[:, :2] != lf.fit_draws(fit, 5, rng)[:, :2]).all()


def test_held_parameters_stay_and_the_order_is_that_of_params():
    fit = power_fit(2.0, 0.3, noise=0.01)
    drawn = lf.fit_draws(fit, 100)
    assert drawn.shape == (100, 3)
    assert list(fit.params) == ["a", "b", "c"]
    assert (drawn[:, 2] == 0).all()
    assert drawn[:, 0] == pytest.approx(2.0, rel=0.5)


def test_an_exact_fit_has_no_spread():
    fit = power_fit(2.0, 0.3)
    drawn = lf.fit_draws(fit, 10)
    np.testing.assert_allclose(drawn, np.tile(list(fit.params.values()), (10, 1)), rtol=1e-9)


def test_draws_keep_within_the_bounds_of_the_law():
    law = lf.Law("capped", "a * x**-b", {"a": ..., "b": lf.Parameter(0, 0.31)}, y="y")
    scatter = np.exp(np.random.default_rng(1).normal(0, 0.3, X.size))
    fit = lf.fit(law, {"x": X, "y": 2 * X**-0.3 * scatter}, loss="squared")
    assert not fit.at_bounds
    drawn = lf.fit_draws(fit, 4000)[:, 1]
    assert drawn.max() == 0.31
    assert 0 < drawn.min() < 0.3


def test_undetermined_parameters_are_named():
    law = lf.Law("twice", "a * b * x", {"a": lf.Parameter(0), "b": lf.Parameter(0)}, y="y")
    fit = lf.fit(law, {"x": X, "y": 3 * X})
    with pytest.raises(ValueError, match=r"standard error for 'a' \(undetermined\), 'b' \(undet"):
        lf.fit_draws(fit, 10)


def test_a_parameter_at_its_bound_is_named():
    fit = lf.fit("power", {"x": X, "y": 2 * X**-0.3 - 0.002})
    assert "c" in fit.at_bounds
    with pytest.raises(ValueError, match=r"for 'c' \(at its lower bound\), so nothing"):
        lf.fit_draws(fit, 10)


@pytest.mark.parametrize(
    ("fit", "n", "rng", "error", "message"),
    [
        ("fit", 10, 0, TypeError, "fit is a str"),
        (None, 0, 0, ValueError, "n is 0"),
        (None, 2.5, 0, ValueError, "n is 2.5"),
        (None, 10, -1, ValueError, "rng is -1"),
        (None, 10, None, TypeError, "rng is None"),
    ],
)
def test_refusals(fit, n, rng, error, message):
    with pytest.raises(error, match=message):
        lf.fit_draws(power_fit(2.0, 0.3) if fit is None else fit, n, rng)
