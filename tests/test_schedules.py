"""The usual schedules by name, against formulas and logged runs."""

import numpy as np
import pytest

from lawfit import schedules
from shared_data import shared


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


def test_a_million_cycles():
    cyclic = schedules.cyclic(steps=10**6, peak=P, cycle=1)
    assert len(cyclic) == 10**6
    np.testing.assert_array_equal(cyclic.at([0, 1, 999_999]), P)
    assert schedules.cyclic(steps=W, peak=P, cycle=7, warmup=W).steps == W
    cut = schedules.cyclic(steps=10, peak=P, cycle=4, endpoint=True, shape="linear")
    np.testing.assert_allclose(cut.lr, [P, P * 2 / 3, P / 3, 0] * 2 + [P, P * 2 / 3])


def test_factor_that_makes_no_rate_is_fine():
    multi = schedules.multi_step(steps=9, peak=1.0, milestones=iter([2, 4]), gamma=0)
    np.testing.assert_array_equal(multi.lr, [1.0] * 2 + [0.0] * 7)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
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
        (
            lambda: schedules.multi_step(steps=9, peak=1.0, milestones=[1, 2, 3, 4], gamma=1e300),
            ValueError,
            r"gamma is 1e\+300; milestones\[0\] would take the LR to 1e\+300; expected at most",
        ),
        (
            lambda: schedules.multi_step(steps=9, peak=1e-250, milestones=[1, 2], gamma=1e300),
            ValueError,
            r"gamma is 1e\+300; milestones\[1\] would take the LR to inf",
        ),
        (
            lambda: schedules.multi_step(steps=9, peak=1.0, milestones=5, gamma=0.1),
            TypeError,
            "milestones is 5; expected an iterable of steps",
        ),
        (lambda: schedules.constant(steps=9, peak=1e308), ValueError, r"peak is 1e\+308"),
        (
            lambda: schedules.wsd(steps=9, peak=0, end=1, decay_start=5, shape="exponential"),
            ValueError,
            r"peak is 0\.0; an exponential decay needs peak > 0",
        ),
    ],
)
def test_refusals_name_what_is_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call()
