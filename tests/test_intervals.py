"""Intervals of parameters and of forecasts against formulas, differences and counts."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import lawfit as lf
from catalogue_designs import DESIGNS, observed

LINE = lf.Law("line", "a*x + c", ["a", "c"], y="y")


def line(n=20, seed=0):
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 5, n)
    return {"x": x, "y": 2 * x + 1 + rng.normal(0, 0.3, n)}


def power(seed=0, n=300, law="power", **options):
    x = np.geomspace(1, 1e6, n)
    noise = np.exp(0.01 * np.random.default_rng(seed).standard_normal(n))
    return lf.fit(law, {"x": x, "y": (3 * x**-0.4 + 0.2) * noise}, **options)


# Parameters


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_a_line_has_the_textbook_intervals(level):
    data = line()
    fit = lf.fit(LINE, data, loss="squared", space="linear")
    pairs = fit.conf_int(level)
    slope = stats.linregress(data["x"], data["y"])
    t = stats.t.ppf((1 + level) / 2, 18)
    for name, value, error in (
        ("a", slope.slope, slope.stderr),
        ("c", slope.intercept, slope.intercept_stderr),
    ):
        assert pairs[name] == pytest.approx((value - t * error, value + t * error), rel=1e-10)


def test_joint_intervals_divide_what_is_outside():
    fit = lf.fit(LINE, line(), loss="squared", space="linear")
    joint, alone = fit.conf_int(0.9, joint=True), fit.conf_int(0.95)
    for name in ("a", "c"):
        assert joint[name] == pytest.approx(alone[name], rel=1e-12)


def test_scales_decide_where_the_error_is_taken():
    fit = lf.fit("chinchilla", observed("chinchilla", 0)[0])
    value, error = fit.params["A"], fit.stderr["A"]
    t = stats.t.ppf(0.975, fit.n - 5)
    factor = math.exp(t * error / value)
    assert fit.conf_int()["A"] == pytest.approx((value / factor, value * factor), rel=1e-9)
    plain = fit.conf_int(scale="linear")
    assert plain["A"] == pytest.approx((value - t * error, value + t * error))
    # E and alpha may be 0, so they are not scales, but their domain allows for a logarithm.
    for name in ("E", "alpha"):
        assert fit.conf_int()[name] == plain[name]
        low, high = fit.conf_int(scale="log")[name]
        assert low * high == pytest.approx(fit.params[name] ** 2)
    scale = lf.fit("henighan", observed("henighan", 0)[0])
    low, high = scale.conf_int(0.9999)["x0"]
    assert low * high == pytest.approx(scale.params["x0"] ** 2)


def test_ends_are_cut_off_at_bounds():
    parameters = {"a": lf.Parameter(1.9, 2.1), "c": lf.Parameter(0)}
    law = lf.Law("line", "a*x + c", parameters, y="y")
    fit = lf.fit(law, line(), loss="squared", space="linear")
    assert not fit.at_bounds
    assert fit.conf_int(1 - 1e-9)["a"] == (1.9, 2.1)
    assert fit.conf_int(1 - 1e-9)["c"][0] == 0
    wider = lf.fit(law, line(), loss="squared", bounds={"a": (None, None)}, fixed={"c": 3.0})
    low, high = wider.conf_int()["a"]
    assert low < wider.params["a"] < high < 1.9


def test_held_bounded_and_undetermined_parameters():
    held = power(fixed={"b": 0.4})
    assert held.conf_int()["b"] == (0.4, 0.4)
    bounded = power(bounds={"b": (0.5, None)})
    assert bounded.at_bounds == {"b": "lower"}
    assert np.isnan(bounded.conf_int()["b"]).all()
    assert np.isfinite(bounded.conf_int()["a"]).all()
    twice = lf.Law("twice", "(a + b)*x + c", ["a", "b", "c"], y="y")
    fit = lf.fit(twice, line(), loss="squared", space="linear")
    assert set(fit.undetermined) == {"a", "b"}
    pairs = fit.conf_int()
    assert pairs["a"] == pairs["b"] == (-math.inf, math.inf)
    assert np.isfinite(pairs["c"]).all()


def test_as_many_rows_as_parameters_say_nothing():
    fit = lf.fit(LINE, {"x": [1.0, 2.0], "y": [3.0, 5.0]}, loss="squared", space="linear")
    assert fit.conf_int()["a"] == (-math.inf, math.inf)
    low, high = fit.interval({"x": [1.5]})
    assert (low[0], high[0]) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"level": 0}, ValueError, "level is 0; expected .*> 0"),
        ({"level": 95}, ValueError, "level is 95"),
        ({"level": "95 %"}, TypeError, "level"),
        ({"method": "bootstrapp"}, ValueError, "method 'bootstrapp'"),
        ({"scale": "ln"}, ValueError, "scale 'ln'"),
    ],
)
def test_options_refused(options, error, message):
    with pytest.raises(error, match=message):
        power().conf_int(**options)


def test_trials_count_at_their_word():
    data, options = observed("pass_until", 0)
    fit = lf.fit("pass_until", data, **options)
    z = stats.norm.ppf(0.975)
    alpha, error = fit.params["alpha"], fit.stderr["alpha"]
    assert fit.conf_int()["alpha"] == pytest.approx((alpha - z * error, alpha + z * error))
    low, high = fit.interval({"N": [1e3, 1e13]}, 0.99)
    assert (low >= 0).all()
    assert (high <= 1).all()


# Standard errors of narrow losses


@pytest.mark.parametrize("loss", ["huber", "soft_l1"])
def test_errors_of_a_narrow_loss_rest_on_a_band_of_residuals(loss):
    fit = power(loss=loss)
    x, r, n = np.geomspace(1, 1e6, 300), fit.residuals, 300
    a, b, c = fit.params.values()
    value = a * x**-b + c
    j = np.stack([x**-b, -a * x**-b * np.log(x), np.ones(n)], 1) / value[:, None]
    m = math.ceil(1.295 * n**0.8)
    h = np.sort(np.abs(r))[m - 1]
    inner = j[np.abs(r) <= h]
    bread = np.linalg.inv(1e-3 / h * (1 - 3 / m) * inner.T @ inner)
    psi = np.clip(r, -1e-3, 1e-3) if loss == "huber" else r / np.sqrt(1 + (r / 1e-3) ** 2)
    cov = n / (n - 3) * bread @ ((j * psi[:, None] ** 2).T @ j) @ bread
    np.testing.assert_allclose(fit.cov, cov, rtol=1e-8)


@pytest.mark.parametrize("n", [30, 200])
@pytest.mark.parametrize("noise", ["normal", "heavy", "growing"])
def test_intervals_of_few_rows_hold_the_truth(n, noise):
    true = {"a": 3.0, "b": 0.4, "c": 0.2}
    x = np.geomspace(1, 1e6, n)
    y = lf.predict("power", true, {"x": x})
    held = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        error = 0.01 * (rng.standard_t(3, n) if noise == "heavy" else rng.standard_normal(n))
        error *= np.linspace(0.3, 2, n) if noise == "growing" else 1
        fit = lf.fit("power", {"x": x, "y": y * np.exp(error)}, starts=[true])
        pairs = fit.conf_int(0.95)
        held.append(
            np.mean([pairs[key][0] <= value <= pairs[key][1] for key, value in true.items()])
        )
    assert np.mean(held) >= 0.94


# Forecasts


@pytest.mark.parametrize("name", ["chinchilla", "kaplan_nsb", "annealing_size", "data_constrained"])
def test_forecasts_have_the_errors_of_the_delta_method(name):
    data, options = observed(name, 0)
    columns, true = DESIGNS[name]
    fit = lf.fit(name, data, starts=[true], **options)
    where = columns[0] if isinstance(columns, list) else columns
    params = dict(fit.params)
    gradient = []
    for key in fit.free:
        step = params[key] * 1e-5
        ends = [lf.predict(name, {**params, key: params[key] + s}, where) for s in (-step, step)]
        gradient.append((ends[1] - ends[0]) / (2 * step))
    gradient = np.array(gradient)
    value = fit.predict(where)
    error = np.sqrt(np.einsum("in,ij,jn->n", gradient, fit.cov, gradient))
    factor = np.exp(stats.t.ppf(0.975, fit.n - len(fit.free)) * error / value)
    low, high = fit.interval(where)
    np.testing.assert_allclose(low, value / factor, rtol=1e-6)
    np.testing.assert_allclose(high, value * factor, rtol=1e-6)


def test_a_line_forecasts_with_the_textbook_band():
    data = line()
    fit = lf.fit(LINE, data, loss="squared", space="linear")
    x = np.array([0.0, 2.5, 10.0])
    spread = np.sum((data["x"] - data["x"].mean()) ** 2)
    variance = np.sum((fit.predict(data) - data["y"]) ** 2) / 18
    error = np.sqrt(variance * (1 / 20 + (x - data["x"].mean()) ** 2 / spread))
    t = stats.t.ppf(0.95, 18)
    low, high = fit.interval({"x": x}, 0.9)
    np.testing.assert_allclose(low, fit.predict({"x": x}) - t * error, rtol=1e-10)
    np.testing.assert_allclose(high, fit.predict({"x": x}) + t * error, rtol=1e-10)


def test_forecasts_hold_the_truth():
    _, true = DESIGNS["annealing"]
    ahead = lf.schedules.wsd(
        steps=8000, peak=1e-3, warmup=50, decay_start=6000, end=1e-5, shape="linear"
    )
    want = lf.predict("annealing", true, ahead, at=[7999])
    inside = []
    for seed in range(200):
        fit = lf.fit("annealing", observed("annealing", seed)[0], starts=[true])
        low, high = fit.interval(ahead, 0.95, at=[7999])
        inside.append(low[0] <= want[0] <= high[0])
    assert 0.9 <= np.mean(inside) < 1


def test_steps_in_any_order_and_sizes():
    fit = lf.fit("annealing_size", observed("annealing_size", 0)[0])
    schedule = lf.schedules.constant(steps=500, peak=1e-3)
    low, high = fit.interval(schedule, params=1e8)
    assert low.shape == high.shape == (500,)
    mixed = fit.interval(schedule, at=[400, 3, 77], params=1e8)
    np.testing.assert_allclose(mixed, [low[[400, 3, 77]], high[[400, 3, 77]]], rtol=1e-12)
    assert (low < fit.predict(schedule, params=1e8)).all()
    curve = observed("annealing_size")[0][0]
    assert fit.interval(curve)[0].shape == (len(curve),)
    with pytest.raises(ValueError, match="column 'N' needs"):
        fit.interval(schedule)


def test_values_without_an_error():
    held = power(bounds={"b": (0.5, None)})
    low, high = held.interval({"x": [10.0, 1e4]})  # b is taken as known
    assert (low < high).all()
    twice = lf.Law("twice", "(a + b)*x + c", ["a", "b", "c"], y="y")
    fit = lf.fit(twice, line(), loss="squared", space="linear")
    low, high = fit.interval({"x": [0.0, 1.0]})
    assert np.isfinite([low[0], high[0]]).all()
    assert (low[1], high[1]) == (-math.inf, math.inf)


def test_extrapolated_values_may_be_negative():
    data = {"x": np.linspace(0, 4, 30), "y": 10 - 2 * np.linspace(0, 4, 30)}
    data["y"] *= np.exp(0.01 * np.random.default_rng(0).standard_normal(30))
    fit = lf.fit(LINE, data)
    value = fit.predict({"x": [9.0]})
    low, high = fit.interval({"x": [9.0]}, 1 - 1e-15)
    assert low < value < high < 0


def test_a_function_as_a_law_has_the_intervals_of_its_formula():
    def law(x, *, a, b, c):
        return a * x**-b + c

    x = np.geomspace(1, 1e4, 60)
    y = (3 * x**-0.4 + 0.2) * np.exp(0.01 * np.random.default_rng(0).standard_normal(60))
    by_call = lf.fit(law, {"x": x, "loss": y}, starts=[{"a": 2.0, "b": 0.5, "c": 0.1}])
    by_formula = lf.fit("power", {"x": x, "y": y})
    for name, pair in by_formula.conf_int().items():
        assert by_call.conf_int()[name] == pytest.approx(pair, rel=1e-6)
    np.testing.assert_allclose(
        by_call.interval({"x": [10.0]}), by_formula.interval({"x": [10.0]}), rtol=1e-7
    )


def test_a_group_has_intervals_of_its_own():
    x = np.geomspace(1, 1e6, 100)
    rng = np.random.default_rng(0)
    parts = {key: a * x**-0.4 + 0.2 for key, a in (("small", 3.0), ("large", 2.0))}
    table = {
        "x": np.tile(x, 2),
        "y": np.concatenate(list(parts.values())) * np.exp(0.01 * rng.standard_normal(200)),
        "size": ["small"] * 100 + ["large"] * 100,
    }
    fit = lf.fit("power", table, by="size", shared=["b", "c"])
    for key, values in parts.items():
        low, high = fit[key].interval({"x": x}, 0.99)
        assert np.mean((low <= values) & (values <= high)) > 0.95
    assert fit["small"].conf_int()["b"] == pytest.approx(fit["large"].conf_int()["b"], rel=1e-9)


def test_a_saved_fit_has_the_same_intervals():
    fit = power()
    again = lf.Fit.from_json(fit.to_json())
    assert again.conf_int(0.9) == fit.conf_int(0.9)
    np.testing.assert_array_equal(again.interval({"x": [7.0]}), fit.interval({"x": [7.0]}))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.floats(0.01, 0.98), st.floats(0.001, 0.019), st.lists(st.floats(1, 1e9), min_size=1))
def test_higher_levels_are_wider(level, more, x):
    fit = power(n=40)
    for inner, outer in (
        (fit.conf_int(level).values(), fit.conf_int(level + more).values()),
        (zip(*fit.interval({"x": x}, level), strict=True),
         zip(*fit.interval({"x": x}, level + more), strict=True)),
    ):  # fmt: skip
        assert all(o[0] <= i[0] <= i[1] <= o[1] for i, o in zip(inner, outer, strict=True))


# A law at given parameters


def test_predict_without_a_fit():
    params = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
    loss = lf.predict("chinchilla", params, {"N": [70e9], "D": [1.4e12]})
    assert loss == pytest.approx(1.69 + 406.4 / 70e9**0.34 + 410.7 / 1.4e12**0.28)
    fit = lf.fit("annealing", observed("annealing", 0)[0])
    schedule = lf.schedules.cosine(steps=300, peak=1e-3, warmup=20)
    np.testing.assert_array_equal(
        lf.predict(fit.law, fit.params, schedule, at=[299, 5]), fit.predict(schedule, at=[299, 5])
    )
    actual = lf.predict("annealing", fit.params, schedule, warmup="actual")
    assert actual[-1] != fit.predict(schedule)[-1]
    values = {"L0": 2.0, "A": 0.4, "alpha": 0.5, "B": 50.0, "beta": 0.2, "C": 0.4}  # lam is held
    sized = lf.predict("annealing_size", values, schedule, size=1e8)
    plain = lf.predict("annealing", {**fit.params, "L0": 2.0, "A": 0.4, "alpha": 0.5, "C": 0.4},
                       schedule)  # fmt: skip
    np.testing.assert_allclose(sized, plain + 50 * 1e8**-0.2, rtol=1e-13)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lf.predict("power", {"a": 1, "b": 1}, {"x": [1.0]}), ValueError, "'c' .*missing"),
        (
            lambda: lf.predict("power", {"a": 1, "b": 1, "c": 1, "d": 1}, {"x": [1.0]}),
            ValueError,
            "no parameter 'd'",
        ),
        (
            lambda: lf.predict("power", {"a": 1, "b": -1, "c": 1}, {"x": [1.0]}),
            ValueError,
            "'b' is -1",
        ),
        (
            lambda: lf.predict("power", {"a": 1, "b": "1", "c": 1}, {"x": [1.0]}),
            TypeError,
            "'b' is '1'",
        ),
        (lambda: lf.predict("power", [1, 1, 1], {"x": [1.0]}), TypeError, "params is"),
        (lambda: lf.predict(7, {}, {}), TypeError, "law is a int"),
        (
            lambda: lf.predict("linear", {"kappa": 1}, {"x": [1.0]}, size=3),
            TypeError,
            "size and tokens_per_step: only a bare schedule",
        ),
        (
            lambda: lf.predict("linear", {"kappa": 1}, {"x": [1.0]}, warmup="skipp"),
            ValueError,
            "warmup 'skipp'",
        ),
    ],
)
def test_predict_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_levels_within_rounding_of_one():
    fit = power()
    for scale in ("auto", "linear"):
        inner, outer = (fit.conf_int(level, scale=scale)["b"] for level in (1 - 1e-12, 1 - 2**-53))
        assert 0 < outer[0] < inner[0] < inner[1] < outer[1] < math.inf
    low, high = line_fit_interval = fit.interval({"x": [10.0]}, 1 - 2**-53)
    assert np.isfinite(line_fit_interval).all()
    assert low < high
