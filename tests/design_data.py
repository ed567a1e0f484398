"""Fits whose best schedules are asked for."""

import dataclasses

import numpy as np

import lawfit as lf

STEPS, PEAK, WARMUP = 300, 3e-3, 20
RUN = {"steps": STEPS, "peak": PEAK, "warmup": WARMUP}
TRUE = {
    "annealing": {"L0": 1.5, "A": 0.4, "alpha": 0.5, "C": 3.0, "lam": 0.95},
    "multi_power": {
        "L0": 1.5, "A": 0.4, "alpha": 0.5, "B": 40.0, "C": 20.0, "beta": 0.6, "gamma": 0.6
    },
}  # fmt: skip
SIMPLE = ["annealing", "multi_power"]
CLOSE = 1e-6  # nats: a thousandth of what any run can tell


def fitted(law, **options):
    """Fit a law to two runs made by it, with a wave for noise, and put the truth in its place."""
    runs = []
    steps = np.arange(WARMUP + 10, STEPS, 5)
    for name, schedule in (
        ("cosine", lf.schedules.cosine(**RUN, end=3e-4)),
        ("wsd", lf.schedules.wsd(**RUN, decay_start=200, end=3e-4)),
        ("constant", lf.schedules.constant(**RUN)),
    ):
        loss = lf.predict(law, TRUE[law], schedule, at=steps)
        runs.append(lf.Curve(steps, loss * (1 + 1e-3 * np.sin(3.0 * steps)), schedule, name=name))
    held = {"lam": 0.95} if law == "annealing" else {"gamma": 0.6, "C": 20.0}
    fit = lf.fit(law, runs, fixed=held, **options)
    return dataclasses.replace(fit, params=TRUE[law])


def final(fit, schedule):
    return fit.predict(schedule, at=[schedule.steps - 1])[0]
