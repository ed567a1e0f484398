"""The interpreter ends while fits are under way."""

import pytest

from runtime_script import run

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
            while True:
                {call}
                began.set()

        for _ in range(3):
            threading.Thread(target=forever, daemon=True).start()
        print(began.wait(30))
    """
    for _ in range(3):
        assert run(code) == ["True"]
