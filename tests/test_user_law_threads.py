"""A Python law among threads and inside itself: rows C07 and C08 of the catalogue of bad input."""

import subprocess
import sys
import textwrap

import pytest

TIMEOUT = 100  # gross: a machine may be busy

# A hang is ended by a dump of every thread's stack.
PROBLEM = f"""
import faulthandler, hashlib, random, sys, threading, time
faulthandler.dump_traceback_later({TIMEOUT}, exit=True)
import numpy as np
import lawfit as lf

x = np.geomspace(1, 1e4, 60)
table = {{"x": x, "y": 3 * x**-0.4 + 1.2 + 0.01 * np.sin(x)}}
large = {{"x": np.geomspace(1, 1e4, 20_000)}}
large["y"] = 3 * large["x"]**-0.4 + 1.2 + 0.01 * np.sin(large["x"])
start = {{"a": 1.0, "b": 0.3, "c": 1.0}}

def power(x, *, a, b, c):
    return a * x**-b + c

def law(function=power):
    return lf.CallableLaw(function, list("abc"), ["x"], y="y")

def bits(fit):
    numbers = np.array([*fit.params.values(), fit.objective])
    return hashlib.sha256(numbers.tobytes() + fit.cov.tobytes()).hexdigest()

def native(threads=4):
    return bits(lf.fit("power", large, starts=8, threads=threads))

expected = bits(lf.fit(law(), table, starts=[start]))
"""


def run(code):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROBLEM + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=3 * TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_c07_a_law_that_fits():
    code = """
        inner = []
        def nested(x, *, a, b, c):
            inner.append(bits(lf.fit(law(), table, starts=[start])))
            inner.append(native())
            problem.minimise(start)
            return power(x, a=a, b=b, c=c)
        problem = lf.Problem(law(), table)
        print(bits(lf.fit(law(nested), table, starts=[start])) == expected)
        print(set(inner) == {expected, native()}, len(inner) > 20)
    """
    assert run(code) == ["True"] * 3


def test_c07_a_law_that_fits_with_the_problem_that_calls_it():
    code = """
        depth = 0
        def nested(x, *, a, b, c):
            global depth
            depth += 1
            if depth == 1:
                inner.append(problem.minimise(start))
                inner.append(problem.fit([start]).params)
            depth -= 1
            return power(x, a=a, b=b, c=c)
        inner = []
        problem = lf.Problem(law(nested), table)
        outer = problem.minimise(start)
        print(inner[0] == outer, dict(inner[1]) == outer.params)
        print(all(minimum == outer for minimum in inner[::2]))
    """
    assert run(code) == ["True"] * 3


@pytest.mark.parametrize("where", ["main", "thread"])
def test_c07_a_law_that_fits_itself_without_end(where):
    code = f"""
        def endless(x, *, a, b, c):
            lf.fit(law(endless), table, starts=[start])
            return power(x, a=a, b=b, c=c)
        def work():
            try:
                lf.fit(law(endless), table, starts=[start])
            except RecursionError:
                print("RecursionError", flush=True)
        if {where!r} == "main":
            work()
        else:
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        print(bits(lf.fit(law(), table, starts=[start])) == expected)
    """
    assert run(code) == ["RecursionError", "True"]


def test_c08_a_law_that_sleeps_and_starts_threads():
    code = """
        inner = []
        def busy(x, *, a, b, c):
            workers = [
                threading.Thread(target=lambda: inner.append(native())),
                threading.Thread(
                    target=lambda: inner.append(bits(lf.fit(law(), table, starts=[start])))
                ),
            ]
            for worker in workers:
                worker.start()
            time.sleep(0.001)
            for worker in workers:
                worker.join()
            return power(x, a=a, b=b, c=c)
        found = lf.fit(law(busy), table, starts=[start], threads=4)
        print(bits(found) == expected, set(inner) == {expected, native()})
    """
    assert run(code) == ["True"] * 2


def test_c08_a_law_is_called_on_the_thread_that_fits():
    code = """
        inside, most, on = 0, 0, set()
        def alone(x, *, a, b, c):
            global inside, most
            on.add(threading.get_ident())
            inside += 1
            most = max(most, inside)
            time.sleep(0.0001)
            inside -= 1
            return power(x, a=a, b=b, c=c)
        groups = {**table, "g": np.arange(x.size) % 2}
        starts = [{**start, "b": b} for b in (0.2, 0.3, 0.4, 0.5)]
        fit = lf.fit(law(alone), table, starts=starts, threads=8)
        lf.fit(law(alone), groups, by="g", starts=2, threads=8)
        lf.fit(law(alone), groups, by="g", shared=["b"], starts=1, threads=8, max_iterations=5)
        lf.bootstrap(fit, 3, threads=8)
        print(most, on == {threading.get_ident()})
    """
    assert run(code) == ["1", "True"]


def test_c08_many_threads_fit_one_law_and_one_problem():
    code = """
        lock = threading.Lock()
        def shared(x, *, a, b, c):
            with lock:
                time.sleep(random.choice([0, 0, 1e-4]))
            return power(x, a=a, b=b, c=c)
        mine = law(shared)
        problem = lf.Problem(mine, table)
        want = lf.Problem(law(), table).minimise(start)
        found = []
        def work(k):
            for _ in range(3):
                found.append(bits(lf.fit(mine, table, starts=[start])) == expected)
                found.append(problem.minimise(start) == want)
                found.append(bits(problem.fit([start])) == expected)
        threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
        for thread in threads:
            thread.start()
        native()
        for thread in threads:
            thread.join()
        print(len(found), all(found))
    """
    assert run(code) == ["72", "True"]


def test_c08_an_exception_in_one_thread_leaves_the_others_alone():
    code = """
        def raises(x, *, a, b, c):
            raise KeyError(threading.current_thread().name)
        found = []
        def work():
            for k in range(20):
                if k % 2:
                    found.append(bits(lf.fit(law(), table, starts=[start])) == expected)
                    continue
                try:
                    lf.fit(law(raises), table)
                except KeyError as error:
                    found.append(error.args == (threading.current_thread().name,))
        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(len(found), all(found))
    """
    assert run(code) == ["120", "True"]
