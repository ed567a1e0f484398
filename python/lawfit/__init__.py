"""Fit scaling laws to training runs and forecast losses under any learning-rate schedule."""

from typing import TYPE_CHECKING, Any

from lawfit import laws, samples, schedules
from lawfit._core import build_info
from lawfit.alarms import Anomaly
from lawfit.batch import fit_many
from lawfit.bootstrap import Bootstrap, bootstrap
from lawfit.callable_law import CallableLaw
from lawfit.compare import compare
from lawfit.comparison import Compared, Comparison
from lawfit.curve import Curve
from lawfit.curves import Curves
from lawfit.derived import (
    Agreement,
    BatchCost,
    Collapse,
    ComputeOptimal,
    Crossover,
    DownstreamChain,
    Emergence,
    EntropyReading,
    Envelope,
    IsoflopBias,
    IsoflopMinimum,
    IsoflopProfile,
    Needed,
    NetworkScaling,
    PassRate,
    Predictability,
    align_dynamics,
    attack_resistance,
    batch_cost,
    collapse,
    compute_optimal,
    critical_batch,
    crossover,
    downstream_chain,
    effective_lr,
    emergence,
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
    pass_rate,
    power_law_inverse,
    predictability,
    weight_norms,
)
from lawfit.design import design_schedule
from lawfit.designs import Baseline, ScheduleDesign
from lawfit.fit import fit
from lawfit.fit_table import FitTable
from lawfit.forecast import Forecaster
from lawfit.formula import FormulaError
from lawfit.grouped import GroupedFit
from lawfit.law import Law, Parameter
from lawfit.outlook import Forecast
from lawfit.plans import DecayPlan, Eta
from lawfit.prediction import predict
from lawfit.problem import Minimum, Problem
from lawfit.result import Fit
from lawfit.schedule import Schedule
from lawfit.scores import Score, Scores

if TYPE_CHECKING:
    from lawfit.io.reading import iter_curves, read_curves

__version__ = str(build_info()["version"])

__all__ = [
    "Agreement",
    "Anomaly",
    "Baseline",
    "BatchCost",
    "Bootstrap",
    "CallableLaw",
    "Collapse",
    "Compared",
    "Comparison",
    "ComputeOptimal",
    "Crossover",
    "Curve",
    "Curves",
    "DecayPlan",
    "DownstreamChain",
    "Emergence",
    "EntropyReading",
    "Envelope",
    "Eta",
    "Fit",
    "FitTable",
    "Forecast",
    "Forecaster",
    "FormulaError",
    "GroupedFit",
    "IsoflopBias",
    "IsoflopMinimum",
    "IsoflopProfile",
    "Law",
    "Minimum",
    "Needed",
    "NetworkScaling",
    "Parameter",
    "PassRate",
    "Predictability",
    "Problem",
    "Schedule",
    "ScheduleDesign",
    "Score",
    "Scores",
    "__version__",
    "align_dynamics",
    "attack_resistance",
    "batch_cost",
    "bootstrap",
    "build_info",
    "collapse",
    "compare",
    "compute_optimal",
    "critical_batch",
    "crossover",
    "design_schedule",
    "downstream_chain",
    "effective_lr",
    "emergence",
    "entropy_reading",
    "envelope",
    "fit",
    "fit_draws",
    "fit_many",
    "infogain",
    "isoflop_bias",
    "isoflop_minimum",
    "isoflop_profile",
    "iter_curves",
    "laws",
    "mixture_at_scale",
    "mutual_information",
    "needed_for",
    "network_scaling",
    "offload_bandwidth",
    "offload_efficiency",
    "pass_rate",
    "power_law_inverse",
    "predict",
    "predictability",
    "read_curves",
    "samples",
    "schedules",
    "weight_norms",
]


def __getattr__(name: str) -> Any:
    if name in ("iter_curves", "read_curves"):  # with all readers, on first use
        from lawfit.io import reading  # noqa: PLC0415

        return globals().setdefault(name, getattr(reading, name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
