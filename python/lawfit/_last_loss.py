"""The law's loss at a schedule's last step, and its gradient by the learning rate of every step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lawfit import _core
from lawfit._validate import Floats
from lawfit.formula import AREAS, operands
from lawfit.law import Law
from lawfit.prediction import Request
from lawfit.result import Fit
from lawfit.schedule import Schedule

__all__ = ["LastLoss"]

Area = Callable[[Floats], tuple[float, Floats]]
Code = list[tuple[str, int, int]]
_KNOWN = ("s1", "s2", "loss_drop")


class LastLoss:
    """The fitted law as a function of its areas, and these as functions of the rates.

    Derivatives are exact: by an area, from the law's program with the area as one more parameter;
    of an area, from its definition (arXiv 2408.11029 for S1 and S2, 2503.12811 for the loss drop).

    Parameters
    ----------
    fit : Fit
        Of a law of S1, S2 and loss drops; of columns, it may take those that no rate changes.
    like : Schedule
        A schedule of the same length and warm-up.
    asked : Request
        Its last step.

    Raises
    ------
    ValueError
        For a law of other areas, naming it, of the column `lr`, or one that is implicit.
    """

    def __init__(self, fit: Fit, like: Schedule, asked: Request) -> None:
        law = fit.law
        self.warmup, self.mode = like.warmup, fit.options.warmup
        found = [k for k, (op, _, _) in enumerate(law.instructions) if op.upper() in _UPPER]
        other = [op for op, _, _ in law.instructions if op.upper() in _UPPER and op not in _KNOWN]
        obstacle = other[0] if other else "lr" if "lr" in law.columns else None
        if obstacle or law.implicit:
            what = f"takes {obstacle}" if obstacle else "is implicit"
            raise ValueError(
                f"form='free' knows the gradients of S1, S2 and loss_drop alone, and law "
                f"{law.name!r} {what}; form='family' needs none"
            )
        self._theta = [*fit.params.values()]
        no_steps = np.zeros(0, np.int64)
        # alive as long as the problem
        self._data = _core.Data(1, asked.rows.columns, no_steps, [], "actual", "fine")
        p, n = len(self._theta), len(found)
        code = list(law.instructions)
        for j, k in enumerate(found):
            code[k] = ("parameter", p + j, 0)
        self._theta += [0.0] * n
        self._areas = [self._area(law, code, k) for k in found]
        self._problem = _core.Problem(
            program=_program(code, law, p + n),
            data=self._data,
            y=np.ones(1),
            weights=np.zeros(0),
            loss="squared",
            delta=1.0,
            space="linear",
            theta=self._theta,
            free=[False] * p + [True] * n,
            may_centre=[False] * n,
        )

    def __call__(self, rates: Floats) -> tuple[float, Floats]:
        """Return the last step's loss, and its gradient by the rates after step `warmup`.

        Both of shape (steps,); the gradient by earlier rates, which are given, is not to be used.
        """
        if self.mode == "peak":
            rates = np.concatenate([np.full(self.warmup, rates[self.warmup]), rates[self.warmup :]])
        areas = [area(rates) for area in self._areas]
        values, derivatives = self._problem.jacobian([value for value, _ in areas])
        slopes = zip(derivatives[0].tolist(), areas, strict=True)
        return float(values[0]), sum((d * g for d, (_, g) in slopes), np.zeros(rates.size))

    def _area(self, law: Law, code: Code, k: int) -> Area:
        """Return the area that instruction `k` takes, with its arguments at the fitted values.

        Arguments are made of parameters alone.
        """

        def value(i: int) -> float:
            if code[i][0] == "argument":
                i = code[i][1]
            program = _program(code[: i + 1], law, len(self._theta))
            return float(program.evaluate(self._data, self._theta)[0])

        arguments = [value(i) for i in operands(law.instructions[k])]
        if law.instructions[k][0] == "s1":
            return _forward
        if law.instructions[k][0] == "s2":
            return lambda rates: _annealing(rates, self._falls(rates), *arguments)
        return lambda rates: _loss_drop(rates, self._falls(rates), *arguments)

    def _falls(self, rates: Floats) -> Floats:
        falls = -np.diff(rates, prepend=rates[0])
        if self.mode == "skip":
            falls[: self.warmup + 1] = 0
        return falls


_UPPER = {area.upper() for area in AREAS}


def _program(code: Code, law: Law, parameters: int) -> _core.Program:
    lowered = np.array([(_core.OPCODES[op], a, b) for op, a, b in code], dtype=np.int32)
    constants = np.array(law.constants, dtype=np.float64)
    return _core.Program(lowered.reshape(-1, 3), constants, parameters, len(law.columns))


def _forward(rates: Floats) -> tuple[float, Floats]:
    return float(rates.sum()), np.ones(rates.size)


def _annealing(rates: Floats, falls: Floats, lam: float) -> tuple[float, Floats]:
    """S2 = Σ falls_k·(1 - λ^n)/(1 - λ) with n steps from k on; dS2/dη_i is -λ^(n - 1) of i."""
    powers = lam ** np.arange(rates.size - 1, -1, -1.0)
    counts = np.cumsum(powers[::-1])[::-1]
    return float(falls @ counts), -powers


def _loss_drop(
    rates: Floats, falls: Floats, C: float, beta: float, gamma: float
) -> tuple[float, Floats]:
    """Σ falls_k·G(u_k), u_k = η_k^-γ·S_k; rate i is in falls_i, falls_(i+1), u_i and S_k, k ≤ i."""
    area = np.cumsum(rates[::-1])[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = np.where(rates > 0, rates, np.inf) ** -gamma  # a warm-up's 0, which falls by nothing
    u = unit * area
    base = np.log1p(C * u)
    gain = -np.expm1(-beta * base)
    slope = falls * beta * C * np.exp(-(beta + 1) * base)
    gradient = np.cumsum(slope * unit) - gain + np.append(gain[1:], 0.0)
    np.divide(slope * gamma * u, rates, out=u, where=rates > 0)
    return float(falls @ gain), gradient - np.where(rates > 0, u, 0.0)
