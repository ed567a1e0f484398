"""How long Ctrl-C takes to end a long call, and whether the next fit has the same bits.

python tests/stress_signals.py --count 50
"""

import argparse
import json
import signal
import statistics
import subprocess
import sys
import time

from runtime_script import TIMEOUT, environment, expected_bits, script

CALLS = {
    "many starts": "fitted(starts=10**9, threads=2)",
    "many starts on one thread": "fitted(starts=10**9, threads=1)",
    "free decay": "fitted(starts=10**6, fixed={'lam': None})",
    "many rows": "lf.fit('power', rows, starts=10**6)",
    "no sum of powers": "lf.fit(bend, rows, starts=10**6)",
    "groups": "lf.fit('power', sets, by='set', shared=['b'], starts=10**6)",
    "bootstrap": "lf.bootstrap(fitted(), 10**7, threads=2)",
    "many fits": "lf.fit_many('power', sets, by='set', resamples=10**5)",
    "area": "billion.areas(at=[10**9 - 1])",
    "minimise": "noisy.minimise(dict(zip(noisy.free, NOISY)))",
    "prediction": "fitted().predict(billion, at=[10**9 - 1])",
    "python law": "lf.fit(python_law(), sets, starts=10**6)",
}
LONG_FITS = ("many starts", "groups", "python law")


def child(call, count):
    return f"""
        rows, sets = many(10**6), many(10**5)
        bend = lf.Law("bend", "logaddexp(a - b*log(x), c)", ["a", "b", "c"], y="y")
        noisy = noisy_problem() if {"noisy" in call} else None
        billion = lf.schedules.cosine(steps=10**9, peak=1e-3, warmup=10**6, end=1e-5)
        for _ in range({count}):
            try:
                print("ready", flush=True)
                {call}
                print("finished", flush=True)
            except KeyboardInterrupt:
                print(time.monotonic(), flush=True)
        print(bits(), flush=True)
    """


def interrupt(name, count, wait=0.25):
    """Seconds that each of so many SIGINTs took, and the bits of a fit after them."""
    process = subprocess.Popen(
        [sys.executable, "-c", script(child(CALLS[name], count))],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        delays = []
        for _ in range(count):
            assert process.stdout.readline() == "ready\n"
            time.sleep(wait)
            sent = time.monotonic()  # one clock for all processes
            process.send_signal(signal.SIGINT)
            delays.append(float(process.stdout.readline()) - sent)
        bits = process.stdout.readline().strip()
        assert process.wait(TIMEOUT) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    return delays, bits


def measure(count, names=LONG_FITS):
    """Milliseconds over so many SIGINTs for each call, and how many next fits differ."""
    found = {name: interrupt(name, count) for name in names}
    delays = [1e3 * delay for each, _ in found.values() for delay in each]
    return {
        "count": len(delays),
        "max_ms": max(delays),
        "median_ms": statistics.median(delays),
        "different_bits": sum(bits != expected_bits() for _, bits in found.values()),
        "by_call": {name: 1e3 * max(each) for name, (each, _) in found.items()},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50, help="SIGINTs for each call")
    parser.add_argument("--all", action="store_true", help="every kind of call, not only fits")
    given = parser.parse_args()
    print(json.dumps(measure(given.count, CALLS if given.all else LONG_FITS)))
