"""How well compute hides the traffic of weights and states kept in slow memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from lawfit.derived._arguments import Number, plain, reals, together

__all__ = ["offload_bandwidth", "offload_efficiency"]


def offload_efficiency(ait: Any, bandwidth: Any, peak: Any) -> Number:
    """Share of the peak throughput that training reaches over a slow link.

    efficiency = ait·bandwidth / (ait·bandwidth + peak), with no overlap of compute and traffic.

    Parameters
    ----------
    ait : float or array-like, shape (n,)
        Arithmetic intensity, FLOPs per byte moved; above 0.
    bandwidth : float or array-like, shape (n,)
        Bytes per second; at least 0.
    peak : float or array-like, shape (n,)
        Throughput without any traffic, FLOPs per second; above 0.

    Returns
    -------
    float or ndarray, shape (n,)
        From 0 to 1.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, index and value.

    Notes
    -----
    ZeRO-Infinity, arXiv:2104.07857. `offload_bandwidth` is the inverse.
    """
    name = "offload_efficiency"
    intensity = reals(ait, "ait", name, lower=0, strict=True)
    rate = reals(bandwidth, "bandwidth", name, lower=0)
    top = reals(peak, "peak", name, lower=0, strict=True)
    together(name, ait=intensity, bandwidth=rate, peak=top)
    with np.errstate(divide="ignore", over="ignore"):  # of no bandwidth, or next to none
        return plain(1 / (1 + top / intensity / rate))


def offload_bandwidth(efficiency: Any, ait: Any, peak: Any) -> Number:
    """Bandwidth at which training over a slow link reaches a share of the peak.

    bandwidth = efficiency·peak / ((1 - efficiency)·ait).

    Parameters
    ----------
    efficiency : float or array-like, shape (n,)
        Between 0 and 1, both excluded.
    ait : float or array-like, shape (n,)
        Arithmetic intensity, FLOPs per byte moved; above 0.
    peak : float or array-like, shape (n,)
        Throughput without any traffic, FLOPs per second; above 0.

    Returns
    -------
    float or ndarray, shape (n,)
        Bytes per second.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, index and value.

    Notes
    -----
    ZeRO-Infinity, arXiv:2104.07857, solved for the bandwidth.
    """
    name = "offload_bandwidth"
    share = reals(efficiency, "efficiency", name, lower=0, upper=1, strict=True)
    intensity = reals(ait, "ait", name, lower=0, strict=True)
    top = reals(peak, "peak", name, lower=0, strict=True)
    together(name, efficiency=share, ait=intensity, peak=top)
    with np.errstate(over="ignore"):  # beyond 1e308: infinite
        return plain(share / (1 - share) * (top / intensity))
