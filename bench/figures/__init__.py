"""Figures of reliability: what each must be, what is measured, and what others reach."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[2] / "tests"
sys.path.insert(0, str(TESTS))  # whose data and cases are measured here


@dataclass(frozen=True)
class Peer:
    """What another fitter reaches at the same cases."""

    name: str
    result: str


@dataclass(frozen=True)
class Figure:
    """One figure; `met` is None where it was not measured, and `measured` then says why."""

    id: str
    title: str
    must: str
    measured: str
    met: bool | None
    peers: tuple[Peer, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Plan:
    """How much of it to run."""

    full: bool = False  # the long forms: every count as the figure asks for it
    peers: bool = True


Measure = Callable[[Plan], list[Figure]]
