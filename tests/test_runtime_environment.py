"""What a process or another library has set: variables, instructions, arithmetic, locale."""

import locale
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

import lawfit as lf
from lawfit import _core
from runtime_script import expected_bits, posix, run

JUNK = ["0", "-3", "abc", "2,3", "", "1e20", "99999999999999999999"]


@pytest.mark.parametrize("junk", JUNK)
def test_b10_junk_in_the_environment(junk):
    assert run("print(bits(), bits(fitted(threads=2)))", OMP_NUM_THREADS=junk) == (
        [expected_bits()] * 2
    )


@pytest.mark.parametrize(
    ("threads", "error"),
    [(0, ValueError), (-1, ValueError), ("abc", TypeError), (2.5, ValueError), (True, TypeError)],
)
def test_b10_threads_that_are_none(threads, error):
    table = {"x": [1.0, 2.0, 4.0, 8.0], "y": [3.0, 2.0, 1.5, 1.25]}
    with pytest.raises(error, match=r"threads is"):
        lf.fit("power", table, threads=threads)


def test_b10_a_million_threads_are_as_many_as_find_work():
    assert run("print(bits(fitted(threads=10**6)))") == [expected_bits()]


# Two OpenMP runtimes


@pytest.mark.skipif(sys.platform != "linux", reason="how others hide symbols is their own")
def test_d09_the_core_exports_its_init_function_alone():
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("nm is not installed")
    listing = subprocess.run(
        [nm, "-D", "--defined-only", _core.__file__], capture_output=True, text=True, check=True
    ).stdout
    assert [line.split()[-1] for line in listing.splitlines()] == ["PyInit__core"]


@pytest.mark.skipif(sys.platform != "linux", reason="RTLD_LOCAL is looked at where it is known")
def test_d09_the_core_is_loaded_for_itself_alone():
    code = """
        import ctypes
        print(hasattr(ctypes.CDLL(None), "PyInit__core"))
    """
    assert run(code) == ["False"]


@posix
def test_d09_beside_the_openmp_of_torch():
    pytest.importorskip("torch", reason="torch, which brings an OpenMP of its own, is missing")
    code = """
        warnings.simplefilter("ignore")
        first = {first}
        import torch
        many = torch.rand(400, 400)
        torch.set_num_threads(2)
        found = [bits(fitted(threads=2))]
        (many @ many).sum().item()
        found.append(bits(fitted(threads=4)))
        print(*found)
    """
    for first in ("None", "bits(fitted(threads=2))"):
        assert run(code.replace("{first}", first), timeout=300) == [expected_bits()] * 2


# Arithmetic that another library has changed for its thread

SETTERS = """
#include <xmmintrin.h>
void set_control(unsigned value) { _mm_setcsr(value); }
unsigned get_control(void) { return _mm_getcsr(); }
"""
USUAL = 0x1F80
UNUSUAL = {
    "subnormal numbers are flushed": USUAL | 0x8040,
    "rounds up": USUAL | 0x4000,
    "rounds to zero": USUAL | 0x6000,
    "overflow traps": USUAL & ~0x0400,
}


@pytest.fixture(scope="module")
def setters(tmp_path_factory):
    compiler = shutil.which("cc")
    machine = os.uname().machine if hasattr(os, "uname") else ""
    if compiler is None or machine not in ("x86_64", "AMD64"):
        pytest.skip("needs a C compiler and the control register of x86")
    folder = tmp_path_factory.mktemp("setters")
    (folder / "setters.c").write_text(SETTERS)
    library = folder / "setters.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, folder / "setters.c"], check=True)
    return library


@pytest.mark.parametrize("how", UNUSUAL)
def test_d12_arithmetic_that_others_changed_changes_nothing(setters, how):
    code = f"""
        import ctypes
        warnings.simplefilter("ignore")  # numpy has seen subnormal numbers vanish
        library = ctypes.CDLL({str(setters)!r})
        set_control, get_control = library.set_control, library.get_control
        get_control.restype = ctypes.c_uint
        curves, table = problem(), many(300)
        light = np.full(300, 1e-304)  # which makes the terms of the objective subnormal
        sequence = lf.Problem("power", table)
        forecaster = lf.Forecaster("annealing", curves[0].schedule)
        points = list(zip(curves[0].steps.tolist(), curves[0].loss.tolist()))[:50]

        def outputs():
            fit = lf.fit("annealing", curves, threads=2)
            small = lf.fit("power", table, loss="squared", weights=light, threads=4)
            own = lf.fit(python_law(), table, starts=[[1.5, 0.4, 1.2]])
            drawn = lf.bootstrap(small, 40, threads=2)
            found = [fit.objective, small.objective, own.objective]
            for one in (fit, small, own):
                found += [*one.params.values(), *one.cov.ravel()]
            found += drawn.objective.tolist()
            found += sequence.minimise(dict(a=1.5, b=0.4, c=1.2)).params.values()
            follower = lf.Forecaster("annealing", curves[0].schedule)
            for point in points:
                follower.update(*point)
            return found + [*follower.params.values()]

        rates = [lf.schedules.cosine(steps=3000, peak=3e-4, warmup=100) for _ in range(2)]
        usual, rate = outputs(), rates[0].lr
        set_control({UNUSUAL[how]})
        unusual, same_rate = outputs(), rates[1].lr
        left = get_control() & 0xFFC0
        set_control({USUAL})
        same = usual == unusual
        assert np.array_equal(rate, same_rate)
        # What numpy does for lawfit, such as medians that starts are drawn around, is rounded so.
        near = "rounds" in {how!r} and np.allclose(usual, unusual, rtol=1e-6, equal_nan=True)
        print(same or near, left == {UNUSUAL[how]})
    """
    assert run(code) == ["True", "True"]


# Decimal commas


def comma_locale():
    """A locale that writes 0,5, or None."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        for name in ("de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8", "pt_BR.UTF-8"):
            try:
                locale.setlocale(locale.LC_ALL, name)
            except locale.Error:
                continue
            if locale.localeconv()["decimal_point"] == ",":
                return name, None
    finally:
        locale.setlocale(locale.LC_ALL, before)
    return None


@pytest.fixture(scope="module")
def comma(tmp_path_factory):
    """The name of a locale with a decimal comma and where it is, made if none is installed."""
    if found := comma_locale():
        return found
    if not shutil.which("localedef"):
        pytest.skip("no locale with a decimal comma, and no localedef to make one")
    folder = tmp_path_factory.mktemp("locales")
    made = subprocess.run(
        ["localedef", "-i", "de_DE", "-f", "UTF-8", folder / "de_DE.UTF-8"],
        capture_output=True,
        check=False,  # it warns of what it leaves out
    )
    if not (folder / "de_DE.UTF-8").exists():
        pytest.skip(f"no locale with a decimal comma, and none made: {made.stderr.decode()[:80]}")
    return "de_DE.UTF-8", str(folder)


def test_d13_a_decimal_comma_changes_nothing(comma):
    name, folder = comma
    code = f"""
        import locale
        text = fitted().to_json()

        def said(call):
            try:
                return call()
            except ValueError as error:
                return str(error)

        def outputs():
            law = lf.Law("own", "a * x**-0.5 + 1.25e-1 * b", ["a", "b"], y="y")
            forecaster = lf.Forecaster("annealing", problem()[0].schedule)
            fit = lf.Fit.from_json(text)
            found = [bits(fit), fit.to_json(), fit.summary(), repr(law), repr(fit)]
            found.append(lf.predict(law, dict(a=2.0, b=4.0), {{"x": [1.0, 4.0]}}).tolist())
            found.append(said(lambda: forecaster.update(200, -2.5)))
            found.append(said(lambda: lf.Law("bad", "a * x + 1,5", ["a"])))
            try:
                from typer.testing import CliRunner
                from lawfit.cli.app import app
            except ImportError:
                return found
            shown = CliRunner().invoke(app, ["demo", "--no-plot"]).output.splitlines()
            return [*found, *(line for line in shown if "time of" not in line)]

        usual = outputs()
        locale.setlocale(locale.LC_ALL, {name!r})
        print(locale.localeconv()["decimal_point"] == ",", outputs() == usual, bits())
    """
    changes = {"LC_ALL": name, **({"LOCPATH": folder} if folder else {})}
    assert run(code, **changes) == ["True", "True", expected_bits()]


# Instruction sets


def test_instruction_sets_agree():
    code = """
        fit = fitted(fixed={"lam": None})
        law = lf.Law("mine", "a*exp(-b*x) + c*log(x) + tanh(d*x)", ["a", "b", "c", "d"], y="y")
        x = np.linspace(0.1, 3, 500)
        y = 2 * np.exp(-x) + 0.5 * np.log(x) + np.tanh(0.3 * x) + 5 + 0.01 * np.sin(50 * x)
        own = lf.fit(law, {"x": x, "y": y}, starts=[[1.5, 1.5, 1, 0.5]])
        schedule = lf.schedules.cosine(steps=2000, peak=3e-4, end=3e-5, warmup=200)
        params = dict(L0=2.6, A=0.6, alpha=0.45, B=440.0, C=2.1, beta=0.6, gamma=0.65)
        drops = lf.predict(lf.laws.multi_power, params, schedule)[::100]
        print(lf.build_info()["simd"], *fit.params.values(), fit.objective, fit.stderr["alpha"],
              *own.params.values(), own.objective, *drops)
    """
    found = {}
    for level in ("scalar", "sse2", "avx2", "avx512", "neon"):
        used, *numbers = run(code, LAWFIT_SIMD=level)
        found[used] = np.array(numbers, dtype=float)
    assert "scalar" in found
    assert lf.build_info()["simd"] in found or os.environ.get("LAWFIT_SIMD")
    for numbers in found.values():
        np.testing.assert_allclose(numbers, found["scalar"], rtol=1e-10)


def test_unknown_instruction_set_is_the_best_one():
    (unknown,) = run('print(lf.build_info()["simd"])', LAWFIT_SIMD="mmx")
    (best,) = run('print(lf.build_info()["simd"])', LAWFIT_SIMD="")
    assert unknown == best


def test_build_info():
    info = lf.build_info()
    assert set(info) == {"version", "compiler", "cxx_standard", "openmp", "max_threads", "simd"}
    assert info["version"] == lf.__version__
    assert info["simd"] in ("scalar", "sse2", "avx2", "avx512", "neon")
    assert info["cxx_standard"] >= 201703
    assert info["max_threads"] >= 1
