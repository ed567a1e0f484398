"""Laws over model size, data and compute."""

from __future__ import annotations

import sys

from lawfit.law import Law, Parameter

__all__ = ["chinchilla", "data_constrained", "farseer", "henighan", "hestness", "over_training"]

_LOSS = "nats per token"

hestness = Law(
    "hestness",
    "c + (g - c) * (1 + x/x0)**-b",
    {
        "g": Parameter(0, meaning="best guess, what a learner without data reaches"),
        "c": Parameter(0, meaning="irreducible floor"),
        "x0": Parameter(
            sys.float_info.min,
            scale="log",
            meaning="x at which the power law sets in",
            unit="that of x",
        ),
        "b": Parameter(0, typical=(0.03, 1.0), meaning="how fast x pays in between"),
    },
    y="y",
    description=(
        "Three regions: best guess while x is small, then a power law, then a floor. The regions "
        "are Hestness et al.'s; the smooth cap that joins the first two is ours."
    ),
    source="Hestness et al. 2017, arXiv:1712.00409, power-law learning curve phases",
)

henighan = Law(
    "henighan",
    "Linf + (x0/x)**alpha",
    {
        "Linf": Parameter(0, meaning="irreducible loss, read as the entropy of the data"),
        # Published values span 1e-13 to 1e48. A scale of zero is no scale: the bound is the
        # smallest normal number.
        "x0": Parameter(
            sys.float_info.min,
            scale="log",
            meaning="x at which the reducible loss is 1",
            unit="that of x",
        ),
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
        "A": Parameter(0, scale="log", meaning="what a model of one parameter lacks", unit=_LOSS),
        "alpha": Parameter(0, typical=(0.1, 1.0), meaning="how fast parameters pay"),
        "B": Parameter(0, scale="log", meaning="what one token of data lacks", unit=_LOSS),
        "beta": Parameter(0, typical=(0.1, 1.0), meaning="how fast tokens pay"),
    },
    y="loss",
    description="Final loss of a model of N parameters trained on D tokens.",
    source="Hoffmann et al. 2022, arXiv:2203.15556, section 3.3; refitted in arXiv:2404.10102",
)

data_constrained = Law(
    "data_constrained",
    "E + A/(U_N + U_N*RN*(1 - exp(-R_N/RN)))**alpha + B/(U_D + U_D*RD*(1 - exp(-R_D/RD)))**beta",
    {
        "E": Parameter(0, meaning="loss of the ideal model, the entropy of text", unit=_LOSS),
        "A": Parameter(
            0,
            typical=(10.0, 1e5),
            scale="log",
            meaning="what a model of one parameter lacks",
            unit=_LOSS,
        ),
        "alpha": Parameter(0, typical=(0.1, 1.0), meaning="how fast parameters pay"),
        "B": Parameter(
            0, typical=(10.0, 1e5), scale="log", meaning="what one token of data lacks", unit=_LOSS
        ),
        "beta": Parameter(0, typical=(0.1, 1.0), meaning="how fast tokens pay"),
        "RN": Parameter(
            sys.float_info.min,
            typical=(0.5, 100.0),
            scale="log",
            meaning="how often excess parameters pay",
        ),
        "RD": Parameter(
            sys.float_info.min,
            typical=(0.5, 100.0),
            scale="log",
            meaning="how often repeated tokens pay",
        ),
    },
    where={
        "U_D": "minimum(U, D)",
        "R_D": "D/U_D - 1",
        "G": "((alpha*A)/(beta*B))**(1/(alpha + beta))",
        "U_N": "minimum(N, (U_D*G)**(beta/alpha)*G)",
        "R_N": "N/U_N - 1",
    },
    y="loss",
    description=(
        "Loss of a model of N parameters trained on D tokens, of which at most U are unique: "
        "tokens seen again, and parameters beyond the best size for U tokens, are worth less."
    ),
    source="Muennighoff et al. 2023, arXiv:2305.16264",
)

over_training = Law(
    "over_training",
    "E + alpha*N**b + beta*6**(b/2)*(M*N)**b",
    {
        "E": Parameter(0, meaning="irreducible loss", unit=_LOSS),
        "alpha": Parameter(
            0, scale="log", meaning="what a model of one parameter lacks", unit=_LOSS
        ),
        "beta": Parameter(
            0, scale="log", meaning="what few tokens lack, per unit of compute's root"
        ),
        "b": Parameter(upper=0, typical=(-1.0, -0.03), meaning="how fast N and D pay, below 0"),
    },
    y="loss",
    description=(
        "Loss of a model of N parameters trained on M tokens a parameter: N and D = M*N pay "
        "with one exponent, so lines of equal M are parallel in compute."
    ),
    source="Gadre et al. 2024, arXiv:2403.08540",
)

farseer = Law(
    "farseer",
    "exp(s*N**q + S) + exp(B*N**b + Q) * D**-exp(A*N**a + E)",
    {
        "s": Parameter(typical=(-1.0, 0.0), meaning="how the floor depends on N"),
        "q": Parameter(typical=(0.05, 0.5), meaning="power of N in the floor"),
        "S": Parameter(typical=(-1.0, 1.5), meaning="logarithm of the floor, without N"),
        "B": Parameter(typical=(10.0, 300.0), scale="log", meaning="how the gap depends on N"),
        "b": Parameter(typical=(-0.5, -0.05), meaning="power of N in the gap"),
        "Q": Parameter(typical=(-10.0, 3.0), meaning="logarithm of the gap at D = 1, without N"),
        "A": Parameter(typical=(-1.0, 0.0), meaning="how the exponent of D depends on N"),
        "a": Parameter(typical=(0.05, 0.5), meaning="power of N in the exponent of D"),
        "E": Parameter(typical=(-1.0, 1.5), meaning="logarithm of D's exponent, without N"),
    },
    y="loss",
    description=(
        "Loss whose floor, gap and exponent of D all depend on N. Form second hand. Badly "
        "conditioned: very different parameters give the same losses, so forecast with it, but "
        "read nothing into its parameters."
    ),
    source="Farseer, arXiv:2506.10972",
)
