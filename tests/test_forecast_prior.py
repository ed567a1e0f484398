"""What an earlier fit adds to a forecast, and what it must not."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from scipy import optimize, stats

import lawfit as lf
from fit_data import ANNEALING
from forecast_data import DECAYING, NAMES, SCHEDULE, STEPS, forecaster, known, losses
from lawfit._points import Points

PRIOR = known()
# What another run of the same project might have ended with.
OTHER = known(noise=1e-6)
OTHER = dataclasses.replace(OTHER, params={**OTHER.params, "L0": 2.6, "C": 0.35})


def test_without_points_the_forecast_is_the_priors():
    told = forecaster(0, prior=OTHER).forecast([500, 2999])
    expected = lf.predict("annealing", OTHER.params, SCHEDULE, [500, 2999])
    assert told.loss == pytest.approx(expected, rel=1e-12)
    assert told.prior_share == pytest.approx([1, 1], rel=1e-12)
    assert (told.undetermined, told.points) == ((), 0)
    assert np.all(told.lower < told.loss)
    assert np.all(told.upper < math.inf)


def test_a_prior_that_is_sure_is_followed():
    told = forecaster(20, prior=OTHER, prior_spread=1e-7).forecast()
    expected = lf.predict("annealing", OTHER.params, SCHEDULE)[-1]
    assert told.loss == pytest.approx(expected, rel=1e-5)
    assert told.prior_share > 0.99


def test_a_prior_that_says_nothing_changes_nothing():
    told = forecaster(law_error=0, prior=OTHER, prior_spread=1e5).forecast()
    alone = forecaster(law_error=0).forecast()
    assert told.loss == pytest.approx(alone.loss, rel=1e-6)
    assert told.prior_share < 1e-6
    # It still says how noisy a run is, as 10 points would.
    assert told.upper - told.lower == pytest.approx(alone.upper - alone.lower, rel=0.3)


def test_points_take_over():
    counts = (0, 3, 10, 30, DECAYING, STEPS.size)
    told = [forecaster(n, prior=OTHER).forecast() for n in counts]
    shares = [each.prior_share for each in told]
    widths = [each.upper - each.lower for each in told]
    assert shares[0] == pytest.approx(1, rel=1e-12)
    assert shares[-1] < 0.05
    assert all(later < earlier + 0.15 for earlier, later in itertools.pairwise(shares))
    assert widths == sorted(widths, reverse=True)
    true = lf.predict("annealing", ANNEALING, SCHEDULE)[-1]
    errors = [abs(each.loss - true) for each in told]
    assert errors[-1] < errors[0] / 50


def test_the_first_point_makes_nobody_less_sure():
    none, one = (forecaster(n, prior=PRIOR).forecast() for n in (0, 1))
    assert one.upper - one.lower <= none.upper - none.lower


@pytest.mark.parametrize("n", [0, 1, 2, 4, 12, DECAYING])
def test_nine_of_ten_runs_drawn_from_a_prior_end_within(n):
    """Runs whose parameters are the prior's give or take its spread: the interval is Bayes'."""
    options = {"law_error": 0, "prior": PRIOR, "prior_spread": 0.05}
    prior = forecaster(0, **options)._run.setting.prior
    rng, runs, held = np.random.default_rng(5), 200, 0
    drawn = rng.multivariate_normal(prior.mean, np.linalg.inv(prior.precision), runs)
    for seed, theta in enumerate(drawn):
        values = losses(seed=seed, **dict(zip(NAMES, theta, strict=True)))
        told = forecaster(n, values=values, **options).forecast()
        held += told.lower <= values[-1] <= told.upper
    assert 0.83 <= held / runs <= 0.97


@pytest.mark.parametrize("n", [3, 12, DECAYING])
@pytest.mark.parametrize("loss", ["huber", "squared", "soft_l1"])
def test_the_minimum_with_a_prior_is_the_objectives(loss, n):
    run = forecaster(n, prior=OTHER, loss=loss)
    setting, curve = run._run.setting, lf.Curve(STEPS[:n], losses()[:n], SCHEDULE)
    prior, weight = setting.prior, 2e-6
    found = Points(setting, curve).minimum(prior.mean, weight=weight)

    def objective(scaled):
        theta = prior.mean * scaled
        law = lf.predict("annealing", dict(zip(NAMES, theta, strict=True)), SCHEDULE, curve.steps)
        r, delta = np.abs(np.log(law / curve.loss)), setting.options.delta
        rho = {
            "squared": r**2 / 2,
            "huber": np.where(r <= delta, r**2 / 2, delta * (r - delta / 2)),
            "soft_l1": delta**2 * (np.sqrt(1 + (r / delta) ** 2) - 1),
        }
        away = theta - prior.mean
        return 1e6 * (rho[loss].sum() + weight / 2 * away @ prior.precision @ away)

    bounds = [(1e-6, 10)] * len(NAMES)
    start = found / prior.mean
    for method in ("L-BFGS-B", "Nelder-Mead"):
        other = optimize.minimize(objective, start, method=method, bounds=bounds)
        assert objective(start) <= other.fun * (1 + 1e-9)
    far = optimize.minimize(objective, np.ones(len(NAMES)), method="Nelder-Mead", bounds=bounds)
    assert objective(start) <= far.fun * (1 + 1e-9)


def test_what_the_points_alone_say_is_kept_apart():
    alone, told = forecaster(), forecaster(prior=OTHER)
    assert told.params == alone.params
    assert told.objective == alone.objective
    assert told.fit().params == alone.fit().params


def test_spreads_by_name():
    spreads = {"L0": 0.01, "A": 0.02, "alpha": 0.1, "C": 0.3}
    quiet = known(noise=1e-6)
    told = forecaster(0, prior=quiet, prior_spread=spreads).forecast()
    off = []
    for name, spread in spreads.items():
        ends = (
            lf.predict("annealing", {**quiet.params, name: quiet.params[name] * k}, SCHEDULE)[-1]
            for k in (1 + 1e-6, 1 - 1e-6)
        )
        off.append(spread * np.subtract(*ends) / 2e-6)
    half = stats.t.ppf(0.95, 10) * np.linalg.norm(off)
    assert math.log(told.upper / told.loss) == pytest.approx(half / told.loss, rel=1e-4)


@pytest.mark.parametrize(
    ("spread", "message", "error"),
    [
        (0, "prior_spread is 0", ValueError),
        (-1, "prior_spread is -1", ValueError),
        (math.nan, "prior_spread is nan", ValueError),
        ("wide", "prior_spread is 'wide'", TypeError),
        ({"L0": 1}, "prior_spread: 'A' is missing", ValueError),
        ({"l0": 1}, "prior_spread: 'l0' is no free parameter; did you mean 'L0'", ValueError),
        ({"lam": 1}, "prior_spread: 'lam' is no free parameter", ValueError),
        (dict.fromkeys(NAMES, 0), "prior_spread: 'L0' is 0", ValueError),
    ],
)
def test_bad_spreads(spread, message, error):
    with pytest.raises(error, match=message):
        forecaster(0, prior=PRIOR, prior_spread=spread)


@pytest.mark.parametrize("spread", [1e-300, 1e-12, 1e12, 1e300])
@pytest.mark.parametrize("n", [0, 1, 20, DECAYING])
def test_spreads_of_any_size_have_an_answer(spread, n):
    told = forecaster(n, prior=PRIOR, prior_spread=spread).forecast()
    assert told.lower <= told.loss <= told.upper
    assert 0 <= told.prior_share <= 1


def test_what_is_no_prior():
    with pytest.raises(TypeError, match="prior is a dict; expected a Fit"):
        forecaster(0, prior={"L0": 2.5})
    with pytest.raises(
        ValueError, match="prior: a fit of law 'power'; expected one of 'annealing'"
    ):
        forecaster(0, prior=lf.fit("power", {"x": [1.0, 2, 4, 8], "y": [4.0, 3, 2.5, 2.2]}))
    with pytest.raises(ValueError, match="prior: its space is 'log'; expected 'linear', as here"):
        forecaster(0, prior=PRIOR, space="linear")
    with pytest.raises(ValueError, match="prior: its warmup is 'skip'; expected 'peak', as here"):
        forecaster(0, prior=known(warmup="skip"))
    lost = dataclasses.replace(PRIOR, params={**PRIOR.params, "C": math.nan})
    with pytest.raises(ValueError, match=r"prior: its parameters are .*; expected finite ones"):
        forecaster(0, prior=lost)


def test_what_the_law_holds_is_held_where_the_prior_has_it():
    for prior in (known(fixed={"lam": 0.995}), known(profile={"lam": [0.995, 0.998]})):
        run = forecaster(prior=prior)
        assert run.params["lam"] == prior.params["lam"]
        assert run.fit().params["lam"] == prior.params["lam"]
    with pytest.raises(ValueError, match=r"prior: it holds lam at 0.995; expected 0.99, as here"):
        forecaster(prior=known(fixed={"lam": 0.995}), fixed={"lam": 0.99})
    free = forecaster(prior=PRIOR, fixed={"lam": None})
    assert free.forecast().undetermined == ()
    assert len(free.fit().free) == 5


def test_what_the_prior_did_not_determine_it_does_not_say():
    steps = np.arange(100, 3000, 40)
    constant = lf.schedules.constant(steps=3000, peak=1e-3, warmup=100)
    loss = lf.predict("annealing", ANNEALING, constant, steps)
    loss *= np.exp(np.random.default_rng(0).normal(0, 1e-3, steps.size))
    prior = lf.fit("annealing", lf.Curve(steps, loss, constant))
    run = forecaster(20, prior=prior)
    assert run.forecast().undetermined == ("C",)
    assert run.forecast().upper == math.inf
    assert run.forecast([1500]).upper[0] < 3.3


def test_bounds_hold_against_a_prior():
    at_bound = lf.predict("annealing", {**PRIOR.params, "C": 0.2}, SCHEDULE)[-1]
    none = forecaster(0, prior=PRIOR, bounds={"C": (None, 0.2)}).forecast()
    assert none.loss == pytest.approx(at_bound, rel=1e-12)
    some = forecaster(5, prior=PRIOR, bounds={"C": (None, 0.2)}).forecast()
    assert some.loss == pytest.approx(at_bound, rel=1e-2)


def test_a_prior_at_which_the_law_has_no_value_is_left():
    nowhere = dataclasses.replace(PRIOR, params={**PRIOR.params, "C": 1e6})
    told = forecaster(prior=nowhere, prior_spread=1.0).forecast()
    assert told.loss == pytest.approx(forecaster().forecast().loss, rel=0.01)
    waiting = lf.Forecaster("annealing", SCHEDULE, prior=nowhere, prior_spread=1.0)
    waiting.update(2900, 2.6)
    assert math.isnan(waiting.forecast().loss)
