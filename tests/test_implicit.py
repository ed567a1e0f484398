"""Laws that stand in their own formula: against root finders, mpmath and Kaplan's own numbers."""

import copy
import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lawfit as lf
from lawfit import _core
from lawfit.formula import FormulaError
from lawfit.rows import table_rows

mpmath = pytest.importorskip("mpmath")
optimize = pytest.importorskip("scipy.optimize")

# Kaplan et al. 2020, arXiv:2001.08361, section 5: steps are worth less below the critical batch
# size, which depends on the loss that is reached.
KAPLAN = {"Nc": 6.5e13, "aN": 0.077, "Sc": 2.1e3, "aS": 0.76, "Bstar": 2.1e8, "aB": 0.21}
kaplan = lf.Law(
    "kaplan_batch",
    "(Nc/N)**aN + (Sc/Smin)**aS",
    {
        name: lf.Parameter(0, typical=(0.03, 1.0) if name.startswith("a") else None)
        for name in KAPLAN
    },
    y="L",
    where={"Bcrit": "Bstar/L**(1/aB)", "Smin": "S/(1 + Bcrit/B)"},
    implicit=True,
)


def runs(n=60, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "N": 10 ** rng.uniform(5, 9, n),
        "S": 10 ** rng.uniform(3, 5.5, n),
        "B": 10 ** rng.uniform(4, 6.5, n),
    }


def right_side(loss, N, S, B, power=pow, **p):
    critical = p["Bstar"] / power(loss, 1 / p["aB"])
    least = S / (1 + critical / B)
    return power(p["Nc"] / N, p["aN"]) + power(p["Sc"] / least, p["aS"])


def solved(rows):
    return np.array([
        optimize.brentq(
            lambda loss, row=row: loss - right_side(loss, *row, **KAPLAN),
            1e-3, 1e5, xtol=1e-15, rtol=4 * np.finfo(float).eps,
        )
        for row in zip(rows["N"], rows["S"], rows["B"], strict=True)
    ])  # fmt: skip


def data_of(law, rows):
    return table_rows(law, rows, target=False).core()


def values(law, rows, theta):
    return law._program.evaluate(data_of(law, rows), [theta[name] for name in law.parameters])


def test_value_is_the_root():
    rows = runs(400)
    np.testing.assert_allclose(values(kaplan, rows, KAPLAN), solved(rows), rtol=1e-14)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(*[st.floats(-6, 6) for _ in range(4)])
def test_one_root_is_always_found(a, b, c, x):
    law = lf.Law("decay", "a + b*x*exp(-c*f)", ["a", "b", "c"], y="f", implicit=True)
    a, b, c, x = (10.0**power for power in (a, b, c, x))
    [root] = values(law, {"x": [x]}, {"a": a, "b": b, "c": c})
    with mpmath.workdps(60):
        # f - a falls from b·x at 0 to nothing: the solution is Lambert's W
        scaled = c * b * x * mpmath.exp(-mpmath.mpf(c) * a)
        expected = a + mpmath.lambertw(scaled).real / c
    # What the formula's own rounding leaves uncertain of a root where f's terms nearly cancel.
    steep = 1 + c * b * x * float(mpmath.exp(-c * expected))
    noise = (1 + c * float(expected)) * (steep - 1) / steep
    assert root == pytest.approx(float(expected), rel=4e-16 * (4 + noise))


@pytest.mark.parametrize("row", range(3))
def test_derivatives_of_the_implicit_function(row):
    rows = {name: column[row : row + 1] for name, column in runs(seed=3).items()}
    [loss] = values(kaplan, rows, KAPLAN)
    problem = _core.Problem(
        program=kaplan._program, data=data_of(kaplan, rows), y=np.array([loss - 1]),
        weights=np.zeros(0), loss="squared", delta=1.0, space="linear",
        theta=list(KAPLAN.values()), free=[True] * 6, may_centre=[True] * 6,
    )  # fmt: skip
    assert problem.evaluator == "implicit"
    # With a residual of 1 the gradient is that of the law, and the Hessian less JᵀJ its Hessian.
    _, gradient, gram, hessian = problem.derivatives(list(KAPLAN.values()))
    scale = np.array(list(KAPLAN.values()))
    with mpmath.workdps(60):
        fixed = [mpmath.mpf(float(rows[name][0])) for name in ("N", "S", "B")]

        def law(*relative):
            p = {n: mpmath.mpf(v) * r for (n, v), r in zip(KAPLAN.items(), relative, strict=True)}
            side = lambda f: f - right_side(f, *fixed, power=mpmath.power, **p)  # noqa: E731
            return mpmath.findroot(side, loss)

        def derivative(*orders):
            return float(mpmath.diff(law, [1] * 6, orders, h=mpmath.mpf(10) ** -15))

        unit = np.eye(6, dtype=int)
        first = np.array([derivative(*unit[k]) for k in range(6)])
        second = np.array([
            [derivative(*(unit[k] + unit[j])) for j in range(6)] for k in range(6)
        ])  # fmt: skip
    np.testing.assert_allclose(gradient * scale, first, rtol=1e-12)
    np.testing.assert_allclose(
        (hessian - gram) * np.outer(scale, scale), second, rtol=1e-10,
        atol=1e-12 * np.abs(second).max(),
    )  # fmt: skip


def test_kaplan_from_data_without_noise():
    rows = runs()
    fit = lf.fit(kaplan, rows | {"L": solved(rows)})
    assert fit.success
    assert fit.starts_agreed > 1
    np.testing.assert_allclose(
        list(fit.params.values()), [KAPLAN[name] for name in fit.params], rtol=1e-9
    )
    others = runs(20, seed=1)
    np.testing.assert_allclose(fit.predict(others), solved(others), rtol=1e-12)
    assert lf.Fit.from_json(fit.to_json()) == fit
    assert fit == lf.fit(kaplan, rows | {"L": solved(rows)}, threads=1)


def test_rows_without_a_root_are_refused():
    # The roots are 2 ± 2·sqrt(1 - a·x): f less the formula rises through 0 at the lower one.
    law = lf.Law("parabola", "a*x + f**2/4", ["a"], y="f", implicit=True)
    x = np.linspace(0.05, 0.9, 9)
    fit = lf.fit(law, {"x": x, "f": 2 - 2 * np.sqrt(1 - x)}, starts=[{"a": 0.9}])
    assert fit.params["a"] == pytest.approx(1, rel=1e-9)
    with pytest.raises(ValueError, match="predicted f at index 1 is nan; law 'parabola' has no f"):
        fit.predict({"x": [0.5, 1.1]})


def test_the_unknown_may_stand_in_named_expressions_alone():
    named = lf.Law("n", "a*x + u", ["a"], y="f", where={"u": "exp(-f)"}, implicit=True)
    spelt = lf.Law("n", "a*x + exp(-f)", ["a"], y="f", implicit=True)
    rows, theta = {"x": [1.0, 2.0]}, {"a": 0.7}
    np.testing.assert_array_equal(values(named, rows, theta), values(spelt, rows, theta))
    assert named.columns == ("x",)


def test_implicit_law_is_a_value():
    for twin in (
        pickle.loads(pickle.dumps(kaplan)),
        copy.deepcopy(kaplan),
        lf.Law.from_dict(json.loads(json.dumps(kaplan.to_dict(), allow_nan=False))),
    ):
        assert twin == kaplan
        assert hash(twin) == hash(kaplan)
        assert twin.implicit
        assert twin.instructions == kaplan.instructions
    assert "implicit: L is solved for at every row" in kaplan.summary().splitlines()
    assert repr(kaplan).endswith("implicit=True)")
    with pytest.raises(TypeError, match="'implicit' must be true or false, got 1"):
        lf.Law.from_dict(kaplan.to_dict() | {"implicit": 1})
    explicit = {k: v for k, v in lf.laws.power.to_dict().items() if k != "implicit"}
    assert not lf.Law.from_dict(explicit).implicit


@pytest.mark.parametrize(
    ("formula", "options", "error", "message"),
    [
        ("a*x", {}, FormulaError, "unknown 'f' does not appear in the formula"),
        ("a*x + f", {"implicit": False}, ValueError, "implicit=True solves for it"),
        ("a*x + f", {"implicit": 1}, TypeError, "implicit must be True or False, got 1"),
        ("a*x + f", {"columns": ["x", "f"]}, ValueError, "'f' stands for the law's own value"),
        ("a*x + f", {"where": {"f": "x"}}, ValueError, "'f' stands for the law's own value"),
        ("a*x + f", {"parameters": ["a", "f"]}, ValueError, "'f' stands for the law's own value"),
        ("a*x + f(2)", {}, FormulaError, "'f' is not a function; is a \\* missing"),
        ("a*x + f", {"y": "the loss"}, ValueError, "unknown 'the loss': 'the loss' is not a name"),
        ("a*x + exp", {"y": "exp"}, ValueError, "the name is taken, exp is a function"),
        ("a - S2(f)", {}, FormulaError, "lambda of S2 takes parameters and numbers only"),
    ],
)
def test_refused(formula, options, error, message):
    arguments = {"parameters": ["a"], "y": "f", "implicit": True} | options
    with pytest.raises(error, match=message):
        lf.Law("mine", formula, **arguments)
