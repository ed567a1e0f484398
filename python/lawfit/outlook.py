"""Where a run will end, and how sure that is, from the points there are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lawfit._noise import Noise, noise_about, noise_of
from lawfit._points import Points, Setting
from lawfit._special import student_t_quantile
from lawfit._validate import Floats, Ints, real
from lawfit.curve import Curve
from lawfit.prediction import Request, request
from lawfit.schedule import Schedule
from lawfit.uncertainty import around, law_derivatives

__all__ = ["Forecast", "Outlook", "look", "nothing_known", "read_level"]

# The weight of the prior depends on the noise about the minimum, which depends on that weight.
ROUNDS = 4
# Of the information matrix with a diagonal of ones: what is below says nothing.
LEAST_EIGENVALUE = 1e-14
# A direction that is lost is one of a parameter's, or of a forecast's, beyond these shares of it.
SHARE_OF_PARAMETER, SHARE_OF_FORECAST = 0.1, 1e-6
NO_SIZES: Mapping[str, float | None] = {"params": None, "tokens_per_step": None}


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Losses that a run will log, and intervals for them.

    Attributes
    ----------
    steps : int, or ndarray of int64, shape (n,)
    loss, lower, upper : float, or ndarray, shape (n,)
        The interval is one for what is logged there, noise included; infinite where the points do
        not determine what the forecast depends on. All NaN while there are too few points, and the
        ends without a level.
    level : float or None
    prior_share : float, or ndarray, shape (n,)
        Share of the forecast's precision that comes from the prior, 0 to 1.
    undetermined : tuple of str
        Parameters that neither the points nor the prior determine.
    points : int
        What the forecast rests on.
    """

    steps: int | Ints
    loss: float | Floats
    lower: float | Floats
    upper: float | Floats
    level: float | None
    prior_share: float | Floats
    undetermined: tuple[str, ...]
    points: int

    def last(self) -> Forecast:
        """Return the forecast of the last step asked for, in plain numbers."""
        plain = {
            name: np.ravel(getattr(self, name))[-1].item()
            for name in ("steps", "loss", "lower", "upper", "prior_share")
        }
        return replace(self, **plain)

    def __str__(self) -> str:
        if not isinstance(self.loss, float):
            return f"losses at {np.size(self.loss)} steps"
        if self.level is None:
            return f"{self.loss:.4g}"
        return f"{self.loss:.4g} ({100 * self.level:g} %: {self.lower:.4g} to {self.upper:.4g})"


def nothing_known(free: tuple[str, ...], steps: Ints, level: float | None, n: int) -> Forecast:
    """Return the forecast while there is nothing to say."""
    nan = np.full(steps.shape, math.nan)
    if level is not None:
        read_level(level)
    return Forecast(steps, nan, nan, nan, level, np.zeros(steps.shape), free, n)


def read_level(level: object) -> float:
    """Check an interval's level."""
    return real(level, field="level", lower=0, upper=1, strict=True)


@dataclass(frozen=True, slots=True)
class Outlook:
    """Parameters, and how they and the points scatter.

    Parameters
    ----------
    setting : Setting
    params : dict of str to float
        All of the law's.
    information : ndarray, shape (p, p)
        Of the points on the free parameters: the inverse of the covariance they leave.
    noise : float
        Standard deviation of a logged loss about the law, in the residuals' space.
    freedom : float
        Degrees of freedom of Student's t.
    memory : float
        How many points in a row are worth one independent one.
    last_point, last_step, points : int
        The last point's step, and the last one taken, with a loss that counts or not, -1 without
        any; and how many points there are.
    """

    setting: Setting
    params: dict[str, float]
    information: Floats
    noise: float
    freedom: float
    memory: float
    last_point: int
    last_step: int
    points: int

    def at(self, steps: Ints, level: float | None, schedule: Schedule | None = None) -> Forecast:
        """Forecast the loss at steps of the run's schedule, or of another one."""
        values, derivatives = self._law(schedule or self.setting.schedule, steps)
        variances, shares, lost = self._spread(derivatives)
        lower = upper = np.full(values.shape, math.nan)
        if level is not None:
            outside = (1 - read_level(level)) / 2
            t = -student_t_quantile(outside, self.freedom)
            z = -student_t_quantile(outside, math.inf)
            with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
                spread = variances + (self.noise * self._unit(values)) ** 2
                half = np.sqrt(t**2 * spread + z**2 * self._law_variance(steps, values))
                lower, upper = around(values, half, logarithmic=self._logarithmic)
        return Forecast(steps, values, lower, upper, level, shares, lost, self.points)

    def expects(self, steps: Ints) -> tuple[Floats, Floats]:
        """Return forecasts, and their variances without noise, in the residuals' space."""
        values, derivatives = self._law(self.setting.schedule, steps)
        variances, _, _ = self._spread(derivatives)
        with np.errstate(invalid="ignore", divide="ignore"):
            return values, (variances + self._law_variance(steps, values)) / self._unit(values) ** 2

    def above(self, losses: Floats, expected: Floats) -> Floats:
        """Return how far losses are above what was expected, in the residuals' space."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log(losses / expected) if self._logarithmic else losses - expected

    def ends(self, loss: float, half: float) -> tuple[float, float]:
        """Return the ends of an interval of this half-width as a residual."""
        if not self._logarithmic:
            return loss - half, loss + half
        with np.errstate(over="ignore"):
            factor = float(np.exp(half))
        return loss / factor, loss * factor

    def noise_at(self, loss: float) -> float:
        """Return the standard deviation of the noise of a loss, in its unit."""
        return self.noise * abs(loss) if self._logarithmic else self.noise

    @property
    def _logarithmic(self) -> bool:
        return self.setting.options.space == "log"

    def _unit(self, values: Floats) -> Floats:
        """Return what a residual of 1 is in the loss's unit."""
        return values if self._logarithmic else np.ones_like(values)

    def _law_variance(self, steps: Ints, values: Floats) -> Floats:
        ahead = steps > self.last_point
        if self.last_point < 0 or not ahead.any():
            return np.zeros(values.shape)
        now = self._request(self.setting.schedule, np.array([self.last_point]))
        change = values - now.evaluate([*self.params.values()], exact=False)
        result: Floats = np.where(ahead, (self.setting.law_error * change) ** 2, 0.0)
        return result

    def _request(self, schedule: Schedule, steps: Ints) -> Request:
        warmup = self.setting.options.warmup
        return request(self.setting.law, schedule, steps, warmup=warmup, sizes=NO_SIZES)

    def _law(self, schedule: Schedule, steps: Ints) -> tuple[Floats, Floats]:
        if not len(steps):
            return np.zeros(0), np.zeros((0, len(self.setting.free)))
        asked = self._request(schedule, steps)
        found = law_derivatives(
            self.setting.law, self.params, self.setting.free, asked, exact=False
        )
        values, derivatives = map(asked.as_asked, found)
        return values, derivatives

    def _spread(self, derivatives: Floats) -> tuple[Floats, Floats, tuple[str, ...]]:
        """Return variances of values with these derivatives, the prior's shares, what is lost."""
        prior = self.setting.prior
        of_prior = np.zeros_like(self.information) if prior is None else prior.precision
        whole = self.information + of_prior
        scale = np.sqrt(np.diag(whole))
        scale[scale == 0] = 1
        values, vectors = np.linalg.eigh(whole / np.outer(scale, scale))
        lost = values <= LEAST_EIGENVALUE
        weights = np.divide(1, values, where=~lost, out=np.zeros_like(values))
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            j = derivatives / scale @ vectors  # by parameters that are independent of each other
            variances: Floats = j**2 @ weights
            pull = (j * weights) @ vectors.T / scale
            shares = np.einsum("ij,jk,ik->i", pull, of_prior, pull) / variances
            open_share = np.sum(j[:, lost] ** 2, axis=1) / np.sum(j**2, axis=1)
        variances[open_share > SHARE_OF_FORECAST**2] = math.inf
        open_names = np.any(np.abs(vectors[:, lost]) > SHARE_OF_PARAMETER, axis=1)
        names = tuple(np.array(self.setting.free, dtype=object)[open_names].tolist())
        return variances, np.clip(np.nan_to_num(shares), 0, 1), names


def look(
    setting: Setting,
    curve: Curve | None,
    starts: Sequence[Floats],
    *,
    last_step: int,
    search: bool = False,
) -> Outlook | None:
    """Return the outlook from points at their minimum, or at that with the prior.

    The minimum is at the first of `starts` where the law has a value at all points, or, with a
    prior or `search`, is found from there; None if there is no such start. Without any point the
    outlook is the prior's, if there is one.
    """
    prior = setting.prior
    if curve is None:
        if prior is None:
            return None
        theta, noise, n, last_point = setting.within(prior.mean), noise_of(prior), 0, -1
    else:
        points = Points(setting, curve)
        within = [setting.within(start) for start in starts]
        found = _settled(points, within, search=search)
        if found is None:
            return None
        (theta, noise), n, last_point = found, points.n, int(curve.steps[-1])
    known = prior is not None or n > len(setting.free)
    return Outlook(
        setting=setting,
        params=setting.with_free(theta),
        information=(noise.slope / noise.scale if known else 0.0) * noise.squares,
        noise=noise.sd,
        freedom=noise.freedom,
        memory=noise.memory,
        last_point=last_point,
        last_step=last_step,
        points=n,
    )


def _settled(
    points: Points, starts: Sequence[Floats], *, search: bool
) -> tuple[Floats, Noise] | None:
    """Return the minimum and the noise about it; None where the law has no value at some point."""
    prior = points.setting.prior
    for start in starts:
        theta = points.minimum(start) if search and prior is None else start
        noise = noise_about(points, theta, prior)
        for _ in range(ROUNDS if prior is not None else 0):
            if noise is not None:
                theta = points.minimum(theta, weight=noise.scale)
                noise = noise_about(points, theta, prior)
        if noise is not None:
            return theta, noise
    return None
