"""Rows of the catalogue in which another library is silently wrong, and what lawfit says.

`silent` runs the peer on the input and says whether it came back with a wrong answer and no error;
`answer` is the same input given to lawfit. `bench/reliability` prints both.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import lawfit as lf

X = np.geomspace(1e3, 1e6, 40)
Y = 2 * X**-0.3 + 1.5
P0 = (1.0, 0.5, 1.0)
TRUE = np.array([2.0, 0.3, 1.5])
TABLE = {"x": X, "y": Y}
START = dict(zip("abc", P0, strict=True))


class Case(NamedTuple):
    """One input, what a peer makes of it, and what lawfit says."""

    row: str
    peer: str
    version: str  # with which `silent` was seen to be true
    does: str
    silent: Callable[[Any], bool]
    answer: Callable[[], lf.Fit]
    says: str  # the refusal, or the status

    def run(self) -> bool:
        """Run the peer, which must be installed; warnings don't count as an error."""
        module = importlib.import_module(self.peer)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                return self.silent(module)
            except Exception:  # whatever the peer calls a refusal
                return False

    def told(self) -> str:
        """Return what lawfit says: the refusal's text or the fit's status."""
        try:
            return self.answer().status
        except (TypeError, ValueError) as error:
            return str(error)


def power(x, a, b, c):
    return a * x**-b + c


def curve_fit(scipy, x=X, y=Y, p0=P0, **options):
    return scipy.optimize.curve_fit(power, x, y, p0, **options)[0]


def least_squares(scipy, y=Y, p0=P0, rows=40, **options):
    def residuals(p):
        return power(X[:rows], *p) - y[:rows]

    return scipy.optimize.least_squares(residuals, p0, **options)


def stays(found, start=P0):
    """Whether a peer handed the start back as its answer."""
    return np.array_equal(found, start)


def off(found, true=TRUE):
    return not np.allclose(found, true, rtol=1e-2)


def put(values, index, value):
    changed = values.copy()
    changed[index] = value
    return changed


MASKED = np.ma.array(put(Y, 9, 1e3), mask=np.arange(40) == 9)


def ours(x=X, y=Y, **options):
    return lambda: lf.fit("power", {"x": x, "y": y}, **options)


def lmfit_answer(lmfit, y, **options):
    model = lmfit.Model(power)
    result = model.fit(y, model.make_params(**START), x=X, **options)
    return np.array([result.best_values[name] for name in "abc"])


def minuit(iminuit, y):
    cost = importlib.import_module("iminuit.cost").LeastSquares(X, y, 1e-3, power)
    search = iminuit.Minuit(cost, **START)
    search.migrad()
    search.hesse()
    return search


CASES = [
    Case("A01", "scipy", "1.17", "least_squares returns the start for no data",
         lambda scipy: stays(least_squares(scipy, rows=0).x),
         ours(X[:0], Y[:0]), "data has 0 rows"),
    Case("A02", "scipy", "1.17", "least_squares returns a fit of 3 parameters to 1 point",
         lambda scipy: least_squares(scipy, rows=1).success,
         ours(X[:1], Y[:1]), "3 parameters need >= 3 points, got 1"),
    Case("A05", "scipy", "1.17", "curve_fit returns a start of NaN as its answer",
         lambda scipy: np.isnan(curve_fit(scipy, p0=(np.nan, 1, 1))[0]),
         ours(starts=START | {"a": np.nan}), "start 0: a is nan"),
    Case("A07", "scipy", "1.17", "curve_fit returns the start for x = 0 in a power",
         lambda scipy: stays(curve_fit(scipy, x=put(X, 4, 0.0))),
         ours(x=put(X, 4, 0.0)), "x at index 4 is 0; law 'power' needs it above 0"),
    Case("A07", "scipy", "1.17", "curve_fit returns the start for x < 0 in a power",
         lambda scipy: stays(curve_fit(scipy, x=put(X, 4, -3.0))),
         ours(x=put(X, 4, -3.0)), "x at index 4 is -3; law 'power' needs it above 0"),
    Case("A17", "lmfit", "1.3", "fits the (40, 40) differences of a column and a row",
         lambda lmfit: off(lmfit_answer(lmfit, Y[:, None])),
         ours(y=Y[:, None]), "y has shape (40, 1); expected one dimension"),
    Case("A18", "scipy", "1.17", "curve_fit drops the imaginary part",
         lambda scipy: not off(curve_fit(scipy, y=Y + 1j)),
         ours(y=Y + 1j), "y at index 0 is (1.75"),
    Case("A19", "scipy", "1.17", "curve_fit parses strings",
         lambda scipy: not off(curve_fit(scipy, y=Y.astype(str))),
         ours(y=Y.astype(str)), "y at index 0 is 1.75"),
    Case("A20", "scipy", "1.17", "curve_fit fits a power law to True and False",
         lambda scipy: bool(np.isfinite(curve_fit(scipy, y=Y > 1.6)).all()),
         ours(y=Y > 1.6), "y at index 0 is True"),
    Case("A25", "numpy", "2.", "asarray drops the mask",
         lambda numpy: numpy.asarray(MASKED)[9] == 1e3,
         ours(y=MASKED), "y at index 9 is nan"),
    Case("A28", "scipy", "1.17", "least_squares returns the start as converged for 1e-310",
         lambda scipy: stays(least_squares(scipy, 1e-310 * Y, (1e-310, 0.5, 1e-310)).x,
                             (1e-310, 0.5, 1e-310)),
         ours(y=1e-310 * Y), "y at index 0 is 1.75"),
    Case("A29", "scipy", "1.17", "curve_fit returns the start for 1e300",
         lambda scipy: stays(curve_fit(scipy, y=1e300 * Y)),
         ours(y=1e300 * Y), "expected a size from 1e-60 to 1e+60"),
    Case("A30", "scipy", "1.17", "least_squares calls a fit to a constant converged, b and all",
         lambda scipy: least_squares(scipy, np.full(40, 2.5)).success,
         ours(y=np.full(40, 2.5)), "rank_deficient"),
    Case("A30", "iminuit", "2.33", "a wrong b with valid=True and an error of 1e-4",
         lambda iminuit: minuit(iminuit, np.full(40, 2.5)).valid,
         ours(y=np.full(40, 2.5)), "rank_deficient"),
    Case("A36", "numpy", "2.", "wraps 4 * 2**62 to 0",
         lambda numpy: (numpy.array([2**62]) * 4)[0] == 0,
         ours(x=[4 * 2**62 * (k + 1) for k in range(40)]), "converged"),
    Case("A37", "numpy", "2.", "rounds 2**53 + 1 to another step",
         lambda numpy: int(numpy.array([2**53 + 1]).astype(float)[0]) != 2**53 + 1,
         ours(x=put(np.arange(1, 41), 3, 2**53 + 1)), f"x at index 3 is {2**53 + 1}, which no"),
    Case("B01", "scipy", "1.17", "least_squares takes f_scale = -1",
         lambda scipy: least_squares(scipy, loss="huber", f_scale=-1).success,
         ours(delta=-1), "delta is -1; expected a number > 0"),
    Case("B06", "scipy", "1.17", "curve_fit returns the start for sigma = 0",
         lambda scipy: stays(curve_fit(scipy, sigma=put(np.ones(40), 11, 0.0))),
         ours(weights=put(np.ones(40), 11, 0.0)), "weight at index 11 is 0; expected above 0"),
    Case("B06", "scipy", "1.17", "curve_fit takes sigma = -1",
         lambda scipy: not off(curve_fit(scipy, sigma=put(np.ones(40), 11, -1.0))),
         ours(weights=put(np.ones(40), 11, -1.0)), "weight at index 11 is -1; expected above 0"),
    Case("B06", "lmfit", "1.3", "takes weights of -1",
         lambda lmfit: not off(lmfit_answer(lmfit, Y, weights=-np.ones(40))),
         ours(weights=-np.ones(40)), "weight at index 0 is -1; expected above 0"),
    Case("B11", "lmfit", "1.3", "moves a held value into its bounds",
         lambda lmfit: lmfit.Parameter("a", value=5, min=0, max=1, vary=False).value == 1,
         ours(fixed={"a": 5}, bounds={"a": (0, 1)}), "'a' has bounds but is held at 5.0"),
]  # fmt: skip
