"""Sums of squares as other fitters take them: a model of the parameters, with an exact Jacobian."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# A step far below rounding: the derivative of an analytic function along the imaginary axis has no
# cancellation (Squire and Trapp 1998).
TINY = 1e-200


@dataclass(frozen=True)
class LeastSquares:
    """Find b that minimises half the sum of squares, or of Huber's rho at `delta`."""

    name: str
    model: Callable[[Floats], Floats]
    jacobian: Callable[[Floats], Floats]
    y: Floats
    start: Floats
    delta: float | None = None
    # The model as Python text of b, np and columns, where it is one formula.
    source: str = ""
    columns: dict[str, Floats] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        return self.start.size

    def residuals(self, b: Floats) -> Floats:
        return self.model(b) - self.y

    def cost(self, b: Floats) -> float:
        """The objective, by the same sum for everyone."""
        with np.errstate(all="ignore"):
            r = np.abs(self.residuals(np.asarray(b, dtype=np.float64)))
        if self.delta is None:
            return math.fsum(0.5 * r * r)
        small = r <= self.delta
        return math.fsum(np.where(small, 0.5 * r * r, self.delta * (r - 0.5 * self.delta)))


FUNCTIONS = {"exp": "exp", "cos": "cos", "sin": "sin", "atan": "arctan", "pi": "pi"}


def numpy_text(formula: str) -> str:
    """The formula as numpy's users write it, b1 being b[0]."""
    text = re.sub(r"\bb(\d+)\b", lambda m: f"b[{int(m[1]) - 1}]", formula)
    return re.sub(r"\b(exp|cos|sin|atan|pi)\b", lambda m: f"np.{FUNCTIONS[m[1]]}", text)


def from_formula(
    formula: str, columns: dict[str, Floats], *, name: str, y: Floats, start: Any, delta: Any = None
) -> LeastSquares:
    """A formula of NIST's, its Jacobian by the complex step."""
    text = numpy_text(formula)
    code = compile(text, name, "eval")
    scope = {"np": np, **columns}

    def value(b: Any) -> Any:
        with np.errstate(all="ignore"):
            found = eval(code, scope, {"b": b})
        return np.broadcast_to(found, y.shape)

    def jacobian(b: Floats) -> Floats:
        columns = []
        for k in range(b.size):
            moved = b.astype(np.complex128)
            moved[k] += 1j * TINY
            columns.append(value(moved).imag / TINY)
        return np.column_stack(columns)

    begin = np.array(start, dtype=np.float64)
    return LeastSquares(name, value, jacobian, y, begin, delta, text, columns)
