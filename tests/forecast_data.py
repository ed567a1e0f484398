"""Runs whose law is true, for forecasts with a known answer."""

import numpy as np

import lawfit as lf
from fit_data import ANNEALING

SCHEDULE = lf.schedules.wsd(steps=3000, peak=1e-3, warmup=100, decay_start=1800, end=1e-5)
STEPS = np.append(np.arange(100, 3000, 40), 2999)
DECAYING = int(np.searchsorted(STEPS, 2250))  # points by which the decay has said what it does
NAMES = ("L0", "A", "alpha", "C")


def losses(steps=STEPS, *, noise=1e-3, memory=0.0, seed=0, schedule=SCHEDULE, **params):
    """Losses of the annealing law, with noise that remembers as an AR(1) process does."""
    clean = lf.predict("annealing", {**ANNEALING, **params}, schedule, steps)
    return clean * np.exp(noise * ar1(len(steps), memory, seed))


def ar1(n, memory, seed):
    fresh = np.random.default_rng(seed).normal(0, 1, n)
    out = fresh.copy()
    for i in range(1, n):
        out[i] = memory * out[i - 1] + np.sqrt(1 - memory**2) * fresh[i]
    return out


def forecaster(n=DECAYING, *, values=None, **options):
    """A forecaster that has seen the first points."""
    seen = losses() if values is None else values
    return lf.Forecaster("annealing", SCHEDULE, **options).update_many(STEPS[:n], seen[:n])


def known(noise=1e-3, seed=99, schedule=SCHEDULE, **options):
    """A fit of a finished run of the same parameters."""
    curve = lf.Curve(STEPS, losses(noise=noise, seed=seed, schedule=schedule), schedule)
    return lf.fit("annealing", curve, **options)
