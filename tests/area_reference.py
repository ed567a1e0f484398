"""The areas of a schedule as their definitions say, step by step; parameters may be complex."""

import numpy as np


class Areas:
    """Areas of the LR of every step, at some steps."""

    def __init__(self, rates, steps):
        self.rates = np.asarray(rates, dtype=np.float64)
        self.steps = np.asarray(steps)
        self.table = {
            "s1": self.s1,
            "s2": self.s2,
            "loss_drop": self.loss_drop,
            "moment_area": self.moment_area,
            "bound_mean": self.bound_mean,
            "bound_last": self.bound_last,
        }

    def s1(self):
        return np.cumsum(self.rates)[self.steps]

    def s2(self, lam):
        momentum, area, areas = 0.0, 0.0, []
        for drop in (0.0, *-np.diff(self.rates)):
            momentum = lam * momentum + drop
            area = area + momentum
            areas.append(area)
        return np.array(areas)[self.steps]

    def loss_drop(self, c, beta, gamma):
        """Multi-power law, arXiv:2503.12811."""
        total = np.cumsum(self.rates)
        before = total - self.rates
        drops = -np.diff(self.rates, prepend=self.rates[0])
        values = []
        for t in self.steps:
            k = np.flatnonzero(drops[: t + 1])
            x = self.rates[k] ** -gamma * (total[t] - before[k])
            values.append(np.sum(drops[k] * (1 - (1 + c * x) ** -beta)))
        return np.array(values)

    def moment_area(self, beta1, beta2):
        """Forward momentum, arXiv:2512.13705: Adam's moments of the falls, bias-corrected."""
        first, second, area, areas = 0.0, 0.0, 0.0, [0.0]
        for i, drop in enumerate(-np.diff(self.rates), start=1):
            first = beta1 * first + (1 - beta1) * drop
            second = beta2 * second + (1 - beta2) * 1e5 * drop**2
            root = np.sqrt(second / (1 - beta2**i) + 1e-8)
            area = area + first / (1 - beta1**i) / (root + 1e-8)
            areas.append(area)
        return np.array(areas)[self.steps]

    def bound_mean(self):
        """Second term of the convex bound for G = 1, arXiv:2501.18965."""
        squares = np.cumsum(self.rates**2)
        return (squares / (2 * np.cumsum(self.rates)))[self.steps]

    def bound_last(self):
        """Its third term."""
        values = []
        for t in self.steps:
            rates = self.rates[: t + 1]
            after = np.cumsum(rates[::-1])[::-1]  # Σ_{t >= k} η
            squares = np.cumsum(rates[::-1] ** 2)[::-1]
            values.append(0.5 * np.sum(rates[:-1] / after[1:] * squares[:-1] / after[:-1]))
        return np.array(values)
