"""Work beside a training run: on a time of its own, and never the run's end."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from lawfit._validate import choose, flag

__all__ = ["Guarded"]

T = TypeVar("T")


class Guarded:
    """Does its work in one process, counts the time it takes, and stops at the first error.

    Attributes
    ----------
    main_process : bool
        Whether this process is the one that works.
    error : Exception or None
        What ended the work.
    seconds : float
        Time taken in all.
    """

    def __init__(self, on_error: str, main_process: bool) -> None:
        self._on_error = choose(on_error, ("warn", "raise"), field="on_error")
        self.main_process = flag(main_process, field="main_process")

    def _restart(self) -> None:
        self.error: Exception | None = None
        self.seconds = 0.0
        self._guarding = False

    def _give_up(self) -> None:
        """Let go of what is not needed after an error."""
        raise NotImplementedError

    @property
    def active(self) -> bool:
        """Whether there is work: in the main process, without an error so far."""
        return self.main_process and self.error is None

    def guard(self, action: Callable[[], T], otherwise: T) -> T:
        """Do something that must not end the run, such as what a callback does beside a tracker.

        An error becomes one RuntimeWarning and ends the work, unless errors are to be raised.
        KeyboardInterrupt and what else is no Exception passes.

        Parameters
        ----------
        action : callable without arguments
        otherwise
            What to return where it fails, the work has ended, or this is not the main process.
        """
        if not self.active:
            return otherwise
        if self._guarding:
            return action()
        start = time.perf_counter()
        self._guarding = True
        try:
            with np.errstate(all="ignore"):  # a loop may have made errors of what is looked at here
                return action()
        except Exception as error:
            if self._on_error == "raise":
                raise
            self.error = error
            self._give_up()
        finally:
            self._guarding = False
            self.seconds += time.perf_counter() - start
        warnings.warn(
            f"lawfit makes no more forecasts of this run: {type(self.error).__name__}: "
            f"{self.error}",
            RuntimeWarning,
            stacklevel=3,
        )
        return otherwise
