"""Schedules designed by a fitted law: held against brute force, scipy and published numbers."""

import dataclasses
import itertools
import json
import math
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

import lawfit as lf
from design_data import CLOSE, PEAK, RUN, SIMPLE, STEPS, TRUE, WARMUP, final, fitted
from lawfit.plans import refined_start, tried_starts, window

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module", params=SIMPLE)
def fit(request):
    return fitted(request.param)


@pytest.fixture(scope="module")
def annealed():
    return fitted("annealing")


# The family


@pytest.mark.parametrize("end", [None, 3e-4, [1e-3, 1e-4]])
def test_no_member_of_the_family_ends_lower(fit, end):
    found = lf.design_schedule(fit, **RUN, end=end)
    shares = (0.0, 0.01, 0.03, 0.1, 0.3)
    ends = {None: [s * PEAK for s in shares]}.get(end, end) if end is None else np.atleast_1d(end)
    best = min(
        final(fit, lf.schedules.wsd(**RUN, decay_start=start, end=last, shape=shape))
        for start in range(WARMUP, STEPS)
        for last in ends
        for shape in ("linear", "exponential", "1-sqrt", "cosine")
        if shape != "exponential" or last > 0
    )
    assert found.loss == pytest.approx(best, abs=CLOSE)
    assert found.loss == pytest.approx(final(fit, found.schedule), abs=1e-12)
    assert found.end in ends
    again = lf.schedules.wsd(**RUN, decay_start=found.start, end=found.end, shape=found.shape)
    assert found.schedule == again


def test_one_shape_and_one_end(annealed):
    found = lf.design_schedule(annealed, **RUN, shape="cosine", end=1e-4)
    assert (found.shape, found.end) == ("cosine", 1e-4)
    low, high = found.window
    assert WARMUP <= low <= found.start <= high < STEPS
    inside = lf.schedules.wsd(**RUN, decay_start=low, end=1e-4, shape="cosine")
    assert final(annealed, inside) <= found.loss + annealed.training.RMSE


def test_the_window_holds_the_best_start():
    starts, losses = np.array([0, 10, 20]), np.array([3.0, 2.0, 2.5])
    assert window(starts, losses, 13, 2.4) == (10, 13)
    assert window(starts, losses, 13, 1.0) == (13, 13)
    assert window(starts, losses, 10, 3.0) == (0, 20)


def test_the_window_ends_where_a_start_between_ends_higher():
    starts, losses = np.arange(0, 60, 10), np.array([2.0, 3.0, 2.1, 2.0, math.nan, 2.1])
    assert window(starts, losses, 30, 2.2) == (20, 30)
    assert window(starts, losses, 33, 2.2) == (20, 33)
    assert window(starts, losses, 0, 2.2) == (0, 0)


@pytest.mark.parametrize("total", [40, 99, 700])
@pytest.mark.parametrize("first", [0, 7])
def test_the_start_is_found_to_the_step(total, first):
    for best in range(first, total):

        def final(start, best=best):
            return float(abs(start - best))

        starts, losses = tried_starts(final, first, total)
        assert refined_start(starts, losses, final, total) == (best, 0.0)


def test_the_ramp_is_kept(annealed):
    for ramp, form in itertools.product(("open", "shifted", "closed"), ("family", "free")):
        found = lf.design_schedule(annealed, **RUN, ramp=ramp, form=form, end=3e-4)
        held = lf.schedules.constant(**RUN, ramp=ramp)
        assert found.schedule.warmup == WARMUP
        np.testing.assert_array_equal(found.schedule.lr[: WARMUP + 1], held.lr[: WARMUP + 1])


def test_a_law_of_size_takes_the_size():
    law = lf.laws.annealing_size
    params = {**TRUE["annealing"], "B": 10.0, "beta": 0.3}
    runs = []
    for n, schedule in itertools.product(
        (1e4, 1e5, 1e6), (lf.schedules.cosine(**RUN, end=3e-4), lf.schedules.constant(**RUN))
    ):
        steps = np.arange(30, STEPS, 10)
        loss = lf.predict(law, params, schedule, at=steps, size=n)
        wave = 1 + 1e-3 * np.sin(3.0 * steps + n)
        runs.append(lf.Curve(steps, loss * wave, schedule, params=n))
    fit = lf.fit(law, runs, fixed={"lam": 0.95})
    for form in ("family", "free"):
        small, large = (
            lf.design_schedule(fit, **RUN, params=n, form=form, end=3e-4) for n in (1e4, 1e6)
        )
        assert small.start == large.start  # the size only adds
        assert small.loss > large.loss
    with pytest.raises(ValueError, match="column 'N' needs params"):
        lf.design_schedule(fit, **RUN)


# What it says


def test_gains_are_differences_with_intervals_of_their_own(annealed):
    found = lf.design_schedule(annealed, **RUN, end=3e-4, level=0.9)
    assert [one.name for one in found.baselines] == [
        "cosine", "linear", "linear over the last 20%", "constant"
    ]  # fmt: skip
    draws = lf.fit_draws(annealed, 4000)
    names = list(annealed.params)
    for other in found.baselines:
        assert other.loss == pytest.approx(final(annealed, other.schedule), abs=1e-12)
        assert other.gain == pytest.approx(other.loss - found.loss, abs=1e-12)
        assert other.gain > 0
        drawn = [
            lf.predict("annealing", dict(zip(names, row, strict=True)), other.schedule, [299])[0]
            - lf.predict("annealing", dict(zip(names, row, strict=True)), found.schedule, [299])[0]
            for row in draws[:1000]
        ]
        low, high = np.quantile(drawn, [0.05, 0.95])
        assert other.gain_upper - other.gain_lower == pytest.approx(high - low, rel=0.15)
        assert other.gain_upper + other.gain_lower == pytest.approx(2 * other.gain)
    assert (found.lower, found.upper) == tuple(
        end[0] for end in annealed.interval(found.schedule, 0.9, [STEPS - 1])
    )


def test_text_and_html(annealed):
    found = lf.design_schedule(annealed, **RUN)
    for suffix, text in (("txt", str(found)), ("html", found._repr_html_())):
        path = GOLDEN / f"design.{suffix}"
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(text + "\n")
        assert text + "\n" == path.read_text()
    free = str(lf.design_schedule(annealed, **RUN, form="free"))
    assert free.startswith("free form, falling from step 2")


def test_json_values(annealed):
    found = lf.design_schedule(annealed, **RUN)
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert lf.Schedule.from_dict(values["schedule"]) == found.schedule
    assert values["loss"] == found.loss
    cosine = values["baselines"][0]
    assert (cosine["name"], cosine["gain"]) == ("cosine", found.baselines[0].gain)
    assert lf.Schedule.from_dict(cosine["schedule"]) == found.baselines[0].schedule
    assert pickle.loads(pickle.dumps(found)) == found


def test_a_fit_that_did_not_converge_is_named(annealed):
    short = dataclasses.replace(annealed, status="max_iterations")
    notes = lf.design_schedule(short, **RUN).notes
    assert any("ended as 'max_iterations'" in note for note in notes)
    assert "learning rate know no limit" in notes[0]


def test_a_law_by_which_decays_do_harm(annealed):
    harmful = dataclasses.replace(annealed, params={**annealed.params, "C": -3.0})
    found = lf.design_schedule(harmful, **RUN)
    assert found.schedule.lr.min() == found.schedule.lr[0]
    assert found.baselines[-1].gain == 0
    said = "by this law every decay ends higher than the peak held to the end"
    assert found.notes == (said,)
    assert said in lf.design_schedule(harmful, **RUN, form="free").notes


def test_a_schedule_for_which_the_law_has_no_value_is_not_the_best():
    law = lf.Law("logs", "L0 + A*S1**-0.5 + b*log(S2(0.95))", ["L0", "A", "b"])
    params = {"L0": 1.5, "A": 0.4, "b": 0.02}
    runs, steps = [], np.arange(230, STEPS, 3)
    for end in (1e-3, 3e-4, 0.0):
        schedule = lf.schedules.cosine(**RUN, end=end)
        loss = lf.predict(law, params, schedule, at=steps) * (1 + 1e-3 * np.sin(3.0 * steps))
        runs.append(lf.Curve(steps, loss, schedule, name=f"{end}"))
    fit = lf.fit(law, runs)
    assert fit.predict(lf.schedules.constant(**RUN), at=[STEPS - 1])[0] == -math.inf
    for form in ("family", "free"):
        found = lf.design_schedule(fit, **RUN, form=form, end=3e-4)
        assert math.isfinite(found.loss)
        assert found.loss <= min(other.loss for other in found.baselines[:3])


def test_a_loss_below_0_is_said_to_be_none(annealed):
    steep = dataclasses.replace(annealed, params={**annealed.params, "C": 3000.0})
    for form in ("family", "free"):
        notes = lf.design_schedule(steep, **RUN, form=form).notes
        assert any("no loss is below 0" in note for note in notes)


def test_frozen(annealed):
    with pytest.raises(AttributeError):
        lf.design_schedule(annealed, **RUN).loss = 0.0


# Refusals


def test_a_law_without_a_schedule():
    fit = lf.fit("power", {"x": [1.0, 2, 4, 8], "y": [3.0, 2, 1.5, 1.25]})
    with pytest.raises(ValueError, match="law 'power' knows no learning-rate schedule"):
        lf.design_schedule(fit, **RUN)


def test_data_that_do_not_determine_what_a_decay_does():
    schedule = lf.schedules.constant(**RUN)
    steps = np.arange(30, STEPS, 5)
    loss = lf.predict("annealing", TRUE["annealing"], schedule, at=steps)
    fit = lf.fit("annealing", lf.Curve(steps, loss, schedule))
    for how in ({}, {"end": [PEAK, 3e-4]}, {"steps": WARMUP + 2}):
        with pytest.raises(ValueError, match="do not determine C, on which the final loss depends"):
            lf.design_schedule(fit, **{**RUN, **how})


def test_a_fit_without_a_value(annealed):
    lost = dataclasses.replace(annealed, params=dict.fromkeys(annealed.params, math.nan))
    with pytest.raises(ValueError, match="fit of law 'annealing' ended without a value"):
        lf.design_schedule(lost, **RUN)


def test_groups(annealed):
    with pytest.raises(TypeError, match="fit is a dict; expected a Fit"):
        lf.design_schedule({}, **RUN)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"steps": 10**9}, ValueError, "steps is 1000000000"),
        ({"steps": 21}, ValueError, "steps is 21"),
        ({"steps": 299.5}, ValueError, "steps is 299.5"),
        ({"steps": "300"}, TypeError, "steps is '300'"),
        ({"peak": 0}, ValueError, "peak is 0"),
        ({"peak": math.nan}, ValueError, "peak is nan"),
        ({"warmup": -1}, ValueError, "warmup is -1"),
        ({"ramp": "steep"}, ValueError, "ramp 'steep' is unknown"),
        ({"shape": "cosin"}, ValueError, "shape 'cosin' is unknown; did you mean 'cosine'"),
        ({"shape": []}, ValueError, "shape is empty"),
        ({"shape": 3}, TypeError, "shape is 3"),
        ({"shape": [["linear"]]}, TypeError, r"shape is \['linear'\]"),
        ({"shape": "exponential", "end": 0}, ValueError, "an exponential decay needs end > 0"),
        ({"end": 1}, ValueError, "end is 1"),
        ({"end": []}, ValueError, "end has 0 rates"),
        ({"end": "low"}, TypeError, "end is 'low'"),
        ({"form": "fre"}, ValueError, "form 'fre' is unknown; did you mean 'free'"),
        ({"form": "free", "shape": "linear"}, ValueError, "form='free' has no shape"),
        ({"form": "free", "end": [1e-3, 1e-4]}, ValueError, "end has 2 rates; expected one"),
        ({"form": "free", "steps": 10**7}, ValueError, "form='free' takes at most 1000000"),
        ({"level": 1}, ValueError, "level is 1"),
        ({"params": 1, "tokens_per_step": -1}, ValueError, "tokens_per_step is -1"),
        ({"stepz": 1}, TypeError, "did you mean 'steps'"),
    ],
)
def test_options_without_a_meaning(annealed, changed, error, message):
    with pytest.raises(error, match=message):
        lf.design_schedule(annealed, **{**RUN, **changed})


def test_a_free_form_has_its_limits():
    with pytest.raises(ValueError, match="end is 0; a loss drop is whole at once"):
        lf.design_schedule(fitted("multi_power"), **RUN, form="free", end=0)
    base = fitted("annealing")
    for formula, obstacle in (
        ("L0 + A*S1**-alpha - C*moment_area(0.9, lam)", "takes moment_area"),
        ("L0 + A*S1**-alpha - C*lr*lam", "takes lr"),
    ):
        law = lf.Law("other", formula, list(base.params))
        fit = dataclasses.replace(base, law=law)
        lf.design_schedule(fit, **RUN, end=3e-4)
        with pytest.raises(ValueError, match=f"law 'other' {obstacle}; form='family' needs none"):
            lf.design_schedule(fit, **RUN, form="free", end=3e-4)
