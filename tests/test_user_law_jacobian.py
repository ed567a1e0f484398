"""A wrong jacobian of a Python law: row C10 of the catalogue of bad input."""

import pickle
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lawfit as lf
import user_laws
from lawfit._jacobian_check import wrong_derivative
from user_laws import START, TABLE, X, power, power_jacobian


def law(jacobian=power_jacobian, **options):
    return user_laws.law(jacobian=jacobian, **options)


def spoilt(change):
    def jacobian(x, **parameters):
        matrix = power_jacobian(x, **parameters)
        change(matrix)
        return matrix

    return jacobian


@pytest.mark.parametrize("row", [1, 7, 30])
@pytest.mark.parametrize("k", [0, 1])
def test_c10_an_entry_of_the_wrong_sign_is_named(row, k):
    def flip(matrix):
        matrix[row, k] *= -1

    true = power_jacobian(X, **START)[row, k]
    message = (
        rf"law 'power': its jacobian's derivative by '{'abc'[k]}' at row {row} \(x={X[row]:.6g}\) "
        rf"is {-true:.10g}; differences of the function give (\S+) ± (\S+), at a=1, b=0.3, c=1 "
    )
    with pytest.raises(ValueError, match=message) as caught:
        lf.fit(law(spoilt(flip)), TABLE, starts=[START])
    found, error = map(float, re.search(message, str(caught.value)).groups())
    assert abs(found - true) <= max(error, 1e-9 * abs(true))
    assert error < 1e-6 * abs(true)


WRONG = {
    "factor": lambda matrix: np.multiply(matrix[:, 0], 1.001, out=matrix[:, 0]),
    "logarithm to base 10": lambda matrix: np.divide(matrix[:, 1], np.log(10), out=matrix[:, 1]),
    "columns in another order": lambda matrix: matrix.__setitem__(..., matrix[:, ::-1].copy()),
    "a column left out": lambda matrix: matrix.__setitem__((slice(None), 2), 0.0),
    "rows in another order": lambda matrix: matrix.__setitem__(..., matrix[::-1].copy()),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_c10_usual_errors_are_found_by_every_entry(change):
    mine = law(spoilt(change))
    groups = {**TABLE, "g": np.arange(X.size) % 2}
    for work in (
        lambda: lf.fit(mine, TABLE),
        lambda: lf.fit(mine, groups, by="g"),
        lambda: lf.Problem(mine, TABLE).minimise(START),
    ):
        with pytest.raises(ValueError, match=r"its jacobian's derivative by '.' at row"):
            work()


def test_c10_without_the_check_errors_would_be_wrong_silently():
    twice = spoilt(lambda matrix: np.multiply(matrix, 2, out=matrix))
    unchecked = lf.fit(law(twice, check_jacobian=False), TABLE, loss="squared", starts=[START])
    right = lf.fit(law(), TABLE, loss="squared", starts=[START])
    assert unchecked.success
    assert unchecked.stderr["a"] == pytest.approx(right.stderr["a"] / 2, rel=1e-3)


def test_c10_the_check_changes_nothing_and_costs_few_calls():
    calls = 0

    def counted(x, *, a, b, c):
        nonlocal calls
        calls += 1
        return power(x, a=a, b=b, c=c)

    found, costs = {}, {}
    for check in (False, True):
        calls = 0
        mine = lf.CallableLaw(
            counted, list("abc"), ["x"], y="y", jacobian=power_jacobian, check_jacobian=check
        )
        found[check] = lf.fit(mine, TABLE)
        costs[check] = calls
    assert dict(found[True].params) == dict(found[False].params)
    assert found[True].cov.tobytes() == found[False].cov.tobytes()
    assert costs[True] - costs[False] <= 3 * 3 * 6


def test_c10_the_option_travels_with_the_law():
    for check in (True, False):
        assert pickle.loads(pickle.dumps(law(check_jacobian=check))).check_jacobian is check
    with pytest.raises(TypeError, match="check_jacobian is 1; expected True or False"):
        law(check_jacobian=1)


# By one parameter t: values at rows x, their derivative, and where t may be.
CURVES = {
    "exponential": (lambda t, x: np.exp(-t * x), lambda t, x: -x * np.exp(-t * x)),
    "power": (lambda t, x: x**-t, lambda t, x: -np.log(x) * x**-t),
    "pole": (lambda t, x: 1 / (t - x), lambda t, x: -1 / (t - x) ** 2),
    "wave": (lambda t, x: np.sin(9 * t * x), lambda t, x: 9 * x * np.cos(9 * t * x)),
    "kink": (lambda t, x: np.abs(t - x), lambda t, x: np.sign(t - x)),
    "threshold": (lambda t, x: np.maximum(t - x, 0), lambda t, x: (t > x) * 1.0),
    "steps": (lambda t, x: np.floor(10 * t * x), lambda t, x: 0 * x),
    "edge": (lambda t, x: np.sqrt(t - x), lambda t, x: 0.5 / np.sqrt(t - x)),
    "far from 0": (lambda t, x: 1e8 + t**2 * x, lambda t, x: 2 * t * x),
    "single precision": (
        lambda t, x: np.tanh(t * x).astype(np.float32).astype(np.float64),
        lambda t, x: x / np.cosh(t * x) ** 2,
    ),
}


def judged(name, t, x, change=1.0, noise=0.0, seed=0):
    """What the check says of a derivative that is wrong by a factor, of values with noise."""
    value, slope = CURVES[name]
    rng = np.random.default_rng(seed)

    def noisy(at):
        return value(at, x) + noise * rng.normal(size=x.size)

    with np.errstate(all="ignore"):
        return wrong_derivative(noisy, t, noisy(t), change * slope(t, x), (0.0, np.inf))


@given(
    st.sampled_from(sorted(CURVES)),
    st.floats(-2, 1.2).map(lambda e: 10**e),
    st.lists(st.floats(-1, 1).map(lambda e: 10**e), min_size=3, max_size=9).map(np.array),
    st.sampled_from([0.0, 1e-12, 1e-6]),
    st.integers(0, 2**32),
    st.booleans(),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_c10_no_false_alarm(name, t, x, noise, seed, at_kink):
    if at_kink:
        x[0] = t
    assert judged(name, t, x, noise=noise, seed=seed) is None


@pytest.mark.parametrize("name", ["exponential", "power", "pole", "wave", "kink"])
@pytest.mark.parametrize("change", [-1.0, 0.0, 0.7, 2.0])
def test_c10_wrong_derivatives_are_found(name, change):
    x = np.array([0.11, 0.53, 1.7, 2.9, 4.1])
    for t in (0.03, 0.7, 2.3):
        assert judged(name, t, x, change) is not None


def test_c10_the_bounds_are_kept():
    seen = []

    def root(x, *, a):
        seen.append(a)
        return np.sqrt(a) * x

    mine = lf.CallableLaw(
        root, {"a": lf.Parameter(0.5, 4)}, y="y",
        jacobian=lambda x, *, a: (0.5 / np.sqrt(a) * x)[:, None],
    )  # fmt: skip
    for start in (0.5, 0.501, 2.0, 4.0):
        lf.fit(mine, {"x": X, "y": 1.2 * X}, starts={"a": start})
    assert min(seen) >= 0.5
    assert max(seen) <= 4
