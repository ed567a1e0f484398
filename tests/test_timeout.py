"""A time limit: the best found by then, and a status that says so."""

import math
import threading
import time

import numpy as np
import pytest

import lawfit as lf
from lawfit import _core
from runtime_problem import many, problem

LONG = 10**12  # starts, for which no time suffices
SOON = 0.3
GRACE = 40  # gross: a machine may be busy
BEND = lf.Law("bend", "logaddexp(a - b*log(x), c)", ["a", "b", "c"], y="y")
START = {"a": 1.0, "b": 0.5, "c": 1.0}
TABLE = many()


def timed(call):
    begin = time.monotonic()
    found = call()
    assert time.monotonic() - begin < GRACE
    return found


NATIVE = {
    "one thread": lambda: lf.fit("power", TABLE, starts=LONG, threads=1, timeout=SOON),
    "four threads": lambda: lf.fit("power", TABLE, starts=LONG, threads=4, timeout=SOON),
    "no coarse rows": lambda: lf.fit("power", many(20), starts=LONG, timeout=SOON),
    "no sum of powers": lambda: lf.fit(BEND, TABLE, starts=LONG, timeout=SOON),
    "curves": lambda: lf.fit("annealing", problem(), starts=LONG, timeout=SOON),
    "free decay": lambda: lf.fit(
        "annealing", problem(), starts=LONG, fixed={"lam": None}, timeout=4 * SOON
    ),
    "Problem": lambda: lf.Problem("power", TABLE).fit(LONG, timeout=SOON),
    "profile": lambda: lf.fit("power", TABLE, starts=LONG, profile={"b": [0.3, 0.4]}, timeout=SOON),
}


@pytest.mark.parametrize("call", NATIVE.values(), ids=NATIVE.keys())
def test_d16_a_search_without_end_returns_its_best(call):
    fit = timed(call)
    assert fit.status == "timeout"
    assert not fit.success
    assert "time limit" in fit.message
    assert fit.message.endswith(".")
    assert all(map(math.isfinite, fit.params.values()))
    assert math.isfinite(fit.objective)
    assert fit.starts_run + fit.starts_merged + fit.starts_failed < fit.starts_asked
    assert lf.Fit.from_json(fit.to_json()) == fit
    assert "time limit" in fit.summary()
    assert fit.predict(problem()[0] if fit.law.uses_schedule else TABLE).size


def test_d16_the_best_is_the_one_that_fewer_starts_find():
    few = lf.fit("power", TABLE, starts=64)
    late = timed(lambda: lf.fit("power", TABLE, starts=LONG, timeout=1.0))
    assert late.status == "timeout"
    assert late.objective == pytest.approx(few.objective, rel=1e-9)
    for name, value in few.params.items():
        assert late.params[name] == pytest.approx(value, rel=1e-6)
        assert late.stderr[name] == pytest.approx(few.stderr[name], rel=1e-4)


def test_d16_a_limit_that_is_not_reached_changes_no_bit():
    for law in ("power", BEND):
        free, limited = (lf.fit(law, TABLE, timeout=t) for t in (None, 1e6))
        assert free == limited
        assert lf.fit(law, TABLE, timeout=math.inf) == free
    kwargs = {"by": "set", "resamples": 5}
    free, limited = (lf.fit_many("power", TABLE, **kwargs, timeout=t) for t in (None, 1e6))
    for name in free.free:
        assert np.array_equal(free.params[name], limited.params[name])
        assert np.array_equal(free.resampled[name], limited.resampled[name])
    fit = lf.fit("power", TABLE)
    drawn = [lf.bootstrap(fit, 50, timeout=t).objective for t in (None, 1e6)]
    assert np.array_equal(*drawn)


@pytest.mark.parametrize("shared", [None, ["b"]])
def test_d16_nothing_found_is_a_fit_without_parameters(shared):
    fit = lf.fit("power", TABLE, timeout=1e-9)
    assert fit.status == "timeout"
    assert all(map(math.isnan, fit.params.values()))
    assert math.isnan(fit.objective)
    assert lf.Fit.from_json(fit.to_json()) == fit
    with pytest.raises(ValueError, match="no solution to start from: its status is 'timeout'"):
        lf.bootstrap(fit, 3)
    groups = lf.fit("power", TABLE, by="set", shared=shared, timeout=1e-9)
    assert groups.status == "timeout"
    assert {group.status for group in groups.values()} == {"timeout"}
    assert lf.GroupedFit.from_json(groups.to_json()) == groups


@pytest.mark.parametrize("shared", [None, ["b"]])
def test_d16_groups(shared):
    groups = timed(
        lambda: lf.fit("power", many(2000, 4), by="set", shared=shared, starts=LONG, timeout=1.0)
    )
    assert groups.status == "timeout"
    first = groups[groups.keys()[0]]
    assert all(map(math.isfinite, first.params.values()))
    assert groups.starts_agreed >= 1


def test_d16_a_profile_that_is_cut_short_tells_the_points_left():
    grid = np.linspace(0.2, 0.4, 4000).tolist()
    fit = timed(lambda: lf.fit("power", TABLE, profile={"b": grid}, timeout=SOON))
    done = [point.status != "timeout" for point in fit.profile]
    assert fit.status == "timeout"
    assert len(fit.profile) == len(grid)
    assert done == sorted(done, reverse=True)
    best = min(point.objective for point in fit.profile if not math.isnan(point.objective))
    assert fit.objective == best
    assert math.isnan(fit.profile[-1].objective)


def test_d16_a_python_law():
    calls = []

    def slow(x, *, a, b, c):
        calls.append((a, b, c))
        time.sleep(0.01)
        return a * x**-b + c

    law = lf.CallableLaw(slow, y="y")
    fit = timed(lambda: lf.fit(law, TABLE, starts=[START] * 50, timeout=0.5))
    assert fit.status == "timeout"
    assert fit.starts_run < 50
    assert all(map(math.isfinite, fit.params.values()))
    assert tuple(fit.params.values()) in calls
    residuals = fit.residuals
    assert np.array_equal(residuals, np.log(slow(TABLE["x"], **fit.params)) - np.log(TABLE["y"]))


def test_d16_an_evaluation_that_takes_longer_leaves_the_start_or_nothing():
    def slow(x, *, a, b, c):
        time.sleep(0.05)
        return a * x**-b + c

    law = lf.CallableLaw(slow, y="y")
    fit = lf.fit(law, TABLE, starts=[START], timeout=0.2)
    assert fit.status == "timeout"
    assert fit.iterations <= 1
    assert (
        fit.iterations == 1
        or dict(fit.params) in (START, dict.fromkeys(START, math.nan))
        or (all(map(math.isnan, fit.params.values())))
    )


def test_d16_many_fits_and_bootstraps_say_which_there_was_time_for():
    table = timed(lambda: lf.fit_many("power", TABLE, by="set", resamples=10**5, timeout=1.0))
    late = table.status == table.STATUSES.index("timeout")
    assert table.resampled_counts()["timeout"] > 0
    assert np.all(np.isnan(table.params["a"][late]))
    assert np.all(np.isfinite(table.params["a"][~late]))
    lost = table.resampled_status == table.STATUSES.index("timeout")
    assert np.all(np.isnan(table.resampled["a"][lost]))

    fit = lf.fit("power", TABLE)
    for seconds in (0.5, 4, 16):  # a machine may be busy
        drawn = timed(lambda: lf.bootstrap(fit, 10**7, timeout=seconds))  # noqa: B023
        if "converged" in drawn.counts():
            break
    lost = drawn.status == drawn.STATUSES.index("timeout")
    assert 0 < drawn.counts()["converged"] < 10**7
    assert np.all(np.isnan(drawn.objective[lost]))
    assert np.all(np.isnan(drawn.params["a"][lost]))
    some = np.flatnonzero(~lost)[:20]
    again = lf.bootstrap(fit, int(some[-1]) + 1)
    assert np.array_equal(again.params["a"][some], drawn.params["a"][some])


def test_d03_a_fit_in_another_thread_ends_by_its_limit():
    found = []
    worker = threading.Thread(
        target=lambda: found.append(lf.fit("power", TABLE, starts=LONG, timeout=SOON))
    )
    worker.start()
    worker.join(GRACE)
    assert not worker.is_alive()
    assert found[0].status == "timeout"


@pytest.mark.parametrize(
    ("timeout", "error"),
    [
        (0, ValueError),
        (0.0, ValueError),
        (-1.0, ValueError),
        (math.nan, ValueError),
        (-math.inf, ValueError),
        ("1", TypeError),
        (True, TypeError),
        ([1.0], TypeError),
    ],
)
def test_d16_limits_that_are_none(timeout, error):
    fit = lf.fit("power", TABLE)
    for call in (
        lambda: lf.fit("power", TABLE, timeout=timeout),
        lambda: lf.fit("power", TABLE, by="set", timeout=timeout),
        lambda: lf.fit_many("power", TABLE, by="set", timeout=timeout),
        lambda: lf.bootstrap(fit, 3, timeout=timeout),
        lambda: lf.Problem("power", TABLE).fit(timeout=timeout),
    ):
        with pytest.raises(error, match=r"timeout is"):
            call()


def test_the_status_is_one_of_the_core():
    assert _core.STATUSES[-1] == "timeout" or "timeout" in _core.STATUSES
