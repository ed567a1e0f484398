"""Fit scaling laws to training runs and forecast losses under any learning-rate schedule."""

from lawfit import laws, samples, schedules
from lawfit._core import build_info
from lawfit.curve import Curve, Curves
from lawfit.derived import (
    Collapse,
    ComputeOptimal,
    Crossover,
    EntropyReading,
    Envelope,
    IsoflopBias,
    IsoflopMinimum,
    IsoflopProfile,
    Needed,
    NetworkScaling,
    attack_resistance,
    collapse,
    compute_optimal,
    crossover,
    effective_lr,
    entropy_reading,
    envelope,
    fit_draws,
    infogain,
    isoflop_bias,
    isoflop_minimum,
    isoflop_profile,
    mixture_at_scale,
    mutual_information,
    needed_for,
    network_scaling,
    offload_bandwidth,
    offload_efficiency,
    power_law_inverse,
    weight_norms,
)
from lawfit.fit import fit
from lawfit.formula import FormulaError
from lawfit.law import Law, Parameter
from lawfit.result import Fit
from lawfit.schedule import Schedule
from lawfit.scores import Score, Scores

__version__ = str(build_info()["version"])

__all__ = [
    "Collapse",
    "ComputeOptimal",
    "Crossover",
    "Curve",
    "Curves",
    "EntropyReading",
    "Envelope",
    "Fit",
    "FormulaError",
    "IsoflopBias",
    "IsoflopMinimum",
    "IsoflopProfile",
    "Law",
    "Needed",
    "NetworkScaling",
    "Parameter",
    "Schedule",
    "Score",
    "Scores",
    "__version__",
    "attack_resistance",
    "build_info",
    "collapse",
    "compute_optimal",
    "crossover",
    "effective_lr",
    "entropy_reading",
    "envelope",
    "fit",
    "fit_draws",
    "infogain",
    "isoflop_bias",
    "isoflop_minimum",
    "isoflop_profile",
    "laws",
    "mixture_at_scale",
    "mutual_information",
    "needed_for",
    "network_scaling",
    "offload_bandwidth",
    "offload_efficiency",
    "power_law_inverse",
    "samples",
    "schedules",
    "weight_norms",
]
