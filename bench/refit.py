"""Time a refit after each new point of one growing annealing curve, beside scipy's warm solvers.

    python bench/refit.py [--points 1000 10000 100000] [--window 1000] [--peers 5] [--sd 3e-3]

One thread. For each number of points n, a curve of 1.25·n points is fed to a Forecaster; the
updates from n - window to n are timed from Python and printed as p50, p99 and max, under a plateau
of the learning rate and, at the curve's end, under its decay. The peers re-solve from the last
solution after single new points, with exact Jacobians: scipy's least_squares with trf and lm (the
square roots of Huber's terms as residuals) and L-BFGS-B. All reach for the same objective; `gap` is
how far each is above the lowest that any solver found, relatively.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import time

import numpy as np
from scipy.optimize import least_squares, minimize

import lawfit as lf

TRUE = {"L0": 2.63, "A": 0.43, "alpha": 0.55, "C": 0.41}
NAMES = list(TRUE)
DELTA = 1e-3
STRIDE = 9


def measured(points, sd):
    """A schedule, steps and losses of which the last fifth decay."""
    steps = points * STRIDE + 1000
    schedule = lf.schedules.wsd(
        steps=steps, peak=3e-4, warmup=1000, decay_start=int(0.8 * steps), end=3e-5
    )
    at = np.arange(1000, steps, STRIDE)[:points]
    s1, s2 = schedule.areas(0.999, at=at, warmup="peak")
    loss = TRUE["L0"] + TRUE["A"] * s1 ** -TRUE["alpha"] - TRUE["C"] * s2
    return schedule, at, loss * np.exp(sd * np.random.default_rng(0).standard_normal(points))


class Peer:
    """The same objective for scipy, with exact derivatives; areas and logarithms are ready."""

    def __init__(self, schedule, at, loss):
        s1, self.s2 = schedule.areas(0.999, at=at, warmup="peak")
        self.x, self.y = np.log(s1), np.log(loss)

    def law(self, theta):
        power = np.exp(-theta[2] * self.x)
        f = theta[0] + theta[1] * power - theta[3] * self.s2
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


def feed(forecaster, at, loss, first, last):
    """Update with the points first … last - 1; return wall times in microseconds."""
    times = np.empty(last - first)
    steps, losses = at[first:last].tolist(), loss[first:last].tolist()
    for k, (step, value) in enumerate(zip(steps, losses, strict=True)):
        begin = time.perf_counter_ns()
        forecaster.update(step, value)
        times[k] = 1e-3 * (time.perf_counter_ns() - begin)
    return times


def ours(schedule, at, loss, mode, points, window):
    """Time both stretches; print, and return the p50 of the plateau and gaps on the way."""
    forecaster = lf.Forecaster("annealing", schedule, mode=mode)
    gaps, done, plateau = [], 0, np.nan
    marks = np.unique(np.geomspace(20, len(at), 30).astype(int)).tolist()
    for stop in sorted({*marks, points - window, points, len(at) - window, len(at)}):
        core = forecaster._core
        before = core.anchors, core.forced_anchors
        times = feed(forecaster, at, loss, done, stop)
        done = stop
        if stop in (points, len(at)):
            times = times[-window:]
            where = "plateau" if stop == points else "decay  "
            p50, p99 = np.percentile(times, [50, 99])
            plateau = p50 if stop == points else plateau
            print(
                f"  {mode:8} {where} p50 {p50:8.2f}  p99 {p99:8.2f}  max {times.max():9.1f} µs  "
                f"p99/p50 {p99 / p50:4.1f}  anchors {core.anchors - before[0]} "
                f"({core.forced_anchors - before[1]} at once), rows evaluated {core.evaluated_rows}"
            )
        peer = Peer(schedule, at[:stop], loss[:stop])
        full = lf.fit(
            "annealing",
            forecaster.curve,
            starts=[[max(forecaster.params[name], 1e-12) for name in NAMES]],
            threads=1,
        )
        here = peer.objective([forecaster.params[name] for name in NAMES])[0]
        there = peer.objective([full.params[name] for name in NAMES])[0]
        gaps.append((here / there - 1, forecaster.gap / there))
    worst = max(gap for gap, _ in gaps)
    print(f"  {mode:8} worst gap to a full solve at {len(gaps)} points {worst:.1e}", end="")
    print(f" (bound there and then at most {max(bound for _, bound in gaps):.1e})")
    return plateau


def peers(schedule, at, loss, points, repeats):
    """Time warm solves after single points; print them and return the fastest that is right."""
    times = {method: [] for method in ("trf", "lm", "L-BFGS-B")}
    objectives = {method: [] for method in times}
    exact = lf.fit("annealing", lf.Curve(at[:points], loss[:points], schedule), threads=1)
    start = np.array([exact.params[name] for name in NAMES])
    start[3] = TRUE["C"]  # not determined before the decay
    last = dict.fromkeys(times, start)
    for n in range(points + 1, points + 1 + repeats):
        peer = Peer(schedule, at[:n], loss[:n])
        for method in times:
            begin = time.perf_counter()
            last[method] = peer.solve(method, last[method])
            times[method].append(1e6 * (time.perf_counter() - begin))
            objectives[method].append(peer.objective(last[method])[0])
    least = np.min(list(objectives.values()), axis=0)
    best = np.inf
    for method, taken in times.items():
        gap = np.max(np.array(objectives[method]) / least - 1)
        median = np.median(taken)
        best = min(best, median if gap < 1e-6 else np.inf)
        print(f"  {method:8} warm    p50 {median:8.0f} µs  ({repeats} times), gap {gap:.0e}")
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
        schedule, at, loss = measured(points * 5 // 4 + given.window, given.sd)
        print(f"{points} points, noise {given.sd:g}")
        best = peers(schedule, at, loss, points, given.peers)
        for mode in ("exact", "anchored"):
            p50 = ours(schedule, at, loss, mode, points, given.window)
            print(f"  {mode:8} {best / p50:.0f} times the fastest peer")


if __name__ == "__main__":
    main()
