"""Laws over a learning-rate schedule, through its areas."""

from __future__ import annotations

from lawfit.law import Law, Parameter

__all__ = [
    "annealing",
    "annealing_size",
    "collapse",
    "convex_bound",
    "forward_momentum",
    "multi_power",
]

_LOSS = "nats per token"
_FLOOR = Parameter(0, meaning="loss that no amount of training removes", unit=_LOSS)
_FORWARD = {
    "A": Parameter(
        0, scale="log", meaning="what is left to learn when the forward area S1 is 1", unit=_LOSS
    ),
    "alpha": Parameter(0, 3, typical=(0.2, 1.0), meaning="how fast the forward area pays"),
}
_SIZE = Parameter(0, scale="log", meaning="what a model of one parameter lacks", unit=_LOSS)
_SIZE_POWER = Parameter(0, typical=(0.1, 1.0), meaning="how fast parameters pay")
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
        "B": _SIZE,
        "beta": _SIZE_POWER,
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

multi_power = Law(
    "multi_power",
    "L0 + A * S1**-alpha - B * loss_drop(C, beta, gamma)",
    {
        "L0": _FLOOR,
        **_FORWARD,
        "B": Parameter(
            0, scale="log", meaning="loss that a fall of the LR by 1 takes away in the end"
        ),
        "C": Parameter(0, typical=(0.1, 20), scale="log", meaning="how soon a fall of the LR pays"),
        # A fall pays like a power of the area after it; published fits are near 0.6. Far below the
        # bound it pays like a logarithm, and only the product of B and beta matters.
        "beta": Parameter(0.01, 2, typical=(0.2, 1.5), meaning="how a fall of the LR levels off"),
        "gamma": Parameter(0, 2, typical=(0.2, 1.2), meaning="how much longer a low LR takes"),
    },
    y="loss",
    conventions={"warmup": "actual"},
    description=(
        "Loss along training under any learning-rate schedule: every fall of the learning rate "
        "takes away loss, by a power of the area since. B, C and gamma are nearly "
        "interchangeable."
    ),
    source="Multi-Power Law, arXiv:2503.12811",
)

forward_momentum = Law(
    "forward_momentum",
    "L0 + A * S1**-alpha + B * N**-beta - C * moment_area(beta1, beta2)",
    {
        "L0": Parameter(1.1, 8, meaning=_FLOOR.meaning, unit=_LOSS),
        **_FORWARD,
        "B": _SIZE,
        "beta": _SIZE_POWER,
        "C": Parameter(0, meaning="loss that a moment area of 1 takes away", unit=_LOSS),
        "beta1": Parameter(0, 0.99999, held=0.9, meaning="decay of the falls' first moment"),
        "beta2": Parameter(0, 0.99999, held=0.999, meaning="decay of their second moment"),
    },
    y="loss",
    conventions={"space": "linear"},
    description=(
        "Loss along training of models of N parameters: the falls of the learning rate count by "
        "Adam's moments of them. Of runs of one size, B and beta cannot be told from L0: hold B "
        "at 0."
    ),
    source="arXiv:2512.13705",
)

convex_bound = Law(
    "convex_bound",
    "L0 + R**2 / (2 * S1) + G**2 * (bound_mean + bound_last)",
    {
        "L0": _FLOOR,
        "R": Parameter(0, meaning="distance from the start to the minimum"),
        "G": Parameter(0, meaning="bound on the gradient's norm"),
    },
    y="loss",
    conventions={"warmup": "actual"},
    description=(
        "Bound on the last iterate's loss of subgradient descent on a convex function, fitted as "
        "a law: the shapes of real loss curves follow it."
    ),
    source="Schaipp et al. 2025, arXiv:2501.18965",
)
