"""Effective learning rates, against runs on a scale-invariant loss."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lawfit as lf

SCHEDULE = lf.schedules.wsd(steps=300, peak=0.05, warmup=20, decay_start=200, end=1e-3)


def run(schedule, momentum, seed=0):
    """Train w on f(w/|w|) by momentum SGD: norms of w before each step, and of each update."""
    rng = np.random.default_rng(seed)
    quadratic, linear = rng.normal(size=(5, 5)), rng.normal(size=5)
    w, p = rng.normal(size=5), np.zeros(5)
    norms, updates = [np.linalg.norm(w)], []
    for lr in schedule.lr:
        size = np.linalg.norm(w)
        unit = w / size
        gradient = (quadratic + quadratic.T) @ unit + linear
        p = momentum * p + (gradient - unit * (unit @ gradient)) / size
        w = w - lr * p
        norms.append(np.linalg.norm(w))
        updates.append(np.linalg.norm(p))
    return np.array(norms), np.array(updates)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 0.99])
def test_norms_are_those_of_a_run(momentum):
    norms, updates = run(SCHEDULE, momentum)
    found = lf.weight_norms(
        SCHEDULE, update_norms=updates, initial_norm=norms[0], momentum=momentum
    )
    np.testing.assert_allclose(found, norms, rtol=1e-12)


def test_effective_rate_is_the_rate_over_the_squared_norm():
    norms, updates = run(SCHEDULE, 0.9)
    found = lf.effective_lr(SCHEDULE, update_norms=updates, initial_norm=norms[0])
    np.testing.assert_allclose(found.lr, SCHEDULE.lr / norms[:-1] ** 2, rtol=1e-12)
    assert found.steps == SCHEDULE.steps
    assert found.warmup == SCHEDULE.warmup == 20
    s1, s2 = found.areas(warmup="skip")
    assert s1[-1] == pytest.approx(found.lr.sum())
    assert s2[-1] > SCHEDULE.areas(warmup="skip")[1][-1] / norms[20] ** 2


@pytest.mark.parametrize(("momentum", "limit"), [(0.9, 19.0), (0.5, 3.0), (0.0, 1.0)])
def test_growth_over_plain_sgd_has_its_limit(momentum, limit):
    schedule = lf.schedules.constant(steps=200_000, peak=0.1)
    with_momentum, without = (
        lf.weight_norms(schedule, update_norms=1.0, initial_norm=1.0, momentum=beta)[-1] ** 2 - 1
        for beta in (momentum, 0.0)
    )
    assert with_momentum / without == pytest.approx(limit, rel=1e-4)
    assert limit == pytest.approx(1 + 2 * momentum / (1 - momentum))


@settings(deadline=None)
@given(
    lr=st.lists(st.floats(0, 1), min_size=1, max_size=12),
    momentum=st.floats(0, 0.99),
    data=st.data(),
)
def test_recurrence_is_the_double_sum(lr, momentum, data):
    updates = data.draw(st.lists(st.floats(0, 3), min_size=len(lr), max_size=len(lr)))
    squares = [4.0]
    for t, rate in enumerate(lr):
        lagged = sum(momentum ** (t - k) * lr[k] * updates[k] ** 2 for k in range(t))
        squares.append(squares[-1] + rate**2 * updates[t] ** 2 + 2 * rate * lagged)
    found = lf.weight_norms(
        lf.Schedule(lr), update_norms=updates, initial_norm=2.0, momentum=momentum
    )
    np.testing.assert_allclose(found**2, squares, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"schedule": [0.1]}, TypeError, "schedule is a list"),
        ({"momentum": 1}, ValueError, "momentum is 1; expected it below 1"),
        ({"momentum": -0.1}, ValueError, "momentum is -0.1"),
        ({"initial_norm": 0}, ValueError, "initial_norm is 0"),
        ({"update_norms": [1.0, 2.0]}, ValueError, "update_norms has 2 values for 300 steps"),
        ({"update_norms": [-1.0] * 300}, ValueError, "update_norms at index 0 is -1.0"),
        ({"update_norms": "1"}, TypeError, "update_norms is '1'"),
        ({"update_norms": 1e200}, ValueError, "the squared norm before step 1 is .*up to 1e.200"),
        ({"initial_norm": 1e200}, ValueError, "the squared norm before step 0 is inf"),
        ({"initial_norm": 1e-200}, ValueError, "the squared norm before step 0 is 0"),
    ],
)
def test_refusals(options, error, message):
    asked = {"schedule": SCHEDULE, "update_norms": 1.0, "initial_norm": 1.0} | options
    for function in (lf.effective_lr, lf.weight_norms):
        with pytest.raises(error, match=f"{function.__name__}: {message}"):
            function(**asked)
