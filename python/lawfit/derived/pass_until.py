"""Rates of success measured by sampling until some pass, and whether they emerge with scale."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lawfit._json import parse_json, write_json
from lawfit._printable import printable
from lawfit._record import Record, to_json_number
from lawfit._special import beta_cdf, beta_quantile, chi2_sf
from lawfit._validate import EXACT_LIMIT, Floats, choose, real, same_length
from lawfit.derived._answer import Answer
from lawfit.derived._arguments import Number, plain, reals, together
from lawfit.fit import fit
from lawfit.law import Law, Parameter
from lawfit.result import Fit
from lawfit.saved import FORMAT, check_format

__all__ = ["Emergence", "PassRate", "emergence", "pass_rate"]

_SOURCE = "PassUntil, arXiv:2310.03262"
METHODS = ("likelihood", "loglog")
_SAVED = "emergence"  # what messages call a saved record
# Below this p-value the sentence of a record calls the curvature real.
_CONVINCING = 0.05

_PARAMETERS = {
    "c": Parameter(0, meaning="-log of the rate at size N0"),
    "alpha": Parameter(meaning="how fast size pays at N0"),
    "curvature": Parameter(meaning="how the exponent changes with log N; 0 in PassUntil's law"),
    "N0": Parameter(0, meaning="size at the middle of the data, not fitted"),
}
_LIKELIHOOD_LAW = Law(
    "pass_until_curved",
    "exp(-c * (N/N0)**(curvature*log(N/N0) - alpha))",
    _PARAMETERS,
    y="rate",
    description="log(-log rate) as a parabola in log N; a line without curvature.",
    source=_SOURCE,
)
_LOGLOG_LAW = Law(
    "pass_until_curved_loglog",
    "log(c) + (curvature*log(N/N0) - alpha) * log(N/N0)",
    _PARAMETERS,
    y="loglog_rate",
    description="log(-log rate) as a parabola in log N; a line without curvature.",
    source=_SOURCE,
)


class PassRate(NamedTuple):
    """A rate measured by drawing until a number of passes, each field a number or an array (n,).

    Attributes
    ----------
    rate : float or ndarray
        passes/draws, the value of greatest likelihood; on average above the truth.
    unbiased : float or ndarray
        (passes - 1)/(draws - 1) for two passes or more; passes/draws for one.
    biased : bool or ndarray of bool
        Whether `unbiased` is not, because there was one pass only.
    low, high : float or ndarray
        Ends of the exact interval.
    """

    rate: Number
    unbiased: Number
    biased: bool | NDArray[np.bool_]
    low: Number
    high: Number


def pass_rate(passes: Any, draws: Any, level: float = 0.95) -> PassRate:
    """Estimate a pass rate from the draws that it took to see a number of passes.

    Parameters
    ----------
    passes : int or array-like of int, shape (n,)
        r, chosen before sampling; at least 1.
    draws : int or array-like of int, shape (n,)
        K, the draws up to and including the last pass; at least `passes`.
    level : float
        Confidence level of the interval, between 0 and 1.

    Returns
    -------
    PassRate
        The interval covers the rate with at least the level, whatever the rate: it holds the rates
        at which neither so few draws nor so many have a probability below (1 - level)/2. Its ends
        are beta quantiles, of (r, K - r + 1) and of (r, K - r); the upper is 1 where all pass.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, index and value. Sampling given up before a pass is no such measurement
        (`emergence` takes it).

    Notes
    -----
    PassUntil, arXiv:2310.03262, draws until r = 1. Then the mean of 1/K over repetitions is
    p·log(1/p)/(1 - p), log(1/p) times the truth where it is small, and there is no unbiased
    estimate but the useless 1[K = 1]; r = 2 has one (Haldane 1945).
    """
    name = "pass_rate"
    r = _counts(passes, "passes", name, lower=1)
    k = _counts(draws, "draws", name, lower=1)
    together(name, passes=r, draws=k)
    _check_passes(name, r, k)
    tail = (1 - real(level, field="level", source=name, lower=0, upper=1, strict=True)) / 2
    r, k = np.broadcast_arrays(r, k)
    rate = r / k
    several = r > 1
    unbiased = np.where(several, (r - 1) / np.maximum(k - 1, 1), rate)
    pairs, place = np.unique(np.stack([r.ravel(), k.ravel()]), axis=1, return_inverse=True)
    ends = np.array([_interval(a, b, tail) for a, b in pairs.T.tolist()]).reshape(-1, 2).T
    low, high = (end[place.ravel()].reshape(r.shape) for end in ends)
    biased = bool(~several) if several.ndim == 0 else ~several
    return PassRate(plain(rate), plain(unbiased), biased, plain(low), plain(high))


@dataclass(frozen=True, eq=False, repr=False)
class Emergence(Answer):
    """Whether log(-log rate) bends in log N.

    Attributes
    ----------
    straight, curved : Fit
        Without and with curvature, of -log rate = c·(N/N0)^(curvature·log(N/N0) - alpha), N0 the
        geometric mean of the sizes. By "likelihood" they predict the rate from N, by "loglog"
        log(-log rate).
    statistic : float
        By "likelihood" twice the gain in log-likelihood; by "loglog" F with 1 and n - 3 degrees of
        freedom.
    p_value : float
        Probability of at least this statistic if the law is straight.
    method : str
        "likelihood" or "loglog".
    """

    straight: Fit
    curved: Fit
    statistic: float
    p_value: float
    method: str

    @property
    def c(self) -> float:
        """The c of the straight law in the paper's form, rate = exp(-c·N^-alpha)."""
        params = self.straight.params
        return float(params["c"] * params["N0"] ** params["alpha"])

    @property
    def alpha(self) -> float:
        """The exponent of the straight law."""
        return self.straight.params["alpha"]

    @property
    def curvature(self) -> float:
        """Half the second derivative of log(-log rate) by log N.

        Negative: the rate rises faster than the law says, the accelerated emergence of PassUntil.
        Positive: slower.
        """
        return self.curved.params["curvature"]

    @property
    def sign(self) -> int:
        """The sign of the curvature: -1, 0 or 1."""
        return int(np.sign(self.curvature))

    @property
    def message(self) -> str:
        """The answer as a sentence."""
        stuck = [which for which in ("straight", "curved") if not getattr(self, which).success]
        caveat = "".join(f" The {w} fit is {getattr(self, w).status}." for w in stuck)
        found = f"(curvature {self.curvature:.3g}, p {self.p_value:.2g})"
        if self.p_value >= _CONVINCING:
            return f"The rates do not tell log(-log rate) from a line in log N {found}.{caveat}"
        if self.sign < 0:
            return (
                f"The rates rise faster than the law says: accelerated emergence {found}.{caveat}"
            )
        return f"The rates rise slower than the law says {found}.{caveat}"

    def __repr__(self) -> str:
        return f"<Emergence: {printable(self.message)}>"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, from which `from_dict` makes an equal record."""
        return {
            "format": FORMAT,
            "straight": self.straight.to_dict(),
            "curved": self.curved.to_dict(),
            "statistic": to_json_number(self.statistic),
            "p_value": to_json_number(self.p_value),
            "method": self.method,
        }

    def to_json(self) -> str:
        """Return the record as JSON text; numbers keep all their digits."""
        return write_json(self.to_dict(), _SAVED)

    @classmethod
    def from_json(cls, text: str) -> Emergence:
        """Return the record that `to_json` wrote; ValueError or TypeError for any other text."""
        return cls.from_dict(parse_json(text, _SAVED))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Emergence:
        """Return the record that `to_dict` described; unknown and missing keys are refused."""
        names = [field.name for field in dataclasses.fields(cls)]
        record = Record(data, _SAVED, ["format", *names])
        check_format(record)
        return cls(
            straight=Fit.from_dict(record.mapping("straight")),
            curved=Fit.from_dict(record.mapping("curved")),
            statistic=record.real("statistic"),
            p_value=record.real("p_value"),
            method=choose(record.text("method"), METHODS, field=f"{_SAVED}: method"),
        )


def emergence(N: Any, passes: Any, draws: Any, *, method: str = "likelihood") -> Emergence:
    """Test whether pass rates leave the law exp(-c·N^-alpha) by curving in log N.

    Parameters
    ----------
    N : array-like of float, shape (n,)
        Model sizes (parameters), above 0; at least 3 different ones with some passes and some
        failures.
    passes : array-like of int, shape (n,)
        Passes, from 0. The number of draws may have been fixed, or that of passes.
    draws : array-like of int, shape (n,)
        Draws, at least 1 and at least `passes`.
    method : {"likelihood", "loglog"}
        Compare both laws by the likelihood of the counts, twice whose gain is chi-squared with one
        degree of freedom. Or by least squares of log(-log(passes/draws)), as the paper draws it,
        every size counting the same and an F test of the curvature by their scatter: it needs at
        least 4 sizes, and rates between 0 and 1.

    Returns
    -------
    Emergence

    Raises
    ------
    TypeError, ValueError
        Naming the argument, index and value.

    Notes
    -----
    PassUntil, arXiv:2310.03262, classes tasks by whether F(N) = log(-log PU(N)) is convex, linear
    or concave. The likelihood takes draws to be independent with one rate per size. Where tasks of
    different difficulty are pooled, or so many draws are made that models' own scatter shows, its
    p-value is too small. "loglog" measures that scatter, but takes it to be the same at all sizes.
    """
    name = "emergence"
    how = choose(method, METHODS, field="method")
    sizes = np.atleast_1d(reals(N, "N", name, lower=0, strict=True))
    r = np.atleast_1d(_counts(passes, "passes", name, lower=0))
    k = np.atleast_1d(_counts(draws, "draws", name, lower=1))
    same_length(name, N=sizes, passes=r, draws=k)
    _check_passes(name, r, k)
    informative = np.unique(sizes[(r > 0) & (r < k)]).size
    if informative < 3:
        raise ValueError(
            f"{name}: {informative} sizes have both passes and failures; a curvature needs >= 3"
        )
    return (_by_likelihood if how == "likelihood" else _by_loglog)(sizes, r, k)


def _by_likelihood(N: Floats, r: Floats, k: Floats) -> Emergence:
    inside = (r > 0) & (r < k)
    start = _parabola(N[inside], np.log(-np.log(r[inside] / k[inside])), _middle(N))
    how = {"loss": "binomial", "space": "linear", "weights": k}
    straight, curved = _nested(_LIKELIHOOD_LAW, {"N": N, "rate": r / k}, start, how)
    gain = max(2 * (straight.objective - curved.objective), 0.0)
    return Emergence(straight, curved, gain, chi2_sf(gain), "likelihood")


def _by_loglog(N: Floats, r: Floats, k: Floats) -> Emergence:
    flat = np.flatnonzero((r == 0) | (r == k))
    if flat.size:
        rate = r[flat[0]] / k[flat[0]]
        raise ValueError(
            f"emergence: passes at index {flat[0]} of {k[flat[0]]:.0f} draws make a rate of "
            f"{rate:g}, which has no log(-log); method='likelihood' takes it"
        )
    free = N.size - 3
    if free < 1:
        raise ValueError(f"emergence: method='loglog' needs >= 4 sizes, got {N.size}")
    y = np.log(-np.log(r / k))
    how = {"loss": "squared", "space": "linear"}
    start = _parabola(N, y, _middle(N))
    straight, curved = _nested(_LOGLOG_LAW, {"N": N, "loglog_rate": y}, start, how)
    left = curved.objective / free
    gain = max(straight.objective - curved.objective, 0.0)
    statistic = gain / left if left > 0 else np.inf
    p_value = beta_cdf(free / (free + statistic), free / 2, 0.5)
    return Emergence(straight, curved, statistic, p_value, "loglog")


def _nested(
    law: Law, data: Mapping[str, Floats], start: Mapping[str, float], how: Mapping[str, Any]
) -> tuple[Fit, Fit]:
    """Fit a law without curvature and with; the second can't be the worse for starting there."""
    fixed = {"N0": _middle(data["N"])}
    line = {name: start[name] for name in ("c", "alpha")}
    straight = fit(law, data, fixed={**fixed, "curvature": 0.0}, starts=line, **how)
    from_line = {**{name: straight.params[name] for name in line}, "curvature": 0.0}
    return straight, fit(law, data, fixed=fixed, starts=[dict(start), from_line], **how)


def _parabola(N: Floats, y: Floats, middle: float) -> dict[str, float]:
    """Return the parameters of the least-squares parabola through log(-log rate)."""
    x = np.log(N / middle)
    constant, slope, curvature = np.polynomial.polynomial.polyfit(x, y, 2).tolist()
    return {"c": float(np.exp(constant)), "alpha": -slope, "curvature": curvature}


def _middle(N: Floats) -> float:
    return float(np.exp(np.log(N).mean()))


def _interval(r: float, k: float, tail: float) -> tuple[float, float]:
    low = beta_quantile(tail, r, k - r + 1)
    return low, 1.0 if r == k else beta_quantile(1 - tail, r, k - r)


def _counts(value: Any, field: str, source: str, *, lower: int) -> Floats:
    """Return counts as whole float64 numbers, of shape () or (n,)."""
    counts = reals(value, field, source, lower=lower, upper=EXACT_LIMIT)
    bad = np.flatnonzero(counts != np.floor(counts))
    if bad.size:
        where = f" at index {bad[0]}" if counts.ndim else ""
        raise ValueError(
            f"{source}: {field}{where} is {counts.flat[bad[0]]:g}; expected a whole number"
        )
    return counts


def _check_passes(source: str, r: Floats, k: Floats) -> None:
    bad = np.flatnonzero(r > k)
    if bad.size:
        passes, draws = (values.flat[bad[0]] for values in np.broadcast_arrays(r, k))
        where = f" at index {bad[0]}" if max(r.ndim, k.ndim) else ""
        raise ValueError(f"{source}: passes{where} is {passes:.0f}, above the {draws:.0f} draws")
