"""What the tracker needs of a Forecaster that it does not have yet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from lawfit.forecast import Forecaster as Present

__all__ = ["Forecaster"]


class Forecaster(Present):
    anomaly = None

    def __init__(self, law: Any, schedule: Any, **options: Any) -> None:
        for name in ("prior", "budget"):
            options.pop(name, None)
        super().__init__(law, schedule, **options)

    def forecast(self, at: Any = None, level: float | None = 0.9, **_: Any) -> Any:
        loss = super().forecast(at)
        lower, upper = (loss, loss) if level is not None else (math.nan, math.nan)
        return SimpleNamespace(loss=loss, lower=lower, upper=upper, level=level)

    def eta(self, loss: float, level: float = 0.9) -> Any:
        return SimpleNamespace(step=None, earliest=None, latest=None)

    def replan(self, schedule: Any) -> None:
        self._schedule = schedule

    def state_dict(self) -> dict[str, Any]:
        if not self.n:
            return {"steps": [], "losses": []}
        return {"steps": self.curve.steps.tolist(), "losses": self.curve.loss.tolist()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.update_many(state["steps"], state["losses"])
