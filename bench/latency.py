"""Time a small fit and a large multi-start, called from Python.

    python bench/latency.py [--repeats 300]

Prints the median and the range of wall times, warm, with the objective reached. The curves are
synthetic, so it runs anywhere: two annealing curves of 20 points over 20001 steps (the shape of the
published pair), and one noisy curve of 10 000 points.
"""

import argparse
import statistics
import time
from functools import partial

import numpy as np

import lawfit as lf

TRUE = {"L0": 2.63, "A": 0.43, "alpha": 0.55, "C": 0.41, "lam": 0.999}


def measured(schedule, at, noise, rng):
    """Losses of the annealing law with relative noise."""
    s1, s2 = schedule.areas(TRUE["lam"], at=at, warmup="peak")
    loss = TRUE["L0"] + TRUE["A"] * s1 ** -TRUE["alpha"] - TRUE["C"] * s2
    return lf.Curve(at, loss * np.exp(noise * rng.standard_normal(len(at))), schedule)


def timed(work, repeats):
    """Return the last result and the wall times in milliseconds."""
    work()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        result = work()
        times.append(1e3 * (time.perf_counter() - begin))
    return result, times


def report(name, fit, times):
    print(
        f"{name}: median {statistics.median(times):.3f} ms "
        f"({min(times):.3f} to {max(times):.3f}, {len(times)} times), "
        f"objective {fit.objective:.10g}, {fit.starts_agreed} of {fit.starts_asked} starts agree, "
        f"{fit.starts_run} run, {fit.starts_merged} merged"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=300)
    repeats = parser.parse_args().repeats
    print(lf.build_info())
    rng = np.random.default_rng(0)

    at = np.arange(1000, 20001, 1000)
    pair = lf.Curves(
        measured(make(steps=20001, peak=2e-4, warmup=500), at, 1e-3, rng)
        for make in (lf.schedules.constant, lf.schedules.cosine)
    )

    def work(**options):
        return lf.fit("annealing", pair, threads=1, **options)

    report("40 points, default starts", *timed(work, repeats))
    free = partial(work, fixed={"lam": None})
    report("40 points, lam free", *timed(free, max(3, repeats // 30)))

    schedule = lf.schedules.wsd(steps=100_000, peak=3e-4, warmup=1000, decay_start=80_000, end=3e-5)
    long = measured(schedule, np.arange(1009, 100_000, 9)[:10_000], 3e-3, rng)
    many = partial(lf.fit, "annealing", long, starts=1000, threads=1)
    report("10 000 points, 1000 starts, one thread", *timed(many, max(3, repeats // 100)))


if __name__ == "__main__":
    main()
