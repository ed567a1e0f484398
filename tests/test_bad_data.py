"""What a fit does with the catalogue's bad data. What a curve itself refuses is in test_curve."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import lawfit as lf
from fit_data import (
    ANNEALING,
    CLEAN,
    POWER,
    SCHEDULES,
    annealing_curves,
    annealing_loss,
    bits,
    refuse,
)

LAWS = ("power", "henighan", "chinchilla")


def table(law, n):
    """Columns of a catalogue law over sizes."""
    names = [*lf.laws.get(law).columns, lf.laws.get(law).y]
    return {name: np.geomspace(2, 900 + k, n) for k, name in enumerate(names)}


def changed(field, index, value, data=CLEAN):
    values = np.array(data[field])
    values[index] = value
    return {**data, field: values}


# Too little


def test_a01_no_points():
    refuse({"x": [], "y": []}, "data has 0 rows")
    with pytest.raises(ValueError, match="got 0 curves"):
        lf.fit("annealing", [])
    with pytest.raises(ValueError, match=r"curve 'cosine' has 0 points after the first 5000 steps"):
        lf.fit("annealing", annealing_curves(), skip_steps=5000)


NOTHING = {"x": [], "y": [], "g": []}
FIT = lf.fit("power", CLEAN)
WSD = SCHEDULES["wsd"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lf.fit("power", NOTHING, by="g"), "data has 0 rows"),
        (lambda: lf.fit_many("power", NOTHING, by="g"), "data has 0 rows"),
        (lambda: lf.Problem("power", NOTHING), "data has 0 rows"),
        (lambda: lf.bootstrap(FIT, 2, data=NOTHING), "data has 0 rows"),
        (lambda: FIT.score(NOTHING), "data has 0 rows"),
        (lambda: FIT.predict(NOTHING), "data has 0 rows"),
        (lambda: lf.predict("power", POWER, NOTHING), "data has 0 rows"),
        (lambda: lf.fit("annealing", lf.Curves([])), "got 0 curves; expected at least one"),
        (lambda: lf.Curve([], [], name="a"), "curve 'a' has 0 points"),
        (lambda: lf.Schedule([]), "schedule: lr has 0 steps"),
        (lambda: lf.Schedule.from_points([], []), "schedule: lr has 0 steps"),
        (lambda: lf.Schedule.from_pieces([]), "schedule: steps is 0"),
        (lambda: lf.Forecaster("annealing", WSD).fit(), "curve 'so far' has 0 points"),
        (lambda: lf.envelope({"C": [], "loss": []}), "envelope has 0 rows"),
        (lambda: lf.isoflop_minimum([], []), "isoflop_minimum: N has 0 sizes"),
        (lambda: lf.collapse([], 1.0), "got 0 curves"),
    ],
)
def test_a01_every_entry(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a01_asking_for_nothing_gives_nothing():
    assert [area.size for area in WSD.areas(at=[])] == [0, 0]
    assert lf.Forecaster("annealing", WSD).update_many([], []).n == 0
    assert lf.critical_batch([], 1.0, 1.0).size == 0


@pytest.mark.parametrize("law", LAWS)
def test_a02_fewer_points_than_parameters(law):
    p = len(lf.laws.get(law).parameters)
    refuse(table(law, 0), "data has 0 rows", law=law)
    for m in range(1, p):
        refuse(table(law, m), f"data: {p} parameters need >= {p} points, got {m}", law=law)


def test_a02_a_point_for_each_free_parameter_is_enough():
    exact = {name: values[[0, 20, 39]] for name, values in CLEAN.items()}
    fit = lf.fit("power", exact)
    assert dict(fit.params) == pytest.approx(POWER, rel=1e-9)
    assert set(fit.stderr.values()) == {np.inf}
    one = {name: values[:1] for name, values in CLEAN.items()}
    assert lf.fit("power", one, fixed={"b": 0.3, "c": 1.5}).params["a"] == pytest.approx(2)


def test_a02_curves_are_named():
    curves = [lf.Curve([150], [3.0], SCHEDULES["constant"], name=name) for name in "ab"]
    with pytest.raises(ValueError, match="curve 'a', curve 'b': 4 parameters need >= 4 points"):
        lf.fit("annealing", curves)


def test_a02_every_entry():
    few = {name: values[:2] for name, values in CLEAN.items()}
    with pytest.raises(ValueError, match="data: 3 parameters need >= 3 points, got 2"):
        lf.Problem("power", few)
    keys = ["a"] * 38 + ["b"] * 2
    message = "data, group 'b': 3 parameters need >= 3 points, got 2"
    for call in (lf.fit, lf.fit_many):
        with pytest.raises(ValueError, match=message):
            call("power", {**CLEAN, "g": keys}, by="g")
    with pytest.raises(ValueError, match="data, group 'b': 2 own parameters need >= 2 points, got"):
        lf.fit("power", {**CLEAN, "g": ["a"] * 39 + ["b"]}, by="g", shared=["b"])
    forecaster = lf.Forecaster("annealing", WSD)
    for n, (step, loss) in enumerate([(200, 3.0), (300, 2.9), (400, 2.8)], 1):
        forecaster.update(step, loss)
        assert forecaster.status == "waiting"
        assert np.isnan(forecaster.forecast().loss)
        with pytest.raises(ValueError, match=f"'so far': 4 parameters need >= 4 points, got {n}"):
            forecaster.fit()


# Values without a meaning


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("field", ["x", "y"])
def test_a03_a04_a06_value_that_is_not_finite(field, bad):
    refuse(changed(field, 7, bad), rf"data: {field} at index 7 is {bad}; expected a finite")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a05_start_that_is_not_finite(bad):
    starts = [{"a": 1, "b": 0.1, "c": 1}, {"a": 1, "b": 0.1, "c": bad}]
    refuse(CLEAN, f"start 1: c is {bad}; expected a finite number", starts=starts)
    refuse(CLEAN, f"start 0: b is {bad}", starts=np.array([[1, bad, 1]]))


@pytest.mark.parametrize(("bad", "shown"), [(0.0, "0"), (-3.0, "-3")])
def test_a07_column_of_a_power_that_is_not_positive(bad, shown):
    message = f"data: x at index 4 is {shown}; law 'power' needs it above 0"
    refuse(changed("x", 4, bad), message)
    refuse(
        changed("D", 2, bad, table("chinchilla", 6)), f"D at index 2 is {shown}", law="chinchilla"
    )


def test_a07_step_zero_in_a_power_of_the_step():
    law = lf.Law("steps", "a * step**-b + c", ["a", "b", "c"])
    curve = lf.Curve(range(9), np.linspace(3, 2, 9), name="run")
    with pytest.raises(ValueError, match="curve 'run': step at index 0 is 0; law 'steps' needs it"):
        lf.fit(law, curve)
    with pytest.raises(ValueError, match="curve 'run': lr at index 1 is 0"):
        lf.fit(
            lf.Law("rate", "a * lr**-b", ["a", "b"]),
            lf.Curve(range(3), [3, 2, 1], [1e-3, 0, 1e-3], name="run"),
        )


def test_a07_index_counts_skipped_points():
    law = lf.Law("own", "a * tokens**-b + c", ["a", "b", "c"])
    curve = lf.Curve(
        range(9), np.linspace(3, 2, 9), name="run", columns={"tokens": [1, 2, 3, 4, 5, 6, 0, 8, 9]}
    )
    with pytest.raises(ValueError, match="curve 'run': tokens at index 6 is 0"):
        lf.fit(law, curve, skip_steps=4)


@pytest.mark.parametrize("bad", [0.0, -3.0])
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: FIT.predict({"x": x}), "data: x at index 1 is .*; law 'power' needs it above 0"),
        (lambda x: FIT.interval({"x": x}), "data: x at index 1 is .*; law 'power' needs it above"),
        (lambda x: FIT.score({"x": x, "y": x**2 + 1}), "data: x at index 1 is .*; law 'power' ne"),
        (lambda x: lf.Problem("power", {"x": x, "y": x**2 + 1}), "data: x at index 1 is"),
        (lambda x: lf.envelope({"C": x, "loss": x}), "envelope: C at index 1 is"),
        (lambda x: lf.isoflop_minimum(x, x), "isoflop_minimum: N at index 1 is"),
        (lambda x: lf.critical_batch(x, 1.0, 1.0), "critical_batch: loss at index 1 is"),
    ],
)
def test_a07_every_entry(call, message, bad):
    with pytest.raises(ValueError, match=message):
        call(np.array([3.0, bad, 5.0, 7.0]))


def test_a07_a_forecaster_does_not_take_a_step_that_its_law_cannot():
    law = lf.Law("steps", "a * step**-b", ["a", "b"])
    forecaster = lf.Forecaster(law, np.full(50, 1e-3))
    with pytest.raises(ValueError, match="step at index 0 is 0; law 'steps' needs it above 0"):
        forecaster.update(0, 3.0)
    assert forecaster.n == 0
    assert forecaster.update_many([1, 2, 3], [3.0, 2.9, 2.8]).n == 3


@pytest.mark.parametrize("bad", [0.0, -2.0])
def test_a08_loss_that_is_not_positive_has_no_logarithm(bad):
    message = f"data: y at index 5 is {bad:g}; log residuals need it above 0"
    refuse(changed("y", 5, bad), message)
    fit = lf.fit("power", changed("y", 5, bad), space="linear")
    assert fit.success
    assert fit.params["a"] == pytest.approx(2, rel=1e-2)


def test_a09_learning_rate_of_zero_everywhere():
    curve = lf.Curve(range(9), np.linspace(3, 2, 9), np.zeros(9), name="still")
    with pytest.raises(ValueError, match=r"curve 'still': S1 is 0 at step 0: law 'annealing'"):
        lf.fit("annealing", curve)


def test_a09_every_entry():
    still = lf.Curve(range(9), np.linspace(3, 2, 9), np.zeros(9), name="still")
    fit = lf.fit("annealing", annealing_curves())
    message = r"curve 'still': S1 is 0 at step 0: law 'annealing'"
    for call in (
        lambda: lf.fit_many("annealing", still, by="name"),
        lambda: lf.Problem("annealing", still),
        lambda: fit.score(still),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(ValueError, match="curve 'still': predicted loss at index 0 is inf"):
        fit.predict(still)
    own = lf.Law("own", "a * S1**-b * exp(-c * step)", ["a", "b", "c"])
    for law in ("annealing", own):
        forecaster = lf.Forecaster(law, np.zeros(9))
        with pytest.raises(ValueError, match="S1 is 0 at step 3"):
            forecaster.update(3, 2.0)
        assert forecaster.n == 0


@pytest.mark.parametrize("law", ["a + b * lr", "a + b * S1", "a + b * S2"])
def test_a09_a_law_that_does_not_divide_by_its_area_is_rank_deficient(law):
    still = lf.Curve(range(9), np.linspace(3, 2, 9), np.zeros(9), name="still")
    fit = lf.fit(lf.Law("own", law, ["a", "b"]), still)
    assert (fit.status, fit.undetermined) == ("rank_deficient", ("b",))


def test_a09_annealing_area_of_zero_is_no_error():
    steps = np.arange(100, 3000, 20)
    schedule = SCHEDULES["constant"]
    fit = lf.fit("annealing", lf.Curve(steps, annealing_loss(schedule, steps), schedule))
    assert fit.status == "rank_deficient"
    assert fit.undetermined == ("C",)
    assert fit.stderr["C"] == np.inf
    found = {name: fit.params[name] for name in ("L0", "A", "alpha")}
    assert found == pytest.approx({name: ANNEALING[name] for name in found}, rel=1e-9)
    assert all(np.isfinite(fit.stderr[name]) for name in found)


def test_a10_negative_learning_rate_never_reaches_a_fit():
    with pytest.raises(ValueError, match=r"schedule: lr at step 2 is -0.001; expected lr >= 0"):
        lf.Curve([0, 1], [3, 2], [1e-3, 1e-3, -1e-3])


SHAPES = {
    "constant": {},
    "cosine": {},
    "linear": {},
    "inverse_sqrt": {"warmup": 2},
    "polynomial": {"power": 2.0},
    "wsd": {"decay_start": 5, "end": 0.0},
    "two_stage": {"switch": 5, "second": 0.5},
}
VALUES = [
    ("peak", -1.0), ("peak", np.nan), ("peak", np.inf), ("peak", "1"), ("peak", True),
    ("steps", 0), ("steps", -1), ("steps", np.nan), ("steps", 2**60),
    ("warmup", -1), ("warmup", 11), ("warmup", np.nan),
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("field", "bad"), VALUES)
def test_a06_a10_schedules_by_name(shape, field, bad):
    with pytest.raises((TypeError, ValueError), match=field):
        getattr(lf.schedules, shape)(**{"steps": 10, "peak": 1.0, **SHAPES[shape], field: bad})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lf.Schedule, "schedule: lr at step 2 is -1.0; expected lr >= 0"),
        (lambda lr: lf.Schedule.from_points([0, 5, 9], lr), "schedule: lr at step 9 is -1.0"),
        (lambda lr: lf.Forecaster("annealing", lr), "schedule: lr at step 2 is -1.0"),
        (lambda lr: lf.Curve([0], [1.0], lr, name="a"), "curve 'a': schedule: lr at step 2 is -1"),
    ],
)
def test_a10_every_entry(make, message):
    with pytest.raises(ValueError, match=message):
        make([1.0, 0.5, -1.0])


# Order and spacing


def test_a11_a12_a13_sorted_and_resumed_logs_fit_as_the_clean_one():
    clean = annealing_curves(noise=1e-3)[0]
    want = bits(lf.fit("annealing", clean))
    order = np.random.default_rng(0).permutation(len(clean))
    shuffled = lf.Curve(clean.steps[order], clean.loss[order], clean.schedule, sort=True)
    # three times killed ten points after the last checkpoint, and resumed
    pieces = [slice(0, 40), slice(30, 80), slice(70, 120), slice(110, None)]
    steps, loss = (np.concatenate([a[p] for p in pieces]) for a in (clean.steps, clean.loss))
    resumed = lf.Curve(steps, loss, clean.schedule, on_duplicate="last")
    assert bits(lf.fit("annealing", shuffled)) == want
    assert bits(lf.fit("annealing", resumed)) == want


def test_a14_thinned_log_gives_the_same_areas_and_law():
    dense, thin = (annealing_curves(every=every, noise=0) for every in (1, 50))
    for a, b in zip(dense, thin, strict=True):
        rows = np.searchsorted(a.steps, b.steps)
        areas = (c.schedule.areas(at=c.steps) for c in (a, b))
        for every, some in zip(*areas, strict=True):
            np.testing.assert_allclose(every[rows], some, rtol=1e-12, atol=1e-18)
    fits = [lf.fit("annealing", curves) for curves in (dense, thin)]
    assert dict(fits[0].params) == pytest.approx(dict(fits[1].params), rel=1e-9)


# Large


def test_a35_schedule_of_a_billion_steps_takes_no_memory():
    code = """
        import resource, sys
        import numpy as np
        import lawfit as lf
        s = lf.schedules.wsd(steps=10**9, peak=1e-5, warmup=10**6, decay_start=8 * 10**8, end=1e-6)
        at = np.linspace(10**6 + 10, 10**9 - 1, 200).astype(np.int64)
        lf.fit("power", {"x": [1, 2, 3, 4], "y": [4, 3, 2.5, 2.25]})
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        s1, s2 = s.areas(at=at, warmup="peak")
        fit = lf.fit("annealing", lf.Curve(at, 2.5 + 0.4 * s1**-0.5 - 30 * s2, s))
        assert fit.success, fit
        assert abs(fit.params["C"] - 30) < 1e-6, fit
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 64 * 1024


def test_a37_integers_that_no_float_equals():
    refuse(
        {"x": np.array([1, 2, 2**53 + 1, 4]), "y": np.ones(4)},
        "data: x at index 2 is 9007199254740993, which no float64 equals",
    )
    with pytest.raises(ValueError, match=f"at at index 0 is {2**53}"):
        lf.fit("annealing", annealing_curves()).predict(SCHEDULES["wsd"], at=[2**53])
