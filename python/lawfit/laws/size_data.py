"""Laws over model size, data and compute."""

from __future__ import annotations

import sys

from lawfit.law import Law, Parameter

__all__ = ["chinchilla", "henighan", "power"]

_LOSS = "nats per token"

power = Law(
    "power",
    "a * x**-b + c",
    {
        "a": Parameter(0, meaning="reducible part at x = 1"),
        "b": Parameter(0, typical=(0.03, 1.0), meaning="how fast x pays"),
        "c": Parameter(0, meaning="floor"),
    },
    y="y",
    description="A power law that falls to a floor.",
    source="Hestness et al. 2017, arXiv:1712.00409",
)

henighan = Law(
    "henighan",
    "Linf + (x0/x)**alpha",
    {
        "Linf": Parameter(0, meaning="irreducible loss, read as the entropy of the data"),
        # Published values span 1e-13 to 1e48. A scale of zero is no scale: the bound is the
        # smallest normal number.
        "x0": Parameter(sys.float_info.min, meaning="x at which the reducible loss is 1"),
        "alpha": Parameter(0, typical=(0.03, 1.0), meaning="how fast x pays"),
    },
    y="loss",
    description="Loss against model size, data or compute x, where nothing else limits it.",
    source="Henighan et al. 2020, arXiv:2010.14701",
)

chinchilla = Law(
    "chinchilla",
    "E + A*N**-alpha + B*D**-beta",
    {
        "E": Parameter(0, meaning="loss of the ideal model, the entropy of text", unit=_LOSS),
        "A": Parameter(0, meaning="what a model of one parameter lacks", unit=_LOSS),
        "alpha": Parameter(0, typical=(0.1, 1.0), meaning="how fast parameters pay"),
        "B": Parameter(0, meaning="what one token of data lacks", unit=_LOSS),
        "beta": Parameter(0, typical=(0.1, 1.0), meaning="how fast tokens pay"),
    },
    y="loss",
    description="Final loss of a model of N parameters trained on D tokens.",
    source="Hoffmann et al. 2022, arXiv:2203.15556; refitted in arXiv:2404.10102",
)
