"""Kaplan's laws over model size, data, steps and batch size."""

from __future__ import annotations

import sys

from lawfit.law import Law, Parameter

__all__ = ["kaplan_d", "kaplan_n", "kaplan_nd", "kaplan_ns", "kaplan_nsb"]

_SOURCE = "Kaplan et al. 2020, arXiv:2001.08361, equation {}"
# A scale of zero is no scale: the bound is the smallest normal number.
_TINY = sys.float_info.min


def _scale(meaning: str, unit: str) -> Parameter:
    return Parameter(_TINY, scale="log", meaning=meaning, unit=unit)


def _exponent(what: str, low: float = 0.03, high: float = 0.3) -> Parameter:
    # Published: 0.050 to 0.103 for size, data and compute, 0.76 for steps.
    return Parameter(0, typical=(low, high), meaning=f"how fast {what} pay")


kaplan_n = Law(
    "kaplan_n",
    "(Nc/N)**alpha_N",
    {
        "Nc": _scale("size at which the loss would be 1", "parameters"),
        "alpha_N": _exponent("parameters"),
    },
    description="Loss of a model of N parameters trained to convergence on data without end.",
    source=_SOURCE.format("1.1") + "; re-estimated in arXiv:2403.06563",
)

kaplan_d = Law(
    "kaplan_d",
    "(Dc/D)**alpha_D",
    {
        "Dc": _scale("data at which the loss would be 1", "tokens"),
        "alpha_D": _exponent("tokens"),
    },
    description="Loss of a large model trained on D tokens with early stopping.",
    source=_SOURCE.format("1.2"),
)

kaplan_nd = Law(
    "kaplan_nd",
    "((Nc/N)**(alpha_N/alpha_D) + Dc/D)**alpha_D",
    {
        "Nc": _scale("size at which the loss would be 1, with data without end", "parameters"),
        "alpha_N": _exponent("parameters"),
        "Dc": _scale("data at which the loss would be 1, with a model without end", "tokens"),
        "alpha_D": _exponent("tokens"),
    },
    description="Loss of a model of N parameters trained on D tokens with early stopping.",
    source=_SOURCE.format("1.5"),
)

kaplan_ns = Law(
    "kaplan_ns",
    "(Nc/N)**alpha_N + (Sc/Smin)**alpha_S",
    {
        "Nc": _scale("size at which the first part would be 1", "parameters"),
        "alpha_N": _exponent("parameters"),
        "Sc": _scale("steps at which the second part would be 1", "steps"),
        "alpha_S": _exponent("steps", 0.1, 1.5),
    },
    description=(
        "Loss of a model of N parameters after Smin steps of a batch far above the critical size."
    ),
    source=_SOURCE.format("1.6") + "; re-estimated in arXiv:2403.06563",
)

kaplan_nsb = Law(
    "kaplan_nsb",
    "(Nc/N)**alpha_N + (Sc/Smin)**alpha_S",
    {
        "Nc": _scale("size at which the first part would be 1", "parameters"),
        "alpha_N": _exponent("parameters"),
        "Sc": _scale("steps at which the second part would be 1", "steps"),
        "alpha_S": _exponent("steps", 0.1, 1.5),
        "Bstar": _scale("critical batch size at a loss of 1", "tokens"),
        "alpha_B": Parameter(
            _TINY, typical=(0.1, 0.5), meaning="how the critical batch size grows as loss falls"
        ),
    },
    where={"Bcrit": "Bstar / loss**(1/alpha_B)", "Smin": "S / (1 + Bcrit/B)"},
    implicit=True,
    description=(
        "Loss of a model of N parameters after S steps of batches of B tokens. The critical batch "
        "size depends on the loss, so the loss is solved for."
    ),
    source=_SOURCE.format("1.4 and 1.6"),
)
