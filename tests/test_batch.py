"""Many small fits in one call: the same numbers as single fits, in arrays."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lawfit as lf
from fit_data import SCHEDULES, X, annealing_loss
from grouped_data import table
from lawfit import _core


def many_curves(groups=12, points=45, noise=2e-3, seed=0, names=("cosine", "wsd")):
    rng = np.random.default_rng(seed)
    made = []
    for g in range(groups):
        name = names[g % len(names)]
        steps = np.sort(rng.choice(np.arange(100, 3000), points + g, replace=False))
        loss = annealing_loss(SCHEDULES[name], steps) + 0.1 * rng.random()
        loss *= np.exp(rng.normal(0, noise, steps.size))
        made.append(lf.Curve(steps, loss, SCHEDULES[name], name=f"{name} {g}", params=1e6 + g // 2))
    return made


def shuffled(data, seed=0):
    order = np.random.default_rng(seed).permutation(len(data["x"]))
    return {name: np.asarray(values)[order] for name, values in data.items()}


def agrees(found, fits, rtol=1e-9):
    assert found.keys == tuple(fits.groups)
    for g, fit in enumerate(fits.fits):
        assert found.free == fit.free
        for name, value in fit.params.items():
            assert found.params[name][g] == pytest.approx(value, rel=rtol)
            assert found.stderr[name][g] == pytest.approx(fit.stderr[name], rel=rtol, nan_ok=True)
        assert found.objective[g] == pytest.approx(fit.objective, rel=1e-12)
        assert found.STATUSES[found.status[g]] == fit.status
        assert found.n[g] == fit.n
        assert found.starts_agreed[g] == fit.starts_agreed
        assert found.starts_asked[g] == fit.starts_asked


def bits(found):
    arrays = [found.objective, found.status, found.resampled_objective, found.resampled_status]
    arrays += [found.starts_agreed, *found.params.values(), *found.stderr.values()]
    return b"".join(a.tobytes() for a in [*arrays, *found.resampled.values()])


# The same as fit(by=...)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"loss": "squared"},
        {"loss": "soft_l1", "delta": 1e-2},
        {"reduction": "mean", "rng": 5},
        {"fixed": {"lam": 0.998}, "warmup": "actual", "skip_steps": 300},
        {"bounds": {"C": (0.45, None)}},
        {"starts": 5},
        {"starts": {"L0": 2.5, "A": 0.4, "alpha": 0.5, "C": 0.4}},
        {"starts": [{"alpha": 0.3}, {"alpha": 0.9}]},
    ],
    ids=str,
)
def test_curves_one_by_one(how):
    curves = many_curves(names=tuple(SCHEDULES))  # a constant rate leaves C undetermined
    agrees(
        lf.fit_many("annealing", curves, by="name", **how),
        lf.fit("annealing", curves, by="name", **how),
    )


def test_groups_of_several_curves_that_are_not_neighbours():
    curves = many_curves(noise=1e-3)
    mixed = curves[::2] + curves[1::2]
    agrees(lf.fit_many("annealing", mixed, by="params"), lf.fit("annealing", mixed, by="params"))
    weights = np.random.default_rng(1).uniform(0.5, 2, sum(map(len, mixed)))
    # points before the warm-up's end are none here, so weights are by the rows as given
    how = {"by": "params", "weights": weights}
    agrees(lf.fit_many("annealing", mixed, **how), lf.fit("annealing", mixed, **how))


@pytest.mark.parametrize(
    "law", ["power", lf.Law("t", "logaddexp(a - b*log(x), c)", [*"abc"], y="y")]
)
def test_a_table_in_any_order(law):
    data = shuffled(table(noise=1e-3))
    agrees(lf.fit_many(law, data, by="set"), lf.fit(law, data, by="set"), rtol=1e-7)


def test_groups_with_rows_enough_for_coarse_starts():
    rng = np.random.default_rng(2)
    x = np.tile(np.geomspace(1e3, 1e6, 300), 2)
    y = (2.0 * x**-0.3 + 1.5) * np.exp(rng.normal(0, 1e-3, x.size))
    data = {"x": x, "y": y, "set": np.repeat([1, 2], 300)}
    agrees(lf.fit_many("power", data, by="set"), lf.fit("power", data, by="set"))


def test_laws_scaled_by_their_columns():
    rng = np.random.default_rng(3)
    x = np.concatenate([np.geomspace(1, 100, 30), np.geomspace(1e8, 1e10, 30)])
    scale = np.repeat([10.0, 1e9], 30)
    data = {"x": x, "y": 2 / (1 + x / scale) * np.exp(rng.normal(0, 1e-3, 60)), "set": scale}
    law = lf.Law(
        "half", "a / (1 + x / s)", {"a": lf.Parameter(lower=0), "s": lf.Parameter(lower=0)}, y="y"
    )
    found = lf.fit_many(law, data, by="set")
    assert found.params["s"] == pytest.approx(np.array([10.0, 1e9]), rel=0.01)
    agrees(found, lf.fit(law, data, by="set"))


# Resamples


def test_resamples_are_the_bootstraps_of_each_group():
    data = shuffled(table(noise=1e-3))
    found = lf.fit_many("power", data, by="set", resamples=30, rng=4)
    fits = lf.fit("power", data, by="set")
    for g, fit in enumerate(fits.fits):
        alone = lf.bootstrap(fit, 30, rng=_core.group_seed(4, g))
        assert found.resampled_objective[g] == pytest.approx(alone.objective, rel=1e-12)
        for name in fit.free:
            assert found.resampled[name][g] == pytest.approx(alone.params[name], rel=1e-9)
    assert found.resampled["a"].shape == (3, 30)
    assert found.resamples == 30


def test_groups_alike_are_drawn_apart():
    one = {"x": X, "y": 2 * X**-0.3 + 1.5 + 1e-3 * np.sin(np.arange(40))}
    twice = {name: np.tile(values, 2) for name, values in one.items()}
    found = lf.fit_many("power", twice | {"set": np.repeat([1, 2], 40)}, by="set", resamples=5)
    assert found.objective[0] == found.objective[1]
    assert not np.isin(found.resampled_objective[0], found.resampled_objective[1]).any()


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**64 - 1), st.sampled_from([2, 3, 8]))
def test_the_same_bits_for_any_number_of_threads(seed, threads):
    curves = many_curves(groups=5)
    how = {"by": "name", "resamples": 7, "rng": seed}
    one = lf.fit_many("annealing", curves, threads=1, **how)
    assert bits(lf.fit_many("annealing", curves, threads=threads, **how)) == bits(one)


def test_fewer_resamples_are_the_first_ones():
    curves = many_curves(groups=3)
    many, few = (lf.fit_many("annealing", curves, by="name", resamples=n) for n in (20, 6))
    assert few.resampled["A"].tobytes() == many.resampled["A"][:, :6].tobytes()


def test_intervals_hold_what_they_should():
    found = lf.fit_many("annealing", many_curves(groups=4), by="name", resamples=200)
    pairs = found.conf_int(0.8)
    assert pairs["A"] == pytest.approx(np.percentile(found.resampled["A"], [10, 90], axis=1).T)
    assert (pairs["lam"] == 0.999).all()
    assert (pairs["A"][:, 0] < found.params["A"]).all()
    assert (found.params["A"] < pairs["A"][:, 1]).all()


def test_resamples_that_did_not_converge_are_counted_and_in_no_interval():
    x = np.array([1.0, 2, 4, 8])
    data = {
        "x": np.tile(x, 2),
        "y": [3.1, 2.6, 2.2, 2.05, 3.2, 2.7, 2.1, 1.9],
        "set": [1] * 4 + [2] * 4,
    }
    found = lf.fit_many("power", data, by="set", resamples=100)
    counts = found.resampled_counts()
    assert sum(counts.values()) == 200
    assert counts["rank_deficient"] > 0
    good = found.resampled_status[1] == found.STATUSES.index("converged")
    want = np.quantile(found.resampled["b"][1][good], [0.025, 0.975])
    assert found.conf_int()["b"][1] == pytest.approx(want)


# What comes back


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_make_a_data_frame(library):
    found = lf.fit_many("annealing", many_curves(groups=4), by="name", resamples=10)
    columns = found.to_dict()
    frame = pytest.importorskip(library).DataFrame(columns)
    assert frame.shape[0] == 4
    assert list(frame["name"]) == list(found.keys)
    assert list(frame["A"]) == list(found.params["A"])
    assert list(frame["status"]) == ["converged"] * 4
    assert {"A_stderr", "A_low", "A_high", "n", "objective", "starts_agreed"} <= set(frame.columns)
    assert "A_low" not in lf.fit_many("annealing", many_curves(groups=2), by="name").to_dict()
    assert "lam_stderr" not in columns


@pytest.mark.parametrize(
    ("by", "names"),
    [("set", "a b objective"), ("n", "a b c"), ("b", "a b c"), ("set", "a b b_low")],
)
def test_columns_of_one_name_are_refused(by, names):
    a, b, c = names.split()
    law = lf.Law("power", f"{a} * x**-{b} + {c}", [a, b, c], y="y")
    data = table(noise=1e-3)
    found = lf.fit_many(law, {**data, by: data["set"]}, by=by, resamples=2)
    with pytest.raises(ValueError, match=r"two columns would be named '(objective|n|b|b_low)'"):
        found.to_dict()


def test_repr_summary_and_length():
    found = lf.fit_many("annealing", many_curves(groups=23), by="name", resamples=2)
    assert len(found) == 23
    assert found.converged.all()
    line = "<FitTable 'annealing' by name: 23 groups, 2 resamples each; 23 converged>"
    assert repr(found) == line
    text = found.summary()
    assert "… and 3 more" in text
    assert "46 converged of 46 resamples; seed 0" in text


def test_arrays_are_read_only():
    found = lf.fit_many("annealing", many_curves(groups=2), by="name", resamples=2)
    for array in (found.params["A"], found.status, found.resampled["A"], found.n):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(TypeError):
        found.params["A"] = 1


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_and_pickles(again):
    found = lf.fit_many("power", table(noise=1e-3), by="set", resamples=4)
    other = again(found)
    assert bits(other) == bits(found)
    assert (other.law, other.by, other.keys) == (found.law, "set", found.keys)
    assert other.options == found.options
    with pytest.raises(ValueError, match="read-only"):
        other.resampled["a"][0] = 0
    with pytest.raises(TypeError):
        other.params["a"] = 1


def test_a_group_by_a_function():
    found = lf.fit_many("annealing", many_curves(groups=6), by=lambda c: c.name.split()[0])
    assert found.keys == ("cosine", "wsd")
    assert found.by is None
    assert next(iter(found.to_dict())) == "group"


# Refusals


def test_a_group_with_too_few_rows_is_named():
    data = table() | {"set": np.where(np.arange(120) < 2, "few", "many")}
    with pytest.raises(ValueError, match="group 'few': 3 parameters need >= 3 points, got 2"):
        lf.fit_many("power", data, by="set")
    curves = [
        *many_curves(groups=2),
        lf.Curve([200, 300], [3.0, 2.9], SCHEDULES["wsd"], name="bad"),
    ]
    with pytest.raises(ValueError, match="curve 'bad': 4 parameters need >= 4 points, got 2"):
        lf.fit_many("annealing", curves, by="name")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": -1.0}, "data: y at index 7 is -1; log residuals need it above 0"),
        ({"x": 0.0}, "data: x at index 7 is 0; law 'power' needs it above 0"),
        ({"x": np.nan}, "data: x at index 7 is nan"),
    ],
)
def test_a_bad_row_is_named(change, message):
    data = table()
    for name, value in change.items():
        data[name] = np.where(np.arange(120) == 7, value, data[name])
    with pytest.raises(ValueError, match=message):
        lf.fit_many("power", data, by="set")


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"by": "sets"}, ValueError, "column 'sets' is missing"),
        ({"resamples": -1}, ValueError, "resamples is -1"),
        ({"threads": 0}, ValueError, "threads is 0"),
        ({"starts": 0}, ValueError, "starts is 0"),
        ({"starts": {"a": 1.0, "b": 0.5}}, ValueError, "start 0: 'c' is missing"),
        ({"fixed": {"a": 1, "b": 1, "c": 1}}, ValueError, "nothing to fit"),
        ({"weights": [1.0]}, ValueError, "1 weights for 120 rows"),
    ],
)
def test_options_without_a_meaning(how, error, message):
    with pytest.raises(error, match=message):
        lf.fit_many("power", table(), **{"by": "set", **how})


def test_functions_and_tables_without_resamples():
    with pytest.raises(TypeError, match="is a Python function"):
        lf.fit_many(lambda x, *, a: a * x, table(), by="set")
    with pytest.raises(ValueError, match="has no resamples"):
        lf.fit_many("power", table(), by="set").conf_int()


def test_the_core_refuses_groups_that_are_none():
    data = _core.Data(4, [np.ones(4)], np.zeros(0, np.int64), [], "actual", "fine")
    law = lf.Law("line", "a * x", ["a"], y="y")
    how = {"program": law._program, "data": data, "y": np.ones(4), "weights": np.zeros(0)}
    how |= {"loss": "squared", "delta": 1.0, "space": "linear", "theta": [0.0], "free": [True]}
    how |= {"may_centre": [True], "logarithmic": [False], "lower": [-9.0], "upper": [9.0]}
    how |= {"max_iterations": 9, "tolerance": 1e-14, "starts": 1, "per_parameter": 8, "seed": 0}
    how |= {"given": [], "coarse": (4, 16, 3), "replicates": 0, "threads": 1, "timeout": np.inf}
    how |= {"ranges": [[("uniform", 0.0, 1.0)]], "rows": np.arange(4), "first": np.array([0, 2, 4])}
    assert _core.fit_many(**how)["theta"].shape == (1, 2)
    for bad, message in [
        ({"rows": np.array([0, 1, 3, 2])}, "ascend"),
        ({"rows": np.array([0, 1, 2, 4])}, "ascend"),
        ({"first": np.array([0, 2, 3])}, "cover"),
        ({"first": np.array([0, 0, 4])}, "no rows"),
        ({"ranges": []}, "ranges"),
        ({"ranges": [[]]}, "ranges"),
        ({"given": [[1.0, 2.0]]}, "starts"),
        ({"lower": []}, "fit together"),
        ({"y": np.ones(3)}, "differ"),
    ]:
        with pytest.raises(ValueError, match=message):
            _core.fit_many(**how | bad)


def test_the_core_refuses_an_unknown_detail():
    with pytest.raises(ValueError, match="unknown detail"):
        _core.Data(4, [np.ones(4)], np.zeros(0, np.int64), [], "actual", "finer")
