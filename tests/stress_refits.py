"""How much memory a million refits leave behind.

python tests/stress_refits.py --count 1000000
"""

import argparse
import ctypes
import gc
import json
import os
import time
from pathlib import Path

import numpy as np

import lawfit as lf
from runtime_problem import many

POINTS = 2000  # that a forecaster follows before the next one begins
SMALL = many(40)


def rss_kib():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def minimise(count):
    problem = lf.Problem("power", SMALL)
    start = {"a": 1.5, "b": 0.4, "c": 1.2}
    expected = problem.minimise(start)
    return sum(problem.minimise(start) != expected for _ in range(count))


SCHEDULE = lf.schedules.cosine(steps=4000, peak=1e-3, warmup=100, end=1e-4)
STEPS = np.arange(100, 4000)
LOSSES = 2.5 + 0.4 / np.sqrt(SCHEDULE.areas(at=STEPS, warmup="peak")[0] + 0.01)


def forecast(count):
    ends = set()
    steps, losses = STEPS[:POINTS].tolist(), LOSSES[:POINTS].tolist()
    for _ in range(max(count // POINTS, 1)):
        forecaster = lf.Forecaster("annealing", SCHEDULE, mode="anchored")
        for step, loss in zip(steps, losses, strict=True):
            forecaster.update(step, loss)
        ends.add(tuple(forecaster.params.values()))
    return len(ends) - 1


def fit(count):
    objectives = {lf.fit("power", SMALL, threads=1).objective for _ in range(max(count // 1000, 1))}
    return len(objectives) - 1


# What a point takes: its step and loss, and the three columns of the law's sums.
POINT_BYTES = 5 * 8
TRUE = {"L0": 2.5, "A": 0.4, "alpha": 0.5, "C": 0.3}


def follow(count):
    """KiB that a run of so many points takes beyond the points and its table of rates."""
    steps = count + 1000
    schedule = lf.schedules.wsd(steps=steps, peak=1e-3, warmup=1000, decay_start=9 * count // 10)
    rng = np.random.default_rng(0)
    at = np.arange(1000, steps)
    law = lf.predict("annealing", TRUE, schedule, at)
    losses = law * np.exp(rng.normal(0, 3e-3, at.size))
    at, losses = at.tolist(), losses.tolist()
    trimmed()
    before = rss_kib()
    forecaster = lf.Forecaster("annealing", schedule, mode="anchored")
    for step, loss in zip(at, losses, strict=True):
        forecaster.update(step, loss)
    trimmed()
    return rss_kib() - before - (POINT_BYTES * forecaster.n + 8 * steps) // 1024


def trimmed():
    """Give back to the system what is free: an allocator keeps it, and it is no growth."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def measure(count):
    """Growth of resident memory over so many refits of each kind, after a warm-up of them."""
    grown, different, seconds = {}, 0, {}
    for work in (minimise, forecast, fit):
        work(min(count, 4 * POINTS))
        gc.collect()
        before, begin = rss_kib(), time.perf_counter()
        different += work(count)
        gc.collect()
        grown[work.__name__] = rss_kib() - before
        seconds[work.__name__] = time.perf_counter() - begin
    return {
        "count": count,
        "rss_growth_kib": max(grown.values()),
        "beyond_the_points_kib": follow(count),
        "different": different,
        "by_call": grown,
        "seconds": seconds,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10**6, help="refits of each kind")
    print(json.dumps(measure(parser.parse_args().count)))
