"""Make tests/golden/nist_huber.json: NIST's sets under Huber's loss, to twenty digits.

    python tests/make_huber_references.py

delta is the certified residual standard deviation. Each minimum is the lowest that searches from
both of NIST's starts, the certified solution and 20 points around that find; then Newton's method
in 40 digits, derivatives of the gradient by differences there, on the rows within delta. Lanczos1
is left out: rounding in its residuals is a hundredth of its delta.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import mpmath
import numpy as np
from mpmath import mp, mpf

import lawfit as lf
from nist_data import FORMULAS, nist, nist_names

GOLDEN = Path(__file__).parent / "golden"

LEFT_OUT = ("Lanczos1",)
mp.dps = 40
_STEP = mpf(10) ** -18


@dataclass(frozen=True)
class Dual:
    """A number with its derivatives by the parameters."""

    value: mpf
    slope: tuple[mpf, ...]

    def _with(self, other, value, by_self, by_other):
        slopes = zip(self.slope, other.slope, strict=True)
        return Dual(value, tuple(by_self * a + by_other * b for a, b in slopes))

    def _lift(self, other):
        return other if isinstance(other, Dual) else Dual(mpf(other), (mpf(0),) * len(self.slope))

    def __add__(self, other):
        other = self._lift(other)
        return self._with(other, self.value + other.value, 1, 1)

    def __mul__(self, other):
        other = self._lift(other)
        return self._with(other, self.value * other.value, other.value, self.value)

    def __truediv__(self, other):
        other = self._lift(other)
        value = self.value / other.value
        return self._with(other, value, 1 / other.value, -value / other.value)

    def __pow__(self, other):
        other = self._lift(other)
        value = self.value**other.value
        by_base = other.value * self.value ** (other.value - 1) if self.value else mpf(0)
        by_power = value * mpmath.log(self.value) if self.value > 0 else mpf(0)
        return self._with(other, value, by_base, by_power)

    def __rpow__(self, other):
        return self._lift(other) ** self

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -self._lift(other)

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return self._lift(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def through(self, function, slope):
        """Return a function of it."""
        return Dual(function(self.value), tuple(slope(self.value) * d for d in self.slope))


def _of_dual(function, slope):
    return lambda x: x.through(function, slope) if isinstance(x, Dual) else function(x)


_FUNCTIONS = {
    "exp": _of_dual(mpmath.exp, mpmath.exp),
    "cos": _of_dual(mpmath.cos, lambda v: -mpmath.sin(v)),
    "sin": _of_dual(mpmath.sin, mpmath.cos),
    "atan": _of_dual(mpmath.atan, lambda v: 1 / (1 + v * v)),
    "pi": mp.pi,
}


def objective(data, theta):
    """Return the objective and its gradient."""
    p, delta = len(theta), mpf(data.residual_sd)
    unit = [tuple(mpf(int(j == k)) for j in range(p)) for k in range(p)]
    names = {
        name: Dual(value, slope) for name, value, slope in zip(data.names, theta, unit, strict=True)
    }
    code = compile(FORMULAS[data.name], data.name, "eval")
    total, gradient = mpf(0), [mpf(0)] * p
    for i, y in enumerate(data.y):
        row = {name: mpf(float(column[i])) for name, column in data.columns.items()}
        f = eval(code, {**_FUNCTIONS, **names, **row})
        r = f.value - mpf(float(y))
        inside = abs(r) <= delta
        total += r * r / 2 if inside else delta * (abs(r) - delta / 2)
        score = r if inside else mpmath.sign(r) * delta
        gradient = [g + score * d for g, d in zip(gradient, f.slope, strict=True)]
    return total, gradient


def polished(data, theta):
    """Return the minimum near theta by Newton's method, and the objective there."""
    theta = [mpf(float(value)) for value in theta]
    p = len(theta)
    for _ in range(12):
        _, gradient = objective(data, theta)
        hessian = mpmath.matrix(p, p)
        for k in range(p):
            step = _STEP * abs(theta[k])
            moved = [value + step * (j == k) for j, value in enumerate(theta)]
            _, there = objective(data, moved)
            for j in range(p):
                hessian[j, k] = (there[j] - gradient[j]) / step
        shift = mpmath.lu_solve(hessian, -mpmath.matrix(gradient))
        theta = [value + s for value, s in zip(theta, shift, strict=True)]
        if max(abs(s / value) for s, value in zip(shift, theta, strict=True)) < mpf(10) ** -28:
            return theta, objective(data, theta)[0]
    raise ArithmeticError(f"{data.name}: Newton's method did not converge")


def candidate(data):
    """Return the lowest minimum that many searches find."""
    rng = np.random.default_rng(0)
    points = [data.certified * (1 + 0.1 * rng.normal(size=data.certified.size)) for _ in range(20)]
    starts = [data.start(0), data.start(1)]
    starts += [dict(zip(data.names, point, strict=True)) for point in (data.certified, *points)]
    options = {"loss": "huber", "delta": data.residual_sd, "space": "linear"}
    fits = [lf.fit(data.law, data.data, starts=start, **options) for start in starts]
    return min((f for f in fits if math.isfinite(f.objective)), key=lambda f: f.objective)


def main():
    """Write the file."""
    out = {}
    for name in nist_names():
        if name in LEFT_OUT:
            continue
        data = nist(name)
        found = candidate(data)
        theta, cost = polished(data, found.params.values())
        print(name, mpmath.nstr(cost, 20), mpmath.nstr(found.objective / cost - 1, 3), flush=True)
        out[name] = {
            "delta": data.residual_sd,
            "objective": mpmath.nstr(cost, 20),
            "parameters": [mpmath.nstr(value, 20) for value in theta],
        }
    (GOLDEN / "nist_huber.json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
