"""Forecasts in a training loop written by hand with PyTorch."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from lawfit._validate import integer
from lawfit.integrations._rates import Rates, planned, unwrapped
from lawfit.integrations.tracker import Tracker
from lawfit.law import Law
from lawfit.schedule import Schedule

__all__ = ["TorchTracker", "is_main_process"]


class TorchTracker:
    """A `Tracker` that counts updates and takes its schedule from an LR scheduler.

    Parameters
    ----------
    scheduler : torch.optim.lr_scheduler.LRScheduler
        The one of the loop, stepped once an update, or what accelerate has made of it; it is left
        untouched. One that goes by
        what it is told, as ReduceLROnPlateau, can't be replayed: there is a warning, and the rates
        that its optimizer has are taken, the last one as if it were held to the end.
    steps : int
        Updates of the whole run.
    law, **options
        As of `Tracker`; `schedule` goes before the scheduler. `main_process` is by default
        whether this is rank 0 of torch.distributed, where that is in use.
    group : int
        The optimizer's parameter group whose rate it is.

    Raises
    ------
    TypeError, ValueError
        As `Tracker`.

    Attributes
    ----------
    tracker : Tracker
    updates : int
        Updates done.

    Examples
    --------
    >>> forecast = TorchTracker(scheduler, steps=10_000, target=3.2)   # doctest: +SKIP
    >>> for batch in loader:                                           # doctest: +SKIP
    ...     loss = model(batch)
    ...     loss.backward()
    ...     optimizer.step()
    ...     for name, value in forecast.step(loss).items():
    ...         writer.add_scalar(name, value, forecast.updates)
    ...     scheduler.step()
    ...     optimizer.zero_grad()
    >>> forecast.finish()                                              # doctest: +SKIP
    """

    def __init__(
        self,
        scheduler: Any,
        steps: int,
        law: Law | str = "annealing",
        *,
        group: int = 0,
        main_process: bool | None = None,
        **options: Any,
    ) -> None:
        self._scheduler = scheduler
        self._steps = integer(steps, field="steps", lower=1)
        self._group = integer(group, field="group", lower=0)
        self._rates: Rates | None = None
        self.updates = 0
        main = is_main_process() if main_process is None else main_process
        self.tracker = Tracker(law, main_process=main, **options).begin(self._plan)

    def _plan(self) -> Schedule:
        plan = planned(self._scheduler, self._steps, group=self._group)
        if plan is None:
            self._rates = Rates(self._steps, [(0, float(self._rate()))])
            plan = self._rates.schedule()
        return plan

    def _rate(self) -> Any:
        scheduler, _ = unwrapped(self._scheduler)
        return scheduler.optimizer.param_groups[self._group]["lr"]

    def step(self, loss: Any) -> dict[str, float]:
        """Take the loss of an update; return a report, if one is due.

        Call it once an update, after `optimizer.step()` and before `scheduler.step()`, with the
        loss that the update was made from. What gradients were accumulated over is one update:
        give its mean loss.

        Parameters
        ----------
        loss : tensor of one element, or float
            A tensor is not read before a report is due, so the device is not waited for.

        Returns
        -------
        dict of str to float
            As of `Tracker.report`.
        """
        step, self.updates = self.updates, self.updates + 1
        if self._rates is not None:
            self.tracker.guard(lambda: self._follow(step), None)
        self.tracker.observe(step, loss)
        return self.tracker.report(step)

    def _follow(self, step: int) -> None:
        rate = self._rate()
        if not isinstance(rate, float) and not self.tracker.due(step):
            return  # on a device, which is not waited for at every step
        if self._rates is not None and self._rates.add(step, float(rate)):
            self.tracker.replan(self._rates.schedule)

    def finish(self) -> dict[str, float]:
        """Report at the run's end, whatever the cadence says."""
        return self.tracker.finish()

    def state_dict(self) -> dict[str, Any]:
        """Return plain JSON values for a checkpoint."""
        rates = None if self._rates is None else [list(held) for held in self._rates.held]
        return {"updates": self.updates, "rates": rates, "tracker": self.tracker.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned, in the main process or any."""
        self.updates = integer(state["updates"], field="updates", lower=0)
        self.tracker.guard(lambda: self._load(state), None)

    def _load(self, state: Mapping[str, Any]) -> None:
        self.tracker.load_state_dict(state["tracker"])
        if self._rates is not None and state["rates"] is not None:
            self._rates = Rates(self._steps, state["rates"])
            self.tracker.replan(self._rates.schedule)


def is_main_process() -> bool:
    """Say whether this is rank 0 of torch.distributed, or that is not in use."""
    distributed = getattr(sys.modules.get("torch"), "distributed", None)
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return True
    return bool(distributed.get_rank() == 0)
