"""What a reader should beware of, in plain words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from lawfit.cautions import Caution, cautions
from lawfit.result import Fit
from lawfit.views import RunResiduals, autocorrelation

__all__ = ["ends", "plain_words"]

# Neighbouring residuals that go together this much make intervals clearly too narrow.
REMEMBERS = 0.3
FEW = 10  # points a free parameter


def plain_words(fit: Fit, runs: Sequence[RunResiduals]) -> Iterator[str]:
    """Yield warnings about a fit as sentences; `runs` are what it left of its own data."""
    if not fit.success:
        yield f"The fit did not end at a minimum that can be trusted. {fit.message}"
    for name, side in fit.at_bounds.items():
        if name in fit.undetermined:
            continue  # which is said below
        yield (
            f"{name} sits at its {side} bound, {fit.params[name]:.6g}. The data would take it "
            "further, so it has no error of its own, and those of the others are too small."
        )
    yield from (_words(caution) for caution in cautions(fit))
    if 0 < fit.n < FEW * len(fit.free):
        count = f"{fit.n} points for {len(fit.free)} free parameters"
        if fit.freedom > 0:
            yield f"{count} are few: intervals rest on the law being right."
        else:
            yield f"{count}: the law can go through every one, so nothing tells how far it is off."
    yield from _memory(runs)
    if fit.law.uses_schedule and "lam" in fit.params and "lam" not in fit.free and not fit.profile:
        yield (
            f"lam was held at {fit.params['lam']:g} and not asked of the data. Forecasts of sudden "
            "changes of the learning rate depend on it; fit with profile={'lam': [...]} to see."
        )


def ends(fit: Fit) -> str:
    """Say in a few words how the fit ended."""
    words = {
        "converged": "converged",
        "imprecise": "converged, with fewer digits than usual",
        "rank_deficient": "the data leave parameters open",
        "stalled": "stalled",
        "max_iterations": "ran out of iterations",
        "timeout": "ran out of time",
        "bad_start": "found no value to start from",
    }
    return words.get(fit.status, fit.status)


def _words(caution: Caution) -> str:
    names = " and ".join(caution.names)
    match caution.kind:
        case "undetermined" if len(caution.names) == 1:
            return (
                f"The data say nothing of {names}: any value fits as well. Forecasts that depend "
                "on it are guesses."
            )
        case "undetermined":
            return (
                f"The data cannot tell {names} apart: other values together fit as well. Hold one, "
                "or add a run that separates them."
            )
        case "interchangeable":
            return (
                "The parameters are nearly interchangeable: one can make up for another. Read "
                "their intervals together, not one by one; forecasts near the data are safe."
            )
        case "open":
            verb = "is" if len(caution.names) == 1 else "are"
            return f"{names} {verb} not told from 0 by the data, which may do without."
    return (
        "Only one of the starts reached this minimum. A lower one may have been missed; fit again "
        "with more starts."
    )


def _memory(runs: Sequence[RunResiduals]) -> Iterator[str]:
    found = [autocorrelation(run.values, 1)[1] for run in runs if run.values.size > FEW]
    if not found:
        return
    typical = float(np.median(found))
    if math.isfinite(typical) and typical > REMEMBERS:
        yield (
            f"Neighbouring points of a run err together (correlation {typical:.2f}). The intervals "
            "count points as independent, so they are too narrow; lawfit.Forecaster allows for it."
        )
