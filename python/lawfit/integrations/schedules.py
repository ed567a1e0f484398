"""Schedules taken from PyTorch, transformers, optax and Keras.

No framework is imported with this module, and none that the caller has not imported already, but
for transformers where a schedule is asked for by its name there.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from lawfit._validate import Floats, float_array, integer, real
from lawfit.integrations.torch_rates import torch_rates
from lawfit.pieces import MAX_STEPS
from lawfit.schedule import Schedule, read_rates

__all__ = [
    "from_keras",
    "from_optax",
    "from_torch",
    "from_transformers",
    "keras_rates",
    "optax_rates",
    "torch_rates",
    "transformers_rates",
]

PROBES: Final = 17  # steps at which a call with all steps must agree with calls step by step
ROUNDING: Final = 1e-5  # between the two, relative: a few float32 operations in another order

from_torch = Schedule.from_torch
from_transformers = Schedule.from_transformers
from_optax = Schedule.from_optax
from_keras = Schedule.from_keras


def transformers_rates(
    source: Any,
    steps: int | None = None,
    *,
    peak: float | None = None,
    warmup_steps: int | None = None,
    options: Mapping[str, Any] | None = None,
    group: int = 0,
    past: object = None,
) -> Floats:
    """Return the rate of every update; see `lawfit.Schedule.from_transformers`."""
    if hasattr(source, "lr_scheduler_type"):
        return _arguments_rates(
            source, steps, peak=peak, warmup_steps=warmup_steps, options=options
        )
    if steps is None:
        raise ValueError("steps is missing; expected the updates of the whole run")
    if not isinstance(source, str):
        given = {"peak": peak, "warmup_steps": warmup_steps, "options": options}
        for field, value in given.items():
            if value is not None:
                raise ValueError(
                    f"{field} is {value!r}; expected None with a {type(source).__name__}, which "
                    "has its own"
                )
        return torch_rates(source, steps, group=group, past=past)
    if peak is None:
        raise ValueError(f"peak is missing; {source!r} is a schedule of any, so expected a rate")
    return _named_rates(source, steps, peak, warmup_steps or 0, options)


def _arguments_rates(
    arguments: Any,
    steps: int | None,
    *,
    peak: float | None,
    warmup_steps: int | None,
    options: Mapping[str, Any] | None,
) -> Floats:
    """Return the rates that a Trainer with these arguments sets; what is given goes first."""
    if steps is None:
        steps = arguments.max_steps
        if steps <= 0:
            raise ValueError(
                f"{type(arguments).__name__}: max_steps is {steps}, so how long the run is depends "
                "on its data; expected steps"
            )
    if warmup_steps is None:
        warmup_steps = arguments.get_warmup_steps(steps)
    return _named_rates(
        arguments.lr_scheduler_type,
        steps,
        arguments.learning_rate if peak is None else peak,
        warmup_steps,
        options or arguments.lr_scheduler_kwargs,
    )


def _named_rates(
    name: str, steps: int, peak: float, warmup_steps: int, options: Mapping[str, Any] | None
) -> Floats:
    steps = integer(steps, field="steps", lower=1, upper=MAX_STEPS)
    warmup_steps = integer(warmup_steps, field="warmup_steps", lower=0)
    torch = importlib.import_module("torch")
    transformers = importlib.import_module("transformers")
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=real(peak, field="peak", lower=0.0))
    scheduler = transformers.get_scheduler(
        name,
        optimizer,
        num_warmup_steps=warmup_steps,
        num_training_steps=steps,
        scheduler_specific_kwargs=None if options is None else dict(options),
    )
    return torch_rates(scheduler, steps)


def optax_rates(schedule: Any, steps: int) -> Floats:
    """Return the rate of every update; see `lawfit.Schedule.from_optax`."""
    return _called_rates(schedule, steps, "optax schedule", _by_vmap)


def keras_rates(schedule: Any, steps: int) -> Floats:
    """Return the rate of every update; see `lawfit.Schedule.from_keras`."""
    keras = sys.modules.get("keras")
    on_jax = keras is not None and keras.backend.backend() == "jax"
    return _called_rates(schedule, steps, type(schedule).__name__, _by_vmap if on_jax else _at_once)


def _called_rates(
    schedule: Any, steps: int, source: str, together: Callable[[Any, int], object]
) -> Floats:
    """Return the rates of a callable of the step, or of a constant."""
    steps = integer(steps, field="steps", lower=1, upper=MAX_STEPS)
    if not callable(schedule):
        rate = _number(schedule, f"{source}: lr")
        return read_rates(np.full(steps, rate), source=source)
    try:
        rates = float_array(together(schedule, steps), source=source, field="lr", finite=False)
    except Exception:  # a schedule may well be made for one step at a time
        rates = np.empty(0)
    if rates.size != steps:
        rates = np.array([_rate(schedule, step, source) for step in range(steps)])
    return read_rates(rates, source=source)


def _by_vmap(schedule: Callable[[Any], Any], steps: int) -> object:
    jax = sys.modules["jax"]
    return jax.vmap(schedule)(jax.numpy.arange(steps))


def _at_once(schedule: Callable[[Any], Any], steps: int) -> object:
    """Call a schedule with all steps, and make sure that it takes them one by one."""
    rates = float_array(schedule(np.arange(steps)), source="", field="lr")
    probes = np.unique(np.linspace(0, steps - 1, PROBES).astype(np.int64))
    single = [_rate(schedule, int(step), "") for step in probes]
    return rates if np.allclose(rates[probes], single, rtol=ROUNDING, atol=0.0) else None


def _rate(schedule: Callable[[int], Any], step: int, source: str) -> float:
    try:
        value = schedule(step)
    except Exception as error:
        raise ValueError(f"{source} has no rate for step {step}: {error}") from error
    return _number(value, f"{source}: lr at step {step}")


def _number(value: Any, where: str) -> float:
    """Return a number, or what a tensor or an array without dimensions holds."""
    if getattr(value, "shape", None) == ():
        value = float(value)
    return real(value, field=where)
