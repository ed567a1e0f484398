"""Laws from training to what a model can do: task loss, accuracy, pass rates."""

from __future__ import annotations

from lawfit.law import Law, Parameter

__all__ = ["accuracy_ladder", "pass_until", "task_loss", "top1_error"]

_TASK_LOSS = "nats per byte or per token of the right answer"
_LADDER = "Bhagia et al. 2024, arXiv:2412.04403"

task_loss = Law(
    "task_loss",
    "E + A/N**alpha + B/D**beta",
    {
        "E": Parameter(0, meaning="irreducible task loss", unit=_TASK_LOSS),
        "A": Parameter(
            0, scale="log", meaning="what a model of one parameter lacks", unit=_TASK_LOSS
        ),
        "alpha": Parameter(0, typical=(0.1, 1.0), meaning="how fast parameters pay"),
        "B": Parameter(0, scale="log", meaning="what one token of data lacks", unit=_TASK_LOSS),
        "beta": Parameter(0, typical=(0.1, 1.0), meaning="how fast tokens pay"),
    },
    y="task_loss",
    description=(
        "First rung of the ladder: a task's loss from N parameters and D tokens. `accuracy_ladder` "
        "is the second."
    ),
    source=_LADDER + ", step 1",
)

accuracy_ladder = Law(
    "accuracy_ladder",
    "a * expit(k*(task_loss - L0)) + b",
    {
        "a": Parameter(meaning="height of the step; below 0, since accuracy falls with the loss"),
        "k": Parameter(
            0, typical=(0.5, 20.0), scale="log", meaning="steepness", unit="1 per unit of task loss"
        ),
        "L0": Parameter(meaning="task loss in the middle of the step", unit=_TASK_LOSS),
        "b": Parameter(meaning="accuracy as the task loss vanishes: that of the step's low side"),
    },
    y="accuracy",
    description="Second rung of the ladder: accuracy as a logistic step in task loss.",
    source=_LADDER + ", step 2",
)

top1_error = Law(
    "top1_error",
    "epsilon - a*exp(-b*loss)",
    {
        "epsilon": Parameter(0, meaning="error of guessing, as the loss grows"),
        "a": Parameter(
            0, scale="log", meaning="what training takes off the error, as the loss vanishes"
        ),
        "b": Parameter(0, typical=(0.1, 5.0), meaning="how fast loss tells", unit="1 per nat"),
    },
    y="top1_error",
    description="Average top-1 error on downstream tasks from the validation loss.",
    source="Gadre et al. 2024, arXiv:2403.08540",
)

pass_until = Law(
    "pass_until",
    "exp(-c * N**-alpha)",
    {
        "c": Parameter(0, scale="log", meaning="-log of the pass rate of a model of one parameter"),
        "alpha": Parameter(0, typical=(0.03, 1.0), meaning="how fast parameters pay"),
    },
    y="rate",
    description=(
        "Chance that one sample of a model of N parameters passes: the rate passes/draws, with "
        "the draws as weights. log(-log rate) is a line in log N; curvature is emergence."
    ),
    source="PassUntil, arXiv:2310.03262",
    conventions={"loss": "binomial", "space": "linear"},
)
