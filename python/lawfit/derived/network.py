"""What making a network bigger costs: parameters and activations of a scaling rule."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from lawfit._validate import choose, real
from lawfit.derived._arguments import Number, plain, reals

__all__ = ["NetworkScaling", "network_scaling"]

_TOLERANCE: Final = 1e-12  # of the shares' sum, for thirds and tenths
RULES: Final = ("uniform", "width", "depth", "fast")


class NetworkScaling(NamedTuple):
    """Factors by which a network grows, and the powers of its FLOPs they are.

    Attributes
    ----------
    flops : float or ndarray, shape (n,)
        The factor s asked for.
    depth, width, resolution : float or ndarray, shape (n,)
        Factors of layers, channels and image side.
    params, activations : float or ndarray, shape (n,)
        Factors of weights, and of what layers put out.
    params_exponent, activations_exponent : float
        Powers of s that `params` and `activations` are.
    """

    flops: Number
    depth: Number
    width: Number
    resolution: Number
    params: Number
    activations: Number
    params_exponent: float
    activations_exponent: float


def network_scaling(
    s: Any,
    *,
    rule: str | None = None,
    alpha: float | None = None,
    depth: float | None = None,
    width: float | None = None,
    resolution: float | None = None,
) -> NetworkScaling:
    """Scale a convolutional network to s times its FLOPs.

    With shares e_d + e_w + e_r = 1, depth grows by s^(e_d), width by s^(e_w/2) and resolution by
    s^(e_r/2); parameters by s^(e_d + e_w), activations by s^(e_d + e_w/2 + e_r).

    Parameters
    ----------
    s : float or array-like, shape (n,)
        Factor of FLOPs; above 0, below 1 for a smaller network.
    rule : {"uniform", "width", "depth", "fast"}, optional
        Shares by name: a third each (dwr), all to width, all to depth, or `alpha` to width and the
        rest split evenly (dWr^α).
    alpha : float, optional
        Width's share in the rule "fast", from 0 to 1; by default 0.8.
    depth, width, resolution : float, optional
        Shares from 0 to 1 instead of a rule. They add up to 1; what is left out is 0.

    Returns
    -------
    NetworkScaling

    Raises
    ------
    TypeError, ValueError
        Naming the argument and value.

    Notes
    -----
    Fast and Accurate Model Scaling, arXiv:2103.06877. Activations, more than FLOPs,
    set the run time on accelerators, which is why "fast" favours width.
    """
    name = "network_scaling"
    factor = reals(s, "s", name, lower=0, strict=True)
    given = {"depth": depth, "width": width, "resolution": resolution}
    asked = {field: share for field, share in given.items() if share is not None}
    if (rule is None) == (not asked):
        raise TypeError(f"{name}: give a rule or shares of depth, width and resolution")
    if alpha is not None and rule != "fast":
        raise TypeError(f"{name}: alpha: only the rule 'fast' has one")
    if rule is not None:
        asked = _shares(choose(rule, RULES, field=f"{name}: rule"), 0.8 if alpha is None else alpha)
    d, w, r = (
        real(asked.get(field, 0.0), field=field, source=name, lower=0, upper=1) for field in given
    )
    if abs(d + w + r - 1) > _TOLERANCE:
        raise ValueError(f"{name}: depth, width and resolution add up to {d + w + r:.17g}, not 1")
    params, activations = d + w, d + w / 2 + r
    return NetworkScaling(
        flops=plain(factor),
        depth=plain(factor**d),
        width=plain(factor ** (w / 2)),
        resolution=plain(factor ** (r / 2)),
        params=plain(factor**params),
        activations=plain(factor**activations),
        params_exponent=params,
        activations_exponent=activations,
    )


def _shares(rule: str, alpha: float) -> dict[str, float]:
    if rule == "uniform":
        return dict.fromkeys(("depth", "width", "resolution"), 1 / 3)
    if rule == "fast":
        share = real(alpha, field="alpha", source="network_scaling", lower=0, upper=1)
        return {"depth": (1 - share) / 2, "width": share, "resolution": (1 - share) / 2}
    return {rule: 1.0}
