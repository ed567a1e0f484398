"""Time a refit after each new point of a growing annealing curve, beside scipy's warm solvers.

    python bench/refit.py [--points 1000 10000 100000] [--window 500] [--peers 9] [--sd 3e-3]

One thread. For each number of points n there are two curves: one whose n-th point is still under
the plateau of the learning rate, and one of which the last fifth decays. A Forecaster is fed all
points; its last updates up to the n-th are timed from Python. The peers have exact Jacobians, areas
and logarithms made before the clock runs, and re-solve after single new points from their last
solution: scipy's least_squares with trf and lm (the square roots of Huber's terms as residuals) and
L-BFGS-B. `gap` is how far an objective is above the lowest that any of them found, relatively; a
peer counts as right below 1e-6. The Forecaster's worst gap is to full solves along the curve.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import time
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares, minimize

import lawfit as lf

TRUE = {"L0": 2.63, "A": 0.43, "alpha": 0.55, "C": 0.41}
NAMES = list(TRUE)
DELTA = 1e-3
STRIDE = 9
RIGHT = 1e-6


class Run(NamedTuple):
    """A schedule, and the steps and losses of n points and some more."""

    schedule: lf.Schedule
    at: np.ndarray
    loss: np.ndarray

    @classmethod
    def measured(cls, points, more, *, decays, sd):
        steps = (points + more) * STRIDE + 1000
        start = int(0.8 * steps) if decays else steps - 1
        schedule = lf.schedules.wsd(
            steps=steps, peak=3e-4, warmup=1000, decay_start=start, end=3e-5
        )
        at = np.arange(1000, steps, STRIDE)[: points + more]
        s1, s2 = schedule.areas(0.999, at=at, warmup="peak")
        loss = TRUE["L0"] + TRUE["A"] * s1 ** -TRUE["alpha"] - TRUE["C"] * s2
        return cls(schedule, at, loss * np.exp(sd * np.random.default_rng(0).normal(size=at.size)))

    def curve(self, n):
        return lf.Curve(self.at[:n], self.loss[:n], self.schedule)


class Peer:
    """The same objective for scipy, with exact derivatives; areas and logarithms are ready."""

    def __init__(self, run, n):
        s1, self.s2 = run.schedule.areas(0.999, at=run.at[:n], warmup="peak")
        self.x, self.y = np.log(s1), np.log(run.loss[:n])

    def law(self, theta):
        power = np.exp(-theta[2] * self.x)
        f = np.maximum(theta[0] + theta[1] * power - theta[3] * self.s2, 1e-9)
        jacobian = np.stack([np.ones_like(f), power, -theta[1] * power * self.x, -self.s2], axis=1)
        return np.log(f) - self.y, jacobian / f[:, None]

    def roots(self, theta):
        """Residuals whose half squares are Huber's terms, and what a residual's change makes."""
        r, jacobian = self.law(theta)
        size = np.abs(r)
        rho = np.where(size <= DELTA, 0.5 * r * r, DELTA * (size - 0.5 * DELTA))
        root = np.copysign(np.sqrt(2 * rho), r)
        slope = np.where(size <= DELTA, 1.0, DELTA / np.maximum(np.abs(root), 1e-300))
        return root, slope[:, None] * jacobian

    def objective(self, theta):
        r, jacobian = self.law(theta)
        size = np.abs(r)
        rho = np.where(size <= DELTA, 0.5 * r * r, DELTA * (size - 0.5 * DELTA))
        return rho.sum(), np.clip(r, -DELTA, DELTA) @ jacobian

    def solve(self, method, theta):
        if method == "L-BFGS-B":
            options = {"ftol": 1e-16, "gtol": 1e-14, "maxiter": 1000, "maxcor": 20}
            return minimize(self.objective, theta, jac=True, method=method, options=options).x
        return least_squares(
            lambda t: self.roots(t)[0],
            theta,
            jac=lambda t: self.roots(t)[1],
            method=method,
            x_scale="jac",
            ftol=1e-14,
            xtol=1e-14,
            gtol=None if method == "trf" else 1e-14,
        ).x


def feed(forecaster, run, first, last):
    """Update with the points first … last - 1; return wall times in microseconds."""
    times = np.empty(last - first)
    steps, losses = run.at[first:last].tolist(), run.loss[first:last].tolist()
    for k, (step, value) in enumerate(zip(steps, losses, strict=True)):
        begin = time.perf_counter_ns()
        forecaster.update(step, value)
        times[k] = 1e-3 * (time.perf_counter_ns() - begin)
    return times


def gap_of(forecaster, run):
    """Return how far the objective is above a full solve's from there, and the bound on that."""
    peer = Peer(run, forecaster.n)
    start = [max(forecaster.params[name], 1e-12) for name in NAMES]
    full = lf.fit("annealing", forecaster.curve, starts=[start], threads=1)
    here, there = (
        peer.objective([by[name] for name in NAMES])[0] for by in (forecaster.params, full.params)
    )
    return here / there - 1, forecaster.gap / there


def ours(run, mode, points, window):
    """Print how long the last updates take and how close all are; return the p50."""
    forecaster = lf.Forecaster("annealing", run.schedule, mode=mode)
    gaps, done = [], 0
    for stop in [*np.unique(np.geomspace(20, points - window, 30).astype(int)).tolist(), points]:
        before = forecaster._run.core.anchors, forecaster._run.core.forced_anchors
        times = feed(forecaster, run, done, stop)
        gaps.append(gap_of(forecaster, run))
        done = stop
    core = forecaster._run.core
    p50, p99 = np.percentile(times, [50, 99])
    gap, bound = max(gap for gap, _ in gaps), max(bound for _, bound in gaps)
    anchors, forced = core.anchors - before[0], core.forced_anchors - before[1]
    print(
        f"  {mode:8} p50 {p50:8.2f} µs, p99 {p99:.2f} ({p99 / p50:.1f} p50), "
        f"max {times.max():.1f}; {core.evaluated_rows} rows evaluated\n"
        f"           {anchors} anchors in {times.size} updates, {forced} at once; "
        f"{core.anchors} in all, {core.forced_anchors} at once\n"
        f"           worst gap {gap:.1e} (bounds up to {bound:.0e}) at {len(gaps)} points"
    )
    return p50


def peers(run, points, repeats):
    """Print the times of warm solves after single points; return the best that is right."""
    times = {method: [] for method in ("trf", "lm", "L-BFGS-B")}
    objectives = {method: [] for method in times}
    exact = lf.fit("annealing", run.curve(points), threads=1)
    last = dict.fromkeys(times, np.array([exact.params[name] for name in NAMES]))
    for n in range(points + 1, points + 1 + repeats):
        peer = Peer(run, n)
        for method, taken in times.items():
            begin = time.perf_counter_ns()
            last[method] = peer.solve(method, last[method])
            taken.append(1e-3 * (time.perf_counter_ns() - begin))
            objectives[method].append(peer.objective(last[method])[0])
    least = np.min(list(objectives.values()), axis=0)
    best = np.inf
    for method, taken in times.items():
        gap = np.max(np.array(objectives[method]) / least - 1)
        best = min(best, np.median(taken) if gap < RIGHT else np.inf)
        print(f"  {method:8} p50 {np.median(taken):8.0f} µs over {repeats}, gap {gap:.0e}")
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--window", type=int, default=500)
    parser.add_argument("--peers", type=int, default=9)
    parser.add_argument("--sd", type=float, default=3e-3, help="noise of the log loss")
    given = parser.parse_args()
    print(lf.build_info())
    for points in given.points:
        for decays in (False, True):
            run = Run.measured(points, given.peers, decays=decays, sd=given.sd)
            where = "at the end of a decay" if decays else "under a plateau"
            print(f"{points} points {where}, noise {given.sd:g}")
            best = peers(run, points, given.peers)
            for mode in ("exact", "anchored"):
                p50 = ours(run, mode, points, given.window)
                print(f"           {best / p50:.0f} times the fastest peer that is right")


if __name__ == "__main__":
    main()
