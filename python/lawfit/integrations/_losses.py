"""Losses as a loop has them: numbers, or scalars on a device that are read together."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["keep", "read"]


def keep(loss: Any) -> Any:
    """Return what to keep of a loss until it is read, without waiting for the device.

    A tensor is copied where it is: loops and graphs write their outputs anew at every step, and
    one number must not hold on to a graph or to what it is a view of.
    """
    if callable(getattr(loss, "detach", None)):
        return loss.detach().reshape(()).clone()
    return loss


def read(losses: Sequence[Any]) -> list[Any]:
    """Return losses as numbers, with one transfer for all tensors of a device and type."""
    found = list(losses)
    together: dict[Any, list[int]] = {}
    for i, loss in enumerate(found):
        if not isinstance(loss, float) and (kind := _kind(loss)) is not None:
            together.setdefault(kind, []).append(i)
    for kind, places in together.items():
        numbers = _TRANSFERS[kind[0]]([found[i] for i in places])
        for i, number in zip(places, numbers, strict=True):
            found[i] = number
    return found


def _kind(loss: Any) -> tuple[str, ...] | None:
    package = type(loss).__module__.partition(".")[0]
    if package == "torch":
        return "torch", str(loss.device), str(loss.dtype)
    return ("jax",) if package in ("jax", "jaxlib") else None


def _from_torch(losses: list[Any]) -> list[Any]:
    return list(sys.modules["torch"].stack(losses).tolist())


def _from_jax(losses: list[Any]) -> list[Any]:
    return [float(loss) for loss in sys.modules["jax"].device_get(losses)]


_TRANSFERS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "torch": _from_torch,
    "jax": _from_jax,
}
