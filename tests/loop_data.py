"""Runs that the tests of training loops follow."""

import time

import numpy as np

import lawfit as lf
from fit_data import annealing_loss

STEPS = 200
SCHEDULE = lf.schedules.wsd(steps=STEPS, peak=1e-3, warmup=10, decay_start=150, end=1e-5)
# The law's losses with relative noise of 1e-3; some value where the warm-up's LR is 0.
LOSSES = annealing_loss(SCHEDULE, np.arange(STEPS)) * np.exp(
    np.random.default_rng(0).normal(0, 1e-3, STEPS)
)
FINAL = {"lawfit/final_loss", "lawfit/final_loss_lower", "lawfit/final_loss_upper"}


class Clock:
    """Stands in for the tracker's clock: it moves when told to."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)

    def pass_by(self, seconds):
        self.now += seconds


def keeps_to_a_hundredth(once):
    """Whether of three runs one takes so little of its time: others use the machine too.

    `once` makes a run and returns its tracker.
    """
    for _ in range(3):
        start = time.perf_counter()
        tracker = once()
        assert tracker.forecast is not None
        if tracker.seconds <= 0.01 * (time.perf_counter() - start):
            return True
    return False


def follow(tracker, steps=range(STEPS), losses=LOSSES):
    """Observe and report at every step; return what was reported, by step."""
    reports = {}
    for step in steps:
        tracker.observe(step, float(losses[step]))
        found = tracker.report()
        if found:
            reports[step] = found
    return reports
