"""Fits that the tests of signals, forks and threads make in processes of their own."""

import hashlib

import numpy as np

import lawfit as lf


def problem():
    """3 runs of 1000 points: more than enough work for a parallel fit."""
    rng = np.random.default_rng(0)
    curves = []
    for name, schedule in {
        "cosine": lf.schedules.cosine(steps=3000, peak=1e-3, warmup=100, end=1e-4),
        "constant": lf.schedules.constant(steps=3000, peak=1e-3, warmup=100),
        "wsd": lf.schedules.wsd(steps=3000, peak=1e-3, warmup=100, decay_start=2000, end=1e-5),
    }.items():
        steps = np.arange(1000, 3000, 2)
        s1, s2 = schedule.areas(at=steps, warmup="peak")
        loss = (2.5 + 0.45 * s1**-0.5 - 0.4 * s2) * np.exp(rng.normal(0, 3e-3, steps.size))
        curves.append(lf.Curve(steps, loss, schedule, name=name))
    return curves


def fitted(**how):
    return lf.fit("annealing", problem(), **how)


def bits(fit=None):
    """A hash of what a fit found."""
    fit = fit or fitted()
    numbers = np.array([*fit.params.values(), fit.objective, *fit.stderr.values()])
    return hashlib.sha256(numbers.tobytes() + fit.residuals.tobytes()).hexdigest()


NOISY = [2.5, 0.45, 0.5, 300, 1, 0.5, 0.5]


def noisy_problem(steps=50_000):
    """Few rows, each of which sums over all steps before it."""
    lr = 1e-3 * np.exp(0.1 * np.random.default_rng(0).normal(size=steps))
    steps = np.arange(100, lr.size, 50)
    curve = lf.Curve(steps, 2.5 + 0.45 * np.cumsum(lr)[steps] ** -0.5, lf.Schedule(lr))
    return lf.Problem("multi_power", curve)


def many(rows=2000, groups=40):
    """Rows of a power law with a wave on it, in groups."""
    x = np.geomspace(1, 1e6, rows)
    y = 2 * x**-0.3 + 1.5 + 0.01 * np.sin(np.arange(rows))
    return {"x": x, "y": y, "set": np.arange(rows) % groups}


def python_power(x, *, a, b, c):
    return a * x**-b + c


def python_law():
    return lf.CallableLaw(python_power, y="y")
