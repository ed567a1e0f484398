"""The schedule that a fitted law says ends at the lowest loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Literal

import numpy as np

from lawfit._free_form import lowest_form
from lawfit._keywords import known_keywords
from lawfit._last_loss import LastLoss
from lawfit._validate import Floats, Ints, choose, integer, real
from lawfit.designs import Baseline, ScheduleDesign
from lawfit.pieces import MAX_RATE, Piece
from lawfit.plans import refined_start, tried_starts, window
from lawfit.prediction import Request
from lawfit.result import Fit
from lawfit.schedule import Schedule
from lawfit.schedules import DECAYS, RAMPS, Decay, Ramp, constant, cosine, linear, two_stage, wsd
from lawfit.uncertainty import difference

__all__ = ["design_schedule"]

FORMS: Final = ("family", "free")
# Rates that a decay may end at, as shares of the peak, where the caller names none.
ENDS: Final = (0.0, 0.01, 0.03, 0.1, 0.3)
FLOOR: Final = 0.1  # of a free form
LAST_PART: Final = 0.2  # that the usual decay after a constant rate takes
NO_DECAY: Final = "by this law every decay ends higher than the peak held to the end"
# Steps: most decays have no closed form, and a free form is looked at rate by rate.
MOST: Final = 10**8
MOST_FREE: Final = 10**6


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is asked for, checked."""

    fit: Fit
    steps: int
    peak: float
    warmup: int
    ramp: Ramp
    sizes: dict[str, float | None]
    level: float

    def make(self, kind: Callable[..., Schedule], **how: Any) -> Schedule:
        return kind(steps=self.steps, peak=self.peak, warmup=self.warmup, ramp=self.ramp, **how)

    def decay(self, shape: str, end: float, start: int) -> Schedule:
        return self.make(wsd, decay_start=start, end=end, shape=shape)

    def at_end(self, schedule: Schedule) -> Request:
        return self.fit._request(schedule, [self.steps - 1], **self.sizes)

    def final(self, schedule: Schedule) -> float:
        """Return the law's value at the last step; infinite where it has no finite one."""
        theta = [*self.fit.params.values()]
        # of one step a loss drop takes no longer as it is written
        loss = float(self.at_end(schedule).evaluate(theta, exact=True)[0])
        return loss if math.isfinite(loss) else math.inf

    def interval(self, schedule: Schedule) -> tuple[float, float]:
        low, high = self.fit.interval(schedule, self.level, [self.steps - 1], **self.sizes)
        return float(low[0]), float(high[0])


@dataclass(frozen=True, slots=True)
class _Found:
    """The best decay of one shape and end."""

    shape: str
    end: float
    start: int
    loss: float
    starts: Ints
    losses: Floats


@known_keywords
def design_schedule(
    fit: Fit,
    *,
    steps: int,
    peak: float,
    warmup: int = 0,
    ramp: Ramp = "open",
    shape: Decay | Sequence[Decay] | None = None,
    end: float | Sequence[float] | None = None,
    form: Literal["family", "free"] = "family",
    params: float | None = None,
    tokens_per_step: float | None = None,
    level: float = 0.95,
) -> ScheduleDesign:
    """Find the schedule that ends at the lowest loss, by a fitted law.

    The law is taken at its word, so ask it about schedules like those it was fitted to: of their
    peak, above all. No law of the catalogue knows a limit to the peak or to annealing, which is why
    peak and warm-up are not searched.

    Parameters
    ----------
    fit : Fit
        Of a law of a schedule's areas, to data that determine what a decay does.
    steps : int
        Steps of the run, at most 1e8. Time grows with them: a million take seconds by the annealing
        law, and minutes by loss drops or in free form.
    peak : float
        The highest LR.
    warmup, ramp
        As of `lawfit.schedules.wsd`; they stay as they are.
    shape : {"linear", "exponential", "1-sqrt", "cosine"} or a sequence of them, optional
        Shapes of the decay to try; by default all. Not for a free form.
    end : float or sequence of float, optional
        Rates that the decay may end at; by default 0 and 0.01, 0.03, 0.1 and 0.3 of the peak. Of a
        free form one, the lowest rate it may take; by default a tenth of the peak.
    form : {"family", "free"}
        "family": the peak is held, then the rate decays; where the decay starts, its shape and its
        end are searched. "free": the rate of every step after the warm-up, that never rises, found
        by the law's gradient as the multi-power law's authors do (arXiv 2503.12811). For laws of
        S1, S2 and loss drops.
    params, tokens_per_step : float, optional
        The run's size, for a law of N or D.
    level : float
        Of the intervals.

    Returns
    -------
    ScheduleDesign

    Raises
    ------
    TypeError, ValueError
        For a law without a schedule; where the data do not determine what the last loss depends
        on, naming the parameters; for options without a meaning.

    Notes
    -----
    The annealing law's best free form is one sudden fall: a step's rate pays the more for S1 the
    earlier and costs the more of S2 the later it comes, and both are linear in the rates. That is
    a limit of the law, not advice. The multi-power law's is a few sudden falls, with γ above 1 one;
    where γ is well below 1, as in its authors' fits, decays like that of "1-sqrt" are hardly
    higher. It has several minima, so the search begins at the best of the family, of the sudden
    falls and at the peak.
    """
    plan = _read_plan(
        fit,
        steps=steps,
        peak=peak,
        warmup=warmup,
        ramp=ramp,
        sizes={"params": params, "tokens_per_step": tokens_per_step},
        level=level,
    )
    free = choose(form, FORMS, field="form") == "free"
    if free and shape is not None:
        raise ValueError(f"shape is {shape!r}; form='free' has no shape to choose")
    if free and plan.steps > MOST_FREE:
        raise ValueError(f"steps is {plan.steps}; form='free' takes at most {MOST_FREE}")
    shapes = _read_shapes(shape)
    ends = _read_ends(end, plan, free)
    _check_known(plan, plan.decay("linear", min(ends), plan.warmup))
    found = [_best_start(plan, s, e) for s in shapes for e in ends if s != "exponential" or e > 0]
    if not found:
        raise ValueError("end is 0; an exponential decay needs end > 0")
    best = min(found, key=lambda one: one.loss)
    if not math.isfinite(best.loss):
        raise ValueError(f"law {fit.law.name!r} has no finite value at the end of any schedule")
    if free:
        return _free(plan, best)
    near = window(best.starts, best.losses, best.start, best.loss + fit.training.RMSE)
    schedule = plan.decay(best.shape, best.end, best.start)
    offered = [one.end for one in found if one.shape == best.shape]
    notes = []
    if best.start == plan.steps - 1:
        notes.append(NO_DECAY)
    elif len(offered) > 1 and best.end == min(offered):
        notes.append(
            f"of the ends offered the lowest, {best.end:g}, is the best: laws of the learning rate "
            "know no limit to annealing"
        )
    return _described(plan, schedule, best, near, notes)


def _read_plan(
    fit: Any,
    *,
    steps: Any,
    peak: Any,
    warmup: Any,
    ramp: Any,
    sizes: dict[str, float | None],
    level: Any,
) -> _Plan:
    if not isinstance(fit, Fit):
        raise TypeError(f"fit is a {type(fit).__name__}; expected a Fit (of one group)")
    if not fit.law.uses_schedule:
        raise ValueError(
            f"law {fit.law.name!r} knows no learning-rate schedule, so it cannot choose one"
        )
    if not all(map(math.isfinite, fit.params.values())):
        raise ValueError(f"fit of law {fit.law.name!r} ended without a value: {fit.message}")
    warmup = integer(warmup, field="warmup", lower=0, upper=MOST - 2)
    return _Plan(
        fit=fit,
        steps=integer(steps, field="steps", lower=warmup + 2, upper=MOST),
        peak=real(peak, field="peak", lower=0, upper=MAX_RATE, strict=True),
        warmup=warmup,
        ramp=choose(ramp, RAMPS, field="ramp"),
        sizes=sizes,
        level=real(level, field="level", lower=0, upper=1, strict=True),
    )


def _read_shapes(shape: Any) -> list[Decay]:
    if shape is None:
        return list(DECAYS)
    given = [shape] if isinstance(shape, str) or not isinstance(shape, Iterable) else list(shape)
    if not given:
        raise ValueError("shape is empty; expected at least one")
    return list(dict.fromkeys(choose(one, DECAYS, field="shape") for one in given))


def _read_ends(end: Any, plan: _Plan, free: bool) -> list[float]:
    if end is None:
        return [share * plan.peak for share in ([FLOOR] if free else ENDS)]
    given = list(end) if isinstance(end, Iterable) and not isinstance(end, str) else [end]
    ends = [real(one, field="end", lower=0, upper=plan.peak) for one in given]
    if not ends or (free and len(ends) > 1):
        raise ValueError(f"end has {len(ends)} rates; expected {'one' if free else 'at least one'}")
    drops = any(op == "loss_drop" for op, _, _ in plan.fit.law.instructions)
    if free and drops and ends[0] == 0:
        raise ValueError("end is 0; a loss drop is whole at once where the rate is 0: expected > 0")
    return ends


def _check_known(plan: _Plan, schedule: Schedule) -> None:
    if math.isfinite(plan.interval(schedule)[1]) or not math.isfinite(plan.final(schedule)):
        return
    unknown = ", ".join(plan.fit.undetermined) or "its parameters"
    raise ValueError(
        f"the data of the fit of law {plan.fit.law.name!r} do not determine {unknown}, on which "
        "the final loss depends; runs that decay would"
    )


def _best_start(plan: _Plan, shape: str, end: float) -> _Found:
    final = partial(_final_of, plan, partial(plan.decay, shape, end))
    starts, losses = tried_starts(final, plan.warmup, plan.steps)
    start, loss = refined_start(starts, losses, final, plan.steps)
    return _Found(shape, end, start, loss, starts, losses)


def _free(plan: _Plan, best: _Found) -> ScheduleDesign:
    family = plan.decay(best.shape, best.end, best.start)
    last = LastLoss(plan.fit, family, plan.at_end(family))

    def loss(rates: Floats) -> tuple[float, Floats]:
        value, gradient = last(rates)
        return value if math.isfinite(value) else math.inf, gradient

    begun = (family, plan.make(constant), _best_step(plan, best.end))
    forms = [
        lowest_form(loss, schedule.lr, plan.warmup, best.end)
        for schedule in begun
        if math.isfinite(plan.final(schedule))
    ]
    rates = min(forms, key=lambda form: loss(form)[0])
    start = int(np.flatnonzero(rates[plan.warmup :] >= rates[plan.warmup])[-1]) + plan.warmup
    notes = [
        "a free form follows the law wherever it leads: look at it, and try it, before it is used"
    ]
    if start == plan.steps - 1:
        notes.append(NO_DECAY)
    if not any(op == "loss_drop" for op, _, _ in plan.fit.law.instructions):
        notes.append("laws of S1 and S2 know no rate that falls too suddenly")
    found = replace(best, shape="free", start=start)
    return _described(plan, _as_pieces(rates, plan), found, (start, start), notes)


def _best_step(plan: _Plan, floor: float) -> Schedule:
    """Return the best sudden fall from the peak: of several minima one is often near it."""

    def fallen(second: float, switch: int) -> Schedule:
        return plan.make(two_stage, switch=switch, second=second)

    found = []
    for second in {floor, *(share * plan.peak for share in ENDS if share * plan.peak > floor)}:
        final = partial(_final_of, plan, partial(fallen, second))
        starts, losses = tried_starts(final, plan.warmup + 1, plan.steps)
        start, loss = refined_start(starts, losses, final, plan.steps)
        found.append((loss, second, start))
    _, second, start = min(found)
    return fallen(second, start)


def _final_of(plan: _Plan, made: Callable[[int], Schedule], start: int) -> float:
    return plan.final(made(start))


def _as_pieces(rates: Floats, plan: _Plan) -> Schedule:
    """Return rates, lines between few points after the warm-up, as such lines."""
    ramp = plan.make(constant)._pieces or ()
    after = rates[plan.warmup :]
    tolerance = 1e-9 * plan.peak
    bends = np.flatnonzero(np.abs(np.diff(after, 2)) > tolerance) + 1
    knots = np.concatenate([[0], bends, [after.size - 1]])
    lines = [
        Piece("linear" if start != stop else "constant", int(gap), start, stop, span=int(gap))
        for gap, start, stop in zip(
            np.diff(knots), after[knots[:-1]].tolist(), after[knots[1:]].tolist(), strict=True
        )
    ]
    if lines[-1].shape == "constant":
        lines[-1] = lines[-1]._replace(steps=lines[-1].steps + 1)
    else:
        lines.append(Piece("constant", 1, float(after[-1])))
    pieces = [*ramp[: 1 if plan.warmup else 0], *lines]
    return Schedule.from_pieces(pieces, warmup=plan.warmup)


def _described(
    plan: _Plan, schedule: Schedule, best: _Found, near: tuple[int, int], notes: list[str]
) -> ScheduleDesign:
    if not plan.fit.success:
        notes.append(f"the fit it rests on ended as {plan.fit.status!r}")
    lower, upper = plan.interval(schedule)
    loss = plan.final(schedule)
    if plan.fit.options.space == "log" and not loss > 0:
        notes.append("no loss is below 0: this is too far from what the law was fitted to")
    return ScheduleDesign(
        schedule=schedule,
        shape=best.shape,
        start=best.start,
        end=best.end,
        loss=loss,
        lower=lower,
        upper=upper,
        level=plan.level,
        window=near,
        baselines=tuple(_baselines(plan, schedule, best.end)),
        notes=tuple(notes),
    )


def _baselines(plan: _Plan, design: Schedule, end: float) -> Iterable[Baseline]:
    late = max(plan.warmup, plan.steps - max(1, round(LAST_PART * plan.steps)))
    usual: dict[str, Callable[..., Schedule]] = {
        "cosine": partial(cosine, end=end),
        "linear": partial(linear, end=end),
        f"linear over the last {LAST_PART:.0%}": partial(wsd, end=end, decay_start=late),
        "constant": constant,
    }
    asked = plan.at_end(design)
    for name, kind in usual.items():
        schedule = plan.make(kind)
        lower, upper = plan.interval(schedule)
        loss = plan.final(schedule)
        low, high = difference(plan.fit, plan.at_end(schedule), asked, plan.level)
        gain = loss - plan.final(design)
        yield Baseline(name, schedule, loss, lower, upper, gain, float(low[0]), float(high[0]))
