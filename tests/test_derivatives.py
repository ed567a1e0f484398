"""Values, gradients and Hessians of random laws against complex steps through numpy."""

import functools
import re
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import lawfit as lf
from area_reference import Areas
from formula_evaluator import COMPLEX, evaluate
from lawfit import _core
from lawfit.formula import FUNCTIONS
from lawfit.rows import curve_rows
from nist_data import DISTINCT

PARAMETERS = {"a": 0.7, "b": 1.3, "c": 0.55, "d": 0.9, "lam": 0.93}
STEP = 1e-4
EXAMPLES = settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


# The reference


class Case:
    """Rows of a law with a target that leaves residuals, and the law in complex numbers."""

    def __init__(self, text, n=150, seed=0, values=PARAMETERS):
        rng = np.random.default_rng(seed)
        names = [p for p in values if re.search(rf"\b{p}\b", text)]
        self.law = lf.Law("random", text, names)
        self.theta = np.array([values[name] for name in names])
        # S1 between 2/3 and 2, like the columns
        self.schedule = lf.Schedule(rng.uniform(0.2, 1.8, 2 * n) / n, warmup=0)
        self.steps = np.arange(n, 2 * n) - 1
        self.columns = {name: rng.uniform(0.5, 2, n) for name in self.law.columns}
        self.y = self.values(self.theta) + rng.normal(0, 0.5, n)

    def values(self, theta):
        """Return the law's value at every row, for real or complex parameters."""
        table = {**self.columns, **dict(zip(self.law.parameters, theta, strict=True))}
        operations = COMPLEX if np.iscomplexobj(theta) else None
        areas = Areas(self.schedule.lr, self.steps).table
        return evaluate(self.law, table, areas, operations) + np.zeros(len(self.steps))

    @functools.cached_property
    def reference(self):
        """Values, first and second derivatives at theta, and second ones of a wider step."""
        second, coarse = (self.second(self.theta, h) for h in (STEP, 2 * STEP))
        return self.values(self.theta), self.jacobian(self.theta), second, coarse

    def jacobian(self, theta):
        """Return derivatives at every row, shape (p, n), by complex steps."""
        steps = 1e-20j * np.eye(len(theta))
        return np.array([self.values(theta + step).imag / 1e-20 for step in steps])

    def second(self, theta, h):
        """Return second derivatives at every row, shape (p, p, n), by fourth-order differences."""
        shifts = h * np.eye(len(theta))
        ends = [
            (-self.jacobian(theta + 2 * s) + 8 * self.jacobian(theta + s))
            - (-self.jacobian(theta - 2 * s) + 8 * self.jacobian(theta - s))
            for s in shifts
        ]
        return np.array(ends) / (12 * h)

    def problem(self, free, may_centre=False):
        columns = self.columns
        curve = lf.Curve(self.steps, self.y, self.schedule, name="run", columns=columns)
        rows = curve_rows(self.law, curve, warmup="actual", skip_steps=0)
        return _core.Problem(
            program=self.law._program,
            data=rows.core(),
            y=self.y,
            weights=np.zeros(0),
            loss="squared",
            delta=1.0,
            space="linear",
            theta=list(self.theta),
            free=list(free),
            may_centre=[may_centre] * sum(free),
        )


def certain(condition):
    assert condition


def check(case, free=None, may_centre=False, good=certain):
    """Compare with the reference and return the evaluator's name.

    `good` is told whether the reference itself is good to 1e-8.
    """
    free = np.ones(len(case.theta), bool) if free is None else np.array(free)
    value, jacobian, second, coarse = case.reference
    residual = value - case.y
    # Derivatives are compared with the size of their summands, where these are not all zero.
    slope = np.abs(jacobian) @ np.abs(residual)
    scale = np.abs(jacobian) @ np.abs(jacobian).T + np.abs(second) @ np.abs(residual)
    slope, scale = (x + 1e-6 * (1 + x.max()) for x in (slope, scale))
    good(np.all(np.isfinite(scale)))
    good(np.all(np.abs((second - coarse) @ residual) <= 1e-8 * scale))

    problem = case.problem(free, may_centre)
    theta = list(case.theta[free])
    size = np.abs(value).max() + 1
    np.testing.assert_allclose(problem.predict(theta), value, rtol=1e-12, atol=1e-12 * size)
    objective, gradient, gauss_newton, hessian = problem.derivatives(theta)
    assert objective == pytest.approx(0.5 * residual @ residual, rel=1e-10)
    assert np.all(np.abs(gradient - (jacobian @ residual)[free]) <= 1e-9 * slope[free])
    both = np.ix_(free, free)
    gram = jacobian @ jacobian.T
    scale = scale[both]
    assert np.all(np.abs(gauss_newton - gram[both]) <= 1e-9 * scale)
    assert np.all(np.abs(hessian - (gram + second @ residual)[both]) <= 1e-7 * scale)
    assert np.all(np.abs(hessian - hessian.T) <= 1e-12 * scale)
    return problem.evaluator


# Any formula


class Node(NamedTuple):
    """A formula and its values at the rows of a Case, by which the next one stays in its domain."""

    text: str
    value: np.ndarray


def node(text):
    case = Case(f"({text}) + a")  # a law has a parameter
    return Node(text, case.values(case.theta) - PARAMETERS["a"])


def small(inner, limit=2.0):
    size = np.abs(inner.value).max()
    return inner if size <= limit else node(f"({inner.text})*{limit / size:.3g}")


def positive(inner):
    return inner if inner.value.min() > 0.3 else node(f"(({inner.text})**2 + 0.5)")


def call(name, inner):
    if name in ("log", "sqrt", "log1p"):
        inner = positive(inner)
    elif name == "abs":
        inner = inner if np.abs(inner.value).min() > 0.3 else positive(inner)
    elif name == "tan":
        inner = small(inner, 1.0)
    return node(f"{name}({inner.text})")


def call2(name, left, right):
    apart = np.abs(left.value - right.value).min() > 0.3
    if name != "logaddexp" and not apart:
        right = node(f"({right.text} + 5)")
    return node(f"{name}({left.text}, {right.text})")


def operate(op, left, right):
    if op in ("/", "**"):
        left, right = (left, positive(right)) if op == "/" else (positive(left), right)
    return node(f"({left.text}) {op} ({right.text})")


LEAVES = ["a", "b", "c", "d", "x", "z", "x", "S1", "S2", "S2(lam)", "S2(1 - 0.1*d)", "1.7", "0.4"]
UNARY = [name for name, arity in FUNCTIONS.items() if arity == 1]
BINARY = [name for name, arity in FUNCTIONS.items() if arity == 2]


def formulas():
    def grow(inner):
        return st.one_of(
            st.builds(operate, st.sampled_from(["+", "-", "*", "/", "**"]), inner, inner),
            st.builds(call, st.sampled_from(UNARY), inner),
            st.builds(call2, st.sampled_from(BINARY), inner, inner),
            inner.map(lambda n: node(f"-({n.text})")),
        ).map(small)

    return st.recursive(st.sampled_from(LEAVES).map(node), grow, max_leaves=10)


@EXAMPLES
@given(formulas(), st.data())
def test_any_formula(formula, data):
    case = Case(f"{formula.text} + a*b")
    indices = range(len(case.theta))
    freed = data.draw(st.sets(st.sampled_from(indices), min_size=1))
    check(case, [k in freed for k in indices], good=assume)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function(name):
    args = "a*x - b*0.3, c*z + 4.5" if FUNCTIONS[name] == 2 else "a*x + b*z**c + 0.1"
    inner = f"0.25*({args})" if name == "tan" else args
    assert check(Case(f"d*{name}({inner}) + c")) == "tape"


@pytest.mark.parametrize("text", DISTINCT, ids=DISTINCT.values())
def test_nist_formulas(text):
    names = sorted(set(re.findall(r"\bb\d\b", text)))
    check(Case(text, values={name: 0.4 + 0.13 * k for k, name in enumerate(names)}))


@pytest.mark.parametrize(
    "text", ["a + b*S1**-c - d*S2(lam)", "a*exp(-b*S1) + S2(lam)*S2(1 - 0.1*d)", "a*S2(lam)**2"]
)
def test_free_decay_of_the_annealing_area(text):
    check(Case(text))
    held = Case(text)
    names = list(held.law.parameters)
    check(held, [name != "lam" for name in names])


@pytest.mark.parametrize(
    "text",
    [
        "a + b*S1**-c - d*loss_drop(2*a, b/2, c)",
        "a*loss_drop(c, d, lam)*x + loss_drop(c, d, 0.5)**2 + b*S2(lam)",
        "a + b*moment_area(lam, 0.99) - c*moment_area(1 - 0.1*d, lam)",
        "a*bound_mean + b*bound_last**2",
    ],
)
def test_areas_with_several_arguments(text):
    case = Case(text)
    check(case)
    for k in range(len(case.theta)):
        check(case, [j != k for j in range(len(case.theta))])


# Sums of products of powers: the other evaluator


def products():
    names = st.sampled_from("abcd")
    factor = st.one_of(
        st.builds(
            "{}**{}{}".format, st.sampled_from(["x", "z", "S1"]), st.sampled_from("-+"), names
        ),
        st.builds("exp(-{}*{})".format, names, st.sampled_from("xz")),
        st.builds("({}/{})**{}".format, names, st.sampled_from("xz"), names),
        st.sampled_from(["x", "S1", "S2", "sqrt(z)", "1.5", *"abcd"]),
    )
    return st.lists(factor, min_size=1, max_size=4).map(" * ".join)


def sums():
    signed = st.tuples(st.sampled_from("+-"), products()).map("{0[0]} {0[1]}".format)
    return st.lists(signed, min_size=1, max_size=4).map(
        lambda terms: "c - a*x**-b " + " ".join(terms)
    )


@EXAMPLES
@given(sums(), st.sampled_from([5, 150]), st.booleans())
def test_sums_of_powers(text, n, may_centre):
    case = Case(text, n)
    assert check(case, may_centre=may_centre, good=assume) == "terms"


@EXAMPLES
@given(sums(), st.booleans())
def test_both_evaluators_agree(text, may_centre):
    plain, taped = Case(text), Case(f"log(exp({text}))")
    problems = [case.problem([True] * len(case.theta), may_centre) for case in (plain, taped)]
    assert [problem.evaluator for problem in problems] == ["terms", "tape"]
    for one, other in zip(*[p.derivatives(list(plain.theta)) for p in problems], strict=True):
        atol = 1e-9 * (1 + np.abs(one).max())
        np.testing.assert_allclose(other, one, rtol=0, atol=atol)
