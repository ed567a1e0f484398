"""Fits to points made from known parameters."""

import numpy as np

import lawfit as lf

HOFFMANN = {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28}
N = np.repeat(np.geomspace(1e7, 1e10, 8), 8)
D = np.tile(np.geomspace(1e9, 1e12, 8), 8)
X = np.geomspace(1e3, 1e9, 40)


def chinchilla_loss(N, D):
    return 1.69 + 406.4 * N**-0.34 + 410.7 * D**-0.28


def chinchilla_fit(noise=0.0, law=lf.laws.chinchilla, seed=1, **options):
    """Hoffmann's law fitted to 64 points with log-normal noise."""
    scatter = np.exp(np.random.default_rng(seed).normal(0, noise, N.size))
    return lf.fit(law, {"N": N, "D": D, "loss": chinchilla_loss(N, D) * scatter}, **options)


def power_fit(a, b, c=0.0, noise=0.0, seed=1, floor=False, x=X):
    """A power law a·x^-b + c fitted to points with log-normal noise; c is held at 0 by default."""
    scatter = np.exp(np.random.default_rng(seed).normal(0, noise, x.size))
    table = {"x": x, "y": (a * x**-b + c) * scatter}
    return lf.fit("power", table, loss="squared", fixed=None if floor else {"c": 0.0})
