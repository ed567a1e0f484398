"""Forecasts inside training loops; nothing of a framework is imported before it is asked for."""

from __future__ import annotations

import importlib
from typing import Any

# Where each name is, and what it is called there.
_NAMES = {
    "Tracker": ("tracker", "Tracker"),
    "TorchTracker": ("torch", "TorchTracker"),
    "TransformersCallback": ("transformers", "LawfitCallback"),
    "LightningCallback": ("lightning", "LawfitCallback"),
    "KerasCallback": ("keras", "LawfitCallback"),
}

__all__ = ["KerasCallback", "LightningCallback", "TorchTracker", "Tracker", "TransformersCallback"]


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, there = _NAMES[name]
    return getattr(importlib.import_module(f"{__name__}.{module}"), there)


def __dir__() -> list[str]:
    return sorted([*globals(), *_NAMES])
