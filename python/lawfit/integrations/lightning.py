"""Forecasts in a run of Lightning's Trainer, whichever of its two packages it is from."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np

from lawfit._validate import Ints, integer
from lawfit.integrations._rates import Rates, planned
from lawfit.integrations.tracker import Tracker
from lawfit.law import Law
from lawfit.schedule import Schedule

__all__ = ["LawfitCallback"]

PACKAGES: Final[tuple[str, ...]] = ("lightning.pytorch", "pytorch_lightning")


class LawfitCallback:
    """Logs a forecast of the final loss in a Trainer of `lightning` or `pytorch_lightning`.

    It is a callback of each of the two packages that is imported when it is made (of the one that
    is installed, if neither is), so there is one for both.

    The loss is what the training step returned, of every update: with accumulated gradients the
    mean of its batches. Nothing is read from the device before a report is due. What is forecast
    goes to all loggers, at the step the update's other metrics have, and to rank 0's
    ``trainer.callback_metrics``, where EarlyStopping and ModelCheckpoint find it.

    The learning rate of every step comes from the first of ``trainer.lr_scheduler_configs``, with
    its interval and frequency, to ``trainer.estimated_stepping_batches``; without one it is the
    optimizer's, held. One that can't be told beforehand, as ReduceLROnPlateau, gives a warning:
    then it is the optimizer's as the run shows it, and forecasts are as if the last one were held
    to the end. With manual optimization a scheduler is taken to be stepped once an update, and the
    loss is what the training step returns, if it does.

    Only the process of global rank 0 forecasts. Points go into checkpoints.

    Parameters
    ----------
    law, schedule, **options
        As of `Tracker`; `schedule` goes before the scheduler's. `on_error="raise"` lets errors end
        the run.
    group : int
        The optimizer's parameter group whose learning rate it is.

    Raises
    ------
    TypeError, ValueError
        As `Tracker`.

    Attributes
    ----------
    tracker : Tracker

    Examples
    --------
    >>> trainer = Trainer(max_steps=10_000, callbacks=[LawfitCallback(target=3.2)])
    >>> trainer.fit(model, loader)
    """

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Make a callback of the packages in use."""
        bases = tuple(base for base in _bases() if not issubclass(cls, base))
        if bases:
            names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "_plain": cls}
            cls = type(cls.__name__, (cls, *bases), names)  # noqa: PLW0642 - what is made
        return super().__new__(cls)

    def __init__(
        self,
        law: Law | str = "annealing",
        schedule: object = None,
        *,
        group: int = 0,
        **options: Any,
    ) -> None:
        super().__init__()
        self.tracker = Tracker(law, schedule, **options)
        self._group = integer(group, field="group", lower=0)
        self._rates: Rates | None = None
        self._saved: Mapping[str, Any] = {}
        self._losses: list[Any] = []  # of the batches of the update that is being made
        self._done = 0  # updates

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Take the schedule, and what a checkpoint has."""
        self.tracker.main_process = bool(trainer.is_global_zero)
        self._losses, self._done = [], trainer.global_step
        self.tracker.begin(lambda: self._plan(trainer, pl_module))

    def _plan(self, trainer: Any, pl_module: Any) -> Schedule:
        self._rates = None
        if len(trainer.optimizers) != 1:
            raise ValueError(
                f"the run has {len(trainer.optimizers)} optimizers; expected one, whose updates "
                "are the schedule's steps"
            )
        steps = trainer.estimated_stepping_batches
        if math.isinf(steps) or steps < 1:
            raise ValueError("the run has no planned end; give max_steps or a schedule")
        configs = trainer.lr_scheduler_configs
        plan = None
        if configs:
            calls = _calls(trainer, configs[0], int(steps), pl_module.automatic_optimization)
            plan = planned(configs[0].scheduler, int(calls[-1]) + 1, group=self._group)
        if plan is not None:
            return Schedule(plan.lr[calls])
        held = self._saved.get("rates") or [(0, self._rate(trainer))]
        self._rates = Rates(int(steps), held)
        return self._rates.schedule()

    def _rate(self, trainer: Any) -> float:
        return float(trainer.optimizers[0].param_groups[self._group]["lr"])

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take the loss of a batch; once it has made an update, report if that is due."""
        if self.tracker.active:
            self.tracker.guard(lambda: self._follow(trainer, pl_module, outputs), None)

    def _follow(self, trainer: Any, pl_module: Any, outputs: Any) -> None:
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if loss is not None:
            # Lightning has divided it by the batches of an update
            share = trainer.accumulate_grad_batches if pl_module.automatic_optimization else 1
            self._losses.append(loss.detach() * share if share > 1 else loss)
        done = trainer.global_step
        if done == self._done:
            return  # gradients are still gathered
        step, self._done = done - 1, done
        losses, self._losses = self._losses, []
        if self._rates is not None and self._rates.add(step, self._rate(trainer)):
            self.tracker.replan(self._rates.schedule)
        if losses:
            mean = losses[0] if len(losses) == 1 else sum(losses) / len(losses)
            self.tracker.observe(step, mean)
        _log(trainer, self.tracker.report(step), step)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Make the last forecast."""
        self.tracker.guard(lambda: _log(trainer, self.tracker.finish(), self._done - 1), None)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps, as plain JSON values."""
        rates = None if self._rates is None else self._rates.held
        return {"tracker": self.tracker.state_dict(), "rates": rates}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what a checkpoint has."""
        self._saved = state_dict
        self.tracker.guard(lambda: self.tracker.load_state_dict(state_dict["tracker"]), None)

    def __reduce__(self) -> tuple[Any, ...]:
        return _blank, (getattr(self, "_plain", type(self)),), self.__dict__


def _blank(cls: type[LawfitCallback]) -> LawfitCallback:
    return cls.__new__(cls)


def _bases() -> list[type]:
    """Return Callback of each package that is imported, or else of the first that is there."""
    loaded = [name for name in PACKAGES if name in sys.modules]
    if not loaded:
        loaded = [PACKAGES[0] if importlib.util.find_spec("lightning") else PACKAGES[1]]
        importlib.import_module(loaded[0])
    return [sys.modules[name].Callback for name in loaded]


def _calls(trainer: Any, config: Any, steps: int, automatic: bool) -> Ints:
    """Return how often a scheduler was called before each update, shape (steps,)."""
    updates = np.arange(steps, dtype=np.int64)
    batches = trainer.num_training_batches  # of an epoch
    if not automatic or (config.interval == "step" and config.frequency == 1):
        return updates
    if math.isinf(batches):
        raise ValueError(
            f"the scheduler is called every {config.frequency} {config.interval}, but how many "
            "batches an epoch has is not known; give a schedule"
        )
    gathered = trainer.accumulate_grad_batches
    in_epoch = -(-int(batches) // gathered)
    epochs, at = updates // in_epoch, updates % in_epoch
    if config.interval == "epoch":
        return np.asarray(epochs // config.frequency)
    last = np.minimum((at + 1) * gathered, int(batches))  # batches of the epoch so far
    called = (last % config.frequency == 0).astype(np.int64)
    return np.asarray(np.cumsum(called) - called)


def _log(trainer: Any, found: dict[str, float], step: int) -> None:
    """Hand a report to the loggers now: `pl_module.log` waits for a step that is logged."""
    if found:
        for logger in trainer.loggers:
            logger.log_metrics(found, step=step)
        tensor = sys.modules["torch"].tensor
        trainer.callback_metrics.update({name: tensor(value) for name, value in found.items()})
