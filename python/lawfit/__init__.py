"""Fit scaling laws to training runs and forecast losses under any learning-rate schedule."""

from lawfit import laws, samples, schedules
from lawfit._core import build_info
from lawfit.callable_law import CallableLaw
from lawfit.curve import Curve, Curves
from lawfit.fit import fit
from lawfit.formula import FormulaError
from lawfit.law import Law, Parameter
from lawfit.prediction import predict
from lawfit.result import Fit
from lawfit.schedule import Schedule
from lawfit.scores import Score, Scores

__version__ = str(build_info()["version"])

__all__ = [
    "CallableLaw",
    "Curve",
    "Curves",
    "Fit",
    "FormulaError",
    "Law",
    "Parameter",
    "Schedule",
    "Score",
    "Scores",
    "__version__",
    "build_info",
    "fit",
    "laws",
    "predict",
    "samples",
    "schedules",
]
