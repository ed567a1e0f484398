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
