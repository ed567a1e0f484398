"""What a reader of a fit should beware of, found in one place for every way of telling it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lawfit.result import Fit

__all__ = ["ILL_CONDITIONED", "Caution", "cautions"]

# Beyond this condition a parameter's error says more about its partners than about itself.
ILL_CONDITIONED = 1e6


class Caution(NamedTuple):
    """What to beware of, and the parameters it is about.

    Kinds are "undetermined", "interchangeable", "open" (not told from 0) and "lonely" (one start
    alone reached the minimum).
    """

    kind: str
    names: tuple[str, ...] = ()


def cautions(fit: Fit) -> Iterator[Caution]:
    """Yield what to beware of, what matters most first."""
    if fit.undetermined:
        yield Caution("undetermined", fit.undetermined)
    elif fit.condition > ILL_CONDITIONED and math.isfinite(fit.condition):
        yield Caution("interchangeable")
    open_ = [
        name for name, error in fit.stderr.items() if abs(fit.params[name]) < 2 * error < math.inf
    ]
    if open_:
        yield Caution("open", tuple(open_))
    if fit.starts_asked > 1 and fit.starts_agreed == 1:
        yield Caution("lonely")
