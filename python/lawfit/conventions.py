"""What papers differ in: how residuals are taken and judged, and what a warm-up counts for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from lawfit._printable import shown
from lawfit._validate import choose, closest, real

__all__ = [
    "DEFAULTS",
    "LOSSES",
    "SPACES",
    "WARMUPS",
    "Warmup",
    "check_losses",
    "read_conventions",
]

LOSSES = ("huber", "squared", "soft_l1", "binomial")
SPACES = ("log", "linear")
Warmup = Literal["actual", "peak", "skip"]
WARMUPS: Final = ("actual", "peak", "skip")


DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {"loss": "huber", "delta": 1e-3, "space": "log", "warmup": "peak"}
)
"""What holds for a law that says nothing else."""


def read_conventions(given: object) -> Mapping[str, Any]:
    """Return the conventions that a law comes with, checked and read-only.

    Raises
    ------
    TypeError, ValueError
        Naming the key and the value.
    """
    if given is None:
        return MappingProxyType({})
    if not isinstance(given, Mapping):
        raise TypeError(f"conventions is {shown(given)}; expected a mapping")
    choices = {"loss": LOSSES, "space": SPACES, "warmup": WARMUPS}
    for key in given:
        if key not in DEFAULTS:
            raise ValueError(f"conventions: unknown key {shown(key)}{closest(str(key), DEFAULTS)}")
    found = {
        key: choose(given[key], choices[key], field=f"conventions: {key}")
        if key in choices
        else real(given[key], field="conventions: delta", lower=0, strict=True, allow_inf=True)
        for key in DEFAULTS
        if key in given
    }
    check_losses({**DEFAULTS, **found})
    return MappingProxyType(found)


def check_losses(chosen: Mapping[str, Any]) -> None:
    """Refuse a loss that the residuals' space has no meaning for."""
    if chosen["loss"] == "binomial" and chosen["space"] != "linear":
        raise ValueError(f"loss='binomial' needs space='linear', got space={chosen['space']!r}")
