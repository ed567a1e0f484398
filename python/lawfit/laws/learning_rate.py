"""Laws over a learning-rate schedule, through its areas."""

from __future__ import annotations

from lawfit.law import Law, Parameter

__all__ = ["annealing", "annealing_size", "collapse"]

_LOSS = "nats per token"
_FLOOR = Parameter(0, meaning="loss that no amount of training removes", unit=_LOSS)
_FORWARD = {
    "A": Parameter(0, meaning="what is left to learn when the forward area S1 is 1", unit=_LOSS),
    "alpha": Parameter(0, 3, typical=(0.2, 1.0), meaning="how fast the forward area pays"),
}
_ANNEALING = {
    "C": Parameter(0, meaning="loss an annealing area S2 of 1 takes away", unit=_LOSS),
    # At lam = 1 the momentum never fades and S2 is the fall of the LR itself; the papers stay
    # within 0.99 to 0.9995. The bound is a memory of 100 000 steps.
    "lam": Parameter(
        0,
        0.99999,
        held=0.999,
        typical=(0.99, 0.9995),
        meaning="decay of the annealing momentum, per step",
    ),
}

annealing = Law(
    "annealing",
    "L0 + A * S1**-alpha - C * S2(lam)",
    {"L0": _FLOOR, **_FORWARD, **_ANNEALING},
    y="loss",
    description="Loss along training under any learning-rate schedule, from its areas S1 and S2.",
    source="Scaling Law with Learning Rate Annealing, arXiv:2408.11029",
)

annealing_size = Law(
    "annealing_size",
    "L0 + A * S1**-alpha + B * N**-beta - C * S2(lam)",
    {
        "L0": _FLOOR,
        **_FORWARD,
        "B": Parameter(0, meaning="what a model of one parameter lacks", unit=_LOSS),
        "beta": Parameter(0, typical=(0.1, 1.0), meaning="how fast parameters pay"),
        **_ANNEALING,
    },
    y="loss",
    description=(
        "Loss along training of models of N parameters under any learning-rate schedule. Form "
        "second hand."
    ),
    source="Scaling Law with Learning Rate Annealing, arXiv:2408.11029, model-size extension",
)

collapse = Law(
    "collapse",
    "L0 + (final - L0) * (w + (1 - w)*x**-mu)",
    {
        "L0": _FLOOR,
        "mu": Parameter(0, typical=(0.1, 2.0), meaning="how fast time pays: L0 + a*t**-mu + …"),
        "nu": Parameter(0, typical=(0.1, 2.0), meaning="how fast size pays: … + b*p**-nu"),
    },
    y="loss",
    where={"w": "mu/(mu + nu)"},
    description=(
        "Loss after the share x of a run's compute, from its final loss, at constant learning "
        "rate and compute-optimal size. There mu*a*t**-mu = nu*b*p**-nu, so the size's part of "
        "the final reducible loss is w whatever the compute: curves of all sizes collapse."
    ),
    source="Supercollapse, arXiv:2507.02119",
)
