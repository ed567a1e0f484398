"""Quantiles and tails against mpmath and scipy, to 1e-12 relative."""

import math

import mpmath
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import special

from lawfit._special import (
    beta_cdf,
    beta_quantile,
    chi2_sf,
    normal_quantile,
    student_t_quantile,
)

CLOSE = {"rel": 1e-12, "abs": 0}
FEW = settings(deadline=None, derandomize=True, max_examples=60)


def log_floats(low, high):
    return st.floats(math.log10(low), math.log10(high)).map(lambda e: 10.0**e)


def probabilities():
    return (
        log_floats(1e-300, 0.5) | st.floats(0.01, 0.99) | st.floats(1e-15, 0.5).map(lambda e: 1 - e)
    )


def exact_beta_cdf(x, a, b):
    """Return I_x(a, b) to 30 digits, by the series that has no cancellation."""
    with mpmath.workdps(50):
        x, a, b = mpmath.mpf(x), mpmath.mpf(a), mpmath.mpf(b)
        if x > a / (a + b):
            return 1 - exact_beta_cdf(1 - x, b, a)
        power = x**a * (1 - x) ** b / (a * mpmath.beta(a, b))
        return power * mpmath.hyp2f1(a + b, 1, a + 1, x)


@FEW
@given(st.floats(0.001, 0.999), log_floats(0.1, 1e3), log_floats(0.1, 1e3))
@example(0.5, 500.0, 500.0)
@example(0.3, 1.0, 1.0)
def test_beta_cdf(x, a, b):
    exact = exact_beta_cdf(x, a, b)
    assume(exact > 1e-300)
    assert beta_cdf(x, a, b) == pytest.approx(float(exact), **CLOSE)


@FEW
@given(probabilities(), log_floats(0.5, 1e5), log_floats(0.5, 1e5))
@example(0.025, 1.0, 1e7)
@example(0.975, 3.0, 1e9)
@example(0.025, 1e6, 1e6)
@example(1e-300, 1e6, 0.5)
def test_beta_quantile(p, a, b):
    x = beta_quantile(p, a, b)
    assume(1e-300 < x < 1)
    with mpmath.workdps(50):
        density = mpmath.mpf(x) ** (a - 1) * (1 - mpmath.mpf(x)) ** (b - 1) / mpmath.beta(a, b)
        error = (exact_beta_cdf(x, a, b) - mpmath.mpf(p)) / density
        assert abs(error) <= 1e-12 * x


@FEW
@given(probabilities(), log_floats(0.2, 1e17))
@example(0.975, 1.0)
@example(1e-300, 1.0)
@example(0.025, 1e15)
@example(0.5 + 1e-12, 7.0)
def test_student_t_quantile(p, df):
    t = student_t_quantile(p, df)
    assume(t != 0 and math.isfinite(t))
    with mpmath.workdps(60):
        nu, t2 = mpmath.mpf(df), mpmath.mpf(t) ** 2
        density = (1 + t2 / nu) ** (-(nu + 1) / 2) / (mpmath.sqrt(nu) * mpmath.beta(nu / 2, 0.5))
        outside = exact_beta_cdf(nu / (nu + t2), nu / 2, mpmath.mpf(0.5)) / 2
        below = outside if t < 0 else 1 - outside
        assert abs((below - mpmath.mpf(p)) / density) <= 1e-12 * abs(t)


def test_student_t_of_one_degree_is_the_cauchy():
    for p in (1e-9, 0.1, 0.4, 0.75, 0.975):
        assert student_t_quantile(p, 1) == pytest.approx(-1 / math.tan(math.pi * p), **CLOSE)
    assert student_t_quantile(0.5, 3) == 0
    assert student_t_quantile(0.975, math.inf) == normal_quantile(0.975)
    assert student_t_quantile(1e-300, 0.5) == -math.inf


@FEW
@given(probabilities())
def test_normal_quantile(p):
    assert normal_quantile(p) == pytest.approx(special.ndtri(p), rel=1e-12, abs=1e-300)


@FEW
@given(log_floats(1e-10, 1e4), st.integers(1, 3000))
@example(1400.0, 1)
@example(3e3, 3000)
def test_chi2_sf(x, df):
    exact = mpmath.gammainc(mpmath.mpf(df) / 2, mpmath.mpf(x) / 2, regularized=True)
    assume(exact > 1e-300)
    assert chi2_sf(x, df) == pytest.approx(float(exact), **CLOSE)


def test_familiar_values():
    assert normal_quantile(0.975) == pytest.approx(1.9599639845400545, **CLOSE)
    assert student_t_quantile(0.975, 10) == pytest.approx(2.2281388519862747, **CLOSE)
    assert chi2_sf(3.841458820694124) == pytest.approx(0.05, **CLOSE)
    assert beta_quantile(0.25, 1, 1) == pytest.approx(0.25, **CLOSE)


def test_ends():
    assert [beta_cdf(x, 2, 3) for x in (0, 1)] == [0, 1]
    assert [beta_quantile(p, 2, 3) for p in (0, 1)] == [0, 1]
    assert [chi2_sf(0, df) for df in (1, 2, 5, 6)] == [1, 1, 1, 1]
    assert chi2_sf(math.inf, 4) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: beta_cdf(1.5, 1, 1), r"x is 1.5; expected a finite number >= 0 and <= 1"),
        (lambda: beta_quantile(0.5, 0, 1), r"a is 0; expected a finite number >= 0.1"),
        (lambda: beta_quantile(0.5, 1, math.inf), r"b is inf"),
        (lambda: student_t_quantile(1, 5), r"p is 1; expected a finite number > 0 and < 1"),
        (lambda: student_t_quantile(0.5, 0), r"df is 0"),
        (lambda: normal_quantile(0), r"p is 0"),
        (lambda: chi2_sf(-1), r"x is -1"),
        (lambda: chi2_sf(1, 0), r"df is 0"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
