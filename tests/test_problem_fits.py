"""A law over data, read once: the same fits, and searches from single starts."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.optimize import least_squares

import lawfit as lf
from fit_data import NOISY, POWER, SCHEDULES, annealing_curves, bits

START = {"a": 1.0, "b": 0.5, "c": 0.5}
PROBLEM = lf.Problem("power", NOISY)


# Fits


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"loss": "squared", "space": "linear"},
        {"reduction": "mean", "weights": np.linspace(0.5, 2, 40)},
        {"fixed": {"c": 1.5}, "bounds": {"b": (0.1, 0.29)}},
        {"max_iterations": 2, "tolerance": 1e-9},
    ],
    ids=str,
)
def test_its_fits_are_those_of_fit(options):
    ours = lf.Problem("power", NOISY, **options).fit(starts=3, rng=4, threads=1)
    theirs = lf.fit("power", NOISY, starts=3, rng=4, threads=1, **options)
    assert bits(ours) == bits(theirs)
    assert ours == theirs


def test_curves_and_their_options():
    curves, options = annealing_curves(noise=1e-3), {"warmup": "actual", "skip_steps": 400}
    problem = lf.Problem("annealing", curves, **options)
    assert problem.free == ("L0", "A", "alpha", "C")
    assert problem.n == sum((curve.steps >= 400).sum() for curve in curves)
    assert bits(problem.fit()) == bits(lf.fit("annealing", curves, **options))


def test_a_fit_of_a_problem_is_resampled():
    fit = PROBLEM.fit()
    assert lf.bootstrap(fit, 20).objective.tobytes() == (
        lf.bootstrap(lf.fit("power", NOISY), 20).objective.tobytes()
    )


def test_what_the_data_say_later_is_not_seen():
    data = {name: values.copy() for name, values in NOISY.items()}
    weights, bounds = np.ones(40), {"a": (0, 100)}
    problem = lf.Problem("power", data, weights=weights, bounds=bounds)
    minimum, fit = problem.minimise(START), problem.fit()
    data["x"] *= 3
    data["y"] *= 3
    weights *= 3
    bounds["a"] = (50, 60)
    assert problem.minimise(START) == minimum
    assert bits(problem.fit()) == bits(fit)


# One start


@pytest.mark.parametrize("space", ["log", "linear"])
def test_a_minimum_is_that_of_another_solver(space):
    found = lf.Problem("power", NOISY, loss="squared", space=space).minimise(START)
    x, y = NOISY["x"], NOISY["y"]

    def residuals(theta):
        f = theta[0] * x ** -theta[1] + theta[2]
        return np.log(f / y) if space == "log" else f - y

    other = least_squares(residuals, list(POWER.values()), method="lm", ftol=1e-15, xtol=1e-15)
    assert found.status == "converged"
    assert found.objective == pytest.approx(other.cost, rel=1e-9)
    assert found.objective <= other.cost * (1 + 1e-12)
    assert list(found.params.values()) == pytest.approx(other.x, rel=1e-5)
    assert 0 < found.iterations <= found.evaluations


def test_a_minimum_is_where_a_fit_from_that_start_ends():
    problem = lf.Problem("annealing", annealing_curves(noise=1e-3))
    start = {"L0": 2.0, "A": 1.0, "alpha": 0.7, "C": 0.1}
    found, fit = problem.minimise(start), problem.fit(start)
    assert found.objective == pytest.approx(fit.objective, rel=1e-12)
    assert found.params == pytest.approx(dict(fit.params), rel=1e-6)
    assert found.params["lam"] == 0.999


def test_a_mean_is_a_mean():
    mean = lf.Problem("power", NOISY, reduction="mean").minimise(START)
    whole = PROBLEM.minimise(START)
    assert mean.objective == pytest.approx(whole.objective / 40, rel=1e-15)
    assert mean.params == whole.params


def test_numbers_of_any_kind_and_order_start_the_same():
    other = {name: np.float64(START[name]) for name in reversed(START)}
    assert PROBLEM.minimise(other) == PROBLEM.minimise(START)
    assert PROBLEM.minimise({"a": 1, "b": 0.5, "c": 0.5}) == PROBLEM.minimise(START)


def test_the_start_is_not_changed_and_its_minimum_is_its_own():
    start = dict(START)
    first = PROBLEM.minimise(start)
    assert start == START
    again = PROBLEM.minimise(first.params)
    assert again.objective == pytest.approx(first.objective, rel=1e-12)
    assert PROBLEM.minimise(start) == first


def test_threads_may_share_a_problem():
    problem = lf.Problem("annealing", annealing_curves(every=1, noise=1e-3))
    starts = [{"L0": 2.0, "A": 0.3 + 0.1 * k, "alpha": 0.7, "C": 0.1} for k in range(8)]
    alone = [problem.minimise(start) for start in starts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(problem.minimise, starts)) == alone


def test_a_start_on_a_bound_is_moved_inside():
    problem = lf.Problem("power", NOISY, bounds={"b": (0, 1)})
    found = problem.minimise({**START, "b": 0})
    assert found.objective == pytest.approx(PROBLEM.minimise(START).objective, rel=1e-9)


def test_a_start_without_a_value_is_a_status():
    law = lf.Law("root", "sqrt(a) + b**2 * x", ["a", "b"], y="y")
    found = lf.Problem(law, NOISY).minimise({"a": -1.0, "b": 0.0})
    assert found.status == "bad_start"
    assert math.isnan(found.objective)
    assert found.params == {"a": -1.0, "b": 0.0}


def test_few_iterations_are_a_status():
    found = lf.Problem("power", NOISY, max_iterations=1).minimise(START)
    assert found.status == "max_iterations"
    assert found.iterations == 1


def test_a_python_function():
    problem = lf.Problem(lambda x, *, a, b, c: a * x**-b + c, {"x": NOISY["x"], "loss": NOISY["y"]})
    found = problem.minimise(START)
    assert found.objective == pytest.approx(PROBLEM.minimise(START).objective, rel=1e-6)


# Refusals


@pytest.mark.parametrize(
    ("start", "error", "message"),
    [
        ({"a": 1.0, "b": 0.5}, ValueError, "'c' is missing"),
        ({**START, "d": 1.0}, ValueError, "'d' is no free parameter"),
        ({**START, "a": -1.0}, ValueError, r"a is -1.0, outside its bounds \[0.0, inf\]"),
        ({**START, "a": math.nan}, ValueError, "a is nan"),
        ({**START, "a": "one"}, TypeError, "a is 'one'"),
        ([START, START], TypeError, "expected a mapping of the free parameters"),
        (np.ones(3), TypeError, "expected a mapping of the free parameters"),
        (None, TypeError, "start is None"),
    ],
    ids=str,
)
def test_bad_starts(start, error, message):
    with pytest.raises(error, match=message):
        PROBLEM.minimise(start)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"los": "huber"}, TypeError, "'los' is no option of it; did you mean 'loss'"),
        ({"starts": 3}, TypeError, "'starts' is no option"),
        ({"delta": 0}, ValueError, "delta is 0"),
        ({"weights": [1.0]}, ValueError, "1 weights for 40 rows"),
        ({"fixed": START}, ValueError, "law 'power': every parameter is fixed"),
    ],
    ids=str,
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        lf.Problem("power", NOISY, **options)


def test_bad_data():
    with pytest.raises(ValueError, match="data: 3 parameters need >= 3 points, got 2"):
        lf.Problem("power", {"x": [1.0, 2.0], "y": [3.0, 2.0]})
    with pytest.raises(ValueError, match="data: y at index 1 is -2"):
        lf.Problem("power", {"x": [1.0, 2.0, 3.0], "y": [3.0, -2.0, 1.0]})
    curve = lf.Curve([200, 300], [2.0, 1.9], SCHEDULES["wsd"])
    with pytest.raises(ValueError, match="0 points after the first 500 steps"):
        lf.Problem("annealing", curve, skip_steps=500)


def test_repr():
    assert repr(PROBLEM) == "<Problem 'power' over 40 rows: a, b, c>"
