"""Sample curves: small real training runs to try laws on.

Byte-level GPTs of three sizes, each trained under eight learning-rate schedules on the source of
Python's standard library, with the loss on a fixed held-out sample logged every 25 steps. Made by
``bench/train_tiny_curves.py``; settings are in the JSON file beside each curve.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final

import numpy as np

from lawfit import schedules
from lawfit._validate import integer
from lawfit.curve import Curve
from lawfit.curves import Curves
from lawfit.schedule import Schedule

__all__ = ["curves", "sizes"]

# what a schedule's name stands for, apart from steps, peak (3e-3) and warm-up
LAYOUTS: Final[Mapping[str, tuple[Callable[..., Schedule], Mapping[str, Any]]]] = {
    "constant": (schedules.constant, {}),
    "cosine": (schedules.cosine, {"end": 3e-4, "endpoint": True}),
    "cyclic": (schedules.cyclic, {"cycle": 1900, "end": 3e-4, "endpoint": True}),
    "linear": (schedules.linear, {"end": 3e-5, "endpoint": True}),
    "twostage": (schedules.two_stage, {"switch": 2400, "second": 6e-4}),
    "wsd": (schedules.wsd, {"decay_start": 3200, "end": 3e-5, "endpoint": True}),
    "wsdexp": (
        schedules.wsd,
        {"decay_start": 3200, "end": 1.5e-4, "endpoint": True, "shape": "exponential"},
    ),
}


def sizes() -> tuple[int, ...]:
    """Model sizes the samples come in, parameters without the embedding, ascending."""
    return tuple(sorted(int(entry.name) for entry in _root().iterdir() if entry.name.isdigit()))


def curves(params: int = 25152) -> Curves:
    """Read the curves of one model size, one a schedule, losses in nats per byte.

    Parameters
    ----------
    params : int
        One of `sizes()`.

    Raises
    ------
    TypeError, ValueError
        If it is no whole number, or there are no curves of that size.
    """
    params = integer(params, source="samples", field="params")
    if params not in sizes():
        raise ValueError(f"samples: params is {params}; expected one of {sizes()}")
    folder = _root() / str(params)
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".json"))
    return Curves(_read(folder, name.removesuffix(".json")) for name in names)


def _root() -> Traversable:
    return resources.files(__name__)


def _read(folder: Traversable, name: str) -> Curve:
    settings = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    with (folder / f"{name}.csv").open(encoding="utf-8") as file:
        steps, loss = np.loadtxt(file, delimiter=",", skiprows=1, usecols=(0, 2), unpack=True)
    build, layout = LAYOUTS[name.rpartition("_")[0]]
    schedule = build(
        steps=settings["steps"],
        peak=settings["peak_lr"],
        warmup=settings["warmup"],
        ramp="shifted",
        **layout,
    )
    return Curve(
        steps,
        loss,
        schedule,
        name=name,
        params=settings["params"],
        tokens_per_step=settings["tokens_per_step"],
        loss_unit="nats per byte",
    )
