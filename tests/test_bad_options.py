"""What a fit does with the catalogue's bad options."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import lawfit as lf
from fit_data import CLEAN, NOISY, POWER, X, annealing_curves, bits

INSIDE = {"a": 1.0, "b": 0.5, "c": 1.0}


def refuse(message, error=ValueError, law="power", data=CLEAN, **options):
    with pytest.raises(error, match=message):
        lf.fit(law, data, **options)


# delta


@pytest.mark.parametrize("delta", [0, -1, -1e-3, np.nan, -np.inf])
def test_b01_delta_without_a_meaning(delta):
    refuse(f"delta is {delta}; expected a number > 0", delta=delta)


def test_b01_delta_that_is_no_number():
    refuse("delta is '1'; expected a real number", TypeError, delta="1")
    refuse("delta is True", TypeError, delta=True)


@pytest.mark.parametrize("loss", ["huber", "soft_l1"])
def test_b01_infinite_delta_is_the_squared_loss(loss):
    fits = [
        lf.fit("power", NOISY, **options)
        for options in ({"loss": loss, "delta": np.inf}, {"loss": "squared"})
    ]
    assert bits(fits[0]) == bits(fits[1])


# Bounds


@pytest.mark.parametrize("pair", [(2, 1), (1, 1), (0.0, -0.0), (None, -np.inf), (np.inf, None)])
def test_b02_bounds_inverted_or_equal(pair):
    refuse("bounds of 'b': lower .* must be below upper", bounds={"b": pair})


@pytest.mark.parametrize("pair", [3, (1,), (1, 2, 3), "ab", {"lower": 0, "upper": 1}])
def test_b02_bounds_that_are_no_pair(pair):
    refuse("bounds of 'b' are .*; expected a pair", TypeError, bounds={"b": pair})


def test_b02_bounds_and_fixed_values_are_by_parameter():
    refuse(r"bounds is \[0, 1\]; expected a mapping", TypeError, bounds=[0, 1])
    refuse(r"fixed is \['a'\]; expected a mapping", TypeError, fixed=["a"])
    refuse(r"profile is \('a',\); expected a mapping", TypeError, profile=("a",))


@pytest.mark.parametrize("value", [0.4, -1, 3.5])
def test_b03_start_outside_its_bounds(value):
    starts = [INSIDE, {**INSIDE, "b": value}]
    message = rf"start 1: b is {float(value)}, outside its bounds \[0.5, 3.0\]"
    refuse(message, starts=starts, bounds={"b": (0.5, 3)})
    refuse("start 0: b is -1.0, outside its bounds", starts=[(1.0, -1.0, 1.0)])


@pytest.mark.parametrize(
    ("pair", "side"), [((np.nan, 1), "lower"), ((0, np.nan), "upper"), ((np.nan, np.nan), "lower")]
)
def test_b04_bounds_of_nan(pair, side):
    refuse(f"bounds of 'a': {side} is nan; expected a number", bounds={"a": pair})
    with pytest.raises(ValueError, match=f"{side} must not be NaN"):
        lf.Parameter(*pair)


@pytest.mark.parametrize(
    ("lower", "upper", "start"),
    [
        (0.1, 3, 0.1),
        (0.1, 3, 3),
        (0.1, None, 0.1),
        (None, 4, 4),
        (-4, 4, -4),
        (1e20, 2e20, 1e20),
        (0, 1e-9, 1e-9),
    ],
)
def test_b05_start_on_a_bound_is_moved_inside_and_reported(lower, upper, start):
    fit = lf.fit("power", CLEAN, starts={**INSIDE, "a": start}, bounds={"a": (lower, upper)})
    prefix = "start 0: a was on its bound and was moved to "
    (note,) = fit.notes
    moved = float(note.removeprefix(prefix))
    assert moved > start if start == lower else moved < start
    assert moved == pytest.approx(start, rel=1e-6, abs=1e-7)
    assert f"note: {prefix}" in fit.summary()


def objective(theta, data, delta=1e-3):
    r = np.abs(np.log(theta["a"] * data["x"] ** -theta["b"] + theta["c"]) - np.log(data["y"]))
    return np.where(r <= delta, r**2 / 2, delta * (r - delta / 2)).sum()


@pytest.mark.parametrize(
    ("bounds", "at"),
    [
        ({"c": (1.6, None)}, {"c": "lower"}),
        ({"c": (None, 1.4)}, {"c": "upper"}),
        ({"b": (0.5, 0.9)}, {"b": "lower"}),
        ({"a": (0.0, 1.0), "c": (0, 1.7)}, {"a": "upper"}),
        ({"a": (3.0, 9.0), "b": (0.4, 2.0)}, {"b": "lower"}),
    ],
)
def test_b05_optimality_on_a_bound(bounds, at):
    fit = lf.fit("power", NOISY, bounds=bounds, starts=32)
    assert fit.status == "converged"
    assert dict(fit.at_bounds) == at
    scale = fit.objective
    for name, value in fit.params.items():
        h = 1e-5 * max(abs(value), 0.1)
        sides = [objective({**fit.params, name: value + s * h}, NOISY) for s in (-1, 1)]
        slope = (sides[1] - sides[0]) / (2 * h)
        if name in at:
            assert slope > 0 if at[name] == "lower" else slope < 0
            assert value == bounds[name][at[name] == "upper"]
            assert np.isnan(fit.stderr[name])
        else:
            assert abs(slope) * abs(value) < 1e-4 * scale
            assert fit.stderr[name] > 0


# Weights


@pytest.mark.parametrize("bad", [0.0, -0.0, -2.5])
def test_b06_weight_that_is_not_positive(bad):
    weights = np.ones(X.size)
    weights[11] = bad
    refuse(f"weights: weight at index 11 is {bad:g}; expected above 0", weights=weights)


@pytest.mark.parametrize("bad", [np.nan, np.inf, None])
def test_b06_weight_that_is_not_finite(bad):
    weights = [1.0] * 5 + [bad] + [1.0] * 34
    refuse("weights: weight at index 5 is (nan|inf); expected a finite number", weights=weights)


def test_b06_weights_of_another_shape():
    refuse("weights: 39 weights for 40 rows", weights=np.ones(39))
    refuse(r"weights: weight has shape \(\)", weights=2.0)
    refuse(r"weights: weight has shape \(40, 1\)", weights=np.ones((40, 1)))
    curves = annealing_curves()
    rows = sum(map(len, curves))
    refuse(
        f"weights: {rows - 50} weights for {rows} rows",
        law="annealing",
        data=curves,
        weights=np.ones(rows - 50),
        skip_steps=1000,
    )


# Iterations, tolerance, starts, seed, threads


@pytest.mark.parametrize("bad", [0, -1, 1.5, 2**31, np.nan, np.inf])
def test_b07_iterations(bad):
    refuse(f"max_iterations is {bad}; expected a whole number >= 1", max_iterations=bad)


@pytest.mark.parametrize("bad", [-1e-14, np.nan, np.inf])
def test_b07_tolerance(bad):
    refuse(f"tolerance is {bad}; expected a finite number >= 0", tolerance=bad)


def test_b07_tolerance_of_zero_means_rounding():
    fits = [lf.fit("power", NOISY, tolerance=tolerance) for tolerance in (0, 1e-14)]
    assert fits[0].status == "converged"
    assert dict(fits[0].params) == pytest.approx(dict(fits[1].params), rel=1e-9)


def test_b07_stopping_early_is_a_status():
    fit = lf.fit("power", NOISY, starts=INSIDE, max_iterations=1)
    assert fit.status == "max_iterations"
    assert not fit.success
    assert "raise max_iterations" in fit.message


@pytest.mark.parametrize("bad", [0, -3, 2**63, 10**30])
def test_b08_number_of_starts(bad):
    refuse(f"starts is {bad}; expected a whole number >= 1", starts=bad)


@pytest.mark.parametrize(
    ("starts", "message", "error"),
    [
        (True, "starts is True; expected a whole number", TypeError),
        (1.5, "starts is 1.5; expected a whole number", ValueError),
        ("abc", "starts is 'abc'; expected a number", TypeError),
        ([], "starts is empty", ValueError),
        ([3], "start 0 is 3; expected a mapping or an array of values", TypeError),
        (np.ones(3), "start 0 is .*; expected a mapping or an array of values", TypeError),
        ([INSIDE, "abc"], "start 1 is 'abc'", TypeError),
        (np.ones((2, 4)), "start 0 has 4 values; the free parameters are a, b, c", ValueError),
        ({"a": 1, "b": 1}, "start 0: 'c' is missing", ValueError),
        ({**INSIDE, "a": "1"}, "start 0: a is '1'; expected a real number", TypeError),
        ({**INSIDE, "a": True}, "start 0: a is True; expected a real number", TypeError),
    ],
)
def test_b08_starts_of_another_shape(starts, message, error):
    refuse(message, error, starts=starts)


@pytest.mark.parametrize("bad", [-1, 2**64, 0.5])
def test_b08_seed(bad):
    refuse(f"rng is {bad}; expected a whole number >= 0", rng=bad)


def test_b08_seed_that_is_no_number():
    refuse("rng is None; expected a whole number", TypeError, rng=None)
    refuse("rng is 'a'", TypeError, rng="a")


def test_b08_a_billion_starts_take_no_memory():
    code = """
        import resource, threading, signal, os
        import lawfit as lf
        # What a shell starts in the background ignores SIGINT, and so would this.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        x = [float(2**k) for k in range(12)]
        data = {"x": x, "y": [2 * v**-0.3 + 1.5 + 0.01 * (i % 3) for i, v in enumerate(x)]}
        lf.fit("power", data)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            lf.fit("power", data, starts=10**9)
        except KeyboardInterrupt:
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 64 * 1024


# Names


@pytest.mark.parametrize(
    ("options", "meant"),
    [
        ({"loss": "hubber"}, "huber"),
        ({"loss": "soft-l1"}, "soft_l1"),
        ({"space": "logg"}, "log"),
        ({"reduction": "sums"}, "sum"),
        ({"warmup": "peaks"}, "peak"),
    ],
)
def test_b09_unknown_option(options, meant):
    ((field, value),) = options.items()
    refuse(f"{field} '{value}' is unknown; did you mean '{meant}'?", **options)


@pytest.mark.parametrize(
    ("field", "value"), [("fixed", 0.5), ("bounds", (0, 1)), ("profile", [0.2, 0.5])]
)
def test_b09_unknown_parameter(field, value):
    message = f"{field}: law 'annealing' has no parameter 'alfa'; did you mean 'alpha'?"
    refuse(message, law="annealing", data=annealing_curves(), **{field: {"alfa": value}})


def test_b09_unknown_law_column_and_start():
    refuse("law 'anealing' is unknown; did you mean 'annealing'?", law="anealing")
    refuse("law is a NoneType; expected a Law or the name of one", TypeError, law=None)
    refuse("data: column 'y' is missing; did you mean 'Y'?", data={"x": X, "Y": CLEAN["y"]})
    start = {"a": 1, "b": 1, "c": 1, "bb": 1}
    refuse("start 0: 'bb' is no free parameter; did you mean 'b'?", starts=start)
    law = lf.Law("own", "k * tokens**-a", ["k", "a"])
    curve = lf.Curve([1, 2, 3], [3, 2, 1], name="run", columns={"token": [1, 2, 3]})
    refuse("curve 'run': column 'tokens' is missing; did you mean 'token'?", law=law, data=curve)


def test_data_of_another_kind():
    refuse("law 'annealing' needs schedules: give a Curve", TypeError, law="annealing")
    refuse("data is a NoneType; expected curves, a mapping", TypeError, data=None)
    curve = lf.Curve([1, 2, 3, 4], [4, 3, 2, 1], name="bare")
    refuse("curve 'bare' has no schedule", law="annealing", data=curve)
    refuse("curve 'bare': column 'N' needs params", law="chinchilla", data=curve)
    refuse("curve 'bare': column 'x' is missing", data=curve)
    law = lf.Law("own", "k * step", ["k"], y="error")
    refuse("curve 'bare': column 'error' is missing", law=law, data=curve)


# Held and profiled parameters


def test_b11_contradictions():
    refuse("'b' has bounds but is held at 0.5", fixed={"b": 0.5}, bounds={"b": (0, 1)})
    refuse("'b' is both fixed and profiled", fixed={"b": 0.5}, profile={"b": [0.5]})
    refuse(r"fixed 'b' is -1.0, outside its bounds \[0.0, inf\]", fixed={"b": -1})
    refuse(r"profile of 'b': -1.0 is outside its bounds", profile={"b": [1, -1]})
    refuse("fixed 'b' is nan", fixed={"b": np.nan})
    refuse("every parameter is fixed or profiled, so there is nothing to fit", fixed=POWER)
    refuse("every parameter is fixed", fixed={"a": 2, "b": 0.3}, profile={"c": [1, 2]})
    annealing = {"law": "annealing", "data": annealing_curves()}
    refuse("'lam' has bounds but is held at 0.999", **annealing, bounds={"lam": (0, 0.9)})


def test_decays_beyond_their_range():
    curves = annealing_curves()
    for pair in [(1.5, 2), (0.9, 2), (-1, 0.9)]:
        options = {"fixed": {"lam": None}, "bounds": {"lam": pair}}
        refuse("bounds of 'lam'.* where S2", law="annealing", data=curves, **options)
    fit = lf.fit("annealing", curves, bounds={"lam": (0.9, 0.999)}, profile={"lam": [0.99]})
    assert fit.params["lam"] == 0.99


def test_sizes_whose_squares_overflow():
    for scale in (1e200, 1e-200):
        data = {"x": CLEAN["x"], "y": [scale * y for y in CLEAN["y"]]}
        refuse("data: the median size of y is .*another unit", data=data)


def test_curves_in_different_units():
    one, other = (
        lf.Curve([5, 9, 12, 15], [4, 3, 2, 1.5], lf.schedules.constant(steps=20, peak=1), **unit)
        for unit in ({"name": "a", "loss_unit": "bits"}, {"name": "b"})
    )
    refuse("curve 'b': loss_unit is 'nats', but curve 'a' has", law="annealing", data=[one, other])


def test_profile_that_is_no_grid():
    refuse("profile is empty", profile={})
    refuse("profile of 'b' is empty", profile={"b": []})
    refuse("profile of 'b' is 3; expected a sequence", TypeError, profile={"b": 3})
    refuse("profile of 'b' is 'x'; expected a real", TypeError, profile={"b": ["x"]})


def test_b10_threads():
    for bad in (0, -1):
        refuse(f"threads is {bad}; expected a whole number >= 1", threads=bad)
    refuse("threads is 'abc'", TypeError, threads="abc")
    refuse(f"threads is {10**12}; expected a whole number", threads=10**12)
    x = np.linspace(1, 100, 5000)  # enough work for a parallel region
    data = {"x": x, "y": 2 * x**-0.3 + 1 + 1e-3 * np.sin(x**2)}
    assert bits(lf.fit("power", data, threads=10**6)) == bits(lf.fit("power", data, threads=1))


@pytest.mark.parametrize("bad", [-1, 1.5])
def test_skip_steps(bad):
    refuse(f"skip_steps is {bad}; expected a whole number >= 0", skip_steps=bad)
