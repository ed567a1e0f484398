"""A Python law that misbehaves: rows C01 to C04 of the catalogue of bad input."""

import asyncio
import gc
import subprocess
import sys
import textwrap
import traceback
import weakref

import numpy as np
import pytest

import lawfit as lf
from user_laws import START, TABLE, X, fitted, law, power, power_jacobian


class MineError(Exception):
    """What a law raises."""


class RaisesAt:
    """A law, or its jacobian, that raises at its k-th call."""

    def __init__(self, k, function=power, error=MineError):
        self.k = k
        self.function = function
        self.raised = error()
        self.calls = 0

    def __call__(self, x, *, a, b, c):
        self.calls += 1
        if self.calls == self.k:
            raise self.raised
        return self.function(x, a=a, b=b, c=c)


# C01, C02: what it raises


def check_raised(broken, work):
    """The very object comes out with the law's frame in its traceback, and nothing else runs."""
    with pytest.raises(type(broken.raised)) as caught:
        work()
    assert caught.value is broken.raised
    assert broken.calls == broken.k
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert (frames[0].name, frames[-1].name) == ("check_raised", "__call__")
    assert caught.value.__context__ is None


@pytest.mark.parametrize("of", ["function", "jacobian"])
def test_c01_an_exception_at_any_call_ends_a_fit_of_many_starts(of):
    for k in range(1, 201):
        if of == "function":
            broken = RaisesAt(k)
            mine = law(broken)
        else:
            broken = RaisesAt(k, power_jacobian)
            mine = law(jacobian=broken)
        check_raised(broken, lambda mine=mine: lf.fit(mine, TABLE, starts=30, threads=4))


GROUPS = {**TABLE, "g": np.arange(X.size) % 2}
ENTRIES = {
    "groups": lambda mine: lf.fit(mine, GROUPS, by="g", starts=[START]),
    "shared": lambda mine: lf.fit(mine, GROUPS, by="g", shared=["b"], starts=1),
    "profile": lambda mine: lf.fit(mine, TABLE, profile={"b": [0.3, 0.5]}),
    "minimise": lambda mine: lf.Problem(mine, TABLE).minimise(START),
    "predict": lambda mine: [lf.predict(mine, START, {"x": X}) for _ in range(9)],
    "bootstrap": lambda mine: lf.bootstrap(lf.fit(mine, TABLE, starts=[START]), 9),
    "interval": lambda mine: [
        lf.fit(mine, TABLE, starts=[START], max_iterations=1).interval({"x": X}) for _ in range(9)
    ],
}


@pytest.mark.parametrize("work", ENTRIES.values(), ids=ENTRIES)
def test_c01_an_exception_ends_every_entry(work):
    counted = RaisesAt(None)
    work(law(counted))
    for k in {1, 2, 7, counted.calls // 2, counted.calls}:
        broken = RaisesAt(k)
        check_raised(broken, lambda broken=broken: work(law(broken)))


def test_c01_nothing_of_a_fit_that_raised_stays():
    broken = RaisesAt(25)
    mine = law(broken)
    alive = [weakref.ref(thing) for thing in (broken, broken.raised, mine)]
    gc.disable()  # counting references must do
    try:
        with pytest.raises(MineError):
            lf.fit(mine, TABLE)
        broken.raised.__traceback__ = None  # which holds the frame of this test
        del broken, mine
        assert [ref() for ref in alive] == [None] * 3
    finally:
        gc.enable()
    again = fitted()
    assert again.success


class Model:
    """A law that is a method of what keeps its fit."""

    def law(self, x, *, a, b, c):
        return power(x, a=a, b=b, c=c)

    def fit(self):
        self.problem = lf.Problem(law(self.law), TABLE)
        self.found = self.problem.fit([START])
        self.groups = lf.fit(law(self.law), GROUPS, by="g", starts=[START])
        return self


def test_c01_a_law_that_owns_its_fit_is_freed():
    model = Model().fit()
    alive = weakref.ref(model)
    assert lf.bootstrap(model.found, 5).converged.any()
    del model
    gc.collect()
    assert alive() is None


def test_c01_memory_does_not_grow():
    code = """
        import resource
        import numpy as np
        import lawfit as lf
        x = np.geomspace(1, 1e4, 100_000)
        data = {"x": x, "loss": x**-0.5}
        calls = 0
        def law(x, *, a, b):
            global calls
            calls += 1
            if calls % 3 == 0:
                raise KeyError("mine")
            return a * x**-b
        def failed(times):
            for _ in range(times):
                try:
                    lf.fit(law, data, starts=2)
                    raise SystemExit("the law's error is lost")
                except KeyError:
                    pass
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        before = failed(20)
        print(failed(100) - before)
    """
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 16 * 1024  # one column a fit would be 80 MiB


@pytest.mark.parametrize(
    "error", [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, StopIteration]
)
def test_c02_exceptions_that_are_no_errors_come_out_too(error):
    for k in (1, 5, 60):
        broken = RaisesAt(k, error=error)
        check_raised(broken, lambda broken=broken: lf.fit(law(broken), TABLE, starts=30))
    assert fitted().success


# C03: what it returns

RETURNED = {
    "none": (lambda x: None, TypeError, r"returned None; expected an array of shape \(40,\)"),
    "list": (list, TypeError, r"returned a list; expected an array of shape \(40,\)"),
    "tuple": (lambda x: (x, x), TypeError, r"returned a tuple; expected an array"),
    "scalar": (lambda x: 1.5, ValueError, r"returned shape \(\); expected \(40,\)"),
    "numpy_scalar": (lambda x: x.sum(), ValueError, r"returned shape \(\); expected \(40,\)"),
    "short": (lambda x: x[1:], ValueError, r"returned shape \(39,\); expected \(40,\)"),
    "one": (lambda x: x[:1], ValueError, r"returned shape \(1,\); expected \(40,\)"),
    "column": (lambda x: x[:, None], ValueError, r"returned shape \(40, 1\); expected \(40,\)"),
    "row": (lambda x: x[None], ValueError, r"returned shape \(1, 40\); expected \(40,\)"),
    "complex": (
        lambda x: x + 0j,
        TypeError,
        "returned values of type complex128; expected real numbers",
    ),
    "texts": (
        lambda x: x.astype(str),
        TypeError,
        "returned values of type <U.*; expected real numbers",
    ),
    "bools": (lambda x: x > 1, TypeError, "returned values of type bool; expected real numbers"),
    "objects": (
        lambda x: x.astype(object),
        TypeError,
        "returned values of type object; expected real",
    ),
    "dates": (
        lambda x: x.astype("M8[s]"),
        TypeError,
        "returned values of type datetime64.*; expected real",
    ),
    "generator": (lambda x: (v for v in x), TypeError, "returned <generator.*; expected real"),
    "coroutine": (lambda x: {"y": x}, TypeError, r"returned \{'y': .*; expected real numbers"),
}


@pytest.mark.parametrize(("returned", "error", "message"), RETURNED.values(), ids=RETURNED)
def test_c03_results_of_another_kind_are_refused(returned, error, message):
    odd = law(lambda x, **parameters: returned(x), name="odd")
    with pytest.raises(error, match=rf"^law 'odd': its function {message}"):
        lf.fit(odd, TABLE)
    odd = law(jacobian=lambda x, **parameters: returned(x), name="odd")
    message = message.replace("(40,)", r"(40, 3)").replace(r"\(40,\)", r"\(40, 3\)")
    with pytest.raises(error, match=rf"^law 'odd': its jacobian {message}"):
        lf.fit(odd, TABLE)


@pytest.mark.parametrize("kind", [np.float32, np.longdouble, ">f8", np.int64])
def test_c03_real_numbers_of_any_width_are_taken(kind):
    found = lf.predict(law(lambda x, *, a, b, c: (a * x + b + c).astype(kind)), START, {"x": X})
    np.testing.assert_array_equal(found, (X + 0.3 + 1.0).astype(kind).astype(float))


def test_c03_masked_values_are_no_values():
    def gap(x, *, a, b, c):
        return np.ma.array(power(x, a=a, b=b, c=c), mask=(x > 100) & (b < 0.25))

    found = fitted(gap)
    assert dict(found.params) == pytest.approx(dict(fitted().params), rel=1e-9)
    with pytest.raises(ValueError, match="predicted y at index 0 is nan"):
        fitted(lambda x, *, a, b, c: np.ma.array(x, mask=True))


# C04: no value


@pytest.mark.parametrize("none", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("space", ["log", "linear"])
def test_c04_a_step_to_where_the_law_has_no_value_is_rejected(none, space):
    met = []

    def walled(x, *, a, b, c):
        value = power(x, a=a, b=b, c=c)
        if b > 0.41 or c < 1:  # the fit's own path from the start goes there
            met.append(b)
            value[::7] = none
        return value

    start = {"a": 9.0, "b": 0.02, "c": 3.0}
    found = fitted(walled, starts=[start], space=space)
    assert met
    assert found.success
    want = fitted(starts=[start], space=space)
    assert dict(found.params) == pytest.approx(dict(want.params), rel=1e-6)


def test_c04_the_caller_s_own_starts_without_a_value_are_refused():
    def root(x, *, a, b, c):
        with np.errstate(invalid="ignore"):
            return np.where(x > 5, np.sqrt(a), 1.0) * x**-b + c

    formula = lf.Law("root", "sqrt(a) * x**-b + c", list("abc"), y="y")
    bad, worse, good = ({**START, "a": a} for a in (-2.0, -3.0, 1.0))
    for mine, row in ((law(root), np.argmax(X > 5)), (formula, 0)):
        message = rf"^data: start 0 \(a=-2, b=0.3, c=1\): predicted y at index {row} is nan; law"
        for starts in (bad, [bad]):
            with pytest.raises(ValueError, match=message):
                lf.fit(mine, TABLE, starts=starts)
        with pytest.raises(ValueError, match=r"data: 2 starts, the first a=-2, b=0.3, c=1: "):
            lf.fit(mine, TABLE, starts=[bad, worse])
        found = lf.fit(mine, TABLE, starts=[bad, good])
        assert found.success
        assert found.starts_failed == 1
    vertical = lf.Law("root", "sqrt(a) + b * x", ["a", "b"], y="y")
    with pytest.raises(
        ValueError, match="derivative by a at index 0 is inf; law 'root' has no fin"
    ):
        lf.fit(vertical, TABLE, starts={"a": 0.0, "b": 1.0})
    curve = lf.Curve([1, 2, 3], [3, 2, 1], name="run")
    stepped = lf.CallableLaw(lambda step, *, a, b: step * np.nan)
    with pytest.raises(ValueError, match=r"curve 'run': start 0 .*: predicted loss at index 0 is"):
        lf.fit(stepped, curve, starts=[{"a": 1, "b": 1}])


def test_c04_drawn_starts_without_a_value_are_a_status():
    found = fitted(lambda x, *, a, b, c: x * np.nan, starts=20)
    assert found.status == "bad_start"
    assert not found.success
    assert np.isnan([*found.params.values(), found.objective]).all()
    assert found.starts_failed == found.starts_asked == 20
