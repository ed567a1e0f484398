"""Quantities derived from fits, and from what training leaves behind."""

from lawfit.derived.attack import attack_resistance
from lawfit.derived.batch import BatchCost, batch_cost, critical_batch
from lawfit.derived.budget import ComputeOptimal, compute_optimal
from lawfit.derived.crossing import Crossover, crossover
from lawfit.derived.downstream import (
    DownstreamChain,
    Predictability,
    downstream_chain,
    predictability,
)
from lawfit.derived.draws import fit_draws
from lawfit.derived.dynamics import Agreement, align_dynamics
from lawfit.derived.entropy import (
    EntropyReading,
    Needed,
    entropy_reading,
    infogain,
    mutual_information,
    needed_for,
    power_law_inverse,
)
from lawfit.derived.frontier import Envelope, envelope
from lawfit.derived.isoflop import (
    IsoflopBias,
    IsoflopMinimum,
    IsoflopProfile,
    isoflop_bias,
    isoflop_minimum,
    isoflop_profile,
)
from lawfit.derived.mixture import mixture_at_scale
from lawfit.derived.network import NetworkScaling, network_scaling
from lawfit.derived.offload import offload_bandwidth, offload_efficiency
from lawfit.derived.pass_until import Emergence, PassRate, emergence, pass_rate
from lawfit.derived.scale_invariant import effective_lr, weight_norms
from lawfit.derived.supercollapse import Collapse, collapse

__all__ = [
    "Agreement",
    "BatchCost",
    "Collapse",
    "ComputeOptimal",
    "Crossover",
    "DownstreamChain",
    "Emergence",
    "EntropyReading",
    "Envelope",
    "IsoflopBias",
    "IsoflopMinimum",
    "IsoflopProfile",
    "Needed",
    "NetworkScaling",
    "PassRate",
    "Predictability",
    "align_dynamics",
    "attack_resistance",
    "batch_cost",
    "collapse",
    "compute_optimal",
    "critical_batch",
    "crossover",
    "downstream_chain",
    "effective_lr",
    "emergence",
    "entropy_reading",
    "envelope",
    "fit_draws",
    "infogain",
    "isoflop_bias",
    "isoflop_minimum",
    "isoflop_profile",
    "mixture_at_scale",
    "mutual_information",
    "needed_for",
    "network_scaling",
    "offload_bandwidth",
    "offload_efficiency",
    "pass_rate",
    "power_law_inverse",
    "predictability",
    "weight_norms",
]
