"""Loss read as information: a floor as entropy, the rest as divergence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from lawfit import laws
from lawfit._validate import Floats, closest, integer
from lawfit.derived._answer import Answer
from lawfit.derived._arguments import Number, log_ratio, plain, reals, together
from lawfit.derived._line import quantiles, read_level, read_lines, read_rng, vectors
from lawfit.result import Fit

__all__ = [
    "EntropyReading",
    "Needed",
    "entropy_reading",
    "infogain",
    "mutual_information",
    "needed_for",
    "power_law_inverse",
]

FLOORS: Final = ("Linf", "E", "L0", "c")


@dataclass(frozen=True, slots=True, eq=False)
class EntropyReading(Answer):
    """A fitted loss as entropy and divergence, in the unit of the loss.

    Attributes
    ----------
    floor : str
        The parameter that was read.
    entropy : float
        Its value: S(True), the entropy of the data.
    interval : (float, float)
        Of the entropy, as of `Fit.conf_int`.
    divergence : ndarray, shape (n,), or None
        D_KL(True‖Model), the predicted loss above the entropy, at the data given.
    level : float
        Of the interval.
    """

    floor: str
    entropy: float
    interval: tuple[float, float]
    divergence: Floats | None
    level: float


class Needed(NamedTuple):
    """How much of a law's one column a reducible loss takes.

    Attributes
    ----------
    x : float or ndarray, shape (n,)
    interval : ndarray, shape (2,) or (n, 2), or None
    """

    x: Number
    interval: Floats | None


def entropy_reading(
    fit: Fit, data: Any = None, *, floor: str | None = None, level: float = 0.95
) -> EntropyReading:
    """Read a law's floor as the entropy of the data and the rest as a divergence.

    A cross entropy is S(True) + D_KL(True‖Model). If a law's floor is what a perfect model would
    reach, it is the first, and what is above it the second.

    Parameters
    ----------
    fit : Fit
        Of a law that is a floor plus terms that vanish.
    data : Schedule, Curve, mapping or data frame, optional
        Where to take the divergence, as for `Fit.predict`.
    floor : str, optional
        The parameter that is the floor; by default the one called Linf, E, L0 or c.
    level : float
        Level of the interval, between 0 and 1.

    Returns
    -------
    EntropyReading

    Raises
    ------
    TypeError, ValueError
        If the law has no such parameter, or for data that `Fit.predict` refuses.

    Notes
    -----
    Henighan et al., arXiv:2010.14701, section 1. A floor far below the losses measured is an
    extrapolation; see its interval.
    """
    name = "entropy_reading"
    if not isinstance(fit, Fit):
        raise TypeError(f"{name}: fit is a {type(fit).__name__}; expected a Fit")
    known = fit.law.parameters
    chosen = next((f for f in FLOORS if f in known), None) if floor is None else floor
    if chosen is None:
        raise ValueError(f"{name}: floor: law {fit.law.name!r} has none of {', '.join(FLOORS)}")
    if not isinstance(chosen, str) or chosen not in known:
        raise ValueError(
            f"{name}: floor: law {fit.law.name!r} has no parameter {chosen!r}"
            f"{closest(chosen, known)}"
        )
    interval = fit.conf_int(read_level(level, name))[chosen]
    entropy = fit.params[chosen]
    divergence = None if data is None else fit.predict(data) - entropy
    return EntropyReading(chosen, entropy, interval, divergence, level)


def power_law_inverse(reducible: Any, *, x0: Any, alpha: Any) -> Number:
    """Compute, parameters or tokens at which a power law leaves a reducible loss.

    Solves (x0/x)^α = reducible: x = x0·reducible^(-1/α).

    Parameters
    ----------
    reducible : float or array-like, shape (n,)
        Loss above the floor, read as D_KL(True‖Model); above 0.
    x0 : float or array-like, shape (n,)
        Where the reducible loss is 1, in the unit of the answer; above 0.
    alpha : float or array-like, shape (n,)
        Exponent; above 0.

    Returns
    -------
    float or ndarray, shape (n,)

    Raises
    ------
    TypeError, ValueError
        Naming the argument, index and value.

    Notes
    -----
    Henighan et al., arXiv:2010.14701, equation 1.1. `needed_for` does this for a fit.
    """
    name = "power_law_inverse"
    loss = reals(reducible, "reducible", name, lower=0, strict=True)
    scale = reals(x0, "x0", name, lower=0, strict=True)
    power = reals(alpha, "alpha", name, lower=0, strict=True)
    together(name, reducible=loss, x0=scale, alpha=power)
    with np.errstate(over="ignore"):  # beyond 1e308: infinite
        return plain(np.exp(np.log(scale) - np.log(loss) / power))


def needed_for(
    fit: Fit, reducible: Any, *, level: float = 0.95, draws: int = 1000, rng: Any = 0
) -> Needed:
    """How much x a fitted power law takes to leave a reducible loss.

    Parameters
    ----------
    fit : Fit
        Of the laws henighan, x = x0·reducible^(-1/α), or power, x = (a/reducible)^(1/b).
    reducible : float or array-like, shape (n,)
        Loss above the law's floor; above 0.
    level : float
        Level of the interval, between 0 and 1.
    draws : int
        Parameter vectors drawn by `fit_draws`; 0 for no interval.
    rng : int or numpy.random.Generator
        Seed of the draws.

    Returns
    -------
    Needed
        In the unit of the law's x.

    Raises
    ------
    TypeError, ValueError
        For another law, or a fit whose power law does not fall; for draws, naming the parameters
        that the data do not determine.

    Notes
    -----
    Henighan et al., arXiv:2010.14701.
    """
    name = "needed_for"
    loss = reals(reducible, "reducible", name, lower=0, strict=True)
    read_lines(name, ("x",), None, fit)
    level = read_level(level, name)
    count = integer(draws, field="draws", source=name, lower=0)
    params = dict(
        zip(fit.params, vectors(fit, count, read_rng(rng, name)).T[:, :, None], strict=True)
    )
    formula = "".join(fit.law.formula.split())
    if formula == "".join(laws.henighan.formula.split()):
        power = params["alpha"]
        amplitude = power * np.log(params["x0"])
    elif formula == "".join(laws.power.formula.split()):
        power = params["b"]
        if not np.all(params["a"] > 0):
            raise ValueError(f"{name}: law {fit.law.name!r} does not fall: its a is 0")
        amplitude = np.log(params["a"])
    else:
        raise ValueError(f"{name}: law {fit.law.name!r} is none of 'henighan' and 'power'")
    if not np.all(power > 0):
        raise ValueError(f"{name}: law {fit.law.name!r} does not fall: its exponent is 0")
    with np.errstate(over="ignore"):  # beyond 1e308: infinite
        logs = (amplitude - np.log(loss.ravel())) / power
        x = np.exp(logs[0]).reshape(loss.shape)
        interval = np.exp(quantiles(logs[1:], level)).reshape(*loss.shape, 2) if count else None
    return Needed(plain(x), interval)


def mutual_information(N: Any, *, lam: Any, Nc: Any) -> Number:
    """Mutual information of text and image that a model of N parameters has found.

    I = λ·log(N/Nc).

    Parameters
    ----------
    N : float or array-like, shape (n,)
        Parameters; at least Nc, below which the law would be negative.
    lam : float or array-like, shape (n,)
        λ, nats per e-fold of N; above 0.
    Nc : float or array-like, shape (n,)
        Parameters at which there is none yet; above 0.

    Returns
    -------
    float or ndarray, shape (n,)
        In the unit of λ.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, index and value.

    Notes
    -----
    Henighan et al., arXiv:2010.14701. It cannot go on for ever: see `infogain`.
    """
    name = "mutual_information"
    slope = reals(lam, "lam", name, lower=0, strict=True)
    start = reals(Nc, "Nc", name, lower=0, strict=True)
    size = reals(N, "N", name, lower=0, strict=True)
    together(name, N=size, lam=slope, Nc=start)
    below = np.flatnonzero(np.atleast_1d(size < start))
    if below.size:
        where = f" at index {below[0]}" if size.ndim else ""
        low = np.broadcast_to(size, np.broadcast_shapes(size.shape, start.shape)).flat[below[0]]
        raise ValueError(f"{name}: N{where} is {low:.17g}, below Nc; expected N >= Nc")
    with np.errstate(over="ignore"):  # beyond 1e308: infinite
        return plain(slope * log_ratio(size, start))


def infogain(information: Any, text_loss: Any) -> Number:
    """Share of a text's information that its image gives away: I/L(text), below 1.

    Parameters
    ----------
    information : float or array-like, shape (n,)
        Mutual information I; from 0 to below the text's loss.
    text_loss : float or array-like, shape (n,)
        Loss of the text without the image, in the same unit; above 0.

    Returns
    -------
    float or ndarray, shape (n,)
        From 0 to below 1.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, index and value; and where I reaches L(text), for an image can't say
        more of a text than the text holds.

    Notes
    -----
    Henighan et al., arXiv:2010.14701.
    """
    name = "infogain"
    gained = reals(information, "information", name, lower=0)
    whole = reals(text_loss, "text_loss", name, lower=0, strict=True)
    together(name, information=gained, text_loss=whole)
    share = gained / whole
    over = np.flatnonzero(np.atleast_1d(share >= 1))
    if over.size:
        first = np.broadcast_to(gained, share.shape).flat[over[0]]
        where = f" at index {over[0]}" if share.ndim else ""
        raise ValueError(
            f"{name}: information{where} is {first:.17g}; expected it below the text's loss, "
            "beyond which the law does not hold"
        )
    return plain(share)
