"""Quantities derived from fits and from what training leaves behind."""

from lawfit.derived.downstream import (
    DownstreamChain,
    Predictability,
    downstream_chain,
    predictability,
)
from lawfit.derived.dynamics import Agreement, align_dynamics
from lawfit.derived.pass_until import Emergence, PassRate, emergence, pass_rate

__all__ = [
    "Agreement",
    "DownstreamChain",
    "Emergence",
    "PassRate",
    "Predictability",
    "align_dynamics",
    "downstream_chain",
    "emergence",
    "pass_rate",
    "predictability",
]
