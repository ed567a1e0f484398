"""Threads of OpenMP and of Python: none changes a bit."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import lawfit as lf
import stress_bits
from runtime_problem import many
from runtime_script import expected_bits, run, stressed


@pytest.mark.parametrize("threads", ["1", "2", "4"])
def test_openmp_threads_do_not_change_a_bit(threads):
    code = 'print(bits(), lf.build_info()["max_threads"], bits(fitted(threads=3)))'
    default, count, three = run(code, OMP_NUM_THREADS=threads)
    assert default == three == expected_bits()
    assert count == threads or lf.build_info()["openmp"] is None


def test_f6_no_bit_depends_on_threads_repeats_or_the_order_of_starts():
    assert stress_bits.measure(2) == {"runs": 8, "hashes": 1}


def test_d07_threads_of_python_fit_at_once():
    data = many()
    seeds = [k % 4 for k in range(32)]

    def work(seed):
        fit = lf.fit("power", data, rng=seed, threads=1 + seed % 3)
        return [*fit.params.values(), fit.objective], fit.cov.tobytes()

    alone = [work(seed) for seed in range(4)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(work, seeds))
    assert together == [alone[seed] for seed in seeds]


def test_d08_threads_share_what_they_use_and_find_what_one_finds():
    assert stressed("threads", 2, timeout=300)["differ"] == []


def test_d08_the_core_needs_no_gil():
    code = """
        import sysconfig
        free = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
        # -W error: importing a module that needs the GIL warns where there is none.
        print(free == (not getattr(sys, "_is_gil_enabled", lambda: True)()))
    """
    assert run("import sys\n" + code.replace("\n        ", "\n")) == ["True"]
