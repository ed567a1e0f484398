"""Laws of one variable: powers, exponentials and chains of powers."""

from __future__ import annotations

import sys

from lawfit._validate import integer, real
from lawfit.law import Law, Parameter

__all__ = ["broken_power", "exponential", "fixed_power", "linear", "power", "pure_power"]

_HESTNESS = "Hestness et al. 2017, arXiv:1712.00409"

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
    source=_HESTNESS,
)

pure_power = Law(
    "pure_power",
    "a * x**-b",
    {
        "a": Parameter(0, scale="log", meaning="y at x = 1"),
        "b": Parameter(typical=(-1.0, 1.0), meaning="how fast y falls; below 0 it grows"),
    },
    y="y",
    description="A power law without a floor, such as the model size that data of size x need.",
    source=_HESTNESS,
)

linear = Law(
    "linear",
    "kappa * x",
    {"kappa": Parameter(meaning="y per unit of x")},
    y="y",
    description="A line through the origin: attack strength against controlled activations.",
    source="arXiv:2312.02780 (t_max = kappa*a)",
)

exponential = Law(
    "exponential",
    "a * exp(-b*x) + c",
    {
        "a": Parameter(0, meaning="reducible part at x = 0"),
        "b": Parameter(0, scale="log", meaning="how fast x pays", unit="1 per unit of x"),
        "c": Parameter(0, meaning="floor"),
    },
    y="y",
    description=(
        "An exponential that falls to a floor: what pruned data may reach where whole data follow "
        "`power`. Which of the two holds is for an information criterion and held-out error."
    ),
    source="Sorscher et al. 2022, arXiv:2206.14486",
)


def fixed_power(exponent: float = 2 / 3) -> Law:
    """Return `a * x**p` with p held at an exponent that theory gives.

    Parameters
    ----------
    exponent : float
        Value p is held at; `fit(..., fixed={"p": None})` frees it. By default 2/3, the law of
        velocity and mass in dark-matter flow (arXiv:2202.06515).

    Raises
    ------
    TypeError, ValueError
        If the exponent is not a finite number.
    """
    held = real(exponent, field="exponent")
    return Law(
        "fixed_power",
        "a * x**p",
        {
            "a": Parameter(meaning="y at x = 1"),
            "p": Parameter(held=held, meaning="exponent, given by theory"),
        },
        y="y",
        description="A power of x whose exponent is known.",
        source="arXiv:2202.06515 (y = a*r**(2/3))",
    )


def broken_power(breaks: int = 1) -> Law:
    """Return the smoothly broken power law of arXiv:2210.14891.

    Parameters
    ----------
    breaks : int
        How many breaks, from 1 to 8: the i-th, at x = d_i, changes the slope on logarithmic axes
        by -c_i over about 2·f_i units of log x.

    Raises
    ------
    TypeError, ValueError
        If `breaks` is no whole number from 1 to 8.
    """
    count = integer(breaks, field="breaks", lower=1, upper=8)
    parameters = {
        "a": Parameter(0, meaning="limit"),
        "b": Parameter(
            0, scale="log", meaning="distance from the limit at x = 1, before any break"
        ),
        "c0": Parameter(typical=(0.0, 1.0), meaning="how fast x pays before the first break"),
    }
    formula = "a + b * x**-c0"
    for i in range(1, count + 1):
        formula += f" * (1 + (x/d{i})**(1/f{i}))**(-c{i}*f{i})"
        parameters |= {
            f"d{i}": Parameter(
                sys.float_info.min, scale="log", meaning=f"x of break {i}", unit="that of x"
            ),
            f"c{i}": Parameter(typical=(-1.0, 1.0), meaning=f"what break {i} adds to the exponent"),
            f"f{i}": Parameter(
                1e-3, 100.0, typical=(0.05, 2.0), scale="log", meaning=f"how smooth break {i} is"
            ),
        }
    return Law(
        "broken_power",
        formula,
        parameters,
        y="y",
        description=(
            "Power laws joined by smooth breaks. Breaks have no order: those of a fit may come in "
            "any."
        ),
        source="Caballero et al. 2022, arXiv:2210.14891, equation 1",
    )
