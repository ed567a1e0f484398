import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lawfit import schedules
from lawfit.schedule import Piece, Schedule

PUBLISHED = {"C": 2.06560812, "beta": 0.58279013, "gamma": 0.64142257}
rates = st.lists(st.just(0.0) | st.floats(1e-9, 1e-3), min_size=1, max_size=40)
modes = st.sampled_from(["actual", "peak", "skip"])


def counted(lr, warmup, mode):
    """The LR that a mode counts, and the first step whose decrease does."""
    lr = np.array(lr)
    if mode == "peak":
        lr[:warmup] = lr[min(warmup, lr.size - 1)]
    return lr, warmup + 1 if mode == "skip" else 1


def drop_by_definition(lr, first, t, C, beta, gamma):
    """The drop at step t, and the sum of its terms' sizes."""
    k = np.arange(first, t + 1)
    decrease = lr[k - 1] - lr[k]
    after = np.cumsum(lr[first : t + 1][::-1])[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.where(after > 0, lr[k] ** -gamma * after, 0.0)
    g = -np.expm1(-beta * np.log1p(C * x))
    return np.sum(decrease * g), np.sum(np.abs(decrease) * g)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    rates,
    modes,
    st.floats(1e-3, 100.0),
    st.floats(1e-2, 2.0),
    st.sampled_from([-1.0, 0.0, 0.5, 2.0]),
    st.booleans(),
    st.data(),
)
def test_loss_drop_is_its_definition(lr, mode, C, beta, gamma, exact, data):
    warmup = data.draw(st.integers(0, len(lr)))
    got = Schedule(lr, warmup=warmup).loss_drop(C, beta, gamma, warmup=mode, exact=exact)
    lr, first = counted(lr, warmup, mode)
    for t, value in enumerate(got):
        want, size = drop_by_definition(lr, first, t, C, beta, gamma)
        assert abs(value - want) <= 1e-11 * size


@pytest.mark.parametrize(
    "schedule",
    [
        schedules.cosine(steps=24000, peak=3e-4, warmup=2160, end=3e-5),
        schedules.cosine(steps=24000, peak=3e-4, warmup=2160, end=0.0),
        schedules.linear(steps=24000, peak=3e-4, warmup=2160, end=0.0),
        schedules.wsd(steps=24000, peak=3e-4, warmup=2160, decay_start=20000, end=3e-5),
        schedules.constant(steps=24000, peak=3e-4, warmup=2160),
        schedules.two_stage(steps=16000, peak=3e-4, warmup=2160, switch=8000, second=9e-5),
    ],
    ids=["cosine", "cosine to 0", "linear", "wsd", "constant", "two_stage"],
)
def test_fast_loss_drop_is_the_exact_one(schedule):
    at = np.arange(2160, len(schedule), 128)
    for same in (schedule, Schedule(schedule.lr, warmup=schedule.warmup)):
        fast, exact = (same.loss_drop(**PUBLISHED, at=at, exact=exact) for exact in (False, True))
        np.testing.assert_allclose(fast, exact, rtol=1e-11, atol=1e-11 * np.abs(exact).max())


def random_pieces(draw):
    """A schedule of stretches that join or jump, in one of the ways a log may tell it."""
    pieces, start = [], 10 ** draw.uniform(-5, -2)
    for _ in range(draw.integers(1, 6)):
        shape = str(draw.choice(["linear", "exponential", "cosine", "1-sqrt", "polynomial"]))
        n, end = int(10 ** draw.uniform(0.5, 3)), 10 ** draw.uniform(-6, -2)
        pieces.append(Piece(shape, n, start, end, 0, n, draw.uniform(0.5, 3)))
        start = end if draw.random() < 0.7 else 10 ** draw.uniform(-5, -2)
    schedule = Schedule.from_pieces(pieces)
    points = np.arange(0, len(schedule), draw.integers(2, 60))
    return [
        schedule,
        Schedule(schedule.lr.astype(np.float32)),
        Schedule(schedule.lr * (1 + 1e-6 * draw.random(len(schedule)))),
        Schedule.from_points(points, schedule.at(points)),
    ]


@pytest.mark.parametrize("seed", range(10))
def test_fast_loss_drop_of_random_schedules_is_its_definition(seed):
    draw = np.random.default_rng(seed)
    for schedule in random_pieces(draw):
        at = np.sort(draw.integers(0, len(schedule), 5))
        C, beta, gamma = 10 ** draw.uniform(-3, 3), draw.uniform(0.05, 2), draw.uniform(-2, 2)
        for t, value in zip(at, schedule.loss_drop(C, beta, gamma, at=at), strict=True):
            want, size = drop_by_definition(schedule.lr, 1, t, C, beta, gamma)
            assert abs(value - want) <= 1e-11 * size


@pytest.mark.parametrize("mode", ["actual", "peak", "skip"])
def test_what_the_warmup_drops(mode):
    schedule = schedules.constant(steps=500, peak=1e-3, warmup=50)
    drop = schedule.loss_drop(**PUBLISHED, warmup=mode)
    assert (drop[-1] < 0) == (mode == "actual")
    assert np.all(drop == 0) == (mode != "actual")


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    rates, modes, st.sampled_from([0.0, 0.5, 0.9]), st.sampled_from([0.0, 0.9, 0.999]), st.data()
)
def test_moment_area_is_its_definition(lr, mode, beta1, beta2, data):
    warmup = data.draw(st.integers(0, len(lr)))
    got = Schedule(lr, warmup=warmup).moment_area(beta1, beta2, warmup=mode)
    lr, first = counted(lr, warmup, mode)
    m = v = area = size = 0.0
    for t, value in enumerate(got):
        if t >= first:
            i, delta = t - first + 1, lr[t - 1] - lr[t]
            m = beta1 * m + (1 - beta1) * delta
            v = beta2 * v + (1 - beta2) * 1e5 * delta**2
            term = m / (1 - beta1**i) / (np.sqrt(v / (1 - beta2**i) + 1e-8) + 1e-8)
            area, size = area + term, size + abs(term)
        assert abs(value - area) <= 1e-12 * size


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=40), st.data())
def test_bound_sums_are_their_definition(lr, data):
    norms = data.draw(st.lists(st.floats(0.0, 10.0), min_size=len(lr), max_size=len(lr)))
    mean, last = Schedule(lr).bound_sums(gradient_norms=norms)
    eta, square = np.array(lr), (np.array(lr) * norms) ** 2
    for t in range(eta.size):
        area, squares = (np.cumsum(x[t::-1])[::-1] for x in (eta, square))
        np.testing.assert_allclose(mean[t], squares[0] / (2 * area[0]), rtol=1e-13)
        terms = eta[:t] / area[1:] * squares[:-1] / area[:-1]
        np.testing.assert_allclose(last[t], np.sum(terms) / 2, rtol=1e-13)


def test_bound_of_a_constant_rate_is_a_harmonic_number():
    mean, last = schedules.constant(steps=1000, peak=0.2).bound_sums(at=[0, 9, 999])
    harmonic = [sum(1 / k for k in range(1, t + 1)) for t in (0, 9, 999)]
    np.testing.assert_allclose(mean, 0.1, rtol=1e-15)
    np.testing.assert_allclose(last, 0.1 * np.array(harmonic), rtol=1e-14)


def test_a_final_rate_of_zero_has_no_last_iterate_bound():
    mean, last = Schedule([0.0, 0.1, 0.0, 0.2]).bound_sums()
    assert mean[0] == last[0] == 0
    assert last[2] == np.inf
    assert np.isfinite(mean).all()
    assert np.isfinite(last[3])


@pytest.mark.parametrize(
    "areas",
    [
        lambda schedule, at: [schedule.loss_drop(**PUBLISHED, at=at)],
        lambda schedule, at: [schedule.moment_area(at=at)],
        lambda schedule, at: schedule.bound_sums(at=at),
    ],
    ids=["loss_drop", "moment_area", "bound_sums"],
)
def test_asked_steps_come_back_in_order(areas):
    schedule = schedules.cosine(steps=300, peak=1e-3, warmup=20, end=1e-4)
    asked = [250, 3, 3, 299, 0]
    for got, every in zip(areas(schedule, asked), areas(schedule, None), strict=True):
        assert every.shape == (300,)
        np.testing.assert_allclose(got, every[asked], rtol=1e-9, atol=1e-13)
    assert all(area.shape == (0,) for area in areas(schedule, []))
    with pytest.raises(ValueError, match="schedule: at at index 1 is 300; expected a step from 0"):
        areas(schedule, [0, 300])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda s: s.loss_drop(-1, 0.5, 0.5), ValueError, "C is -1"),
        (lambda s: s.loss_drop(1, -0.5, 0.5), ValueError, "beta is -0.5"),
        (lambda s: s.loss_drop(1, 0.5, float("nan")), ValueError, "gamma is nan"),
        (lambda s: s.loss_drop(1, 0.5, "x"), TypeError, "gamma is 'x'"),
        (lambda s: s.loss_drop(1, 0.5, 0.5, warmup="none"), ValueError, "warmup 'none' is unknown"),
        (lambda s: s.loss_drop(1, 0.5, 0.5, exact=1), TypeError, "exact is 1"),
        (lambda s: s.moment_area(1.0), ValueError, "beta1 is 1.0; .* < 1"),
        (lambda s: s.moment_area(0.9, -0.1), ValueError, "beta2 is -0.1"),
        (
            lambda s: s.bound_sums(gradient_norms=[1.0]),
            ValueError,
            "norms has 1, lr has 3",
        ),
        (lambda s: s.bound_sums(gradient_norms=[1, -1, 1]), ValueError, "at step 1 is -1.0"),
        (lambda s: s.bound_sums(gradient_norms=[1, 1, np.inf]), ValueError, "index 2 is inf"),
    ],
)
def test_refusals_name_field_and_value(call, error, message):
    with pytest.raises(error, match=message):
        call(Schedule([1e-3, 2e-3, 1e-3]))


def test_too_long_a_schedule_is_refused():
    schedule = schedules.cosine(steps=2**28, peak=1e-3)
    with pytest.raises(ValueError, match=r"changes at more than 2\^27 steps"):
        schedule.loss_drop(**PUBLISHED, at=[2**28 - 1])
    with pytest.raises(ValueError, match=r"up to step 2\^27"):
        schedule.bound_sums(at=[2**28 - 1])


def test_norms_are_left_alone():
    norms = np.full(3, 2.0)
    once, twice = (Schedule([1.0, 2.0, 3.0]).bound_sums(gradient_norms=norms) for _ in range(2))
    np.testing.assert_array_equal(norms, 2.0)
    np.testing.assert_array_equal(once, twice)
