"""Runs of several sizes, and a table of several sets, with parameters in common."""

import numpy as np

import lawfit as lf
from fit_data import SCHEDULES, X

SIZES = {1e6: (2.8, 0.40, 0.30), 1e7: (2.5, 0.45, 0.40), 1e8: (2.2, 0.50, 0.45)}  # L0, A, C
SHARED = {"alpha": 0.5, "lam": 0.998}
TABLE = {"a": (2.0, 1.5), "b": (3.0, 1.2), "c": (4.0, 0.8)}  # a, c of the power law, b = 0.3


def curves(noise=0.0, sizes=SIZES, names=("cosine", "wsd"), seed=3):
    steps, rng = np.arange(100, 3000, 40), np.random.default_rng(seed)
    made = []
    for size, (floor, amplitude, drop) in sizes.items():
        for name in names:
            s1, s2 = SCHEDULES[name].areas(SHARED["lam"], at=steps, warmup="peak")
            loss = floor + amplitude * s1 ** -SHARED["alpha"] - drop * s2
            made.append(
                lf.Curve(
                    steps,
                    loss * np.exp(rng.normal(0, noise, steps.size)),
                    SCHEDULES[name],
                    name=f"{name} {size:g}",
                    params=size,
                    tokens_per_step=size / 10,
                    columns={"depth": np.full(steps.size, np.log10(size))},
                )
            )
    return made


def table(noise=0.0, groups=TABLE):
    rng = np.random.default_rng(5)
    y = np.concatenate([a * X**-0.3 + c for a, c in groups.values()])
    return {
        "x": np.tile(X, len(groups)),
        "y": y * np.exp(rng.normal(0, noise, y.size)),
        "set": np.repeat(list(groups), X.size),
    }


def across(data=None, **how):
    how = {"by": "params", "shared": ["alpha", "lam"], "fixed": {"lam": None}, **how}
    return lf.fit("annealing", curves() if data is None else data, **how)
