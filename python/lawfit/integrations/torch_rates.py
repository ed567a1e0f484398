"""The rates that a PyTorch scheduler will set, found without touching it or its optimizer.

Nothing here imports torch: a scheduler is known by what it has.
"""

from __future__ import annotations

import copy
import inspect
import sys
import warnings
from bisect import bisect_right
from typing import Any, Final

import numpy as np

from lawfit._validate import Floats, float_array, integer, same_length
from lawfit.pieces import MAX_STEPS
from lawfit.schedule import read_rates

__all__ = ["torch_rates"]

SAME: Final = 1e-5  # relative: a replay of float32 rates that rounds otherwise is the same one
LOG_IT: Final = "log the rate of some steps and give them with Schedule.from_points"


def torch_rates(
    scheduler: Any, steps: int, *, group: int = 0, every: int = 1, past: object = None
) -> Floats:
    """Return the rate of every update, shape (steps,); see `lawfit.Schedule.from_torch`."""
    steps = integer(steps, field="steps", lower=1, upper=MAX_STEPS)
    every = integer(every, field="every", lower=1)
    name = _check(scheduler)
    groups = len(scheduler.optimizer.param_groups)
    group = integer(group, source=name, field="group", lower=0, upper=groups - 1)
    calls = -(-steps // every)
    if past is not None:
        before = float_array(past, source=name, field="past")
        begun = _calls(scheduler)
        same_length(f"{name} stepped {begun} times", past=before, updates=range(begun * every))
        ahead = max(calls - begun, 0)
        rates = np.concatenate([before, np.repeat(_ahead(scheduler, ahead, group, name), every)])
    else:
        known = _lambda_rates if _is_lambda(scheduler) else _from_the_start
        rates = np.repeat(known(scheduler, calls, group, name), every)
    return read_rates(rates[:steps], source=name)


def _check(scheduler: Any) -> str:
    """Return the scheduler's name, or say why it can't be replayed."""
    name = type(scheduler).__name__
    if not hasattr(getattr(scheduler, "optimizer", None), "param_groups"):
        raise TypeError(
            f"{name} has no optimizer with param_groups; expected a scheduler of torch.optim "
            "(of a wrapped one, what it wraps)"
        )
    if name == "LayerWiseDummyScheduler":
        raise ValueError(f"{name} sets no rate: each parameter has a scheduler of its own")
    if not callable(getattr(scheduler, "step", None)):
        raise TypeError(f"{name} has no step(); expected a scheduler of torch.optim")
    for parameter in inspect.signature(scheduler.step).parameters.values():
        named = parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        if named and parameter.default is parameter.empty:
            raise ValueError(
                f"{name} can't be replayed: its rate depends on the {parameter.name} of step(); "
                f"{LOG_IT}"
            )
    return name


def _calls(scheduler: Any) -> int:
    """Return how often step() was called."""
    while not hasattr(scheduler, "last_epoch") and getattr(scheduler, "_schedulers", None):
        scheduler = scheduler._schedulers[0]  # of a chain, whose parts are stepped together
    return integer(
        getattr(scheduler, "last_epoch", None),
        source=type(scheduler).__name__,
        field="last_epoch",
        lower=0,
    )


def _is_lambda(scheduler: Any) -> bool:
    """Say whether the rate is base_lr·lambda(step), whatever came before."""
    known: Any = getattr(sys.modules.get("torch.optim.lr_scheduler"), "LambdaLR", None)
    if known is None or not isinstance(scheduler, known):
        return False
    return type(scheduler).get_lr is known.get_lr


def _lambda_rates(scheduler: Any, calls: int, group: int, name: str) -> Floats:
    base, factor = float(scheduler.base_lrs[group]), scheduler.lr_lambdas[group]
    rates = np.empty(calls)
    for call in range(calls):
        try:
            rates[call] = base * factor(call)
        except Exception as error:
            raise ValueError(f"{name} has no rate for step {call}: {error}") from error
    return rates


def _ahead(scheduler: Any, calls: int, group: int, name: str) -> Floats:
    """Return the rates of the next updates, which begin with the present one."""
    return _replay(_copy(scheduler, name), calls, group, name) if calls else np.empty(0)


def _from_the_start(scheduler: Any, calls: int, group: int, name: str) -> Floats:
    """Return the rates from step 0 on, if a copy that starts again comes to where this one is."""
    begun = _calls(scheduler)
    if begun == 0:
        return _ahead(scheduler, calls, group, name)
    twin = _copy(scheduler, name)
    if not _restart(twin, name):
        raise ValueError(f"{name} can't be taken back to its first step; {_past(begun)}")
    rates = _replay(twin, begun + 1, group, name)
    now, again = (_present(each) for each in (scheduler, twin))
    if not np.allclose(now, again, rtol=SAME, atol=0.0):
        raise ValueError(
            f"{name} stepped {begun} times is at {now[group]}, but a copy of it stepped as often "
            f"from the start at {again[group]}; {_past(begun)}"
        )
    if calls <= begun:
        return rates[:calls]
    return np.concatenate([rates, _replay(twin, calls - begun, group, name)[1:]])


def _past(begun: int) -> str:
    return f"give past=, the rates of the updates before ({begun} calls of step() were made)"


class _StandIn:
    """An optimizer in all that a scheduler reads and writes, with no parameters."""

    def __init__(self, optimizer: Any) -> None:
        self.param_groups = [
            copy.deepcopy({key: value for key, value in group.items() if key != "params"})
            | {"params": []}
            for group in optimizer.param_groups
        ]
        self.defaults = dict(getattr(optimizer, "defaults", {}))
        self.state: dict[Any, Any] = {}
        self._opt_called = True  # or torch warns of a scheduler stepped before its optimizer

    def step(self) -> None:
        """Do nothing."""

    step._wrapped_by_lr_sched = True  # type: ignore[attr-defined]


def _copy(scheduler: Any, name: str) -> Any:
    optimizer = scheduler.optimizer
    try:
        return copy.deepcopy(scheduler, {id(optimizer): _StandIn(optimizer)})
    except Exception as error:
        raise ValueError(f"{name} can't be copied: {error}; {LOG_IT}") from error


def _replay(twin: Any, calls: int, group: int, name: str) -> Floats:
    """Step a copy `calls` - 1 times and return the rates, the one it starts with included."""
    rates = np.empty(calls)
    settings = twin.optimizer.param_groups[group]
    begun = _calls(twin)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for call in range(calls):
            if call:
                try:
                    twin.step()
                except Exception as error:
                    raise ValueError(
                        f"{name} has no rate after {begun + call} calls of step(): {error}"
                    ) from error
            rates[call] = float(settings["lr"])
    return rates


def _present(scheduler: Any) -> Floats:
    return np.array([float(group["lr"]) for group in scheduler.optimizer.param_groups])


def _restart(twin: Any, name: str) -> bool:
    """Take a copy back to where its constructor left it; False if that can't be done."""
    for group in twin.optimizer.param_groups:
        if "initial_lr" not in group:
            return False
        group["lr"] = copy.deepcopy(group["initial_lr"])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _restart_part(twin)
    except Exception as error:
        raise ValueError(f"{name} can't be taken back to its first step: {error}") from error


def _restart_part(part: Any) -> bool:
    parts = getattr(part, "_schedulers", None)
    if parts is None:
        part.last_epoch = -1
        part._initial_step()
    elif hasattr(part, "_milestones"):  # parts take turns, and only the first has begun
        if any(hasattr(each, "_milestones") for each in parts):
            return False
        for leaf in _leaves(part):
            leaf.last_epoch = -1
        part.last_epoch = 0
        parts[bisect_right(part._milestones, 0)]._initial_step()
    else:  # parts are stepped together, and each has begun where the one before it left the rate
        return all(_restart_part(each) for each in parts)
    return True


def _leaves(part: Any) -> list[Any]:
    parts = getattr(part, "_schedulers", None)
    return [part] if parts is None else [leaf for each in parts for leaf in _leaves(each)]
