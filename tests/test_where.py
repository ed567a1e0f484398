"""Named expressions inside a law: what they mean, how they are kept, what is refused."""

import copy
import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lawfit as lf
from formula_evaluator import direct, evaluate
from lawfit.formula import MAX_LENGTH, FormulaError, parse_formula

# Muennighoff et al. 2023, arXiv:2305.16264: data seen more than once are worth less.
DATA_CONSTRAINED = {
    "name": "data_constrained",
    "formula": "E + A/(U_N + U_N*RN*(1 - exp(-R_N/RN)))**alpha"
    " + B/(U + U*RD*(1 - exp(-R_D/RD)))**beta",
    "parameters": ["E", "A", "alpha", "B", "beta", "RN", "RD"],
    "where": {
        "R_D": "maximum(D/U - 1, 0)",
        "G": "((alpha*A)/(beta*B))**(1/(alpha + beta))",
        "U_N": "minimum(N, (U*G)**(beta/alpha)*G)",
        "R_N": "maximum(N/U_N - 1, 0)",
    },
}
PUBLISHED = {
    "E": np.exp(0.6254804), "A": np.exp(6.255414), "B": np.exp(7.3049974), "alpha": 0.3526596,
    "beta": 0.3526596, "RN": 5.309743, "RD": 15.387756,
}  # fmt: skip
RUNS = {
    "N": np.array([6.34e9, 8.67e9]), "D": np.array([242e9, 178e9]), "U": np.array([25e9, 25e9]),
}  # fmt: skip


def law(formula="a*u**-b + c", parameters=("a", "b", "c"), where=None, **options):
    return lf.Law("mine", formula, parameters, where=where or {"u": "x + 2*z"}, **options)


# What they mean


def test_a_long_law_stays_readable_and_true():
    constrained = lf.Law(**DATA_CONSTRAINED)
    assert constrained.columns == ("D", "U", "N")
    expected = [2.2256440889984477, 2.2269634075087867]
    np.testing.assert_allclose(evaluate(constrained, PUBLISHED | RUNS), expected, rtol=1e-12)


def test_they_mean_what_they_stand_for():
    named = law("a*u**-b + v*c", where={"u": "x + 2*z", "v": "exp(-u) + u"})
    spelt = lf.Law("mine", "a*(x + 2*z)**-b + (exp(-(x + 2*z)) + (x + 2*z))*c", ["a", "b", "c"])
    values = {"a": 1.3, "b": 0.4, "c": -0.7, "x": np.array([0.5, 2.0]), "z": np.array([1.0, 3.0])}
    np.testing.assert_array_equal(evaluate(named, values), evaluate(spelt, values))
    assert len(named.instructions) == len(spelt.instructions)  # shared, not repeated


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("+-*/"), st.integers(0, 9), st.integers(0, 9), st.sampled_from("axz2")
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_chain_of_names_is_what_python_computes(links):
    where, names = {}, ["a", "x", "z"]
    for op, left, right, leaf in links:
        name = f"u{len(where)}"
        where[name] = f"({names[left % len(names)]} {op} ({names[right % len(names)]} + {leaf}))"
        names.append(name)
    text = " + ".join(["a*x*z", *where])
    values = {"a": np.float64(1.3), "x": np.array([0.5, 2.5]), "z": np.array([3.0, 0.7])}
    known = dict(values)
    for name, part in where.items():
        known[name] = direct(part, known)
    formula = parse_formula(text, ["a"], where=where)
    np.testing.assert_allclose(evaluate(formula, values), direct(text, known), rtol=1e-12)


def test_a_name_for_a_number_folds_as_the_number_does():
    assert parse_formula("a*x**k", ["a"], where={"k": "-1/2"}).instructions == (
        parse_formula("a*x**(-1/2)", ["a"]).instructions
    )


def test_lambda_of_the_area_may_be_named():
    named = law("a - b*S2(lam)", ["a", "b", "c"], where={"k": "expit(c)", "lam": "1 - 0.1*k"})
    spelt = lf.Law("mine", "a - b*S2(1 - 0.1*expit(c))", ["a", "b", "c"])
    assert len(named.instructions) == len(spelt.instructions)
    with pytest.raises(FormulaError, match="lambda of S2 takes parameters and numbers only"):
        law("a - b*S2(lam) + c", where={"lam": "x/2"})


def test_what_they_ask_of_columns_is_known():
    asked = law(where={"u": "x/z"})
    assert asked.positive_columns == ("x", "z")
    assert law(where={"u": "1 + x + 1/z"}).nonzero_columns == ("z",)
    assert law("a*u + b + c", where={"u": "S1**-0.5"}).positive_s1


def test_a_fit_with_names_is_the_fit_without():
    rng = np.random.default_rng(4)
    data = {"x": np.geomspace(1, 1e3, 60), "z": rng.uniform(1, 9, 60)}
    data["loss"] = 2 * (data["x"] + 2 * data["z"]) ** -0.3 + 1.5
    named = lf.fit(law(), data)
    spelt = lf.fit(lf.Law("mine", "a*(x + 2*z)**-b + c", ["a", "b", "c"]), data)
    assert named.success
    assert named.params == spelt.params
    np.testing.assert_allclose(list(named.params.values()), [2, 0.3, 1.5], rtol=1e-8)
    np.testing.assert_array_equal(named.cov, spelt.cov)
    assert named.summary().splitlines()[:2] == [
        "mine: loss = a*u**-b + c",
        "  where u = x + 2*z",
    ]
    assert lf.Fit.from_json(named.to_json()) == named


@pytest.mark.parametrize("op", ["*", "+"])
def test_names_of_names_do_not_grow_without_end(op):
    # Written out, the last one has 2**60 factors or terms: read so, it would never end.
    where = {"u0": "x**-a"} | {f"u{k}": f"u{k - 1}{op}u{k - 1}" for k in range(1, 61)}
    doubling = lf.Law("deep", "b + c*u60", ["a", "b", "c"], where=where)
    x = np.linspace(1, 2, 20)
    fit = lf.fit(doubling, {"x": x, "loss": 1 + 1 / x}, starts=2, max_iterations=20)
    assert fit.n == 20


# How they are kept


def test_law_with_names_is_a_value():
    constrained = lf.Law(**DATA_CONSTRAINED)
    saved = json.loads(json.dumps(constrained.to_dict(), allow_nan=False, sort_keys=True))
    for twin in (
        lf.Law(**DATA_CONSTRAINED),
        pickle.loads(pickle.dumps(constrained)),
        copy.deepcopy(constrained),
        lf.Law.from_dict(saved),
    ):
        assert twin == constrained
        assert hash(twin) == hash(constrained)
        assert list(twin.where.items()) == list(constrained.where.items())
        assert twin.instructions == constrained.instructions
    assert law() != law(where={"u": "2*z + x"})
    assert lf.Law("line", "a*x", ["a"]).where == {}
    with pytest.raises(TypeError):
        constrained.where["G"] = "1"


def test_where_is_copied():
    where = {"u": "x + 2*z"}
    mine = law(where=where)
    where.clear()
    assert dict(mine.where) == {"u": "x + 2*z"}


def test_text_shows_them():
    mine = law("a*u**-b\n + c*v", where={"u": "x +\n 2*z", "v": "u/2"})
    assert mine.summary().splitlines()[:4] == [
        "mine: loss = a*u**-b + c*v",
        "  where u = x + 2*z",
        "  where v = u/2",
        "parameters",
    ]
    assert repr(mine).endswith("y='loss', where={'u': …, 'v': …})")


# What is refused


@pytest.mark.parametrize(
    ("where", "error", "message"),
    [
        ({"a": "x"}, ValueError, "'a' is declared both as a parameter and in where"),
        ({"exp": "x"}, ValueError, "where 'exp': the name is taken, exp is a function"),
        ({"S1": "x"}, ValueError, "where 'S1': the name is taken"),
        ({"2u": "x"}, ValueError, "where '2u': '2u' is not a name"),
        ({"lambda": "x"}, ValueError, "reserved word"),
        ({3: "x"}, TypeError, "where names must be text, got 3"),
        ({"u": 3}, TypeError, "where 'u': expected text, got 3"),
        ({"μ": "x", "\u00b5": "x"}, ValueError, "where 'μ' is declared twice"),
        ([("u", "x")], TypeError, "where must be a mapping"),
        ({"loss": "x"}, ValueError, "y='loss' is what the law predicts"),
        ({"u": "x", "v": "u"}, FormulaError, "where 'v' does not appear in the formula"),
        ({"u": ""}, FormulaError, "where 'u': the formula is empty"),
        ({"u": "x +"}, FormulaError, "where 'u': this cannot be read"),
        ({"u": "x + cosh(z)"}, FormulaError, "where 'u': unknown function 'cosh'"),
        ({"u": "u + x"}, FormulaError, "where 'u': 'u' stands here before where defines it"),
        ({"u": "v + x", "v": "z"}, FormulaError, "where 'u': 'v' stands here before"),
        ({f"u{k}": "x" for k in range(101)}, ValueError, "more than 100 wheres"),
    ],
)
def test_refused(where, error, message):
    formula = "a*u**-b + c" if "loss" not in where else "a*u**-b + c*loss"
    where = where | {"u": "x"} if isinstance(where, dict) and "loss" in where else where
    with pytest.raises(error, match=message):
        law(formula, where=where)


def test_the_place_is_in_the_expression_in_question():
    with pytest.raises(FormulaError) as caught:
        law(where={"u": "x + 2*(z + $)"})
    assert (caught.value.formula, caught.value.position) == ("x + 2*(z + $)", 11)
    with pytest.raises(FormulaError) as caught:
        law(where={"u": "x  + cosh(z)"})
    assert (caught.value.formula, caught.value.position) == ("x  + cosh(z)", 5)
    with pytest.raises(FormulaError) as caught:
        law("a*u**-b + cosh(c)")
    assert (caught.value.formula, caught.value.position) == ("a*u**-b + cosh(c)", 10)
    with pytest.raises(FormulaError, match="unknown name 'C'; did you mean 'c'") as caught:
        law("a*u**-b", where={"u": "x + C"})
    assert (caught.value.formula, caught.value.position) == ("x + C", 4)


def test_a_misspelt_name_is_no_column():
    with pytest.raises(FormulaError, match="unknown name 'width'; did you mean 'widht'"):
        law("a*width**-b + c", where={"widht": "x + z"})
    with pytest.raises(FormulaError, match="'u' is not a function; is a \\* missing"):
        law("a*u(x) + b*c")
    with pytest.raises(FormulaError, match="unknown name 'U'; did you mean 'u'"):
        law("a*U**-b + c", where={"u": "x + 2*z"}, columns=["x", "z"])
    with pytest.raises(ValueError, match="'x' is declared both as a column and in where"):
        law("a*x**-b + c", where={"x": "z"}, columns=["x", "z"])


def test_length_counts_together():
    half = "x" + " + x" * 180
    assert 180 * 4 * 13 < MAX_LENGTH < 180 * 4 * 14
    where = {f"u{k}": half for k in range(14)}
    with pytest.raises(FormulaError, match=f"too long \\(at most {MAX_LENGTH}\\)"):
        law("a*x + b + c + " + " + ".join(where), where=where)


@pytest.mark.parametrize(
    ("where", "error", "message"),
    [
        ({"u": "x"}, TypeError, "'where' must be a list"),
        (["u"], TypeError, r"'where\[0\]' must be an object"),
        ([{"expression": "x"}], ValueError, r"where\[0\]: key 'name' is missing"),
        ([{"name": "u"}], ValueError, "where 'u': key 'expression' is missing"),
        ([{"name": "u", "text": "x"}], ValueError, "where 'u': unknown key 'text'"),
        ([{"name": "u", "expression": 3}], TypeError, "'expression' must be text, got 3"),
        ([{"name": "u", "expression": "x"}] * 2, ValueError, "where 'u' is listed twice"),
    ],
)
def test_json_refused(where, error, message):
    with pytest.raises(error, match=message):
        lf.Law.from_dict(law().to_dict() | {"where": where})
