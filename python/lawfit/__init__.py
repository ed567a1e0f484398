"""Fit scaling laws to training runs and forecast losses under any learning-rate schedule."""

from lawfit import laws, samples, schedules
from lawfit._core import build_info
from lawfit.curve import Curve, Curves
from lawfit.derived import (
    Agreement,
    DownstreamChain,
    Emergence,
    PassRate,
    Predictability,
    align_dynamics,
    downstream_chain,
    emergence,
    pass_rate,
    predictability,
)
from lawfit.fit import fit
from lawfit.formula import FormulaError
from lawfit.law import Law, Parameter
from lawfit.prediction import predict
from lawfit.result import Fit
from lawfit.schedule import Schedule
from lawfit.scores import Score, Scores

__version__ = str(build_info()["version"])

__all__ = [
    "Agreement",
    "Curve",
    "Curves",
    "DownstreamChain",
    "Emergence",
    "Fit",
    "FormulaError",
    "Law",
    "Parameter",
    "PassRate",
    "Predictability",
    "Schedule",
    "Score",
    "Scores",
    "__version__",
    "align_dynamics",
    "build_info",
    "downstream_chain",
    "emergence",
    "fit",
    "laws",
    "pass_rate",
    "predict",
    "predictability",
    "samples",
    "schedules",
]
