"""Logs of runs that were restarted, shuffled or have holes: what a fit makes of them and says."""

import numpy as np
import pytest

import lawfit as lf
from fit_data import CLEAN, NOISY, X, annealing_curves, bits

HOLES = {**NOISY, "y": np.where(np.isin(np.arange(X.size), [3, 9]), np.nan, NOISY["y"])}
WITHOUT = {name: np.delete(values, [3, 9]) for name, values in NOISY.items()}
DROPPED = "data: dropped 2 of 40 rows with x or y not finite"


def resumed(curve, *cuts, overlap=10, **options):
    """The log of a run killed `overlap` points after each cut and resumed from there."""
    ends = [*(cut + overlap for cut in cuts), len(curve)]
    pieces = [slice(begin, end) for begin, end in zip([0, *cuts], ends, strict=True)]
    steps = np.concatenate([curve.steps[piece] for piece in pieces])
    # What was lost had been measured as something else.
    loss = np.concatenate(
        [
            np.where(np.arange(end - begin) < (cut or end) - begin, curve.loss[begin:end], 9.0)
            for begin, end, cut in zip([0, *cuts], ends, [*cuts, None], strict=True)
        ]
    )
    return lf.Curve(steps, loss, curve.schedule, name=curve.name, **options)


# Curves


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a03_a04_points_left_out_are_counted_in_the_fit(bad):
    curves = annealing_curves(noise=1e-3)
    loss = curves[1].loss.copy()
    loss[[7, 11]] = bad
    with pytest.raises(ValueError, match=f"curve 'constant': loss at index 7 is {bad}"):
        lf.Curve(curves[1].steps, loss, curves[1].schedule, name="constant")
    holes = lf.Curve(curves[1].steps, loss, curves[1].schedule, name="constant", nan_policy="omit")
    fit = lf.fit("annealing", [curves[0], holes])
    assert fit.notes == ("curve 'constant': dropped 2 points with loss not finite",)
    assert f"note: {fit.notes[0]}" in fit.summary()
    assert lf.Fit.from_json(fit.to_json()).notes == fit.notes
    kept = np.delete(np.arange(len(loss)), [7, 11])
    clean = lf.Curve(curves[1].steps[kept], curves[1].loss[kept], curves[1].schedule, name="b")
    assert bits(fit) == bits(lf.fit("annealing", [curves[0], clean]))


def test_a11_a_shuffled_log_fits_as_the_sorted_one_and_says_so():
    clean = annealing_curves(noise=1e-3)[0]
    order = np.random.default_rng(0).permutation(len(clean))
    with pytest.raises(ValueError, match=r"curve 'run': step at index .* goes back .*sort=True"):
        lf.Curve(clean.steps[order], clean.loss[order], clean.schedule, name="run")
    shuffled = lf.Curve(
        clean.steps[order], clean.loss[order], clean.schedule, name="run", sort=True
    )
    fit = lf.fit("annealing", shuffled)
    assert fit.notes == ("curve 'run': sorted 145 points",)
    assert bits(fit) == bits(lf.fit("annealing", clean))


def test_a11_sorting_is_stable():
    steps, loss = [4, 2, 4, 2, 0], [1.0, 2.0, 3.0, 4.0, 5.0]
    for keep, found in (("first", [5.0, 2.0, 1.0]), ("last", [5.0, 4.0, 3.0])):
        curve = lf.Curve(steps, loss, sort=True, on_duplicate=keep)
        assert curve.loss.tolist() == found


@pytest.mark.parametrize("cuts", [(60,), (40, 80, 120), (20, 25, 27)])
def test_a12_a13_a_resumed_log_fits_as_the_clean_one_and_says_so(cuts):
    clean = annealing_curves(noise=1e-3)[2]
    duplicate = r"curve 'wsd': step at index \d+ goes back .* is a duplicate of index"
    with pytest.raises(ValueError, match=duplicate):
        resumed(clean, *cuts)
    log = resumed(clean, *cuts, on_duplicate="last")
    assert log == clean
    fit = lf.fit("annealing", log)
    restarts = ", ".join(str(clean.steps[cut]) for cut in cuts)
    (note,) = fit.notes
    assert note == (
        f"curve 'wsd': restarted at step {restarts}: dropped {10 * len(cuts)} points and kept "
        "what was logged last"
    )
    assert bits(fit) == bits(lf.fit("annealing", clean))


def test_a12_first_keeps_what_was_logged_first():
    clean = annealing_curves(noise=1e-3)[2]
    log = resumed(clean, 60, on_duplicate="first")
    assert log.loss[60:70].tolist() == [9.0] * 10
    assert np.array_equal(log.steps, clean.steps)
    assert "kept what was logged first" in lf.fit("annealing", log).notes[0]


def test_a13_segments_of_three_restarts_are_listed():
    clean = annealing_curves()[0]
    with pytest.raises(ValueError, match="4 segments: 100 to 1080, 900 to 1880, 1700 to 2680, 25"):
        resumed(clean, 40, 80, 120)


def test_a12_a_forecaster_refuses_to_go_back():
    forecaster = lf.Forecaster("annealing", np.full(50, 1e-3)).update_many([0, 1, 2], [3, 2.9, 2.8])
    for steps in ([2, 3], [3, 3], [4, 3]):
        with pytest.raises(ValueError, match=r"update_many: step at index [01] is \d, which does"):
            forecaster.update_many(steps, [2.7, 2.6])
    assert forecaster.n == 3
    with pytest.raises(ValueError, match="step 2 does not come after step 2"):
        forecaster.update(2, 2.7)


def test_a12_points_of_a_schedule_increase():
    with pytest.raises(ValueError, match="schedule: steps at index 2 is 5, after 5; expected stri"):
        lf.Schedule.from_points([0, 5, 5], [1, 2, 3])


# Tables


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("field", ["x", "y"])
def test_a03_a04_a06_rows_left_out_of_a_table_are_counted(field, bad):
    values = NOISY[field].copy()
    values[[3, 9]] = bad
    data = {**NOISY, field: values}
    before = values.tobytes()
    with pytest.raises(ValueError, match=f"data: {field} at index 3 is {bad}"):
        lf.fit("power", data)
    fit = lf.fit("power", data, nan_policy="omit")
    assert fit.notes == (DROPPED,)
    assert f"note: {DROPPED}" in fit.summary()
    assert fit.n == 38
    assert bits(fit) == bits(lf.fit("power", WITHOUT))
    assert values.tobytes() == before


def test_a03_missing_rows_of_data_frames():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(HOLES)
    frame["unused"] = np.nan  # columns that the law does not take are not looked at
    assert bits(lf.fit("power", frame, nan_policy="omit")) == bits(lf.fit("power", WITHOUT))
    frame["y"] = frame["y"].astype("Float64")
    frame.loc[[3, 9], "y"] = pandas.NA
    assert lf.fit("power", frame, nan_policy="omit").notes == (DROPPED,)


def test_a03_weights_and_groups_stay_with_their_rows():
    weights = np.linspace(1, 2, X.size)
    keys = np.array(["a", "b"] * 20)
    fit = lf.fit("power", HOLES, weights=weights, nan_policy="omit")
    kept = np.delete(np.arange(X.size), [3, 9])
    assert bits(fit) == bits(lf.fit("power", WITHOUT, weights=weights[kept]))
    with pytest.raises(ValueError, match="weights: 38 weights for 40 rows"):
        lf.fit("power", HOLES, weights=weights[kept], nan_policy="omit")

    given, clean = {**HOLES, "g": keys}, {**WITHOUT, "g": keys[kept]}
    for options in ({}, {"shared": ["b"]}):
        found = lf.fit("power", given, by="g", nan_policy="omit", **options)
        same = lf.fit("power", clean, by="g", **options)
        assert [bits(f) for f in found.fits] == [bits(f) for f in same.fits]
        assert all(f.notes[0] == DROPPED for f in found.fits)
    many = lf.fit_many("power", given, by="g", nan_policy="omit")
    assert many.notes == (DROPPED,)
    assert f"note: {DROPPED}" in many.summary()
    assert many.objective.tolist() == lf.fit_many("power", clean, by="g").objective.tolist()


def test_a03_refusals_name_rows_as_they_were_given():
    y = HOLES["y"].copy()
    y[12] = -1
    with pytest.raises(ValueError, match="data: y at index 12 is -1; log residuals"):
        lf.fit("power", {**HOLES, "y": y}, nan_policy="omit")


def test_a03_problems_and_bootstraps_leave_out_the_same_rows():
    problem = lf.Problem("power", HOLES, nan_policy="omit")
    fit = problem.fit()
    assert problem.n == 38
    assert fit.notes == (DROPPED,)
    again = lf.Fit.from_json(fit.to_json())
    assert again.options.nan_policy == "omit"
    drawn = [lf.bootstrap(f, 5, data=d) for f, d in ((fit, None), (again, HOLES))]
    assert drawn[0].objective.tolist() == drawn[1].objective.tolist()


def test_a03_nothing_left_is_refused():
    with pytest.raises(ValueError, match="data has 0 rows: dropped all 40 rows with x or y not"):
        lf.fit("power", {**CLEAN, "y": np.full(40, np.nan)}, nan_policy="omit")
    with pytest.raises(ValueError, match="data: 3 parameters need >= 3 points, got 2"):
        lf.fit("power", {"x": X[:3], "y": [np.nan, 2, 1]}, nan_policy="omit")


def test_a03_policy_is_for_tables():
    with pytest.raises(TypeError, match="nan_policy is for columns; curves have their own"):
        lf.fit("annealing", annealing_curves(), nan_policy="omit")
    with pytest.raises(ValueError, match="nan_policy 'drop' is unknown"):
        lf.fit("power", CLEAN, nan_policy="drop")
    assert lf.fit("power", CLEAN, nan_policy="omit").notes == ()


# Spacing


@pytest.mark.parametrize("every", [7, 100])
@pytest.mark.parametrize("name", ["cosine", "wsd", "constant"])
def test_a14_areas_do_not_depend_on_how_often_was_logged(name, every):
    dense = next(curve for curve in annealing_curves(every=1) if curve.name == name)
    at = dense.steps[::every]
    for area, some in zip(
        dense.schedule.areas(at=dense.steps), dense.schedule.areas(at=at), strict=True
    ):
        np.testing.assert_allclose(some, area[::every], rtol=1e-12, atol=1e-18)
