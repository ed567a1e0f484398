"""Forks after fits and during them, and spawned processes: do they fit, and right?

python tests/stress_forks.py --count 200
"""

import argparse
import json
import multiprocessing
import os
import signal
import threading
import time
import warnings

from runtime_problem import bits, fitted

PATIENCE = 30.0  # seconds after which a child counts as hung


def fork(expected):
    """What became of a child that fits: "right", "wrong" or "hung"."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer Pythons warn of forks in a process with threads
        child = os.fork()
    if child == 0:
        found = None
        try:
            found = bits(fitted(threads=4))
        finally:
            os._exit(0 if found == expected else 1)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return "right" if status == 0 else "wrong"
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hung"


def fork_during(count, expected):
    """The same while another thread is at a fit."""
    stop = threading.Event()

    def work():
        while not stop.is_set():
            fitted(threads=2)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        return [fork(expected) for _ in range(count)]
    finally:
        stop.set()
        worker.join()


def spawn(expected):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return "right" if pool.apply_async(bits).get(60) == expected else "wrong"


def measure(count, spawned=2):
    """How so many forks ended, half of them while another thread fits, and spawned processes."""
    expected = bits(fitted(threads=2))
    ends = [fork(expected) for _ in range(count - count // 2)]
    ends += fork_during(count // 2, expected)
    ends += [spawn(expected) for _ in range(spawned)]
    here = "right" if bits(fitted(threads=2)) == expected else "wrong"
    return {
        "count": count,
        "spawned": spawned,
        "hangs": ends.count("hung"),
        "wrong": [*ends, here].count("wrong"),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="forks")
    print(json.dumps(measure(parser.parse_args().count)))
