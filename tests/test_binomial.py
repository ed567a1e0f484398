"""Rates out of counted trials: the binomial loss against the likelihood itself."""

import json

import numpy as np
import pytest

import lawfit as lf

optimize = pytest.importorskip("scipy.optimize")
special = pytest.importorskip("scipy.special")
stats = pytest.importorskip("scipy.stats")

# How often a task of many steps is solved at all, arXiv:2310.03262: seldom, then suddenly.
PASS_UNTIL = lf.Law(
    "pass_until",
    "exp(-c*N**-alpha)",
    {"c": lf.Parameter(0), "alpha": lf.Parameter(0, typical=(0.03, 1.0))},
    y="rate",
)
N = np.geomspace(1e6, 1e10, 24)
TRUTH = {"c": 400.0, "alpha": 0.3}
RATE = np.exp(-400.0 * N**-0.3)
OPTIONS = {"loss": "binomial", "space": "linear"}


def drawn(seed, trials=200):
    rng = np.random.default_rng(seed)
    counts = np.full(N.size, trials)
    return rng.binomial(counts, RATE) / counts, counts


def deviance(f, y, trials):
    """Half of it, by the definition with 0·log 0 = 0."""
    terms = special.xlogy(y, y / f) + special.xlogy(1 - y, (1 - y) / (1 - f))
    return np.sum(trials * terms)


def likelihood(theta, y, trials):
    f = np.exp(-theta[0] * N ** -theta[1])
    return -np.sum(stats.binom.logpmf(np.round(y * trials), trials, f))


@pytest.mark.parametrize("seed", range(4))
def test_greatest_likelihood(seed):
    y, trials = drawn(seed)
    fit = lf.fit(PASS_UNTIL, {"N": N, "rate": y}, weights=trials, **OPTIONS)
    assert fit.success
    theta = list(fit.params.values())
    scaled = optimize.minimize(
        lambda u: likelihood(np.exp(u), y, trials),
        np.log([200.0, 0.25]),
        method="Nelder-Mead",
        options={"xatol": 1e-11, "fatol": 1e-11, "maxiter": 4000, "maxfev": 4000},
    )
    np.testing.assert_allclose(theta, np.exp(scaled.x), rtol=1e-5)
    assert likelihood(theta, y, trials) <= scaled.fun + 1e-9
    f = np.exp(-theta[0] * N ** -theta[1])
    assert fit.objective == pytest.approx(deviance(f, y, trials), rel=1e-10)
    np.testing.assert_allclose(fit.residuals, f - y, atol=1e-14)


def test_negative_binomial_has_the_same_maximum():
    # Sampling until 20 passes: what is drawn is the number of trials.
    rng = np.random.default_rng(2)
    passes = 20
    some = RATE > 1e-3
    trials = passes + rng.negative_binomial(passes, RATE[some])
    data = {"N": N[some], "rate": passes / trials}
    fit = lf.fit(PASS_UNTIL, data, weights=trials, **OPTIONS)

    def negative(u):
        f = np.exp(-np.exp(u[0]) * N[some] ** -np.exp(u[1]))
        return -np.sum(stats.nbinom.logpmf(trials - passes, passes, f))

    best = optimize.minimize(
        negative, np.log([200.0, 0.25]), method="Nelder-Mead",
        options={"xatol": 1e-11, "fatol": 1e-11, "maxiter": 4000, "maxfev": 4000},
    )  # fmt: skip
    np.testing.assert_allclose(list(fit.params.values()), np.exp(best.x), rtol=1e-5)


def test_rates_of_the_law_itself_give_it_back():
    fit = lf.fit(PASS_UNTIL, {"N": N, "rate": RATE}, **OPTIONS)
    assert fit.success
    np.testing.assert_allclose(list(fit.params.values()), list(TRUTH.values()), rtol=1e-9)
    assert fit.objective < 1e-25


def test_errors_are_the_inverse_information():
    y, trials = drawn(5)
    fit = lf.fit(PASS_UNTIL, {"N": N, "rate": y}, weights=trials, **OPTIONS)
    c, alpha = fit.params.values()
    f = np.exp(-c * N**-alpha)
    jacobian = np.array([-(N**-alpha) * f, c * N**-alpha * np.log(N) * f])
    information = (jacobian * trials / (f * (1 - f))) @ jacobian.T
    np.testing.assert_allclose(fit.cov, np.linalg.inv(information), rtol=1e-6)
    # Ten times the trials, at the same rates, give errors smaller by the root of ten.
    more = lf.fit(PASS_UNTIL, {"N": N, "rate": y}, weights=10 * trials, **OPTIONS)
    np.testing.assert_allclose(more.cov, fit.cov / 10, rtol=1e-6)


def test_errors_are_as_large_as_the_scatter():
    found = []
    for seed in range(60):
        y, trials = drawn(100 + seed, trials=1000)
        fit = lf.fit(PASS_UNTIL, {"N": N, "rate": y}, weights=trials, starts=[TRUTH], **OPTIONS)
        found.append((fit.params["alpha"], fit.stderr["alpha"]))
    alpha, error = np.array(found).T
    # 60 draws give the scatter to about 1/sqrt(120).
    assert alpha.std(ddof=1) / error.mean() == pytest.approx(1, abs=0.3)
    assert abs(alpha.mean() - 0.3) < 4 * error.mean() / np.sqrt(60)


def test_linear_parameters_are_solved_for_inside_the_rates():
    # Top-1 error falls with loss, arXiv:2403.08540: both ends near the edges of [0, 1].
    loss = np.linspace(1.5, 8, 40)
    rate = 0.99 - 1.9 * np.exp(-0.45 * loss)
    trials = np.full(40, 50)
    y = np.random.default_rng(0).binomial(trials, rate) / trials
    law = lf.Law("top1", "eps - a*exp(-b*L)", {"eps": ..., "a": ..., "b": lf.Parameter(0)}, y="y")
    fit = lf.fit(law, {"L": loss, "y": y}, weights=trials, **OPTIONS)
    assert fit.success
    assert fit.starts_failed < fit.starts_asked / 2
    assert fit.starts_agreed > 1
    start = optimize.minimize(
        lambda t: deviance(
            np.clip(t[0] - t[1] * np.exp(-t[2] * loss), 1e-12, 1 - 1e-12), y, trials
        ),
        [0.98, 1.9, 0.45],
        method="Nelder-Mead",
        options={"xatol": 1e-10, "fatol": 1e-10, "maxiter": 5000, "maxfev": 5000},
    )
    assert fit.objective <= start.fun + 1e-8


def test_all_or_nothing():
    # Rates of 0 and 1 alone still have a likelihood.
    y = (np.log(N) + np.random.default_rng(1).normal(0, 2, N.size) > np.log(3e8)).astype(float)
    law = lf.Law("logistic", "expit(a*log(N) - b)", ["a", "b"], y="rate")
    fit = lf.fit(law, {"N": N, "rate": y}, **OPTIONS)
    assert fit.success

    def chances(theta):
        return special.expit(theta[0] * np.log(N) - theta[1])

    best = optimize.minimize(
        lambda theta: deviance(chances(theta), y, 1), [1.0, 20.0], method="Nelder-Mead"
    )
    assert fit.objective <= best.fun + 1e-12
    np.testing.assert_allclose(list(fit.params.values()), best.x, rtol=1e-3)


def test_fit_is_kept_and_told():
    y, trials = drawn(0)
    data = {"N": N, "rate": y}
    fit = lf.fit(PASS_UNTIL, data, weights=trials, **OPTIONS)
    assert lf.Fit.from_json(fit.to_json()) == fit
    assert "sum of half the binomial deviance, 24 points" in fit.summary()
    assert fit == lf.fit(PASS_UNTIL, data, weights=trials, **OPTIONS)
    assert fit.params == lf.fit(PASS_UNTIL, data, weights=trials, delta=np.inf, **OPTIONS).params


@pytest.mark.parametrize("bad", [-1e-9, 1.0000001, 2.0])
def test_what_is_no_rate(bad):
    y = RATE.copy()
    y[3] = bad
    message = f"rate at index 3 is {bad:.17g}; loss='binomial' needs a rate from 0 to 1"
    with pytest.raises(ValueError, match=message):
        lf.fit(PASS_UNTIL, {"N": N, "rate": y}, **OPTIONS)


def test_logarithms_are_refused():
    message = "loss='binomial' needs space='linear', got space='log'"
    with pytest.raises(ValueError, match=message):
        lf.fit(PASS_UNTIL, {"N": N, "rate": RATE}, loss="binomial")
    saved = json.loads(lf.fit(PASS_UNTIL, {"N": N, "rate": RATE}, **OPTIONS).to_json())
    saved["options"]["space"] = "log"
    with pytest.raises(ValueError, match=message):
        lf.Fit.from_dict(saved)


def test_rates_without_their_trials_are_remarked_on():
    y, trials = drawn(0)
    table = {"N": N, "rate": y}
    bare = lf.fit(PASS_UNTIL, table, **OPTIONS)
    counted = lf.fit(PASS_UNTIL, table, weights=trials, **OPTIONS)
    assert any("numbers of trials" in note for note in bare.notes)
    assert not any("numbers of trials" in note for note in counted.notes)
    assert dict(bare.params) == pytest.approx(dict(counted.params), rel=1e-9)
    assert bare.stderr["c"] == pytest.approx(counted.stderr["c"] * np.sqrt(200), rel=1e-6)
