"""A forecaster follows the fit of a run that grows."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lawfit as lf
from fit_data import annealing_loss

DELTA = 1e-3
SCHEDULE = lf.schedules.wsd(steps=9000, peak=1e-3, warmup=100, decay_start=7000, end=1e-5)
STEPS = np.arange(100, 9000, 5)


def losses(noise, *, rough=False, seed=0, steps=STEPS):
    """Losses of the law with relative noise, and with outliers and a spike if `rough`."""
    rng = np.random.default_rng(seed)
    loss = annealing_loss(SCHEDULE, steps) * np.exp(rng.normal(0, noise, steps.size))
    if rough:
        loss[40::41] *= 1.1
        loss[700:706] *= 1.5
    return loss


def huber(forecaster, params):
    """The objective by its definition, summed exactly."""
    curve = forecaster.curve
    log_law = np.log(lf.predict(forecaster.law, params, SCHEDULE, curve.steps))
    r = np.abs(log_law - np.log(curve.loss))
    return math.fsum(np.where(r <= DELTA, 0.5 * r * r, DELTA * (r - 0.5 * DELTA)))


def gap(forecaster, **options):
    """How far the objective is above a full fit's, relatively."""
    fit = lf.fit(forecaster.law, forecaster.curve, threads=1, **options)
    best = huber(forecaster, fit.params)
    return huber(forecaster, forecaster.params) / best - 1


def rounding(noise):
    """What the rounding of residuals, some 1e-15, moves the objective by."""
    return 1e-15 / min(noise, DELTA)


@pytest.mark.parametrize("rough", [False, True])
@pytest.mark.parametrize("noise", [1e-4, 1e-3, 1e-2])
def test_exact_updates_stay_at_the_minimum(noise, rough):
    forecaster = lf.Forecaster("annealing", SCHEDULE)
    loss = losses(noise, rough=rough)
    for i, (step, value) in enumerate(zip(STEPS.tolist(), loss.tolist(), strict=True)):
        assert forecaster.update(step, value) is forecaster
        if i % 150 == 149 or i in (60, 1380, 1385):
            assert gap(forecaster) <= 1e-12 + rounding(noise)
            assert forecaster.objective == pytest.approx(
                huber(forecaster, forecaster.params), rel=1e-9
            )
    assert forecaster.n == STEPS.size
    assert forecaster.status == "converged"
    assert forecaster.gap <= 1e-12 * forecaster.objective


@pytest.mark.parametrize("noise", [1e-4, 1e-3, 1e-2])
def test_anchored_updates_stay_within_their_bound(noise):
    forecaster = lf.Forecaster("annealing", SCHEDULE, mode="anchored")
    gaps = []
    for i, (step, value) in enumerate(zip(STEPS, losses(noise, rough=True), strict=True)):
        forecaster.update(step, value)
        if i > 20 and i % 60 == 0:
            gaps.append(gap(forecaster))
            bound = forecaster.gap / forecaster.objective
            assert gaps[-1] <= bound + 2e-7 + rounding(noise)
    assert np.median(gaps) < 1e-6


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    noise=st.floats(1e-4, 2e-2),
    stride=st.integers(1, 12),
    mode=st.sampled_from(["exact", "anchored"]),
)
def test_any_noise_at_any_spacing(seed, noise, stride, mode):
    steps = np.arange(100, 9000, stride)[:1000]
    forecaster = lf.Forecaster("annealing", SCHEDULE, mode=mode)
    forecaster.update_many(steps, losses(noise, seed=seed, steps=steps))
    allowed = 1e-12 if mode == "exact" else 2e-7 + forecaster.gap / forecaster.objective
    here = [max(forecaster.params[name], 1e-12) for name in ("L0", "A", "alpha", "C")]
    assert forecaster.status == "converged"
    assert gap(forecaster, starts=[here]) <= allowed + rounding(noise)


@pytest.mark.parametrize("warmup", ["actual", "skip"])
@pytest.mark.parametrize("loss", ["huber", "squared"])
@pytest.mark.parametrize("space", ["log", "linear"])
def test_options_are_those_of_fit(warmup, loss, space):
    options = {"warmup": warmup, "loss": loss, "space": space, "fixed": {"lam": 0.99, "alpha": 0.5}}
    forecaster = lf.Forecaster("annealing", SCHEDULE, skip_steps=300, **options)
    forecaster.update_many(STEPS, losses(2e-3))
    curve = lf.Curve(STEPS, losses(2e-3), SCHEDULE)
    fit = lf.fit("annealing", curve, skip_steps=300, **options)
    assert forecaster.n == fit.n == STEPS.size - 40
    assert forecaster.objective == pytest.approx(fit.objective, rel=1e-10)
    assert forecaster.params == pytest.approx(dict(fit.params), rel=1e-5)
    assert forecaster.fit().params == fit.params


@pytest.mark.parametrize(
    ("bounds", "at"),
    [({"C": (None, 0.3), "L0": (2.55, None)}, {"C": 0.3}), ({"A": (0.1, 0.4)}, {"A": 0.4})],
)
def test_bounds_hold(bounds, at):
    forecaster = lf.Forecaster("annealing", SCHEDULE, bounds=bounds)
    forecaster.update_many(STEPS, losses(1e-3))
    fit = lf.fit("annealing", forecaster.curve, bounds=bounds)
    assert {name: forecaster.params[name] for name in at} == at
    assert {name: fit.params[name] for name in at} == at
    assert forecaster.objective == pytest.approx(fit.objective, rel=1e-11)


def test_it_waits_for_enough_points():
    forecaster = lf.Forecaster("annealing", SCHEDULE)
    with pytest.raises(ValueError, match="has 0 points"):
        forecaster.fit()
    for k, (step, value) in enumerate(zip(STEPS[:4], losses(1e-3), strict=False)):
        assert forecaster.n == k
        assert forecaster.status == "waiting"
        assert math.isnan(forecaster.params["L0"])
        assert forecaster.params["lam"] == 0.999
        assert math.isnan(forecaster.objective)
        assert math.isnan(forecaster.forecast().loss)
        assert np.isnan(forecaster.forecast([500, 600]).loss).all()
        assert repr(forecaster) == f"<Forecaster 'annealing': {k} points, waiting>"
        forecaster.update(step, value)
    assert forecaster.status != "waiting"
    assert math.isfinite(forecaster.forecast().loss)


def test_a_wrong_early_minimum_is_left():
    # The first points rise: no law fits them, and the best has nothing to do with what follows.
    loss = losses(1e-3)
    loss[:12] *= np.linspace(0.5, 1, 12)
    forecaster = lf.Forecaster("annealing", SCHEDULE)
    forecaster.update_many(STEPS[:1100], loss[:1100])
    assert gap(forecaster) <= 1e-12 + rounding(1e-3)


@pytest.mark.parametrize("mode", ["exact", "anchored"])
def test_where_the_law_loses_its_value_many_starts_find_another(mode):
    forecaster = lf.Forecaster("annealing", SCHEDULE, mode=mode)
    stable = STEPS <= 6900  # where S2 is 0 and C says nothing
    forecaster.update_many(STEPS[stable], losses(1e-3)[stable])
    forecaster._run.core.start([2.5, 0.45, 0.5, 1e9])
    assert forecaster.status == "converged"
    forecaster.update_many(STEPS[~stable], losses(1e-3)[~stable])
    assert forecaster.status == "converged"
    assert gap(forecaster) <= (1e-12 if mode == "exact" else 1e-4) + rounding(1e-3)


def test_a_law_solved_in_full_finds_its_value_again():
    forecaster = lf.Forecaster("annealing", SCHEDULE, loss="soft_l1")
    steps, loss = STEPS[::40], losses(1e-3)[::40]
    stable = steps <= 6900
    forecaster.update_many(steps[stable], loss[stable])
    forecaster._run.core.start([2.5, 0.45, 0.5, 1e9])
    forecaster.update_many(steps[~stable], loss[~stable])
    fit = lf.fit("annealing", forecaster.curve, loss="soft_l1")
    assert forecaster.status == "converged"
    assert forecaster.objective == pytest.approx(fit.objective, rel=1e-9)


def test_forecasts_are_the_laws():
    forecaster = lf.Forecaster("annealing", SCHEDULE).update_many(STEPS[:600], losses(1e-3)[:600])
    expected = lf.predict("annealing", forecaster.params, SCHEDULE)
    assert forecaster.forecast().loss == pytest.approx(expected[-1], rel=1e-14)
    assert forecaster.forecast([8000, 200]).loss == pytest.approx(expected[[8000, 200]], rel=1e-14)
    assert f"final loss {expected[-1]:.4g}" in repr(forecaster)
    with pytest.raises(ValueError, match="9000"):
        forecaster.forecast([9000])


def test_a_forecast_below_zero_may_be_wide_open():
    steps = np.arange(12, 32, 5)
    forecaster = lf.Forecaster("annealing", lf.schedules.cosine(steps=200, peak=0.5, warmup=10))
    forecast = forecaster.update_many(steps, 2 + 4 * np.exp(-steps / 20)).forecast()
    assert forecast.loss < 0
    assert (forecast.lower, forecast.upper) == (-math.inf, math.inf)


def test_losses_without_a_value_are_counted():
    forecaster = lf.Forecaster("annealing", SCHEDULE)
    for step, value in enumerate([2.0, np.nan, np.inf, 3.0, None, np.float32("nan")], start=99):
        forecaster.update(step, value)
    assert forecaster.skipped == 4
    assert forecaster.n == 1  # the first is within the warm-up
    assert forecaster.curve == lf.Curve([102], [3.0], SCHEDULE, name="so far")


def test_a_scalar_of_any_kind_is_read():
    forecaster = lf.Forecaster("annealing", SCHEDULE)
    for step, value in [(100, 3), (np.int64(101), np.float32(2.5)), (102.0, np.array(2.25))]:
        forecaster.update(step, value)
    assert forecaster.curve.steps.tolist() == [100, 101, 102]
    assert forecaster.curve.loss.tolist() == [3.0, 2.5, 2.25]


FULL = {
    "soft_l1": ("annealing", {"loss": "soft_l1"}),
    "free lam": ("annealing", {"fixed": {"lam": None}}),
}


@pytest.mark.parametrize("kind", ["core", *FULL])
@pytest.mark.parametrize(
    ("point", "message", "error"),
    [
        ((150, 2.0), "step 150 does not come after step 200", ValueError),
        ((200, 2.0), "step 200 does not come after step 200", ValueError),
        ((9000, 2.0), "step 9000 is beyond the schedule, which ends at step 8999", ValueError),
        ((300, 0.0), "loss at step 300 is 0.*; log residuals need it above 0", ValueError),
        ((2**70, 2.0), "is beyond the schedule|expected a whole number", ValueError),
        ((300, -(2.0**-40)), r"loss at step 300 is -9\.09494701772928\d+e-13; log", ValueError),
        ((-1, 2.0), "does not come after|step is -1", ValueError),
        ((300.5, 2.0), "step is 300.5; expected a whole number", ValueError),
        (("300", 2.0), "step is '300'; expected a whole number", TypeError),
        ((True, 2.0), "step is True; expected a whole number", TypeError),
        ((300, "2"), "loss is '2'; expected a real number", TypeError),
        ((300, [2.0]), "loss is .2.0.; expected a real number", TypeError),
    ],
)
def test_a_refused_point_leaves_nothing(kind, point, message, error):
    law, options = FULL.get(kind, ("annealing", {}))
    forecaster = lf.Forecaster(law, SCHEDULE, **options)
    forecaster.update(200, 2.5)
    with pytest.raises(error, match=message):
        forecaster.update(*point)
    forecaster.update(201, 2.5)
    assert forecaster.n == 2


def test_a_step_before_any_learning_rate_is_refused():
    forecaster = lf.Forecaster("annealing", [0.0, 0.0, 1e-3, 1e-3], skip_steps=0, warmup="actual")
    with pytest.raises(ValueError, match="S1 is 0 at step 1"):
        forecaster.update(1, 2.0)


def test_many_points_are_as_one_after_the_other():
    one, many = (lf.Forecaster("annealing", SCHEDULE) for _ in range(2))
    loss = losses(1e-3)
    for step, value in zip(STEPS, loss, strict=True):
        one.update(step, value)
    many.update_many(STEPS[:700], loss[:700].tolist()).update_many(STEPS[700:], loss[700:])
    assert one.params == many.params
    assert one.objective == many.objective


@pytest.mark.parametrize(
    ("steps", "values", "message"),
    [
        ([300, 250], [2.0, 2.0], "step at index 1 is 250, which does not come after step 300"),
        ([200, 300], [2.0, 2.0], "step at index 0 is 200, which does not come after step 200"),
        ([300, 301], [2.0], "columns differ in length"),
        ([300, 301.5], [2.0, 2.0], "step at index 1 is 301.5"),
        ([300, 9000, 9001], [2.0] * 3, "step at index 1 is 9000, beyond .* ends at step 8999"),
    ],
)
def test_many_points_are_refused_together(steps, values, message):
    forecaster = lf.Forecaster("annealing", SCHEDULE)
    forecaster.update(200, 2.5)
    with pytest.raises(ValueError, match=message):
        forecaster.update_many(steps, values)
    assert forecaster.n == 1


OTHER = lf.Law(
    "by_step",
    "a + b*(step + 1)**-c + d*lr",
    {"a": lf.Parameter(0), "b": lf.Parameter(0), "c": lf.Parameter(0, 3), "d": ...},
)


@pytest.mark.parametrize(
    ("law", "options"),
    [(OTHER, {}), *FULL.values()],
    ids=["by_step", *FULL],
)
def test_other_laws_are_solved_in_full(law, options):
    forecaster = lf.Forecaster(law, SCHEDULE, **options)
    steps, loss = STEPS[::60], losses(1e-3)[::60]
    forecaster.update_many(steps, loss)
    fit = lf.fit(law, lf.Curve(steps, loss, SCHEDULE), **options)
    assert forecaster.objective == pytest.approx(fit.objective, rel=1e-8)
    assert forecaster.status == fit.status
    assert forecaster.n == steps.size
    assert forecaster.gap == 0
    assert forecaster.forecast().loss == pytest.approx(fit.predict(SCHEDULE)[-1], rel=1e-5)
    forecaster.update(8999, math.nan)
    assert forecaster.skipped == 1


@pytest.mark.parametrize(
    ("options", "message", "error"),
    [
        ({"mode": "exactly"}, "mode 'exactly' is unknown; did you mean 'exact'", ValueError),
        ({"mode": "anchored", "loss": "soft_l1"}, "mode is 'anchored', which law", ValueError),
        ({"mode": "anchored", "fixed": {"lam": None}}, "mode is 'anchored', which law", ValueError),
        ({"delta": 0}, "delta is 0", ValueError),
        ({"loss": "hubert"}, "loss 'hubert' is unknown", ValueError),
        ({"warmup": "none"}, "warmup 'none' is unknown", ValueError),
        ({"skip_steps": -1}, "skip_steps is -1", ValueError),
        ({"fixed": {"beta": 1}}, "fixed: law 'annealing' has no parameter 'beta'", ValueError),
        ({"bounds": {"C": 1}}, "bounds of 'C' are 1", TypeError),
        ({"fixed": {"L0": 1, "A": 1, "alpha": 1, "C": 1}}, "every parameter is fixed", ValueError),
    ],
)
def test_bad_options(options, message, error):
    with pytest.raises(error, match=message):
        lf.Forecaster("annealing", SCHEDULE, **options)


def test_bad_laws_and_schedules():
    with pytest.raises(ValueError, match="law 'chinchilla' needs the column 'N'"):
        lf.Forecaster("chinchilla", SCHEDULE)
    with pytest.raises(ValueError, match="law 'power' predicts 'y'; expected a law of the loss"):
        lf.Forecaster("power", SCHEDULE)
    with pytest.raises(ValueError, match="lr at step 1 is -1"):
        lf.Forecaster("annealing", [1.0, -1.0])
    with pytest.raises(TypeError, match="law is a int"):
        lf.Forecaster(3, SCHEDULE)


def test_real_runs():
    for curve in lf.samples.curves(params=25152)[["cosine_4000", "wsd_4000"]]:
        forecaster = lf.Forecaster("annealing", curve.schedule, skip_steps=600)
        forecaster.update_many(curve.steps, curve.loss)
        fit = lf.fit("annealing", curve, skip_steps=600)
        assert forecaster.objective == pytest.approx(fit.objective, rel=1e-12)
