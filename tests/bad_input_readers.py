"""Everything public that reads an array, for tests that all of it refuses the same things."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import lawfit as lf
from fit_data import CLEAN, POWER, SCHEDULES, X, annealing_curves

N = 24
SIZES = X[:N]
LOSS = CLEAN["y"][:N]
GROUPS = ["a", "b"] * (N // 2)
STEPS = np.arange(0, 10 * N, 10)
SCHEDULE = lf.schedules.cosine(steps=500, peak=1e-3, warmup=20, end=1e-4)
RATES = SCHEDULE.lr[:N]


class Reader(NamedTuple):
    """`call` reads an array like `good`, which messages call `source`: `field`."""

    name: str
    call: Callable[[Any], object]
    good: np.ndarray
    source: str
    field: str
    finite: bool = True  # refuses NaN and infinite values
    steps: bool = False  # takes whole numbers


def table(x=SIZES, y=LOSS):
    return {"x": x, "y": y, "g": GROUPS}


FIT = lf.fit("power", table(), starts=4)
GROUPED = lf.fit("power", table(), by="g", starts=4)
ANNEALED = lf.fit("annealing", annealing_curves(every=100))
CHINCHILLA = {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28}


def chain(correct):
    rng = np.random.default_rng(0)
    return lf.downstream_chain(-rng.random((3, correct.__len__(), 4)), correct)


def one_start(x, y):
    return lf.fit("power", table(x, y), starts=1)


READERS = [
    Reader("fit, y", lambda v: one_start(SIZES, v), LOSS, "data", "y"),
    Reader("fit, x", lambda v: one_start(v, LOSS), SIZES, "data", "x"),
    Reader("fit by", lambda v: lf.fit("power", table(y=v), by="g"), LOSS, "data", "y"),
    Reader("fit_many", lambda v: lf.fit_many("power", table(y=v), by="g"), LOSS, "data", "y"),
    Reader("Problem", lambda v: lf.Problem("power", table(y=v)), LOSS, "data", "y"),
    Reader("bootstrap", lambda v: lf.bootstrap(FIT, 2, data=table(y=v)), LOSS, "data", "y"),
    Reader("predict", lambda v: lf.predict("power", POWER, {"x": v}), SIZES, "data", "x"),
    Reader("Fit.predict", lambda v: FIT.predict({"x": v}), SIZES, "data", "x"),
    Reader("Fit.interval", lambda v: FIT.interval({"x": v}), SIZES, "data", "x"),
    Reader("Fit.score", lambda v: FIT.score(table(y=v)), LOSS, "data", "y"),
    Reader("GroupedFit.score", lambda v: GROUPED.score(table(y=v)), LOSS, "data", "y"),
    Reader(
        "weights",
        lambda v: lf.fit("power", table(), weights=v, starts=1),
        np.linspace(1, 2, N),
        "weights",
        "weight",
    ),
    Reader("Curve, loss", lambda v: lf.Curve(STEPS, v, name="a"), LOSS, "curve 'a'", "loss"),
    Reader(
        "Curve, column",
        lambda v: lf.Curve(STEPS, LOSS, name="a", columns={"norm": v}),
        LOSS,
        "curve 'a'",
        "norm",
    ),
    Reader(
        "Curve, steps",
        lambda v: lf.Curve(v, LOSS, name="a"),
        STEPS,
        "curve 'a'",
        "step",
        steps=True,
    ),
    Reader(
        "Curve, schedule",
        lambda v: lf.Curve([0], [1.0], v, name="a"),
        RATES,
        "curve 'a': schedule",
        "lr",
    ),
    Reader("Schedule", lf.Schedule, RATES, "schedule", "lr"),
    Reader("from_points, lr", lambda v: lf.Schedule.from_points(STEPS, v), RATES, "schedule", "lr"),
    Reader(
        "from_points, steps",
        lambda v: lf.Schedule.from_points(v, RATES),
        STEPS,
        "schedule",
        "steps",
        steps=True,
    ),
    Reader("areas", lambda v: SCHEDULE.areas(at=v), STEPS, "schedule", "at", steps=True),
    Reader("Schedule.at", SCHEDULE.at, STEPS, "schedule", "at", steps=True),
    Reader(
        "predict at",
        lambda v: ANNEALED.predict(SCHEDULES["wsd"], at=v),
        STEPS + 100,
        "schedule",
        "at",
        steps=True,
    ),
    Reader("Forecaster", lambda v: lf.Forecaster("annealing", v), RATES, "schedule", "lr"),
    Reader(
        "update_many, steps",
        lambda v: lf.Forecaster("annealing", SCHEDULE).update_many(v, LOSS),
        STEPS,
        "update_many",
        "step",
        steps=True,
    ),
    Reader(
        "update_many, losses",
        lambda v: lf.Forecaster("annealing", SCHEDULE).update_many(STEPS, v),
        LOSS,
        "update_many",
        "loss",
        finite=False,
    ),
    Reader(
        "gradient_norms",
        lambda v: lf.Schedule(RATES).bound_sums(gradient_norms=v),
        LOSS,
        "schedule",
        "gradient_norms",
    ),
    Reader("envelope", lambda v: lf.envelope({"C": SIZES, "loss": v}), LOSS, "envelope", "loss"),
    Reader(
        "critical_batch", lambda v: lf.critical_batch(v, 2e8, 0.2), LOSS, "critical_batch", "loss"
    ),
    Reader(
        "power_law_inverse",
        lambda v: lf.power_law_inverse(v, x0=1e3, alpha=0.1),
        LOSS,
        "power_law_inverse",
        "reducible",
    ),
    Reader(
        "isoflop_minimum, N",
        lambda v: lf.isoflop_minimum(v, (np.log(SIZES) - 9) ** 2 + 1),
        SIZES,
        "isoflop_minimum",
        "N",
    ),
    Reader(
        "isoflop_minimum, loss",
        lambda v: lf.isoflop_minimum(SIZES, v),
        (np.log(SIZES) - 9) ** 2 + 1,
        "isoflop_minimum",
        "loss",
    ),
    Reader("downstream_chain", chain, np.arange(N) % 4, "downstream_chain", "correct"),
    Reader(
        "weight_norms",
        lambda v: lf.weight_norms(lf.Schedule(RATES), update_norms=v, initial_norm=1.0),
        LOSS,
        "weight_norms",
        "update_norms",
    ),
]
