"""Every law of the catalogue against its formula as papers print it, in plain numpy."""

import numpy as np
import pytest
from scipy.optimize import brentq

import lawfit as lf
from area_reference import Areas
from lawfit import laws

SIZES = np.array([3e6, 7e7, 1.3e9, 2.2e10])
TOKENS = np.array([1e9, 4e9, 2e10, 3e11])
X = np.array([0.5, 3.0, 40.0, 700.0])
LAM = 0.99
STEPS = np.array([5, 6, 30, 31, 59, 79])  # from the end of the warm-up on
RATES = 2e-3 * np.concatenate([np.arange(1, 6) / 6, np.ones(45), np.geomspace(1, 0.05, 30)])
SCHEDULE = lf.Schedule(RATES, warmup=5)
AREAS = Areas(RATES, STEPS)
AT_PEAK = Areas(np.where(np.arange(80) < 5, RATES[5], RATES), STEPS)


def chinchilla(N, D, *, E, A, alpha, B, beta):
    return E + A / N**alpha + B / D**beta


def data_constrained(N, D, U, *, E, A, alpha, B, beta, RN, RD):
    """2305.16264; U unique tokens are at most those that were seen."""
    U = np.minimum(U, D)
    repeats = np.maximum(D / U - 1, 0)
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    U_N = np.minimum(N, (U * G) ** (beta / alpha) * G)
    excess = np.maximum(N / U_N - 1, 0)
    n = U_N + U_N * RN * (1 - np.exp(-excess / RN))
    d = U + U * RD * (1 - np.exp(-repeats / RD))
    return E + A / n**alpha + B / d**beta


def farseer(N, D, *, s, q, S, B, b, Q, A, a, E):
    return np.exp(s * N**q + S) + np.exp(B * N**b + Q) * D ** -np.exp(A * N**a + E)


def kaplan_nsb(N, S, B, *, Nc, alpha_N, Sc, alpha_S, Bstar, alpha_B):
    """2001.08361: the critical batch size is that of the loss itself."""

    def excess(loss, n, s, b):
        smin = s / (1 + Bstar / loss ** (1 / alpha_B) / b)
        return (Nc / n) ** alpha_N + (Sc / smin) ** alpha_S - loss

    tight = {"xtol": 1e-300, "rtol": 1e-15}
    return np.array(
        [brentq(excess, 0.1, 100, args=row, **tight) for row in zip(N, S, B, strict=True)]
    )


def mixture(p1, p2, p3, OT, **c):
    p = np.array([p1, p2, p3]).T
    b2, b1, c2, c1 = (
        np.array([c[f"{k}_{i}"] for i in (1, 2, 3)]) for k in ("b2", "b1", "c2", "c1")
    )
    distant = (b2 * p**2 + b1 * p + c["b0"]).sum(axis=1)
    return distant * OT + (c2 * p**2 + c1 * p + c["c0"]).sum(axis=1)


# law: formula of columns and parameters, columns, parameters
TABLES = {
    "power": (lambda x, *, a, b, c: a * x**-b + c, {"x": X}, {"a": 3.0, "b": 0.4, "c": 0.2}),
    "pure_power": (lambda x, *, a, b: a * x**-b, {"x": X}, {"a": 5.0, "b": -0.7}),
    "linear": (lambda x, *, kappa: kappa * x, {"x": X}, {"kappa": -2.4}),
    "fixed_power": (lambda x, *, a, p: a * x**p, {"x": X}, {"a": 2.5, "p": 2 / 3}),
    "broken_power": (
        lambda x, *, a, b, c0, d1, c1, f1: (
            a + b * x**-c0 * (1 + (x / d1) ** (1 / f1)) ** (-c1 * f1)
        ),
        {"x": X},
        {"a": 0.05, "b": 2.0, "c0": 0.05, "d1": 30.0, "c1": 0.5, "f1": 0.4},
    ),
    "exponential": (
        lambda x, *, a, b, c: a * np.exp(-b * x) + c,
        {"x": X},
        {"a": 2.0, "b": 0.08, "c": 0.3},
    ),
    "henighan": (
        lambda x, *, Linf, x0, alpha: Linf + (x0 / x) ** alpha,
        {"x": X},
        {"Linf": 2.2, "x0": 6.3e4, "alpha": 0.13},
    ),
    "hestness": (
        lambda x, *, g, c, x0, b: c + (g - c) * (1 + x / x0) ** -b,
        {"x": X},
        {"g": 6.0, "c": 0.5, "x0": 12.0, "b": 0.35},
    ),
    "chinchilla": (
        chinchilla,
        {"N": SIZES, "D": TOKENS},
        {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28},
    ),
    "task_loss": (
        chinchilla,
        {"N": SIZES, "D": TOKENS},
        {"E": 0.2, "A": 150.0, "alpha": 0.3, "B": 600.0, "beta": 0.32},
    ),
    "data_constrained": (
        data_constrained,
        # repeated data, more unique data than seen, excess parameters, neither
        {
            "N": np.array([3e8, 3e8, 6e10, 1e8]),
            "D": np.array([4e11, 1e9, 4e10, 1e10]),
            "U": np.array([1e10, 5e9, 1e9, 1e10]),
        },
        {
            "E": 1.87, "A": 520.0, "alpha": 0.34, "B": 1490.0, "beta": 0.36, "RN": 5.3, "RD": 15.4,
        },
    ),
    "over_training": (
        lambda N, M, *, E, alpha, beta, b: E + alpha * N**b + beta * 6 ** (b / 2) * (M * N) ** b,
        {"N": SIZES, "M": np.array([2.0, 20.0, 200.0, 640.0])},
        {"E": 1.8, "alpha": 140.0, "beta": 100.0, "b": -0.24},
    ),
    "farseer": (
        farseer,
        {"N": SIZES, "D": TOKENS},
        {
            "s": -0.021, "q": 0.169, "S": 0.091, "B": 88.0, "b": -0.1, "Q": -5.7, "A": -0.124,
            "a": 0.123, "E": 0.424,
        },
    ),
    "kaplan_n": (
        lambda N, *, Nc, alpha_N: (Nc / N) ** alpha_N,
        {"N": SIZES},
        {"Nc": 8.8e13, "alpha_N": 0.076},
    ),
    "kaplan_d": (
        lambda D, *, Dc, alpha_D: (Dc / D) ** alpha_D,
        {"D": TOKENS},
        {"Dc": 5.4e13, "alpha_D": 0.095},
    ),
    "kaplan_nd": (
        lambda N, D, *, Nc, alpha_N, Dc, alpha_D: (
            ((Nc / N) ** (alpha_N / alpha_D) + Dc / D) ** alpha_D
        ),
        {"N": SIZES, "D": TOKENS},
        {"Nc": 6.4e13, "alpha_N": 0.076, "Dc": 1.8e13, "alpha_D": 0.103},
    ),
    "kaplan_ns": (
        lambda N, Smin, *, Nc, alpha_N, Sc, alpha_S: (Nc / N) ** alpha_N + (Sc / Smin) ** alpha_S,
        {"N": SIZES, "Smin": np.array([1e3, 2e4, 3e4, 1e6])},
        {"Nc": 6.5e13, "alpha_N": 0.077, "Sc": 2.1e3, "alpha_S": 0.76},
    ),
    "kaplan_nsb": (
        kaplan_nsb,
        {
            "N": SIZES,
            "S": np.array([1e3, 2e4, 3e4, 1e6]),
            "B": np.array([1e4, 1e5, 5e5, 4e6]),
        },
        {
            "Nc": 6.5e13, "alpha_N": 0.077, "Sc": 2.1e3, "alpha_S": 0.76, "Bstar": 2.1e8,
            "alpha_B": 0.21,
        },
    ),
    "accuracy_ladder": (
        lambda task_loss, *, a, k, L0, b: a / (1 + np.exp(-k * (task_loss - L0))) + b,
        {"task_loss": np.array([0.1, 0.8, 0.9, 2.0])},
        {"a": -0.7, "k": 6.0, "L0": 0.9, "b": 0.95},
    ),
    "top1_error": (
        lambda loss, *, epsilon, a, b: epsilon - a * np.exp(-b * loss),
        {"loss": np.array([1.5, 2.0, 3.5, 7.0])},
        {"epsilon": 0.86, "a": 2.0, "b": 0.7},
    ),
    "pass_until": (
        lambda N, *, c, alpha: np.exp(-c * N**-alpha),
        {"N": SIZES},
        {"c": 600.0, "alpha": 0.3},
    ),
    "step_law": (
        lambda N, D, *, a, b, c: a * N**b * D**c,
        {"N": SIZES, "D": TOKENS},
        {"a": 1.7973, "b": -0.71292, "c": 0.30749},
    ),
    "step_law_batch": (lambda D, *, d, e: d * D**e, {"D": TOKENS}, {"d": 0.58069, "e": 0.57094}),
    "mixture": (
        mixture,
        {
            "p1": np.array([0.2, 0.5, 1.0]),
            "p2": np.array([0.3, 0.5, 0.0]),
            "p3": np.array([0.5, 0.0, 0.0]),
            "OT": np.array([1.5, 0.7, 4.0]),
        },
        {
            "b2_1": 0.4, "b1_1": 0.2, "b2_2": 0.3, "b1_2": 0.5, "b2_3": -0.2, "b1_3": 0.6,
            "c2_1": 1.0, "c1_1": 2.0, "c2_2": 0.5, "c1_2": 2.5, "c2_3": 1.5, "c1_3": 1.8,
            "b0": 0.1, "c0": -0.3,
        },
    ),
    "collapse": (  # L0 + a*t**-mu + b*p**-nu along t, where mu*a*t**-mu = nu*b*p**-nu ends a run
        lambda x, final, *, L0, mu, nu: (
            L0 + (final - L0) * (nu / (mu + nu) * x**-mu + mu / (mu + nu))
        ),
        {"x": np.array([0.01, 0.1, 0.6, 1.0]), "final": np.array([4.0, 3.4, 2.7, 2.5])},
        {"L0": 1.9, "mu": 0.5, "nu": 0.35},
    ),
}  # fmt: skip

FORWARD = {"L0": 2.6, "A": 0.43, "alpha": 0.55}
# law: its value at STEPS, parameters and size
CURVES = {
    "annealing": (
        2.6 + 0.43 * AT_PEAK.s1() ** -0.55 - 0.41 * AT_PEAK.s2(LAM),
        {**FORWARD, "C": 0.41, "lam": LAM},
        None,
    ),
    "annealing_size": (
        2.6 + 0.43 * AT_PEAK.s1() ** -0.55 + 50 * 1e8**-0.25 - 0.41 * AT_PEAK.s2(LAM),
        {**FORWARD, "B": 50.0, "beta": 0.25, "C": 0.41, "lam": LAM},
        1e8,
    ),
    "multi_power": (
        2.6 + 0.43 * AREAS.s1() ** -0.55 - 300 * AREAS.loss_drop(2.0, 0.6, 0.65),
        {**FORWARD, "B": 300.0, "C": 2.0, "beta": 0.6, "gamma": 0.65},
        None,
    ),
    "forward_momentum": (
        2.6
        + 0.43 * AT_PEAK.s1() ** -0.55
        + 50 * 1e8**-0.25
        - 0.02 * AT_PEAK.moment_area(0.9, 0.999),
        {**FORWARD, "B": 50.0, "beta": 0.25, "C": 0.02},
        1e8,
    ),
    "convex_bound": (
        2.0 + 0.9**2 / (2 * AREAS.s1()) + 12**2 * (AREAS.bound_mean() + AREAS.bound_last()),
        {"L0": 2.0, "R": 0.9, "G": 12.0},
        None,
    ),
}


def test_every_law_is_transcribed():
    assert {*TABLES, *CURVES} == set(laws.names())
    assert not TABLES.keys() & CURVES.keys()


@pytest.mark.parametrize("name", TABLES)
def test_a_law_over_columns_is_its_formula(name):
    formula, columns, params = TABLES[name]
    assert set(laws.get(name).columns) == set(columns)
    got = lf.predict(name, params, columns)
    np.testing.assert_allclose(got, formula(**columns, **params), rtol=1e-12)


@pytest.mark.parametrize("name", CURVES)
def test_a_law_over_a_schedule_is_its_formula(name):
    want, params, size = CURVES[name]
    got = lf.predict(name, params, SCHEDULE, STEPS, size=size)
    np.testing.assert_allclose(got, want, rtol=1e-12)


def test_steps_and_tokens_of_the_smallest_run_trade_off():
    """(S/Smin - 1)·(E/Emin - 1) = 1 with E = B·S tokens and Emin = E/(1 + B/Bcrit)."""
    _, columns, params = TABLES["kaplan_nsb"]
    loss = lf.predict("kaplan_nsb", params, columns)
    S, B = columns["S"], columns["B"]
    critical = params["Bstar"] / loss ** (1 / params["alpha_B"])
    endless = {name: params[name] for name in ("Nc", "alpha_N", "Sc", "alpha_S")}
    smallest = S / (1 + critical / B)
    fewest = B * S / (1 + B / critical)
    at_smallest = lf.predict("kaplan_ns", endless, {"N": columns["N"], "Smin": smallest})
    np.testing.assert_allclose(at_smallest, loss, rtol=1e-12)
    np.testing.assert_allclose((S / smallest - 1) * (B * S / fewest - 1), 1, rtol=1e-12)


def test_breaks_multiply():
    breaks = {"d1": 5.0, "c1": 0.5, "f1": 0.4, "d2": 90.0, "c2": -0.3, "f2": 1.2}
    params = {"a": 0.05, "b": 2.0, "c0": 0.05, **breaks}
    factors = (1 + (X / 5.0) ** (1 / 0.4)) ** (-0.5 * 0.4) * (1 + (X / 90.0) ** (1 / 1.2)) ** 0.36
    got = lf.predict(laws.broken_power(2), params, {"x": X})
    np.testing.assert_allclose(got, 0.05 + 2.0 * X**-0.05 * factors, rtol=1e-12)
