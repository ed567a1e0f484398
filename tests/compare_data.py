"""Runs whose laws are compared."""

import numpy as np

import lawfit as lf
from fit_data import annealing_curves


def wavy(every=40, size=2e-3):
    """Return curves whose noise no library's random numbers change, and that is no near memory."""
    found = []
    for shift, curve in enumerate(annealing_curves(every=every)):
        wave = 1 + size * np.sin(2.5 * np.arange(len(curve)) + shift)
        found.append(lf.Curve(curve.steps, curve.loss * wave, curve.schedule, name=curve.name))
    return lf.Curves(found)
