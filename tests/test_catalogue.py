"""Every law of the catalogue: what it says, its published numbers, and that it can be fitted."""

import math

import numpy as np
import pytest
from scipy import optimize

import lawfit as lf
from catalogue_designs import DESIGNS, observed
from lawfit import laws

SEEDS = 200


# The records


def test_every_law_is_in_a_family_and_has_a_design():
    listed = [name for names in laws.families().values() for name in names]
    assert tuple(listed) == laws.names()
    assert set(DESIGNS) == set(listed)
    with pytest.raises(TypeError):
        laws.families()["mine"] = ()


@pytest.mark.parametrize("name", laws.names())
def test_a_law_says_what_it_is(name):
    law = laws.get(name)
    assert law.name == name
    assert law.description.endswith(".")
    assert "arXiv:" in law.source
    assert all(parameter.meaning for parameter in law.parameters.values())
    assert name in laws.__all__


def test_laws_that_come_in_sizes():
    assert laws.get("broken_power") == laws.broken_power(1)
    twice = laws.get("broken_power", breaks=2)
    assert [n for n in twice.parameters if n[0] == "d"] == ["d1", "d2"]
    assert laws.get("fixed_power").parameters["p"].held == pytest.approx(2 / 3)
    assert laws.fixed_power(1.5).parameters["p"].held == 1.5
    assert laws.get("mixture", sources=4).columns == ("p1", "p2", "p3", "p4", "OT")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: laws.get("broken_power", brakes=2), TypeError, "no option 'brakes'.*'breaks'"),
        (lambda: laws.get("chinchilla", breaks=2), TypeError, "no option 'breaks'; there are none"),
        (lambda: laws.broken_power(0), ValueError, "breaks"),
        (lambda: laws.broken_power(1.5), ValueError, "breaks"),
        (lambda: laws.mixture(1), ValueError, "sources"),
        (lambda: laws.mixture(9), ValueError, "sources"),
        (lambda: laws.fixed_power("2/3"), TypeError, "exponent"),
        (lambda: laws.fixed_power(math.inf), ValueError, "exponent"),
        (lambda: laws.get("kaplan"), ValueError, "did you mean 'kaplan_"),
    ],
)
def test_options_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


# Published numbers


def test_g5_data_constrained():
    shared = 0.3526596
    params = {
        "A": math.exp(6.255414), "B": math.exp(7.3049974), "E": math.exp(0.6254804),
        "alpha": shared, "beta": shared, "RD": 15.387756, "RN": 5.309743,
    }  # fmt: skip
    runs = {"N": [6.34e9, 8.67e9], "D": [242e9, 178e9], "U": [25e9, 25e9]}
    loss = lf.predict("data_constrained", params, runs)
    assert loss == pytest.approx([2.2256440889984477, 2.2269634075087867], rel=1e-14)


def test_g6_step_law():
    """The sheet's sizes belong to parameters with more digits than the five it prints."""
    run = {"N": [7e9], "D": [1.4e12]}
    for law, params, exact, printed in (
        ("step_law", {"a": 1.7973, "b": -0.71292, "c": 0.30749}, 9.34686971855945e-4, 9.34684e-4),
        ("step_law_batch", {"d": 0.58069, "e": 0.57094}, 4996371.10231809, 4.99696e6),
    ):
        size = lf.predict(law, params, run)
        assert size == pytest.approx(exact, rel=1e-13)  # by mpmath
        off = 5e-6  # half a unit of the last digit of an exponent
        assert abs(math.log(size[0] / printed)) < off * math.log(7e9 * 1.4e12)


# Linf, x0, alpha: losses over parameters and over compute in PF-days.
G7 = [
    (3.12, 8.0e1, 0.24), (3.13, 1.8e-8, 0.19), (2.64, 2.8e2, 0.22), (2.64, 1.6e-8, 0.16),
    (2.20, 6.3e1, 0.13), (2.21, 3.6e-9, 0.1), (1.01, 3.7e4, 0.24), (0.95, 2.2e-5, 0.14),
    (0.28, 1.1e4, 0.16), (0.14, 1.4e-5, 0.17), (0.0, 1.47e14, 0.070), (0.0, 3.47e8, 0.048),
]  # fmt: skip
# x0, alpha of the best size by compute, which grows as (C/x0)**alpha.
G7_SIZES = [
    (5.3e-14, 0.64), (4.8e-12, 0.75), (1.6e-13, 0.65), (1.13e-12, 0.71), (2.3e-12, 0.69),
]  # fmt: skip
G8 = [(1.4e31, 0.026), (2.9e47, 0.016), (5.3e12, 0.094)]


@pytest.mark.parametrize(("floor", "x0", "alpha"), [*G7, *((0.0, *pair) for pair in G8)])
def test_g7_g8_losses_at_their_scale(floor, x0, alpha):
    params = {"Linf": floor, "x0": x0, "alpha": alpha}
    loss = lf.predict("henighan", params, {"x": [x0, x0 * 10]})
    assert loss == pytest.approx([floor + 1, floor + 10**-alpha], rel=1e-14)
    assert lf.predict("pure_power", {"a": x0**alpha, "b": alpha}, {"x": [x0 * 10]}) == (
        pytest.approx(10**-alpha, rel=1e-13)
    )


@pytest.mark.parametrize(("x0", "alpha"), G7_SIZES)
def test_g7_best_sizes(x0, alpha):
    size = lf.predict("pure_power", {"a": x0**-alpha, "b": -alpha}, {"x": [x0, 1.0]})
    assert size == pytest.approx([1, x0**-alpha], rel=1e-13)


@pytest.mark.parametrize(("x0", "alpha"), G8)
def test_g8_scales_beyond_any_model_are_recovered(x0, alpha):
    x = np.geomspace(1e5, 1e9, 50)
    table = {"x": x, "loss": (x0 / x) ** alpha}
    fit = lf.fit("henighan", table, fixed={"Linf": 0.0})
    assert fit.success
    assert dict(fit.params) == pytest.approx({"Linf": 0, "x0": x0, "alpha": alpha}, rel=1e-6)


def test_collapse_is_what_compute_optimal_runs_do():
    floor, a, mu, b, nu = 1.8, 3.0, 0.5, 40.0, 0.35

    def loss(t, p):
        return floor + a * t**-mu + b * p**-nu

    for compute in (1e4, 1e7):
        best = optimize.minimize_scalar(
            lambda log_t: loss(math.exp(log_t), compute / math.exp(log_t)),  # noqa: B023
            bounds=(-5, 40),
            method="bounded",
            options={"xatol": 1e-10},
        )
        t, p = math.exp(best.x), compute / math.exp(best.x)
        share = np.array([0.01, 0.1, 0.5, 1.0])
        rows = {"x": share, "final": np.full(4, loss(t, p))}
        collapsed = lf.predict("collapse", {"L0": floor, "mu": mu, "nu": nu}, rows)
        assert collapsed == pytest.approx(loss(t * share, p), rel=1e-7)


def test_hestness_has_three_regions():
    params = {"g": 6.0, "c": 0.5, "x0": 100.0, "b": 0.35}
    y = lf.predict("hestness", params, {"x": [1e-3, 1e7, 1e8, 1e60]})
    assert y[0] == pytest.approx(6.0, rel=1e-5)
    assert (y[2] - 0.5) / (y[1] - 0.5) == pytest.approx(10**-0.35, rel=1e-4)
    assert y[3] == pytest.approx(0.5, rel=1e-6)


def test_data_that_are_not_repeated_follow_chinchilla():
    plain = {"E": 1.8, "A": 400.0, "alpha": 0.34, "B": 1500.0, "beta": 0.36}
    # Twenty tokens a parameter are near the best size, so no parameter is excess.
    runs = {"N": [1e8, 1e9], "D": [4e9, 4e10]}
    want = lf.predict("chinchilla", plain, runs)
    for unique in (runs["D"], [1e11, 1e12]):
        params = {**plain, "RN": 5.0, "RD": 15.0}
        got = lf.predict("data_constrained", params, {**runs, "U": unique})
        assert got == pytest.approx(want, rel=1e-12)


# Conventions


def test_a_fit_takes_the_conventions_of_its_law():
    data, options = observed("pass_until")
    fit = lf.fit("pass_until", data, **options)
    assert (fit.options.loss, fit.options.space) == ("binomial", "linear")
    mixed = lf.fit("mixture", observed("mixture")[0])
    assert (mixed.options.loss, mixed.options.space) == ("squared", "linear")
    assert lf.fit("mixture", observed("mixture")[0], loss="huber").options.loss == "huber"
    assert lf.fit("power", observed("power")[0]).options.loss == "huber"
    assert laws.multi_power.conventions == {"warmup": "actual"}


def test_conventions_are_part_of_a_law():
    def law(**conventions):
        return lf.Law("mine", "a*x", {"a": ...}, y="y", conventions=conventions)

    mine = law(loss="soft_l1", delta=math.inf)
    assert mine == lf.Law.from_dict(mine.to_dict())
    assert mine != law(loss="soft_l1")
    assert hash(mine) == hash(lf.Law.from_dict(mine.to_dict()))
    with pytest.raises(TypeError):
        mine.conventions["loss"] = "huber"
    fit = lf.fit(mine, {"x": [1.0, 2.0], "y": [1.0, 2.0]}, delta=0.5)
    assert (fit.options.loss, fit.options.delta) == ("soft_l1", 0.5)
    for wrong, error, message in (
        ({"los": "huber"}, ValueError, "unknown key 'los'; did you mean 'loss'"),
        ({"loss": "hubert"}, ValueError, "conventions: loss 'hubert'"),
        ({"delta": 0}, ValueError, "conventions: delta"),
        ({"space": 1}, TypeError, "conventions: space"),
        ({"loss": "binomial"}, ValueError, "loss='binomial' needs space='linear', got space='log'"),
    ):
        with pytest.raises(error, match=message):
            law(**wrong)


# Fits


@pytest.mark.parametrize("name", laws.names())
def test_recovered_from_its_own_values(name):
    data, options = observed(name)
    fit = lf.fit(name, data, **options)
    assert fit.success
    assert not fit.undetermined
    true = DESIGNS[name][1]
    assert {key: fit.params[key] for key in true} == pytest.approx(true, rel=1e-6)


@pytest.mark.parametrize("unit", [1e-9, 1e6])
@pytest.mark.parametrize(
    "name", ["chinchilla", "data_constrained", "kaplan_nd", "hestness", "pass_until"]
)
def test_starts_do_not_depend_on_units(name, unit):
    data, options = observed(name)
    law = laws.get(name)
    scaled = {**data, **{column: np.asarray(data[column]) * unit for column in law.columns}}
    fit = lf.fit(law, scaled, **options)
    assert fit.success
    assert fit.starts_agreed > 1
    assert fit.predict(scaled) == pytest.approx(data[law.y], rel=1e-9)


# The parameters of farseer stay open at this noise: see below.
@pytest.mark.parametrize("name", [name for name in laws.names() if name != "farseer"])
def test_intervals_hold_the_truth(name):
    """At 1 % noise (counting noise for rates), fitted from 10 % off the truth."""
    true = DESIGNS[name][1]
    start = {key: value * 1.1 for key, value in true.items()}
    held = {"99 %": dict.fromkeys(true, 0), "68 %": dict.fromkeys(true, 0)}
    jointly = 0
    for seed in range(SEEDS):
        data, options = observed(name, seed)
        fit = lf.fit(name, data, starts=[start], **options)
        together = fit.conf_int(0.99, joint=True)
        jointly += all(together[key][0] <= value <= together[key][1] for key, value in true.items())
        for kind, pairs in (("99 %", fit.conf_int(0.99)), ("68 %", fit.conf_int(0.68))):
            for key, value in true.items():
                held[kind][key] += pairs[key][0] <= value <= pairs[key][1]
    assert jointly >= 0.95 * SEEDS
    assert min(held["99 %"].values()) >= 0.95 * SEEDS
    assert np.mean([*held["99 %"].values()]) >= 0.97 * SEEDS
    # nor are they wide of it
    assert 0.6 * SEEDS <= np.mean([*held["68 %"].values()]) <= 0.8 * SEEDS


def test_farseer_forecasts_though_its_parameters_are_open():
    _, true = DESIGNS["farseer"]
    elsewhere = {"N": [3e8, 1e9, 1e10], "D": [1e11, 1e10, 5e11]}
    want = lf.predict("farseer", true, elsewhere)
    inside = []
    for seed in range(30):
        data, _ = observed("farseer", seed)
        fit = lf.fit("farseer", data, starts=[true])
        low, high = fit.interval(elsewhere, 0.99)
        inside.append((low <= want) & (want <= high))
        assert fit.predict(elsewhere) == pytest.approx(want, rel=0.06)
    assert np.mean(inside) >= 0.95
    assert "do not tell" in fit.summary()
    assert max(fit.stderr[key] / abs(value) for key, value in fit.params.items()) > 1


def test_two_breaks_are_found_in_either_order():
    law = laws.broken_power(2)
    true = {
        "a": 0.05, "b": 3.0, "c0": 0.02, "d1": 1e2, "c1": 0.6, "f1": 0.3, "d2": 1e5, "c2": -0.4,
        "f2": 0.2,
    }  # fmt: skip
    x = np.geomspace(1, 1e9, 300)
    fit = lf.fit(law, {"x": x, "y": lf.predict(law, true, {"x": x})})
    first, second = sorted((fit.params[f"d{i}"], fit.params[f"c{i}"]) for i in (1, 2))
    assert (*first, *second) == pytest.approx((1e2, 0.6, 1e5, -0.4), rel=1e-6)


def test_constants_of_a_mixture_cannot_be_told_from_its_shares():
    data, _ = observed("mixture", 0)
    held = lf.fit("mixture", data)
    assert held.success
    free = lf.fit("mixture", data, fixed={"b0": None, "c0": None})
    assert free.status == "rank_deficient"
    assert set(free.undetermined) >= {"b0", "b1_1", "b1_2", "b1_3", "c0", "c1_1", "c1_2", "c1_3"}
    assert "tell apart" in free.summary()
    assert free.predict(data) == pytest.approx(held.predict(data), rel=1e-8)


def test_two_shares_are_one():
    share = np.linspace(0.05, 0.95, 60)
    rows = {"p1": share, "p2": 1 - share, "OT": np.tile([1.0, 2.0, 4.0], 20)}
    law = laws.mixture(2)
    true = dict(zip(("b2_1", "b1_1", "b1_2", "c2_1", "c1_1", "c1_2"), range(1, 7), strict=True))
    fit = lf.fit(law, {**rows, "loss": lf.predict(law, true, rows)})
    assert {key: fit.params[key] for key in true} == pytest.approx(true, rel=1e-9)
