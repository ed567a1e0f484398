"""Quantities derived from fits and from what training leaves behind."""

from lawfit.derived.downstream import (
    DownstreamChain,
    Predictability,
    downstream_chain,
    predictability,
)
from lawfit.derived.dynamics import Agreement, align_dynamics

__all__ = [
    "Agreement",
    "DownstreamChain",
    "Predictability",
    "align_dynamics",
    "downstream_chain",
    "predictability",
]
