"""The last digits of a minimum, against 60 digits, and what is said where they are not had."""

import numpy as np
import pytest

import lawfit as lf

mp = pytest.importorskip("mpmath").mp.clone()
mp.dps = 60
# Nearly the same decay twice: a condition of some 1e5 beside noise of 1e-6.
LAW = lf.Law("decays", "a*exp(-b*x) + c*exp(-d*x)", ["a", "b", "c", "d"], y="y")
TRUTH = {"a": 0.4, "b": 1.0, "c": 0.5, "d": 1.4}
DELTA = 1e-6
OPTIONS = {
    "squared, linear": {"loss": "squared", "space": "linear"},
    "squared, log": {"loss": "squared", "space": "log"},
    "huber, linear": {"loss": "huber", "space": "linear", "delta": DELTA},
    "huber, log": {"loss": "huber", "space": "log", "delta": DELTA},
    "soft_l1, log": {"loss": "soft_l1", "space": "log", "delta": DELTA},
    "binomial": {"loss": "binomial", "space": "linear"},
}


def decays(x, *, a, b, c, d):
    return a * np.exp(-b * x) + c * np.exp(-d * x)


@pytest.fixture(scope="module")
def table():
    x = np.linspace(0.01, 4, 50)
    rng = np.random.default_rng(3)
    y = decays(x, **TRUTH) + rng.standard_t(3, x.size) * DELTA
    return {"x": x, "y": y, "w": rng.uniform(0.5, 2, x.size)}


def slopes(options, f, y):
    """Return a term's first and second derivative by the law's value, the second for small r."""
    if options["loss"] == "binomial":
        return (f - y) / (f * (1 - f)), 1 / (f * (1 - f))
    log = options["space"] == "log"
    r, by_value = (mp.log(f) - mp.log(y), 1 / f) if log else (f - y, mp.mpf(1))
    delta = mp.mpf(options.get("delta", mp.inf))
    if options["loss"] == "soft_l1":
        root = mp.sqrt(1 + (r / delta) ** 2)
        return r / root * by_value, by_value**2 / root**3
    if abs(r) > delta:
        return delta * mp.sign(r) * by_value, mp.mpf(0)
    return r * by_value, by_value**2


def newton_step(options, table, weights, params):
    """Return how far a minimum of 60 digits is from the parameters."""
    a, b, c, d = map(mp.mpf, params)
    g, h = mp.matrix(4, 1), mp.matrix(4, 4)
    for row in zip(table["x"], table["y"], weights, strict=True):
        x, y, w = map(mp.mpf, row)
        e1, e2 = mp.exp(-b * x), mp.exp(-d * x)
        j = mp.matrix([e1, -a * x * e1, e2, -c * x * e2])
        first, second = slopes(options, a * e1 + c * e2, y)
        g += w * first * j
        h += w * second * (j * j.T)
    return mp.lu_solve(h, -g)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_every_digit_of_every_loss(table, options, weighted):
    weights = table["w"] if weighted else None
    if options["loss"] == "binomial":  # so many trials that the digits matter
        weights = np.full(table["x"].size, 1e12) if weights is None else weights * 1e12
    fit = lf.fit(LAW, table, **options, weights=weights, starts=TRUTH)
    assert fit.status == "converged"
    assert set(fit.precision.values()) == {2.0**-53}
    weights = np.ones(table["x"].size) if weights is None else weights
    step = newton_step(options, table, weights, fit.params.values())
    for value, left in zip(fit.params.values(), step, strict=True):
        assert abs(left) <= 0.501 * np.spacing(value)


def test_residuals_and_the_objective_go_with_them(table):
    fit = lf.fit(LAW, table, loss="squared", space="linear", starts=TRUTH)
    assert fit.objective == pytest.approx(0.5 * (fit.residuals**2).sum(), rel=1e-14)
    np.testing.assert_allclose(fit.residuals, fit.predict(table) - table["y"], rtol=0, atol=1e-14)
    mean = lf.fit(LAW, table, loss="squared", space="linear", starts=TRUTH, reduction="mean")
    assert mean.params == fit.params
    assert mean.objective == pytest.approx(fit.objective / fit.n, rel=1e-15)


def test_a_bound_is_kept_and_the_others_are_as_exact(table):
    options = {"loss": "squared", "space": "linear"}
    fit = lf.fit(LAW, table, **options, bounds={"b": (1.1, None)}, starts=TRUTH | {"b": 1.2})
    assert fit.at_bounds == {"b": "lower"}
    assert fit.params["b"] == 1.1
    held = lf.fit(LAW, table, **options, fixed={"b": 1.1}, starts={"a": 0.4, "c": 0.5, "d": 1.4})
    for name, value in held.params.items():
        assert fit.params[name] == pytest.approx(value, rel=1e-13)
    assert fit.precision["b"] == 0
    assert max(fit.precision.values()) <= 1e-14


def test_schedule_areas_are_data_of_their_own_rounding():
    schedule = lf.schedules.cosine(steps=3000, peak=3e-4, warmup=100)
    steps = np.arange(200, 3000, 40)
    s1, s2 = schedule.areas(at=steps)
    loss = 2.6 + 0.5 * s1**-0.4 - 2 * s2 + 1e-9 * np.cos(steps)
    options = {"loss": "squared", "space": "linear"}
    start = {"L0": 2.5, "A": 0.5, "alpha": 0.4, "C": 2.0}
    fit = lf.fit(
        lf.laws.annealing, lf.Curve(steps, loss, schedule), **options, warmup="actual", starts=start
    )
    plain = lf.Law("plain", "L0 + A * area**-alpha - C * other", list(start), y="loss")
    same = lf.fit(plain, {"area": s1, "other": s2, "loss": loss}, **options, starts=start)
    for name, value in same.params.items():
        assert fit.params[name] == pytest.approx(value, rel=1e-14)
    assert set(fit.precision.values()) == {2.0**-53}


def test_ordinary_fits_have_the_precision_they_claim():
    x = np.geomspace(1, 1e4, 60)
    y = 3 * x**-0.4 + 1.2 + np.random.default_rng(0).normal(0, 1e-2, x.size)
    law = lf.Law("power", "a * x**-b + c", ["a", "b", "c"], y="y")
    fit = lf.fit(law, {"x": x, "y": y}, loss="squared", space="linear")
    assert all(2.0**-53 <= share <= 1e-14 for share in fit.precision.values())
    assert "precision" in fit.to_dict()


def test_a_fit_of_few_digits_says_so():
    x = np.linspace(0, 1, 200)
    noise = np.random.default_rng(1).normal(0, 0.5, x.size)

    def wave(x, *, turns, size):  # of so many turns that differences of a share of them say little
        return size * np.sin(1600 * turns * x)

    table = {"x": x, "y": wave(x, turns=1.0, size=1.0) + noise}
    start = {"turns": 1.0, "size": 1.0}
    law = lf.CallableLaw(wave, ["turns", "size"], y="y")
    fit = lf.fit(law, table, loss="squared", space="linear", starts=start)
    assert fit.status == "imprecise"
    assert fit.success
    assert max(fit.precision.values()) > 1e-6
    assert "fewer than six digits" in fit.summary()
    formula = lf.Law("wave", "size * sin(1600 * turns * x)", ["turns", "size"], y="y")
    exact = lf.fit(formula, table, loss="squared", space="linear", starts=start)
    assert exact.status == "converged"
    for name, value in exact.params.items():
        off = abs(fit.params[name] - value) / max(abs(value), exact.stderr[name])
        assert off <= 10 * fit.precision[name]


def check_precision(fit, better):
    """What is said covers what is off, and is not much more than the worst of it."""
    off = {
        name: abs(fit.params[name] - value) / max(abs(value), better.stderr[name])
        for name, value in better.params.items()
    }
    assert all(off[name] <= 2 * fit.precision[name] for name in off)
    assert max(fit.precision.values()) <= 300 * max(off.values())


def test_rounding_that_all_rows_share_is_not_averaged():
    x = np.linspace(0, 1, 200_000)  # too many to go on in more digits
    y = 1 + 2 * x + np.random.default_rng(0).normal(0, 1e-3, x.size)
    options = {"loss": "squared", "space": "linear"}
    rough, fine = (
        lf.fit(lf.Law("line", text, ["a", "b"], y="y"), {"x": x, "y": y}, **options)
        for text in ("(a + 1e6) + b*x - 1e6", "a + b*x")
    )
    check_precision(rough, fine)
    assert max(fine.precision.values()) <= 1e-15


def test_rounding_beside_areas_of_a_free_decay_counts():
    schedule = lf.schedules.wsd(steps=2400, peak=3e-4, warmup=100, decay_start=2000, end=3e-5)
    steps = np.arange(100, 2400, 5)
    s1, s2 = schedule.areas(lam=0.99, at=steps)
    noise = np.random.default_rng(0).normal(0, 1e-3, steps.size)
    curve = lf.Curve(steps, (2.5 + 0.5 * s1**-0.4 - 3 * s2) * np.exp(noise), schedule)
    rough, fine = (
        lf.fit(
            lf.Law("areas", text, parameters=lf.laws.annealing.parameters),
            curve,
            fixed={"lam": None},
            bounds={"lam": (0.9, 0.9999)},
        )
        for text in ("(1e5 + L0 + A*S1**-alpha - C*S2(lam)) - 1e5", "L0 + A*S1**-alpha - C*S2(lam)")
    )
    check_precision(rough, fine)


def test_a_fit_without_a_minimum_has_no_precision():
    x = np.linspace(1, 2, 20)
    law = lf.Law("twice", "a * x + b * x", ["a", "b"], y="y")
    fit = lf.fit(law, {"x": x, "y": 3 * x}, loss="squared", space="linear")
    assert fit.status == "rank_deficient"
    assert all(np.isnan(share) for share in fit.precision.values())
