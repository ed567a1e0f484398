"""Forecasts in a run of transformers' Trainer."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import FrameType
from typing import Any

from transformers.trainer_callback import (  # type: ignore[import-not-found, unused-ignore]
    CallbackHandler,
    ExportableState,
    TrainerCallback,
)

from lawfit._validate import integer
from lawfit.integrations._rates import Rates, planned
from lawfit.integrations.tracker import Tracker
from lawfit.law import Law
from lawfit.result import Fit
from lawfit.schedule import Schedule

__all__ = ["LawfitCallback"]


class LawfitCallback(TrainerCallback, ExportableState):  # type: ignore[misc, unused-ignore]
    """Puts a forecast of the final loss among what a Trainer logs.

    What is forecast goes into `logs` and `state.log_history`, so that TensorBoard, W&B, Trackio
    and all others show it, beside the loss. For that the callback moves itself before the others
    when training begins: a Trainer has its own first, and `logs` is one object that they are handed
    in turn.

    A Trainer logs the mean loss of all updates since it last logged. This is placed at the centre
    of them: of updates p … g - 1, counted from 0, at step ⌊(p + g - 1)/2⌋. Where the loss bends
    within a window, as in a short warm-up, the mean is not the loss of its centre, so log often
    there, or leave it out by `skip_steps`.

    The learning rate of every step comes from the run's scheduler, of the optimizer's first
    parameter group. One that can't be told beforehand, as ReduceLROnPlateau, gives a warning: then
    it is the logged rates, and forecasts are as if the last one were held to the end.

    Only the main process forecasts. Points go into checkpoints. A run resumed from one without
    them, of a callback with these arguments, takes them from its `log_history`.

    Parameters
    ----------
    law, **options
        As of `Tracker`; `schedule` goes before the scheduler's. `on_error="raise"` lets errors end
        the run.
    early_stop : int, optional
        Stop the run when so many reports in a row say that it misses `target`: the interval of the
        final loss is wholly above. Needs `target`, and `level` for how sure that must be.
    not_saved : sequence of str
        For a Trainer that restores callbacks: the arguments that a checkpoint could not hold.

    Raises
    ------
    TypeError, ValueError
        As `Tracker`, and for `early_stop` without `target` or `level`.

    Attributes
    ----------
    tracker : Tracker

    Examples
    --------
    >>> Trainer(model, args, callbacks=[LawfitCallback(target=3.2)])  # doctest: +SKIP
    """

    def __init__(
        self,
        law: Law | str | Mapping[str, Any] = "annealing",
        *,
        schedule: object = None,
        prior: Fit | Mapping[str, Any] | None = None,
        early_stop: int | None = None,
        not_saved: Sequence[str] = (),
        **options: Any,
    ) -> None:
        if not_saved:
            raise ValueError(
                f"the checkpoint could not hold the callback's {', '.join(not_saved)}; resume with "
                "restore_callback_states_from_checkpoint=False, which keeps the callback given"
            )
        # Restored from a checkpoint, law, schedule and prior are what `to_dict` made of them.
        law = Law.from_dict(law) if isinstance(law, Mapping) else law
        schedule = Schedule.from_dict(schedule) if isinstance(schedule, Mapping) else schedule
        prior = Fit.from_dict(prior) if isinstance(prior, Mapping) else prior
        self.tracker = Tracker(law, schedule, prior=prior, **options)
        self._saved_arguments = _json_values(
            options | {"law": law, "schedule": schedule, "prior": prior, "early_stop": early_stop}
        )
        self._early_stop = _read_early_stop(early_stop, self.tracker)
        self._rates: Rates | None = None
        self._logged = 0  # updates done when a loss was last logged
        self.saved: dict[str, Any] = {}  # what a Trainer restores

    def on_train_begin(self, args: Any, state: Any, control: Any, **context: Any) -> None:
        """Take the schedule, and what a checkpoint has."""
        # A checkpoint from before the callback was there has no place for its state.
        state.stateful_callbacks.setdefault(type(self).__name__, self.state())
        self.tracker.main_process = state.is_world_process_zero
        self._rates = None
        self._logged = state.global_step
        self.tracker.begin(lambda: self._plan(state, **context))
        self.tracker.guard(lambda: self._resume(state), None)
        self.tracker.guard(lambda: _move_to_front(self), None)

    def _plan(
        self, state: Any, *, lr_scheduler: Any = None, optimizer: Any = None, **_: Any
    ) -> Schedule:
        plan = planned(lr_scheduler, state.max_steps)
        if plan is not None:
            return plan
        logged = [entry for entry in state.log_history if "learning_rate" in entry]
        first = logged[0]["learning_rate"] if logged else optimizer.param_groups[0]["lr"]
        self._rates = Rates(state.max_steps, [(0, first)])
        for before, entry in pairwise(logged):
            self._rates.add(before["step"], entry["learning_rate"])
        return self._rates.schedule()

    def _resume(self, state: Any) -> None:
        if state.global_step == 0:
            return
        stored = state.stateful_callbacks[type(self).__name__]
        for each in stored if isinstance(stored, list) else [stored]:
            saved = each["attributes"]["saved"]
            if saved and each["args"] == self._saved_arguments:
                self.tracker.load_state_dict(saved)
                return
        logged = 0
        for entry in state.log_history:
            if "loss" in entry:
                self.tracker.observe(_centre(logged, entry["step"]), entry["loss"])
                logged = entry["step"]

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any
    ) -> None:
        """Take the loss that is logged, and put what is forecast beside it."""
        logs = {} if logs is None else logs
        if "loss" in logs and "learning_rate" in logs:  # or it is not the Trainer that logs it
            self.tracker.guard(lambda: self._on_loss(state, logs), None)
            if self._early_stop is not None and _agreed(self._misses(), args):
                control.should_training_stop = True
        elif "train_loss" in logs:  # the last that is logged
            self.tracker.guard(lambda: _add(self.tracker.finish(), logs, state), None)

    def _on_loss(self, state: Any, logs: dict[str, Any]) -> None:
        first, done = self._logged, state.global_step
        self._logged = done
        if self._rates is not None and self._rates.add(first, logs["learning_rate"]):
            self.tracker.replan(self._rates.schedule)
        self.tracker.observe(_centre(first, done), logs["loss"])
        _add(self.tracker.report(done - 1), logs, state)

    def _misses(self) -> bool:
        return self._early_stop is not None and self.tracker.out_of_reach >= self._early_stop

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Make the last forecast."""
        self.tracker.finish()

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps: the arguments and the points so far."""
        return {"args": self._saved_arguments, "attributes": {"saved": self.tracker.state_dict()}}


def _read_early_stop(early_stop: int | None, tracker: Tracker) -> int | None:
    if early_stop is None:
        return None
    if tracker.target is None or tracker.level is None:
        raise ValueError(f"early_stop is {early_stop}, which needs target and level")
    return integer(early_stop, field="early_stop", lower=1)


def _centre(first: int, done: int) -> int:
    """Return the step that the mean loss of updates first … done - 1 stands for."""
    return (first + done - 1) // 2


def _add(found: dict[str, float], logs: dict[str, Any], state: Any) -> None:
    """Add to what is logged, and to its copy in the history."""
    logs.update(found)
    history = state.log_history
    if history and history[-1].get("step") == state.global_step:
        history[-1].update(found)


def _json_values(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments as JSON values, or the names of those that are none."""
    values, others = {}, []
    for name, argument in arguments.items():
        try:
            to_dict = getattr(argument, "to_dict", None)
            values[name] = json.loads(json.dumps(to_dict() if callable(to_dict) else argument))
        except (TypeError, ValueError):
            others.append(name)
    return {"not_saved": others} if others else values


def _move_to_front(callback: LawfitCallback) -> None:
    """Put a callback before all others of the handler that is calling it.

    A Trainer hands its callbacks neither itself nor the handler, so this looks for it among the
    callers. Should there be none, later callbacks alone see what is forecast.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, CallbackHandler):
            others = [each for each in caller.callbacks if each is not callback]
            caller.callbacks = [callback, *others]
            return
        frame = frame.f_back


def _agreed(stop: bool, args: Any) -> bool:
    """Return what the main process has found: all stop, or none does and waits for the others."""
    distributed = getattr(sys.modules.get("torch"), "distributed", None)
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return stop
    flag = sys.modules["torch"].tensor([float(stop)], device=args.device)
    distributed.broadcast(flag, src=0)
    return bool(flag.item())
