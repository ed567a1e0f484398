"""Memory that runs out, memory that is kept, and what needs none."""

import pytest

import stress_areas
import stress_refits
from runtime_script import TIMEOUT, expected_bits, linux, run, stressed

# More than these calls' memory is refused: what they need grows with rows or resamples.
GREEDY = {
    "bootstrap": "lf.bootstrap(fit, 2**34)",
    "resamples": "lf.fit_many('power', table, by='set', resamples=2**33)",
    "rates": "lf.schedules.cosine(steps=2**34, peak=1.0).lr",
    "areas": "lf.schedules.cosine(steps=2**34, peak=1.0).areas()",
    "many threads' room": "lf.fit(wide, rows, threads=64, starts=64)",
    "rows of a law": "lf.fit('power', rows, threads=2)",
}


@linux
@pytest.mark.parametrize("call", GREEDY.values(), ids=GREEDY.keys())
def test_d10_memory_that_runs_out_is_an_exception(call):
    code = f"""
        import resource
        table = many()
        fit = lf.fit("power", table)
        wide = lf.Law("wide", "a*x**-b + c + d*log(x)", ["a", "b", "c", "d"], y="y")
        rows = many({4_000_000 if "rows" in call else 10})
        used = 1024 * int(open("/proc/self/statm").read().split()[0]) * 4
        soft = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**26, soft[1]))
        try:
            {call}
            print("finished")
        except MemoryError:
            print("MemoryError")
        resource.setrlimit(resource.RLIMIT_AS, soft)
        print(bits())
    """
    assert run(code) == ["MemoryError", expected_bits()]


@linux
def test_d10_any_allocation_of_a_fit_may_fail():
    """The limit is raised bit by bit until the fit goes through."""
    code = """
        import resource
        rows = many(200_000)
        expected = bits()
        used = 4096 * int(open("/proc/self/statm").read().split()[0])
        whole = resource.getrlimit(resource.RLIMIT_AS)
        failed = 0
        for room in range(0, 2**27, 2**19):
            resource.setrlimit(resource.RLIMIT_AS, (used + room, whole[1]))
            try:
                lf.fit("power", rows, threads=1, starts=8)
                break
            except MemoryError:
                failed += 1
            finally:
                resource.setrlimit(resource.RLIMIT_AS, whole)
        print(failed > 3, bits() == expected)
    """
    assert run(code) == ["True", "True"]


@linux
def test_d11_an_exception_on_a_thread_of_openmp_is_raised_by_the_call():
    """Each group's problem is made within the parallel region, where memory then runs out."""
    code = """
        import resource
        table = many(400_000, 8)
        expected = lf.fit_many("power", table, by="set", threads=4).objective.tolist()
        used = 4096 * int(open("/proc/self/statm").read().split()[0])
        whole = resource.getrlimit(resource.RLIMIT_AS)
        failed = 0
        for room in range(0, 2**28, 2**21):
            resource.setrlimit(resource.RLIMIT_AS, (used + room, whole[1]))
            try:
                lf.fit_many("power", table, by="set", threads=4)
                break
            except MemoryError:
                failed += 1
            finally:
                resource.setrlimit(resource.RLIMIT_AS, whole)
        again = lf.fit_many("power", table, by="set", threads=4).objective.tolist()
        print(failed > 3, again == expected)
    """
    assert run(code) == ["True", "True"]


@linux
def test_f12_refits_leave_no_memory_behind():
    found = stressed("refits", 20_000, timeout=2 * TIMEOUT)
    assert found["different"] == 0
    assert found["rss_growth_kib"] < 1024
    assert found["beyond_the_points_kib"] < 1024
    assert set(found["by_call"]) == {"minimise", "forecast", "fit"}


@pytest.mark.parametrize(
    ("steps", "shapes"),
    [(10**9, ("constant", "linear", "wsd", "two_stage")), (10**6, ("cosine",))],
)
def test_f7_areas_of_a_billion_steps(steps, shapes):
    found = stress_areas.measure(steps, shapes)
    assert found["s1_error"] <= 1e-14
    assert found["s2_error"] <= 1e-14
    assert len(found["errors"]) == len(shapes) * len(stress_areas.LAMS)


@linux
def test_f7_areas_need_no_memory():
    code = "import stress_areas\nprint(stress_areas.measure(10**8, ('wsd',))['rss_growth_kib'])"
    (grown,) = run(code)
    assert int(grown) <= 64 * 1024


def test_the_script_of_refits_counts_kinds_alike():
    assert stress_refits.minimise(3) == 0
    assert stress_refits.forecast(1) == 0
    assert stress_refits.fit(1) == 0
