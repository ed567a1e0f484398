"""The catalogue of laws: `laws.annealing`, `laws.chinchilla`, …, or by name with `get`."""

from __future__ import annotations

from lawfit._validate import choose
from lawfit.law import Law

# A family's file is not called after a law in it: the module would hide the law.
from lawfit.laws.learning_rate import annealing
from lawfit.laws.size_data import chinchilla, henighan, power

__all__ = ["annealing", "chinchilla", "get", "henighan", "names", "power"]

_LAWS = {law.name: law for law in (annealing, power, henighan, chinchilla)}


def names() -> tuple[str, ...]:
    """Return the names of all laws in the catalogue."""
    return tuple(_LAWS)


def get(name: str) -> Law:
    """Return the law of that name.

    Raises
    ------
    TypeError
        If the name is not text.
    ValueError
        If there is no such law; the message says which name comes closest.
    """
    return _LAWS[choose(name, _LAWS.keys(), field="law")]
