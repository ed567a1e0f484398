"""Compute-optimal sizes and isoFLOP profiles, against algebra, scipy and published fits."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import lawfit as lf
from derived_data import HOFFMANN, D, N, chinchilla_fit, chinchilla_loss
from golden_data import chinchilla_points

FLOPS = np.array([1e18, 1e21, 5.76e23])
# The same law in another form, which is searched and not solved.
SEARCHED = lf.Law(
    "searched", "E + exp(-alpha*log(N/A)) + exp(-beta*log(D/B))", lf.laws.chinchilla.parameters
)


def searched_fit():
    points = {"N": N, "D": D, "loss": chinchilla_loss(N, D)}
    scales = {"A": 406.4 ** (1 / 0.34), "B": 410.7 ** (1 / 0.28)}
    return lf.fit(SEARCHED, points, starts=[{**HOFFMANN, **scales}], bounds={"A": (1, 1e12)})


def scipy_optimum(flops, flops_per=6.0):
    """Minimise Hoffmann's law along the budget."""
    found = minimize_scalar(
        lambda u: chinchilla_loss(math.exp(u), flops / flops_per / math.exp(u)),
        bounds=(math.log(1e5), math.log(1e15)),
        options={"xatol": 1e-12},
    )
    return math.exp(found.x), found.fun


@pytest.mark.parametrize("flops_per", [6.0, 2.0])
def test_hoffmann_against_scipy(flops_per):
    found = lf.compute_optimal(chinchilla_fit(), FLOPS, flops_per_param_token=flops_per, draws=0)
    for i, flops in enumerate(FLOPS):
        size, loss = scipy_optimum(flops, flops_per)
        assert found.N[i] == pytest.approx(size, rel=1e-6)
        assert found.loss[i] == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(flops_per * found.N * found.D, FLOPS, rtol=1e-14)
    np.testing.assert_allclose(found.exponent, 0.28 / 0.62, rtol=1e-9)
    assert found.N_interval is None
    assert not found.at_end.any()


def test_marginal_gains_are_equal_at_the_optimum():
    found = lf.compute_optimal(chinchilla_fit(), 1e22, draws=0)
    gain_of_size = 0.34 * 406.4 * found.N**-0.34
    gain_of_data = 0.28 * 410.7 * found.D**-0.28
    assert gain_of_size == pytest.approx(gain_of_data, rel=1e-9)


def test_draws_end_at_one_parameter_and_one_token():
    rng = np.random.default_rng(12)
    n = int(rng.integers(6, 14))
    sizes, tokens = 10 ** rng.uniform(7, 9, n), 10 ** rng.uniform(9, 11, n)
    loss = chinchilla_loss(sizes, tokens) * np.exp(rng.normal(0, 10 ** rng.uniform(-3, -1), n))
    found = lf.compute_optimal(lf.fit("chinchilla", {"N": sizes, "D": tokens, "loss": loss}), FLOPS)
    for interval in (found.N_interval, found.D_interval, found.loss_interval):
        assert np.isfinite(interval).all()
    assert found.N_interval[0, 0] >= 1
    assert np.all(found.N_interval[:, 1] <= FLOPS / 6 * (1 + 1e-12))
    assert np.isfinite(found.exponent_interval).all()


def test_a_budget_below_a_token():
    found = lf.compute_optimal(chinchilla_fit(), [6.5, 1e18], draws=0)
    assert found.at_end.tolist() == [True, False]
    assert found.D[0] == pytest.approx(1)


def test_a_law_of_another_form_is_searched():
    closed = lf.compute_optimal(chinchilla_fit(), FLOPS, draws=0)
    found = lf.compute_optimal(searched_fit(), FLOPS, draws=0)
    np.testing.assert_allclose(found.N, closed.N, rtol=1e-7)
    np.testing.assert_allclose(found.loss, closed.loss, rtol=1e-9)
    np.testing.assert_allclose(found.exponent, closed.exponent, atol=1e-7)
    assert not found.at_end.any()


def test_published_exponents():
    found = lf.compute_optimal(lf.fit("chinchilla", chinchilla_points()), [1e20, 1e24], draws=4000)
    np.testing.assert_allclose(found.exponent, 0.367172 / (0.347310 + 0.367172), rtol=1e-5)
    assert found.exponent[0] == pytest.approx(0.513, abs=0.001)
    # published: ± .020, by bootstrap
    error = np.ptp(found.exponent_interval, axis=1) / 2 / 1.96
    assert (error > 0.020 / 1.5).all()
    assert (error < 0.020 * 1.5).all()


def test_interval_of_the_exponent_is_that_of_the_delta_method():
    fit = chinchilla_fit(noise=5e-3)
    found = lf.compute_optimal(fit, FLOPS, draws=20000)
    alpha, beta = fit.params["alpha"], fit.params["beta"]
    slope = np.zeros(len(fit.free))
    slope[fit.free.index("alpha")] = -beta / (alpha + beta) ** 2
    slope[fit.free.index("beta")] = alpha / (alpha + beta) ** 2
    error = math.sqrt(slope @ fit.cov @ slope)
    reach = found.exponent_interval - found.exponent[:, None]
    np.testing.assert_allclose(reach, [[-1.96 * error, 1.96 * error]] * 3, rtol=0.05)
    for name in ("N", "D", "loss"):
        low, high = getattr(found, f"{name}_interval").T
        assert (low < getattr(found, name)).all()
        assert (high > getattr(found, name)).all()
    # the budget binds every draw, so what N gains D loses
    np.testing.assert_allclose(
        6 * found.N_interval * found.D_interval[:, ::-1], FLOPS[:, None] * [1, 1], rtol=1e-9
    )


def test_searched_draws_agree_with_closed_ones():
    fit = chinchilla_fit(noise=5e-3)
    again = lf.Law("again", f"{lf.laws.chinchilla.formula} + 0", lf.laws.chinchilla.parameters)
    other = chinchilla_fit(noise=5e-3, law=again)
    closed, found = (lf.compute_optimal(f, FLOPS, draws=30, rng=5) for f in (fit, other))
    for name in ("N_interval", "D_interval", "loss_interval", "exponent_interval"):
        np.testing.assert_allclose(getattr(found, name), getattr(closed, name), rtol=1e-5)


def test_a_number_gives_numbers():
    found = lf.compute_optimal(chinchilla_fit(noise=1e-3), 1e21, draws=100)
    for name in ("flops", "N", "D", "loss", "exponent"):
        assert type(getattr(found, name)) is float
    assert found.N_interval.shape == found.exponent_interval.shape == (2,)
    assert "N (0.95 interval)" in repr(found)


def test_the_end_of_the_bracket_is_said():
    found = lf.compute_optimal(size_fit(), [1e18, 1e20], draws=0)
    assert found.at_end.all()
    np.testing.assert_allclose(found.N, [1e18 / 6, 1e20 / 6])
    assert np.isnan(found.exponent).all()
    assert "at an end" in repr(found)


def test_other_columns_are_given():
    law = lf.Law("unique", "E + A*N**-alpha + B*(D*U)**-beta", lf.laws.chinchilla.parameters)
    U = np.tile([1.0, 2.0], N.size // 2)
    fit = lf.fit(law, {"N": N, "D": D, "U": U, "loss": chinchilla_loss(N, D * U)})
    found = lf.compute_optimal(fit, 1e21, at={"U": 2.0}, draws=0)
    assert found.loss == pytest.approx(scipy_optimum(2e21)[1], rel=1e-9)
    with pytest.raises(ValueError, match="law 'unique' needs 'U' too"):
        lf.compute_optimal(fit, 1e21)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"flops": [1e20, -1.0]}, ValueError, "flops at index 1 is -1.0; expected"),
        ({"flops": 6.0}, ValueError, "flops is 6.0; expected a finite number > 6.0"),
        ({"flops": "1e20"}, TypeError, "flops is '1e20'"),
        ({"flops": math.inf}, ValueError, "flops is inf"),
        ({"flops_per_param_token": 0}, ValueError, "flops_per_param_token is 0"),
        ({"level": 0}, ValueError, "level is 0"),
        ({"draws": 1.5}, ValueError, "draws is 1.5"),
    ],
)
def test_refusals(options, error, message):
    with pytest.raises(error, match=f"compute_optimal: {message}"):
        lf.compute_optimal(chinchilla_fit(), **({"flops": 1e20} | options))


def test_profile_runs_along_the_budget():
    fit = chinchilla_fit()
    profile = lf.isoflop_profile(fit, 1e21, 51)
    np.testing.assert_allclose(6 * profile.N * profile.D, 1e21)
    np.testing.assert_allclose(profile.loss, chinchilla_loss(profile.N, profile.D), rtol=1e-10)
    best = lf.compute_optimal(fit, 1e21, draws=0)
    np.testing.assert_allclose(profile.N[[0, 25, -1]], best.N * np.array([0.1, 1, 10]))
    assert profile.loss.min() == profile.loss[25]
    given = lf.isoflop_profile(fit, 1e21, 3, low=1e8, high=1e10)
    np.testing.assert_allclose(given.N, [1e8, 1e9, 1e10])


def test_parabola_through_a_parabola():
    sizes = np.geomspace(1e8, 1e10, 7)
    found = lf.isoflop_minimum(sizes, 2 + 0.03 * (np.log(sizes) - math.log(7e8)) ** 2)
    assert found == pytest.approx((7e8, 2.0, 0.06, True), rel=1e-9)
    beyond = lf.isoflop_minimum(sizes, 2 + 0.03 * (np.log(sizes) - math.log(7e11)) ** 2)
    assert beyond.N == pytest.approx(7e11, rel=1e-9)
    assert beyond.inside is False


@pytest.mark.parametrize("factor", [1.5, 3.0, 10.0])
def test_bias_is_the_one_of_the_series(factor):
    fit = chinchilla_fit()
    profile_of = lf.compute_optimal(fit, 1e21, draws=0).N
    sizes = np.geomspace(profile_of / factor, profile_of * factor, 801)
    bias = lf.isoflop_bias(fit, 1e21, sizes)
    width = math.log(factor)
    assert math.log(bias.factor) == pytest.approx(0.06 * width**2 / 10, rel=0.02 * width**2 + 0.01)
    assert bias.N == pytest.approx(profile_of, rel=1e-12)
    direct = lf.isoflop_minimum(sizes, chinchilla_loss(sizes, 1e21 / 6 / sizes))
    assert bias.parabola == pytest.approx(direct.N, rel=1e-6)
    assert bias.excess_loss == pytest.approx(
        chinchilla_loss(bias.parabola, 1e21 / 6 / bias.parabola)
        - chinchilla_loss(bias.N, 1e21 / 6 / bias.N),
        abs=1e-12,
    )


@pytest.mark.parametrize(
    ("sizes", "loss", "message"),
    [
        ([1e8, 1e9], [2, 3], "N has 2 sizes; a parabola needs 3"),
        ([1e8, 1e9, 1e9], [2, 3, 3], "N has 2 sizes"),
        ([1e8, -1e9, 1e10], [2, 3, 4], "N at index 1 is -1000000000.0; expected it above 0"),
        ([1e8, 1e9, 1e10], [2, 3, 2], "opens downwards; it has no minimum"),
        ([1e8, 1e9, 1e10], [2, 3], "columns differ in length: N has 3, loss has 2"),
        ([1e8, 1e9, 1e10], [2, math.nan, 2], "loss at index 1 is nan"),
    ],
)
def test_parabola_refusals(sizes, loss, message):
    with pytest.raises(ValueError, match=message):
        lf.isoflop_minimum(sizes, loss)


def size_fit():
    """A law that falls with N whatever D is."""
    law = lf.Law("size alone", "E + A*N**-alpha + 0*D", {"E": ..., "A": ..., "alpha": ...})
    return lf.fit(law, {"N": N, "D": D, "loss": 2 + 5 * N**-0.1}, starts=8)


def test_a_law_without_a_minimum_along_the_budget():
    profile = lf.isoflop_profile(size_fit(), 6e18, 3)
    np.testing.assert_allclose(profile.N[[0, -1]], [1e17, 1e18])
    with pytest.raises(ValueError, match="law 'size alone' has no minimum along the budget"):
        lf.isoflop_bias(size_fit(), 6e18, [1e8, 1e9, 1e10])


def test_profile_refusals():
    fit = chinchilla_fit()
    with pytest.raises(ValueError, match="n is 1"):
        lf.isoflop_profile(fit, 1e21, 1)
    with pytest.raises(ValueError, match=r"high is 1; expected a finite number > 2\.0"):
        lf.isoflop_profile(fit, 1e21, low=2, high=1)
    with pytest.raises(ValueError, match=r"flops is 1\.0; expected"):
        lf.isoflop_bias(fit, 1.0, [1, 2, 3])
