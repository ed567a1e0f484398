"""One fit across groups of runs: shared parameters, and a fit for every group."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import least_squares

import lawfit as lf
from fit_data import X, bits
from golden_data import MULTIPOWER_TEST, MULTIPOWER_TRAIN, multipower_curves
from grouped_data import SHARED, SIZES, TABLE, across, curves, table

# Recovery


@pytest.mark.parametrize("loss", ["huber", "squared", "soft_l1"])
def test_shared_and_own_parameters_are_recovered(loss):
    fit = across(loss=loss)
    assert fit.success
    assert fit.groups == tuple(SIZES)
    assert fit.shared == ("alpha", "lam")
    assert dict(fit.params) == pytest.approx(SHARED, rel=1e-6)
    for size, (floor, amplitude, drop) in SIZES.items():
        want = {"L0": floor, "A": amplitude, "C": drop, **SHARED}
        assert dict(fit[size].params) == pytest.approx(want, rel=1e-5)
        assert fit[size].success
        assert fit[size].free == ("L0", "A", "alpha", "C", "lam")


def test_a_table_is_grouped_by_a_column():
    fit = lf.fit("power", table(), by="set", shared=["b"])
    assert fit.groups == ("a", "b", "c")
    assert fit["b"].sources == (("data, group 'b'", X.size),)
    for key, (a, c) in TABLE.items():
        assert dict(fit[key].params) == pytest.approx({"a": a, "b": 0.3, "c": c}, rel=1e-6)
    numbers = table() | {"set": np.repeat([3, 1, 2], X.size)}
    again = lf.fit("power", numbers, by="set", shared=["b"])
    assert again.groups == (3.0, 1.0, 2.0)
    assert again[1].params == fit["b"].params


def test_squared_loss_is_the_joint_least_squares():
    data = table(noise=1e-3)
    fit = lf.fit("power", data, by="set", shared=["b"], loss="squared", space="linear")
    x = data["x"].reshape(3, -1)
    y = data["y"].reshape(3, -1)

    def residuals(theta):
        b, own = theta[0], theta[1:].reshape(3, 2, 1)
        return (own[:, 0] * x**-b + own[:, 1] - y).ravel()

    start = [0.3, *np.array(list(TABLE.values())).ravel()]
    best = least_squares(
        residuals, start, x_scale=np.abs(start), xtol=1e-15, ftol=1e-15, gtol=1e-15
    )
    assert fit.objective == pytest.approx(best.cost, rel=1e-12)
    cov = np.linalg.inv(best.jac.T @ best.jac) * 2 * best.cost / (y.size - 7)
    assert fit.params["b"] == pytest.approx(best.x[0], rel=1e-6)
    assert fit.cov == pytest.approx(cov[:1, :1], rel=1e-4)
    half = stats.t.ppf(0.975, y.size - 7) * np.sqrt(cov[0, 0])
    for pairs in (fit.conf_int(), fit["b"].conf_int()):
        assert pairs["b"] == pytest.approx((best.x[0] - half, best.x[0] + half), rel=1e-5)
    assert fit.conf_int().keys() == {"b"}
    for g, one in enumerate(fit.values()):
        where = [1 + 2 * g, 0, 2 + 2 * g]  # a, b, c
        assert list(one.params.values()) == pytest.approx(best.x[where], rel=1e-6)
        np.testing.assert_allclose(one.cov, cov[np.ix_(where, where)], rtol=1e-4)
        assert one.residuals == pytest.approx(residuals(best.x).reshape(3, -1)[g], abs=1e-9)


@pytest.mark.parametrize("loss", ["huber", "squared"])
def test_one_group_is_a_plain_fit(loss):
    data = {name: values[: X.size] for name, values in table(noise=1e-3).items()}
    plain = lf.fit("power", data, loss=loss)
    for shared in (["b"], ["a", "b", "c"], ["c"]):
        fit = lf.fit("power", data, by="set", shared=shared, loss=loss)["a"]
        assert dict(fit.params) == pytest.approx(dict(plain.params), rel=1e-6)
        assert fit.objective == pytest.approx(plain.objective, rel=1e-12)
        np.testing.assert_allclose(fit.cov, plain.cov, rtol=1e-5)
        assert (fit.rank, fit.undetermined, fit.training.n) == (3, (), X.size)


def test_sharing_everything_is_a_plain_fit_of_all():
    data = table(noise=1e-3)
    plain = lf.fit("power", data)
    fit = lf.fit("power", data, by="set", shared=["a", "b", "c"])
    assert dict(fit.params) == pytest.approx(dict(plain.params), rel=1e-6)
    assert fit.objective == pytest.approx(plain.objective, rel=1e-12)
    np.testing.assert_allclose(fit.cov, plain.cov, rtol=1e-5)
    assert fit.rank == 3
    assert fit.condition == pytest.approx(plain.condition, rel=1e-6)


@given(
    b=st.floats(0.1, 0.8),
    own=st.lists(st.tuples(st.floats(0.5, 5), st.floats(0.5, 3)), min_size=1, max_size=5),
)
def test_any_groups_are_recovered(b, own):
    data = {
        "x": np.tile(X, len(own)),
        "y": np.concatenate([a * (X / 1e4) ** -b + c for a, c in own]),
        "g": np.repeat(np.arange(len(own)), X.size),
    }
    law = lf.Law("scaled", "a * (x / 1e4)**-b + c", {"a": ..., "b": ..., "c": ...}, y="y")
    fit = lf.fit(law, data, by="g", shared=["b"])
    assert fit.params["b"] == pytest.approx(b, rel=1e-5)
    for key, (a, c) in enumerate(own):
        assert dict(fit[key].params) == pytest.approx({"a": a, "b": b, "c": c}, rel=1e-4)


# What groups are


@pytest.mark.parametrize(
    ("library", "make"),
    [("pandas", "DataFrame"), ("polars", "DataFrame"), ("pyarrow", "table")],
)
def test_frames_are_grouped_as_tables(library, make):
    frame = getattr(pytest.importorskip(library), make)
    want = lf.fit("power", table(1e-3), by="set", shared=["b"])
    for data in (table(1e-3), table(1e-3) | {"set": np.repeat([3, 1, 2], X.size)}):
        fit = lf.fit("power", frame({n: list(v) for n, v in data.items()}), by="set", shared=["b"])
        assert fit.groups == tuple(dict.fromkeys(data["set"].tolist()))
        assert [bits(one) for one in fit.values()] == [bits(one) for one in want.values()]


def test_ways_to_name_groups():
    want = across(curves(noise=1e-3))
    ways = {
        "tokens_per_step": [size / 10 for size in SIZES],
        "depth": [6.0, 7.0, 8.0],
        (lambda curve: f"{curve.params:g}"): ["1e+06", "1e+07", "1e+08"],
    }
    for by, keys in ways.items():
        fit = across(curves(noise=1e-3), by=by)
        assert list(fit) == list(fit.keys()) == keys
        assert fit.by == (by if isinstance(by, str) else None)
        assert [bits(one) for one in fit.values()] == [bits(one) for one in want.values()]
    assert across(by="name").groups == tuple(curve.name for curve in curves())


def test_curves_may_come_in_any_order_and_once():
    mixed = curves(noise=1e-3)
    want = across(mixed)
    mixed = mixed[::2] + mixed[1::2]
    fit = across(curve for curve in mixed)
    assert fit.groups == want.groups
    assert fit.objective == pytest.approx(want.objective, rel=1e-12)
    assert fit[1e7].sources == (("curve 'cosine 1e+07'", 73), ("curve 'wsd 1e+07'", 73))


# Options


def test_independent_groups_are_fits_of_their_own():
    data = curves(noise=1e-3)
    fit = lf.fit("annealing", data, by="params", profile={"lam": [0.997, 0.998]})
    assert fit.shared == ()
    assert dict(fit.params) == {}
    for size in SIZES:
        alone = [curve for curve in data if curve.params == size]
        assert fit[size] == lf.fit("annealing", alone, profile={"lam": [0.997, 0.998]})
    assert fit.objective == pytest.approx(sum(one.objective for one in fit.values()), rel=1e-15)
    assert fit.starts_run == sum(one.starts_run for one in fit.values())


def test_profile_over_the_whole():
    data = curves(noise=1e-3)
    grid = [0.99, 0.998, 0.999]
    fit = lf.fit("annealing", data, by="params", shared=["alpha"], profile={"lam": grid})
    assert dict(fit.params) == {"alpha": fit.params["alpha"], "lam": 0.998}
    assert fit.stderr["lam"] == 0 < fit.stderr["alpha"]
    assert [point.values["lam"] for point in fit.profile] == grid
    held = lf.fit("annealing", data, by="params", shared=["alpha"], fixed={"lam": 0.998})
    assert min(point.objective for point in fit.profile) == fit.objective == held.objective


def test_weights_are_those_of_the_rows():
    weights = np.random.default_rng(1).integers(1, 4, 3 * X.size)
    data = table(noise=1e-3)
    repeated = {name: np.repeat(values, weights) for name, values in data.items()}
    weighed = lf.fit("power", data, by="set", shared=["b"], weights=weights)
    plain = lf.fit("power", repeated, by="set", shared=["b"])
    assert weighed.objective == pytest.approx(plain.objective, rel=1e-12)
    assert weighed.params["b"] == pytest.approx(plain.params["b"], rel=1e-8)
    # of curves that stand in another order than their groups, some rows skipped
    mixed = curves(noise=1e-3)
    mixed = mixed[::2] + mixed[1::2]
    each = [np.full(len(c), c.params / 1e6) for c in mixed]
    fit = across(mixed, weights=np.concatenate(each), skip_steps=500, shared=["alpha"])
    assert fit[1e8].objective == pytest.approx(
        100 * _objective(fit[1e8], [c.skip(500) for c in mixed if c.params == 1e8]), rel=1e-9
    )


def _objective(fit, data):
    r = np.concatenate([np.log(fit.predict(c) / c.loss) for c in data])
    return np.sum(np.where(np.abs(r) <= 1e-3, r**2 / 2, 1e-3 * (np.abs(r) - 5e-4)))


def test_reduction():
    total, mean = (
        lf.fit("power", table(noise=1e-3), by="set", shared=["b"], reduction=r)
        for r in ("sum", "mean")
    )
    assert mean.params == total.params
    assert mean.objective == pytest.approx(total.objective / mean.n, rel=1e-14)
    alone = [lf.fit("power", table(1e-3), by="set", reduction=r) for r in ("sum", "mean")]
    assert alone[1].objective == pytest.approx(alone[0].objective / mean.n, rel=1e-12)


def test_bounds_of_shared_and_of_own_parameters():
    fit = lf.fit("power", table(), by="set", shared=["b"], bounds={"b": (0.35, 3)})
    assert fit.params["b"] == 0.35
    assert np.isnan(fit.stderr["b"])
    assert all(dict(one.at_bounds) == {"b": "lower"} for one in fit.values())
    assert all(np.isfinite(one.stderr["a"]) for one in fit.values())
    fit = lf.fit("power", table(), by="set", shared=["b"], bounds={"c": (0, 1.3)})
    assert [dict(one.at_bounds) for one in fit.values()] == [{"c": "upper"}, {}, {}]


def test_held_parameters_are_shared_anyway():
    fit = lf.fit("power", table(), by="set", shared=["b", "c"], fixed={"c": 1.2})
    assert fit.shared == ("b",)
    assert dict(fit.params) == {"b": fit.params["b"], "c": 1.2}
    with pytest.raises(ValueError, match="every parameter is fixed"):
        lf.fit("power", table(), by="set", shared=["b"], fixed={"a": 1, "b": 1, "c": 1})


def test_number_of_starts():
    fit = lf.fit("power", table(1e-3), by="set", shared=["b"])
    assert fit.starts_asked == fit.starts_agreed == 4
    many = lf.fit("power", table(1e-3), by="set", shared=["b"], starts=7)
    assert many.starts_run + many.starts_failed == many.starts_asked == 7
    assert many.params["b"] == pytest.approx(fit.params["b"], rel=1e-8)
    assert lf.fit("power", table(1e-3), by="set", shared=["c"]).starts_asked == 1


def test_bits_do_not_depend_on_threads():
    data = curves(noise=1e-2, sizes={1e5 * k: (2.5, 0.4, 0.1 + 0.02 * k) for k in range(1, 9)})
    want = across(data, threads=1)
    for threads in (1, 2, 4, None):
        fit = across(data, threads=threads)
        assert fit == want
        assert [bits(one) for one in fit.values()] == [bits(one) for one in want.values()]


def test_seeds_and_inputs():
    data = {name: values.copy() for name, values in table(1e-3).items()}
    fits = [lf.fit("power", data, by="set", shared=["b"], rng=seed) for seed in (0, 0, 1)]
    assert fits[0] == fits[1]
    assert fits[2].params["b"] == pytest.approx(fits[0].params["b"], rel=1e-8)
    for name, values in table(1e-3).items():
        assert data[name].tobytes() == values.tobytes()


# A group with few points leans on the others


def test_a_short_log_leans_on_the_shared_parameters():
    sizes = {**{n: (*own[:2], 0.4) for n, own in SIZES.items()}, 1e9: (2.0, 0.55, 0.4)}
    errors = []
    for seed in range(4):
        *full, begun, wsd = curves(noise=1e-3, sizes=sizes, seed=seed)
        short = lf.Curve(begun.steps[:12], begun.loss[:12], begun.schedule, params=1e9)
        alone = lf.fit("annealing", short, fixed={"lam": SHARED["lam"]})
        fit = across([*full, short], shared=["alpha", "C", "lam"])
        assert fit[1e9].n == 12
        assert fit[1e9].success
        assert fit[1e9].stderr["L0"] < alone.stderr["L0"]
        errors.append((fit.score(wsd)[wsd.name].MAE, alone.score(wsd)[wsd.name].MAE))
    together, alone = np.mean(errors, axis=0)
    assert together < alone / 4


def test_a_group_may_have_fewer_points_than_parameters():
    data = table(noise=1e-4)
    keep = np.r_[: 2 * X.size, 2 * X.size : 3 * X.size : 20]  # two points of the last group
    fit = lf.fit("power", {n: v[keep] for n, v in data.items()}, by="set", shared=["b"])
    assert fit.success
    assert fit["c"].n == 2
    assert dict(fit["c"].params) == pytest.approx({"a": 4, "b": 0.3, "c": 0.8}, rel=2e-2)
    assert np.isfinite(fit["c"].stderr["c"])


def test_what_no_group_determines_is_said():
    law = lf.Law("twice", "a * x**-b + c + d", dict.fromkeys("abcd", ...), y="y")
    fit = lf.fit(law, table(1e-3), by="set", shared=["b", "d"])
    assert fit.status == "rank_deficient"
    assert not fit.success
    assert fit.undetermined == ("d",)
    assert fit.stderr["d"] == np.inf > fit.stderr["b"] > 0
    for one in fit.values():
        assert one.undetermined == ("c", "d")
        assert one.rank == 3
    constant = [*curves(1e-3)[:2], *curves(1e-3, names=["constant"])[1:2]]
    fit = across(constant, shared=["alpha"], fixed=None)
    assert fit[1e6].success
    assert fit[1e7].undetermined == ("C",)  # under a constant rate S2 is 0


def test_published_curves_of_a_size_barely_begun():
    """25M and 100M in full carry 400M, of which 30% is logged, to its long runs."""

    def sized(size, names, share=1.0):
        for curve in multipower_curves(size, names):
            end = int(share * len(curve))
            yield lf.Curve(
                curve.steps[:end],
                curve.loss[:end],
                curve.schedule,
                name=f"{size} {curve.name}",
                params=size * 1e6,
            )

    short = list(sized(400, MULTIPOWER_TRAIN, 0.3))
    data = [*sized(25, MULTIPOWER_TRAIN), *sized(100, MULTIPOWER_TRAIN), *short]
    test = list(sized(400, MULTIPOWER_TEST))
    alone = lf.fit("annealing", short, warmup="skip").score(test).mean()
    fit = lf.fit("annealing", data, by="params", shared=["alpha", "C"], warmup="skip")
    together = fit.score(test).mean()
    assert alone.MAE == pytest.approx(0.0218, abs=5e-5)
    assert together.MAE == pytest.approx(0.0109, abs=5e-5)
    assert together.R2 > 0.99 > 0.96 > alone.R2
    assert fit.starts_agreed == fit.starts_asked
