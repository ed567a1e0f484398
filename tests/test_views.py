"""What pictures are made of: residuals by run, and the terms of a law."""

import numpy as np
import pytest

import lawfit as lf
from lawfit import views

STEPS = np.arange(200, 4000, 40)
SCHEDULE = lf.schedules.wsd(steps=4000, peak=1e-3, warmup=100, decay_start=3000)


def curve(name, seed):
    s1, s2 = SCHEDULE.areas(0.999, at=STEPS)
    rng = np.random.default_rng(seed)
    loss = (2 + 0.5 * s1**-0.5 - 50 * s2) * np.exp(rng.normal(0, 0.01, STEPS.size))
    return lf.Curve(STEPS, loss, SCHEDULE, name=name, params=1e6, tokens_per_step=1000)


@pytest.fixture(scope="module")
def curves():
    return [curve("a", 1), curve("b", 2)]


@pytest.mark.parametrize("space", ["log", "linear"])
@pytest.mark.parametrize("skip", [None, 1000])
def test_residuals_are_the_fits_own(curves, space, skip):
    fit = lf.fit("annealing", curves, space=space, skip_steps=skip)
    runs = views.residuals(fit, curves)
    assert [run.name for run in runs] == ["a", "b"]
    np.testing.assert_allclose(np.concatenate([r.values for r in runs]), fit.residuals, atol=1e-13)
    for run, measured in zip(runs, curves, strict=True):
        np.testing.assert_array_equal(run.at, STEPS[STEPS >= (skip or 100)])
        np.testing.assert_array_equal(run.measured, measured.loss[STEPS >= (skip or 100)])
        np.testing.assert_allclose(run.predicted, fit.predict(SCHEDULE, at=run.at), rtol=1e-13)


def test_residuals_of_curves_that_come_one_by_one(curves):
    fit = lf.fit("annealing", curves)
    assert [run.name for run in views.residuals(fit, iter(curves))] == ["a", "b"]


def test_a_replay_needs_the_planned_end(curves):
    fit = lf.fit("annealing", curves)
    with pytest.raises(ValueError, match="curve 'bare' has no schedule"):
        views.replay(fit, lf.Curve([500, 600], [2.0, 1.9], name="bare"), 0.9)


def test_residuals_of_columns_are_by_row():
    x = np.arange(1.0, 40.0)
    y = 3 * x**-0.5 + 1 + 0.01 * np.cos(x)
    fit = lf.fit("power", {"x": x, "y": y})
    (run,) = views.residuals(fit, {"x": x, "y": y})
    assert run.name == "data"
    np.testing.assert_array_equal(run.at, np.arange(39))
    np.testing.assert_allclose(run.values, fit.residuals, atol=1e-14)


def test_residuals_that_have_no_logarithm_are_refused(curves):
    fit = lf.fit("annealing", curves)
    with pytest.raises(ValueError, match=r"curve 'c': loss at index 1 is -1"):
        views.residuals(fit, lf.Curve([500, 600], [1.0, -1.0], SCHEDULE, name="c"))


def test_autocorrelation_is_that_of_its_definition():
    x = np.random.default_rng(0).normal(size=50).cumsum()
    centred = x - x.mean()
    found = views.autocorrelation(x, 10)
    assert found.shape == (11,)
    for k, r in enumerate(found):
        pairs = sum(centred[i] * centred[i + k] for i in range(50 - k))
        assert r == pytest.approx(pairs / np.sum(centred**2), abs=1e-14)
    assert views.autocorrelation(x[:3], 10).size == 3
    assert np.isnan(views.autocorrelation(np.ones(5), 2)).all()


def test_normal_scores():
    stats = pytest.importorskip("scipy.stats")
    expected = stats.norm.ppf((np.arange(9) + 0.5) / 9)
    np.testing.assert_allclose(views.normal_scores(9), expected, atol=1e-12)


@pytest.mark.parametrize("name", ["annealing", "multi_power", "forward_momentum", "convex_bound"])
def test_terms_add_up_to_the_law(name):
    law = lf.laws.get(name)
    values = {p: q.held if q.held is not None else 1.3 for p, q in law.parameters.items()}
    sizes = {"size": 1e6, "tokens_per_step": 1000}
    whole = lf.predict(law, values, SCHEDULE, STEPS, **sizes)
    total = sum(
        term.sign
        * lf.predict(term.law, {p: values[p] for p in term.law.parameters}, SCHEDULE, STEPS,
                     warmup=law.conventions.get("warmup", "peak"), **sizes)
        for term in views.terms(law)
    )  # fmt: skip
    np.testing.assert_allclose(total, whole, rtol=1e-13)


def test_terms_along_a_schedule_add_up_to_the_forecast(curves):
    fit = lf.fit("annealing", curves, warmup="skip")
    found = views.terms_along(fit, SCHEDULE, STEPS)
    assert [term.label for term, _ in found] == ["+ L0", "+ A * S1**-alpha", "− C * S2(lam)"]
    total = sum(values for _, values in found)
    np.testing.assert_allclose(total, fit.predict(SCHEDULE, at=STEPS), rtol=1e-14)
    assert (found[2][1] <= 0).all()


@pytest.mark.parametrize(
    ("formula", "labels"),
    [
        ("a*x", ["+ a*x"]),
        ("a - b*x", ["+ a", "− b*x"]),
        ("-(a - b*x)", ["− a", "+ b*x"]),
        ("1 + a - 2*x + b", ["+ (1 + a - 2*x)", "+ b"]),
        ("2 - (3 - a) - x - b", ["+ (2 - 3 + a - x)", "− b"]),
        ("a - (b - 2)", ["+ a", "− (b - 2)"]),
        ("  a\n + b", ["+ a", "+ b"]),
        ("k*x + b", ["+ k*x", "+ b"]),
    ],
)
def test_terms_of_formulas(formula, labels):
    names = [n for n in "ab" if n in formula or n == "a"]
    where = {"k": "a + 1"} if "k" in formula else {}
    law = lf.Law("own", formula, names, y="y", where=where)
    found = views.terms(law)
    assert [term.label for term in found] == labels
    params = {"a": 0.3, "b": -1.7}
    data = {"x": np.array([0.5, 2.0, 3.0])} if law.columns else {"step": np.ones(3)}
    if law.columns:
        whole = lf.predict(law, {n: params[n] for n in names}, data)
        parts = np.zeros(3)
        for term in found:
            of = {n: params[n] for n in term.law.parameters}
            if term.law.columns:
                parts += term.sign * lf.predict(term.law, of, data)
            else:
                text = term.law.formula
                parts += term.sign * eval(text, {"__builtins__": {}}, of)
        np.testing.assert_allclose(parts, whole, rtol=1e-14)


def test_laws_without_terms_are_refused():
    with pytest.raises(ValueError, match="'kaplan_nsb' is implicit"):
        views.terms(lf.laws.kaplan_nsb)

    def line(x, *, a):
        return a * x

    with pytest.raises(TypeError, match="'line' is a Python function"):
        views.terms(lf.CallableLaw(line))
