"""Moré, Garbow and Hillstrom's problems: where searches end, from one start and from several."""

import numpy as np
import pytest

import lawfit as lf
from mgh_problems import BARD, GAUSSIAN, KOWALIK, KOWALIK_X, MEYER, OSBORNE_1, OSBORNE_2, PROBLEMS

NAMES = [problem.name for problem in PROBLEMS]
BY_NAME = dict(zip(NAMES, PROBLEMS, strict=True))
# Where the standard start leads to another of the paper's minima, and where it leads nowhere, which
# the status says.
LOCAL = ("freudenstein_roth", "trigonometric")
ASTRAY = ("gulf",)
# Sums of squares are stated to six digits; one of 0 is told from the least that is not, 1e-10.
DIGITS, NOTHING = 1e-5, 1e-12


def fit(problem, starts):
    return lf.fit(problem.law, problem.data, loss="squared", space="linear", starts=starts)


def is_at(found, sum_of_squares):
    return abs(2 * found.objective - sum_of_squares) <= DIGITS * sum_of_squares + NOTHING


def is_documented(found, problem):
    """Whether a fit says what it is: a minimum of the paper's, or no convergence."""
    known = any(is_at(found, value) for value in (problem.minimum, *problem.local))
    return known or found.status != "converged"


def test_forty_runs():
    assert len(PROBLEMS) == 40
    for problem in PROBLEMS:
        residuals = problem.at(problem.start)
        assert residuals.size >= len(problem.start)
        assert problem.jacobian(problem.start).shape == (residuals.size, len(problem.start))


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_are_those_of_differences(name):
    problem = BY_NAME[name]
    at = np.array(problem.start) + 0.1
    exact = problem.jacobian(at)
    for k in range(at.size):
        step = 1e-6 * np.eye(at.size)[k]
        slope = (problem.at(at + step) - problem.at(at - step)) / 2e-6
        size = np.abs(exact).max() + np.abs(problem.at(at)).max()
        assert slope == pytest.approx(exact[:, k], abs=1e-7 * size)


@pytest.mark.parametrize("name", NAMES)
def test_one_start(name):
    problem = BY_NAME[name]
    found = fit(problem, problem.starts(1))
    assert is_documented(found, problem)
    if name in LOCAL:
        assert is_at(found, problem.local[0])
    elif name in ASTRAY:
        assert found.status in ("stalled", "max_iterations", "rank_deficient")
    else:
        assert is_at(found, problem.minimum)


def test_most_reach_the_lowest_from_one_start():
    assert len(PROBLEMS) - len(LOCAL) - len(ASTRAY) >= 34


# With the standard start among several, what it reaches is not lost: the others are left out.
@pytest.mark.parametrize("name", LOCAL + ASTRAY)
def test_several_starts(name):
    problem = BY_NAME[name]
    assert is_at(fit(problem, problem.starts_around(64)), problem.minimum)


# So far out its exponentials leave the floats' range.
NO_VALUE = ("jennrich_sampson", 100)


@pytest.mark.parametrize("factor", [10, 100])
@pytest.mark.parametrize("name", NAMES)
def test_far_starts_end_documented(name, factor):
    problem = BY_NAME[name]
    if (name, factor) == NO_VALUE:
        with pytest.raises(ValueError, match=r"start 0 \(x1=30, x2=40\): .* is not finite"):
            fit(problem, problem.starts(factor))
        return
    found = fit(problem, problem.starts(factor))
    assert is_documented(found, problem) or is_minimum(found, problem)


def is_minimum(found, problem):
    """Whether no small step lowers the sum: a periodic law has minima that the paper leaves out."""
    x, rng = np.array([*found.params.values()]), np.random.default_rng(0)
    here = np.sum(problem.at(x) ** 2)
    near = (x + 1e-4 * (1 + np.abs(x)) * rng.normal(size=x.size) for _ in range(200))
    return all(np.sum(problem.at(other) ** 2) >= here for other in near)


# The same as formulas over data.
FORMULAS = {
    "bard": ("x1 + u / (v * x2 + w * x3)", BARD),
    "gaussian": ("x1 * exp(-x2 * (u - x3)**2 / 2)", GAUSSIAN),
    "meyer": ("x1 * exp(x2 / (u + x3))", MEYER),
    "kowalik_osborne": ("x1 * (u**2 + u*x2) / (u**2 + u*x3 + x4)", KOWALIK),
    "osborne_1": ("x1 + x2 * exp(-u * x4) + x3 * exp(-u * x5)", OSBORNE_1),
    "osborne_2": (
        "x1 * exp(-u * x5) + x2 * exp(-(u - x9)**2 * x6)"
        " + x3 * exp(-(u - x10)**2 * x7) + x4 * exp(-(u - x11)**2 * x8)",
        OSBORNE_2,
    ),
}
ROWS = {
    "bard": {
        "u": np.arange(1, 16),
        "v": 16 - np.arange(1, 16),
        "w": np.minimum(np.arange(1, 16), 16 - np.arange(1, 16)),
    },
    "gaussian": {"u": (8 - np.arange(1, 16)) / 2},
    "meyer": {"u": 45 + 5 * np.arange(1, 17)},
    "kowalik_osborne": {"u": KOWALIK_X},
    "osborne_1": {"u": 10 * np.arange(33)},
    "osborne_2": {"u": np.arange(65) / 10},
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas(name):
    problem, (formula, y) = BY_NAME[name], FORMULAS[name]
    law = lf.Law(name, formula, problem.names, y="y")
    data = {**ROWS[name], "y": y}
    found = lf.fit(law, data, loss="squared", space="linear", starts=problem.starts(1))
    assert found.status == "converged"
    assert is_at(found, problem.minimum)
    assert found.evaluations < 150


def test_a_target_of_zero_everywhere():
    law = lf.Law("circle and line", "a * (x**2 + y**2 - 4) + (1 - a) * (x - y)", ["x", "y"], y="z")
    found = lf.fit(
        law,
        {"a": [0.0, 1.0], "z": [0.0, 0.0]},
        loss="squared",
        space="linear",
        starts={"x": 1.0, "y": 3.0},
    )
    assert found.status == "converged"
    assert list(found.params.values()) == pytest.approx([np.sqrt(2)] * 2, rel=1e-14)
