"""The catalogue of laws: `laws.annealing`, `laws.chinchilla`, …, or by name with `get`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from lawfit._validate import choose, closest
from lawfit.law import Law

# A family's file is not called after a law in it: the module would hide the law.
from lawfit.laws.design import mixture, step_law, step_law_batch
from lawfit.laws.downstream import accuracy_ladder, pass_until, task_loss, top1_error
from lawfit.laws.kaplan import kaplan_d, kaplan_n, kaplan_nd, kaplan_ns, kaplan_nsb
from lawfit.laws.learning_rate import (
    annealing,
    annealing_size,
    collapse,
    convex_bound,
    forward_momentum,
    multi_power,
)
from lawfit.laws.one_variable import (
    broken_power,
    exponential,
    fixed_power,
    linear,
    power,
    pure_power,
)
from lawfit.laws.size_data import (
    chinchilla,
    data_constrained,
    farseer,
    henighan,
    hestness,
    over_training,
)

__all__ = [
    "accuracy_ladder",
    "annealing",
    "annealing_size",
    "broken_power",
    "chinchilla",
    "collapse",
    "convex_bound",
    "data_constrained",
    "exponential",
    "families",
    "farseer",
    "fixed_power",
    "forward_momentum",
    "get",
    "henighan",
    "hestness",
    "kaplan_d",
    "kaplan_n",
    "kaplan_nd",
    "kaplan_ns",
    "kaplan_nsb",
    "linear",
    "mixture",
    "multi_power",
    "names",
    "over_training",
    "pass_until",
    "power",
    "pure_power",
    "step_law",
    "step_law_batch",
    "task_loss",
    "top1_error",
]

# A law, or a function that makes one and has a default for every option.
_Entry = Law | Callable[..., Law]

_FAMILIES: dict[str, tuple[_Entry, ...]] = {
    "learning-rate schedules": (
        annealing,
        annealing_size,
        multi_power,
        forward_momentum,
        convex_bound,
        collapse,
    ),
    "one variable": (power, pure_power, linear, fixed_power, broken_power, exponential),
    "size, data and compute": (
        henighan,
        hestness,
        chinchilla,
        data_constrained,
        over_training,
        farseer,
    ),
    "Kaplan's": (kaplan_n, kaplan_d, kaplan_nd, kaplan_ns, kaplan_nsb),
    "downstream": (task_loss, accuracy_ladder, top1_error, pass_until),
    "how to train": (step_law, step_law_batch, mixture),
}


def _name(entry: _Entry) -> str:
    return entry.name if isinstance(entry, Law) else entry.__name__


_LAWS = {_name(entry): entry for entries in _FAMILIES.values() for entry in entries}


def names() -> tuple[str, ...]:
    """Return the names of all laws in the catalogue."""
    return tuple(_LAWS)


def families() -> Mapping[str, tuple[str, ...]]:
    """Return the names of all laws by family."""
    return MappingProxyType(
        {family: tuple(map(_name, entries)) for family, entries in _FAMILIES.items()}
    )


def get(name: str, **options: Any) -> Law:
    """Return the law of that name.

    Parameters
    ----------
    name : str
        One of `names()`.
    **options
        What a law that comes in several sizes takes, such as `breaks` of "broken_power"; by
        default the smallest of general use.

    Raises
    ------
    TypeError
        If the name is not text, or the law does not take an option.
    ValueError
        If there is no such law; the message says which name comes closest.
    """
    entry = _LAWS[choose(name, _LAWS.keys(), field="law")]
    known = () if isinstance(entry, Law) else tuple(inspect.signature(entry).parameters)
    for option in options:
        if option not in known:
            raise TypeError(f"law {name!r} has no option {option!r}{closest(option, known)}")
    return entry if isinstance(entry, Law) else entry(**options)
