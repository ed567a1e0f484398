"""Parameters sought by their logarithms: found from afar, told in their own units."""

import json
import math

import numpy as np
import pytest

import lawfit as lf
from fit_data import NOISY, bits

optimize = pytest.importorskip("scipy.optimize")

# Kaplan et al. 2020, arXiv:2001.08361, equation 1.5
KAPLAN = {"Nc": 8.8e13, "aN": 0.076, "Dc": 5.4e13, "aD": 0.095}
FORMULA = "((Nc/N)**(aN/aD) + Dc/D)**aD"


def kaplan(scale="log", **parameters):
    table = {name: lf.Parameter(0, scale=scale if name[1] == "c" else "linear") for name in KAPLAN}
    return lf.Law("kaplan", FORMULA, table | parameters)


def runs(noise=0.0, n=60):
    rng = np.random.default_rng(0)
    size, data = 10 ** rng.uniform(5, 9.5, n), 10 ** rng.uniform(7.5, 10.5, n)
    loss = model(list(KAPLAN.values()), size, data)
    return {"N": size, "D": data, "loss": loss * np.exp(rng.normal(0, noise, n))}


def model(theta, size, data):
    scale, size_exponent, data_scale, data_exponent = theta
    inner = (scale / size) ** (size_exponent / data_exponent) + data_scale / data
    return inner**data_exponent


def values(fit):
    return np.array(list(fit.params.values()))


def test_magnitudes_that_starts_know_nothing_of():
    fit = lf.fit(kaplan(), runs())
    assert fit.success
    np.testing.assert_allclose(values(fit), list(KAPLAN.values()), rtol=1e-9)
    assert fit.starts_agreed >= 0.9 * fit.starts_asked
    # By themselves the magnitudes cost several times the evaluations.
    plain = lf.fit(kaplan("linear"), runs())
    assert fit.evaluations < plain.evaluations / 2


def test_the_minimum_and_its_errors_are_those_of_the_parameters_themselves():
    data = runs(noise=1e-3)
    fit, plain = (lf.fit(kaplan(scale), data, loss="squared") for scale in ("log", "linear"))
    assert fit.success
    assert fit.objective == pytest.approx(plain.objective, rel=1e-10)
    np.testing.assert_allclose(values(fit), values(plain), rtol=1e-7)
    np.testing.assert_allclose(fit.cov, plain.cov, rtol=1e-6)
    robust, plain = (lf.fit(kaplan(scale), data) for scale in ("log", "linear"))
    np.testing.assert_allclose(robust.cov, plain.cov, rtol=1e-5)


def test_errors_are_by_the_delta_method():
    data = runs(noise=1e-3)
    fit = lf.fit(kaplan(), data, loss="squared")
    y = np.log(data["loss"])
    start = np.log(values(fit))
    found = optimize.least_squares(
        lambda u: np.log(model(np.exp(u), data["N"], data["D"])) - y, start, xtol=1e-15, ftol=1e-15
    )
    by_logarithm = np.linalg.inv(found.jac.T @ found.jac) * 2 * found.cost / (y.size - 4)
    np.testing.assert_allclose(values(fit), np.exp(found.x), rtol=1e-5)
    np.testing.assert_allclose(
        fit.cov, by_logarithm * np.outer(values(fit), values(fit)), rtol=1e-3
    )


def test_bounds_are_of_the_parameter():
    upper = lf.fit(kaplan(Nc=lf.Parameter(0, 1e13, scale="log")), runs())
    assert upper.params["Nc"] == 1e13
    assert upper.at_bounds == {"Nc": "upper"}
    lower = lf.fit(kaplan(), runs(), bounds={"Dc": (1e14 / 3, None), "Nc": (3e14 / 7, 6e14 / 7)})
    assert lower.params["Nc"] == 6e14 / 7
    assert lower.at_bounds == {"Nc": "upper"}
    none = lf.fit(kaplan(), runs(), bounds={"Nc": (None, None)})
    np.testing.assert_allclose(values(none), list(KAPLAN.values()), rtol=1e-9)


def test_starts_are_of_the_parameter():
    start = {"Nc": 1e12, "aN": 0.1, "Dc": 1e12, "aD": 0.1}
    fit = lf.fit(kaplan(), runs(), starts=[start])
    assert fit.success
    np.testing.assert_allclose(values(fit), list(KAPLAN.values()), rtol=1e-9)
    on_bound = lf.fit(kaplan(), runs(), starts=[start | {"Nc": 0.0}])
    assert any("Nc was on its bound" in note for note in on_bound.notes)


def test_what_is_found_well_as_it_is_stays_so():
    # In a the law is linear; its evaluator centres the x0 of (x0/x)**alpha.
    for name, of in (("power", "a"), ("henighan", "x0")):
        law = lf.laws.get(name)
        marked = law.to_dict()
        marked["parameters"] = [
            p | {"scale": "log" if p["name"] == of else "linear"} for p in marked["parameters"]
        ]
        data = {"x": NOISY["x"], law.y: NOISY["y"]}
        assert bits(lf.fit(lf.Law.from_dict(marked), data)) == bits(lf.fit(law, data))


def test_a_valley_that_stalls_the_parameter_itself():
    # Rates of 0 and 1 alone: c and alpha go together over many orders of magnitude.
    size = np.geomspace(1e6, 1e10, 24)
    noise = np.random.default_rng(1).normal(0, 2, size.size)
    data = {"N": size, "rate": (np.log(size) + noise > np.log(3e8)).astype(float)}
    table = {"c": lf.Parameter(scale="log"), "alpha": lf.Parameter(0, typical=(0.03, 1.0))}
    law = lf.Law("pass_until", "exp(-c*N**-alpha)", table, y="rate")
    fit = lf.fit(law, data, loss="binomial", space="linear")
    assert fit.success
    assert fit.starts_agreed > 1


def test_same_bits_for_any_number_of_threads():
    fits = [lf.fit(kaplan(), runs(noise=1e-3), threads=threads) for threads in (1, 2)]
    assert bits(fits[0]) == bits(fits[1])


def test_scale_is_kept():
    law = kaplan()
    saved = json.loads(json.dumps(law.to_dict(), allow_nan=False))
    assert lf.Law.from_dict(saved) == law
    assert law != kaplan("linear")
    assert hash(law) != hash(kaplan("linear"))
    assert "  Nc  [0, inf), logarithmic" in law.summary().splitlines()
    for parameter in saved["parameters"]:
        del parameter["scale"]
    assert lf.Law.from_dict(saved) == kaplan("linear")
    assert lf.Parameter(scale="log") == lf.Parameter(0, scale="log")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"scale": "logarithmic"},
            ValueError,
            "scale 'logarithmic' is unknown; expected one of 'linear', 'log'",
        ),
        ({"scale": 10}, TypeError, "scale is 10; expected a string"),
        ({"lower": -1, "scale": "log"}, ValueError, "scale='log' needs lower >= 0, got lower=-1.0"),
        ({"upper": 0, "scale": "log"}, ValueError, "lower must be less than upper"),
        ({"held": -1, "scale": "log"}, ValueError, "held must be finite and within"),
    ],
)
def test_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        lf.Parameter(**arguments)


def test_bounds_below_zero_seek_the_parameter_itself():
    law = lf.Law("line", "x/(a + x)", {"a": lf.Parameter(0, scale="log")}, y="y")
    x = np.linspace(1, 2, 20)
    table = {"x": x, "y": x / (x - 0.5)}
    assert 0 < lf.fit(law, table).params["a"] < 1e-6
    fit = lf.fit(law, table, bounds={"a": (-0.9, None)})
    assert fit.params["a"] == pytest.approx(-0.5, rel=1e-9)


def test_bounds_refused():
    with pytest.raises(ValueError, match="bounds of 'Nc': lower inf must be below upper inf"):
        lf.fit(kaplan(), runs(), bounds={"Nc": (math.inf, None)})
