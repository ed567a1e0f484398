"""Distribution functions that intervals and tests need: scalars, to about 1e-13 relative.

An incomplete beta function is a power term over a continued fraction (DLMF 8.17.22). The power
term is written as Loader does it, as a deviance from the mean (2000, "Fast and accurate
computation of binomial probabilities"): differences of large log-gammas would lose digits.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from lawfit._validate import integer, real

__all__ = [
    "beta_cdf",
    "beta_quantile",
    "chi2_sf",
    "normal_quantile",
    "student_t_quantile",
]

_LARGEST_SHAPE = 1e15
_LARGEST_LOG_ODDS = 1419.0  # whose root does not overflow
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b).

    Parameters
    ----------
    x : float
        In [0, 1].
    a, b : float
        Shapes, from 0.1 to 1e15. The time grows as the square root of the smaller one.

    Raises
    ------
    TypeError, ValueError
        If an argument is no real number or out of range.
    """
    x = real(x, field="x", lower=0, upper=1)
    _check_shapes(a, b)
    if x in (0.0, 1.0):
        return x
    return math.exp(_log_beta_cdf(math.log(x) - math.log1p(-x), a, b)[0])


def beta_quantile(p: float, a: float, b: float) -> float:
    """Return the x at which I_x(a, b) = p; arguments and errors as of `beta_cdf`."""
    p = real(p, field="p", lower=0, upper=1)
    _check_shapes(a, b)
    if p in (0.0, 1.0):
        return p
    return _logistic(_beta_logit(p, a, b) if p <= 0.5 else -_beta_logit(1 - p, b, a))


def student_t_quantile(p: float, df: float) -> float:
    """Return the t below which Student's t with `df` >= 0.2 degrees of freedom falls with `p`.

    Infinite where t is beyond the largest float64, as at p = 1e-300 with half a degree of freedom.

    Raises
    ------
    TypeError, ValueError
        If an argument is no real number, `p` is not within (0, 1) or `df` is below 0.2.
    """
    p = real(p, field="p", lower=0, upper=1, strict=True)
    df = real(df, field="df", lower=0.2, allow_inf=True)
    if df > 2 * _LARGEST_SHAPE:  # t/z - 1 is (z² + 1)/(4 df)
        return normal_quantile(p)
    if p == 0.5:
        return 0.0
    # t²/df is the odds of a beta variable. Its two tails are what is beyond ±t and between.
    outside = 2 * min(p, 1 - p)
    if outside <= 0.5:
        log_odds = -_beta_logit(outside, df / 2, 0.5)
    else:
        log_odds = _beta_logit(abs(2 * p - 1), 0.5, df / 2)
    odds_root = math.exp(log_odds / 2) if log_odds < _LARGEST_LOG_ODDS else math.inf
    return math.copysign(math.sqrt(df) * odds_root, p - 0.5)


def normal_quantile(p: float) -> float:
    """Return the z below which a standard normal falls with probability `p`, within (0, 1)."""
    return NormalDist().inv_cdf(real(p, field="p", lower=0, upper=1, strict=True))


def chi2_sf(x: float, df: int = 1) -> float:
    """Return the probability that chi-squared with a whole number `df` exceeds `x` >= 0.

    A finite sum of Poisson terms, and erfc for an odd `df` (DLMF 8.4.8, 8.8.2).
    """
    x = real(x, field="x", lower=0, allow_inf=True)
    df = integer(df, field="df", lower=1)
    half = x / 2
    odd = df % 2
    head = math.erfc(math.sqrt(half)) if odd else math.exp(-half)
    if half == 0 or math.isinf(half):
        return head
    first, terms = (0.5, (df - 1) // 2) if odd else (1.0, df // 2 - 1)
    if not terms:
        return head
    # From the largest term outwards, so that none underflows while another counts.
    peak = min(max(math.floor(half - first), 0), terms - 1)
    largest = _poisson(first + peak, half)
    up = down = largest
    total = largest
    for k in range(peak + 1, terms):
        up *= half / (first + k)
        total += up
    for k in range(peak, 0, -1):
        down *= (first + k) / half
        total += down
    return min(head + total, 1.0)


def _check_shapes(a: float, b: float) -> None:
    real(a, field="a", lower=0.1, upper=_LARGEST_SHAPE)
    real(b, field="b", lower=0.1, upper=_LARGEST_SHAPE)


def _beta_logit(p: float, a: float, b: float) -> float:
    """Return the logit of the `p` <= 0.5 quantile.

    log I is concave in the logit, so Newton's steps lead to the left of the root at once and
    from there to it without a detour.
    """
    target = math.log(p)
    logit = math.log(a / b)
    for _ in range(200):
        value, slope = _log_beta_cdf(logit, a, b)
        step = (target - value) / slope
        logit += step
        if abs(step) <= 1e-15 * max(1.0, abs(logit)):
            break
    return logit


def _log_beta_cdf(logit: float, a: float, b: float) -> tuple[float, float]:
    """Return log I_x(a, b) and its derivative by the logit of x."""
    x, y = _logistic(logit), _logistic(-logit)
    p, q = a / (a + b), b / (a + b)
    above = x - p if p <= q else q - y  # the mean, without cancellation at either end
    log_power = _log_power_term(logit, above, a, b)
    if above <= 0:
        fraction = _continued_fraction(x, y, above, a, b)
        return log_power - math.log(fraction), fraction
    power = math.exp(log_power)
    upper = power / _continued_fraction(y, x, -above, b, a)
    return math.log1p(-upper), power / (1 - upper)


def _log_power_term(logit: float, above: float, a: float, b: float) -> float:
    """Return log x^a·(1 - x)^b/B(a, b), which is also the density by the logit."""
    p, q = a / (a + b), b / (a + b)
    deviance = a * _log_ratio(above / p, logit, p) + b * _log_ratio(-above / q, -logit, q)
    scale = 0.5 * math.log(a * q / (2 * math.pi))
    return scale + deviance + _stirling(a + b) - _stirling(a) - _stirling(b)


def _log_ratio(excess: float, logit: float, p: float) -> float:
    """Return log(x/p), where x/p = 1 + excess."""
    if excess > -0.5:
        return math.log1p(excess)
    log_x = logit - math.log1p(math.exp(logit)) if logit < 0 else -math.log1p(math.exp(-logit))
    return log_x - math.log(p)


def _continued_fraction(x: float, y: float, above: float, a: float, b: float) -> float:
    """Return x^a·y^b/(B(a, b)·I_x(a, b)) for an x at most the mean, by the Lentz method.

    The even part of the fraction, in terms of the distance from the mean (DiDonato and Morris 1992,
    "Algorithm 708", equation 9): its terms do not cancel.
    """
    short = -(a + b) * above
    value = c = a * (short + 1) / (a + 1)
    d = 0.0
    m = 0
    while True:
        m += 1
        step = m * (b - m) * x / (a + 2 * m - 1)
        numerator = (a + m - 1) * (a + b + m - 1) * x / (a + 2 * m - 1) * step
        denominator = m + step + (a + m) * (short + 1 + m * (1 + y)) / (a + 2 * m + 1)
        d = 1 / (denominator + numerator * d)
        c = denominator + numerator / c
        value *= c * d
        if abs(c * d - 1) <= 2.3e-16:
            return value


def _logistic(logit: float) -> float:
    if logit >= 0:
        return 1 / (1 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1 + odds)


def _poisson(k: float, mean: float) -> float:
    """Return mean^k·e^-mean/Γ(k + 1)."""
    excess = (mean - k) / k
    deviance = k * (excess - math.log1p(excess))
    return math.exp(-deviance - _stirling(k)) / math.sqrt(2 * math.pi * k)


def _stirling(z: float) -> float:
    """Return log Γ(z) less Stirling's (z - 1/2)·log z - z + log(2π)/2."""
    if z < 16:
        return math.lgamma(z) - (z - 0.5) * math.log(z) + z - 0.5 * math.log(2 * math.pi)
    value = 0.0
    for coefficient in reversed(_STIRLING):
        value = value / (z * z) + coefficient
    return value / z
