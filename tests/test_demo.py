"""What the demonstration promises, asked of the numbers and not of the printed text."""

import numpy as np
import pytest

from lawfit import Curve, fit, laws, samples
from lawfit.demo import FITTED, LAMBDAS, SKIPPED, demonstrate

# mean absolute errors in nats per byte, at every size
LIMITS = {
    "wsd_4000": 0.015,
    "wsdexp_4000": 0.015,
    "linear_4000": 0.015,
    "cyclic_4000": 0.015,
    "twostage_4000": 0.025,
    "cosine_8000": 0.025,
}


@pytest.fixture(scope="module", params=samples.sizes())
def demonstration(request):
    return demonstrate(request.param)


def test_forecasts_are_as_good_as_promised(demonstration):
    found = {f.curve.name: f for f in demonstration.forecasts}
    assert found.keys() == {*LIMITS, *FITTED}
    for name, limit in LIMITS.items():
        assert not found[name].fitted
        mae = found[name].score.MAE
        assert mae <= limit


def test_only_two_curves_are_fitted(demonstration):
    assert [f.curve.name for f in demonstration.forecasts if f.fitted] == list(FITTED)
    assert dict(demonstration.fit.sources).keys() == {f"curve {name!r}" for name in FITTED}
    assert demonstration.fit.n == sum(len(f.curve) for f in demonstration.forecasts if f.fitted)
    assert demonstration.fit.success


def test_profile_has_its_minimum_inside_the_grid(demonstration):
    profile = {p.values["lam"]: p.objective for p in demonstration.fit.profile}
    assert tuple(profile) == LAMBDAS
    best = min(profile, key=profile.__getitem__)
    assert best == demonstration.fit.params["lam"]
    assert LAMBDAS[0] < best < LAMBDAS[-1]


def test_records_agree_with_the_curves(demonstration):
    measured = samples.curves(demonstration.params)
    for forecast in demonstration.forecasts:
        curve = measured[forecast.curve.name]
        assert forecast.curve.steps[0] >= SKIPPED
        assert forecast.measured_final == curve.loss[-1]
        assert forecast.final == pytest.approx(
            demonstration.fit.predict(curve.schedule)[-1], rel=1e-12
        )
        assert forecast.error == forecast.final - curve.loss[-1]
        mae = forecast.score.MAE
        assert mae == pytest.approx(np.abs(forecast.loss - forecast.curve.loss).mean())
        assert forecast.score.n == len(forecast.curve)


def between(curve, begin, end):
    kept = (curve.steps >= begin) & (curve.steps < end)
    return Curve(curve.steps[kept], curve.loss[kept], curve.schedule, name=curve.name)


def test_what_is_skipped_is_chosen_on_the_fitted_curves_alone():
    halfway = 2400  # of 4000 steps

    def error(skipped):
        """Mean error of the fitted curves' rest, forecast from their beginning, over the sizes."""
        errors = []
        for params in samples.sizes():
            curves = samples.curves(params)[list(FITTED)]
            early = [between(curve, skipped, halfway) for curve in curves]
            late = [between(curve, halfway, 4000) for curve in curves]
            found = fit(laws.annealing, early, profile={"lam": LAMBDAS}, skip_steps=0)
            errors.append(found.score(late, skip_steps=0).mean().MAE)
        return np.mean(errors)

    errors = {skipped: error(skipped) for skipped in range(200, 1001, 200)}
    assert min(errors, key=errors.__getitem__) == SKIPPED
