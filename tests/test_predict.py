"""Predictions and scores of a fit."""

import numpy as np
import pytest

import lawfit as lf
from fit_data import CLEAN, NOISY, POWER, SCHEDULES, X, annealing_curves, annealing_loss

ANNEALING = lf.fit("annealing", annealing_curves())
LINE = lf.fit("power", NOISY)
SIZED = lf.Law(
    "sized",
    "L0 + A*S1**-alpha + B*N**-beta + G*D**-0.3",
    {name: lf.Parameter(0) for name in ("L0", "A", "alpha", "B", "beta", "G")},
)


@pytest.fixture(scope="module")
def sized():
    """A law of schedule, model size and tokens, fitted to runs of several sizes."""
    steps = np.arange(100, 3000, 20)
    curves = []
    for n in (1e6, 1e7, 1e8):
        for name, schedule in SCHEDULES.items():
            s1, _ = schedule.areas(at=steps, warmup="peak")
            tokens = (steps + 1) * 512.0
            loss = 1.5 + 0.45 * s1**-0.5 + 60 * n**-0.3 + 20 * tokens**-0.3
            curves.append(
                lf.Curve(steps, loss, schedule, name=f"{name} {n:g}", params=n, tokens_per_step=512)
            )
    return lf.fit(SIZED, curves), curves


# Predictions


def test_every_step_of_a_schedule():
    schedule = SCHEDULES["wsd"]
    every = ANNEALING.predict(schedule)
    assert every.shape == (3000,)
    assert every.dtype == np.float64
    np.testing.assert_allclose(every, annealing_loss(schedule, np.arange(3000)), rtol=1e-9)


@pytest.mark.parametrize(
    "at", [[5], [2999, 0, 17], [3, 3, 3], [100, 5, 100, 2000, 5], range(10), np.arange(5) * 2.0]
)
def test_steps_in_any_order_and_with_repeats(at):
    schedule = SCHEDULES["wsd"]
    some = ANNEALING.predict(schedule, at=at)
    every = ANNEALING.predict(schedule)
    np.testing.assert_allclose(some, every[np.array(at, dtype=int)], rtol=1e-14)


def test_curve_at_its_own_steps_and_at_others():
    curve = annealing_curves(noise=1e-3)[0]
    own = ANNEALING.predict(curve)
    assert own.shape == (len(curve),)
    np.testing.assert_array_equal(own, ANNEALING.predict(curve.schedule, at=curve.steps))
    other = ANNEALING.predict(curve, at=[2999, 200])
    np.testing.assert_array_equal(other, ANNEALING.predict(curve.schedule, at=[2999, 200]))


def test_columns_and_frames():
    x = np.array([10.0, 1e9])
    want = [LINE.params["a"] * v ** -LINE.params["b"] + LINE.params["c"] for v in x]
    np.testing.assert_allclose(LINE.predict({"x": x}), want, rtol=1e-13)
    np.testing.assert_allclose(LINE.predict({"x": [10, 10**9], "unused": "abc"}), want, rtol=1e-13)
    frame = pytest.importorskip("pandas").DataFrame({"note": ["p", "q"], "x": x}, index=[7, 7])
    np.testing.assert_array_equal(LINE.predict(frame), LINE.predict({"x": x}))


def test_size_of_a_run_that_is_not_made_yet(sized):
    fit, curves = sized
    assert fit.success
    curve = curves[-1]
    at = curve.steps[::-1]
    bare = fit.predict(curve.schedule, at=at, params=1e8, tokens_per_step=512)
    np.testing.assert_array_equal(bare, fit.predict(curve)[::-1])
    np.testing.assert_array_equal(bare, fit.predict(curve, at=at))
    np.testing.assert_allclose(bare, curve.loss[::-1], rtol=1e-7)


def test_steps_before_any_learning_rate_have_no_finite_value():
    values = ANNEALING_ACTUAL.predict(SCHEDULES["cosine"], at=[0, 1])
    assert values[0] == np.inf
    assert np.isfinite(values[1])


ANNEALING_ACTUAL = lf.fit("annealing", annealing_curves(warmup="actual"), warmup="actual")


def test_warmup_of_the_fit_is_that_of_the_prediction():
    at = np.arange(100, 3000, 50)
    for fit, warmup in ((ANNEALING, "peak"), (ANNEALING_ACTUAL, "actual")):
        want = annealing_loss(SCHEDULES["cosine"], at, warmup=warmup)
        np.testing.assert_allclose(fit.predict(SCHEDULES["cosine"], at=at), want, rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "message", "error"),
    [
        (
            lambda: ANNEALING.predict(SCHEDULES["wsd"], at=[5, 3000]),
            "at at index 1 is 3000",
            ValueError,
        ),
        (lambda: ANNEALING.predict(SCHEDULES["wsd"], at=[1.5]), "at at index 0 is 1.5", ValueError),
        (lambda: ANNEALING.predict(SCHEDULES["wsd"], at=[-1]), "at at index 0 is -1", ValueError),
        (lambda: ANNEALING.predict(SCHEDULES["wsd"], at=5), r"at has shape \(\)", ValueError),
        (
            lambda: ANNEALING.predict(lf.Curves(annealing_curves())),
            "one curve at a time",
            TypeError,
        ),
        (lambda: ANNEALING.predict({"x": [1]}), "'annealing' needs schedules", TypeError),
        (lambda: ANNEALING.predict(None), "'annealing' needs schedules", TypeError),
        (lambda: LINE.predict(None), "data is a NoneType", TypeError),
        (
            lambda: LINE.predict({"x": [1]}, at=[0]),
            "only a schedule or a curve has steps",
            TypeError,
        ),
        (lambda: LINE.predict({"x": [1, 0]}), "data: x at index 1 is 0; law 'power'", ValueError),
        (lambda: LINE.predict({"x": [1, np.nan]}), "data: x at index 1 is nan", ValueError),
        (lambda: LINE.predict({"X": [1]}), "'x' is missing; did you mean 'X'?", ValueError),
        (lambda: LINE.predict({"x": []}), "data has 0 rows", ValueError),
        (
            lambda: LINE.predict({"x": [1]}, params=1e6),
            "only a bare schedule needs a size",
            TypeError,
        ),
        (
            lambda: ANNEALING.predict(annealing_curves()[0], tokens_per_step=1),
            "only a bare schedule needs a size",
            TypeError,
        ),
        (
            lambda: ANNEALING.predict(lf.Curve([1, 2], [3, 2], name="bare"), at=[1]),
            "curve 'bare' has no schedule to predict other steps of",
            ValueError,
        ),
    ],
)
def test_predictions_that_are_refused(call, message, error):
    with pytest.raises(error, match=message):
        call()


def test_sizes_that_are_missing_or_wrong(sized):
    fit, _ = sized
    schedule = SCHEDULES["wsd"]
    with pytest.raises(ValueError, match="column 'N' needs params"):
        fit.predict(schedule, tokens_per_step=512)
    with pytest.raises(ValueError, match="column 'D' needs tokens_per_step"):
        fit.predict(schedule, params=1e8)
    with pytest.raises(ValueError, match="params is -1; expected a finite number > 0"):
        fit.predict(schedule, params=-1, tokens_per_step=512)


# Scores


def scored(y, f):
    error = np.abs(f - y)
    return {
        "R2": 1 - np.sum(error**2) / np.sum((y - y.mean()) ** 2),
        "MAE": error.mean(),
        "RMSE": np.sqrt((error**2).mean()),
        "PredE": (error / y).mean(),
        "WorstE": (error / y).max(),
        "n": len(y),
    }


def test_score_of_columns():
    x = np.geomspace(2e3, 5e5, 17)
    y = 2 * x**-0.3 + 1.5 + 0.01 * np.cos(np.arange(17))
    scores = LINE.score({"x": x, "y": y})
    assert list(scores) == ["data"]
    assert scores["data"]._asdict() == pytest.approx(scored(y, LINE.predict({"x": x})), rel=1e-12)
    assert LINE.score(NOISY)["data"] == pytest.approx(LINE.training, rel=1e-9)


def test_score_of_curves_leaves_out_what_the_fit_left_out():
    steps = np.arange(20, 3000, 20)
    rng = np.random.default_rng(5)
    curves = [
        lf.Curve(
            steps, annealing_loss(s, steps) * np.exp(rng.normal(0, 0.01, steps.size)), s, name=n
        )
        for n, s in SCHEDULES.items()
    ]
    fit = lf.fit("annealing", curves)
    late = lf.fit("annealing", curves, skip_steps=1000)
    for given, how, first in ((fit, {}, 100), (late, {}, 1000), (late, {"skip_steps": 500}, 500)):
        scores = given.score(curves, **how)
        assert list(scores) == list(SCHEDULES)
        for curve in curves:
            kept = curve.steps >= first
            want = scored(curve.loss[kept], given.predict(curve)[kept])
            assert scores[curve.name]._asdict() == pytest.approx(want, rel=1e-9)
        assert given.score(lf.Curves(curves), **how) == scores
    mean = fit.score(curves).mean()
    for name in ("R2", "MAE", "RMSE", "PredE", "WorstE"):
        assert getattr(mean, name) == np.mean(
            [getattr(s, name) for s in fit.score(curves).values()]
        )
    assert mean.n == sum(s.n for s in fit.score(curves).values()) == fit.n


def test_score_of_one_curve_with_or_without_a_name():
    named, *_ = annealing_curves(noise=1e-3)
    unnamed = lf.Curve(named.steps, named.loss, named.schedule)
    assert list(ANNEALING.score(named)) == ["cosine"]
    assert len(ANNEALING.score(unnamed)) == 1
    assert [*ANNEALING.score(unnamed).values()] == [*ANNEALING.score(named).values()]


def test_score_where_measures_have_no_value():
    (one,) = LINE.score({"x": [10.0], "y": [2.0]}).values()
    assert np.isnan(one.R2)
    assert one.MAE == one.RMSE
    (zero,) = LINE.score({"x": [10.0, 20.0], "y": [0.0, 1.0]}).values()
    assert zero.PredE == zero.WorstE == np.inf


@pytest.mark.parametrize(
    ("call", "message", "error"),
    [
        (lambda: ANNEALING.score([]), "got 0 curves", ValueError),
        (
            lambda: ANNEALING.score(annealing_curves(), skip_steps=-1),
            "skip_steps is -1",
            ValueError,
        ),
        (
            lambda: ANNEALING.score(annealing_curves(), skip_steps=5000),
            "curve 'cosine' has 0 points after the first 5000 steps",
            ValueError,
        ),
        (lambda: LINE.score({"x": [1.0]}), "column 'y' is missing", ValueError),
        (lambda: LINE.score(CLEAN, skip_steps=1), "skip_steps: a dict has no steps", TypeError),
    ],
)
def test_scores_that_are_refused(call, message, error):
    with pytest.raises(error, match=message):
        call()


def test_skip_steps_of_a_table_is_refused_by_the_fit_too():
    with pytest.raises(TypeError, match="skip_steps: a dict has no steps to skip"):
        lf.fit("power", CLEAN, skip_steps=3)


def test_table_of_scores():
    text = repr(lf.fit("power", CLEAN, fixed=dict(POWER, a=None)).score({"x": X[:2], "y": X[:2]}))
    head, row = text.splitlines()
    assert head.split() == ["R2", "MAE", "RMSE", "PredE", "WorstE", "n"]
    assert len(row.split()) == 7
    assert all(
        len(line.split()) == 7
        for line in repr(ANNEALING.score(annealing_curves())).splitlines()[1:]
    )


def test_rows_without_a_value_are_refused():
    law = lf.Law("root", "a * sqrt(x - 5) + b", ["a", "b"], y="y")
    fit = lf.fit(law, {"x": [6, 7, 9, 12], "y": [2, 2.4, 3, 3.6]}, space="linear")
    with pytest.raises(ValueError, match="data: predicted y at index 1 is nan; law 'root' has no"):
        fit.predict({"x": [6.0, 1.0]})
    with pytest.raises(ValueError, match="predicted y at index 0 is nan"):
        fit.score({"x": [1.0, 6.0], "y": [1, 2]})


def test_curves_before_any_learning_rate_are_refused():
    fit = lf.fit("annealing", annealing_curves())
    late = lf.Schedule([0, 0, 1e-3, 1e-3], warmup=0)
    with pytest.raises(ValueError, match="S1 is 0 at step 0"):
        fit.score(lf.Curve([0, 1, 2, 3], [9, 8, 7, 6], late, name="late"), skip_steps=0)
    assert np.isinf(fit.predict(late)[:2]).all()
    assert np.isfinite(fit.predict(late)[2:]).all()


def test_a_law_without_columns_predicts_no_table():
    fit = lf.fit(lf.Law("level", "c", ["c"], y="y"), {"y": [1.0, 1.1, 0.9]})
    with pytest.raises(ValueError, match="law 'level' has no columns"):
        fit.predict({"z": [1, 2]})


def test_a_lone_curve_without_a_name_scores_like_one_in_a_list():
    fit = lf.fit("annealing", annealing_curves())
    curve = annealing_curves()[0]
    bare = lf.Curve(curve.steps, curve.loss, curve.schedule)
    assert list(fit.score(bare)) == list(fit.score([bare])) == ["curve 0"]
    assert list(fit.score(c for c in [bare])) == ["curve 0"]


def test_no_steps_have_no_losses():
    schedule = SCHEDULES["cosine"]
    assert ANNEALING.predict(schedule, at=[]).shape == (0,)
    assert [end.shape for end in ANNEALING.interval(schedule, at=[])] == [(0,), (0,)]
    assert lf.predict("annealing", ANNEALING.params, schedule, []).shape == (0,)


def test_a_missing_size_goes_by_the_name_of_its_argument():
    params = {"L0": 2.0, "A": 0.4, "alpha": 0.5, "B": 50.0, "beta": 0.25, "C": 0.4}
    with pytest.raises(ValueError, match="schedule: column 'N' needs size"):
        lf.predict("annealing_size", params, SCHEDULES["cosine"])


def test_a_bound_without_end_is_not_spelt_out():
    with pytest.raises(ValueError, match=r"'c' is -1; expected a finite number >= 0\.0$"):
        lf.predict("power", {"a": 1.0, "b": 0.5, "c": -1}, {"x": [1.0]})
