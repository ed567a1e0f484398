"""Laws that are Python functions."""

import copy
import pickle

import numpy as np
import pytest

import lawfit as lf

POSITIVE = {name: lf.Parameter(0) for name in "abc"}


def falling(x, *, a, b, c):
    return a * x**-b + c


def falling_jacobian(x, *, a, b, c):
    return np.stack([x**-b, -a * x**-b * np.log(x), np.ones_like(x)], axis=1)


@pytest.fixture(scope="module")
def table():
    x = np.geomspace(1, 1e4, 60)
    noise = np.random.default_rng(0).normal(0, 1e-2, x.size)
    return {"x": x, "y": falling(x, a=3.0, b=0.4, c=1.2) * np.exp(noise)}


def law(**options):
    return lf.CallableLaw(falling, POSITIVE, y="y", **options)


@pytest.mark.parametrize("jacobian", [None, falling_jacobian])
def test_a_function_is_fitted_as_its_formula_is(table, jacobian):
    mine = lf.fit(law(jacobian=jacobian), table)
    formula = lf.fit(lf.Law("falling", "a * x**-b + c", POSITIVE, y="y"), table)
    assert mine.success
    assert mine.objective == pytest.approx(formula.objective, rel=1e-9)
    for name, value in formula.params.items():
        assert mine.params[name] == pytest.approx(value, rel=1e-5)
    grid = {"x": [2.0, 200.0]}
    np.testing.assert_allclose(mine.predict(grid), formula.predict(grid), rtol=1e-6)
    assert any("Python function" in note for note in mine.notes)


def test_squared_loss_has_the_same_errors(table):
    mine = lf.fit(law(), table, loss="squared")
    formula = lf.fit(lf.Law("falling", "a * x**-b + c", POSITIVE, y="y"), table, loss="squared")
    for name, error in formula.stderr.items():
        assert mine.stderr[name] == pytest.approx(error, rel=1e-5)


@pytest.mark.parametrize("jacobian", [None, falling_jacobian])
@pytest.mark.parametrize("loss", ["huber", "soft_l1"])
def test_robust_losses_have_the_same_errors(table, loss, jacobian):
    options = {"loss": loss, "delta": 0.02}
    mine = lf.fit(law(jacobian=jacobian), table, **options)
    formula = lf.fit(lf.Law("falling", "a * x**-b + c", POSITIVE, y="y"), table, **options)
    np.testing.assert_allclose(mine.cov, formula.cov, rtol=1e-5)


@pytest.mark.parametrize("jacobian", [None, falling_jacobian])
def test_second_derivatives_are_those_of_the_law(table, jacobian):
    theta = np.array([3.0, 0.4, 1.2])
    a, b, _ = theta
    x, log = table["x"], np.log(table["x"])
    value, first, second = law(jacobian=jacobian).bind([x])(theta, 2)
    np.testing.assert_array_equal(value, falling(x, a=a, b=b, c=1.2))
    np.testing.assert_allclose(first, falling_jacobian(x, a=a, b=b, c=1.2).T, atol=1e-10)
    zero = np.zeros_like(x)
    of_pairs = [zero, -(x**-b) * log, a * x**-b * log**2, zero, zero, zero]  # aa ba bb ca cb cc
    np.testing.assert_allclose(second, of_pairs, rtol=1e-5, atol=1e-7)


def test_second_derivatives_stop_at_the_bounds():
    seen = []

    def root(x, *, a, b):
        seen.append((a, b))
        return np.sqrt(a) * x + b * a

    bound = lf.CallableLaw(root, {"a": lf.Parameter(0, 4), "b": lf.Parameter(-1, 1)}, y="y")
    x = np.linspace(1, 2, 5)
    _, first, second = bound.bind([x])(np.array([4.0, 0.5]), 2)
    np.testing.assert_allclose(first, [x / 4 + 0.5, np.full(5, 4.0)], rtol=1e-5)
    np.testing.assert_allclose(second, np.zeros((3, 5)), atol=1e-7)  # a's are taken as 0, b's are
    assert all(0 <= a <= 4 and -1 <= b <= 1 for a, b in seen)


def test_a_plain_function_names_its_columns_and_parameters(table):
    def y_of(x, *, a, b):
        return a * x**-b + 1.2

    data = {"x": table["x"], "loss": table["y"]}
    assert lf.fit(y_of, data).params.keys() == {"a", "b"}


def test_curves_give_columns_too():
    curve = lf.Curve(np.arange(1, 60), 2 + 3 * np.arange(1, 60) ** -0.5)

    def by_step(step, *, a, b, c):
        return a * step**-b + c

    fit = lf.fit(by_step, curve, starts=[{"a": 1, "b": 1, "c": 1}])
    assert fit.params["c"] == pytest.approx(2, rel=1e-6)


def test_bounds_are_never_crossed():
    seen = []

    def root(x, *, a):
        seen.append(a)
        return np.sqrt(a) + x

    x = np.linspace(1, 2, 20)
    law = lf.CallableLaw(root, {"a": lf.Parameter(0, 4)}, y="y")
    lf.fit(law, {"x": x, "y": x + 1e-9}, space="linear", loss="squared")
    assert min(seen) >= 0
    assert max(seen) <= 4


def test_what_the_function_returns_is_checked(table):
    short = lf.CallableLaw(lambda x, *, a: a * x[:3], y="y")
    with pytest.raises(ValueError, match=r"returned shape \(3,\); expected \(60,\)"):
        lf.fit(short, table)
    words = lf.CallableLaw(lambda x, *, a: "much", y="y")
    with pytest.raises(TypeError, match="returned 'much'; expected real numbers"):
        lf.fit(words, table)


def test_its_error_reaches_the_caller(table):
    def broken(x, *, a):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        lf.fit(lf.CallableLaw(broken, y="y"), table)


def test_no_value_at_any_start_is_a_status(table):
    nowhere = lf.CallableLaw(lambda x, *, a: x * np.nan, y="y")
    assert lf.fit(nowhere, table).status == "bad_start"


def test_more_parameters_than_can_be_free(table):
    names = ["a", "b", *(f"held{k}" for k in range(31))]

    def total(x, **parameters):
        return parameters["a"] + parameters["b"] * x + sum(parameters[name] for name in names[2:])

    mine = lf.CallableLaw(total, names, ["x"], y="y")
    held = dict.fromkeys(names[2:], 0.5)
    fit = lf.fit(mine, {"x": [0.0, 1.0, 2.0], "y": [17.5, 20.5, 23.5]}, fixed=held, space="linear")
    assert fit.params["a"] == pytest.approx(2)
    assert fit.params["b"] == pytest.approx(3)


def test_it_cannot_write_to_its_columns(table):
    def vandal(x, *, a):
        x[0] = a
        return x

    with pytest.raises(ValueError, match="read-only"):
        lf.fit(lf.CallableLaw(vandal, y="y"), table)


@pytest.mark.parametrize(
    ("function", "options", "error", "message"),
    [
        (3, {}, TypeError, "expected a function"),
        (falling, {"jacobian": 3}, TypeError, "jacobian is 3"),
        (lambda *x: x, {}, TypeError, "any number of arguments"),
        (lambda x: x, {}, TypeError, "before and parameters after"),
        (falling, {"parameters": ["x"]}, ValueError, "both a parameter and a column"),
        (falling, {"columns": []}, ValueError, "at least one column"),
        (falling, {"y": "a b\n"}, ValueError, "one line of text"),
    ],
)
def test_refusals(function, options, error, message):
    with pytest.raises(error, match=message):
        lf.CallableLaw(function, **options)


def test_equality_pickle_and_text(table):
    one = law()
    assert one == law()
    assert one != law(jacobian=falling_jacobian)
    assert pickle.loads(pickle.dumps(one)) == one
    assert repr(one) == "CallableLaw('falling', 'falling(x, *, a, b, c)', y='y')"
    assert "falling(x, *, a, b, c)" in one.summary()


def test_a_saved_fit_says_that_its_law_is_not_in_it(table):
    text = lf.fit(law(), table).to_json()
    with pytest.raises(ValueError, match="'falling' is a Python function"):
        lf.Fit.from_json(text)


@pytest.mark.parametrize("kind", [complex, str, bool, object])
def test_results_that_are_no_real_numbers_are_refused(table, kind):
    odd = lf.CallableLaw(lambda x, *, a: (a * x).astype(kind), y="y", name="odd")
    with pytest.raises(TypeError, match=r"law 'odd': its function .*expected real numbers"):
        lf.fit(odd, table)


def test_texts_are_texts():
    for field in ("description", "source"):
        with pytest.raises(TypeError, match=f"{field} must be text, got 3"):
            law(**{field: 3})


def test_fits_of_functions_are_copied(table):
    fit = lf.fit(law(), table)
    grouped = lf.fit(law(), table | {"half": np.repeat(["a", "b"], 30)}, by="half", shared=["b"])
    for found in (fit, grouped):
        for again in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
            assert again == found
            assert again.law.function is falling
    assert fit != lf.fit(law(jacobian=falling_jacobian), table)


def test_a_maker_of_laws_is_no_law(table):
    with pytest.raises(TypeError, match=r"function broken_power, which makes.*broken_power\(\)"):
        lf.fit(lf.laws.broken_power, table)
