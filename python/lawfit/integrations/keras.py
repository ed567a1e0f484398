"""Forecasts in a run of Keras's `Model.fit`."""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Final

import keras  # type: ignore[import-not-found, unused-ignore]

from lawfit._validate import integer
from lawfit.integrations._rates import Rates
from lawfit.integrations.schedules import keras_rates
from lawfit.integrations.tracker import Tracker
from lawfit.law import Law
from lawfit.schedule import Schedule

__all__ = ["LawfitCallback"]

# Windows of an epoch, at most: Keras adds up in float32, which rounds the sum of k batches to
# k·6e-8 of one batch's loss each time. At 30 000 batches that leaves the mean of a window 1e-4.
WINDOWS: Final = 1000


class LawfitCallback(keras.callbacks.Callback):  # type: ignore[misc, unused-ignore]
    """Puts a forecast of the final loss among what Keras logs at the end of an epoch.

    There and in the History that `fit` returns; put the callback first, so that CSVLogger,
    TensorBoard and others after it see the forecasts too. They are NaN until there is one. All
    reports, also those within epochs, are in `history`.

    What Keras tells of a batch is the mean loss of the epoch so far, M_k after k batches. The mean
    of batches j + 1 … k is (k·M_k - j·M_j)/(k - j), and stands for the step at their centre. That
    takes batches to be of one size; an epoch's last, which may be smaller, is left out. As M_k is
    rounded, long epochs are read in windows of several batches: where the loss bends within one, as
    in a short warm-up, the mean is not the loss of its centre, and `skip_steps` leaves that out. A
    NaN stays in the mean till the epoch ends, so all the rest of it is skipped.

    The learning rate of every step comes from the optimizer's LearningRateSchedule. Any other is
    read once an epoch, and forecasts are as if it were held to the end: give `schedule` where
    LearningRateScheduler or ReduceLROnPlateau will change it. Steps are those of
    ``optimizer.iterations``, so a second `fit` of a model goes on with them; with
    gradient_accumulation_steps, updates.

    Parameters
    ----------
    law, schedule, **options
        As of `Tracker`; `schedule` goes before the optimizer's. `on_error="raise"` lets errors end
        the run. `main_process` is by default whether this is jax's process 0, where Keras runs on
        jax.
    steps : int, optional
        Updates of the whole run; by default those of `fit`, where it knows the batches of an epoch.
    window : int, optional
        Batches that a point is the mean of; by default a thousandth of an epoch.
    running_mean : bool
        False where `train_step` is one's own and returns the loss of its batch, so that each is a
        point.

    Raises
    ------
    TypeError, ValueError
        As `Tracker`.

    Attributes
    ----------
    tracker : Tracker
    history : dict of str to list of float
        What was reported, and at which ``"step"``.

    Examples
    --------
    >>> model.fit(x, y, epochs=10, callbacks=[LawfitCallback(target=0.2)])
    """

    # Keras may hand over batches from threads of its own then, and need not wait for each.
    async_safe = True

    def __init__(
        self,
        law: Law | str = "annealing",
        schedule: object = None,
        *,
        steps: int | None = None,
        window: int | None = None,
        running_mean: bool = True,
        main_process: bool | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        main = _is_main_process() if main_process is None else main_process
        self.tracker = Tracker(law, schedule, main_process=main, **options)
        self.history: dict[str, list[float]] = {"step": []}
        self._steps = None if steps is None else integer(steps, field="steps", lower=1)
        self._window = None if window is None else integer(window, field="window", lower=1)
        self._running_mean = running_mean
        self._unknown = self._names(options.get("prefix", "lawfit/"))
        self._latest = self._unknown
        self._begun = False
        self._rates: Rates | None = None
        self._gathered = 1  # batches of an update
        self._before = 0  # batches before this epoch
        self._batches = 0  # of this epoch, so far
        self._arrived: deque[tuple[int, float]] = deque()  # batches done, their mean loss
        self._newest = 0, 0.0  # of those that came in order
        self._last = 0, 0.0  # where the last window ended, and the mean there
        self._observed = -1

    def _names(self, prefix: str) -> dict[str, float]:
        names = ["final_loss", "anomaly"]
        names += ["final_loss_lower", "final_loss_upper"] if self.tracker.level is not None else []
        names += ["eta_step"] if self.tracker.target is not None else []
        return {prefix + name: math.nan for name in names}

    def on_train_begin(self, logs: Any = None) -> None:
        """Start another run."""
        self._begun = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start another mean; at the first epoch, take the schedule."""
        self._before += self._batches
        self._batches, self._last, self._newest = 0, (0, 0.0), (0, 0.0)
        self._arrived.clear()
        if not self._begun:
            self._begun = True
            self._observed = -1
            self.tracker.begin(lambda: self._plan(epoch))
            self.tracker.guard(self._count, None)

    def _count(self) -> None:
        """Find where the run is: a model may have been trained before."""
        optimizer = self._optimizer()
        self._gathered = optimizer.gradient_accumulation_steps or 1
        self._before = int(optimizer._iterations)

    def _plan(self, epoch: int) -> Schedule:
        self._count()
        steps = self._steps
        if steps is None:
            epochs, batches = self.params.get("epochs"), self.params.get("steps")
            if not epochs or not batches:
                raise ValueError("how many batches an epoch has is not known; give steps")
            steps = -(-(self._before + (epochs - epoch) * batches) // self._gathered)
        optimizer = self._optimizer()
        schedule = optimizer._learning_rate
        if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
            self._rates = None
            # Keras counts batches in a schedule; an update is made at the last of its own
            rates = keras_rates(schedule, steps * self._gathered)
            return Schedule(rates[self._gathered - 1 :: self._gathered])
        self._rates = Rates(steps, [(0, float(optimizer.learning_rate))])
        return self._rates.schedule()

    def _optimizer(self) -> Any:
        """Return the model's optimizer, out of the one that scales its loss."""
        optimizer = self.model.optimizer
        return getattr(optimizer, "inner_optimizer", optimizer)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Read and report, if that is due, what the batches before brought."""
        if self.tracker.active:
            self.tracker.guard(lambda: self._follow(batch), None)

    def _follow(self, batch: int) -> None:
        step = (self._before + batch) // self._gathered
        if batch == 0 and self._rates is not None:
            if self._rates.add(step, float(self._optimizer().learning_rate)):
                self.tracker.replan(self._rates.schedule)
        elif self.tracker.due(step):
            self._observe(ended=False)
            self._keep(self.tracker.report(step), step)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Take the mean loss so far; Keras may call this from any thread, in any order."""
        if self.tracker.active and logs and "loss" in logs:
            self._arrived.append((batch + 1, logs["loss"]))

    def _observe(self, *, ended: bool) -> None:
        """Hand the windows that are complete to the tracker."""
        for first, done, loss in self._windows(ended):
            step = (self._before + (first + done - 1) // 2) // self._gathered
            if step > self._observed:
                self._observed = step
                self.tracker.observe(step, loss)

    def _windows(self, ended: bool) -> Iterator[tuple[int, int, float]]:
        """Yield the first batch of each window, the one after its last, and its mean loss."""
        least = self._batches_of_a_window()
        for done, mean in self._in_order(ended):
            if not self._running_mean:
                yield done - 1, done, mean
            else:
                last, before = self._last
                sure = self._newest  # not the epoch's last, as one has come after it
                self._newest = done, mean
                if sure[0] - last >= least:
                    self._last = sure
                    yield last, sure[0], (sure[0] * sure[1] - last * before) / (sure[0] - last)
        done, mean = self._newest
        if ended and done and self._last[0] == 0:
            self._last = self._newest
            yield 0, done, mean

    def _in_order(self, ended: bool) -> list[tuple[int, float]]:
        """Return what has arrived up to the first batch that has not, or all at an epoch's end."""
        arrived = sorted(self._arrived.popleft() for _ in range(len(self._arrived)))
        together = self.model.steps_per_execution
        n = 0
        while n < len(arrived) and (ended or arrived[n][0] == self._batches + together):
            self._batches = arrived[n][0]
            n += 1
        self._arrived.extendleft(reversed(arrived[n:]))
        return arrived[:n]

    def _batches_of_a_window(self) -> int:
        if self._window is not None:
            return self._window
        batches = self.params.get("steps") or 0
        return self._gathered * max(1, -(-batches // (WINDOWS * self._gathered)))

    def _keep(self, found: dict[str, float], step: int) -> None:
        if not found:
            return
        self._latest = self._unknown | found
        self.history["step"].append(step)
        for name, value in self._latest.items():
            self.history.setdefault(name, []).append(value)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Put the latest forecast among what is logged."""
        self.tracker.guard(lambda: self._end(epoch), None)
        if logs is not None:
            logs.update(self._latest)

    def _end(self, epoch: int) -> None:
        self._observe(ended=True)
        last = epoch + 1 == self.params.get("epochs")
        step = self._newest_step()
        self._keep(self.tracker.finish() if last else self.tracker.report(step), step)

    def _newest_step(self) -> int:
        return max(0, (self._before + self._batches) // self._gathered - 1)

    def on_train_end(self, logs: Any = None) -> None:
        """Make the last forecast, of a run that was stopped early too."""
        if self._newest_step() not in self.history["step"][-1:]:
            self._keep(self.tracker.finish(), self._newest_step())

    def state_dict(self) -> dict[str, Any]:
        """Return the points so far as plain JSON values, to be kept beside a checkpoint."""
        return {"tracker": self.tracker.state_dict()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned, before `fit` is called."""
        self.tracker.guard(lambda: self.tracker.load_state_dict(state_dict["tracker"]), None)


def _is_main_process() -> bool:
    if keras.backend.backend() != "jax":
        return True
    return bool(sys.modules["jax"].process_index() == 0)
