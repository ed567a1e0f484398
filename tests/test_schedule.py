import copy
import pickle
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lawfit import schedules
from lawfit.schedule import Piece, Schedule
from shared_data import shared

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


def test_golden_endpoints_of_the_annealing_paper():
    common = {"steps": 20001, "peak": 2e-4, "warmup": 500}
    cosine = schedules.cosine(**common, end=0.0, endpoint=True)
    (s1,), (s2,) = cosine.areas(0.999, at=[20000], warmup="peak")
    assert s1 == pytest.approx(2.0501, abs=5e-8)
    assert s2 == pytest.approx(0.1974738, abs=5e-8)
    (s1,), (s2,) = schedules.constant(**common).areas(0.999, at=[20000], warmup="peak")
    assert s1 == pytest.approx(4.0002, rel=1e-14)
    assert s2 == 0.0
    for name, schedule in (("cosine", cosine), ("constant", schedules.constant(**common))):
        assert_rates(schedule, shared("annealing", f"{name}.csv"), 1e-14)


def assert_rates(schedule, path, rtol):
    step, lr, _ = np.loadtxt(path, delimiter=",", skiprows=1).T
    np.testing.assert_allclose(schedule.at(step), lr, rtol=rtol, err_msg=str(path))


def multi_power(name):
    common = {"peak": 3e-4, "warmup": 2160, "ramp": "closed"}
    kind, *numbers = name.split("_")
    steps = int(numbers[-1])
    match kind:
        case "constant":
            return schedules.constant(steps=steps, **common)
        case "cosine":
            return schedules.cosine(steps=steps, end=3e-5, **common)
        case "wsdcon":
            return schedules.two_stage(steps=16000, switch=8000, second=steps * 1e-5, **common)
    shape = {"wsd": "exponential", "wsdld": "linear"}[kind]
    start = int(numbers[0])
    return schedules.wsd(steps=steps, decay_start=start, end=3e-5, shape=shape, **common)


@pytest.mark.parametrize("size", ["25", "100", "400"])
def test_rates_of_the_multi_power_runs(size):
    files = sorted(shared("multipower", size).glob("*.csv"))
    assert len(files) == 9
    for path in files:
        assert_rates(multi_power(path.stem), path, 1e-14)


def tiny(name):
    common = {"peak": 3e-3, "warmup": 200, "ramp": "shifted"}
    steps = int(name.split("_")[1])
    decay = {"steps": steps, "endpoint": True, **common}
    match name.split("_")[0]:
        case "constant":
            return schedules.constant(steps=steps, **common)
        case "cosine":
            return schedules.cosine(end=3e-4, **decay)
        case "cyclic":
            return schedules.cyclic(cycle=1900, end=3e-4, **decay)
        case "linear":
            return schedules.linear(end=3e-5, **decay)
        case "twostage":
            return schedules.two_stage(steps=steps, switch=2400, second=6e-4, **common)
        case "wsd":
            return schedules.wsd(decay_start=3200, end=3e-5, **decay)
    return schedules.wsd(decay_start=3200, end=1.5e-4, shape="exponential", **decay)


def test_rates_of_the_tiny_runs():
    files = sorted(shared("tiny").glob("*/*.csv"))
    assert len(files) == 24
    for path in files:
        assert_rates(tiny(path.stem), path, 1e-8)  # the files have nine digits


T, P, E, W = 1000, 2e-3, 1e-4, 100


@pytest.mark.parametrize(
    ("ramp", "formula"),
    [
        ("open", lambda t: P * t / W),
        ("shifted", lambda t: P * (t + 1) / W),
        ("closed", lambda t: np.linspace(0, P, W)[t]),
    ],
)
def test_ramps(ramp, formula):
    lr = schedules.constant(steps=T, peak=P, warmup=W, ramp=ramp).lr
    np.testing.assert_allclose(lr[:W], formula(np.arange(W)), rtol=1e-15)
    np.testing.assert_array_equal(lr[W:], P)


@pytest.mark.parametrize("endpoint", [False, True])
@pytest.mark.parametrize(
    ("make", "start", "formula"),
    [
        (schedules.linear, W, lambda x: P + (E - P) * x),
        (schedules.cosine, W, lambda x: E + (P - E) * (1 + np.cos(np.pi * x)) / 2),
        (
            lambda **k: schedules.polynomial(power=3, **k),
            W,
            lambda x: E + (P - E) * (1 - x) ** 3,
        ),
        *(
            (
                lambda shape=shape, **k: schedules.wsd(shape=shape, decay_start=800, **k),
                800,
                formula,
            )
            for shape, formula in [
                ("linear", lambda x: P + (E - P) * x),
                ("exponential", lambda x: P ** (1 - x) * E**x),
                ("1-sqrt", lambda x: E + (P - E) * (1 - np.sqrt(x))),
                ("cosine", lambda x: E + (P - E) * np.cos(np.pi * x / 2) ** 2),
            ]
        ),
    ],
)
def test_decays(make, start, formula, endpoint):
    lr = make(steps=T, peak=P, warmup=W, end=E, endpoint=endpoint).lr
    x = np.linspace(0, 1, T - start, endpoint=endpoint)
    np.testing.assert_allclose(lr[W:start], P, rtol=0)
    np.testing.assert_allclose(lr[start:], formula(x), rtol=1e-13)
    if endpoint:
        assert lr[-1] == E


def test_steps_and_cycles():
    t = np.arange(T)
    multi = schedules.multi_step(steps=T, peak=P, milestones=[300, 700], gamma=0.1)
    np.testing.assert_allclose(
        multi.lr, np.select([t < 300, t < 700], [P, P * 0.1], P * 0.01), rtol=1e-15
    )
    cyclic = schedules.cyclic(steps=T, peak=P, cycle=280, end=E, warmup=W)
    x = (t[W:] - W) % 280 / 280
    np.testing.assert_allclose(cyclic.lr[W:], E + (P - E) * (1 + np.cos(np.pi * x)) / 2, rtol=1e-13)
    inverse = schedules.inverse_sqrt(steps=T, peak=P, warmup=W)
    np.testing.assert_allclose(inverse.lr[W:], P * np.sqrt(W / t[W:]), rtol=1e-14)
    assert [s.peak for s in (multi, cyclic, inverse)] == [P, P, P]


def test_points_are_joined_by_lines():
    schedule = Schedule.from_points([10, 20, 50], [1.0, 3.0, 0.0], total=60)
    np.testing.assert_allclose(
        schedule.lr, np.interp(np.arange(60), [10, 20, 50], [1.0, 3.0, 0.0]), rtol=1e-14
    )
    assert schedule.warmup == 0
    assert len(Schedule.from_points([0, 5], [0.0, 1.0])) == 6


@pytest.mark.parametrize(
    ("lr", "warmup"),
    [([1, 2, 3, 3, 3], 2), ([3, 2, 4], 0), ([1], 0), ([0, 1, 2], 2), ([0, 0, 1], 0)],
)
def test_warmup_is_detected(lr, warmup):
    assert Schedule(lr).warmup == warmup
    assert f"warmup={warmup}" in repr(Schedule(lr))
    assert Schedule(lr, warmup=1).warmup == 1


def test_long_warmup_is_detected():
    assert schedules.constant(steps=200_000, peak=1e-3, warmup=150_000).warmup == 150_000
    ramp = [Piece("linear", 150_000, 0.0, 1e-3, span=150_000), Piece("constant", 9, 1e-3)]
    assert Schedule.from_pieces(ramp).warmup == 150_000


def test_asked_steps_come_back_in_order():
    schedule = schedules.cosine(steps=500, peak=1e-3)
    asked = [400, 3, 3, 499, 0]
    for got, every in zip(schedule.areas(at=asked), schedule.areas(), strict=True):
        np.testing.assert_allclose(got, every[asked], rtol=1e-14, atol=1e-18)
    np.testing.assert_array_equal(schedule.at(asked), schedule.lr[asked])
    assert all(area.shape == (0,) for area in schedule.areas(at=[]))


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
            "piece 0: runs past its end",
        ),
        (lambda: schedules.constant(steps=2**53 + 1, peak=1.0), ValueError, "steps is"),
        (lambda: schedules.constant(steps=9, peak=-1.0), ValueError, "peak is -1"),
        (lambda: schedules.constant(steps=9, peak=1.0, warmup=10), ValueError, "warmup is 10"),
        (
            lambda: schedules.constant(steps=9, peak=1.0, ramp="opne"),
            ValueError,
            "did you mean 'open'",
        ),
        (
            lambda: schedules.wsd(steps=9, peak=1.0, decay_start=10),
            ValueError,
            "decay_start is 10",
        ),
        (
            lambda: schedules.wsd(steps=9, peak=1.0, decay_start=5, shape="lienar"),
            ValueError,
            "did you mean 'linear'",
        ),
        (
            lambda: schedules.wsd(steps=9, peak=1.0, decay_start=5, shape="exponential"),
            ValueError,
            r"end is 0\.0",
        ),
        (
            lambda: schedules.multi_step(steps=9, peak=1.0, milestones=[5, 3], gamma=0.1),
            ValueError,
            r"milestones\[1\] is 3",
        ),
        (lambda: SAMPLES[0].areas(at=[0, 3]), ValueError, "at index 1 is 3"),
        (lambda: SAMPLES[0].areas(at=[-1]), ValueError, "at index 0 is -1"),
        (lambda: SAMPLES[0].areas(lam=1.5), ValueError, r"lam is 1\.5"),
        (lambda: SAMPLES[0].areas(warmup="skp"), ValueError, "did you mean 'skip'"),
        (lambda: Schedule.from_dict({"lr": [1.0], "rate": 2}), ValueError, "keys"),
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
