"""Time bootstraps of one fit and a million small fits, and check what they find.

    python bench/resample.py [--curves 10000] [--resamples 100] [--repeats 5]

4000 bootstraps of the Chinchilla law on 240 points, on one thread: those of the published
reconstruction where the tests find them, synthetic ones with tails as long elsewhere.
Then the annealing law fitted to synthetic curves of 40 to 100 points under three
schedules, with lam held, and bootstraps of each, on all threads. A sample of replicates and of
groups is fitted again from all starts by `lawfit.fit`.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import lawfit as lf

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from golden_data import chinchilla_points

CHINCHILLA = {"E": 1.8172, "A": 477.8, "alpha": 0.3473, "B": 2143.0, "beta": 0.3672}
ANNEALING = {"L0": 2.6, "A": 0.43, "alpha": 0.55, "C": 0.4, "lam": 0.999}
SAMPLE = 50  # replicates and groups that are fitted again


def published():
    """Return the 240 points of the published reconstruction, or None where they are not at hand."""
    try:
        return chinchilla_points()
    except pytest.skip.Exception:
        return None


def synthetic(rng):
    """Return 240 points whose residuals are as long-tailed as the published ones."""
    n, c = 10 ** rng.uniform(7.7, 10.2, 240), 10 ** rng.uniform(18.5, 21.5, 240)
    points = {"N": n, "D": c / (6 * n)}
    loss = lf.predict("chinchilla", CHINCHILLA, points)
    return points | {"loss": loss * np.exp(4e-3 * rng.standard_t(3, 240))}


def curves(count, rng):
    """Return annealing curves of 40 to 100 points with relative noise of 0.2%."""
    schedules = [
        lf.schedules.cosine(steps=20_000, peak=peak, warmup=500, end=peak / 10)
        for peak in (2e-4, 3e-4, 5e-4)
    ]
    made, clean = [], {}
    for k in range(count):
        points, schedule = int(rng.integers(40, 101)), schedules[k % 3]
        at = np.linspace(600, 19_999, points).astype(int)
        if (k % 3, points) not in clean:
            s1, s2 = schedule.areas(ANNEALING["lam"], at=at, warmup="peak")
            drop = ANNEALING["A"] * s1 ** -ANNEALING["alpha"] - ANNEALING["C"] * s2
            clean[k % 3, points] = ANNEALING["L0"] + drop
        loss = clean[k % 3, points] + 0.1 * rng.random()
        loss *= np.exp(2e-3 * rng.standard_normal(points))
        made.append(lf.Curve(at, loss, schedule, name=f"run {k}"))
    return lf.Curves(made)


def refitted(data, counts):
    """Fit from all starts to rows that count so many times."""
    kept = np.flatnonzero(counts)
    part = {name: np.asarray(values)[kept] for name, values in data.items()}
    return lf.fit("chinchilla", part, weights=counts[kept].astype(float))


def worst(found, wanted):
    return max(abs(x / w - 1) for x, w in zip(found, wanted, strict=True))


def bootstraps(repeats, rng):
    data = published()
    kind = "published" if data else "synthetic"
    data = data or synthetic(rng)
    fit = lf.fit("chinchilla", data)
    lf.bootstrap(fit, 100, threads=1)  # warm
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        found = lf.bootstrap(fit, 4000, threads=1)
        times.append(time.perf_counter() - begin)
    print(
        f"4000 bootstraps of Chinchilla, {fit.n} {kind} points, one thread: "
        f"median {statistics.median(times):.4f} s (least {min(times):.4f}), "
        f"{1e6 * statistics.median(times) / 4000:.1f} us each; {found.counts()}"
    )
    full = [refitted(data, found.rows(k)).objective for k in range(SAMPLE)]
    print(
        f"  mean objective {found.objective.mean():.10g}; {SAMPLE} replicates agree with fits from "
        f"all starts to {worst(found.objective[:SAMPLE], full):.1e}"
    )
    for name, error in found.stderr.items():
        print(f"  {name:6} {fit.params[name]:10.5g} ± {error:.4g}")
    exponent = found.params["beta"] / (found.params["alpha"] + found.params["beta"])
    print(f"  beta / (alpha + beta) {exponent.mean():.4f} ± {exponent.std():.4f}")


def many(count, resamples, rng):
    begin = time.perf_counter()
    runs = curves(count, rng)
    made = time.perf_counter() - begin
    lf.fit_many("annealing", runs[:20], by="name", resamples=10)  # warm
    begin = time.perf_counter()
    found = lf.fit_many("annealing", runs, by="name", resamples=resamples)
    spent = time.perf_counter() - begin
    fits = count * (resamples + 1)
    print(
        f"{count} curves of 40 to 100 points x {resamples} resamples, {fits} fits, "
        f"{lf.build_info()['max_threads']} threads: {spent:.2f} s, {1e6 * spent / fits:.1f} us "
        f"each (the curves were made in {made:.2f} s)"
    )
    print(f"  fits: {found.counts()}; resamples: {found.resampled_counts()}")
    sample = lf.fit("annealing", runs[:SAMPLE], by="name").fits
    print(
        f"  mean objective {found.objective.mean():.10g}, of resamples "
        f"{found.resampled_objective.mean():.10g}; {len(sample)} groups agree with single fits to "
        f"{worst(found.objective[:SAMPLE], [fit.objective for fit in sample]):.1e}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--curves", type=int, default=10_000)
    parser.add_argument("--resamples", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    print(lf.build_info())
    bootstraps(asked.repeats, np.random.default_rng(0))
    many(asked.curves, asked.resamples, np.random.default_rng(1))


if __name__ == "__main__":
    main()
