"""How often do intervals hold the truth, with the exact Hessian and with a band of residuals?

    python bench/interval_coverage.py

Fits the power law to rows with noise of 1 % at the default delta of 1e-3, and counts over seeds
how many 95 % intervals of its three parameters hold the true values.
"""

import numpy as np

import lawfit as lf
from lawfit._special import student_t_quantile

SEEDS = 400
TRUE = {"a": 3.0, "b": 0.4, "c": 0.2}
NOISES = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "Student's t, 3 df": lambda rng, n: rng.standard_t(3, n),
    "growing with x": lambda rng, n: rng.standard_normal(n) * np.linspace(0.3, 2, n),
    "one in ten 20 times": lambda rng, n: np.where(rng.random(n) < 0.1, 20, 1) * rng.normal(size=n),
}


def jacobian(x, params):
    """Return the derivatives of the law's logarithm."""
    power = x ** -params["b"]
    value = params["a"] * power + params["c"]
    return np.stack([power, -params["a"] * power * np.log(x), np.ones_like(x)], 1) / value[:, None]


def plain_errors(fit, x):
    """Return standard errors of the sandwich with the Hessian's inner part, delta as it is."""
    j, r, delta = jacobian(x, fit.params), fit.residuals, fit.options.delta
    psi = np.clip(r, -delta, delta)
    bread = np.linalg.inv(j[np.abs(r) <= delta].T @ j[np.abs(r) <= delta])
    n, p = j.shape
    return np.sqrt(np.diag(n / (n - p) * bread @ ((j * psi[:, None] ** 2).T @ j) @ bread))


def main():
    print(f"share of 95 % intervals that hold the truth, {SEEDS} seeds")
    print(f"{'rows':>5}  {'noise':20}  {'narrow':>7}  {'lawfit':>7}")
    for n in (30, 60, 300, 1000):
        x = np.geomspace(1, 1e6, n)
        y = lf.predict("power", TRUE, {"x": x})
        for name, noise in NOISES.items():
            held = np.zeros(2)
            for seed in range(SEEDS):
                error = 0.01 * noise(np.random.default_rng(seed), n)
                fit = lf.fit("power", {"x": x, "y": y * np.exp(error)}, starts=[TRUE])
                t = student_t_quantile(0.975, n - 3)
                off = [abs(fit.params[key] - value) for key, value in TRUE.items()]
                pairs = fit.conf_int(0.95, scale="linear")
                held += (
                    np.mean(off <= t * plain_errors(fit, x)),
                    np.mean([pairs[k][0] <= v <= pairs[k][1] for k, v in TRUE.items()]),
                )
            print(f"{n:5}  {name:20}  {held[0] / SEEDS:7.3f}  {held[1] / SEEDS:7.3f}")


if __name__ == "__main__":
    main()
