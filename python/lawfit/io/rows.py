"""What readers of logs give: rows of named numbers, and which name means what."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple, Protocol

from lawfit._printable import printable, shown
from lawfit._validate import EXACT_LIMIT, closest

__all__ = [
    "MAX_NAMES",
    "Reader",
    "Restart",
    "Row",
    "find_loss",
    "find_lr",
    "find_step",
    "is_loss",
    "is_plain_loss",
    "unknown_name",
    "whole_step",
]

MAX_NAMES: Final = 4096  # columns, or keys of all rows

# Normalised as `_plain` does; the first that is there is taken.
_STEPS: Final = (
    "global_step", "trainer_global_step", "train_global_step", "step", "_step", "steps",
    "iteration", "iterations", "iter", "num_updates", "train_num_updates", "update", "updates",
    "update_step", "optimizer_step",
)  # fmt: skip
_RATES: Final = (
    "lr", "learning_rate", "train_lr", "train_learning_rate", "optim_lr", "lr_0", "lr_group_0",
    "learning_rate_0", "lr_adamw", "lr_adam", "lr_sgd",
)  # fmt: skip
_WHOSE: Final = "train|training|val|valid|validation|eval|evaluation|test|lm|mean|step|ce"
_LOSS: Final = re.compile(rf"((?:{_WHOSE})_)*(?:loss|nll|cross_entropy)(_(?:{_WHOSE}))*")


class Row(NamedTuple):
    """Numbers logged at a step, by name; those that are missing are left out."""

    step: int
    values: Mapping[str, float]


class Restart(Row):
    """A session starts over: what was logged before at its step and later is void; no values."""


class Reader(Protocol):
    """A log that is read as it grows. After a refusal it is of no more use: open the log again.

    Attributes
    ----------
    title : str
        The format, for people.
    restarts : int
        How often the log was started over; when a read changes it, the rows of earlier reads no
        longer count.
    more : bool
        Whether the last read left something to be read at once.
    total : int or None
        Steps of the whole run, where the log says so.
    translated : bool
        Whether steps are 0-based whatever the log counts, because the format says what it does.
    """

    title: str
    total: int | None
    translated: bool

    @property
    def restarts(self) -> int:
        """How often the log was started over."""

    @property
    def more(self) -> bool:
        """Whether the last read left something."""

    def notes(self) -> list[str]:
        """Say what was passed over, and what waits."""

    def read(self) -> list[Row]:
        """Return the rows that are new, of a block of bounded size.

        Raises
        ------
        ValueError
            Naming file, line or record, field and value.
        OSError
            If the file can't be read.
        """


def _plain(name: str) -> str:
    """Return a name as the lists above spell it: ``train/Loss`` as ``train_loss``."""
    return re.sub(r"[\s/.\-:|]+", "_", name.strip().casefold())


def _first(names: Iterable[str], known: Iterable[str]) -> str | None:
    by_plain = {_plain(name): name for name in reversed(list(names))}
    return next((by_plain[plain] for plain in known if plain in by_plain), None)


def find_step(names: Collection[str]) -> str | None:
    """Return the name that counts steps, or None."""
    return _first(names, _STEPS)


def find_lr(names: Collection[str]) -> str | None:
    """Return the name of the learning rate, or None."""
    return _first(names, _RATES)


def is_loss(name: str) -> bool:
    """Say whether a name is one of a loss: loss, train/loss, val_loss and the like."""
    return _LOSS.fullmatch(_plain(name)) is not None


def is_plain_loss(name: str) -> bool:
    """Say whether a name is no more than "loss"."""
    return _plain(name) == "loss"


def find_loss(names: Collection[str], source: str) -> str | None:
    """Return the name of the loss, or None if there is none.

    A name that is plainly "loss" goes before others.

    Raises
    ------
    ValueError
        If there are several, listing them.
    """
    found = [name for name in names if is_loss(name)]
    plain = [name for name in found if is_plain_loss(name)]
    if len(plain) == 1 or len(found) == 1:
        return (plain or found)[0]
    if found:
        listed = ", ".join(repr(printable(name)) for name in found)
        raise ValueError(f"{source}: several names are of a loss: {listed}; choose one by its name")
    return None


def whole_step(value: object, where: str) -> int:
    """Return a step as an int, or refuse what is no whole number from 0 to 2**53 - 1."""
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else -1
    if not (0 <= number < EXACT_LIMIT and number == int(number)):
        raise ValueError(f"{where} is {shown(value)}; expected a whole number from 0 to 2**53 - 1")
    return int(number)


def unknown_name(name: str, names: Iterable[str]) -> str:
    """Say that a name that was asked for is not there, and what is."""
    return f"there is no {shown(name)}{closest(name, map(printable, names))}"
