"""Fit scaling laws to training runs and forecast losses under any learning-rate schedule."""

from lawfit import laws, samples, schedules
from lawfit._core import build_info
from lawfit.curve import Curve, Curves
from lawfit.fit import fit
from lawfit.formula import FormulaError
from lawfit.grouped import GroupedFit
from lawfit.law import Law, Parameter
from lawfit.result import Fit
from lawfit.schedule import Schedule
from lawfit.scores import Score, Scores

__version__ = str(build_info()["version"])

__all__ = [
    "Curve",
    "Curves",
    "Fit",
    "FormulaError",
    "GroupedFit",
    "Law",
    "Parameter",
    "Schedule",
    "Score",
    "Scores",
    "__version__",
    "build_info",
    "fit",
    "laws",
    "samples",
    "schedules",
]
