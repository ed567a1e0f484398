"""For every law of the catalogue: rows that inform all its parameters, and true values."""

import numpy as np

import lawfit as lf


def grid(**axes):
    """All combinations of the axes' values, as columns."""
    crossed = np.meshgrid(*axes.values(), indexing="ij")
    return {name: values.ravel() for name, values in zip(axes, crossed, strict=True)}


def log_axis(low, high, n):
    return np.geomspace(low, high, n)


def observed(name, seed=None):
    """A law's rows with its own values, or with noise: data, and options of `fit`.

    Noise is 1 % of the value, on the logarithm; that of rates comes from counting 1000 trials.
    """
    columns, true = DESIGNS[name]
    law = lf.laws.get(name)
    rng = None if seed is None else np.random.default_rng(seed)
    if law.conventions.get("loss") == "binomial":
        rates = lf.predict(law, true, columns)
        trials = np.full(rates.size, 1000)
        seen = rates if rng is None else rng.binomial(trials, rates) / trials
        return {**columns, law.y: seen}, {"weights": trials}
    if isinstance(columns, list):
        return [noisy_curve(law, true, curve, rng) for curve in columns], {}
    return {**columns, law.y: noisy(lf.predict(law, true, columns), rng)}, {}


def noisy(values, rng):
    return values if rng is None else values * np.exp(0.01 * rng.standard_normal(values.size))


def noisy_curve(law, true, curve, rng):
    loss = noisy(lf.predict(law, true, curve), rng)
    return lf.Curve(curve.steps, loss, curve.schedule, name=curve.name, params=curve.params)


def runs(sizes=(1e8,), warmup=50):
    """Constant and decaying schedules of a few lengths, a run each for every model size."""
    shapes = {
        "constant": lf.schedules.constant(steps=4000, peak=1e-3, warmup=warmup),
        "cosine": lf.schedules.cosine(steps=4000, peak=1e-3, end=1e-4, warmup=warmup),
        "wsd": lf.schedules.wsd(
            steps=3000, peak=1e-3, warmup=warmup, decay_start=2000, end=1e-5, shape="linear"
        ),
    }
    steps = {name: np.arange(warmup, schedule.steps, 40) for name, schedule in shapes.items()}
    return [
        lf.Curve(
            steps[name], np.ones(steps[name].size), schedule, name=f"{name} {size:g}", params=size
        )
        for size in sizes
        for name, schedule in shapes.items()
    ]


def steps_down():
    """Runs that fall once, to several rates, and stay there: how a fall pays is seen in full."""
    curves = []
    for second in (5e-4, 2e-4, 5e-5):
        schedule = lf.schedules.two_stage(
            steps=3000, peak=1e-3, warmup=10, switch=500, second=second
        )
        steps = np.unique(np.concatenate([np.arange(10, 500, 20), np.arange(500, 3000, 25)]))
        curves.append(
            lf.Curve(steps, np.ones(steps.size), schedule, name=f"to {second:g}", params=1e8)
        )
    return curves


def shares(n):
    """Points of the simplex of three shares, and a distance that varies on its own."""
    p = np.random.default_rng(0).dirichlet([1, 1, 1], n)
    return {
        "p1": p[:, 0], "p2": p[:, 1], "p3": p[:, 2], "OT": np.geomspace(0.5, 5, n)[::-1].copy(),
    }  # fmt: skip


WIDE = log_axis(1e6, 1e11, 300)

# law: (columns, true values).
DESIGNS = {
    "power": ({"x": log_axis(1, 1e6, 300)}, {"a": 3.0, "b": 0.4, "c": 0.2}),
    "pure_power": ({"x": WIDE}, {"a": 5.0, "b": 0.1}),
    "linear": ({"x": log_axis(1, 1e3, 300)}, {"kappa": 0.2}),
    "fixed_power": ({"x": log_axis(1, 1e3, 300)}, {"a": 2.5}),
    "broken_power": (
        {"x": log_axis(1, 1e8, 400)},
        {"a": 0.05, "b": 2.0, "c0": 0.05, "d1": 3e3, "c1": 0.5, "f1": 0.5},
    ),
    "exponential": ({"x": np.linspace(0, 10, 300)}, {"a": 2.0, "b": 0.8, "c": 0.3}),
    "henighan": ({"x": log_axis(1e5, 1e10, 300)}, {"Linf": 2.2, "x0": 63.0 * 1e3, "alpha": 0.13}),
    "hestness": ({"x": log_axis(1, 1e9, 400)}, {"g": 6.0, "c": 0.5, "x0": 500.0, "b": 0.35}),
    "chinchilla": (
        grid(N=log_axis(1e7, 1e11, 18), D=log_axis(1e9, 1e12, 18)),
        {"E": 1.82, "A": 478.0, "alpha": 0.347, "B": 2143.0, "beta": 0.367},
    ),
    "data_constrained": (
        grid(N=log_axis(1e7, 1e11, 8), D=log_axis(1e9, 1e12, 8), U=log_axis(1e8, 1e11, 6)),
        {
            "E": np.exp(0.6254804), "A": np.exp(6.255414), "alpha": 0.3526596,
            "B": np.exp(7.3049974), "beta": 0.3526596, "RN": 5.309743, "RD": 15.387756,
        },
    ),
    "over_training": (
        grid(N=log_axis(1e7, 1e11, 20), M=log_axis(2, 600, 15)),
        {"E": 1.8, "alpha": 140.0, "beta": 100.0, "b": -0.24},
    ),
    "farseer": (
        grid(N=log_axis(2e8, 6e9, 18), D=log_axis(1e9, 2e11, 18)),
        {
            "s": -0.021, "q": 0.169, "S": 0.091, "B": 88.0, "b": -0.1, "Q": -5.7,
            "A": -0.124, "a": 0.123, "E": 0.424,
        },
    ),
    "kaplan_n": ({"N": WIDE}, {"Nc": 8.8e13, "alpha_N": 0.076}),
    "kaplan_d": ({"D": WIDE}, {"Dc": 5.4e13, "alpha_D": 0.095}),
    "kaplan_nd": (
        grid(N=log_axis(1e6, 1e10, 18), D=log_axis(1e7, 1e11, 18)),
        {"Nc": 6.4e13, "alpha_N": 0.076, "Dc": 1.8e13, "alpha_D": 0.103},
    ),
    "kaplan_ns": (
        grid(N=log_axis(1e6, 1e10, 18), Smin=log_axis(1e3, 1e6, 18)),
        {"Nc": 6.5e13, "alpha_N": 0.077, "Sc": 2.1e3, "alpha_S": 0.76},
    ),
    "kaplan_nsb": (
        grid(
            N=log_axis(1e6, 1e10, 7), S=log_axis(1e3, 1e6, 7), B=log_axis(1e4, 1e7, 7)
        ),
        {
            "Nc": 6.5e13, "alpha_N": 0.077, "Sc": 2.1e3, "alpha_S": 0.76, "Bstar": 2.1e8,
            "alpha_B": 0.21,
        },
    ),
    "task_loss": (
        grid(N=log_axis(1e8, 1e10, 18), D=log_axis(1e9, 1e12, 18)),
        {"E": 0.2, "A": 150.0, "alpha": 0.3, "B": 600.0, "beta": 0.3},
    ),
    "accuracy_ladder": (
        {"task_loss": np.linspace(0.1, 2.0, 300)},
        {"a": -0.7, "k": 6.0, "L0": 0.9, "b": 0.95},
    ),
    "top1_error": (
        {"loss": np.linspace(1.5, 7.0, 300)}, {"epsilon": 0.86, "a": 2.0, "b": 0.7},
    ),
    "pass_until": ({"N": log_axis(1e7, 1e10, 300)}, {"c": 600.0, "alpha": 0.3}),
    "step_law": (
        grid(N=log_axis(1e8, 1e10, 18), D=log_axis(1e9, 1e12, 18)),
        {"a": 1.7973, "b": -0.71292, "c": 0.30749},
    ),
    "step_law_batch": ({"D": log_axis(1e9, 1e12, 300)}, {"d": 0.58069, "e": 0.57094}),
    "mixture": (
        shares(300),
        {
            "b2_1": 0.4, "b1_1": 0.2, "b2_2": 0.3, "b1_2": 0.5, "b2_3": -0.2, "b1_3": 0.6,
            "c2_1": 1.0, "c1_1": 2.0, "c2_2": 0.5, "c1_2": 2.5, "c2_3": 1.5, "c1_3": 1.8,
        },
    ),
    "collapse": (
        {"x": np.tile(log_axis(0.01, 1, 60), 5), "final": np.repeat([4.0, 3.4, 3.0, 2.7, 2.5], 60)},
        {"L0": 1.9, "mu": 0.5, "nu": 0.35},
    ),
    "annealing": (runs(), {"L0": 2.6, "A": 0.43, "alpha": 0.55, "C": 0.41}),
    "annealing_size": (
        runs((2e7, 2e8, 2e9)),
        {"L0": 1.5, "A": 0.43, "alpha": 0.55, "B": 50.0, "beta": 0.25, "C": 0.41},
    ),
    "multi_power": (
        steps_down(),
        {
            "L0": 2.6, "A": 0.43, "alpha": 0.55, "B": 2000.0, "C": 0.2, "beta": 0.6, "gamma": 0.65,
        },
    ),
    "forward_momentum": (
        runs((2e7, 2e8, 2e9)),
        {"L0": 1.5, "A": 0.43, "alpha": 0.55, "B": 50.0, "beta": 0.25, "C": 0.02},
    ),
    "convex_bound": (runs(), {"L0": 2.0, "R": 0.9, "G": 12.0}),
}  # fmt: skip
