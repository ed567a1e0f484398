"""Fits recover the law that made the data, whatever way they are asked for."""

import numpy as np
import pytest

import lawfit as lf
from fit_data import (
    ANNEALING,
    CLEAN,
    NOISY,
    POWER,
    SCHEDULES,
    X,
    annealing_curves,
    annealing_loss,
    bits,
)

GRID = [g.ravel() for g in np.meshgrid(np.geomspace(1e7, 1e10, 6), np.geomspace(1e9, 1e12, 7))]
CHINCHILLA = {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 2000.0, "beta": 0.37}


def chinchilla_table():
    n, d = GRID
    return {"N": n, "D": d, "loss": 1.7 + 400 * n**-0.34 + 2000 * d**-0.37}


def assert_found(fit, expected, rel=1e-6):
    assert fit.status == "converged"
    assert dict(fit.params) == pytest.approx(expected, rel=rel)


# Recovery from default starts


@pytest.mark.parametrize("space", ["log", "linear"])
@pytest.mark.parametrize("loss", ["huber", "squared", "soft_l1"])
def test_catalogue_laws_are_recovered(loss, space):
    how = {"loss": loss, "space": space}
    assert_found(lf.fit("power", CLEAN, **how), POWER)
    assert_found(lf.fit("chinchilla", chinchilla_table(), **how), CHINCHILLA)
    assert_found(lf.fit("annealing", annealing_curves(), **how), ANNEALING)


@pytest.mark.parametrize("lam", [0.99, 0.995, 0.999])
def test_annealing_with_its_decay_freed(lam):
    fit = lf.fit("annealing", annealing_curves(lam), fixed={"lam": None})
    assert_found(fit, {**ANNEALING, "lam": lam})
    assert fit.free == ("L0", "A", "alpha", "C", "lam")
    assert fit.stderr["lam"] > 0


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.8])
@pytest.mark.parametrize("x0", [1e-13, 1e-6, 1.0, 1e12, 1e25, 1e40])
def test_henighan_over_many_decades(x0, alpha):
    reducible = np.geomspace(0.2, 3, 30)  # (x0/x)^alpha
    x = x0 * reducible ** (-1 / alpha)
    for floor in (0.0, 0.5, 2.0):
        fit = lf.fit("henighan", {"x": x, "loss": floor + reducible})
        assert fit.success
        assert fit.params["Linf"] == pytest.approx(floor, rel=1e-6, abs=1e-9)
        assert fit.params["x0"] == pytest.approx(x0, rel=1e-6)
        assert fit.params["alpha"] == pytest.approx(alpha, rel=1e-6)


def test_law_of_ones_own_with_an_exponential():
    law = lf.Law(
        "decay",
        "a * exp(-b*t) + c",
        {"a": lf.Parameter(0), "b": lf.Parameter(0), "c": ...},
        y="y",
    )
    t = np.linspace(0, 10, 30)
    fit = lf.fit(law, {"t": t, "y": 3 * np.exp(-0.7 * t) + 1.2})
    assert_found(fit, {"a": 3, "b": 0.7, "c": 1.2})


def test_law_of_ones_own_that_is_no_sum_of_powers():
    law = lf.Law(
        "bend",
        "logaddexp(a - b*log(x), c)",
        {"a": ..., "b": lf.Parameter(0), "c": ...},
        y="y",
    )
    fit = lf.fit(law, {"x": X, "y": np.logaddexp(5 - 0.7 * np.log(X), -1)}, space="linear")
    assert_found(fit, {"a": 5, "b": 0.7, "c": -1})


def test_sizes_of_curves_are_columns():
    curves = [
        lf.Curve(
            steps := np.arange(9, 1000, 30),
            1.7 + 400 * n**-0.34 + 2000 * ((steps + 1) * 1e6) ** -0.37,
            name=f"{n:g}",
            params=n,
            tokens_per_step=1e6,
        )
        for n in (1e7, 1e8, 1e9)
    ]
    assert_found(lf.fit("chinchilla", curves), CHINCHILLA)


# Options


def test_space_and_reduction():
    log, linear = (lf.fit("power", NOISY, space=space) for space in ("log", "linear"))
    predicted = log.predict(NOISY)
    np.testing.assert_allclose(log.residuals, np.log(predicted / NOISY["y"]), atol=1e-15)
    np.testing.assert_allclose(
        linear.residuals, linear.predict(NOISY) - NOISY["y"], rtol=0, atol=1e-15
    )
    mean = lf.fit("power", NOISY, reduction="mean")
    assert dict(mean.params) == dict(log.params)
    assert mean.objective == pytest.approx(log.objective / X.size, rel=1e-15)


@pytest.mark.parametrize("loss", ["huber", "squared", "soft_l1"])
def test_whole_weights_are_repeated_rows(loss):
    weights = np.random.default_rng(1).integers(1, 5, X.size)
    repeated = {name: np.repeat(values, weights) for name, values in NOISY.items()}
    weighed, plain = (
        lf.fit("power", NOISY, loss=loss, weights=weights),
        lf.fit("power", repeated, loss=loss),
    )
    assert dict(weighed.params) == pytest.approx(dict(plain.params), rel=1e-8)
    assert weighed.objective == pytest.approx(plain.objective, rel=1e-12)


def test_weights_are_those_of_the_rows_kept():
    (curve, *_) = annealing_curves(noise=1e-3)
    weights = np.random.default_rng(1).uniform(1, 3, len(curve))
    cut = lf.fit("annealing", curve, weights=weights, skip_steps=1000)
    kept = curve.steps >= 1000
    assert bits(cut) == bits(lf.fit("annealing", curve.skip(1000), weights=weights[kept]))


def test_fixed():
    fit = lf.fit("power", CLEAN, fixed={"b": 0.3})
    assert_found(fit, POWER)
    assert fit.free == ("a", "c")
    assert fit.cov.shape == (2, 2)
    assert fit.stderr["b"] == 0
    other = lf.fit("power", CLEAN, fixed={"c": 1.6})
    assert other.params["c"] == 1.6
    assert other.objective > 1e-6


def test_bounds():
    fit = lf.fit("power", CLEAN, bounds={"b": (0.29, 0.31), "c": (None, None)})
    assert_found(fit, POWER)
    assert dict(fit.at_bounds) == {}
    fit = lf.fit("power", CLEAN, bounds={"b": (0.35, 0.6)})
    assert fit.params["b"] == 0.35
    assert dict(fit.at_bounds) == {"b": "lower"}
    assert fit.rank == 2
    np.testing.assert_array_equal(np.isnan(fit.cov[1]), True)
    assert np.isfinite(fit.stderr["a"])


def test_profile():
    grid = [0.2, 0.25, 0.3, 0.35]
    fit = lf.fit("power", NOISY, profile={"b": grid})
    assert fit.params["b"] == 0.3
    assert fit.free == ("a", "c")
    assert [point.values for point in fit.profile] == [{"b": b} for b in grid]
    assert min(point.objective for point in fit.profile) == fit.objective
    for point in fit.profile:
        alone = lf.fit("power", NOISY, fixed=point.values)
        assert (alone.objective, alone.status) == point[1:]
    assert lf.fit("power", NOISY, fixed={"b": 0.3}).profile == ()


def test_profile_of_two_parameters():
    fit = lf.fit("power", NOISY, profile={"b": [0.25, 0.3], "c": (1.4, 1.5, 1.6)})
    assert (fit.params["b"], fit.params["c"]) == (0.3, 1.5)
    assert fit.free == ("a",)
    assert [tuple(p.values.values()) for p in fit.profile] == [
        (b, c) for b in (0.25, 0.3) for c in (1.4, 1.5, 1.6)
    ]


def test_profile_of_a_held_parameter():
    fit = lf.fit("annealing", annealing_curves(0.995), profile={"lam": [0.99, 0.995, 0.999]})
    assert_found(fit, {**ANNEALING, "lam": 0.995})


def test_skip_steps():
    schedule = SCHEDULES["cosine"]
    steps = np.arange(20, 3000, 20)
    loss = annealing_loss(schedule, steps, warmup="actual")
    curve = lf.Curve(steps, loss, schedule, name="cosine")
    for skip, first in ((None, 100), (0, 20), (500, 500), (501, 520)):
        fit = lf.fit("annealing", curve, warmup="actual", skip_steps=skip)
        assert fit.n == np.sum(steps >= first)
        assert fit.sources == (("curve 'cosine'", fit.n),)
        assert_found(fit, ANNEALING)


@pytest.mark.parametrize("warmup", ["peak", "actual", "skip"])
def test_warmup(warmup):
    curves = annealing_curves(warmup=warmup)
    assert_found(lf.fit("annealing", curves, warmup=warmup), ANNEALING)
    other = "actual" if warmup == "peak" else "peak"
    assert lf.fit("annealing", curves, warmup=other).objective > 1e-9


def test_starts():
    start = {"a": 1.0, "b": 0.5, "c": 1.0}
    values = list(start.values())
    one = lf.fit("power", NOISY, starts=start)
    assert one.starts_asked == 1
    for same in ([start], [values], np.array([values]), (tuple(values),), {**start, "a": 1}):
        assert bits(lf.fit("power", NOISY, starts=same)) == bits(one)
    far = [[50.0, 2.0, 0.1], [0.1, 0.05, 3.0], values]
    assert lf.fit("power", NOISY, starts=far).starts_asked == 3
    for starts in (1, 7, 64, np.int64(5), far):
        fit = lf.fit("power", NOISY, starts=starts)
        assert dict(fit.params) == pytest.approx(dict(one.params), rel=1e-7)
        assert fit.starts_run + fit.starts_merged + fit.starts_failed == fit.starts_asked


def test_starts_are_of_the_free_parameters():
    fit = lf.fit("power", NOISY, starts=[[1.0, 1.0]], fixed={"b": 0.3})
    assert fit.params["b"] == 0.3
    with pytest.raises(ValueError, match="start 0: 'b' is no free parameter"):
        lf.fit("power", NOISY, starts={"a": 1, "b": 1, "c": 1}, fixed={"b": 0.3})


def test_seeds():
    fits = [lf.fit("power", NOISY, rng=seed) for seed in (0, 0, 1, np.uint64(2**63))]
    assert bits(fits[0]) == bits(fits[1])
    assert [fit.options.seed for fit in fits] == [0, 0, 1, 2**63]
    for fit in fits[2:]:
        assert dict(fit.params) == pytest.approx(dict(fits[0].params), rel=1e-7)
    drawn = [lf.fit("power", NOISY, rng=np.random.default_rng(5)) for _ in range(2)]
    assert bits(drawn[0]) == bits(drawn[1])
    again = lf.fit("power", NOISY, rng=drawn[0].options.seed)
    assert bits(again) == bits(drawn[0])


# The same bits


@pytest.mark.parametrize("space", ["log", "linear"])
def test_bits_do_not_depend_on_threads_or_repetition(space):
    curves = annealing_curves(every=2, noise=1e-2)
    how = {"fixed": {"lam": None}, "starts": 40, "space": space}
    want = bits(lf.fit("annealing", curves, threads=1, **how))
    for threads in (1, 2, 4, None, 2):
        assert bits(lf.fit("annealing", curves, threads=threads, **how)) == want


def test_inputs_are_not_modified():
    data = {name: values.copy() for name, values in NOISY.items()}
    weights, starts = np.ones(X.size), np.array([[1.0, 0.5, 1.0]])
    options = {
        "fixed": {"b": None},
        "bounds": {"a": (0.0, 9.0)},
        "weights": weights,
        "starts": starts,
    }
    shown = repr(options)
    lf.fit("power", data, **options)
    assert repr(options) == shown
    for name, values in NOISY.items():
        assert data[name].tobytes() == values.tobytes()


def test_a_run_beside_the_law_is_predicted():
    train = annealing_curves()[:2]
    fit = lf.fit("annealing", train)
    wsd, at = SCHEDULES["wsd"], np.arange(100, 3000)
    np.testing.assert_allclose(fit.predict(wsd, at=at), annealing_loss(wsd, at), rtol=1e-9)


@pytest.mark.parametrize("size", [25152.0, 7e9])
def test_a_column_that_does_not_vary_leaves_its_part_open(size):
    n = np.full(40, size)
    d = np.geomspace(1e9, 1e12, 40)
    loss = 1.7 + 400 * n**-0.34 + 2000 * d**-0.37
    for options in ({}, {"starts": [CHINCHILLA]}):
        fit = lf.fit("chinchilla", {"N": n, "D": d, "loss": loss}, **options)
        assert fit.status == "rank_deficient"
        assert set(fit.undetermined) == {"E", "A", "alpha"}
        assert fit.params["beta"] == pytest.approx(0.37, rel=1e-6)


@pytest.mark.parametrize("unit", [1e-6, 1e3, 1e9])
@pytest.mark.parametrize("formula", ["a * exp(-b*x) + c", "a * exp(-(b*x)) + c"])
def test_a_rate_is_found_whatever_the_unit(unit, formula):
    x = np.linspace(0.01, 10, 60) * unit
    rate = lf.Law("decay", formula, lf.laws.exponential.parameters, y="y")
    fit = lf.fit(rate, {"x": x, "y": 2 * np.exp(-0.8 * x / unit) + 0.3})
    assert_found(fit, {"a": 2.0, "b": 0.8 / unit, "c": 0.3})
