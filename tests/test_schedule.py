import copy
import pickle
import re
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lawfit import schedules
from lawfit.schedule import Piece, Schedule

rates = st.lists(st.floats(0.0, 1e-3), min_size=1, max_size=60)
lambdas = st.sampled_from([0.0, 0.5, 0.9, 0.999, 0.9999999, 1.0])


def exact_areas(lr, lam, mode="actual", warmup=0):
    """S1, S2 and Σ|m| of every step by the definition, in rational arithmetic."""
    lr = [Fraction(x) for x in lr]
    if mode == "peak":
        lr[:warmup] = [lr[min(warmup, len(lr) - 1)]] * warmup
    lam, m, s1, s2, size = Fraction(lam), Fraction(0), Fraction(0), Fraction(0), Fraction(0)
    out = []
    for t, x in enumerate(lr):
        s1 += x
        if t > 0 and not (mode == "skip" and t <= warmup):
            m = lam * m + lr[t - 1] - x
        s2 += m
        size += abs(m)
        out.append((s1, s2, size))
    return out


def assert_exact(got, want, tolerance=1e-13):
    for s1, s2, (w1, w2, size) in zip(*got, want, strict=True):
        assert abs(Fraction(s1) - w1) <= tolerance * w1
        assert abs(Fraction(s2) - w2) <= tolerance * size


@settings(max_examples=150, deadline=None, derandomize=True)
@given(rates, lambdas, st.sampled_from(["actual", "peak", "skip"]), st.data())
def test_areas_match_rational_arithmetic(lr, lam, mode, data):
    warmup = data.draw(st.integers(0, len(lr)))
    got = Schedule(lr, warmup=warmup).areas(lam, warmup=mode)
    assert_exact(got, exact_areas(lr, lam, mode, warmup), 2e-15)


@pytest.mark.parametrize("at", [None, range(99, 1000, 100), range(999)])
def test_long_sign_mixed_areas_match_rational_arithmetic(at):
    t, lam = np.arange(1000), 1 - 2**-10  # few bits keep the fractions short
    lr = 1e-3 * (1.1 + np.cos(t / 70)) + 1e-5 * np.random.default_rng(1).random(t.size)
    want = exact_areas(lr, lam)
    got = Schedule(lr, warmup=0).areas(lam, at=at)
    assert_exact(got, want if at is None else [want[i] for i in at], 4e-15)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(rates, st.sampled_from([0.5, 0.9, 0.999]))
def test_derivative_matches_exact_differences(lr, lam):
    h = Fraction(1, 10**12)
    upper, lower = (exact_areas(lr, Fraction(lam) + s * h) for s in (1, -1))
    s1, s2, ds2 = Schedule(lr, warmup=0).areas(lam, derivative=True)
    np.testing.assert_array_equal((s1, s2), Schedule(lr, warmup=0).areas(lam))
    for got, (_, up, _), (_, down, _) in zip(ds2, upper, lower, strict=True):
        want = (up - down) / (2 * h)
        assert abs(Fraction(got) - want) <= 1e-15 * len(lr) ** 2 * max(lr)


def test_thinned_areas_are_the_dense_ones():
    for schedule in (
        schedules.cosine(steps=20000, peak=3e-4, warmup=500, end=3e-5),
        schedules.wsd(steps=20000, peak=3e-4, warmup=500, decay_start=15000, end=3e-5),
    ):
        dense = schedule.areas(derivative=True)
        for stride in (2, 25, 128, 1000):
            at = np.arange(stride - 1, len(schedule), stride)
            for some, every in zip(schedule.areas(at=at, derivative=True), dense, strict=True):
                np.testing.assert_allclose(some, every[at], rtol=1e-12)


def test_pieces_and_their_rates_have_the_same_areas():
    pieces = schedules.wsd(steps=9000, peak=3e-4, warmup=500, decay_start=7000, end=3e-5)
    dense = Schedule(pieces.lr, warmup=500)
    for mode in ("actual", "peak", "skip"):
        (p1, p2), (d1, d2) = pieces.areas(warmup=mode), dense.areas(warmup=mode)
        np.testing.assert_allclose(p1, d1, rtol=1e-14)
        np.testing.assert_allclose(p2, d2, rtol=1e-12, atol=1e-15)


def test_points_are_joined_by_lines():
    schedule = Schedule.from_points([10, 20, 50], [1.0, 3.0, 0.0], total=60)
    np.testing.assert_allclose(
        schedule.lr, np.interp(np.arange(60), [10, 20, 50], [1.0, 3.0, 0.0]), rtol=1e-14
    )
    assert schedule.warmup == 20
    assert len(Schedule.from_points([0, 5], [0.0, 1.0])) == 6


@pytest.mark.parametrize(
    ("lr", "warmup"),
    [
        ([1, 2, 3, 3, 3], 2),
        ([3, 2, 4], 0),
        ([1], 0),
        ([2, 2, 2], 0),
        ([0, 1, 2], 2),
        ([0, 0, 1], 2),
        ([0, 0, 1, 2, 3, 3, 2], 4),
        ([1, 2, 2, 3, 3, 2, 5], 3),
    ],
)
def test_warmup_is_the_first_step_at_the_top_of_the_rise(lr, warmup):
    assert Schedule(lr).warmup == warmup
    assert f"warmup={warmup}" in repr(Schedule(lr))
    assert Schedule(lr, warmup=1).warmup == 1
    assert Schedule.from_points(range(len(lr)), lr).warmup == warmup


def test_warmup_of_points_is_that_of_their_rates():
    draw = np.random.default_rng(0)
    for _ in range(200):
        points = np.cumsum(draw.integers(1, 9, size=6))
        schedule = Schedule.from_points(points, np.sort(draw.integers(0, 4, size=6)) * 2.0**-10)
        assert schedule.warmup == Schedule(schedule.lr).warmup


def test_warmup_of_a_long_schedule_is_detected():
    n = 10**9
    hold, fall = Piece("constant", n, 1e-3), Piece("cosine", n, 1e-3, span=n)
    for pieces, warmup in [
        ([Piece("linear", n, 0.0, 1e-3, span=n), hold, fall], n),
        ([Piece("linear", n, 0.0, 1e-3, span=n - 1), hold, fall], n - 1),
        ([Piece("constant", n, 0.0), Piece("linear", n, 0.0, 1e-3, span=n), hold], 2 * n),
        ([hold, fall, hold], 0),
        ([fall, Piece("constant", n, 2e-3)], 0),
        ([hold, Piece("constant", n, 2e-3), hold], n),
    ]:
        assert Schedule.from_pieces(pieces).warmup == warmup
    flat_top = Schedule.from_pieces([Piece("cosine", n, 0.0, 1e-3, span=n - 1)])
    assert flat_top.at([flat_top.warmup - 1])[0] < flat_top.at([flat_top.warmup])[0] == 1e-3


def test_asked_steps_come_back_in_order():
    schedule = schedules.cosine(steps=500, peak=1e-3)
    asked = [400, 3, 3, 499, 0]
    for got, every in zip(schedule.areas(at=asked), schedule.areas(), strict=True):
        np.testing.assert_allclose(got, every[asked], rtol=1e-14, atol=1e-18)
    np.testing.assert_array_equal(schedule.at(asked), schedule.lr[asked])
    assert all(area.shape == (0,) for area in schedule.areas(at=[]))


@pytest.mark.parametrize("lam", [0.999, 1.0])
def test_areas_of_the_highest_rates_are_finite(lam):
    n = 2**53
    jumps = [Piece("constant", 1, 1e100), Piece("linear", n - 2, 0.0, 1e100, span=n)]
    for schedule in (Schedule([1e100] * 9), Schedule.from_pieces([*jumps, jumps[0]])):
        areas = schedule.areas(lam, at=[0, len(schedule) - 1], derivative=True)
        assert np.all(np.isfinite(areas))


def test_rate_zero_everywhere():
    s1, s2 = Schedule(np.zeros(300)).areas()
    assert not s1.any()
    assert not s2.any()


SAMPLES = [
    Schedule([1e-3, 2e-3, 1e-3]),
    schedules.wsd(steps=24000, peak=3e-4, warmup=2160, decay_start=20000, end=3e-5),
    schedules.inverse_sqrt(steps=100, peak=1.0),
]


@pytest.mark.parametrize("schedule", SAMPLES)
def test_copies_are_equal(schedule):
    for other in (
        pickle.loads(pickle.dumps(schedule)),
        copy.deepcopy(schedule),
        Schedule.from_dict(schedule.to_dict()),
        Schedule(schedule.lr, warmup=schedule.warmup),
    ):
        assert other == schedule
        assert hash(other) == hash(schedule)
    assert schedule != Schedule(schedule.lr * 2, warmup=schedule.warmup)
    assert schedule != Schedule(schedule.lr, warmup=schedule.warmup + 1)
    assert schedule != "schedule"


def test_schedules_are_immutable():
    given_lr = np.array([1.0, 2.0])
    schedule = Schedule(given_lr)
    given_lr[0] = 5.0
    assert schedule.lr[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        schedule.lr[0] = 3.0
    with pytest.raises(AttributeError, match="immutable"):
        schedule.warmup = 1
    with pytest.raises(AttributeError, match="immutable"):
        del schedule._lr


def test_repr():
    assert repr(SAMPLES[0]) == "Schedule(steps=3, warmup=1, peak=0.002, end=0.001)"
    assert repr(SAMPLES[1]) == (
        "Schedule(steps=24000, warmup=2160, peak=0.0003, end=3.00675e-05: "
        "linear 2160, constant 17840, linear 4000)"
    )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Schedule([1.0, -2.0]), ValueError, r"lr at step 1 is -2\.0"),
        (lambda: Schedule([1.0, np.nan]), ValueError, "lr at index 1 is nan"),
        (lambda: Schedule([1.0, np.inf]), ValueError, "lr at index 1 is inf"),
        (lambda: Schedule([0.1, 1e308]), ValueError, r"lr at step 1 is 1e\+308; .* lr <= 1e\+100"),
        (lambda: Schedule.from_points([4, 9], [0, 1e101]), ValueError, r"lr at step 9 is 1e\+101"),
        (
            lambda: Schedule.from_pieces([Piece("constant", 3, 1e308)]),
            ValueError,
            r"schedule: piece 0: start is 1e\+308",
        ),
        (
            lambda: Schedule.from_pieces([Piece("constant", 3, 1.0), ("linear", 3, 1.0)]),
            TypeError,
            r"schedule: piece 1 is \('linear', 3, 1\.0\); expected a Piece",
        ),
        (
            lambda: Schedule.from_pieces(5),
            TypeError,
            "schedule: pieces is 5; expected an iterable of Piece",
        ),
        (lambda: Schedule([]), ValueError, "lr has 0 steps"),
        (lambda: Schedule([[1.0]]), ValueError, "shape"),
        (lambda: Schedule(["a"]), TypeError, "lr at index 0"),
        (lambda: Schedule([1.0], warmup=2), ValueError, "warmup is 2"),
        (lambda: Schedule.from_points([0, 5, 5], [1, 1, 1]), ValueError, "steps at index 2 is 5"),
        (lambda: Schedule.from_points([0, 5], [1, -1]), ValueError, "lr at step 5 is -1"),
        (lambda: Schedule.from_points([0, 2**53 + 2], [1, 1]), ValueError, "steps at index 1"),
        (lambda: Schedule.from_points([0, 5], [1, 1], total=5), ValueError, "total is 5"),
        (lambda: Schedule.from_points([0, 5], [1]), ValueError, "differ in length"),
        (lambda: Schedule.from_pieces([]), ValueError, "steps is 0"),
        (
            lambda: Schedule.from_pieces([Piece("linaer", 5, 1.0)]),
            ValueError,
            "piece 0: shape 'linaer' is unknown; did you mean 'linear'",
        ),
        (
            lambda: Schedule.from_pieces([Piece("linear", 5, 1.0, span=3)]),
            ValueError,
            r"schedule: piece 0: runs past its end: offset 0 \+ steps 5 - 1 exceeds span 3",
        ),
        *(
            (
                lambda ends=ends: Schedule.from_pieces([Piece("exponential", 5, *ends, span=5)]),
                ValueError,
                re.escape(f"schedule: piece 0: goes from start {ends[0]} to end {ends[1]}; an exp"),
            )
            for ends in [(0.0, 1.0), (1.0, 0.0)]
        ),
        (lambda: SAMPLES[0].areas(at=[0, 3]), ValueError, "at index 1 is 3"),
        (lambda: SAMPLES[0].areas(at=[-1]), ValueError, "at index 0 is -1"),
        (lambda: SAMPLES[0].areas(derivative="no"), TypeError, "derivative is 'no'; expected True"),
        (lambda: SAMPLES[0].areas(lam=1.5), ValueError, r"lam is 1\.5"),
        (lambda: SAMPLES[0].areas(warmup="skp"), ValueError, "did you mean 'skip'"),
        (
            lambda: Schedule.from_dict({"lr": [1.0], "rate": 2}),
            ValueError,
            "schedule: unknown key 'rate'",
        ),
        (lambda: Schedule.from_dict(None), TypeError, "schedule: expected an object, got NoneType"),
        (lambda: Schedule.from_dict({"warmup": 0}), ValueError, "schedule: has the keys"),
        (
            lambda: Schedule.from_dict({"pieces": 3}),
            TypeError,
            "schedule: 'pieces' must be a list, got 3",
        ),
        (
            lambda: Schedule.from_dict({"pieces": [{"stps": 3}]}),
            ValueError,
            "schedule: piece 0: unknown key 'stps'; did you mean 'steps'",
        ),
        (
            lambda: Schedule.from_dict({"pieces": [{"shape": "constant", "steps": 3}]}),
            ValueError,
            "schedule: piece 0: key 'start' is missing",
        ),
        (
            lambda: Schedule.from_dict({"pieces": [None]}),
            TypeError,
            "schedule: piece 0: expected an object",
        ),
    ],
)
def test_refusals_name_what_is_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call()


BILLION = """
from fractions import Fraction
from lawfit import schedules

def peak_mib():  # getrusage's figure would include the parent's, from before exec
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(status["VmHWM"].split()[0]) / 1024

schedules.wsd(steps=100, peak=1.0, decay_start=50).areas(at=[99])
before = peak_mib()
T, D, P, E, lam = 10**9, 8 * 10**8, 2.0**-12, 2.0**-15, 1 - 2.0**-10
run = schedules.wsd(steps=T, peak=P, decay_start=D, end=E)
s1, s2 = run.areas(lam, at=[D, T - 1])
assert s2[0] == 0

n = T - 1 - D  # steps that fall; the first of the decay is still at the peak
slope = (Fraction(P) - Fraction(E)) / (T - D)
want1 = Fraction(P) * T - slope * n * (n + 1) / 2
rest = 1 - Fraction(lam)
want2 = slope / rest * (n - (1 - rest) / rest)  # lam**n is 0 beyond any rounding
assert abs(Fraction(s1[1]) / want1 - 1) <= 1e-14, float(Fraction(s1[1]) / want1 - 1)
assert abs(Fraction(s2[1]) / want2 - 1) <= 1e-14, float(Fraction(s2[1]) / want2 - 1)

(s1,), _ = schedules.cosine(steps=10**7, peak=P).areas(lam, at=[10**7 - 1])
assert abs(s1 / (P * (10**7 + 1) / 2) - 1) <= 1e-14
assert peak_mib() - before <= 64, peak_mib() - before
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory from /proc")
def test_a_billion_steps_need_no_memory():
    subprocess.run([sys.executable, "-c", BILLION], check=True, timeout=60)
