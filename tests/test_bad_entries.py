"""Options without a meaning are refused by every entry that takes them, in the same words."""

import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import lawfit as lf
from fit_data import CLEAN, NOISY, POWER, SCHEDULES, X, annealing_curves, bits

GROUPED = {**NOISY, "g": ["a", "b"] * 20}
LOG = annealing_curves(noise=1e-3)


def forecaster(**options):
    renamed = {
        key: {("A" if name == "a" else name): x for name, x in value.items()}
        if isinstance(value, dict)
        else value
        for key, value in options.items()
    }
    return lf.Forecaster("annealing", SCHEDULES["wsd"], **renamed)


ENTRIES = {
    "fit": lambda **options: lf.fit("power", NOISY, **options),
    "fit by": lambda **options: lf.fit("power", GROUPED, by="g", **options),
    "fit shared": lambda **options: lf.fit("power", GROUPED, by="g", shared=["b"], **options),
    "fit_many": lambda **options: lf.fit_many("power", GROUPED, by="g", **options),
    "Problem": lambda **options: lf.Problem("power", NOISY, **options),
    "Forecaster": forecaster,
}


def entries(*names):
    return pytest.mark.parametrize(
        "entry", [ENTRIES[n] for n in names or ENTRIES], ids=list(names or ENTRIES)
    )


WITH_DATA = tuple(ENTRIES)[:-1]
WITH_STARTS = ("fit", "fit by", "fit_many")


def ones(index, value):
    weights = np.ones(X.size)
    weights[index] = value
    return weights


@entries()
@pytest.mark.parametrize(
    ("row", "options", "message"),
    [
        ("b01", {"delta": 0}, "delta is 0; expected a number > 0"),
        ("b01", {"delta": -1.0}, r"delta is -1\.0; expected a number > 0"),
        ("b01", {"delta": np.nan}, "delta is nan; expected a number > 0"),
        ("b02", {"bounds": {"a": (2, 1)}}, "bounds of '[aA]': lower 2.0 must be below upper 1.0"),
        ("b02", {"bounds": {"a": (1, 1)}}, "bounds of '[aA]': lower 1.0 must be below upper 1.0"),
        ("b04", {"bounds": {"a": (np.nan, 1)}}, "bounds of '[aA]': lower is nan; expected a numb"),
        ("b04", {"bounds": {"a": (1, np.nan)}}, "bounds of '[aA]': upper is nan; expected a numb"),
        ("b08", {"rng": -1}, "rng is -1; expected a whole number >= 0"),
        ("b09", {"loss": "hubber"}, "loss 'hubber' is unknown; did you mean 'huber'"),
        ("b09", {"space": "lg"}, "space 'lg' is unknown; did you mean 'log'"),
        ("b09", {"warmup": "peek"}, "warmup 'peek' is unknown; did you mean 'peak'"),
        ("b09", {"fixed": {"lamm": 1}}, "fixed: law .* has no parameter 'lamm'"),
        ("b11", {"fixed": {"a": 1}, "bounds": {"a": (2, 3)}}, "'[aA]' has bounds but is held at"),
        ("b11", {"fixed": {"a": -1}}, r"fixed '[aA]' is -1\.0, outside its bounds \[0"),
    ],
)
def test_b01_b02_b04_b08_b09_b11_every_entry(entry, row, options, message):
    if "rng" in options and entry is ENTRIES["Problem"]:
        with pytest.raises(ValueError, match=message):
            lf.Problem("power", NOISY).fit(**options)
        return
    with pytest.raises(ValueError, match=message):
        entry(**options)


@entries(*WITH_DATA)
@pytest.mark.parametrize(
    ("row", "options", "message"),
    [
        ("b06", {"weights": ones(11, 0.0)}, "weights: weight at index 11 is 0; expected above 0"),
        ("b06", {"weights": ones(11, -2.0)}, "weights: weight at index 11 is -2; expected above 0"),
        ("b06", {"weights": ones(11, np.nan)}, "weights: weight at index 11 is nan; expected a f"),
        ("b06", {"weights": ones(11, np.inf)}, "weights: weight at index 11 is inf; expected a f"),
        ("b07", {"max_iterations": 0}, "max_iterations is 0; expected a whole number >= 1"),
        ("b07", {"max_iterations": -1}, "max_iterations is -1; expected a whole number >= 1"),
        ("b07", {"tolerance": -1e-9}, "tolerance is -1e-09; expected a finite number >= 0"),
        ("b07", {"tolerance": np.nan}, "tolerance is nan; expected a finite number >= 0"),
        ("b09", {"reduction": "mena"}, "reduction 'mena' is unknown; did you mean 'mean'"),
    ],
)
def test_b06_b07_b09_every_entry_with_data(entry, row, options, message):
    with pytest.raises(ValueError, match=message):
        entry(**options)


@entries(*WITH_STARTS)
@pytest.mark.parametrize(
    ("row", "starts", "message"),
    [
        ("a05", {"a": np.nan, "b": 0.1, "c": 1}, "start 0: a is nan; expected a finite number"),
        ("a05", [[1, 0.1, 1], [1, np.inf, 1]], "start 1: b is inf; expected a finite number"),
        ("b03", {"a": -9, "b": 0.1, "c": 1}, r"start 0: a is -9\.0, outside its bounds \[0\.0, in"),
        ("b08", 0, "starts is 0; expected a whole number >= 1"),
        ("b08", -5, "starts is -5; expected a whole number >= 1"),
        (
            "b09",
            {"a": 1, "b": 0.1, "cc": 1},
            "start 0: 'cc' is no free parameter; did you mean 'c'",
        ),
    ],
)
def test_a05_b03_b08_b09_every_entry_with_starts(entry, row, starts, message):
    with pytest.raises(ValueError, match=message):
        entry(starts=starts)


def test_a05_b03_the_start_of_a_minimisation():
    problem = lf.Problem("power", NOISY)
    for start, message in [
        ({"a": np.nan, "b": 0.1, "c": 1}, "start 0: a is nan; expected a finite number"),
        ({"a": -1.0, "b": 0.1, "c": 1.0}, "start 0: a is -1.0, outside its bounds"),
        ({"a": 1.0, "b": 0.1}, "start 0: 'c' is missing"),
    ]:
        with pytest.raises(ValueError, match=message):
            problem.minimise(start)


def test_b05_starts_on_a_bound_are_noted_wherever_notes_are():
    start = {"a": 0.0, "b": 0.5, "c": 1.0}
    moved = "start 0: a was on its bound and was moved to 1e-08"
    assert lf.fit("power", NOISY, starts=start).notes == (moved,)
    assert lf.fit_many("power", GROUPED, by="g", starts=start).notes == (moved,)
    assert all(fit.notes == (moved,) for fit in ENTRIES["fit by"](starts=start).fits)
    inside = lf.Problem("power", NOISY).minimise(start)
    assert inside.status == "converged"
    assert inside.params["a"] > 1


@entries()
def test_b09_misspelt_keywords(entry):
    with pytest.raises(TypeError, match="'spacee' is no option of it; did you mean 'space'"):
        entry(spacee="log")


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        (lambda: lf.Curve([0], [1.0], sorted=True), "sort"),
        (lambda: lf.bootstrap(lf.fit("power", CLEAN), thread=1), "threads"),
        (lambda: lf.predict("power", POWER, CLEAN, warm_up="peak"), "warmup"),
    ],
)
def test_b09_misspelt_keywords_elsewhere(call, meant):
    with pytest.raises(TypeError, match=f"is no option of it; did you mean '{meant}'"):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lf.fit("powr", CLEAN), "law 'powr' is unknown; did you mean 'power'"),
        (lambda: lf.fit_many("powr", GROUPED, by="g"), "law 'powr' is unknown; did you mean 'pow"),
        (lambda: lf.Problem("powr", CLEAN), "law 'powr' is unknown; did you mean 'power'"),
        (lambda: lf.predict("powr", POWER, CLEAN), "law 'powr' is unknown; did you mean 'power'"),
        (lambda: lf.Forecaster("anealing", [1.0]), "law 'anealing' is unknown; did you mean 'ann"),
        (lambda: lf.Forecaster("annealing", [1.0], mode="exat"), "mode 'exat' is unknown; did you"),
        (lambda: lf.fit("power", {"X": X, "y": X}), "column 'x' is missing; did you mean 'X'"),
        (lambda: lf.fit("power", GROUPED, by="G"), "by: column 'G' is missing; did you mean 'g'"),
        (lambda: lf.fit("annealing", LOG, by="nam"), "by 'nam' is unknown; did you mean 'name'"),
        (
            lambda: lf.fit("power", GROUPED, by="g", shared=["bb"]),
            "shared: law 'power' has no parameter 'bb'; did you mean 'b'",
        ),
        (
            lambda: lf.predict("power", {"a": 1, "b": 1, "cc": 1}, CLEAN),
            "params: law 'power' has no parameter 'cc'; did you mean 'c'",
        ),
        (
            lambda: lf.bootstrap(lf.fit("power", CLEAN), by="curves"),
            "by 'curves' is unknown; did you mean 'curve'",
        ),
        (
            lambda: lf.schedules.wsd(steps=9, peak=1, decay_start=5, end=0, shape="liner"),
            "shape 'liner' is unknown; did you mean 'linear'",
        ),
        (
            lambda: lf.Law("m", "a*x", ["a"], conventions={"lose": "huber"}),
            "conventions: unknown key 'lose'; did you mean 'loss'",
        ),
        (lambda: lf.fit("power", CLEAN).conf_int(scale="logs"), "scale 'logs' is unknown; did you"),
        (lambda: lf.fit("power", CLEAN).conf_int(method="sandwhich"), "method 'sandwhich' is unkn"),
    ],
)
def test_b09_unknown_names(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n": 0}, ValueError, "n is 0; expected a whole number >= 1"),
        ({"n": 1.5}, ValueError, r"n is 1\.5; expected a whole number"),
        ({"rng": -1}, ValueError, "rng is -1; expected a whole number >= 0"),
        ({"rng": "a"}, TypeError, "rng is 'a'; expected a whole number"),
        ({"data": NOISY, "weights": ones(3, 0.0)}, ValueError, "weight at index 3 is 0"),
        ({"data": NOISY, "bounds": {"a": (2, 1)}}, ValueError, "bounds of 'a': lower 2.0 must be"),
    ],
)
def test_b02_b06_b08_bootstrap(options, error, message):
    with pytest.raises(error, match=message):
        lf.bootstrap(lf.fit("power", NOISY), **{"n": 2, **options})


STARTS = """
import os, resource, signal, threading
import lawfit as lf
# What a shell starts in the background ignores SIGINT, and so would this.
signal.signal(signal.SIGINT, signal.default_int_handler)
x = [float(2**k) for k in range(12)]
data = {"x": x, "y": [2 * v**-0.3 + 1.5 + 0.01 * (i % 3) for i, v in enumerate(x)]}
grouped = {"x": x * 2, "y": data["y"] * 2, "g": ["a"] * 12 + ["b"] * 12}
calls = {
    "fit": lambda n: lf.fit("power", data, starts=n),
    "problem": lambda n: lf.Problem("power", data).fit(starts=n),
    "many": lambda n: lf.fit_many("power", grouped, by="g", starts=n),
    "shared": lambda n: lf.fit("power", grouped, by="g", shared=["b"], starts=n),
}
call = calls[CALL]
call(3)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    call(10**9)
except KeyboardInterrupt:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("call", ["fit", "problem", "many", "shared"])
def test_b08_a_billion_starts_take_no_memory(call):
    run = subprocess.run(
        [sys.executable, "-c", f"CALL = {call!r}\n" + textwrap.dedent(STARTS)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 64 * 1024


def test_a27_data_that_another_thread_changes():
    data = {name: values.copy() for name, values in NOISY.items()}
    problem = lf.Problem("power", data)
    want = bits(problem.fit())
    stop = threading.Event()

    def change():
        rng = np.random.default_rng(0)
        while not stop.is_set():
            for values in data.values():
                values[:] = rng.uniform(1, 2, values.size)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(20):
            assert bits(problem.fit()) == want  # what was read is not read again
            assert lf.fit("power", data).n == X.size  # whatever it saw, once
    finally:
        stop.set()
        thread.join()
