"""Laws that say how to train: learning rate, batch size, mixture of data."""

from __future__ import annotations

from collections.abc import Iterable

from lawfit._validate import integer
from lawfit.law import Law, Parameter

__all__ = ["mixture", "step_law", "step_law_batch"]

_STEP_LAW = "Step Law, arXiv:2503.04715"

step_law = Law(
    "step_law",
    "a * N**b * D**c",
    {
        "a": Parameter(0, scale="log", meaning="learning rate at N = D = 1"),
        "b": Parameter(typical=(-1.5, 0.0), meaning="power of the parameters"),
        "c": Parameter(typical=(0.0, 1.0), meaning="power of the tokens"),
    },
    y="lr",
    description="Best peak learning rate of a model of N parameters trained on D tokens.",
    source=_STEP_LAW,
)

step_law_batch = Law(
    "step_law_batch",
    "d * D**e",
    {
        "d": Parameter(0, scale="log", meaning="batch size at D = 1", unit="tokens"),
        "e": Parameter(typical=(0.0, 1.0), meaning="power of the tokens"),
    },
    y="batch",
    description="Best batch size, in tokens, of a run on D tokens.",
    source=_STEP_LAW,
)


def mixture(sources: int = 3) -> Law:
    """Return projektor's law of the loss over mixtures of data (arXiv:2307.02460).

    Columns are the shares `p1` … `pm` of the sources, which sum to 1, and `OT`, the distance by
    optimal transport between a row's mixture and the task, which is given.

    Parameters
    ----------
    sources : int
        How many sources m, from 2 to 8: each takes 4 of the 32 parameters a fit may have.

    Returns
    -------
    Law
        `b0` and `c0` are held at 0: shares sum to 1, so that a constant can't be told from the same
        amount added to every `b1` (or `c1`). Of two sources p2² is 1 - 2·p1 + p1², and `b2_2` and
        `c2_2` are held at 0 as well. Predictions are the same as with them free.

    Raises
    ------
    TypeError, ValueError
        If `sources` is no whole number from 2 to 8.
    """
    count = integer(sources, field="sources", lower=2, upper=8)
    shares = range(1, count + 1)
    return Law(
        "mixture",
        f"({_quadratic('b', shares)}) * OT + ({_quadratic('c', shares)})",
        _coefficients("b", "loss per unit of OT", count) | _coefficients("c", "loss", count),
        description=(
            "Loss of a model trained on a mixture of sources in shares that sum to 1, at "
            "distance OT from the task. b0 and c0 are held at 0, since shares that sum to 1 make "
            "them one with the b1 and the c1."
        ),
        source="projektor, arXiv:2307.02460",
        conventions={"loss": "squared", "space": "linear"},
    )


def _quadratic(letter: str, shares: Iterable[int]) -> str:
    return " + ".join(f"{letter}2_{i}*p{i}**2 + {letter}1_{i}*p{i} + {letter}0" for i in shares)


def _coefficients(letter: str, unit: str, count: int) -> dict[str, Parameter]:
    table = {}
    for i in range(1, count + 1):
        held = 0.0 if count == 2 and i == 2 else None
        table[f"{letter}2_{i}"] = Parameter(
            held=held, meaning=f"weight of the square of share {i}", unit=unit
        )
        table[f"{letter}1_{i}"] = Parameter(meaning=f"weight of share {i}", unit=unit)
    table[f"{letter}0"] = Parameter(held=0.0, meaning="constant, once a source", unit=unit)
    return table
