"""Formulas: what they mean and what they ask of their columns."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formula_evaluator import direct, evaluate
from lawfit.formula import AREAS, FUNCTIONS, FormulaError, parse_formula
from nist_data import DISTINCT

PARAMETERS = ("a", "b", "alpha")
VALUES = {
    "a": np.float64(1.3),
    "b": np.float64(-0.7),
    "alpha": np.float64(0.4),
    "x": np.array([0.5, 1.0, 2.5, 40.0]),
    "N": np.array([3.0, 0.1, 7.0, 2.0]),
}


def parse(text, parameters=None, columns=None):
    if parameters is None:
        parameters = [p for p in PARAMETERS if re.search(rf"\b{p}\b", text)]
    return parse_formula(text, parameters, columns)


def operations(text, **kwargs):
    return [op for op, _, _ in parse(text, **kwargs).instructions]


# What formulas mean


def texts():
    number = st.one_of(
        st.integers(0, 30).map(str),
        st.floats(0.001, 1e6).map(repr),
        st.sampled_from(["1e-3", ".5", "2.", "1_000", "1E2"]),
    )
    leaf = st.one_of(number, st.sampled_from([*VALUES, "pi"]))
    unary = [name for name, arity in FUNCTIONS.items() if arity == 1]
    binary = [name for name, arity in FUNCTIONS.items() if arity == 2]

    def grow(inner):
        return st.one_of(
            st.tuples(inner, st.sampled_from(["+", " - ", "*", " / ", "**"]), inner).map("".join),
            inner.map("({})".format),
            inner.map("-{}".format),
            inner.map("+ {}".format),
            st.tuples(st.sampled_from(unary), inner).map("{0[0]}({0[1]})".format),
            st.tuples(st.sampled_from(binary), inner, inner).map("{0[0]}({0[1]},\n{0[2]})".format),
        )

    return st.recursive(leaf, grow, max_leaves=12)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(texts())
def test_value_is_what_python_computes(text):
    try:
        formula = parse(text)
    except FormulaError as error:
        # Only literals can go wrong: numbers that Python overflows on, divides by zero or turns
        # complex too.
        assert re.search("division by zero|not a finite real number", error.problem)  # noqa: PT017
        return
    # numpy's numbers, so that Python's own big integers and complex results stay out of it
    floats = re.sub(r"(?<![\w.])(\d[\d_]*\.?\d*(?:[eE][-+]?\d+)?|\.\d+)", r"_f(\1)", text)
    expected = direct(floats, {**VALUES, "_f": np.float64})
    result = evaluate(formula, VALUES)
    np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("text", DISTINCT, ids=DISTINCT.values())
def test_nist_formula(text):
    names = set(re.findall(r"\bb\d\b", text))
    formula = parse_formula(text, sorted(names))
    values = {name: np.float64(0.3 + 0.17 * i) for i, name in enumerate(sorted(names))}
    values |= {name: np.linspace(0.6, 2.1, 7) for name in formula.columns}
    assert formula.columns in {("x",), ("x1", "x2")}
    np.testing.assert_allclose(evaluate(formula, values), direct(text, values), rtol=1e-14)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-x**2", -(2.5**2)),
        ("(-x)**2", 2.5**2),
        ("x**-a", 2.5**-1.3),
        ("2**3**a", 2 ** (3**1.3)),
        ("a-b-x", 1.3 + 0.7 - 2.5),
        ("a/b/x", 1.3 / -0.7 / 2.5),
        ("a/b*x", 1.3 / -0.7 * 2.5),
        ("--x", 2.5),
        ("2 - -x", 4.5),
        ("  x\n  +\t1 ", 3.5),
        ("x\u00a0+ 1", 3.5),
    ],
)
def test_precedence_and_blanks(text, expected):
    values = {**VALUES, "x": np.float64(2.5)}
    assert evaluate(parse(text), values) == pytest.approx(expected, rel=1e-15)


def test_areas():
    formula = parse_formula("L0 + A*S1**-alpha - C*S2(lam)", ["L0", "A", "alpha", "C", "lam"])
    values = {"L0": 2.6, "A": 0.4, "alpha": 0.5, "C": 0.3, "lam": 0.99}
    s1 = np.array([1.0, 4.0])
    result = evaluate(formula, values, {"s1": lambda: s1, "s2": lambda lam: lam * s1})
    np.testing.assert_allclose(result, 2.6 + 0.4 * s1**-0.5 - 0.3 * 0.99 * s1)
    assert formula.uses_schedule
    assert formula.positive_s1
    assert formula.columns == ()


def test_s2_alone_means_the_default_decay():
    formula = parse_formula("a*S2 + S2(0.999)", ["a"])
    assert formula.constants == (0.999,)
    assert operations("a*S2 + S2(0.999)").count("s2") == 1
    assert not parse_formula("a*S2", ["a"]).positive_s1


def test_decay_may_be_an_expression_of_parameters():
    assert operations("a*S2(1 - exp(-b))")[-3:] == ["sub", "s2", "mul"]


# Instructions


def test_equal_expressions_are_emitted_once():
    assert operations("exp(a*x) + exp(a*x)") == ["parameter", "column", "mul", "exp", "add"]
    assert operations("x + x + 2 + 2").count("constant") == 1


@pytest.mark.parametrize(
    ("text", "constants"),
    [
        ("x**-2", (-2.0,)),
        ("x*(1/3)", (1 / 3,)),
        ("2*3*x", (6.0,)),
        ("x*2*3", (2.0, 3.0)),  # (x*2)*3 rounds otherwise than x*6
        ("x+2**-1", (0.5,)),
        ("x*exp(1)", (1.0,)),  # a function's rounding is the evaluator's own
        ("-2**2 + x", (-4.0,)),
        ("x*0", (0.0,)),
        ("x*-0", (-0.0,)),
    ],
)
def test_constants_fold_where_the_result_is_the_same(text, constants):
    found = parse(text).constants
    assert [c.hex() for c in found] == [c.hex() for c in constants]


@pytest.mark.parametrize("text", ["a", "+a", "-a", "2+3", "a*S1", "minimum(a, 2)", "-(2)"])
def test_last_instruction_is_the_value_and_none_is_idle(text):
    code = parse(text).instructions
    leaves = ("constant", "parameter", "column", "s1")
    used = {i for op, *operands in code if op not in leaves for i in operands}
    assert used | {len(code) - 1} >= set(range(len(code)))


def test_a_long_sum_is_not_deep():
    formula = parse("a" + "+x" * 1000)
    assert len(formula.instructions) == 1002


def test_names():
    formula = parse_formula("η*λ + \u00b5", ["λ", "\u03bc"])
    assert formula.columns == ("η",)
    assert formula.parameters == ("λ", "μ")
    assert parse_formula("a*D*N/D", ["a"]).columns == ("D", "N")
    assert parse_formula("a*D*N/D", ["a"], ["N", "D"]).columns == ("D", "N")
    assert parse_formula("a*cost", ["a"]).columns == ("cost",)


# Domains


@pytest.mark.parametrize(
    ("text", "positive", "nonzero", "positive_s1"),
    [
        ("a + b*N**-alpha + x**-b", "N x", "", False),
        ("a + (b/x)**alpha", "x", "", False),
        ("b*(a+x)**(-1/alpha)", "", "", False),
        ("a*log(x)", "x", "", False),
        ("a*log(b*x/N)", "x N", "", False),
        ("a*log(b+x)", "", "", False),
        ("a*x**0.5", "x", "", False),
        ("a*sqrt(x)", "x", "", False),
        ("a*x**2 + x**3", "", "", False),
        ("a*x**2.0", "", "", False),
        ("a*x**-2", "", "x", False),
        ("a/x", "", "x", False),
        ("exp(a/(b*x*N**2))", "", "x N", False),
        ("a/(1+x)", "", "", False),
        ("a*(x**2)**b", "", "", False),
        ("a*(x**3)**b", "x", "", False),
        ("a*(-x)**b", "", "", False),
        ("a/x + x**b", "x", "", False),
        ("a*2**x", "", "", False),
        ("a*S1**-alpha", "", "", True),
        ("a*log(S1)", "", "", True),
        ("a/S1", "", "", True),
        ("a*(1+S1)**b", "", "", False),
        ("a*S1", "", "", False),
    ],
)
def test_domain(text, positive, nonzero, positive_s1):
    formula = parse(text)
    assert set(formula.positive_columns) == set(positive.split())
    assert set(formula.nonzero_columns) == set(nonzero.split())
    assert formula.positive_s1 is positive_s1
    assert formula.uses_schedule is ("S1" in text)


def test_instructions_are_those_of_the_core():
    table = Path(__file__).parents[1] / "cpp" / "lawfit" / "opcodes.hpp"
    if not table.exists():
        pytest.skip("the core's sources are not here")
    names = set(re.findall(r'"(\w+)"', table.read_text().split("op_names[] =")[1]))
    everything = [f"{name}({', '.join('ax'[:arity])})" for name, arity in FUNCTIONS.items()]
    everything += ["-a", "a+x", "a-x", "a*x", "a/x", "a**x", "a+1"]
    for name, arity in AREAS.items():
        everything.append(f"a*{name}({', '.join('a' * arity)})" if arity else f"a*{name}")
    found = {op for text in everything for op in operations(text)}
    found.update(op for op, _, _ in parse_formula("a*y", ["a"], unknown="y").instructions)
    assert found == names - {"external"}  # a function of the caller's is no formula


def test_pi():
    assert evaluate(parse("2*pi*a"), {"a": 1.0}) == 2 * math.pi
