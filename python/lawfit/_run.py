"""The points of a run that grows, with the parameters that follow them, and its saved state."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np

from lawfit._points import Setting
from lawfit._record import Record
from lawfit._refit import UNREAD, WANTS_START, fit_in_full, refitter
from lawfit._validate import Floats, Ints, float_array, integer, real, same_length, step_array
from lawfit.alarms import Anomaly, find_anomaly
from lawfit.curve import Curve
from lawfit.outlook import Outlook, look
from lawfit.saved import plain

__all__ = ["Run", "Seen", "State", "read_state"]

# An objective lower by less than this share is the same minimum.
SAME = 1e-9
FORMAT = 1  # of a saved state, counted up when it changes
KEYS = ("format", "law", "steps", "losses", "theta", "next_step", "skipped")


class State(NamedTuple):
    """What a run is made again from; `theta` of NaN says nothing."""

    steps: Ints
    losses: Floats
    theta: Floats
    next_step: int
    skipped: int

    def to_dict(self, setting: Setting) -> dict[str, Any]:
        """Return plain JSON values."""
        theta = dict(zip(setting.free, self.theta.tolist(), strict=True))
        state = {"format": FORMAT, "law": setting.law.formula, **self._asdict(), "theta": theta}
        return {name: plain(value) for name, value in state.items()}


def read_state(data: Mapping[str, Any], setting: Setting) -> State:
    """Read what `State.to_dict` gave for a run of the same law.

    Raises
    ------
    TypeError, ValueError
        Naming the key.
    """
    record = Record(data, "state", KEYS)
    if record.integer("format") != FORMAT:
        raise ValueError(f"state: 'format' is {record.integer('format')}; this reads {FORMAT}")
    if record.text("law") != setting.law.formula:
        raise ValueError(f"state: 'law' is of another law; expected {setting.law.formula!r}")
    theta = record.table("theta")
    if set(theta) != set(setting.free):
        raise ValueError(
            f"state: 'theta' has {', '.join(theta)}; expected {', '.join(setting.free)}"
        )
    steps = step_array(record.items("steps"), source="state", field="steps")
    losses = float_array(record.items("losses"), source="state", field="losses")
    same_length("state", steps=steps, losses=losses)
    following = int(steps[-1]) + 1 if steps.size else 0
    return State(
        steps,
        losses,
        np.array([theta[name] for name in setting.free]),
        integer(
            record.integer("next_step"),
            source="state",
            field="'next_step'",
            lower=following,
            upper=setting.schedule.steps,
        ),
        record.integer("skipped"),
    )


class Seen(NamedTuple):
    """What forecasts rest on: a run as it is, while the run itself may go on."""

    setting: Setting
    curve: Curve | None
    theta: Floats
    last_step: int

    @property
    def n(self) -> int:
        """Points."""
        return 0 if self.curve is None else len(self.curve)

    def outlook(self) -> Outlook | None:
        """Return what there is to say, or None where that is nothing."""
        prior = self.setting.prior
        starts = [self.theta] if prior is None else [prior.mean, self.theta]
        return look(self.setting, self.curve, starts, last_step=self.last_step)

    def anomaly(self) -> Anomaly | None:
        """Return what is wrong with the newest points."""
        return None if self.curve is None else find_anomaly(self.setting, self.curve, self.theta)


class Run:
    """A run's points under one schedule, fitted anew as they come. One thread at a time."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.core = refitter(setting)
        self._miscounted = 0  # losses that the core counts as skipped, and were none of the run's

    @classmethod
    def resumed(cls, setting: Setting, state: State) -> Self:
        """Return a run with these points, which follows these parameters.

        Raises
        ------
        ValueError
            For a point that is refused.
        """
        run = cls(setting)
        for step, loss in zip(state.steps.tolist(), state.losses.tolist(), strict=True):
            run.core.update(step, loss)
        if run.core.n >= len(setting.free) and np.all(np.isfinite(state.theta)):
            run.core.start(state.theta.tolist())
        if state.next_step - 1 > run.core.last_step:
            run.core.update(state.next_step - 1, math.nan)
        run._miscounted = run.core.skipped - state.skipped
        return run

    def update(self, step: Any, loss: Any) -> None:
        """Take a point; see `Forecaster.update`."""
        self.settle(self.core.update(step, loss), step, loss)

    def settle(self, taken: int, step: Any, loss: Any) -> None:
        """Do what the core leaves to do when it is given a point, by what it returned."""
        if taken == UNREAD:
            at = integer(step, field="step", lower=0, upper=2**53)
            taken = self.core.update(at, _number(loss))
        if taken == WANTS_START:
            self._search()

    def update_many(self, steps: object, losses: object) -> None:
        """Take points, with none taken where the steps are refused."""
        at = step_array(steps, source="update_many")
        values = float_array(losses, source="update_many", field="loss", finite=False)
        same_length("update_many", step=at, loss=values)
        self._check_steps(at)
        for step, loss in zip(at.tolist(), values.tolist(), strict=True):
            self.update(step, loss)

    def _check_steps(self, at: Ints) -> None:
        before = np.concatenate([[self.core.last_step], at[:-1]])
        back = np.flatnonzero(at <= before)
        if back.size:
            i = int(back[0])
            raise ValueError(
                f"update_many: step at index {i} is {at[i]}, which does not come after step "
                f"{before[i]}"
            )
        last = self.setting.schedule.steps - 1
        if at.size and at[-1] > last:  # they ascend
            i = int(np.argmax(at > last))
            raise ValueError(
                f"update_many: step at index {i} is {at[i]}, beyond the schedule, which ends at "
                f"step {last}"
            )

    def _search(self) -> None:
        """Follow the minimum that many starts find, where it is lower."""
        found = fit_in_full(self.setting, self.curve, timeout=self.setting.budget)
        here = self.core.objective
        lower = not found.objective >= here * (1 - SAME)  # also where nothing is followed: NaN
        if math.isfinite(found.objective) and lower:
            self.core.start([found.params[name] for name in self.setting.free])
        else:
            self.core.decline_start()

    @property
    def curve(self) -> Curve:
        """The points, of which there must be one."""
        return Curve(self.core.steps, self.core.losses, self.setting.schedule, name="so far")

    @property
    def seen(self) -> Seen:
        """The run as it is now."""
        core = self.core
        curve = self.curve if core.n else None
        return Seen(self.setting, curve, core.theta, core.last_step)

    @property
    def skipped(self) -> int:
        """Points left out because their loss had no value."""
        return self.core.skipped - self._miscounted

    @property
    def state(self) -> State:
        """What `resumed` goes on from."""
        core = self.core
        return State(core.steps, core.losses, core.theta, core.last_step + 1, self.skipped)


def _number(loss: Any) -> float:
    """Return a loss that is no Python float: another number, missing, or a tensor of one."""
    if loss is None:
        return math.nan
    item = getattr(loss, "item", None)
    value = item() if callable(item) and getattr(loss, "ndim", 0) == 0 else loss
    if isinstance(value, float) and not math.isfinite(value):
        return value
    return real(value, field="loss")
