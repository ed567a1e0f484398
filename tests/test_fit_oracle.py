"""Fits against scipy, and against what statistics promises."""

import numpy as np
import pytest

import lawfit as lf
from fit_data import CLEAN, NOISY, POWER, X, bits

optimize = pytest.importorskip("scipy.optimize")

SCIPY = {"huber": "huber", "soft_l1": "soft_l1", "squared": "linear"}


def noisy(seed, scale=3e-3):
    rng = np.random.default_rng(seed)
    noise = scale * rng.standard_t(2, X.size)
    return {"x": X, "y": CLEAN["y"] * np.exp(noise)}


def power(theta, x):
    a, b, c = theta
    return a * x**-b + c


@pytest.mark.parametrize("space", ["log", "linear"])
@pytest.mark.parametrize("loss", SCIPY)
@pytest.mark.parametrize("seed", range(4))
def test_no_higher_than_least_squares(loss, space, seed):
    data = noisy(seed)
    x, y = data["x"], data["y"]

    def residuals(theta):
        f = power(theta, x)
        return np.log(f) - np.log(y) if space == "log" else f - y

    best = min(
        optimize.least_squares(
            residuals,
            start,
            loss=SCIPY[loss],
            f_scale=1e-3,
            bounds=(0, np.inf),
            x_scale="jac",
            xtol=1e-15,
            ftol=1e-15,
            gtol=1e-15,
            max_nfev=2000,
        ).cost
        for start in ([2, 0.3, 1.5], [1, 0.5, 1])
    )
    fit = lf.fit("power", data, loss=loss, space=space)
    assert fit.success
    # scipy's cost has the same terms: delta²·rho_scipy((r/delta)²)/2 is our rho
    assert fit.objective <= best * (1 + 1e-9)
    assert fit.objective == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize("loss", SCIPY)
def test_objective_is_the_sum_it_says(loss):
    data, delta = noisy(1), 2e-3
    fit = lf.fit("power", data, loss=loss, delta=delta)
    r = np.abs(fit.residuals)
    rho = {
        "huber": np.where(r <= delta, r**2 / 2, delta * (r - delta / 2)),
        "soft_l1": delta**2 * (np.sqrt(1 + (r / delta) ** 2) - 1),
        "squared": r**2 / 2,
    }[loss]
    assert fit.objective == pytest.approx(rho.sum(), rel=1e-10)
    theta = [fit.params[n] for n in "abc"]
    expected = np.log(power(theta, X)) - np.log(data["y"])
    np.testing.assert_allclose(fit.residuals, expected, atol=1e-14)


@pytest.mark.parametrize("scale", [1e-3, 0.1, 8.0, 1e6])
@pytest.mark.parametrize("loss", SCIPY)
def test_another_unit_of_the_loss_gives_the_same_law(loss, scale):
    data = noisy(2)
    units = {"x": X, "y": scale * data["y"]}
    one = lf.fit("power", data, loss=loss, space="linear")
    other = lf.fit("power", units, loss=loss, space="linear", delta=scale * 1e-3)
    a, b, c = (one.params[name] for name in "abc")
    assert dict(other.params) == pytest.approx({"a": scale * a, "b": b, "c": scale * c}, rel=1e-8)
    assert other.objective == pytest.approx(scale**2 * one.objective, rel=1e-9)
    assert other.stderr["b"] == pytest.approx(one.stderr["b"], rel=1e-6)
    assert other.stderr["a"] == pytest.approx(scale * one.stderr["a"], rel=1e-6)


def test_in_log_space_the_unit_drops_out():
    data = noisy(2)
    law = lf.Law("pure", "a * x**-b", {"a": lf.Parameter(0), "b": ...}, y="y")
    one = lf.fit(law, data)
    other = lf.fit(law, {"x": X, "y": 1e-4 * data["y"]})
    assert other.params["b"] == pytest.approx(one.params["b"], rel=1e-9)
    assert other.objective == pytest.approx(one.objective, rel=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_covariance_of_least_squares_is_that_of_curve_fit(seed, weighted):
    data = noisy(seed)
    weights = np.random.default_rng(seed).uniform(0.5, 4, X.size) if weighted else None
    fit = lf.fit("power", data, loss="squared", space="linear", weights=weights)
    theta, cov = optimize.curve_fit(
        lambda x, a, b, c: power((a, b, c), x),
        X,
        data["y"],
        p0=list(fit.params.values()),
        sigma=None if weights is None else weights**-0.5,
        jac=lambda x, a, b, c: np.stack([x**-b, -a * x**-b * np.log(x), np.ones_like(x)], axis=1),
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
    )
    np.testing.assert_allclose(list(fit.params.values()), theta, rtol=1e-6)
    np.testing.assert_allclose(fit.cov, cov, rtol=1e-6)
    np.testing.assert_allclose(list(fit.stderr.values()), np.sqrt(np.diag(cov)), rtol=1e-6)


@pytest.mark.parametrize(("loss", "tails"), [("huber", 3), ("squared", np.inf), ("soft_l1", 3)])
def test_two_standard_errors_cover_the_truth(loss, tails):
    law = lf.Law("line", "k * x**-b", {"k": lf.Parameter(0), "b": ...}, y="y")
    rng = np.random.default_rng(11)
    x = np.geomspace(1, 1e3, 80)
    covered = []
    for _ in range(300):
        noise = rng.normal(size=x.size) if np.isinf(tails) else rng.standard_t(tails, x.size)
        fit = lf.fit(law, {"x": x, "y": 2 * x**-0.3 * np.exp(0.01 * noise)}, delta=0.01, loss=loss)
        covered.append(
            [abs(fit.params[n] - v) < 1.99 * fit.stderr[n] for n, v in (("k", 2), ("b", 0.3))]
        )
    share = np.mean(covered, axis=0)  # of 0.95, with a standard error of 0.013
    assert np.all((share > 0.91) & (share < 0.985)), share


def test_error_shrinks_with_the_root_of_the_rows():
    errors = []
    for repeats in (1, 16):
        data = {name: np.tile(values, repeats) for name, values in NOISY.items()}
        errors.append(lf.fit("power", data).stderr["b"])
    assert errors[1] == pytest.approx(errors[0] / 4, rel=0.05)


def test_order_of_rows_moves_only_the_last_digits():
    order = np.random.default_rng(0).permutation(X.size)
    shuffled = {name: values[order] for name, values in NOISY.items()}
    fits = lf.fit("power", NOISY), lf.fit("power", shuffled)
    assert dict(fits[1].params) == pytest.approx(dict(fits[0].params), rel=1e-8)
    assert bits(fits[0]) != b""
    assert dict(fits[0].params) == pytest.approx(POWER, rel=0.1)
