"""Rates by sampling until some pass: exact sums over all draws; emergence against scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

import lawfit as lf

FEW = settings(deadline=None, derandomize=True, max_examples=40)
RATES = [0.03, 0.1, 0.3, 0.5, 0.8, 0.97]


def outcomes(r, p):
    """Return all numbers of draws but the last 1e-12 of them, and their probabilities."""
    k = np.arange(r, r + int(stats.nbinom.isf(1e-12, r, p)) + 1)
    return k, stats.nbinom.pmf(k - r, r, p)


@pytest.mark.parametrize("p", RATES)
@pytest.mark.parametrize("r", [1, 2, 6])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_the_interval_covers_any_rate(r, p, level):
    k, probability = outcomes(r, p)
    found = lf.pass_rate(r, k, level)
    below, above = probability[found.high < p].sum(), probability[found.low > p].sum()
    assert below <= (1 - level) / 2 + 1e-9
    assert above <= (1 - level) / 2 + 1e-9


@FEW
@given(st.integers(1, 50), st.integers(0, 10**6), st.floats(0.5, 0.999))
def test_the_ends_are_where_the_outcome_becomes_unlikely(r, failures, level):
    k, tail = r + failures, (1 - level) / 2
    found = lf.pass_rate(r, k, level)
    assert stats.nbinom.cdf(failures, r, found.low) == pytest.approx(tail, rel=1e-7)
    if failures:
        assert stats.nbinom.sf(failures - 1, r, found.high) == pytest.approx(tail, rel=1e-7)
    else:
        assert found.high == 1
    assert found.low < found.rate <= found.high


@pytest.mark.parametrize("p", RATES)
def test_two_passes_make_an_unbiased_estimate_and_one_does_not(p):
    for r in (2, 3, 9):
        k, probability = outcomes(r, p)
        found = lf.pass_rate(r, k)
        assert probability @ found.unbiased == pytest.approx(p, rel=1e-9)
        assert probability @ found.rate > p
        assert not found.biased.any()
    k, probability = outcomes(1, p)
    found = lf.pass_rate(1, k)
    assert found.biased.all()
    assert probability @ found.unbiased == pytest.approx(-p * np.log(p) / (1 - p), rel=1e-9)


def test_numbers_give_numbers_and_columns_columns():
    one = lf.pass_rate(2, 10)
    assert [type(value) for value in one] == [float, float, bool, float, float]
    many = lf.pass_rate([2, 1, 2], [10, 1, 10])
    assert [values[0] for values in many] == list(one)
    assert [values[2] for values in many] == list(one)
    assert (many.rate[1], many.unbiased[1], many.high[1]) == (1, 1, 1)
    assert many.low[1] == pytest.approx(0.025)


def test_no_counts_have_no_rates():
    assert all(field.shape == (0,) for field in lf.pass_rate([], []))


@pytest.mark.parametrize(
    ("passes", "draws", "message"),
    [
        (0, 5, "pass_rate: passes is 0; expected a finite number >= 1"),
        ([1, 2, 3], [5, 1, 5], "pass_rate: passes at index 1 is 2, above the 1 draws"),
        ([1, 1.5], [5, 5], "passes at index 1 is 1.5; expected a whole number"),
        (1, [5, np.nan], "draws at index 1 is nan"),
        ([1, 2], [5, 5, 5], "columns differ in length: passes has 2, draws has 3"),
    ],
)
def test_counts_without_a_meaning_are_refused(passes, draws, message):
    with pytest.raises(ValueError, match=message):
        lf.pass_rate(passes, draws)
    with pytest.raises(ValueError, match=r"level is 1; expected .* < 1"):
        lf.pass_rate(1, 5, level=1)


N = np.logspace(7.5, 9.5, 8)


def rates(curvature, c=3.0, alpha=0.4):
    x = np.log(N / N[3])
    return np.exp(-c * np.exp(-alpha * x + curvature * x**2))


def sampled(seed, curvature=0.0, passes=20):
    rng = np.random.default_rng(seed)
    return np.full(N.size, passes), passes + rng.negative_binomial(passes, rates(curvature))


def greatest_likelihood(N, r, k, degree):
    """Return the greatest log-likelihood of the counts, by scipy."""
    x = np.log(N / N[3])

    def negative(theta):
        hazard = np.exp(np.polynomial.polynomial.polyval(x, theta))
        return -np.sum(-r * hazard + (k - r) * np.log(-np.expm1(-hazard)))

    start = np.polynomial.polynomial.polyfit(x, np.log(-np.log((r + 0.5) / (k + 1))), degree)
    options = {"xatol": 1e-10, "fatol": 1e-10, "maxiter": 10000, "maxfev": 10000}
    found = optimize.minimize(negative, start, method="Nelder-Mead", options=options)
    return -found.fun, found.x


@pytest.mark.parametrize(("seed", "curvature"), [(0, 0.0), (1, -0.08), (2, 0.05)])
def test_the_statistic_is_the_likelihood_ratio(seed, curvature):
    r, k = sampled(seed, curvature)
    found = lf.emergence(N, r, k)
    line, theta = greatest_likelihood(N, r, k, 1)
    parabola, bent = greatest_likelihood(N, r, k, 2)
    assert found.statistic == pytest.approx(2 * (parabola - line), abs=1e-6)
    assert found.p_value == pytest.approx(stats.chi2.sf(found.statistic, 1), rel=1e-9)
    assert found.alpha == pytest.approx(-theta[1], rel=1e-4)
    assert found.c == pytest.approx(np.exp(theta[0]) * N[3] ** -theta[1], rel=1e-3)
    assert found.curvature == pytest.approx(bent[2], abs=1e-5)
    assert found.curved.predict({"N": N}) == pytest.approx(
        np.exp(-np.exp(np.polynomial.polynomial.polyval(np.log(N / N[3]), bent))), abs=1e-6
    )


def test_the_straight_law_is_the_catalogues():
    r, k = sampled(4)
    found = lf.emergence(N, r, k)
    direct = lf.fit("pass_until", {"N": N, "rate": r / k}, weights=k)
    assert found.straight.objective == pytest.approx(direct.objective, rel=1e-9)
    assert found.alpha == pytest.approx(direct.params["alpha"], rel=1e-6)
    assert found.c == pytest.approx(direct.params["c"], rel=1e-5)


def scattered(seed):
    """Return counts so large that what scatters is log(-log rate) itself, alike at all sizes."""
    noise = np.random.default_rng(seed).normal(0, 0.05, N.size)
    k = np.full(N.size, 1e12)
    return np.round(k * rates(0) ** np.exp(noise)), k


@pytest.mark.parametrize(
    ("method", "counts"),
    [("likelihood", lambda seed: sampled(seed, passes=50)), ("loglog", scattered)],
)
def test_p_values_are_uniform_when_the_law_is_straight(method, counts):
    p_values = [lf.emergence(N, *counts(s), method=method).p_value for s in range(200)]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert stats.binomtest(sum(p < 0.05 for p in p_values), 200, 0.05).pvalue > 0.01


@pytest.mark.parametrize("method", ["likelihood", "loglog"])
@pytest.mark.parametrize(
    ("curvature", "sign", "says"), [(-0.15, -1, "accelerated emergence"), (0.1, 1, "rise slower")]
)
def test_curvature_is_found_with_its_sign(method, curvature, sign, says):
    found = [lf.emergence(N, *sampled(s, curvature, 100), method=method) for s in range(20)]
    assert all(f.sign == sign for f in found)
    assert sum(f.p_value < 0.01 for f in found) >= 19
    assert any(says in repr(f) for f in found)


def test_loglog_is_least_squares_with_an_f_test():
    r, k = sampled(3, passes=5)
    found = lf.emergence(N, r, k, method="loglog")
    x, y = np.log(N / N[3]), np.log(-np.log(r / k))
    (slope, _), (line,) = np.polyfit(x, y, 1, full=True)[:2]
    (bend, *_), (parabola,) = np.polyfit(x, y, 2, full=True)[:2]
    free = N.size - 3
    assert found.alpha == pytest.approx(-slope)
    assert found.curvature == pytest.approx(bend)
    f = (line - parabola) / (parabola / free)
    assert found.statistic == pytest.approx(f)
    assert found.p_value == pytest.approx(stats.f.sf(f, 1, free))


@FEW
@given(st.integers(0, 10**6), st.sampled_from([1e-6, 1e9]))
def test_unit_order_and_splitting_of_draws_do_not_matter(seed, unit):
    r, k = sampled(seed)
    base = lf.emergence(N, r, k)
    other = lf.emergence(N[::-1] * unit, r[::-1], k[::-1])
    assert other.statistic == pytest.approx(base.statistic, rel=1e-6, abs=1e-7)
    assert other.curvature == pytest.approx(base.curvature, rel=1e-5, abs=1e-7)
    halves = [np.concatenate([a // 2, a - a // 2]) for a in (r, k)]
    split = lf.emergence(np.tile(N, 2), *halves)
    assert split.statistic == pytest.approx(base.statistic, rel=1e-6, abs=1e-7)


def test_sizes_without_a_pass_count():
    r, k = sampled(0)
    r, k = np.concatenate([[0], r]), np.concatenate([[1000], k])
    found = lf.emergence(np.concatenate([[1e6], N]), r, k)
    assert found.straight.n == 9
    with pytest.raises(ValueError, match="passes at index 0 of 1000 draws make a rate of 0"):
        lf.emergence(np.concatenate([[1e6], N]), r, k, method="loglog")


@pytest.mark.parametrize(
    ("sizes", "passes", "draws", "message"),
    [
        ([1, 2, 3], [0, 1, 1], [5, 5, 5], "2 sizes have both passes and failures"),
        ([1, 1, 2], [1, 1, 1], [5, 5, 5], "2 sizes have both"),
        ([1, -2, 3], [1, 1, 1], [5, 5, 5], "emergence: N at index 1 is -2.0"),
        ([1, 2, 3], [1, 9, 1], [5, 5, 5], "passes at index 1 is 9, above the 5 draws"),
        ([1, 2, 3], [1, 1, 1], [5, 0, 5], "draws at index 1 is 0.0"),
        ([1, 2, 3], [1, 1], [5, 5, 5], "columns differ in length"),
    ],
)
def test_data_without_a_meaning_are_refused(sizes, passes, draws, message):
    with pytest.raises(ValueError, match=message):
        lf.emergence(sizes, passes, draws)


def test_methods_without_a_meaning_are_refused():
    with pytest.raises(ValueError, match="method 'log' is unknown"):
        lf.emergence([1, 2, 3], [1, 1, 1], [5, 5, 5], method="log")
    with pytest.raises(ValueError, match="needs >= 4 sizes, got 3"):
        lf.emergence([1, 2, 3], [1, 2, 3], [5, 5, 5], method="loglog")
