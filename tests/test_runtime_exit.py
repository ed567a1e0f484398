"""The interpreter ends while fits are under way."""

import subprocess
import sys
import textwrap

import pytest

from runtime_script import environment, linux, run, script

FOREVER = {
    "few rows": "lf.fit('power', small, starts=16)",
    "many rows": "lf.fit('power', large, starts=16)",
    "a Python law": "lf.fit(quick, small, starts=16)",
    "a slow Python law": "lf.fit(slow, small, starts=16)",
    "a law that lets go of the GIL": "lf.fit(asleep, small, starts=16)",
    "bootstrap": "lf.bootstrap(lf.fit('power', small), 500)",
    "Forecaster": "forecaster().update_many(curve.steps, curve.loss)",
}


@pytest.mark.parametrize("call", FOREVER.values(), ids=FOREVER.keys())
def test_d14_exit_while_a_daemon_thread_is_at_it(call):
    for _ in range(3):
        assert run(f"{at_it(call)}print(began.wait(30))") == ["True"]


@linux
@pytest.mark.parametrize("kind", ["many rows", "a Python law", "Forecaster"])
def test_d14_a_daemon_thread_that_is_at_it_after_the_interpreter_has_ended(kind):
    """Handlers of the C library run then, and may take their time; here they sleep for a second.

    The threads yield to the main one, and so have missed that the interpreter has ended.
    """
    slow_exit = """
        import ctypes
        began.wait(30)
        time.sleep(0.3)
        libc = ctypes.CDLL(None)
        libc.on_exit(libc.sleep, None)  # is called with the exit code
        sys.exit(1)
    """
    yielding = "os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)"
    code = "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    code = script(code + at_it(FOREVER[kind], first=yielding) + textwrap.dedent(slow_exit))
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, env=environment(), check=False, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, b"")


def at_it(call, first="pass"):
    """Code that starts threads which never end."""
    code = f"""
        small, large = many(60), many(200_000)
        curve = problem()[0]
        began = threading.Event()

        def forecaster():
            began.set()
            return lf.Forecaster("annealing", curve.schedule)

        def slow(x, *, a, b, c):
            began.set()
            return a * np.array([value**-b for value in x]) + c

        def asleep(x, *, a, b, c):
            began.set()
            time.sleep(1e-4)
            return python_power(x, a=a, b=b, c=c)

        def quick(x, *, a, b, c):
            began.set()
            return python_power(x, a=a, b=b, c=c)

        quick, slow, asleep = (lf.CallableLaw(law, y="y") for law in (quick, slow, asleep))

        def forever():
            {first}
            while True:
                {call}
                began.set()

        for _ in range(3):
            threading.Thread(target=forever, daemon=True).start()
    """
    return textwrap.dedent(code)
