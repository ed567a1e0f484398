"""A law over data, read once: its minima are those that lf.fit finds."""

import math
import threading

import numpy as np
import pytest

import lawfit as lf
from fit_data import ANNEALING, CLEAN, NOISY, POWER, X, annealing_curves, bits, refuse

START = {"a": 1.0, "b": 0.5, "c": 1.0}
NEAR = {name: 0.97 * value for name, value in ANNEALING.items() if name != "lam"}
WEIGHTS = np.geomspace(0.1, 10, X.size)


def assert_same(law, data, start, **options):
    """Minimise, and expect what lf.fit finds from the same start."""
    problem = lf.Problem(law, data, **options)
    found, fit = problem.minimise(start), lf.fit(law, data, starts=start, **options)
    assert found.status == fit.status == "converged"
    assert list(found.params) == list(fit.params)
    assert found.objective == pytest.approx(fit.objective, rel=1e-12)
    assert found.params == pytest.approx(dict(fit.params), rel=1e-9)
    assert (found.iterations, found.evaluations) == (fit.iterations, fit.evaluations)
    assert (problem.free, problem.n) == (fit.free, fit.n)
    return found


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"loss": "squared"},
        {"loss": "soft_l1", "delta": 0.01, "space": "linear"},
        {"reduction": "mean"},
        {"weights": WEIGHTS},
        {"weights": WEIGHTS, "reduction": "mean"},
        {"bounds": {"b": (0.1, 2.0), "c": (0.9, 3.0)}},
    ],
)
def test_as_fit(options):
    assert_same("power", NOISY, START, **options)


def test_mean():
    whole = lf.Problem("power", NOISY).minimise(START)
    mean = lf.Problem("power", NOISY, reduction="mean").minimise(START)
    assert mean.objective == pytest.approx(whole.objective / X.size, rel=1e-15)
    assert mean.params == whole.params


def test_weights_count():
    double = {name: np.concatenate([values, values]) for name, values in NOISY.items()}
    twice = lf.Problem("power", NOISY, weights=np.full(X.size, 2.0)).minimise(START)
    repeated = lf.Problem("power", double).minimise(START)
    assert twice.objective == pytest.approx(repeated.objective, rel=1e-12)
    assert twice.params == pytest.approx(repeated.params, rel=1e-9)


def test_what_the_data_do_not_determine_is_not_looked_for():
    data = {"x": X, "y": np.full(X.size, 1.5)}
    fit = lf.fit("power", data, starts=START)
    found = lf.Problem("power", data).minimise(START)
    assert fit.status == "rank_deficient"
    assert found.status == "converged"
    assert found.params == dict(fit.params)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_held_parameters(reduction):
    start = {"a": 1.0, "c": 1.0}
    found = assert_same("power", NOISY, start, fixed={"b": 0.3}, reduction=reduction)
    assert list(found.params) == ["a", "b", "c"]
    assert found.params["b"] == 0.3
    problem = lf.Problem("power", NOISY, fixed={"b": 0.3})
    assert problem.free == ("a", "c")
    with pytest.raises(ValueError, match="'b' is no free parameter; expected one of 'a', 'c'"):
        problem.minimise(START)


@pytest.mark.parametrize("options", [{}, {"weights": None, "skip_steps": 300}, {"exact": True}])
def test_curves(options):
    found = assert_same("annealing", annealing_curves(noise=1e-3), NEAR, **options)
    assert found.params["lam"] == 0.999
    assert found.params["A"] == pytest.approx(ANNEALING["A"], rel=0.02)


def test_curves_with_a_free_decay():
    start = {**NEAR, "lam": 0.998}
    assert_same("annealing", annealing_curves(), start, fixed={"lam": None})


def test_bound_that_holds():
    bounds = {"c": (1.6, 3.0)}
    found = assert_same("power", NOISY, {**START, "c": 2.0}, bounds=bounds)
    assert found.params["c"] == 1.6


@pytest.mark.parametrize("end", [1.2, 3.0])
def test_start_on_its_bound(end):
    bounds = {"c": (1.2, 3.0)}
    found = assert_same("power", NOISY, {**START, "c": end}, bounds=bounds)
    inside = lf.Problem("power", NOISY, bounds=bounds).minimise({**START, "c": 2.0})
    assert found.params == pytest.approx(inside.params, rel=1e-8)


def test_a_start_in_another_order_or_of_other_numbers():
    problem = lf.Problem("power", NOISY)
    first = problem.minimise(START)
    turned = {name: START[name] for name in reversed(START)}
    for same in (turned, {**START, "a": 1}, {k: np.float64(v) for k, v in START.items()}):
        before = dict(same)
        assert problem.minimise(same) == first
        assert same == before


def test_again_and_again():
    problem = lf.Problem("power", NOISY)
    starts = [{name: k * value for name, value in START.items()} for k in (1.0, 1.3, 0.6, 1.0)]
    found = [problem.minimise(start) for start in starts]
    assert [problem.minimise(start) for start in reversed(starts)] == found[::-1]
    assert found[0] == found[3]


def test_what_it_has_read_stays():
    table = {name: values.copy() for name, values in NOISY.items()}
    weights = WEIGHTS.copy()
    problem = lf.Problem("power", table, weights=weights)
    first = problem.minimise(START)
    for values in (*table.values(), weights):
        values[:] = 1.0
    assert problem.minimise(START) == first


@pytest.mark.parametrize("options", [{}, {"reduction": "mean"}, {"fixed": {"b": 0.3}}])
def test_fit(options):
    problem = lf.Problem("power", NOISY, **options)
    start = {name: START[name] for name in problem.free}
    for chosen in ({}, {"starts": 5, "rng": 3}, {"starts": [start], "threads": 2}):
        assert bits(problem.fit(**chosen)) == bits(lf.fit("power", NOISY, **options, **chosen))


def test_no_value_at_the_start():
    law = lf.Law("gap", "a * (x - x0)**-b", ["a", "x0", "b"], y="y")
    data = {"x": X, "y": 2 * (X - 500.0) ** -0.3}
    problem = lf.Problem(law, data)
    found = problem.minimise({"a": 1.0, "x0": 2e6, "b": 0.3})
    assert found.status == "bad_start"
    assert math.isnan(found.objective)
    assert found.params == {"a": 1.0, "x0": 2e6, "b": 0.3}
    # It has no bearing on the next.
    assert problem.minimise({"a": 1.0, "x0": 400.0, "b": 0.4}).params["x0"] == pytest.approx(500)


def test_cut_off():
    found = lf.Problem("power", NOISY, max_iterations=2).minimise(START)
    assert (found.status, found.iterations) == ("max_iterations", 2)
    whole = lf.Problem("power", NOISY).minimise(START)
    loose = lf.Problem("power", NOISY, tolerance=1e-2).minimise(START)
    assert loose.iterations < whole.iterations
    assert found.objective > whole.objective


@pytest.mark.parametrize(
    ("start", "message", "error"),
    [
        ({"a": 1.0, "b": 0.5}, "'c' is missing", ValueError),
        ({"b": 0.5}, "'a' is missing", ValueError),  # to be solved for in lf.fit alone
        ({}, "'a' is missing", ValueError),
        ({**START, "bb": 1.0}, "'bb' is no free parameter; did you mean 'b'", ValueError),
        ({**START, "a": math.nan}, "a is nan; expected a finite number", ValueError),
        ({**START, "c": math.inf}, "c is inf; expected a finite number", ValueError),
        ({**START, "c": -0.5}, r"c is -0.5, outside its bounds \[0.0, 4.0\]", ValueError),
        ({**START, "c": 4.5}, "c is 4.5, outside its bounds", ValueError),
        ({**START, "b": "0.5"}, "b is '0.5'; expected a real number", TypeError),
        ({**START, "b": True}, "b is True; expected a real number", TypeError),
        ({**START, "b": None}, "b is None; expected a real number", TypeError),
        ([1.0, 0.5, 1.0], "start is .*; expected a mapping", TypeError),
        ([START, START], "start is .*; expected a mapping", TypeError),
        (None, "start is None; expected a mapping", TypeError),
        ("abc", "start is 'abc'; expected a mapping", TypeError),
        (16, "start is 16; expected a mapping", TypeError),
    ],
)
def test_bad_starts(start, message, error):
    problem = lf.Problem("power", NOISY, bounds={"c": (0, 4)})
    first = problem.minimise(START)
    with pytest.raises(error, match=message):
        problem.minimise(start)
    assert problem.minimise(START) == first


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"los": "huber"}, "Problem: 'los' is no option of it; did you mean 'loss'"),
        ({"starts": START}, "Problem: 'starts' is no option of it"),
        ({"rng": 1}, "Problem: 'rng' is no option of it"),
        ({"threads": 2}, "Problem: 'threads' is no option of it"),
        ({"profile": {"b": [0.1, 0.2]}}, "Problem: 'profile' is no option of it"),
        ({"by": "x"}, "Problem: 'by' is no option of it"),
    ],
)
def test_options_of_others(options, message):
    with pytest.raises(TypeError, match=message):
        lf.Problem("power", NOISY, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"loss": "hubber"},
        {"delta": -1.0},
        {"reduction": "median"},
        {"fixed": {"q": 1.0}},
        {"fixed": POWER},
        {"bounds": {"b": (2.0, 1.0)}},
        {"weights": [1.0, 2.0]},
        {"weights": -WEIGHTS},
        {"max_iterations": 0},
        {"tolerance": math.nan},
        {"data": {"x": X[:2], "y": CLEAN["y"][:2]}},
        {"data": {"x": X, "y": -CLEAN["y"]}},
        {"data": {"x": X}},
        {"data": None},
        {"law": "pwer"},
    ],
)
def test_refusals_are_those_of_fit(options):
    given = {"law": "power", "data": NOISY, **options}
    with pytest.raises((TypeError, ValueError)) as by_fit:
        lf.fit(**given)
    with pytest.raises(type(by_fit.value)) as by_problem:
        lf.Problem(**given)
    assert str(by_problem.value) == str(by_fit.value)


@pytest.mark.parametrize("rows", [40, 20_000])  # with the interpreter's lock held, and let go
def test_threads(rows):
    rng = np.random.default_rng(1)
    x = np.geomspace(1e3, 1e6, rows)
    data = {"x": x, "y": (2.0 * x**-0.3 + 1.5) * np.exp(rng.normal(0, 1e-3, rows))}
    problem = lf.Problem("power", data)
    starts = [{name: k * value for name, value in START.items()} for k in (0.8, 1.0, 1.2)]
    wanted = [problem.minimise(start) for start in starts]
    barrier = threading.Barrier(8)
    found = [[] for _ in range(8)]

    def work(mine):
        barrier.wait()
        for _ in range(5):
            mine.extend(problem.minimise(start) for start in starts)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted * 5] * 8


def test_repr():
    problem = lf.Problem("power", NOISY, fixed={"b": 0.3})
    assert repr(problem) == "<Problem 'power' over 40 rows: a, c>"
    assert problem.law is lf.fit("power", NOISY).law


# Starts of lf.fit may leave out what the law is linear in.
CHINCHILLA = {"E": 1.7, "A": 406.0, "alpha": 0.34, "B": 410.0, "beta": 0.28}


def runs():
    rng = np.random.default_rng(2)
    n, d = 10 ** rng.uniform(6, 9, 60), 10 ** rng.uniform(8, 11, 60)
    clean = 1.7 + 406 * n**-0.34 + 410 * d**-0.28
    return {"N": n, "D": d, "loss": clean * np.exp(rng.normal(0, 1e-3, 60))}


def test_starts_without_linear_parameters():
    drawn = lf.fit("chinchilla", runs())
    left_out = [{"alpha": 0.5, "beta": 0.2}, {"alpha": 0.2, "beta": 0.5}]
    whole = {name: 1.1 * value for name, value in CHINCHILLA.items()}
    for starts in (left_out[0], left_out[:1], left_out, [whole, left_out[1]]):
        fit = lf.fit("chinchilla", runs(), starts=starts)
        assert fit.status == "converged"
        assert fit.starts_asked == (len(starts) if isinstance(starts, list) else 1)
        assert fit.starts_failed == 0
        assert fit.starts_agreed == fit.starts_asked
        assert fit.objective == pytest.approx(drawn.objective, rel=1e-12)
        assert dict(fit.params) == pytest.approx(dict(drawn.params), rel=1e-7)


def test_starts_where_all_is_linear():
    drawn = lf.fit("power", NOISY, fixed={"b": 0.3})
    for starts in ({}, [{}, {}], {"a": 1.0, "c": 1.0}):
        fit = lf.fit("power", NOISY, fixed={"b": 0.3}, starts=starts)
        assert fit.starts_asked == (2 if starts == [{}, {}] else 1)
        assert dict(fit.params) == pytest.approx(dict(drawn.params), rel=1e-9)


@pytest.mark.parametrize(
    ("starts", "message"),
    [
        ({"b": 0.3, "c": 1.0}, "start 0: 'a' is missing"),
        ({"b": 0.3, "a": 1.0}, "start 0: 'c' is missing"),
        ([{"b": 0.3}, {"a": 1.0, "c": 1.0}], "start 1: 'b' is missing"),
        ({}, "start 0: 'a' is missing"),
        ({"a": math.nan, "b": 0.3, "c": math.nan}, "start 0: a is nan; expected a finite number"),
        ({"a": 1.0, "b": 0.3, "c": math.nan}, "start 0: c is nan; expected a finite number"),
        ({"b": math.nan}, "start 0: b is nan; expected a finite number"),
        ([[math.nan, 0.3, math.nan]], "start 0: a is nan; expected a finite number"),
        ([{"b": 0.3}, {"b": -1.0}], "start 1: b is -1.0, outside its bounds"),
    ],
)
def test_starts_that_leave_out_too_much_or_say_nothing(starts, message):
    refuse(NOISY, message, starts=starts)
