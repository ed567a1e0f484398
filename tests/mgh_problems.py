"""Moré, Garbow and Hillstrom's least-squares problems (1981, ACM TOMS 7(1), algorithm 566).

All 35 problems of the paper at sizes whose least sum of squares is known, 40 in all: each a vector
of residuals f(x) with its standard start and its minima, the sums of squares as the paper states
them. Derivatives are by complex steps (Squire & Trapp 1998), which are exact but for rounding.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import lawfit as lf

_STEP = 1e-30


@dataclass(frozen=True)
class MghProblem:
    """One problem: m residuals of n unknowns."""

    name: str
    residuals: Callable[[np.ndarray], np.ndarray]
    start: tuple[float, ...]
    minimum: float  # of the sum of squares
    local: tuple[float, ...] = ()  # other sums of squares where a search may end

    @property
    def names(self):
        """The unknowns' names."""
        return [f"x{k + 1}" for k in range(len(self.start))]

    def at(self, x):
        """Return the residuals."""
        return np.array(self.residuals(np.asarray(x, dtype=float)), dtype=float)

    def jacobian(self, x):
        """Return their derivatives, of shape (m, n)."""
        columns = []
        for k in range(len(self.start)):
            moved = np.asarray(x, dtype=complex)
            moved[k] += 1j * _STEP
            columns.append(np.imag(self.residuals(moved)) / _STEP)
        return np.array(columns).T

    @property
    def law(self):
        """The residuals as a law of the row's number, whose target is 0."""

        def function(row, **unknowns):
            return self.at(list(unknowns.values()))

        def jacobian(row, **unknowns):
            return self.jacobian(list(unknowns.values()))

        return lf.CallableLaw(
            function, self.names, ["row"], y="zero", jacobian=jacobian, name=self.name
        )

    @property
    def data(self):
        """What a fit of the law takes."""
        rows = self.at(self.start).size
        return {"row": np.arange(rows), "zero": np.zeros(rows)}

    def starts(self, *factors):
        """Return the standard start times each factor."""
        return [
            dict(zip(self.names, (factor * x for x in self.start), strict=True))
            for factor in factors
        ]

    def starts_around(self, count):
        """Return the standard start and others around it, so many in all, drawn with a seed."""
        start, rng = np.array(self.start, dtype=float), np.random.default_rng(0)
        size = np.abs(start) + 1
        return [start, *(start + size * rng.normal(size=start.size) for _ in range(count - 1))]


def _table(numbers, unit=1):
    return np.array(numbers.split(), dtype=float) * unit


def _rosenbrock(x):
    odd, even = x[::2], x[1::2]
    return np.concatenate([10 * (even - odd**2), 1 - odd])


def _freudenstein_roth(x):
    a, b = x
    return np.array([-13 + a + ((5 - b) * b - 2) * b, -29 + a + ((b + 1) * b - 14) * b])


def _powell_badly_scaled(x):
    return np.array([1e4 * x[0] * x[1] - 1, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001])


def _brown_badly_scaled(x):
    return np.array([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2])


def _beale(x):
    i = np.arange(1, 4)
    return np.array([1.5, 2.25, 2.625]) - x[0] * (1 - x[1] ** i)


def _jennrich_sampson(x):
    i = np.arange(1, 11)
    return 2 + 2 * i - (np.exp(i * x[0]) + np.exp(i * x[1]))


def _helical_valley(x):
    turn = np.arctan(x[1] / x[0]) / (2 * np.pi) + (0.5 if x[0].real < 0 else 0)
    return np.array([10 * (x[2] - 10 * turn), 10 * (np.sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2]])


BARD = np.array([14, 18, 22, 25, 29, 32, 35, 39, 37, 58, 73, 96, 134, 210, 439]) / 100


def _bard(x):
    u = np.arange(1, 16)
    v = 16 - u
    return BARD - (x[0] + u / (v * x[1] + np.minimum(u, v) * x[2]))


GAUSSIAN = np.array([9, 44, 175, 540, 1295, 2420, 3521, 3989, 3521, 2420, 1295, 540, 175, 44, 9])
GAUSSIAN = GAUSSIAN / 1e4


def _gaussian(x):
    t = (8 - np.arange(1, 16)) / 2
    return x[0] * np.exp(-x[1] * (t - x[2]) ** 2 / 2) - GAUSSIAN


MEYER = _table(
    "34780 28610 23650 19630 16370 13720 11540 9744 8261 7030 6005 5147 4427 3820 3307 2872"
)


def _meyer(x):
    return x[0] * np.exp(x[1] / (45 + 5 * np.arange(1, 17) + x[2])) - MEYER


def _gulf(x):
    t = np.arange(1, 100) / 100
    y = 25 + (-50 * np.log(t)) ** (2 / 3)
    away = (y - x[1]) * np.sign((y - x[1]).real)
    return np.exp(-(away ** x[2]) / x[0]) - t


def _box(x):
    t = np.arange(1, 11) / 10
    return np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10 * t))


def _powell_singular(x):
    a, b, c, d = x[::4], x[1::4], x[2::4], x[3::4]
    return np.concatenate(
        [a + 10 * b, np.sqrt(5) * (c - d), (b - 2 * c) ** 2, np.sqrt(10) * (a - d) ** 2]
    )


def _wood(x):
    a, b, c, d = x
    return np.array(
        [
            10 * (b - a**2),
            1 - a,
            np.sqrt(90) * (d - c**2),
            1 - c,
            np.sqrt(10) * (b + d - 2),
            (b - d) / np.sqrt(10),
        ]
    )


KOWALIK_X = np.array([4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])
KOWALIK = np.array([1957, 1947, 1735, 1600, 844, 627, 456, 342, 323, 235, 246]) / 1e4


def _kowalik_osborne(x):
    u = KOWALIK_X
    return KOWALIK - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3])


def _brown_dennis(x):
    t = np.arange(1, 21) / 5
    return (x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2


OSBORNE_1 = _table(
    "844 908 932 936 925 908 881 850 818 784 751 718 685 658 628 603 580 558 538 522 506 490 "
    "478 467 457 448 438 431 424 420 414 411 406",
    1e-3,
)


def _osborne_1(x):
    t = 10 * np.arange(33)
    return OSBORNE_1 - (x[0] + x[1] * np.exp(-t * x[3]) + x[2] * np.exp(-t * x[4]))


BIGGS_T = np.arange(1, 14) / 10
BIGGS = np.exp(-BIGGS_T) - 5 * np.exp(-10 * BIGGS_T) + 3 * np.exp(-4 * BIGGS_T)


def _biggs(x):
    t = BIGGS_T
    return x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4]) - BIGGS


OSBORNE_2 = _table(
    "1366 1191 1112 1013 991 885 831 847 786 725 746 679 608 655 616 606 602 626 651 724 649 "
    "649 694 644 624 661 612 558 533 495 500 423 395 375 372 391 396 405 428 429 523 562 607 "
    "653 672 708 633 668 645 632 591 559 597 625 739 710 729 720 636 581 428 292 162 98 54",
    1e-3,
)


def _osborne_2(x):
    t = np.arange(65) / 10
    peaks = sum(x[k] * np.exp(-((t - x[k + 7]) ** 2) * x[k + 4]) for k in (1, 2, 3))
    return OSBORNE_2 - (x[0] * np.exp(-t * x[4]) + peaks)


def _watson(x):
    t = np.arange(1, 30)[:, None] / 29
    j = np.arange(x.size)
    slope = (t ** np.maximum(j - 1, 0) * j) @ x
    return np.concatenate([slope - (t**j @ x) ** 2 - 1, [x[0], x[1] - x[0] ** 2 - 1]])


def _penalty_1(x):
    return np.concatenate([np.sqrt(1e-5) * (x - 1), [np.sum(x**2) - 0.25]])


def _penalty_2(x):
    n, a = x.size, np.sqrt(1e-5)
    i = np.arange(1, n)
    grown = np.exp(x / 10)
    pairs = grown[1:] + grown[:-1] - np.exp((i + 1) / 10) - np.exp(i / 10)
    ends = [np.sum((n - np.arange(n)) * x**2) - 1]
    return np.concatenate([[x[0] - 0.2], a * pairs, a * (grown[1:] - np.exp(-0.1)), ends])


def _variably_dimensioned(x):
    s = np.sum(np.arange(1, x.size + 1) * (x - 1))
    return np.concatenate([x - 1, [s, s**2]])


def _trigonometric(x):
    i = np.arange(1, x.size + 1)
    return x.size - np.sum(np.cos(x)) + i * (1 - np.cos(x)) - np.sin(x)


def _brown_almost_linear(x):
    return np.concatenate([x[:-1] + np.sum(x) - (x.size + 1), [np.prod(x) - 1]])


def _grid(n):
    return np.arange(1, n + 1) / (n + 1)


def _discrete_boundary(x):
    n = x.size
    beside = np.concatenate([[0], x, [0]])
    return 2 * x - beside[:-2] - beside[2:] + (x + _grid(n) + 1) ** 3 / (2 * (n + 1) ** 2)


def _discrete_integral(x):
    t = _grid(x.size)
    cubes = (x + t + 1) ** 3
    kernel = np.minimum(t[:, None], t) * (1 - np.maximum(t[:, None], t))
    return x + kernel @ cubes / (2 * (x.size + 1))


def _broyden_tridiagonal(x):
    beside = np.concatenate([[0], x, [0]])
    return (3 - 2 * x) * x - beside[:-2] - 2 * beside[2:] + 1


def _broyden_banded(x):
    n = x.size
    i, j = np.arange(n)[:, None], np.arange(n)
    band = (i != j) & (j >= i - 5) & (j <= i + 1)
    return x * (2 + 5 * x**2) + 1 - band @ (x * (1 + x))


_ROWS = 20  # of the linear problems, of 5 unknowns


def _linear_full_rank(x):
    return np.concatenate([x, np.zeros(_ROWS - x.size)]) - 2 * np.sum(x) / _ROWS - 1


def _linear_rank_1(x):
    return np.arange(1, _ROWS + 1) * np.sum(np.arange(1, x.size + 1) * x) - 1


def _linear_rank_1_zeros(x):
    inner = np.sum(np.arange(2, x.size) * x[1:-1])
    return np.concatenate([[-1], np.arange(1, _ROWS - 1) * inner - 1, [-1]])


def _chebyquad(x):
    n = x.size
    before, now = np.ones(n), 2 * x - 1
    out = []
    for i in range(1, n + 1):
        integral = 0 if i % 2 else -1 / (i**2 - 1)
        out.append(np.mean(now) - integral)
        before, now = now, 2 * (2 * x - 1) * now - before
    return np.array(out)


def _ramp(n):
    return tuple(1 - k / n for k in range(1, n + 1))


def _between(n):
    return tuple(k / (n + 1) for k in range(1, n + 1))


def _hanging(n):
    return tuple(t * (t - 1) for t in _grid(n))


_OSBORNE_2_START = (1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5)

PROBLEMS = [
    MghProblem("rosenbrock", _rosenbrock, (-1.2, 1), 0),
    MghProblem("freudenstein_roth", _freudenstein_roth, (0.5, -2), 0, (48.9842,)),
    MghProblem("powell_badly_scaled", _powell_badly_scaled, (0, 1), 0),
    MghProblem("brown_badly_scaled", _brown_badly_scaled, (1, 1), 0),
    MghProblem("beale", _beale, (1, 1), 0),
    MghProblem("jennrich_sampson", _jennrich_sampson, (0.3, 0.4), 124.362),
    MghProblem("helical_valley", _helical_valley, (-1, 0, 0), 0),
    MghProblem("bard", _bard, (1, 1, 1), 8.21487e-3, (17.4286,)),
    MghProblem("gaussian", _gaussian, (0.4, 1, 0), 1.12793e-8),
    MghProblem("meyer", _meyer, (0.02, 4000, 250), 87.9458),
    MghProblem("gulf", _gulf, (5, 2.5, 0.15), 0),
    MghProblem("box", _box, (0, 10, 20), 0),
    MghProblem("powell_singular", _powell_singular, (3, -1, 0, 1), 0),
    MghProblem("wood", _wood, (-3, -1, -3, -1), 0),
    MghProblem(
        "kowalik_osborne", _kowalik_osborne, (0.25, 0.39, 0.415, 0.39), 3.07505e-4, (1.02734e-3,)
    ),
    MghProblem("brown_dennis", _brown_dennis, (25, 5, -5, -1), 85822.2),
    MghProblem("osborne_1", _osborne_1, (0.5, 1.5, -1, 0.01, 0.02), 5.46489e-5),
    MghProblem("biggs", _biggs, (1, 2, 1, 1, 1, 1), 0, (5.65565e-3,)),
    MghProblem("osborne_2", _osborne_2, _OSBORNE_2_START, 4.01377e-2),
    MghProblem("watson_6", _watson, (0,) * 6, 2.28767e-3),
    MghProblem("watson_9", _watson, (0,) * 9, 1.39976e-6),
    MghProblem("watson_12", _watson, (0,) * 12, 4.72238e-10),
    MghProblem("extended_rosenbrock", _rosenbrock, (-1.2, 1) * 5, 0),
    MghProblem("extended_powell", _powell_singular, (3, -1, 0, 1) * 3, 0),
    MghProblem("penalty_1_of_4", _penalty_1, (1, 2, 3, 4), 2.24997e-5),
    MghProblem("penalty_1_of_10", _penalty_1, tuple(range(1, 11)), 7.08765e-5),
    MghProblem("penalty_2_of_4", _penalty_2, (0.5,) * 4, 9.37629e-6),
    MghProblem("penalty_2_of_10", _penalty_2, (0.5,) * 10, 2.93660e-4),
    MghProblem("variably_dimensioned", _variably_dimensioned, _ramp(10), 0),
    MghProblem("trigonometric", _trigonometric, (0.1,) * 10, 0, (2.79506e-5,)),
    MghProblem("brown_almost_linear", _brown_almost_linear, (0.5,) * 10, 0, (1,)),
    MghProblem("discrete_boundary", _discrete_boundary, _hanging(10), 0),
    MghProblem("discrete_integral", _discrete_integral, _hanging(10), 0),
    MghProblem("broyden_tridiagonal", _broyden_tridiagonal, (-1,) * 10, 0),
    MghProblem("broyden_banded", _broyden_banded, (-1,) * 10, 0),
    MghProblem("linear_full_rank", _linear_full_rank, (1,) * 5, _ROWS - 5),
    MghProblem(
        "linear_rank_1", _linear_rank_1, (1,) * 5, _ROWS * (_ROWS - 1) / (2 * (2 * _ROWS + 1))
    ),
    MghProblem(
        "linear_rank_1_zeros",
        _linear_rank_1_zeros,
        (1,) * 5,
        (_ROWS**2 + 3 * _ROWS - 6) / (2 * (2 * _ROWS - 3)),
    ),
    MghProblem("chebyquad_8", _chebyquad, _between(8), 3.51687e-3),
    MghProblem("chebyquad_10", _chebyquad, _between(10), 6.50395e-3),
]
