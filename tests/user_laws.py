"""A Python law that the tests of misbehaving ones vary, and what it is fitted to."""

import numpy as np

import lawfit as lf

X = np.geomspace(1, 1e4, 40)
TABLE = {"x": X, "y": 3 * X**-0.4 + 1.2 + 0.01 * np.sin(X)}
START = {"a": 1.0, "b": 0.3, "c": 1.0}


def power(x, *, a, b, c):
    return a * x**-b + c


def power_jacobian(x, *, a, b, c):
    return np.stack([x**-b, -a * x**-b * np.log(x), np.ones_like(x)], axis=1)


def law(function=power, **options):
    return lf.CallableLaw(function, list("abc"), ["x"], y="y", **options)


def fitted(function=power, **how):
    return lf.fit(law(function), TABLE, **{"starts": [START], **how})
