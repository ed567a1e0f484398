"""A schedule of free form: the non-increasing rates at which a smooth loss is lowest.

Rates are lines between knots: even ones, and one at each end of every sudden fall. Spectral
projected gradients (Birgin, Martínez and Raydan 2000) find the lowest rates at the knots; stretches
over which the rate falls are then halved, and so on. What was found is begun with again, until that
brings nothing. The projection onto what never rises is isotonic regression: pool adjacent
violators.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lawfit._validate import Floats, Ints

__all__ = ["lowest_form"]

KNOTS = 33  # to begin with
MOST_KNOTS = 300
ROUNDS = 25
PASSES = 10  # each from what the one before found
ITERATIONS = 100  # of a round
MEMORY = 8  # iterations back that a step's loss is compared with
SUFFICIENT = 1e-4  # share of the predicted decrease that a step must bring
HARDLY = 1e-9  # predicted decrease, relative to the loss, that ends a round
FALLING = 1e-2  # a stretch falls that falls by this share of the peak

Objective = Callable[[Floats], tuple[float, Floats]]


def lowest_form(objective: Objective, start: Floats, first: int, floor: float) -> Floats:
    """Lower a loss by the rates after step `first`, which never rise nor go below `floor`.

    Parameters
    ----------
    objective : callable
        Takes the rate of every step, shape (T,); returns the loss and its gradient, by every rate.
    start : ndarray, shape (T,)
        Rates to begin with, that fulfil this.
    first : int
        The last step whose rate is given; no later one is higher.
    floor : float

    Returns
    -------
    ndarray, shape (T,)
        The minimum, to the width of a stretch, where the loss is convex in the rates, as
        A·S1^-α - C·S2 is; one of several where it is not. No higher than where it began.
    """
    best, lowest = start, objective(start)[0]
    for _ in range(PASSES):
        rates, loss = _lowered(objective, best, first, floor)
        if not loss < lowest - HARDLY * abs(lowest):
            break
        best, lowest = rates, loss
    return best


def _lowered(objective: Objective, start: Floats, first: int, floor: float) -> tuple[Floats, float]:
    """Return the lowest rates found from a start, and their loss: no higher than the start's."""
    best, lowest = start, objective(start)[0]
    knots, rates = _first_knots(start, first), start
    for _ in range(ROUNDS):
        form = _Form(objective, rates, knots, floor)
        x, loss = _descend(form, form.project(rates[knots[1:]] / rates[first]))
        rates = form.rates(x)
        if loss < lowest:
            best, lowest = rates, loss
        finer = _halved(knots, rates)
        if finer.size == knots.size or finer.size > MOST_KNOTS:
            break
        knots = finer
    return best, lowest


def _first_knots(rates: Floats, first: int) -> Ints:
    """Return even knots, and those at both ends of every sudden fall."""
    even = np.linspace(first, rates.size - 1, KNOTS).round().astype(np.int64)
    falls = np.flatnonzero(-np.diff(rates[first:]) > FALLING * rates[first]) + first
    return np.unique(np.concatenate([even, falls, falls + 1]))


class _Form:
    """The rates at knots, as shares of the peak, and the loss as a function of them."""

    def __init__(self, objective: Objective, rates: Floats, knots: Ints, floor: float) -> None:
        self.objective, self.given, self.knots = objective, rates, knots
        self.peak = float(rates[knots[0]])
        self.floor = floor / self.peak
        steps = np.arange(knots[0], rates.size)
        segments = np.searchsorted(knots, steps, side="right") - 1
        self.left = np.clip(segments, 0, knots.size - 2)
        self.share = (steps - knots[self.left]) / np.diff(knots)[self.left]
        self.widths = self._to_knots(np.full(steps.size, 1 / steps.size))

    def rates(self, x: Floats) -> Floats:
        every = np.concatenate([[1.0], x])
        lines = every[self.left] * (1 - self.share) + every[self.left + 1] * self.share
        return np.concatenate([self.given[: self.knots[0]], self.peak * lines])

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        """Return the loss and its gradient as a density: what a knot's own steps say, averaged."""
        loss, gradient = self.objective(self.rates(x))
        return loss, self.peak * self._to_knots(gradient[self.knots[0] :]) / self.widths

    def _to_knots(self, by_step: Floats) -> Floats:
        n = self.knots.size
        down = np.bincount(self.left, by_step * (1 - self.share), n)
        up = np.bincount(self.left + 1, by_step * self.share, n)
        return (down + up)[1:].astype(np.float64)

    def project(self, x: Floats) -> Floats:
        return np.clip(_isotonic(x, self.widths), self.floor, 1.0)


def _descend(form: _Form, x: Floats) -> tuple[Floats, float]:
    loss, gradient = form(x)
    best, lowest = x, loss
    recent = [loss]
    length = 1 / max(float(np.abs(gradient).max()), 1e-300)
    for _ in range(ITERATIONS):
        way = form.project(x - length * gradient) - x
        slope = float(np.sum(form.widths * gradient * way))
        if slope > -HARDLY * abs(loss):
            break
        step = 1.0
        while True:
            tried = x + step * way
            ahead, next_gradient = form(tried)
            if ahead <= max(recent) + SUFFICIENT * step * slope:
                break
            step /= 2
            if step < 1e-10:
                return best, lowest
        bend = float(np.sum(form.widths * (tried - x) * (next_gradient - gradient)))
        moved = float(np.sum(form.widths * (tried - x) ** 2))
        length = min(moved / bend, 1e6 * length) if bend > 0 else 10 * length
        x, loss, gradient = tried, ahead, next_gradient
        recent = [*recent[1 - MEMORY :], loss]
        if loss < lowest:
            best, lowest = x, loss
    return best, lowest


def _isotonic(x: Floats, weights: Floats) -> Floats:
    """Return the non-increasing values nearest to `x`."""
    pools: list[tuple[float, float, int]] = []  # value, weight, how many
    for single in zip(x.tolist(), weights.tolist(), strict=True):
        (value, weight), count = single, 1
        while pools and pools[-1][0] < value:
            above, heavy, many = pools.pop()
            value = (above * heavy + value * weight) / (heavy + weight)
            weight, count = weight + heavy, count + many
        pools.append((value, weight, count))
    return np.repeat([value for value, _, _ in pools], [count for _, _, count in pools])


def _halved(knots: Ints, rates: Floats) -> Ints:
    """Return knots with those between them over which the rate falls."""
    falls = -np.diff(rates[knots]) > FALLING * rates[knots[0]]
    wide = falls & (np.diff(knots) > 1)
    return np.union1d(knots, (knots[:-1] + knots[1:])[wide] // 2)
