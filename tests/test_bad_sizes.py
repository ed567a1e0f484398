"""Losses that floating point has little room for, and outliers."""

import numpy as np
import pytest

import lawfit as lf
from fit_data import CLEAN, NOISY, POWER, SCHEDULES, X, bits

ROBUST = ("huber", "soft_l1")
EVERY = [(loss, space) for loss in ("huber", "squared", "soft_l1") for space in ("log", "linear")]
every = pytest.mark.parametrize(("loss", "space"), EVERY)


def scaled(scale, index=slice(None), data=NOISY):
    y = data["y"].copy()
    y[index] *= scale
    return {**data, "y": y}


def refuse(message, data, **options):
    with pytest.raises(ValueError, match=message):
        lf.fit("power", data, **options)


# The unit of a loss


@every
@pytest.mark.parametrize("scale", [1e-310, 1e-300, 1e-160, 1e-65])
def test_a28_tiny_losses_are_refused_by_name(loss, space, scale):
    message = r"data: y at index 0 is 1\.75.*e-\d+; expected a size from 1e-60 to 1e\+60, so give"
    refuse(message, scaled(scale), loss=loss, space=space)


@every
@pytest.mark.parametrize("scale", [1e65, 1e160, 1e300])
def test_a29_huge_losses_are_refused_by_name(loss, space, scale):
    message = r"data: y at index 0 is 1\.75.*e\+\d+; expected a size from 1e-60 to 1e\+60"
    refuse(message, scaled(scale), loss=loss, space=space)


@every
@pytest.mark.parametrize("scale", [2.0**-195, 2.0**-66, 2.0**66, 2.0**195])
def test_a28_a29_another_unit_gives_the_same_law(loss, space, scale):
    delta = 1e-3 * (scale if space == "linear" else 1)
    fit = lf.fit("power", scaled(scale), loss=loss, space=space, delta=delta)
    plain = lf.fit("power", NOISY, loss=loss, space=space)
    units = {"a": scale, "b": 1.0, "c": scale}
    assert fit.status == plain.status == "converged"
    for found, want in ((fit.params, plain.params), (fit.stderr, plain.stderr)):
        back = {name: found[name] / unit for name, unit in units.items()}
        assert back == pytest.approx(dict(want), rel=1e-6)


@pytest.mark.parametrize("bad", [1e-310, 1e-200, 1e61, 1e300])
def test_a28_a29_single_rows_are_refused_in_log_space(bad):
    y = CLEAN["y"].copy()
    y[[5, 8]] = bad
    refuse("data: y at index 5 is .*; expected a size from", {"x": X, "y": y})
    refuse("data: y at index 5 is", {"x": X, "y": y}, loss="squared")
    refuse("data: y at index 5 is", {"x": X, "y": y, "g": ["a", "b"] * 20}, by="g")


@every
@pytest.mark.parametrize("bad", [0.0, 1e-310, -1e-310])
def test_a28_tiny_rows_do_no_harm_in_linear_space(loss, space, bad):
    y = CLEAN["y"] - 1.5
    y[-1] = bad
    if space == "log":
        refuse("data: y at index 39 is", {"x": X, "y": y})
        return
    fits = [
        lf.fit("power", {"x": X, "y": np.r_[y[:-1], last]}, loss=loss, space=space)
        for last in (bad, 0.0)
    ]
    assert fits[0].status == fits[1].status
    assert dict(fits[0].params) == pytest.approx(dict(fits[1].params), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("entry", [lf.fit_many, lf.fit])
def test_a28_a29_every_entry(entry):
    message = r"data: y at index 0 is .*; expected a size from"
    for scale in (1e-310, 1e300):
        data = {**scaled(scale), "g": ["a", "b"] * 20}
        with pytest.raises(ValueError, match=message):
            entry("power", data, by="g")
        with pytest.raises(ValueError, match=message):
            lf.Problem("power", data)
        steps = np.arange(100, 2000, 50)
        curve = lf.Curve(steps, np.full(steps.size, scale), SCHEDULES["wsd"], name="run")
        with pytest.raises(ValueError, match=r"curve 'run': loss at index 0 is .*; expected"):
            lf.fit("annealing", curve)
        with pytest.raises(ValueError, match=r"loss at step 100 is .*; expected a size from"):
            lf.Forecaster("annealing", SCHEDULES["wsd"]).update(100, scale)


def test_a28_columns_of_any_size_are_scaled():
    plain = lf.fit("power", CLEAN)
    for scale in (1e-300, 1e-150, 1e150, 1e290):
        fit = lf.fit("power", {**CLEAN, "x": X * scale})
        assert fit.status == "converged"
        assert fit.params["a"] / scale**0.3 == pytest.approx(plain.params["a"], rel=1e-9)
        assert fit.stderr["b"] < 1e-9


# A loss beside delta


@pytest.mark.parametrize("loss", ROBUST)
def test_a29_a_delta_below_rounding_is_refused(loss):
    refuse(
        r"delta is 0\.001, below the rounding of y, whose median size in data is 1\.59e\+20; "
        "expected it in the unit of y",
        scaled(1e20),
        loss=loss,
        space="linear",
    )
    fit = lf.fit("power", scaled(1e20), loss=loss, space="linear", delta=1e17)
    plain = lf.fit("power", NOISY, loss=loss, space="linear", delta=1e-3)
    assert fit.params["a"] / 1e20 == pytest.approx(plain.params["a"], rel=1e-6)
    for other in ({"space": "log"}, {"loss": "squared"}):
        assert lf.fit("power", scaled(1e20), **{"loss": loss, "space": "linear"} | other).success


@pytest.mark.parametrize("loss", ROBUST)
def test_b01_a_delta_below_the_rounding_of_log_residuals_is_refused(loss):
    # of which many "converged" away from the minimum
    entries = [
        lambda **o: lf.fit("power", NOISY, **o),
        lambda **o: lf.fit_many("power", {**NOISY, "g": ["a"] * len(X)}, by="g", **o),
        lambda **o: lf.Problem("power", NOISY, **o),
        lambda **o: lf.Forecaster("annealing", SCHEDULES["wsd"], **o),
    ]
    for entry in entries:
        for delta in (2e-16, 1e-30, 5e-324):
            message = rf"delta is {delta!r}, below the rounding of log residuals; .* 2\.2e-16"
            with pytest.raises(ValueError, match=message):
                entry(loss=loss, space="log", delta=delta)
        entry(loss=loss, space="log", delta=1e-12)
        entry(loss="squared", space="log", delta=1e-30)


@pytest.mark.parametrize("loss", ROBUST)
def test_a_tiny_delta_is_nearly_the_sum_of_sizes(loss):
    def total(fit):
        return np.abs(fit.residuals).sum()

    found = lf.fit("power", NOISY, loss=loss, delta=1e-13)
    for delta in (1e-9, 1e-6, 1e-3):
        assert total(found) <= total(lf.fit("power", NOISY, loss=loss, delta=delta)) + 1e-12


def test_a29_a_forecaster_refuses_a_loss_beyond_its_delta():
    steps = lf.Law("steps", "a * (step + 1)**-b", ["a", "b"])
    for law in ("annealing", steps):  # in the core, and solved in full
        forecaster = lf.Forecaster(law, SCHEDULES["wsd"], space="linear", delta=1e-3)
        forecaster.update(100, 3.0)
        with pytest.raises(ValueError, match=r"loss at step 101 is .* 1e.12 times delta"):
            forecaster.update(101, 1e10)
        assert forecaster.update(101, 2.9).n == 2
        lf.Forecaster(law, SCHEDULES["wsd"], space="linear", loss="squared").update(101, 1e10)


# Outliers


def slopes(params, space):
    """Derivatives of the residuals by the parameters at every row."""
    power = X ** -params["b"]
    rows = np.stack([power, -params["a"] * np.log(X) * power, np.ones(X.size)])
    return rows / (params["a"] * power + params["c"]) if space == "log" else rows


@pytest.mark.parametrize("space", ["log", "linear"])
@pytest.mark.parametrize("loss", ROBUST)
@pytest.mark.parametrize("row", [2, 20, 38])
def test_a34_the_influence_of_an_outlier_is_bounded(loss, space, row):
    # The minimum moves by H⁻¹·psi·∂r (Huber 1981, section 7.4) and |psi| is at most delta; delta is
    # wide beside the noise, so that no other row crosses the knee.
    delta = 2e-2
    options = {"loss": loss, "space": space, "delta": delta}
    kept = np.arange(X.size) != row
    without = lf.fit("power", {name: v[kept] for name, v in NOISY.items()}, **options)
    rows = slopes(without.params, space)
    influence = np.linalg.solve(rows[:, kept] @ rows[:, kept].T, rows[:, row]) * delta
    for size in (1e3, 1e6):
        fit = lf.fit("power", scaled(size, row), **options)
        assert fit.status == "converged"
        moved = [fit.params[name] - without.params[name] for name in "abc"]
        assert moved == pytest.approx(influence.tolist(), rel=0.2)
        assert np.abs(moved).max() <= 1.2 * np.abs(influence).max()


@pytest.mark.parametrize("loss", ROBUST)
@pytest.mark.parametrize("row", [2, 20, 38])
def test_a34_the_size_of_an_outlier_does_not_matter(loss, row):
    fits = [lf.fit("power", scaled(size, row), loss=loss) for size in (10.0, 1e6, 1e12, 1e50)]
    for fit in fits:
        assert fit.success
        assert dict(fit.params) == pytest.approx(dict(fits[0].params), rel=1e-6)


@pytest.mark.parametrize("loss", ROBUST)
def test_a34_linear_residuals_that_would_drown_the_others_are_refused(loss):
    fits = [
        lf.fit("power", scaled(size, 20), loss=loss, space="linear") for size in (10.0, 1e6, 5e8)
    ]
    for fit in fits:
        assert fit.success
        assert dict(fit.params) == pytest.approx(dict(fits[0].params), rel=1e-6)
    for size in (1e9, 1e12, 1e50):
        refuse(
            "data: y at index 20 is .*; beside it rounding hides the other rows from the loss "
            f"'{loss}' with delta 0.001; leave the row out or take space='log'",
            scaled(size, 20),
            loss=loss,
            space="linear",
        )


def test_a34_outliers_of_curves():
    schedule = SCHEDULES["wsd"]
    steps = np.arange(100, 3000, 20)
    s1, s2 = schedule.areas(at=steps, warmup="peak")
    loss = 2.5 + 0.45 * s1**-0.5 - 0.4 * s2
    loss *= np.exp(np.random.default_rng(1).normal(0, 1e-3, loss.size))
    without = lf.fit("annealing", lf.Curve(steps, loss, schedule))
    for size in (1e3, 1e6, 1e12):
        spiked = np.where(steps == 1500, size, loss)
        fit = lf.fit("annealing", lf.Curve(steps, spiked, schedule))
        assert fit.success
        for name in fit.free:
            assert abs(fit.params[name] - without.params[name]) < without.stderr[name]


def test_a34_objective_is_the_sum_over_the_residuals_shown():
    fit = lf.fit("power", scaled(1e8, 20))
    r = np.abs(fit.residuals)
    rho = np.where(r <= 1e-3, r**2 / 2, 1e-3 * (r - 0.5e-3))
    assert fit.objective == pytest.approx(rho.sum(), rel=1e-12)


# Large numbers that are exact


@pytest.mark.parametrize("kind", [list, lambda values: np.array(values, dtype=object)])
def test_a36_counts_beyond_64_bits(kind):
    flops = [10**25 * k for k in range(1, 30)]
    loss = [2 + 3 * float(c) ** -0.05 for c in flops]
    fit = lf.fit("power", {"x": kind(flops), "y": loss})
    assert dict(fit.params) == pytest.approx({"a": 3, "b": 0.05, "c": 2}, rel=1e-9)
    assert bits(fit) == bits(lf.fit("power", {"x": np.array(flops, dtype=float), "y": loss}))
    sizes = fit.predict({"x": [10**25, 6 * 10**40]})
    assert sizes[0] == pytest.approx(loss[0])
    assert lf.predict("power", POWER, {"x": kind(flops)}).tobytes() == (
        lf.predict("power", POWER, {"x": np.array(flops, dtype=float)}).tobytes()
    )


def test_a36_sizes_of_runs_beyond_64_bits():
    curve = lf.Curve([0, 9], [2.0, 1.0], params=10**25, tokens_per_step=10**20)
    assert (curve.params, curve.tokens.tolist()) == (1e25, [1e20, 1e21])
    data = {"N": [10**9, 10**10, 10**11], "D": [10**25] * 3}
    values = {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28}
    floats = {name: np.array(column, dtype=float) for name, column in data.items()}
    found, want = (lf.predict("chinchilla", values, d) for d in (data, floats))
    assert found.tobytes() == want.tobytes()
