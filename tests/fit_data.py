"""Small problems with a known answer."""

import numpy as np
import pytest

import lawfit as lf

X = np.geomspace(1e3, 1e6, 40)
POWER = {"a": 2.0, "b": 0.3, "c": 1.5}
CLEAN = {"x": X, "y": 2.0 * X**-0.3 + 1.5}
# The same with fixed noise of about 1e-3, in the logarithm.
NOISE = np.random.default_rng(7).normal(0, 1e-3, X.size)
NOISY = {"x": X, "y": CLEAN["y"] * np.exp(NOISE)}

ANNEALING = {"L0": 2.5, "A": 0.45, "alpha": 0.5, "C": 0.4, "lam": 0.999}
SCHEDULES = {
    "cosine": lf.schedules.cosine(steps=3000, peak=1e-3, warmup=100, end=1e-4),
    "constant": lf.schedules.constant(steps=3000, peak=1e-3, warmup=100),
    "wsd": lf.schedules.wsd(steps=3000, peak=1e-3, warmup=100, decay_start=2000, end=1e-5),
}


def annealing_loss(schedule, steps, lam=0.999, warmup="peak"):
    s1, s2 = schedule.areas(lam, at=steps, warmup=warmup)
    return 2.5 + 0.45 * s1**-0.5 - 0.4 * s2


def annealing_curves(lam=0.999, warmup="peak", every=20, noise=0.0):
    steps = np.arange(100, 3000, every)
    rng = np.random.default_rng(3)
    return [
        lf.Curve(
            steps,
            annealing_loss(schedule, steps, lam, warmup) * np.exp(rng.normal(0, noise, steps.size)),
            schedule,
            name=name,
        )
        for name, schedule in SCHEDULES.items()
    ]


def bits(fit):
    """Everything a fit found, as bytes."""
    numbers = [*fit.params.values(), fit.objective, fit.condition, *fit.training]
    counts = (fit.starts_run, fit.starts_merged, fit.starts_agreed, fit.iterations)
    return np.array(numbers).tobytes() + fit.cov.tobytes() + fit.residuals.tobytes() + bytes(counts)


def refuse(data, message, error=ValueError, law="power", **options):
    """Expect a refusal, and that no byte of the data changed."""
    before = {name: np.array(values).tobytes() for name, values in data.items()}
    with pytest.raises(error, match=message):
        lf.fit(law, data, **options)
    assert {name: np.array(values).tobytes() for name, values in data.items()} == before
