"""Schedules that a framework's scheduler will make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

__all__ = ["FromFrameworks"]


class FromFrameworks:
    """How `lawfit.Schedule` is made from what a training framework has.

    The frameworks are optional: only the one asked for is needed, and none is imported by lawfit.
    """

    __slots__ = ()

    def __init__(self, lr: object, *, warmup: int | None = None) -> None:
        raise NotImplementedError  # Schedule's

    @classmethod
    def from_torch(
        cls,
        scheduler: Any,
        steps: int,
        *,
        group: int = 0,
        every: int = 1,
        past: object = None,
        warmup: int | None = None,
    ) -> Self:
        """Build the schedule that a PyTorch scheduler will make.

        The LR of step t is the one that update t is made with: after t calls of ``step()``. A
        LambdaLR is evaluated as it is; any other is copied, with an optimizer of its own, and the
        copy stepped, which takes some microseconds a step. The scheduler and its optimizer are left
        as they are.

        One that was stepped before is given from step 0 on all the same: its copy starts again,
        and must come to the rate that the scheduler is at. Where it does not (the LR was changed
        by hand, or a scheduler of one's own keeps more than ``last_epoch``), what came before is
        to be given as `past`.

        Parameters
        ----------
        scheduler : torch.optim.lr_scheduler.LRScheduler
            Any whose ``step()`` needs no argument, SequentialLR and ChainedScheduler too.
        steps : int
            Updates to the planned end of the run.
        group : int
            The optimizer's parameter group whose LR is taken; by default the first.
        every : int
            Updates between two calls of ``step()``: for one called once an epoch, the updates of
            an epoch.
        past : array-like, shape (k·every,), optional
            LR of the updates made before the k calls of ``step()`` so far.
        warmup : int, optional
            As in `Schedule`.

        Raises
        ------
        TypeError
            If it is no scheduler.
        ValueError
            If it can't be replayed (ReduceLROnPlateau follows the loss), has no rate for a step
            (OneCycleLR beyond its total_steps), or `past` is missing or of another length.

        Examples
        --------
        >>> optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
        >>> scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10_000)
        >>> schedule = lf.Schedule.from_torch(scheduler, 10_000)
        """
        from lawfit.integrations import schedules  # noqa: PLC0415 - made of Schedule itself

        rates = schedules.torch_rates(scheduler, steps, group=group, every=every, past=past)
        return cls(rates, warmup=warmup)

    @classmethod
    def from_transformers(
        cls,
        source: Any,
        steps: int | None = None,
        *,
        peak: float | None = None,
        warmup_steps: int | None = None,
        options: Mapping[str, Any] | None = None,
        group: int = 0,
        past: object = None,
        warmup: int | None = None,
    ) -> Self:
        """Build the schedule of a run of transformers.

        Parameters
        ----------
        source : TrainingArguments, str or scheduler
            The arguments of the run; or a name that ``transformers.get_scheduler`` knows; or what
            it returned, which is taken as by `from_torch`.
        steps : int, optional
            Updates of the whole run; by default the arguments' ``max_steps``.
        peak : float, optional
            The optimizer's LR; needed with a name, by default the arguments' ``learning_rate``.
        warmup_steps : int, optional
            With a name 0 by default, otherwise the arguments'.
        options : mapping, optional
            ``lr_scheduler_kwargs``, as ``{"num_decay_steps": 2000}``.
        group, past, warmup
            As in `from_torch`.

        Raises
        ------
        TypeError, ValueError
            As by `from_torch` and ``get_scheduler``, and if the number of steps or the peak is not
            known.

        Examples
        --------
        >>> schedule = lf.Schedule.from_transformers("cosine", 10_000, peak=3e-4, warmup_steps=500)
        >>> schedule = lf.Schedule.from_transformers(training_arguments, 10_000)
        """
        from lawfit.integrations import schedules  # noqa: PLC0415 - made of Schedule itself

        rates = schedules.transformers_rates(
            source,
            steps,
            peak=peak,
            warmup_steps=warmup_steps,
            options=options,
            group=group,
            past=past,
        )
        return cls(rates, warmup=warmup)

    @classmethod
    def from_optax(cls, schedule: Any, steps: int, *, warmup: int | None = None) -> Self:
        """Build the schedule of an optax schedule, or of any function of the step.

        If jax is loaded, all steps are evaluated together, with the precision that jax uses in an
        update (float32 unless told otherwise); a function that can't be is called for each step.

        Parameters
        ----------
        schedule : callable or float
            LR as a function of the updates made before, an int or an array of them; or a constant.
        steps : int
            Updates of the whole run.
        warmup : int, optional
            As in `Schedule`.

        Raises
        ------
        TypeError, ValueError
            If a rate is no number, not finite or negative; the message names its step.

        Examples
        --------
        >>> cosine = optax.warmup_cosine_decay_schedule(0.0, 3e-4, 500, decay_steps=10_000)
        >>> schedule = lf.Schedule.from_optax(cosine, 10_000)
        """
        from lawfit.integrations import schedules  # noqa: PLC0415 - made of Schedule itself

        return cls(schedules.optax_rates(schedule, steps), warmup=warmup)

    @classmethod
    def from_keras(cls, schedule: Any, steps: int, *, warmup: int | None = None) -> Self:
        """Build the schedule of a Keras LearningRateSchedule.

        Parameters
        ----------
        schedule : keras.optimizers.schedules.LearningRateSchedule or float
            Called with the steps 0 … `steps` - 1, together where it takes them; or a constant.
        steps : int
            Updates of the whole run.
        warmup : int, optional
            As in `Schedule`.

        Raises
        ------
        TypeError, ValueError
            If a rate is no number, not finite or negative; the message names its step.

        Examples
        --------
        >>> cosine = keras.optimizers.schedules.CosineDecay(3e-4, decay_steps=10_000)
        >>> schedule = lf.Schedule.from_keras(cosine, 10_000)
        """
        from lawfit.integrations import schedules  # noqa: PLC0415 - made of Schedule itself

        return cls(schedules.keras_rates(schedule, steps), warmup=warmup)
