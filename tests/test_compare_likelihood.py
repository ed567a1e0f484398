"""AIC and BIC of fits: the likelihoods that residuals have, and what is counted."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

import lawfit as lf
from compare_data import wavy
from fit_data import CLEAN, NOISY, X
from lawfit._likelihood import log_likelihood, rho


@pytest.fixture(scope="module")
def curves():
    return wavy()


def nll(total, n, s, log_z, delta):
    return n * (math.log(delta) + log_z(s)) + s * total / delta**2


def huber_log_z(s):
    inner = integrate.quad(lambda x: math.exp(-s * x * x / 2), 0, 1, epsabs=0)[0]
    return math.log(2 * (inner + math.exp(-s / 2) / s))


def soft_log_z(s):
    return math.log(2 * special.k1e(s))


@pytest.mark.parametrize(("loss", "log_z"), [("huber", huber_log_z), ("soft_l1", soft_log_z)])
@pytest.mark.parametrize("share", [1e-2, 0.3, 1.0, 5.0, 300.0])
def test_the_likelihood_of_a_robust_loss_is_that_of_its_density(loss, log_z, share):
    delta = 1e-3
    r = stats.norm(0, share * delta).ppf((np.arange(100) + 0.5) / 100)
    options = dataclasses.replace(lf.fit("power", NOISY).options, loss=loss, delta=delta)
    total = float(rho(r, options).sum())
    best = optimize.minimize_scalar(
        lambda u: nll(total, 100, math.exp(u), log_z, delta), bounds=(-15, 15), method="bounded",
        options={"xatol": 1e-9},
    )  # fmt: skip
    assert log_likelihood(total, 100, options) == pytest.approx(-best.fun, rel=1e-10)


@pytest.mark.parametrize("loss", ["huber", "soft_l1"])
@pytest.mark.parametrize("delta", [1e6, 1e200])
def test_a_loss_that_is_nowhere_linear_is_the_normal_one(loss, delta):
    r = np.linspace(-1e-9, 1e-9, 100)
    options = dataclasses.replace(lf.fit("power", NOISY).options, loss=loss, delta=delta)
    want = stats.norm(0, math.sqrt(np.mean(r**2))).logpdf(r).sum()
    assert log_likelihood(float(np.sum(r**2) / 2), 100, options) == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("size", [1e24, 1e50])
def test_a_loss_that_is_linear_all_over_is_that_of_laplace(size):
    r = np.linspace(-size, size, 100)
    options = lf.fit("power", NOISY).options
    for loss in ("huber", "soft_l1"):
        options = dataclasses.replace(options, loss=loss)
        total = float(rho(r, options).sum())
        want = stats.laplace(0, np.mean(np.abs(r))).logpdf(r).sum()
        assert log_likelihood(total, 100, options) == pytest.approx(want, rel=1e-12)


def test_the_squared_loss_is_the_normal_one():
    fit = lf.fit("power", NOISY, loss="squared", space="linear")
    r = fit.residuals
    row = lf.compare([fit, fit])["power"]
    want = stats.norm(0, math.sqrt(np.mean(r**2))).logpdf(r).sum()
    assert row.log_likelihood == pytest.approx(want, rel=1e-12)
    assert row.AIC == pytest.approx(2 * 4 - 2 * want)
    assert row.BIC == pytest.approx(4 * math.log(X.size) - 2 * want)
    wide = lf.fit("power", NOISY, loss="huber", delta=1e3, space="linear")
    assert lf.compare([fit, wide])["power (2)"].AIC == pytest.approx(row.AIC, rel=1e-9)


def test_fits_of_both_spaces_have_the_likelihood_of_the_target():
    logs = lf.fit("power", NOISY, loss="squared")
    plain = lf.fit("power", NOISY, loss="squared", space="linear")
    found = lf.compare({"log": logs, "linear": plain}, NOISY)
    sd = math.sqrt(np.mean(logs.residuals**2))
    want = stats.lognorm(sd, scale=logs.predict(NOISY)).logpdf(NOISY["y"]).sum()
    assert found["log"].log_likelihood == pytest.approx(want, rel=1e-10)
    alone = lf.compare([logs, plain])
    assert all(math.isnan(row.AIC) for row in alone)
    assert (alone.best, alone.criterion) == (None, None)
    assert "give the data" in alone.warnings[0]


def test_a_binomial_loss_counts_no_scale():
    table = {"x": [1.0, 2, 4, 8, 16], "y": [0.9, 0.7, 0.4, 0.2, 0.1]}
    law = lf.Law("logit", "1 / (1 + exp(a * (log(x) - b)))", ["a", "b"], y="y")
    how = {"loss": "binomial", "space": "linear", "weights": [10.0, 20, 10, 20, 10]}
    fit = lf.fit(law, table, **how)
    row = lf.compare([fit, fit], table)["logit"]
    assert row.AIC == pytest.approx(2 * 2 + 2 * fit.objective)
    assert row.cross_validated is None  # trials are not kept
    mixed = lf.compare([fit, lf.fit(law, table, space="linear", loss="squared")])
    assert all(math.isnan(row.AIC) for row in mixed)
    assert "binomial" in mixed.warnings[0]


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_the_mean_is_the_same(reduction):
    fit = lf.fit("power", NOISY)
    other = lf.fit("power", NOISY, reduction=reduction)
    found = lf.compare([fit, other])
    assert found["power"].AIC == pytest.approx(found["power (2)"].AIC, rel=1e-12)


def test_weights_are_not_kept():
    fit = lf.fit("power", NOISY, weights=np.linspace(1, 2, X.size))
    found = lf.compare([fit, lf.fit("power", NOISY)], NOISY)
    assert math.isnan(found["power"].AIC)
    assert math.isfinite(found["power (2)"].AIC)
    assert found["power"].cross_validated is None
    assert any("'power' was fitted with weights" in text for text in found.warnings)


@pytest.mark.parametrize("space", ["log", "linear"])
@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_residuals_of_mere_rounding_are_not_taken_for_weights(space, scale):
    table = {"x": X, "y": scale * CLEAN["y"]}
    fits = [lf.fit("power", table, space=space, loss=loss) for loss in ("huber", "soft_l1")]
    found = lf.compare(fits, table)
    assert not any("weights" in text for text in found.warnings)
    assert all(math.isfinite(row.AIC) and row.cross_validated for row in found)


def test_what_the_data_chose_is_counted(curves):
    grid = {"profile": {"lam": [0.99, 0.999]}}
    found = lf.compare(
        {
            "held": lf.fit("annealing", curves),
            "profiled": lf.fit("annealing", curves, **grid),
            "freed": lf.fit("annealing", curves, fixed={"lam": None}),
            "groups": lf.fit("annealing", curves[:2], by="name", shared=["alpha", "L0", "C"]),
            "own": lf.fit("annealing", curves[["cosine", "wsd"]], by="name"),
            "own, profiled": lf.fit("annealing", curves[["cosine", "wsd"]], by="name", **grid),
        }
    )
    assert [row.free for row in found] == [4, 5, 5, 3 + 2, 8, 10]


def test_the_law_that_made_the_data_has_the_lowest_criteria():
    x = np.linspace(0.1, 5, 60)
    y = (2 * np.exp(-0.7 * x) + 1) * np.exp(1e-3 * np.sin(2.5 * np.arange(60)))
    table = {"x": x, "y": y}
    found = lf.compare([lf.fit("power", table), lf.fit("exponential", table)])
    assert (found.best, found.criterion) == ("exponential", "AIC")
    rows = {row.name: row for row in found}
    assert rows["exponential"].BIC < rows["power"].BIC - 50
