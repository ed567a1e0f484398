"""NIST's Statistical Reference Datasets of nonlinear regression: 27 sets of two starts each."""

import json
import math
import re
from dataclasses import dataclass
from itertools import permutations

import numpy as np

import lawfit as lf
from shared_data import shared

# b1, b2, ... are parameters; of Nelson y is the logarithm of the file's.
_EXPONENTIALS = "b1*exp(-b2*x) + b3*exp(-b4*x) + b5*exp(-b6*x)"
_GAUSS = "b1*exp(-b2*x) + b3*exp(-(x-b4)**2/b5**2) + b6*exp(-(x-b7)**2/b8**2)"
_CUBICS = "(b1+b2*x+b3*x**2+b4*x**3) / (1+b5*x+b6*x**2+b7*x**3)"
_DECAY = "exp(-b1*x)/(b2+b3*x)"
FORMULAS = {
    "Bennett5": "b1*(b2+x)**(-1/b3)",
    "BoxBOD": "b1*(1-exp(-b2*x))",
    "Chwirut1": _DECAY,
    "Chwirut2": _DECAY,
    "DanWood": "b1*x**b2",
    "ENSO": (
        "b1 + b2*cos(2*pi*x/12) + b3*sin(2*pi*x/12) + b5*cos(2*pi*x/b4) + b6*sin(2*pi*x/b4)"
        " + b8*cos(2*pi*x/b7) + b9*sin(2*pi*x/b7)"
    ),
    "Eckerle4": "(b1/b2)*exp(-((x-b3)/b2)**2/2)",
    "Gauss1": _GAUSS,
    "Gauss2": _GAUSS,
    "Gauss3": _GAUSS,
    "Hahn1": _CUBICS,
    "Kirby2": "(b1+b2*x+b3*x**2) / (1+b4*x+b5*x**2)",
    "Lanczos1": _EXPONENTIALS,
    "Lanczos2": _EXPONENTIALS,
    "Lanczos3": _EXPONENTIALS,
    "MGH09": "b1*(x**2+x*b2) / (x**2+x*b3+b4)",
    "MGH10": "b1*exp(b2/(x+b3))",
    "MGH17": "b1 + b2*exp(-x*b4) + b3*exp(-x*b5)",
    "Misra1a": "b1*(1-exp(-b2*x))",
    "Misra1b": "b1*(1-(1+b2*x/2)**(-2))",
    "Misra1c": "b1*(1-(1+2*b2*x)**(-0.5))",
    "Misra1d": "b1*b2*x/(1+b2*x)",
    "Nelson": "b1-b2*x1*exp(-b3*x2)",
    "Rat42": "b1/(1+exp(b2-b3*x))",
    "Rat43": "b1/((1+exp(b2-b3*x))**(1/b4))",
    "Roszman1": "b1-b2*x-atan(b3/(x-b4))/pi",
    "Thurber": _CUBICS,
}
# Each formula once, by the first set that has it.
DISTINCT = {formula: name for name, formula in reversed(FORMULAS.items())}
# Terms that may change places, as indices of their parameters.
_LIKE_TERMS = {
    "ENSO": ((3, 4, 5), (6, 7, 8)),
    "Gauss": ((2, 3, 4), (5, 6, 7)),
    "Lanczos": ((0, 1), (2, 3), (4, 5)),
    "MGH17": ((1, 3), (2, 4)),
}
# Parameters whose signs cancel: the law knows their squares, or both change together.
_SIGNLESS = {"Gauss": (4, 7), "Eckerle4": (0, 1)}


@dataclass(frozen=True)
class NistSet:
    """One set; `digits_of_solution` are 25 each, `solution` the same as doubles."""

    name: str
    columns: dict[str, np.ndarray]
    y: np.ndarray
    starts: tuple[tuple[float, ...], tuple[float, ...]]
    certified: np.ndarray
    stderr: np.ndarray
    residual_sd: float
    digits_of_solution: tuple[str, ...]
    solution: np.ndarray

    @property
    def law(self):
        """The law as a formula."""
        return lf.Law(self.name, FORMULAS[self.name], self.names, y="y")

    @property
    def names(self):
        """The parameters' names."""
        return [f"b{k + 1}" for k in range(self.certified.size)]

    @property
    def data(self):
        """What a fit takes."""
        return {**self.columns, "y": self.y}

    def start(self, k):
        """Return the first (0) or second (1) start."""
        return dict(zip(self.names, self.starts[k], strict=True))

    def orders(self):
        """Yield the orders of the parameters that give the same law."""
        terms = next((t for key, t in _LIKE_TERMS.items() if self.name.startswith(key)), ())
        for chosen in permutations(terms):
            order = np.arange(self.certified.size)
            for term, other in zip(terms, chosen, strict=True):
                order[list(term)] = other
            yield order

    def digits(self, found, expected):
        """Return the digits of the worst parameter that are right: -log10 of its relative error.

        Solutions that differ by an order of like terms or a sign that cancels count as equal.
        """
        found = np.array(found)
        signless = next((s for key, s in _SIGNLESS.items() if self.name.startswith(key)), ())
        found[list(signless)] = np.abs(found[list(signless)])
        return max(_digits(found[order], np.asarray(expected)) for order in self.orders())


def _digits(found, expected):
    error = float(np.max(np.abs(found - expected) / np.abs(expected)))
    return math.inf if error == 0 else -math.log10(error) if math.isfinite(error) else -math.inf


def nist_names():
    """Return the names of the 27 sets."""
    return list(FORMULAS)


def nist(name):
    """Read a set, or skip the test where the shared data are absent."""
    text = shared("nist", f"{name}.dat").read_text()
    rows = np.array(re.findall(r"^ *b\d+ *= *(\S+) +(\S+) +(\S+) +(\S+)", text, re.M), dtype=float)
    table = text[text.rindex("Data:") :].splitlines()[1:]
    values = np.array([line.split() for line in table if line.strip()], dtype=float).T
    names = ("x",) if len(values) == 2 else ("x1", "x2")
    solution = json.loads(shared("nist", "solutions.json").read_text())[name]["b"]
    return NistSet(
        name=name,
        columns=dict(zip(names, values[1:], strict=True)),
        y=np.log(values[0]) if name == "Nelson" else values[0],
        starts=(tuple(rows[:, 0]), tuple(rows[:, 1])),
        certified=rows[:, 2],
        stderr=rows[:, 3],
        residual_sd=float(re.search(r"Residual Standard Deviation: +(\S+)", text)[1]),
        digits_of_solution=tuple(solution),
        solution=np.array([float(digits) for digits in solution]),
    )
