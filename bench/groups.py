"""Time fits across groups of runs, and show what a short log gains from the others.

    python bench/groups.py

The second part needs the published data beside the checkout, as the tests of the same numbers do.
"""

import sys
import time
from pathlib import Path

import numpy as np

import lawfit as lf

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from golden_data import MULTIPOWER_TEST, MULTIPOWER_TRAIN, multipower_curves

POINTS = 40


def table(groups):
    rng = np.random.default_rng(0)
    x, g = np.tile(np.geomspace(1e3, 1e6, POINTS), groups), np.repeat(np.arange(groups), POINTS)
    y = (1 + 0.01 * g) + (2 + 0.01 * g) * x**-0.3
    return {"x": x, "g": g, "y": y * np.exp(rng.normal(0, 1e-3, x.size))}


def curves(groups):
    rng, steps = np.random.default_rng(0), np.linspace(150, 2990, POINTS).astype(int)
    schedule = lf.schedules.wsd(steps=3000, peak=1e-3, warmup=100, decay_start=2000, end=1e-5)
    s1, s2 = schedule.areas(0.997, at=steps, warmup="peak")
    for g in range(groups):
        share = g / groups
        loss = 2.5 - 0.2 * share + (0.45 + 0.1 * share) * s1**-0.5 - (0.4 + 0.1 * share) * s2
        noise = np.exp(rng.normal(0, 1e-3, steps.size))
        yield lf.Curve(steps, loss * noise, schedule, name=f"{g}", params=1e6 * (g + 1))


def timed(name, repeats, *args, **how):
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        fit = lf.fit(*args, **how)
        seconds.append(time.perf_counter() - begin)
    best, median = 1e3 * min(seconds), 1e3 * float(np.median(seconds))
    print(f"  {name:42} best {best:7.1f} ms  median {median:7.1f} ms  {fit.status}")


def sized(size, names, share=1.0):
    for curve in multipower_curves(size, names):
        n = int(share * len(curve))
        yield lf.Curve(
            curve.steps[:n],
            curve.loss[:n],
            curve.schedule,
            name=f"{size} {curve.name}",
            params=size * 1e6,
        )


def main():
    print(f"fits across groups of {POINTS} points, default starts and threads")
    for groups, repeats in ((3, 20), (100, 9), (1000, 3)):
        data, runs = table(groups), list(curves(groups))
        timed(f"power law, {groups} groups, b shared", repeats, "power", data, by="g", shared=["b"])
        how = {"by": "params", "shared": ["alpha"]}
        timed(f"annealing law, {groups} groups, alpha shared", repeats, "annealing", runs, **how)
        how = {"by": "params", "shared": ["alpha", "lam"], "fixed": {"lam": None}}
        timed(f"annealing law, {groups} groups, lam free too", repeats, "annealing", runs, **how)
    print("400M logged up to 30%, beside 25M and 100M in full: test scores of 400M's long runs")
    short, test = list(sized(400, MULTIPOWER_TRAIN, 0.3)), list(sized(400, MULTIPOWER_TEST))
    full = [curve for size in (25, 100) for curve in sized(size, MULTIPOWER_TRAIN)]
    alone = lf.fit("annealing", short, warmup="skip").score(test).mean()
    print(f"  {'alone':23} R2 {alone.R2:.4f}  MAE {alone.MAE:.5f}  WorstE {alone.WorstE:.5f}")
    for shared in (["alpha"], ["C"], ["alpha", "C"], ["alpha", "C", "lam"]):
        fixed = {"lam": None} if "lam" in shared else None
        how = {"by": "params", "shared": shared, "fixed": fixed, "warmup": "skip"}
        mean = lf.fit("annealing", [*full, *short], **how).score(test).mean()
        print(
            f"  shared {', '.join(shared):16} R2 {mean.R2:.4f}  MAE {mean.MAE:.5f}  "
            f"WorstE {mean.WorstE:.5f}"
        )


if __name__ == "__main__":
    main()
